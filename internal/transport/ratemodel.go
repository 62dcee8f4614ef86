package transport

import (
	"math"
	"time"
)

// rateModel learns the rate that the service allows, from the requests that it accepts and refuses.
// It has no rate before the first 429, since the service may have no limit. From then on:
//
//   - Slow start: a service accepts a burst before its first 429, so that says little about the
//     rate. The rate starts low, and doubles every 0.7 seconds until the next 429.
//   - Multiplicative decrease: a 429 lowers the rate by a share, once for all requests in flight.
//   - Increase: each accepted request raises the rate in proportion to its square root. If all rates
//     rose by the same amount, high ones would rise too slowly; if by the same share, too fast.
//   - Undo: below a limit, a lower rate is refused later. If it is refused sooner than usual, the
//     rate was not the reason: other programs share the limit, or one of several nodes refuses at
//     random. The model then takes back a decrease. A client that slowed down each time would get
//     nothing.
//
// The simulations in internal/e2e justify the numbers below.
type rateModel struct {
	rate      float64       // requests a second; 0 if requests are not spaced
	slowStart bool          // until the second 429
	since     time.Time     // the start of the stretch under way: the first burst, or what follows a 429
	accepted  int           // requests that were sent since then and accepted
	pause     time.Duration // after the latest 429
	usual     float64       // accepted requests of a stretch that ends because of the rate
}

const (
	modelFound    = 0.68 // of the rate, if it is much too high; a larger share is refused again at once
	modelDecrease = 0.87 // of the rate, if it is too high; a larger share is refused much more often
	modelIncrease = 0.01 // much less does not make up for random 429s; a fifth more meets a limit too often
	modelPause    = 0.75 // seconds: a shorter pause counts as this; otherwise the rate would rise too fast
	modelEarly    = 0.85 // of usual; a larger share would take limits that are met a little early for random 429s
	modelWeight   = 0.12 // of a short stretch in usual; without it, a limit that has halved would not be found
	modelHeadroom = 4    // times what callers used, the most after an undo; without it, the rate would grow without bound
	modelLeast    = 0.5  // requests a second; without it, frequent random 429s would bring a client to a halt
)

// gap returns the time between two requests.
func (m *rateModel) gap() time.Duration {
	if m.rate == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / m.rate)
}

// succeeded adapts the rate after the service has accepted a request. sent is when it was sent.
func (m *rateModel) succeeded(sent time.Time) {
	if m.slowStart {
		m.rate++ // also if the request is one of the first burst, and its response is slower than the 429
	}
	if sent.Before(m.since) {
		return
	}
	m.accepted++
	if m.rate > 0 && !m.slowStart {
		m.rate += modelIncrease * math.Sqrt(m.rate) / max(modelPause, m.pause.Seconds())
	}
}

// refused adapts the rate to a 429, after which nothing is sent for the pause. sent is when its
// request was sent. A 429 says nothing new if the request was sent in an earlier stretch, or if
// nothing was accepted in this one.
func (m *rateModel) refused(now, sent time.Time, pause time.Duration) {
	if m.rate > 0 && (m.accepted == 0 || !sent.After(m.since)) {
		return
	}
	accepted, took := float64(m.accepted), now.Sub(m.since)
	most := modelHeadroom * accepted / max(took-m.pause, time.Millisecond).Seconds()
	if took > paceForget && most < m.rate {
		m.rate = 0 // callers used so little of it that it says nothing: find it again
	}
	switch {
	case m.rate == 0:
		// A rate at which the first burst would have taken paceHold longer.
		m.rate = max(modelLeast, max(1, accepted)/(paceHold+took).Seconds())
		m.slowStart = true
	case m.slowStart || m.accepted == 1:
		m.slowStart = false
		m.usual += modelWeight * (accepted - m.usual)
		m.decrease(modelFound)
	case accepted >= modelEarly*m.usual:
		m.usual = min(accepted, 1+2*m.usual) // a stretch in which the limit rose is no measure
		m.decrease(modelDecrease)
	default:
		m.usual += modelWeight * (accepted - m.usual)
		m.rate = max(m.rate, min(m.rate/modelDecrease, most))
	}
	m.since, m.accepted, m.pause = now, 0, pause
}

func (m *rateModel) decrease(share float64) {
	m.rate = max(modelLeast, m.rate*share)
}
