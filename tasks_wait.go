package mistralobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// The defaults of [WaitOptions].
const (
	defaultMinPoll = 500 * time.Millisecond
	defaultMaxPoll = 30 * time.Second
)

const (
	// pollShare is the share of the time waited that passes before the next poll.
	pollShare = 10
	// maxPollFailures is how many polls in a row may fail, each after the client's own retries.
	maxPollFailures = 5
	// appearTime is how long a task may be unknown: a read can lag behind the creation before it.
	appearTime = 10 * time.Second
	// maxConcurrentPolls is how many requests WaitAll has in flight.
	maxConcurrentPolls = 16
)

// WaitOptions sets how [TasksService.Wait] and [TasksService.WaitAll] poll. Its zero value is a
// sensible default.
type WaitOptions struct {
	// MinPoll and MaxPoll limit the pause between two polls of a task, which is a tenth of the time
	// waited so far. The defaults are 500 ms and 30 s.
	MinPoll, MaxPoll time.Duration
	// OnUpdate, if set, is called with a task after its first poll, and after every poll that shows
	// another status, progress or message. It runs in the goroutine that called Wait or WaitAll. A
	// slow OnUpdate delays the wait.
	OnUpdate func(*ImportTask)
}

func (o WaitOptions) withDefaults() (WaitOptions, error) {
	switch {
	case o.MinPoll < 0:
		return o, invalid("MinPoll", "it must not be negative, got %v", o.MinPoll)
	case o.MaxPoll < 0:
		return o, invalid("MaxPoll", "it must not be negative, got %v", o.MaxPoll)
	}
	if o.MaxPoll == 0 {
		o.MaxPoll = max(defaultMaxPoll, o.MinPoll)
	}
	if o.MinPoll == 0 {
		o.MinPoll = min(defaultMinPoll, o.MaxPoll)
	}
	if o.MaxPoll < o.MinPoll {
		return o, invalid("MaxPoll", "it must be at least MinPoll, which is %v, got %v", o.MinPoll, o.MaxPoll)
	}
	if o.OnUpdate == nil {
		o.OnUpdate = func(*ImportTask) {}
	}
	return o, nil
}

// Wait polls a task with [TasksService.Get] until it ends, and returns its last state. It polls at
// once, and then after a tenth of the time waited so far, within [WaitOptions].MinPoll and MaxPoll.
// It does not poll before the end of a Retry-After.
//
// If the task ends as COMPLETED, Wait returns no error, even if the service has skipped records:
// compare the counts in [ImportTask].Result. If the task ends in another status, or no longer
// exists, Wait returns a [*TaskError] together with the last state of the task. It goes on while
// the status is not final ([TaskStatus.Done]).
//
// Each poll is retried as [RetryPolicy] says. Wait goes on after up to four polls in a row that
// still fail with a transient error: a network error, or status 408, 429, 500, 502, 503 or 504. A
// poll that fails with a Retry-After does not count. For the first 10 seconds, Wait also goes on if
// the service does not know the task yet. It returns other errors at once.
//
// Give the context a deadline, because a task can run forever. When the context ends, Wait returns
// the last state of the task and an error that matches the context's error.
func (s *TasksService) Wait(
	ctx context.Context, datasetID, taskID string, options WaitOptions, opts ...CallOption,
) (*ImportTask, error) {
	options, err := options.withDefaults()
	_, optsErr := s.client.settings(opts)
	err = cmp.Or(checkContext(ctx), checkID("datasetID", datasetID), checkID("taskID", taskID), err, optsErr)
	if err != nil {
		return nil, attempted("wait for import task", err)
	}
	w := waiter{tasks: s, options: options, opts: opts, datasetID: datasetID, taskID: taskID}
	return w.wait(ctx)
}

// WaitAll waits for many tasks at once, each as in [TasksService.Wait], and returns their last
// states in the given order, even with an error. If a task ends in a status other than COMPLETED,
// WaitAll still waits for the others, and joins the [*TaskError] values. If a task no longer
// exists, or Wait would return another error, WaitAll stops all waits and joins that error. It does
// not poll a task whose status is already final.
//
// It returns an error that matches [ErrInvalidParams] if a task is nil or opts has a
// [WithResponse].
func (s *TasksService) WaitAll(
	ctx context.Context, tasks []*ImportTask, options WaitOptions, opts ...CallOption,
) ([]*ImportTask, error) {
	options, err := options.withDefaults()
	if i := slices.Index(tasks, nil); err == nil && i >= 0 {
		err = invalid("tasks", "the task at index %d is nil", i)
	}
	optsErr := s.client.checkBulk(opts)
	if err = cmp.Or(checkContext(ctx), err, optsErr); err != nil {
		return nil, attempted("wait for import tasks", err)
	}
	return s.waitAll(ctx, tasks, options, opts)
}

// taskEnd is how the wait for a task has ended.
type taskEnd struct {
	index int
	task  *ImportTask
	err   error
}

func (s *TasksService) waitAll(
	ctx context.Context, tasks []*ImportTask, options WaitOptions, opts []CallOption,
) ([]*ImportTask, error) {
	var waits sync.WaitGroup
	defer waits.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	abandoned := make(chan struct{}) // OnUpdate has panicked
	defer close(abandoned)
	onUpdate := options.OnUpdate
	updates, ends := make(chan *ImportTask), make(chan taskEnd)
	options.OnUpdate = func(task *ImportTask) {
		select {
		case updates <- task:
		case <-abandoned:
		}
	}
	slots := make(chan struct{}, maxConcurrentPolls)
	for i, task := range tasks {
		waits.Go(func() {
			w := waiter{
				tasks: s, options: options, opts: opts, datasetID: task.DatasetID, taskID: task.ID,
				task: task, slots: slots,
			}
			end := taskEnd{index: i}
			end.task, end.err = w.wait(ctx)
			select {
			case ends <- end:
			case <-abandoned:
			}
		})
	}
	last := make([]*ImportTask, len(tasks))
	var first error // that ended all waits
	errs := make([]error, len(tasks))
	for left := len(tasks); left > 0; {
		select {
		case task := <-updates:
			onUpdate(task)
		case end := <-ends:
			left--
			last[end.index] = end.task
			switch {
			case !endsAllWaits(end.err):
				errs[end.index] = end.err
			case first == nil: // the errors of the waits that it cancels say nothing new
				first = end.err
				cancel()
			}
		}
	}
	return last, errors.Join(append([]error{first}, errs...)...)
}

// endsAllWaits reports whether the error of one wait ends the other waits of a WaitAll.
func endsAllWaits(err error) bool {
	var ended *TaskError
	return err != nil && (!errors.As(err, &ended) || errors.Is(err, ErrNotFound))
}

// waiter waits for one task.
type waiter struct {
	tasks     *TasksService
	options   WaitOptions
	opts      []CallOption
	datasetID string
	taskID    string
	task      *ImportTask   // as last seen, or as the caller gave it
	slots     chan struct{} // shared by the polls of a WaitAll; nil in a Wait
	started   time.Time
	polled    bool // a poll has returned task
	failures  int  // polls in a row that failed
}

func (w *waiter) wait(ctx context.Context) (*ImportTask, error) {
	w.started = time.Now()
	if w.task != nil && w.task.Status.Done() {
		w.options.OnUpdate(w.task)
		return w.task, w.result()
	}
	for {
		err := w.poll(ctx)
		switch {
		case err != nil && !w.goesOn(ctx, err):
			return w.task, w.failed(ctx, err)
		case err == nil && w.task.Status.Done():
			return w.task, w.result()
		}
		after := retryAfterOf(err)
		pause := max(w.pause(), after)
		if deadline, ok := ctx.Deadline(); ok && after > 0 && time.Until(deadline) < pause {
			return w.task, w.failed(ctx, err)
		}
		if transport.Sleep(ctx, pause) != nil {
			return w.task, w.failed(ctx, err)
		}
	}
}

// poll requests the task once, and reports a change.
func (w *waiter) poll(ctx context.Context) error {
	task, err := w.get(ctx)
	if err != nil {
		return err
	}
	changed := !w.polled || !sameState(w.task, task)
	w.task, w.polled, w.failures = task, true, 0
	if changed {
		w.options.OnUpdate(task)
	}
	return nil
}

func (w *waiter) get(ctx context.Context) (*ImportTask, error) {
	if w.slots != nil {
		select {
		case w.slots <- struct{}{}:
			defer func() { <-w.slots }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return w.tasks.Get(ctx, w.datasetID, w.taskID, w.opts...)
}

// pause returns the pause before the next poll. It is slightly random, so that waits that start
// together drift apart.
func (w *waiter) pause() time.Duration {
	pause := min(time.Since(w.started)/pollShare, w.options.MaxPoll)
	return max(pause-rand.N(pause/10+1), w.options.MinPoll)
}

// goesOn reports whether to go on after a poll that failed.
func (w *waiter) goesOn(ctx context.Context, err error) bool {
	switch {
	case ctx.Err() != nil:
		return false
	case errors.Is(err, ErrNotFound):
		return !w.polled && time.Since(w.started) < appearTime
	case !IsTransient(err):
		return false
	case retryAfterOf(err) > 0: // it may be that of another call, and longer than MaxWait
		return true
	}
	w.failures++
	return w.failures < maxPollFailures
}

// failed returns the error that ends the wait. err is that of the last poll, or nil.
func (w *waiter) failed(ctx context.Context, err error) error {
	switch ended := ctx.Err(); {
	case err == nil:
		err = ended
	case ended != nil && !errors.Is(err, ended):
		err = fmt.Errorf("%w: %w", ended, bare(err))
	case ended == nil && errors.Is(err, ErrNotFound) && w.task != nil:
		return &TaskError{Task: w.task, err: err}
	}
	return fmt.Errorf("mistralobs: wait for import task %s: %w", w.taskID, bare(err))
}

// result returns nil or a *TaskError for a task that has ended.
func (w *waiter) result() error {
	if w.task.Status.Succeeded() {
		return nil
	}
	return &TaskError{Task: w.task}
}

func sameState(a, b *ImportTask) bool {
	return a.Status == b.Status && equal(a.Progress, b.Progress) && equal(a.Message, b.Message)
}

func equal[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
