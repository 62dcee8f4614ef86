package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mistralobs/mistralobs-go/internal/poll"
	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// The defaults of [WaitOptions].
const (
	defaultMinPoll = 200 * time.Millisecond
	defaultMaxPoll = 30 * time.Minute
)

// maxPollFailures is how many polls in a row may fail, each after the client's
// own retries, before a wait gives up.
const maxPollFailures = 5

// maxConcurrentPolls is how many requests WaitAll has in flight.
const maxConcurrentPolls = 16

// WaitOptions sets how [TasksService.Wait] and [TasksService.WaitAll] poll. Its zero value is a
// sensible default.
type WaitOptions struct {
	// MinPoll and MaxPoll limit the pause between two polls of a task. The defaults are 200 ms and
	// 30 minutes. A task that reports no progress may end up to MaxPoll before the wait notices. A
	// smaller MaxPoll notices sooner, and costs more requests.
	MinPoll, MaxPoll time.Duration
	// OnUpdate, if set, is called with a task after its first poll, and after
	// every poll that shows another status, progress or message. Calls never
	// overlap, whatever the number of tasks. A slow OnUpdate delays the wait.
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
	return o, nil
}

// Wait polls a task with [TasksService.Get] until it ends, and returns its last state. It polls
// immediately, and then after growing pauses. If the task reports progress, Wait estimates the end
// and polls close to it.
//
// With the default options, Wait polls at most 40 times in the first hour, including polls that
// fail. With steady progress, it notices the end within half a second or 5 % of the task's
// duration, whichever is more. If the progress jumps, it can be later. Without progress, it takes
// about half a second for tasks of up to three seconds, and up to about a third of the duration for
// longer ones. [WaitOptions].MaxPoll limits that.
//
// If the task ends in a status other than COMPLETED, or no longer exists, Wait returns a
// [*TaskError] together with the last state of the task. It goes on while the status is not final
// ([TaskStatus.Done]). Each poll is retried as [RetryPolicy] says. Wait goes on after up to four
// polls in a row that still fail with a transient error: a network error, or status 408, 429, 500,
// 502, 503 or 504. It returns other errors at once.
//
// Give the context a deadline, because a task can run forever. When the context ends, Wait returns
// the last state of the task and an error that matches the context's error.
func (s *TasksService) Wait(
	ctx context.Context, datasetID, taskID string, options WaitOptions,
) (*ImportTask, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, errNilContext
	}
	return s.newWaiter(options, datasetID, taskID, nil).wait(ctx)
}

// WaitAll waits for many tasks at once, each as in [TasksService.Wait], and returns their last
// states in the given order, even with an error. If a task ends in a status other than COMPLETED,
// WaitAll still waits for the others, and joins the [*TaskError] values. If a task no longer
// exists, or Wait would return another error, WaitAll stops all waits and joins that error. It does
// not poll a task whose status is already final.
func (s *TasksService) WaitAll(
	ctx context.Context, tasks []*ImportTask, options WaitOptions,
) ([]*ImportTask, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	for i, task := range tasks {
		if task == nil {
			return nil, invalid("tasks", "the task at index %d is nil", i)
		}
	}
	if ctx == nil {
		return nil, errNilContext
	}
	options.OnUpdate = oneAtATime(options.OnUpdate)
	return s.waitAll(ctx, options, tasks)
}

func (s *TasksService) waitAll(ctx context.Context, options WaitOptions, tasks []*ImportTask) ([]*ImportTask, error) {
	group, ctx := errgroup.WithContext(ctx)
	seen := make([]*ImportTask, len(tasks))
	errs := make([]error, len(tasks))
	slots := make(chan struct{}, maxConcurrentPolls)
	for i, task := range tasks {
		group.Go(func() error {
			w := s.newWaiter(options, task.DatasetID, task.ID, task)
			w.slots = slots
			seen[i], errs[i] = w.wait(ctx)
			if endsAllWaits(errs[i]) {
				return errs[i]
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		// The waits that were canceled because of err have nothing to add to it.
		errs = slices.DeleteFunc(errs, endsAllWaits)
		return seen, errors.Join(append([]error{err}, errs...)...)
	}
	return seen, errors.Join(errs...)
}

// endsAllWaits reports whether the error of one wait ends the other waits of a WaitAll.
func endsAllWaits(err error) bool {
	var ended *TaskError
	return err != nil && (!errors.As(err, &ended) || errors.Is(err, ErrNotFound))
}

// oneAtATime returns f with calls that never overlap.
func oneAtATime(f func(*ImportTask)) func(*ImportTask) {
	if f == nil {
		return nil
	}
	// A channel, because a goroutine that waits for a mutex stops the clock of
	// a testing/synctest bubble, and a test may sleep in f.
	turn := make(chan struct{}, 1)
	return func(task *ImportTask) {
		turn <- struct{}{}
		defer func() { <-turn }()
		f(task)
	}
}

// waiter waits for one task.
type waiter struct {
	tasks     *TasksService
	options   WaitOptions
	datasetID string
	taskID    string
	task      *ImportTask   // as last seen, or as the caller gave it
	polled    bool          // a poll has returned task
	slots     chan struct{} // shared by the polls of a WaitAll; nil in a Wait
	schedule  *poll.Schedule
	failures  int // polls in a row that failed
}

// newWaiter returns a waiter for a task. known is the task as the caller has it, or nil.
func (s *TasksService) newWaiter(options WaitOptions, datasetID, taskID string, known *ImportTask) *waiter {
	return &waiter{
		tasks: s, options: options, datasetID: datasetID, taskID: taskID, task: known,
		schedule: poll.NewSchedule(options.MinPoll, options.MaxPoll),
	}
}

func (w *waiter) wait(ctx context.Context) (*ImportTask, error) {
	if w.task != nil && w.task.Status.Done() {
		w.report()
		return w.task, w.result()
	}
	for {
		if err := w.poll(ctx); err != nil {
			return w.task, err
		}
		if w.task != nil && w.task.Status.Done() {
			return w.task, w.result()
		}
		if err := transport.Sleep(ctx, w.pause()); err != nil {
			return w.task, w.interrupted(err)
		}
	}
}

// pause returns the pause after a poll.
func (w *waiter) pause() time.Duration {
	if w.failures > 0 {
		return w.schedule.NextAfterFailure()
	}
	return w.schedule.Next(w.task.Progress)
}

func (w *waiter) interrupted(err error) error {
	return fmt.Errorf("mistralobs: waiting for import task %s: %w", w.taskID, err)
}

// result returns nil or a *TaskError for a task that has ended.
func (w *waiter) result() error {
	if w.task.Status.Succeeded() {
		return nil
	}
	return &TaskError{Task: w.task}
}

// poll requests the task once. It returns an error only if that ends the wait.
func (w *waiter) poll(ctx context.Context) error {
	if w.slots != nil {
		select {
		case w.slots <- struct{}{}:
			defer func() { <-w.slots }()
		case <-ctx.Done():
			return w.interrupted(ctx.Err())
		}
	}
	task, err := w.tasks.Get(ctx, w.datasetID, w.taskID)
	if err != nil {
		return w.pollFailed(ctx, err)
	}
	changed := !w.polled || !sameState(w.task, task)
	w.task, w.polled, w.failures = task, true, 0
	if changed {
		w.report()
	}
	return nil
}

func (w *waiter) pollFailed(ctx context.Context, err error) error {
	w.failures++
	switch {
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return w.interrupted(fmt.Errorf("%w: %w", ctx.Err(), err))
	case errors.Is(err, ErrNotFound) && w.task != nil:
		return &TaskError{Task: w.task, err: err}
	case ctx.Err() != nil || !transient(err) || w.failures >= maxPollFailures:
		return w.interrupted(err)
	}
	return nil
}

// transient reports whether a poll that failed may succeed later.
func transient(err error) bool {
	var answer *Error
	if errors.As(err, &answer) {
		return retryableStatus(answer.StatusCode)
	}
	var network *NetworkError
	return errors.As(err, &network) && !permanent(err)
}

func (w *waiter) report() {
	if w.options.OnUpdate != nil {
		w.options.OnUpdate(w.task)
	}
}

func sameState(a, b *ImportTask) bool {
	return a.Status == b.Status && equal(a.Progress, b.Progress) && equal(a.Message, b.Message)
}

func equal[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
