package mistralobs

import (
	"context"
	"sync"
	"time"
)

// pacer keeps all callers of a client, and of its copies, from hammering a
// service that has said that it is too busy. It does nothing until a 429 comes
// with a Retry-After. Then everybody waits for that, and afterwards requests are
// spaced: at a little less than what the service took last, and slowly faster
// while it does not complain. Who waits does so in a row, of which only the first
// looks at the clock: so all of them gain when the pace rises, or is free again.
type pacer struct {
	turn chan struct{} // held by the first of the row

	mu    sync.Mutex
	until time.Time // nothing is sent before
	free  time.Time // when the next request may be sent, while requests are spaced
	rate  float64   // requests a second; 0 if they are not spaced
	grown time.Time // when the rate was last raised
	took  meter
}

const (
	paceBackoff  = 0.8              // of what the service took, after a 429
	paceGrowth   = 1.1              // a second without one
	paceSlowest  = 0.5              // requests a second
	paceUnknown  = 2                // requests a second, if the service has taken none lately
	paceForgiven = 30 * time.Second // without a 429, and requests are not spaced any more
)

func newPacer() *pacer { return &pacer{turn: make(chan struct{}, 1)} }

// wait returns when a request may be sent, or the context's error.
func (p *pacer) wait(ctx context.Context) error {
	if p.isOpen(time.Now()) {
		return nil
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
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// isOpen tells whether nobody need wait.
func (p *pacer) isOpen(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.grow(now)
	return p.rate == 0 && !now.Before(p.until)
}

// take takes the next place if it is due, else tells how far away it is.
func (p *pacer) take(now time.Time) time.Duration {
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

// grow raises the rate for the time without a 429, and ends the spacing after long.
func (p *pacer) grow(now time.Time) {
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

// succeeded counts what the service takes.
func (p *pacer) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.took.count(time.Now())
}

// limited slows everybody down after a 429 that asked to wait. Of those that
// come while everybody waits already, only the wait counts.
func (p *pacer) limited(retryAfter time.Duration) {
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
	p.free, p.grown, p.took = p.until, p.until, meter{}
}

// slower is the rate after a 429.
func (p *pacer) slower(now time.Time) float64 {
	rate := p.took.rate(now)
	switch {
	case p.rate == 0 && rate == 0:
		return paceUnknown
	case p.rate > 0 && p.rate < rate:
		rate = p.rate
	}
	return max(paceSlowest, paceBackoff*rate)
}

// meter tells how much has happened lately: in the current second and the one before.
type meter struct {
	second  time.Time // when the current one began
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

// rate is events a second.
func (m *meter) rate(now time.Time) float64 {
	m.roll(now)
	seconds := 1.0
	if m.before > 0 {
		seconds += now.Sub(m.second).Seconds()
	}
	return float64(m.before+m.current) / seconds
}
