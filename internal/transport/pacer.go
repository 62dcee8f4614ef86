// Package transport makes one attempt of a request and returns the whole response, or an error that
// says how far the request got. It knows nothing of the API.
package transport

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Pacer keeps all callers of a client just below the rate that the service allows. It does nothing
// before the first 429. From then on it spaces the requests of all callers, by these rules:
//
//   - Everybody waits for the Retry-After of a 429, or for paceHold if it has none.
//   - The first 429 says little about the rate, because a service accepts a burst before it. So the
//     pacer starts low, and doubles the rate every 0.7 seconds until the second 429.
//   - Then it continues at a share of that rate, since the rate rose beyond the limit before the
//     second 429 came. Each later 429 lowers the rate a little, or much if it came at once.
//   - Without a 429 the rate grows, slowly at first and then faster. So the pacer seldom probes for
//     more, and still finds a limit that was raised.
//   - A 429 does not lower the rate if its request was sent before the latest change to a lower
//     rate, or if no request was accepted since. In the second case other programs use up the limit.
//     A client that gave way each time would get nothing.
//   - After a pause of the callers, requests are no longer spaced.
//
// Waiters queue, and only the first one watches the clock, so a higher rate helps them all. The
// numbers below were chosen by the simulations in internal/e2e.
type Pacer struct {
	turn chan struct{} // held by the first waiter of the queue

	mu        sync.Mutex
	refusals  int           // 429s and 503s so far
	until     time.Time     // nothing is sent before this time
	free      time.Time     // the next request may be sent at this time
	rate      float64       // requests a second; 0 if requests are not spaced
	searching bool          // the rate doubles, because there was only one 429
	since     time.Time     // the latest change to a lower rate, or the start of the first burst
	accepted  int           // requests that were sent since then and accepted
	used      float64       // seconds that those took at the rate
	calm      time.Duration // the use of a rate in which it grows by paceGrowth
}

const (
	paceHold    = time.Second / 2  // after a 429 without Retry-After; the least pause of a retry, by default
	paceBurst   = 0.5              // seconds: the first guess is a rate that allows the first burst in this time
	paceStart   = 2                // requests a second: the lowest first guess
	paceSearch  = 1                // added to the rate by each accepted request, to double it in 0.7 seconds
	paceFound   = 0.68             // of the rate, after the 429 that ends the search
	paceBackoff = 0.85             // of the rate, after a later 429; more would leave too little for other programs
	paceTooHigh = 0.7              // of the rate, if the 429 came after at most paceAtOnce accepted requests
	paceAtOnce  = 2                // requests
	paceGrowth  = 0.1              // of the rate, in the first calm after a 429
	paceCalm    = 10 * time.Second // a rate that grows faster meets the limit, and its pauses, more often
	paceCalmFor = 5                // times the pause is added to it, since the next 429 costs that pause
	paceForget  = 30 * time.Second // after a 429, a pause of paceIdle ends the spacing
	paceIdle    = time.Second
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
		limit = "the client's own rate limit"
	}
	return fmt.Sprintf("not sent: %s allows the next request in %v, after the deadline of the context",
		limit, e.RetryAfter.Round(time.Millisecond))
}

// Is matches context.DeadlineExceeded, since a later deadline would have let the request through.
func (e *PaceError) Is(target error) bool { return target == context.DeadlineExceeded }

// NewPacer returns a Pacer that lets every request pass until the first 429.
func NewPacer() *Pacer { return &Pacer{turn: make(chan struct{}, 1)} }

// Wait returns when a request may be sent. It calls held, which may be nil, once before it waits,
// with the expected wait. It returns a [*PaceError] at once if the wait would outlast the context's
// deadline, or when the deadline passes in the queue, and the context's error if it is canceled.
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
		return p.ended(ctx)
	}
	for {
		pause := p.take(time.Now())
		if pause <= 0 {
			return nil
		}
		if err := outlasts(ctx, pause); err != nil {
			return err
		}
		if Sleep(ctx, pause) != nil {
			return p.ended(ctx)
		}
	}
}

// ended returns the error of a wait that the context has ended. A deadline that passes in the queue
// was too short for the pace, like one that is known to be too short before.
func (p *Pacer) ended(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return &PaceError{RetryAfter: max(1, p.pause(time.Now()))}
	}
	return ctx.Err()
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
	if now.Sub(p.free) > paceIdle {
		p.forget(now)
	}
	if p.rate == 0 && !now.Before(p.until) {
		p.free = now
		return -1
	}
	return max(0, p.until.Sub(now), p.free.Sub(now))
}

// forget is called after a pause of the callers. It drops a rate that is old, and starts a new
// burst.
func (p *Pacer) forget(now time.Time) {
	if now.Sub(p.since) > paceForget {
		p.rate, p.searching = 0, false
	}
	if p.rate == 0 {
		p.since, p.accepted = now, 0
	}
}

// take takes the next place in time if it is due. Otherwise it returns the time until then.
func (p *Pacer) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pause := max(p.until.Sub(now), p.free.Sub(now)); pause > 0 {
		return pause
	}
	p.free = now.Add(p.gap())
	return 0
}

// gap returns the time between two requests.
func (p *Pacer) gap() time.Duration {
	if p.rate == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / p.rate)
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

// Succeeded raises the rate after the service has accepted a request that was sent at that time.
func (p *Pacer) Succeeded(sent time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.searching {
		p.rate += paceSearch // also after a request of the first burst, whose response was slower than the 429
	}
	if sent.Before(p.since) {
		return
	}
	p.accepted++
	if p.rate > 0 && !p.searching {
		// The rate grows by a share of itself in each second of use, and that share grows with the use:
		// in calm it adds up to paceGrowth. A caller that sends little raises the rate little.
		calm := p.calm.Seconds()
		p.used += 1 / p.rate
		p.rate += 2 * paceGrowth * p.used / (calm * calm)
	}
}

// Limited slows everybody down after a 429 to a request that was sent at that time. retryAfter is
// the wait that the service asked for, or 0.
func (p *Pacer) Limited(sent time.Time, retryAfter time.Duration) {
	now := time.Now()
	if retryAfter == 0 {
		retryAfter = paceHold
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusals++
	if until := now.Add(retryAfter); until.After(p.until) {
		p.until = until
	}
	if p.rate == 0 || p.accepted > 0 && sent.After(p.since) {
		p.lower(now.Sub(p.since).Seconds())
		p.calm = paceCalm + paceCalmFor*min(retryAfter, paceForget)
		p.since, p.accepted, p.used = now, 0, 0
	}
	p.free = now.Add(max(p.gap(), p.until.Sub(now)))
}

// lower sets the rate after a 429 that came so many seconds after the start of the first burst, or
// after the latest change to a lower rate.
func (p *Pacer) lower(seconds float64) {
	switch {
	case p.rate == 0:
		p.rate, p.searching = max(paceStart, float64(p.accepted)/(paceBurst+seconds)), true
	case p.searching:
		p.rate, p.searching = paceFound*p.rate, false
	case p.accepted <= paceAtOnce:
		p.rate *= paceTooHigh
	default:
		p.rate *= paceBackoff
	}
}
