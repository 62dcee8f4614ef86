package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/mistralobs/mistralobs-go"
)

// delete reads the records, and deletes those that have not changed, in batches. See the package comment.
func (r *run) delete(ctx context.Context, todo []change) {
	if !r.startPhase(ctx, PhaseDelete, len(todo)) {
		return
	}
	if !r.looker.walks(len(idsOf(todo))) {
		// Small batches, so that little time passes between reading a record and deleting it.
		for batch := range slices.Chunk(todo, min(r.options.Concurrency, mistralobs.MaxBulkDelete)) {
			r.deleteBatch(ctx, r.stillPlanned(ctx, batch))
		}
		return
	}
	var group errgroup.Group
	group.SetLimit(r.options.Concurrency)
	for batch := range slices.Chunk(r.stillPlanned(ctx, todo), mistralobs.MaxBulkDelete) {
		group.Go(func() error {
			r.deleteBatch(ctx, batch)
			return nil
		})
	}
	_ = group.Wait() // always nil
}

// idsOf returns the IDs of the records to read before deletions, each once: those to delete, and those to keep in their
// place.
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
		add(c.item.kept)
	}
	return ids
}

// state is what a deletion has to know of a record. A record that does not exist has the zero state.
type state struct {
	exists  bool
	content content
	objects bool   // its payload and properties are objects
	key     digest // of the plan's key
}

// replaces reports whether s has the key of a duplicate that is to be deleted. A zero key is none.
func (s state) replaces(duplicate state) bool { return s.key != digest{} && s.key == duplicate.key }

// stillPlanned reads the records of deletions, and returns the deletions whose records have not changed. It records the
// outcome of the others.
func (r *run) stillPlanned(ctx context.Context, batch []change) (todo []change) {
	if r.isAborted(ctx) {
		return nil
	}
	ids := idsOf(batch)
	now := make(map[string]state, len(ids))
	err := r.looker.look(ctx, ids, func(i int, record *mistralobs.Record) error {
		s := state{exists: record != nil}
		if s.exists {
			s.content, s.objects = contentNow(record)
			s.key = keyOf(record.Properties, r.plan.Key).digest
		}
		now[ids[i]] = s
		return nil
	})
	for _, c := range batch {
		switch record, seen := now[c.result.RecordID]; {
		case seen && !record.exists:
			r.record(OutcomeAlreadyDone, nil, c)
		case seen && !r.options.Force && (!record.objects || record.content != c.item.old):
			r.recordError(ctx, ErrRecordChanged, c)
		case err != nil:
			r.recordError(ctx, err, c)
		case c.item.kept != "" && !now[c.item.kept].replaces(record):
			r.recordError(ctx, &keptGoneError{c.item.kept}, c)
		default:
			todo = append(todo, c)
		}
	}
	return todo
}

// keptGoneError means that a record is the last one with its key, because the one to keep is gone. It matches
// [ErrRecordChanged].
type keptGoneError struct{ kept string }

func (e *keptGoneError) Error() string {
	const text = "it is not deleted, because record %s, which the plan keeps in its place, is gone or has another key"
	return fmt.Sprintf(text, display(e.kept))
}

func (e *keptGoneError) Unwrap() error { return ErrRecordChanged }

func (r *run) deleteBatch(ctx context.Context, batch []change) {
	if len(batch) == 0 || r.isAborted(ctx) {
		return
	}
	ids := make([]string, len(batch))
	for i, c := range batch {
		ids[i] = c.result.RecordID
	}
	err := r.client.Records.DeleteAll(ctx, ids)
	switch {
	case err == nil:
		r.record(OutcomeDone, nil, batch...)
	case errors.Is(err, mistralobs.ErrNotFound): // somebody has just deleted one of them
		r.deleteEach(ctx, r.stillPlanned(ctx, batch))
	default:
		r.recordError(ctx, err, batch...)
	}
}

func (r *run) deleteEach(ctx context.Context, batch []change) {
	for _, c := range batch {
		if r.isAborted(ctx) {
			return
		}
		err := r.client.Records.Delete(ctx, c.result.RecordID)
		switch {
		case err == nil:
			r.record(OutcomeDone, nil, c)
		case errors.Is(err, mistralobs.ErrNotFound):
			r.record(OutcomeAlreadyDone, nil, c)
		default:
			r.recordError(ctx, err, c)
		}
	}
}
