package datasetsync

import (
	"context"
	"iter"

	"github.com/mistralobs/mistralobs-go"
)

// Diff compares a dataset with the wanted records and returns the changes that would make it equal
// to them. It changes nothing. datasetID is an ID or a slug.
//
// If options.Key is set, a record matches the wanted record that has the same value of this
// property. Otherwise records match by content. Contents are equal if they are equal as JSON: the
// order of members and white space make no difference, and numbers compare by value, without
// rounding (1 equals 1.0). Diff ignores JSONLRecord.Extra, and records of the dataset whose
// DeletedAt is set.
//
// Diff ranges over want once, in the caller's goroutine. It uses a record only until the loop goes
// on, so want may yield the same record again with other content. At the first record, Diff waits
// for running imports into the dataset, and reads the dataset. It checks ctx before each record,
// but cannot end a want that blocks. To find the differences of updates, Diff reads the old records
// once more: one request for each, or the whole dataset if that takes fewer requests.
//
// Close the plan after use. Diff returns an error that matches
//
//   - [mistralobs.ErrInvalidParams] if a parameter is invalid, or if options.Delete is set and
//     there is no wanted record (see Options.AllowEmpty); nothing was sent then,
//   - [mistralobs.ErrNotFound] if there is no such dataset, or it was deleted,
//   - [ErrNoKey] if a wanted record does not have the key,
//   - [ErrDuplicateKeys] if several wanted records have the same key, or several records of the
//     dataset,
//   - [ErrDatasetChanging] if somebody added or deleted records during each of three readings,
//   - [mistralobs.ErrTimeout] if an import still runs after options.MaxTaskWait.
//
// It also returns an error if the payload or the properties of a wanted record are not a JSON
// object in UTF-8, the error of want, and errors of requests.
func Diff(
	ctx context.Context, client *mistralobs.Client, datasetID string, want iter.Seq2[*mistralobs.JSONLRecord, error],
	options Options,
) (*Plan, error) {
	s, err := newSession(ctx, "diff", client, datasetID, options)
	if err != nil {
		return nil, err
	}
	plan, err := s.diff(ctx, want)
	if err != nil {
		return nil, err
	}
	if err := s.explain(ctx, plan); err != nil {
		_ = plan.Close()
		return nil, err
	}
	return plan, nil
}

// Sync makes a dataset equal to the wanted records. It is [Diff] and [Plan.Apply] in one call, and
// does not read the whole dataset again before creations. If it succeeds and nobody else changes
// the dataset, the next Sync has nothing to do.
//
// After a failure or an interruption, call Sync again. It waits for imports that still run,
// compares again, and makes the changes that are missing. It does not create a record that the
// dataset already has. If the error matches [mistralobs.ErrMaybeApplied], wait some seconds first:
// the service may be about to start an import that nobody can see yet.
//
// An update replaces the payload and the properties as a whole. A property that the wanted record
// lacks is removed, such as a score that [mistralobs.RecordsService.Edit] has written, unless
// [Options.KeepProperties] names it.
//
// Sync returns the errors of Diff and Apply.
func Sync(
	ctx context.Context, client *mistralobs.Client, datasetID string, want iter.Seq2[*mistralobs.JSONLRecord, error],
	options Options,
) (*Report, error) {
	s, err := newSession(ctx, "sync", client, datasetID, options)
	if err != nil {
		return nil, err
	}
	plan, err := s.diff(ctx, want)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	if err := s.checkDeletes(plan); err != nil {
		return nil, err
	}
	return newRun(s, plan).finish(ctx)
}

// Apply makes the changes of a plan: creations, then updates, then deletions. It skips changes that
// are made already, so you can apply a plan again after an interruption. The second run also
// completes an update that wrote only the payload.
//
// Apply leaves a record alone if it has changed since the plan was made. With a key, it also leaves
// a record alone that somebody else has created under the key of a creation, with other content. If
// options.Force is set, Apply overwrites or deletes such records. Apply reads each record before it
// writes or deletes it; the package comment says which changes by others it can miss. It creates
// records in the order of the plan. It ignores Options.Key, KeepProperties, Delete, AllowEmpty,
// Duplicates and Full: the plan decides.
//
// If one record fails, Apply goes on with the others. A failed import ends only the creations. If a
// creation or an update was not made, Apply deletes nothing: without a key, an edit is a creation
// and a deletion, and the deletion alone would lose the record. Apply stops at a failure that all
// records would meet: 401, 403, no API key, no such dataset, or the end of ctx. If not all changes
// were made, Apply returns an error beside the report, which has the result of each item. The error
// matches [ErrRecordChanged] if records were left alone, [mistralobs.ErrRecordsSkipped] if an
// import skipped records, and [mistralobs.ErrMaybeApplied] if it is not known how many records the
// service has created: the response was lost, the import still runs, or it ended badly and has no
// result.
//
// Apply changes nothing, and returns a nil report, if a request fails before the first change. It
// does the same with an error that matches
//
//   - [mistralobs.ErrInvalidParams] if a parameter is invalid or the plan is closed,
//   - [ErrTooManyDeletes] if the plan has more deletions than options.MaxDeletes,
//   - [mistralobs.ErrTimeout] if an earlier import still runs after options.MaxTaskWait,
//   - [ErrDatasetChanging] as Diff does, if the plan has creations,
//   - [ErrNoKey] if a creation of the plan does not have the key,
//   - [ErrDuplicateKeys] if the plan creates a key twice.
func (p *Plan) Apply(ctx context.Context, client *mistralobs.Client, options Options) (*Report, error) {
	datasetID := ""
	if p != nil {
		datasetID = p.DatasetID
	}
	s, err := newSession(ctx, "apply a plan", client, datasetID, options)
	if err != nil {
		return nil, err
	}
	if p.isClosed() {
		return nil, s.invalid("plan", "it is nil or closed")
	}
	if err := s.checkDeletes(p); err != nil {
		return nil, err
	}
	if err := s.awaitImports(ctx); err != nil {
		return nil, err
	}
	r := newRun(s, p)
	if err := r.findCreated(ctx); err != nil {
		return nil, err
	}
	return r.finish(ctx)
}

func (s *session) checkDeletes(p *Plan) error {
	if n := len(p.Delete); s.options.MaxDeletes > 0 && n > s.options.MaxDeletes {
		return s.errorf("dataset %s: %w: %d, and MaxDeletes is %d",
			display(p.DatasetID), ErrTooManyDeletes, n, s.options.MaxDeletes)
	}
	return nil
}
