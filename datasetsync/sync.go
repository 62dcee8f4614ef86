package datasetsync

import (
	"context"
	"iter"

	"github.com/mistralobs/mistralobs-go"
)

// Diff compares a dataset with the wanted records and returns the changes that would make it equal to them. It changes
// nothing. The dataset is given by its id or slug.
//
// Records are matched by options.Key, otherwise by content. Contents are equal if they are equal as JSON: the order of
// names and white space do not count, and numbers compare by value, without rounding (1 equals 1.0). The Extra of a
// wanted record does not count. Only objects are compared: a record of the dataset whose payload or properties are
// another JSON value is listed in Plan.LeftAlone.
//
// Diff first waits for imports into the dataset that still run, then reads the dataset, then the wanted records. The
// sequence runs in a goroutine, so that the end of ctx ends Diff even if the sequence blocks. The differences of
// updates need the old records, which Diff then reads once more: each for itself, or all by one walk over the dataset
// if that takes fewer requests.
//
// Close the plan after use. Diff returns an error that matches
//
//   - [mistralobs.ErrInvalidParams] if options are out of range, or if options.Delete is set and there are no wanted
//     records (see AllowEmpty); nothing was sent then,
//   - [ErrNoKey] if a wanted record lacks the key,
//   - [ErrDuplicateKeys] if wanted records, or records of the dataset, have the same key,
//   - [ErrDatasetChanging] if records were added or deleted each time the dataset was read,
//   - [mistralobs.ErrTimeout] if an import still runs after options.MaxTaskWait,
//
// or the error of the sequence, or one of a request.
func Diff(
	ctx context.Context, client *mistralobs.Client, datasetID string, want iter.Seq2[*mistralobs.JSONLRecord, error],
	options Options,
) (*Plan, error) {
	s, err := newSession(ctx, client, datasetID, options)
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

// Sync makes a dataset equal to the wanted records: it is [Diff] and [Plan.Apply] in one, without a second look at the
// whole dataset. If it succeeds and nobody else changes the dataset, the next Sync has nothing to do. After a failure
// or an interruption, call it again: it goes on from the state of the dataset, and creates nothing twice.
// It returns the errors of Diff and Apply.
func Sync(
	ctx context.Context, client *mistralobs.Client, datasetID string, want iter.Seq2[*mistralobs.JSONLRecord, error],
	options Options,
) (*Report, error) {
	s, err := newSession(ctx, client, datasetID, options)
	if err != nil {
		return nil, err
	}
	plan, err := s.diff(ctx, want)
	if err != nil {
		return nil, err
	}
	defer plan.Close()
	if err := plan.checkDeletes(s.options); err != nil {
		return nil, err
	}
	return newRun(s, plan).finish(ctx)
}

// Apply carries out a plan: creations, then updates, then deletions. Changes that are already made are not made again,
// so a plan can be applied again after an interruption, and an update of which one half was written is completed.
//
// A record that has changed since the plan was made is left alone, as is a record that the plan creates and somebody
// else has created with other content, unless options.Force is set. Apply reads each record right before it writes or
// deletes it; see the package comment for the window that remains. New records come in the order of the plan.
// Options.Key, Delete, AllowEmpty, Duplicates and Full do not count here: the plan decides.
//
// The report says what became of each item, also if Apply returns an error. The error matches [ErrRecordChanged] if
// records were left alone, and [mistralobs.ErrMaybeApplied] if the service may have created records whose response was
// lost or whose import still runs. The failure of one record does not end the others; failures that all would meet
// (401, 403, no such dataset, the end of ctx) do.
//
// Apply returns an error that matches [mistralobs.ErrInvalidParams] if the plan is closed, [ErrTooManyDeletes] if it
// deletes more than options.MaxDeletes, and [ErrDatasetChanging] as Diff does; nothing was changed then.
func (p *Plan) Apply(ctx context.Context, client *mistralobs.Client, options Options) (*Report, error) {
	if p == nil || p.bodies == nil {
		return nil, invalid("plan", "it is nil or closed")
	}
	s, err := newSession(ctx, client, p.DatasetID, options)
	if err != nil {
		return nil, err
	}
	if err := p.checkDeletes(s.options); err != nil {
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
