package transport

import "time"

// rateModel learns the rate that the service allows, from the requests that it accepts and refuses.
// It has no rate before the first 429, since the service may have no limit. From then on:
//
//   - Slow start: a service accepts a burst before its first 429, so that says little about the
//     rate. The rate starts low, and doubles every 0.7 seconds until the next 429.
//   - Multiplicative decrease: a 429 lowers the rate by a share, once for all requests in flight.
//   - Growth: each accepted request raises the rate, and raises it more if the last decrease is
//     long ago. So the model seldom meets the limit, and still finds a limit that was raised.
//   - Undo: below a limit, a lower rate is refused later. If it is refused sooner than the rate
//     before, the rate was not the reason: other programs share the limit, or one of several nodes
//     refuses at random. The model then takes back the decrease, and ignores the next 429s that
//     come as soon. A client that slowed down each time would get nothing.
//
// The simulations in internal/e2e justify the numbers below.
type rateModel struct {
	rate      float64   // requests a second; 0 if requests are not spaced
	slowStart bool      // until the second 429
	since     time.Time // the start of the stretch under way: the first burst, or what follows a 429
	accepted  int       // requests that were sent since then and accepted
	used      float64   // seconds that accepted requests took at the rate, since the rate was last the reason
	calm      float64   // the use in seconds in which the rate grows by half

	before float64 // the rate that the latest decrease has lowered
	length float64 // the accepted requests of a stretch after which the rate was the reason
	early  int     // stretches that have ended too early since the latest decrease
}

const (
	modelFound    = 0.68             // of the rate, after the 429 that ends the slow start
	modelDecrease = 0.87             // of the rate, after a later 429; less would leave too little for other programs
	modelCalm     = 8                // pauses; a rate that grows faster meets the limit, and its pauses, more often
	modelStep     = 0.1              // seconds: the most that one request counts as use, since few requests tell little
	modelEarly    = 0.85             // of length: a stretch that is shorter,
	modelSlack    = 1                // by more than so many requests, has ended early
	modelTries    = 5                // early stretches in a row, after which the limit may have fallen:
	modelFade     = 0.6              // the next one lowers the rate, and length by this share
	modelForget   = 30 * time.Second // after a 429, a pause of the callers ends the spacing
)

// gap returns the time between two requests.
func (m *rateModel) gap() time.Duration {
	if m.rate == 0 {
		return 0
	}
	return time.Duration(float64(time.Second) / m.rate)
}

// rested is called after a pause of the callers. It drops an old rate, and starts a new burst.
func (m *rateModel) rested(now time.Time) {
	if m.rate == 0 || now.Sub(m.since) > modelForget {
		*m = rateModel{since: now}
	}
}

// succeeded raises the rate after the service has accepted a request. sent is when it was sent.
func (m *rateModel) succeeded(sent time.Time) {
	if m.slowStart {
		m.rate++ // also after a request of the first burst, whose response was slower than the 429
	}
	if sent.Before(m.since) {
		return
	}
	m.accepted++
	if m.rate > 0 && !m.slowStart {
		// The rate grows by a share of itself in each second of use, and that share grows with the
		// use: in calm it adds up to half. A caller that sends little raises the rate little.
		m.used += min(1/m.rate, modelStep)
		m.rate += m.used / (m.calm * m.calm)
	}
}

// refused adapts the rate to a 429, after which nothing is sent for the pause. sent is when its
// request was sent. A 429 says nothing new if the request was sent in an earlier stretch, or if
// nothing was accepted in this one.
func (m *rateModel) refused(now, sent time.Time, pause time.Duration) {
	if m.rate > 0 && (m.accepted == 0 || !sent.After(m.since)) {
		return
	}
	switch {
	case m.rate == 0:
		// A rate at which the first burst would have taken paceHold longer.
		m.rate = max(1, float64(m.accepted)) / (paceHold + now.Sub(m.since)).Seconds()
		m.slowStart = true
	case m.slowStart:
		m.rate *= modelFound
		m.slowStart = false
		m.settle(pause)
	case m.accepted <= modelSlack:
		m.length *= modelFade
		m.decrease(modelDecrease * modelDecrease) // the rate is much too high
	case float64(m.accepted+modelSlack) >= modelEarly*m.length:
		m.settle(pause)
		m.length = min(float64(m.accepted), m.rate*m.calm) // of a rate that grew for long, only the end
		m.decrease(modelDecrease)
	case m.early < modelTries:
		m.early++
		m.rate = max(m.rate, m.before)
	default:
		m.length *= modelFade
		m.decrease(modelDecrease)
	}
	m.since, m.accepted = now, 0
}

// settle lets the rate grow slowly again.
func (m *rateModel) settle(pause time.Duration) {
	m.calm, m.used = modelCalm*min(pause, modelForget).Seconds(), 0
}

func (m *rateModel) decrease(share float64) {
	m.before, m.early = m.rate, 0
	m.rate *= share
}
