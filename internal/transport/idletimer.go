package transport

import (
	"context"
	"errors"
	"io"
	"time"
)

// IdleTimer ends a context when no byte has been transferred for some time.
type IdleTimer struct {
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	timeout time.Duration
}

// NewIdleTimer starts a timer. It returns the context that the timer ends. Call Stop when the
// transfer is over.
func NewIdleTimer(ctx context.Context, timeout time.Duration) (context.Context, *IdleTimer) {
	t := &IdleTimer{timeout: timeout}
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	t.timer = time.AfterFunc(timeout, func() { t.cancel(&TimeoutError{Limit: timeout, Idle: true}) })
	return t.ctx, t
}

// Stop ends the context.
func (t *IdleTimer) Stop() {
	t.timer.Stop()
	t.cancel(nil)
}

// Pause stops the time until Resume.
func (t *IdleTimer) Pause() { t.timer.Stop() }

// Resume restarts the timer.
func (t *IdleTimer) Resume() { t.timer.Reset(t.timeout) }

// Ended returns why the context has ended, or nil.
func (t *IdleTimer) Ended() error { return context.Cause(t.ctx) }

// Explain returns the timeout in place of err if the timer has ended the context.
func (t *IdleTimer) Explain(err error) error { return explain(t.ctx, err) }

// explain returns the [TimeoutError] that ended ctx, or else err.
func explain(ctx context.Context, err error) error {
	if timeout := new(TimeoutError); errors.As(context.Cause(ctx), &timeout) {
		return timeout
	}
	return err
}

// Reader returns a reader of r that restarts the timer when it reads bytes.
func (t *IdleTimer) Reader(r io.Reader) io.Reader { return &timedReader{r, t} }

type timedReader struct {
	r     io.Reader
	timer *IdleTimer
}

func (r *timedReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if n > 0 {
		r.timer.Resume()
	}
	return n, err
}
