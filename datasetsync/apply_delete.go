package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mistralobs/mistralobs-go"
)

// delete reads the records, and deletes those that have not changed, in batches. See the package
// comment.
func (r *run) delete(ctx context.Context, todo []change) {
	if !r.startPhase(ctx, PhaseDelete, len(todo)) {
		return
	}
	if !r.looker.walks(len(idsOf(todo))) {
		// Small batches, so that little time passes between reading a record and deleting it.
		for batch := range slices.Chunk(todo, min(r.options.Concurrency, mistralobs.MaxBulkDelete)) {
			planned := r.stillPlanned(ctx, batch, OutcomeAlreadyDone)
			r.deleted(ctx, planned, r.sendDelete(ctx, planned))
		}
		return
	}
	batches := slices.Collect(slices.Chunk(r.stillPlanned(ctx, todo, OutcomeAlreadyDone), mistralobs.MaxBulkDelete))
	stop := func() bool { return r.isAborted(ctx) }
	work := func(batch []change) error { return r.sendDelete(ctx, batch) }
	for batch, err := range parallel(batches, r.options.Concurrency, stop, work) {
		r.deleted(ctx, batch, err)
	}
}

// idsOf returns the IDs of the records to read before deletions, each once: those to delete, and
// those to keep in their place.
func idsOf(batch []change) (ids []string) {
	seen := map[string]bool{"": true}
	add := func(id string) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	for _, c := range batch {
		add(c.result.RecordID)
		add(c.item.known().kept)
	}
	return ids
}

// current is what a deletion has to know of a record. A record that does not exist has the zero
// current.
type current struct {
	exists  bool
	content content
	key     digest // of the plan's key
}

// replaces reports whether c has the key of a duplicate that is to be deleted. A zero key is none.
func (c current) replaces(duplicate current) bool { return c.key != digest{} && c.key == duplicate.key }

// stillPlanned reads the records of deletions, and returns the deletions whose records have not
// changed. It records the outcome of the others. gone is that of records that do not exist.
func (r *run) stillPlanned(ctx context.Context, batch []change, gone Outcome) (todo []change) {
	if r.isAborted(ctx) {
		return nil
	}
	ids := idsOf(batch)
	now := make(map[string]current, len(ids))
	err := r.looker.look(ctx, ids, func(id string, record *mistralobs.Record) error {
		if now[id] = (current{}); record != nil {
			now[id] = current{
				true, contentOf(record.Payload, record.Properties, r.plan.KeepProperties),
				keyOf(record.Properties, r.plan.Key).digest,
			}
		}
		return nil
	})
	for _, c := range batch {
		switch record, seen := now[c.result.RecordID]; {
		case seen && !record.exists:
			r.record(gone, nil, c)
		case seen && !r.options.Force && record.content != c.item.known().old:
			r.recordError(ctx, ErrRecordChanged, c)
		case err != nil && r.isAborted(ctx): // the error of the first deletion is enough
		case err != nil:
			r.recordError(ctx, err, c)
		case c.item.known().kept != "" && !now[c.item.known().kept].replaces(record):
			const text = "%w: record %s, which the plan keeps in its place, is gone or has another key"
			r.recordError(ctx, fmt.Errorf(text, ErrRecordChanged, display(c.item.known().kept)), c)
		default:
			todo = append(todo, c)
		}
	}
	return todo
}

// sendDelete sends one request, once.
func (r *run) sendDelete(ctx context.Context, batch []change) error {
	ids := make([]string, len(batch))
	for i, c := range batch {
		ids[i] = c.result.RecordID
	}
	if len(ids) == 0 {
		return nil
	}
	return r.once.Records.DeleteAll(ctx, ids)
}

// deleted records the outcome of sendDelete. If the request may be sent again, deleted reads the
// records before that.
func (r *run) deleted(ctx context.Context, batch []change, err error) {
	for try := 1; len(batch) > 0; try++ {
		gone := OutcomeDone // if this run or somebody else has deleted the record, in spite of the error
		switch {
		case err == nil:
			r.record(OutcomeDone, nil, batch...)
			return
		case errors.Is(err, mistralobs.ErrNotFound) && try < maxTries: // somebody has just deleted one of them
			gone = OutcomeAlreadyDone
		case !mayRepeat(ctx, err, try):
			r.recordError(ctx, err, batch...)
			return
		}
		batch = r.stillPlanned(ctx, batch, gone)
		err = r.sendDelete(ctx, batch)
	}
}
