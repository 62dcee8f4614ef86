package transport

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patient returns the patience of a caller that waits for an hour.
func patient() Patience { return Patience{Pause: time.Hour, Until: time.Now().Add(time.Hour)} }

// Before the first 429 nobody waits, whatever the rate.
func TestPacerLetsAllPassAtFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(), time.Now()
		for range 1000 {
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
			p.Succeeded(time.Now())
		}
		assert.Zero(t, time.Since(start))
	})
}

// Everybody waits for the Retry-After of one caller.
func TestPacerSharesRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(), time.Now()
		p.Limited(time.Now(), 10*time.Second)
		var callers sync.WaitGroup
		for range 5 {
			callers.Go(func() {
				var held []time.Duration
				assert.NoError(t, p.Wait(t.Context(), patient(), func(d time.Duration) { held = append(held, d) }))
				assert.Equal(t, []time.Duration{10 * time.Second}, held)
				assert.GreaterOrEqual(t, time.Since(start), 10*time.Second)
			})
		}
		callers.Wait()
	})
}

// A wait that would outlast the deadline is not begun.
func TestPacerFailsAtOnceBeforeADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(), time.Now()
		p.Limited(time.Now(), 10*time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		err := p.Wait(ctx, patient(), func(time.Duration) { t.Error("the caller is not held back") })
		assert.Equal(t, &PaceError{RetryAfter: 10 * time.Second}, err)
		assert.Zero(t, time.Since(start))

		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, p.Wait(ctx, patient(), nil))
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

// A wait ends by the waiter's own patience, also if the service asks for a longer pause while it
// waits in the queue. The pause of a 429 without Retry-After is the client's own, so that a short
// longest pause does not forbid it.
func TestPacerEndsWithThePatience(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(), time.Now()
		short := Patience{Pause: time.Second / 10, Until: start.Add(time.Minute)}
		hurried := Patience{Pause: time.Minute, Until: start.Add(2 * time.Second)}
		p.Limited(start, 0)
		require.NoError(t, p.Wait(t.Context(), short, nil))
		assert.Equal(t, paceHold, time.Since(start))

		p.Limited(time.Now(), 0)
		var callers sync.WaitGroup
		for range 3 { // the first of the queue, and two behind it
			callers.Go(func() {
				err := p.Wait(t.Context(), short, nil)
				assert.Equal(t, &PaceError{RetryAfter: 20 * time.Second, Bound: PatiencePause}, err)
				assert.NotErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, paceHold+paceHold/2, time.Since(start))
			})
		}
		time.Sleep(paceHold / 2)
		p.Limited(time.Now(), 20*time.Second)
		callers.Wait()
		err := p.Wait(t.Context(), hurried, func(time.Duration) { t.Error("the caller is not held back") })
		assert.Equal(t, &PaceError{RetryAfter: 20 * time.Second, Bound: PatienceUntil}, err)
		assert.Equal(t, paceHold+paceHold/2, time.Since(start))
	})
}

func TestPacerEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(), time.Now()
		p.Limited(time.Now(), 10*time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		var callers sync.WaitGroup
		for range 2 { // the first of the queue, and one behind it
			callers.Go(func() { assert.ErrorIs(t, p.Wait(ctx, patient(), nil), context.Canceled) })
		}
		callers.Wait()
		assert.Equal(t, time.Second, time.Since(start))
	})
}

// bucket is a service that accepts so many requests a second on average, and burst at once.
type bucket struct {
	perSecond, burst float64
	tokens           float64
	last             time.Time
}

func (b *bucket) accepts(now time.Time) bool {
	b.tokens = min(b.burst, b.tokens+b.perSecond*now.Sub(b.last).Seconds())
	b.last = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// The pacer learns the rate, and is seldom refused.
func TestPacerLearnsTheRate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		service    bucket
		retryAfter time.Duration
		accepted   int // in a minute, at least
		refused    int // at most
	}{
		{name: "5 a second", service: bucket{perSecond: 5, burst: 1}, accepted: 230, refused: 20},
		{
			name: "5 a second, with Retry-After", service: bucket{perSecond: 5, burst: 1},
			retryAfter: time.Second, accepted: 220, refused: 10,
		},
		{name: "20 a second", service: bucket{perSecond: 20, burst: 4}, accepted: 1000, refused: 25},
		{name: "100 a second", service: bucket{perSecond: 100, burst: 20}, accepted: 4500, refused: 50},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, start := NewPacer(), time.Now()
				accepted, refused := 0, 0
				for time.Since(start) < time.Minute {
					require.NoError(t, p.Wait(t.Context(), patient(), nil))
					sent := time.Now()
					if test.service.accepts(sent) {
						time.Sleep(time.Millisecond)
						p.Succeeded(sent)
						accepted++
					} else {
						p.Limited(sent, test.retryAfter)
						refused++
					}
				}
				t.Logf("%d accepted, %d refused", accepted, refused)
				assert.GreaterOrEqual(t, accepted, test.accepted)
				assert.LessOrEqual(t, refused, test.refused)
				assert.Equal(t, refused, p.Refusals())
			})
		})
	}
}

// The 429s to requests that were in flight together lower the rate once.
func TestPacerCountsOneBurstOnce(t *testing.T) {
	t.Parallel()
	pauses := func(refusals int) (pause time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			p, sent := NewPacer(), time.Now()
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
			for range refusals {
				time.Sleep(time.Millisecond)
				p.Limited(sent, 0)
			}
			start := time.Now()
			for range 4 {
				require.NoError(t, p.Wait(t.Context(), patient(), nil))
			}
			pause = time.Since(start)
		})
		return pause
	}
	assert.InDelta(t, 2, pauses(1).Seconds(), 0.01, "two requests a second, since nothing is known")
	assert.InDelta(t, pauses(1).Seconds(), pauses(30).Seconds(), 0.1)
}

// After a pause of the callers, the rate is forgotten.
func TestPacerForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		p.Limited(time.Now(), 0)
		time.Sleep(paceForget + time.Second)
		start := time.Now()
		for range 100 {
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
		}
		assert.Zero(t, time.Since(start))
	})
}

// A 503 is a refusal, and does not change the pace.
func TestPacerUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(), time.Now()
		p.Unavailable()
		for range 100 {
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
		}
		assert.Zero(t, time.Since(start))
		assert.Equal(t, 1, p.Refusals())
	})
}

// A 429 without an accepted request since the last one does not lower the rate, so that a client
// keeps its chance among others.
func TestPacerKeepsItsRateBesideOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		for range 10 {
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
			sent := time.Now()
			time.Sleep(time.Millisecond)
			p.Limited(sent, 0)
		}
		start := time.Now()
		require.NoError(t, p.Wait(t.Context(), patient(), nil))
		assert.InDelta(t, 0.5, time.Since(start).Seconds(), 0.01)
	})
}

// A 429 is often faster than the responses to the requests of its burst. Those raise the first rate too.
func TestPacerCountsTheWholeFirstBurst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, sent := NewPacer(), time.Now()
		time.Sleep(time.Millisecond)
		p.Limited(sent, 0) // the rate is 2 a second
		for range 8 {
			p.Succeeded(sent)
		}
		require.NoError(t, p.Wait(t.Context(), patient(), nil))
		start := time.Now()
		require.NoError(t, p.Wait(t.Context(), patient(), nil))
		assert.InDelta(t, 0.1, time.Since(start).Seconds(), 0.001)
	})
}

// However often a 429 comes sooner than usual, the rate does not rise far above what callers use.
func TestPacerRateIsBoundedByItsUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		for i := range 2000 {
			for range []int{20, 3, 3, 3}[i%4] {
				require.NoError(t, p.Wait(t.Context(), patient(), nil))
				sent := time.Now()
				time.Sleep(20 * time.Millisecond)
				p.Succeeded(sent)
			}
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
			p.Limited(time.Now(), 0)
		}
		assert.Greater(t, p.model.rate, 50.0)
		assert.Less(t, p.model.rate, 250.0)
	})
}

// Random 429s in a quiet time do not slow down a busy time after it.
func TestPacerForgetsTheRateOfAQuietTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		for i := range 400 {
			time.Sleep(10 * time.Second)
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
			if i%20 == 7 {
				p.Limited(time.Now(), 0)
				require.NoError(t, p.Wait(t.Context(), patient(), nil))
			}
			sent := time.Now()
			time.Sleep(time.Millisecond)
			p.Succeeded(sent)
		}
		start := time.Now()
		for range 40 {
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
			sent := time.Now()
			time.Sleep(time.Millisecond)
			p.Succeeded(sent)
		}
		assert.Less(t, time.Since(start), 5*time.Second)
	})
}

// A limit that was raised is found again, and one that was lowered too.
func TestPacerFollowsTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, service := NewPacer(), bucket{perSecond: 5, burst: 1}
		minute := func() (accepted, refused int) {
			for start := time.Now(); time.Since(start) < time.Minute; {
				require.NoError(t, p.Wait(t.Context(), patient(), nil))
				sent := time.Now()
				if !service.accepts(sent) {
					p.Limited(sent, time.Second)
					refused++
					continue
				}
				time.Sleep(time.Millisecond)
				p.Succeeded(sent)
				accepted++
			}
			return accepted, refused
		}
		minute()
		service.perSecond, service.burst = 20, 4
		minute()
		accepted, refused := minute()
		assert.GreaterOrEqual(t, accepted, 850)
		assert.LessOrEqual(t, refused, 20)
		service.perSecond, service.burst = 10, 2
		minute() // the first refusals look random
		minute()
		accepted, refused = minute()
		assert.GreaterOrEqual(t, accepted, 400)
		assert.LessOrEqual(t, refused, 20)
		service.perSecond, service.burst = 2, 1
		accepted, _ = minute()
		assert.GreaterOrEqual(t, accepted, 45) // the first refusals look random
		accepted, refused = minute()
		assert.GreaterOrEqual(t, accepted, 75)
		assert.LessOrEqual(t, refused, 25)
	})
}

// The rate rises only while it holds the callers back: after hours without a limit it is no higher
// than what was sent, so that a new limit is found with few refusals.
func TestPacerRateIsThatOfTheCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, service := NewPacer(), bucket{perSecond: 5, burst: 1}
		require.NoError(t, p.Wait(t.Context(), patient(), nil))
		p.Limited(time.Now(), time.Second)
		refused := 0
		for start := time.Now(); time.Since(start) < time.Hour+time.Minute; time.Sleep(time.Second / 10) {
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
			if sent := time.Now(); time.Since(start) < time.Hour || service.accepts(sent) {
				p.Succeeded(sent)
			} else {
				p.Limited(sent, time.Second)
				refused++
			}
		}
		assert.LessOrEqual(t, refused, 20)
	})
}

// However often the service refuses, a client that asks on and on gets something.
func TestPacerHasALeastRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start, random := NewPacer(), time.Now(), rand.New(rand.NewPCG(1, 1))
		accepted := 0
		for time.Since(start) < time.Hour {
			require.NoError(t, p.Wait(t.Context(), patient(), nil))
			sent := time.Now()
			time.Sleep(time.Millisecond)
			if random.IntN(2) == 0 {
				p.Limited(sent, 0)
			} else {
				p.Succeeded(sent)
				accepted++
			}
		}
		assert.GreaterOrEqual(t, accepted, 600)
	})
}

// A Retry-After of nearly nothing, as a date can ask for, is a pause like any other.
func TestPacerHoldsAtLeast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(), time.Now()
		p.Limited(start, time.Nanosecond)
		require.NoError(t, p.Wait(t.Context(), patient(), nil))
		assert.Equal(t, paceHold, time.Since(start))
	})
}

// No waiter is forgotten, whoever gives up before it and however often the service asks for longer.
func TestPacerForgetsNoWaiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(), time.Now()
		p.Limited(start, time.Second)
		var callers sync.WaitGroup
		var sent atomic.Int32
		for i := range 2000 {
			callers.Go(func() {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if i%2 == 0 { // gives up, wherever in the queue it is
					time.AfterFunc(time.Duration(i)*time.Millisecond, cancel)
				}
				if p.Wait(ctx, patient(), nil) == nil {
					sent.Add(1)
					p.Succeeded(time.Now())
				} else if i%2 != 0 {
					t.Error("a caller that does not give up was not served")
				}
			})
		}
		for i := range 10 {
			time.Sleep(time.Second / 2)
			p.Limited(start, time.Duration(i)*time.Second/4)
		}
		callers.Wait()
		assert.GreaterOrEqual(t, int(sent.Load()), 1000)
	})
}
