// Package transport makes one attempt of a request and returns the whole
// response, or an error that says how far the request got. It knows nothing of
// the API.
package transport

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Pacer keeps all callers of a client from overloading a service that has
// answered 429. It does nothing before the first 429. After one, everybody
// waits for its Retry-After. Then requests are spaced: at first a little wider
// than the service accepted them last, then slowly closer. Waiters queue, and
// only the first one watches the clock, so a higher rate helps them all.
type Pacer struct {
	turn chan struct{} // held by the first waiter of the queue

	mu    sync.Mutex
	until time.Time // nothing is sent before this time
	free  time.Time // the next request may be sent at this time, while requests are spaced
	rate  float64   // requests a second; 0 if requests are not spaced
	grown time.Time // the time of the last raise of the rate
	taken meter
}

const (
	paceBackoff  = 0.8              // of the accepted rate, after a 429
	paceGrowth   = 1.1              // a second without a 429
	paceSlowest  = 0.5              // requests a second
	paceUnknown  = 2                // requests a second, if the service has accepted none lately
	paceForgiven = 30 * time.Second // without a 429, after which requests are no longer spaced
)

// PaceError is returned by [Pacer.Wait] if the wait would outlast the context's deadline.
type PaceError struct {
	RetryAfter time.Duration // the rest of the wait
	Own        bool          // the limit is the client's own, not the service's
}

// Error says whose limit it is and how long the wait would be.
func (e *PaceError) Error() string {
	limit := "the rate limit of the service"
	if e.Own {
		limit = "the client's own rate limit (WithRateLimit)"
	}
	return fmt.Sprintf("not sent: %s allows the next request in %v, after the deadline of the context",
		limit, e.RetryAfter.Round(time.Millisecond))
}

// Is matches context.DeadlineExceeded, since a later deadline would have let the request through.
func (e *PaceError) Is(target error) bool { return target == context.DeadlineExceeded }

// NewPacer returns a Pacer that lets every request pass until the first 429.
func NewPacer() *Pacer { return &Pacer{turn: make(chan struct{}, 1)} }

// Wait returns when a request may be sent. It calls held, which may be nil,
// once before it waits, with the expected wait. It returns a [*PaceError] at
// once if the wait would outlast the context's deadline, and the context's
// error if the context ends during the wait.
func (p *Pacer) Wait(ctx context.Context, held func(time.Duration)) error {
	pause := p.pause(time.Now())
	if pause < 0 {
		return nil
	}
	if err := outlasts(ctx, pause); err != nil {
		return err
	}
	if held != nil {
		held(pause)
	}
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		pause := p.take(time.Now())
		if pause <= 0 {
			return nil
		}
		if err := outlasts(ctx, pause); err != nil {
			return err
		}
		if err := Sleep(ctx, pause); err != nil {
			return err
		}
	}
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
	p.grow(now)
	if p.rate == 0 && !now.Before(p.until) {
		return -1
	}
	return max(0, p.until.Sub(now), p.free.Sub(now))
}

// take takes the next place in time if it is due. Otherwise it returns the time until then.
func (p *Pacer) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grow(now)
	if pause := max(p.until.Sub(now), p.free.Sub(now)); pause > 0 {
		return pause
	}
	if p.rate > 0 {
		p.free = now.Add(time.Duration(float64(time.Second) / p.rate))
	}
	return 0
}

// grow raises the rate for the time without a 429, and ends the spacing in the end.
func (p *Pacer) grow(now time.Time) {
	if p.rate == 0 || now.Before(p.until) {
		return
	}
	if now.Sub(p.until) > paceForgiven {
		p.rate, p.free = 0, time.Time{}
		return
	}
	for ; now.Sub(p.grown) >= time.Second; p.grown = p.grown.Add(time.Second) {
		p.rate *= paceGrowth
	}
}

// Succeeded counts a request that the service accepted.
func (p *Pacer) Succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken.count(time.Now())
}

// Limited slows everybody down after a 429. retryAfter is the wait that the
// service asked for. While everybody waits already, another 429 can only make
// the wait longer.
func (p *Pacer) Limited(retryAfter time.Duration) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	first := !now.Before(p.until)
	if until := now.Add(retryAfter); until.After(p.until) {
		p.until = until
	}
	if first {
		p.rate = p.slower(now)
	}
	p.free, p.grown, p.taken = p.until, p.until, meter{}
}

// slower returns the rate after a 429.
func (p *Pacer) slower(now time.Time) float64 {
	rate := p.taken.rate(now)
	switch {
	case p.rate == 0 && rate == 0:
		return paceUnknown
	case p.rate > 0 && p.rate < rate:
		rate = p.rate
	}
	return max(paceSlowest, paceBackoff*rate)
}

// meter counts the events of the current second and of the second before.
type meter struct {
	second  time.Time // the start of the current second
	current int
	before  int
}

func (m *meter) count(now time.Time) {
	m.roll(now)
	m.current++
}

func (m *meter) roll(now time.Time) {
	switch passed := now.Sub(m.second); {
	case passed < time.Second:
		return
	case passed < 2*time.Second:
		m.before, m.second = m.current, m.second.Add(time.Second)
	default:
		m.before, m.second = 0, now
	}
	m.current = 0
}

// rate returns the events a second.
func (m *meter) rate(now time.Time) float64 {
	m.roll(now)
	seconds := 1.0
	if m.before > 0 {
		seconds += now.Sub(m.second).Seconds()
	}
	return float64(m.before+m.current) / seconds
}
