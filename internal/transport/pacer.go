package transport

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Pacer keeps all callers of a client just below the rate that the service allows. It does nothing
// before the first 429. Then all callers wait for its Retry-After, but at least for paceHold, and a
// rateModel spaces their requests. After paceForget without a request, the pacer forgets the rate.
//
// Waiters queue, and only the first one watches the clock, so a higher rate helps them all.
type Pacer struct {
	turn chan struct{} // held by the first waiter of the queue

	mu       sync.Mutex
	model    rateModel
	refusals int           // 429s and 503s so far
	asked    time.Time     // the end of the latest Retry-After
	until    time.Time     // nothing is sent before this time
	free     time.Time     // the next request may be sent at this time
	longer   chan struct{} // is closed when the service asks for a longer pause
}

const (
	paceHold   = time.Second / 2  // the least pause after a 429, and of a retry by default
	paceForget = 30 * time.Second // without a request; a rate that was learned before says little
)

// Patience is how long a caller waits for the rate limit.
type Patience struct {
	Pause time.Duration // the longest pause that the service may ask for
	Until time.Time     // the time at which the request must be sent
}

// PaceError is returned by [Pacer.Wait] if the wait would be too long for the caller.
type PaceError struct {
	RetryAfter time.Duration // the rest of the wait
	Own        bool          // the limit is the client's own, not the service's
	Bound      Bound         // what the wait would exceed
}

// Bound is what ends a wait.
type Bound int

// The values of [Bound].
const (
	ContextDeadline Bound = iota
	PatiencePause
	PatienceUntil
)

var boundTexts = [...]string{
	ContextDeadline: "after the deadline of the context",
	PatiencePause:   "which is longer than the longest pause allowed",
	PatienceUntil:   "after the time allowed for retries",
}

// Error says whose limit it is and how long the wait would be.
func (e *PaceError) Error() string {
	limit := "the rate limit of the service"
	if e.Own {
		limit = "the client's own rate limit"
	}
	return fmt.Sprintf("not sent: %s allows the next request in %v, %s",
		limit, e.RetryAfter.Round(time.Millisecond), boundTexts[e.Bound])
}

// Is matches context.DeadlineExceeded if a later deadline would have let the request through.
func (e *PaceError) Is(target error) bool {
	return target == context.DeadlineExceeded && e.Bound == ContextDeadline
}

// NewPacer returns a Pacer that lets every request pass until the first 429.
func NewPacer() *Pacer {
	return &Pacer{
		turn: make(chan struct{}, 1), longer: make(chan struct{}), model: rateModel{since: time.Now()},
	}
}

// Wait returns when a request may be sent. It calls held, which may be nil, once before it waits,
// with the expected wait. If the wait would outlast the context's deadline or the patience, it
// returns a [*PaceError] as soon as that is known, and the context's error if it is canceled.
func (p *Pacer) Wait(ctx context.Context, patience Patience, held func(time.Duration)) error {
	pause := p.pause(time.Now())
	if pause < 0 {
		return nil
	}
	w := waiter{p, ctx, patience}
	if err := w.exceeds(pause); err != nil {
		return err
	}
	if held != nil {
		held(pause)
	}
	return w.wait()
}

// waiter is a request that waits for its turn.
type waiter struct {
	p        *Pacer
	ctx      context.Context
	patience Patience
}

func (w waiter) wait() error {
	ctx, cancel := context.WithDeadline(w.ctx, w.patience.Until)
	defer cancel()
	turn := w.p.turn         // nil once it is the waiter's
	var due <-chan time.Time // nil before that
	for {
		longer := w.p.lengthened()
		pause := w.p.pause(time.Now())
		if turn == nil {
			if pause = w.p.take(time.Now()); pause <= 0 {
				return nil
			}
			due = time.After(pause)
		}
		if err := w.exceeds(pause); err != nil {
			return err
		}
		select {
		case turn <- struct{}{}:
			turn = nil
			defer func() { <-w.p.turn }()
		case <-due:
		case <-longer:
		case <-ctx.Done():
			return w.ended()
		}
	}
}

// exceeds returns a *PaceError if the pause is too long for the waiter. Only a Retry-After counts
// against Patience.Pause, not the spacing of requests.
func (w waiter) exceeds(pause time.Duration) error {
	now := time.Now()
	if err := outlasts(w.ctx, pause); err != nil {
		return err
	}
	if asked := w.p.askedFor(now); asked > w.patience.Pause {
		return &PaceError{RetryAfter: asked, Bound: PatiencePause}
	}
	if now.Add(pause).After(w.patience.Until) {
		return &PaceError{RetryAfter: pause, Bound: PatienceUntil}
	}
	return nil
}

// ended returns the error of a wait that has ended in the queue. A deadline that passes there gets
// the same error as one that is known to be too short.
func (w waiter) ended() error {
	left := max(1, w.p.pause(time.Now()))
	switch w.ctx.Err() {
	case nil:
		return &PaceError{RetryAfter: left, Bound: PatienceUntil}
	case context.DeadlineExceeded:
		return &PaceError{RetryAfter: left}
	}
	return w.ctx.Err()
}

// outlasts returns a *PaceError if the context ends before the pause does.
func outlasts(ctx context.Context, pause time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < pause && ctx.Err() == nil {
		return &PaceError{RetryAfter: pause}
	}
	return nil
}

// pause returns the least time that a new request waits, or a negative number if it need not queue.
func (p *Pacer) pause(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.free) > paceForget {
		p.model = rateModel{since: now}
	}
	if p.model.rate == 0 && !now.Before(p.until) {
		p.free = now
		return -1
	}
	return max(0, p.until.Sub(now), p.free.Sub(now))
}

// askedFor returns the rest of the latest Retry-After.
func (p *Pacer) askedFor(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked.Sub(now)
}

// lengthened returns a channel that is closed when the service asks for a longer pause.
func (p *Pacer) lengthened() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.longer
}

// take reserves the next time slot if it is due. Otherwise it returns the time until then.
func (p *Pacer) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pause := max(p.until.Sub(now), p.free.Sub(now)); pause > 0 {
		return pause
	}
	p.free = now.Add(p.model.gap())
	return 0
}

// Refusals returns how many 429 and 503 responses there were so far.
func (p *Pacer) Refusals() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.refusals
}

// Unavailable counts a 503, which says nothing about the rate.
func (p *Pacer) Unavailable() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusals++
}

// Succeeded is called after the service has accepted a request. sent is when it was sent.
func (p *Pacer) Succeeded(sent time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.model.succeeded(sent)
}

// Limited delays all callers after a 429. sent is when its request was sent. retryAfter is the
// pause that the service asked for, or 0 if it did not say.
func (p *Pacer) Limited(sent time.Time, retryAfter time.Duration) {
	now := time.Now()
	pause := max(retryAfter, paceHold)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusals++
	if asked := now.Add(retryAfter); retryAfter > 0 && asked.After(p.asked) {
		p.asked = asked
		close(p.longer)
		p.longer = make(chan struct{})
	}
	if until := now.Add(pause); until.After(p.until) {
		p.until = until
	}
	p.model.refused(now, sent, pause)
	p.free = now.Add(max(p.model.gap(), p.until.Sub(now)))
}
