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

// The bounds of the pause between two looks at a task; see [WithPollInterval].
const (
	DefaultMinPoll = 200 * time.Millisecond
	DefaultMaxPoll = 30 * time.Minute
)

// maxPollFailures is how many looks in a row may fail, each after the client's
// own retries, before a wait gives up.
const maxPollFailures = 5

// maxConcurrentPolls is how many looks WaitAll takes at once.
const maxConcurrentPolls = 16

// WaitOption sets how [TasksService.Wait] and [TasksService.WaitAll] wait.
type WaitOption func(*waitConfig) error

type waitConfig struct {
	minPoll, maxPoll time.Duration
	onUpdate         func(*ImportTask)
}

// WithPollInterval bounds the pause between two looks at a task. The defaults
// are [DefaultMinPoll] and [DefaultMaxPoll]. A smaller most sees the end of a
// long task that shows no progress sooner, at the price of more looks.
func WithPollInterval(least, most time.Duration) WaitOption {
	return func(c *waitConfig) error {
		if least <= 0 || most < least {
			return invalid("WithPollInterval", "it must be 0 < min <= max, got %v and %v", least, most)
		}
		c.minPoll, c.maxPoll = least, most
		return nil
	}
}

// OnTaskUpdate calls f with a task when it is first seen and whenever its
// status, progress or message has changed, the end included. Calls do not
// overlap, whatever the number of tasks; a slow f delays the wait.
func OnTaskUpdate(f func(*ImportTask)) WaitOption {
	return func(c *waitConfig) error {
		c.onUpdate = f
		return nil
	}
}

func newWaitConfig(opts []WaitOption) (*waitConfig, error) {
	c := &waitConfig{minPoll: DefaultMinPoll, maxPoll: DefaultMaxPoll}
	var errs []error
	for _, opt := range opts {
		if opt != nil {
			errs = append(errs, opt(c))
		}
	}
	return c, errors.Join(errs...)
}

// Wait looks at a task until it has ended, and returns it. It looks at once,
// then after pauses that grow with the time waited, and goes by the task's
// progress, if it shows any, to look when its end is near.
//
// A task of up to an hour takes at most 40 looks. If its progress is steady, its
// end is seen within half a second or 5 % of its duration, whichever is more; if
// it comes in leaps, later. Without progress nothing can tell both few looks and
// an end: then it is seen within about half a second in the first three seconds, and
// later within about a third of the task's duration ([WithPollInterval] bounds that).
//
// If the task ends in any other way than COMPLETED, or vanishes, Wait returns a
// [*TaskError] with the task as last seen beside it. Statuses that are no end
// ([TaskStatus.Done]) are waited out. Failures to look that may pass (of the
// network, 408, 429, 500, 502, 503, 504) are survived unless five come in a
// row; others are returned at once. The context ends the wait, with the last
// seen task beside its error; give it a deadline, since a task can run for as
// long as it likes.
func (s *TasksService) Wait(ctx context.Context, datasetID, taskID string, opts ...WaitOption) (*ImportTask, error) {
	cfg, err := newWaitConfig(opts)
	if err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, errNilContext
	}
	return s.newWaiter(cfg, datasetID, taskID, nil).wait(ctx)
}

// WaitAll waits for tasks as Wait does for one, all at once, and returns them
// as last seen, in the order given. A task that ends badly does not end the
// wait for the others: their [*TaskError] are joined. A task that vanishes and
// any failure to look do end it. Tasks that have ended already are not asked for.
func (s *TasksService) WaitAll(ctx context.Context, tasks []*ImportTask, opts ...WaitOption) ([]*ImportTask, error) {
	cfg, err := newWaitConfig(opts)
	if err != nil {
		return nil, err
	}
	for i, task := range tasks {
		if task == nil {
			return nil, invalid("tasks", "the one at index %d is nil", i)
		}
	}
	if ctx == nil {
		return nil, errNilContext
	}
	cfg.onUpdate = oneAtATime(cfg.onUpdate)
	return s.waitAll(ctx, cfg, tasks)
}

func (s *TasksService) waitAll(ctx context.Context, cfg *waitConfig, tasks []*ImportTask) ([]*ImportTask, error) {
	group, ctx := errgroup.WithContext(ctx)
	seen := make([]*ImportTask, len(tasks))
	errs := make([]error, len(tasks))
	slots := make(chan struct{}, maxConcurrentPolls)
	for i, task := range tasks {
		group.Go(func() error {
			w := s.newWaiter(cfg, task.DatasetID, task.ID, task)
			w.slots = slots
			seen[i], errs[i] = w.wait(ctx)
			if fatal(errs[i]) {
				return errs[i]
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		// The others were canceled because of it, but for those that had ended.
		errs = slices.DeleteFunc(errs, fatal)
		return seen, errors.Join(append([]error{err}, errs...)...)
	}
	return seen, errors.Join(errs...)
}

// fatal tells whether the end of one wait ends those beside it.
func fatal(err error) bool {
	var ended *TaskError
	return err != nil && (!errors.As(err, &ended) || errors.Is(err, ErrNotFound))
}

func oneAtATime(f func(*ImportTask)) func(*ImportTask) {
	if f == nil {
		return nil
	}
	// A channel and not a mutex: who waits for a mutex stops the clock of a
	// testing/synctest bubble, and f may well sleep in one.
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
	cfg       *waitConfig
	datasetID string
	taskID    string
	task      *ImportTask   // as last seen
	seen      bool          // the service has shown it
	slots     chan struct{} // shared by the looks of a WaitAll; nil for one alone
	schedule  *poll.Schedule
	failures  int // looks in a row
}

// newWaiter returns a waiter for a task, which may be known from before.
func (s *TasksService) newWaiter(cfg *waitConfig, datasetID, taskID string, known *ImportTask) *waiter {
	return &waiter{
		tasks: s, cfg: cfg, datasetID: datasetID, taskID: taskID, task: known,
		schedule: poll.NewSchedule(cfg.minPoll, cfg.maxPoll),
	}
}

func (w *waiter) wait(ctx context.Context) (*ImportTask, error) {
	if w.task != nil && w.task.Status.Done() {
		w.report()
		return w.task, w.verdict()
	}
	for {
		if err := w.look(ctx); err != nil {
			return w.task, err
		}
		if w.task != nil && w.task.Status.Done() {
			return w.task, w.verdict()
		}
		pause := w.schedule.NextAfterFailure
		if w.failures == 0 {
			pause = func() time.Duration { return w.schedule.Next(w.progress()) }
		}
		if err := transport.Sleep(ctx, pause()); err != nil {
			return w.task, w.interrupted(err)
		}
	}
}

func (w *waiter) interrupted(err error) error {
	return fmt.Errorf("mistralobs: waiting for import task %s: %w", w.taskID, err)
}

func (w *waiter) verdict() error {
	if w.task.Status.Succeeded() {
		return nil
	}
	return &TaskError{Task: w.task}
}

// look asks for the task. It returns the failures that end the wait.
func (w *waiter) look(ctx context.Context) error {
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
		return w.lookFailed(ctx, err)
	}
	w.failures = 0
	changed := !w.seen || !sameState(w.task, task)
	w.task, w.seen = task, true
	if changed {
		w.report()
	}
	return nil
}

func (w *waiter) lookFailed(ctx context.Context, err error) error {
	w.failures++
	switch {
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		return w.interrupted(fmt.Errorf("%w: %w", ctx.Err(), err))
	case errors.Is(err, ErrNotFound) && w.task != nil:
		return &TaskError{Task: w.task, err: err}
	case !transient(err) || w.failures >= maxPollFailures:
		return w.interrupted(err)
	}
	return nil
}

// transient tells whether a failed look may succeed later.
func transient(err error) bool {
	var answer *Error
	if errors.As(err, &answer) {
		return retryableStatus(answer.StatusCode)
	}
	var network *NetworkError
	return errors.As(err, &network) && !permanent(err)
}

func (w *waiter) report() {
	if w.cfg.onUpdate != nil {
		w.cfg.onUpdate(w.task)
	}
}

func (w *waiter) progress() *int {
	if w.task == nil {
		return nil
	}
	return w.task.Progress
}

func sameState(a, b *ImportTask) bool {
	return a.Status == b.Status && equal(a.Progress, b.Progress) && equal(a.Message, b.Message)
}

func equal[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}
