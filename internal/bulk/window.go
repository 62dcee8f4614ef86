package bulk

import "time"

const (
	firstWindow = 8
	maxWindow   = 32
	// worthwhile is by how much the rate must grow for a window that was doubled. Twice the requests
	// in flight double the rate if the time of a round trip limits it.
	worthwhile = 1.25
)

// window is how many requests are in flight. A fixed one stays. An adaptive one starts with 8 and
// doubles, up to 32, as long as the rate of results grows with it. If the service refuses requests,
// it is halved, but not below 8, because the pace of the client limits the rate already. Then it grows
// by one with each window of results without a refusal.
type window struct {
	fixed    bool
	current  int
	doubling bool

	started  time.Time // of the measurement
	results  int       // since then
	refusals int       // at that time
	rate     float64   // results a second with half the window
}

func newWindow(fixed, refusals int) *window {
	if fixed > 0 {
		return &window{fixed: true, current: fixed}
	}
	return &window{current: firstWindow, doubling: true, started: time.Now(), refusals: refusals}
}

// size returns the number of requests that may be in flight.
func (w *window) size() int { return w.current }

// record counts a result. refusals is how many requests the service has refused so far.
func (w *window) record(refusals int) {
	if w.fixed {
		return
	}
	// A window of results is one round trip of each request in flight.
	if w.results++; w.results < w.current {
		return
	}
	elapsed := time.Since(w.started)
	rate := float64(w.results) / max(elapsed, time.Microsecond).Seconds()
	switch {
	case refusals > w.refusals:
		w.current, w.doubling = max(firstWindow, w.current/2), false
	case w.doubling && rate >= worthwhile*w.rate:
		w.rate = rate
		w.current = min(2*w.current, maxWindow)
		w.doubling = w.current < maxWindow
	case w.doubling:
		w.current, w.doubling = max(firstWindow, w.current/2), false
	case w.refusals > 0:
		w.current = min(w.current+1, maxWindow)
	}
	w.started, w.results, w.refusals = time.Now(), 0, refusals
}
