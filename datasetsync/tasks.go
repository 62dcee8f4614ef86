package datasetsync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

// awaitImports waits for imports that still run, such as one of a sync that was interrupted.
// A task runs until its status is final; see [mistralobs.TaskStatus.Done].
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
	limit := newTaskLimit(ctx, s.options.MaxTaskWait)
	defer limit.stop()
	limit.start()
	for i, task := range running {
		s.options.OnProgress(Progress{PhaseWait, i, len(running)})
		last, err := s.client.Tasks.Wait(limit.ctx, s.datasetID, task.ID, mistralobs.WaitOptions{})
		var failed *mistralobs.TaskError // not an error of this sync: its records are missing, and are created
		if err != nil && !errors.As(err, &failed) {
			return limit.explain(err, cmp.Or(last, task))
		}
	}
	if len(running) > 0 {
		s.options.OnProgress(Progress{PhaseWait, len(running), len(running)})
	}
	return nil
}

// taskLimit ends the wait for imports after Options.MaxTaskWait. Its context has no deadline, so
// that its end cannot be taken for that of the caller's context.
type taskLimit struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	after  time.Duration
	timer  *time.Timer // nil until start
}

var errTaskLimit = errors.New("MaxTaskWait has passed")

func newTaskLimit(ctx context.Context, after time.Duration) *taskLimit {
	limited, cancel := context.WithCancelCause(ctx)
	return &taskLimit{ctx: limited, cancel: cancel, after: after}
}

// start starts the time. Starting again does nothing.
func (l *taskLimit) start() {
	if l.timer == nil {
		l.timer = time.AfterFunc(l.after, func() { l.cancel(errTaskLimit) })
	}
}

func (l *taskLimit) stop() {
	if l.timer != nil {
		l.timer.Stop()
	}
	l.cancel(nil)
}

// explain returns the error of a wait. It says so if MaxTaskWait has ended the wait. That error
// does not match [context.Canceled], since the caller has canceled nothing.
func (l *taskLimit) explain(err error, task *mistralobs.ImportTask) error {
	if context.Cause(l.ctx) != errTaskLimit || !errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("datasetsync: import task %s still has the status %s after %v (MaxTaskWait): %w: %s",
		display(task.ID), display(string(cmp.Or(task.Status, mistralobs.StatusUnknown))), l.after,
		mistralobs.ErrTimeout, err.Error())
}
