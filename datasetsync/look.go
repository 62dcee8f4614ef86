package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mistralobs/mistralobs-go"
)

// looker reads the current state of records.
type looker struct {
	session
	size int // the approximate number of records of the dataset
}

// visitor is called with the i-th record, or with nil if the record does not exist.
type visitor func(i int, record *mistralobs.Record) error

// pages returns the number of requests of a walk over the dataset.
func (l looker) pages() int { return l.size/mistralobs.MaxPageSize + 1 }

// walks reports whether a walk over the dataset takes fewer requests than n requests for single records.
func (l looker) walks(n int) bool { return n > l.pages() }

// look reads records and calls visit for each. No ID may appear twice in ids. Calls of visit do not overlap. look sends
// one request per record, or walks over the dataset if that takes fewer requests. If the walk does not find a record,
// look requests it singly, because a page may have shifted.
func (l looker) look(ctx context.Context, ids []string, visit visitor) error {
	if !l.walks(len(ids)) {
		return l.getAll(ctx, ids, nil, visit)
	}
	missing := make(map[string]int, len(ids))
	for i, id := range ids {
		missing[id] = i
	}
	for record, err := range l.client.Records.All(ctx, l.datasetID, mistralobs.ListParams{}) {
		if err != nil {
			return err
		}
		i, ok := missing[record.ID]
		if !ok {
			continue
		}
		if err := visit(i, record); err != nil {
			return err
		}
		if delete(missing, record.ID); len(missing) == 0 {
			return nil
		}
	}
	return l.getAll(ctx, ids, missing, visit)
}

// getAll requests records singly: those in only, or all if only is nil.
func (l looker) getAll(ctx context.Context, ids []string, only map[string]int, visit visitor) error {
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(l.options.Concurrency)
	var mu sync.Mutex
	for i, id := range ids {
		if _, ok := only[id]; only != nil && !ok {
			continue
		}
		if reading.Err() != nil {
			break
		}
		group.Go(func() error {
			record, err := l.get(reading, id)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			return visit(i, record)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// get returns a record, or nil if it does not exist.
func (l looker) get(ctx context.Context, id string) (*mistralobs.Record, error) {
	record, err := l.client.Records.Get(ctx, id)
	if errors.Is(err, mistralobs.ErrNotFound) {
		return nil, nil
	}
	return record, err
}

// explain finds the differences of updates.
func (s *session) explain(ctx context.Context, p *Plan) error {
	items := p.Update
	if !p.full {
		items = items[:min(len(items), maxPrinted)]
	}
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].RecordID
	}
	l := looker{*s, p.size()}
	return l.look(ctx, ids, func(i int, record *mistralobs.Record) error { return items[i].explain(record, p) })
}

// explain finds the differences of an update, unless the record has changed since the comparison.
func (i *Item) explain(record *mistralobs.Record, p *Plan) error {
	if now, ok := contentNow(record); !ok || now != i.old {
		return nil
	}
	payload, err := i.Payload()
	if err != nil {
		return err
	}
	properties, err := i.Properties()
	if err != nil {
		return err
	}
	var more int
	if payload != nil {
		i.Differences, i.MoreDifferences = differences("payload", record.Payload, payload, p.full)
	}
	if properties != nil {
		var found []Difference
		found, more = differences("properties", orEmpty(record.Properties), properties, p.full)
		i.Differences = append(i.Differences, found...)
		i.MoreDifferences += more
	}
	return nil
}

// contentNow returns the content of a record. It returns false if the record is nil, or if its payload or properties
// are not objects.
func contentNow(record *mistralobs.Record) (c content, ok bool) {
	if record == nil || !startsObject(record.Payload) || !startsObject(orEmpty(record.Properties)) {
		return c, false
	}
	return contentOf(record.Payload, record.Properties), true
}

// awaitImports waits for imports that still run, such as one of a sync that was interrupted. CONTINUED_AS_NEW, UNKNOWN
// and statuses that the SDK does not know are not ends.
func (s *session) awaitImports(ctx context.Context) error {
	var running []*mistralobs.ImportTask
	for task, err := range s.client.Tasks.All(ctx, s.datasetID, mistralobs.ListParams{}) {
		if err != nil {
			return err
		}
		if !task.Status.Done() {
			running = append(running, task)
		}
	}
	deadline := time.Now().Add(s.options.MaxTaskWait)
	for i, task := range running {
		s.options.OnProgress(Progress{PhaseWait, i, len(running)})
		var failed *mistralobs.TaskError // not an error of this sync: its records are missing, and are created
		if _, err := s.waitForTask(ctx, task.ID, deadline, nil); err != nil && !errors.As(err, &failed) {
			return err
		}
	}
	if len(running) > 0 {
		s.options.OnProgress(Progress{PhaseWait, len(running), len(running)})
	}
	return nil
}

// waitForTask waits for the end of a task until the deadline. onUpdate may be nil.
func (s *session) waitForTask(
	ctx context.Context, taskID string, deadline time.Time, onUpdate func(*mistralobs.ImportTask),
) (*mistralobs.ImportTask, error) {
	bounded, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	task, err := s.client.Tasks.Wait(bounded, s.datasetID, taskID, mistralobs.WaitOptions{OnUpdate: onUpdate})
	var failed *mistralobs.TaskError
	var network *mistralobs.NetworkError // a poll that the rate limit delays beyond MaxTaskWait is not sent
	timedOut := bounded.Err() != nil || errors.As(err, &network) && network.RetryAfter > 0
	if err == nil || ctx.Err() != nil || errors.As(err, &failed) || !timedOut {
		return task, err
	}
	status := mistralobs.StatusUnknown
	if task != nil {
		status = task.Status
	}
	return task, fmt.Errorf("datasetsync: import task %s still has the status %s after %v (MaxTaskWait): %w: %w",
		display(taskID), display(string(status)), s.options.MaxTaskWait, mistralobs.ErrTimeout, err)
}
