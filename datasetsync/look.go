package datasetsync

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/mistralobs/mistralobs-go"
)

// dataset returns the dataset. The error matches [mistralobs.ErrNotFound] if it does not exist.
func (s *session) dataset(ctx context.Context) (*mistralobs.Dataset, error) {
	dataset, err := s.client.Datasets.Get(ctx, s.datasetID)
	if err == nil && dataset.DeletedAt != nil {
		return nil, s.errorf("dataset %s: %w: it was deleted", display(s.datasetID), mistralobs.ErrNotFound)
	}
	return dataset, err
}

// looker reads the current state of records.
type looker struct {
	*session
	size int // the approximate number of records of the dataset
}

// walks reports whether a walk over the dataset takes fewer requests than n requests for single
// records.
func (l looker) walks(n int) bool { return n > l.size/mistralobs.MaxPageSize+1 }

// look reads records and calls visit for each, with nil if the record does not exist. No ID may
// appear twice in ids. look sends one request per record, or walks over the dataset if that takes
// fewer requests. If the walk does not find a record, look requests it singly, because a page may
// have shifted.
func (l looker) look(ctx context.Context, ids []string, visit func(id string, record *mistralobs.Record) error) error {
	if l.walks(len(ids)) {
		missing := make(map[string]bool, len(ids))
		for _, id := range ids {
			missing[id] = true
		}
		for record, err := range l.client.Records.All(ctx, l.datasetID, mistralobs.ListParams{}) {
			if err != nil {
				return err
			}
			if !missing[record.ID] || record.DeletedAt != nil {
				continue
			}
			if err := visit(record.ID, record); err != nil {
				return err
			}
			if delete(missing, record.ID); len(missing) == 0 {
				return nil
			}
		}
		ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !missing[id] })
	}
	type found struct {
		record *mistralobs.Record
		err    error
	}
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	get := func(id string) (f found) {
		f.record, f.err = l.get(reading, id)
		return f
	}
	stop := func() bool { return ctx.Err() != nil }
	for id, found := range parallel(ids, l.options.Concurrency, stop, get) {
		err := found.err
		if err == nil {
			err = visit(id, found.record)
		}
		if err != nil {
			cancel()
			return err
		}
	}
	return ctx.Err()
}

// get returns a record, or nil if the dataset does not have it. If there is no such dataset, the
// error matches [mistralobs.ErrNotFound].
func (l looker) get(ctx context.Context, id string) (*mistralobs.Record, error) {
	record, err := l.client.Records.Get(ctx, id)
	if errors.Is(err, mistralobs.ErrNotFound) {
		_, err = l.dataset(ctx)
		return nil, err
	}
	if err != nil || record.DeletedAt != nil {
		return nil, err
	}
	return record, nil
}

// explain finds the differences of updates, and reads the records to delete if the plan shows them
// in full.
func (s *session) explain(ctx context.Context, p *Plan) error {
	shown := map[string]*Item{}
	for i := range p.Update[:p.shown(p.Update)] {
		shown[p.Update[i].RecordID] = &p.Update[i]
	}
	if p.full {
		for i := range p.Delete {
			shown[p.Delete[i].RecordID] = &p.Delete[i]
		}
	}
	visit := func(id string, record *mistralobs.Record) error { return shown[id].explain(record, p) }
	return looker{s, p.size()}.look(ctx, slices.Collect(maps.Keys(shown)), visit)
}

// explain finds the differences of an update, or keeps the record to delete, unless it has changed
// since the comparison.
func (i *Item) explain(record *mistralobs.Record, p *Plan) error {
	if record == nil || contentOf(record.Payload, record.Properties, p.KeepProperties) != i.known().old {
		return nil
	}
	before := [2]mistralobs.Object{record.Payload, orEmpty(record.Properties)}
	if !i.writes() {
		return i.keep(p.bodies, before[0], before[1])
	}
	after, err := i.parts()
	if err != nil {
		return err
	}
	before[1] = without(before[1], p.KeepProperties)
	for n, path := range []string{"payload", "properties"} {
		if after[n] != nil {
			found, more := differences(path, before[n], after[n], p.full)
			i.Differences = append(i.Differences, found...)
			i.MoreDifferences += more
		}
	}
	return nil
}
