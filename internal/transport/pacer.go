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

// Pacer keeps all callers of a client just below the rate that the service allows. It does nothing
// before the first 429. From then on it spaces the requests of all callers, by these rules:
//
//   - Everybody waits for the Retry-After of a 429.
//   - A first burst of requests says nothing about the rate. After it the pacer starts low and
//     doubles the rate, until the next 429 shows where the limit is.
//   - After every other 429 the pacer continues at 90 % of the rate, or at the rate that the service
//     has accepted, if that is lower. A 429 to a request that was sent before the last change of
//     the rate changes nothing.
//   - Some time after the last 429 the rate grows, slowly at first and then faster. So the pacer
//     probes for more only now and then, and still finds a limit that was raised.
//   - After a pause of the callers, requests are no longer spaced.
//
// Waiters queue, and only the first one watches the clock, so a higher rate helps them all.
type Pacer struct {
	turn chan struct{} // held by the first waiter of the queue

	mu        sync.Mutex
	refusals  int           // 429s and 503s so far
	until     time.Time     // nothing is sent before this time
	free      time.Time     // the next request may be sent at this time, while requests are spaced
	rate      float64       // requests a second; 0 if requests are not spaced
	searching bool          // the rate rises fast: it has not met the limit yet
	lowered   time.Time     // the time of the last change to a lower rate
	calm      time.Duration // the time after that in which the rate stays as it is
	raised    time.Time     // the time of the last raise of the rate
	progress  int           // requests accepted since then
	accepted  meter
}

const (
	paceBackoff  = 0.9              // of the rate, after a 429
	paceGuess    = 0.6              // of the rate, after a 429 before the accepted rate could be measured
	paceSearch   = 2                // times the rate, as long as the search has no result
	paceGrowth   = 0.01             // of the rate a second, for each second since the end of paceCalm
	paceCalm     = 5 * time.Second  // after a 429, in which the rate stays as it is, or more:
	paceCalmFor  = 10               // times the Retry-After, so that the pauses cost a tenth of the time at most
	paceStart    = 2                // requests a second, if nothing is known
	paceSlowest  = 0.1              // requests a second
	paceStep     = 2                // accepted requests before a raise or a measurement, at least
	paceForgiven = 30 * time.Second // after a 429 without need of the pace, requests are no longer spaced
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
// once if the wait would outlast the context's deadline, or when the deadline
// passes in the queue, and the context's error if it is canceled.
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
	p.forgive(now)
	if p.rate == 0 && !now.Before(p.until) {
		return -1
	}
	return max(0, p.until.Sub(now), p.free.Sub(now))
}

// take takes the next place in time if it is due. Otherwise it returns the time until then.
func (p *Pacer) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pause := max(p.until.Sub(now), p.free.Sub(now)); pause > 0 {
		return pause
	}
	if p.rate > 0 {
		p.free = now.Add(time.Duration(float64(time.Second) / p.rate))
	}
	return 0
}

// forgive ends the spacing long after the last 429, once the callers have paused.
func (p *Pacer) forgive(now time.Time) {
	if p.rate > 0 && now.Sub(p.lowered) > paceForgiven && now.Sub(p.free) > time.Second {
		p.rate, p.free, p.searching = 0, time.Time{}, false
	}
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

// Succeeded counts a request that the service accepted.
func (p *Pacer) Succeeded() {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.accepted.count(now)
	if p.rate > 0 {
		p.raise(now)
	}
}

// raise raises the rate after the requests of about half a second were accepted.
func (p *Pacer) raise(now time.Time) {
	if p.progress++; float64(p.progress) < max(paceStep, p.rate/2) {
		return
	}
	if p.searching {
		p.rate *= paceSearch
	} else {
		since := max(0, now.Sub(p.lowered)-p.calm)
		p.rate *= 1 + paceGrowth*since.Seconds()*min(1, now.Sub(p.raised).Seconds())
	}
	p.raised, p.progress = now, 0
}

// Limited slows everybody down after a 429 to a request that was sent at that time. retryAfter is
// the wait that the service asked for, or 0.
func (p *Pacer) Limited(sent time.Time, retryAfter time.Duration) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refusals++
	if until := now.Add(retryAfter); retryAfter > 0 && until.After(p.until) {
		p.until = until
	}
	if p.rate == 0 || sent.After(p.lowered) {
		p.lower(now)
		p.calm = max(paceCalm, paceCalmFor*min(retryAfter, paceForgiven/paceCalmFor))
	}
	p.free = maxTime(p.until, now.Add(time.Duration(float64(time.Second)/p.rate)))
	p.raised, p.progress = maxTime(p.until, now), 0
	p.accepted = meter{second: p.raised}
}

// lower sets the rate after a 429.
func (p *Pacer) lower(now time.Time) {
	n, span := p.accepted.recent(now)
	measured := float64(n) / span.Seconds()
	switch {
	case p.rate == 0 && span < time.Second:
		p.rate, p.searching = max(paceStart, float64(n)), true
	case p.rate == 0:
		p.rate = paceBackoff * measured
	case p.searching || n < paceStep:
		p.rate, p.searching = paceGuess*p.rate, false
	default:
		p.rate = min(measured, paceBackoff*p.rate)
	}
	p.rate = max(paceSlowest, p.rate)
	p.lowered = now
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// meter counts the events of the current second and of the second before.
type meter struct {
	second  time.Time // the start of the current second
	current int
	before  int
	full    bool // before is the count of a whole second
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
		m.before, m.full, m.second = m.current, true, m.second.Add(time.Second)
	default:
		m.before, m.full, m.second = 0, false, now
	}
	m.current = 0
}

// recent returns the latest events, and the time that they span.
func (m *meter) recent(now time.Time) (n int, span time.Duration) {
	m.roll(now)
	span = max(now.Sub(m.second), time.Millisecond)
	if m.full {
		return m.before + m.current, span + time.Second
	}
	return m.current, span
}
