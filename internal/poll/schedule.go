// Package poll decides when to poll work that runs elsewhere, such as an import task.
package poll

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Schedule places the polls of a task so that a few polls see its end soon, for
// tasks that take a tenth of a second to an hour.
//
// Without progress, nothing predicts the end. The schedule then trades polls
// for delay: it polls at most [MaxPolls] times in the first hour, and sees the
// end late by at most about a third of the task's duration. It polls just after
// round numbers of seconds and minutes, because durations that are not
// arbitrary (limits, timeouts, timers) are round.
//
// With progress, the schedule spends the polls where it expects the end.
// TestScheduleSimulation verifies what the comment of TasksService.Wait promises.
type Schedule struct {
	min, max time.Duration
	started  time.Time
	polls    int

	first, last reading
	before      reading // the latest reading with a lower percentage than the last one's
}

// NewSchedule returns the schedule of a wait that starts now. Every pause is
// between minPause and maxPause.
func NewSchedule(minPause, maxPause time.Duration) *Schedule {
	return &Schedule{min: minPause, max: maxPause, started: time.Now()}
}

// reading is the progress at one moment of the wait.
type reading struct {
	waited  time.Duration
	percent int
	known   bool
}

// MaxPolls is the largest number of polls in the first hour.
const MaxPolls = 40

// roundTimes are the moments to poll at when there is no progress.
var roundTimes = func() []time.Duration {
	var times []time.Duration
	for _, seconds := range []float64{
		0.3, 0.6, 1, 1.5, 2, 2.5, 3, 4, 5, 6, 7.5, 10, 12, 15, 20, 25, 30, 37.5, 45,
		60, 75, 90, 120, 150, 180, 240, 300, 360, 480, 600, 720, 900, 1200, 1500, 1800, 2400, 3000, 3600,
	} {
		times = append(times, time.Duration(seconds*float64(time.Second)))
	}
	return times
}()

const (
	// lateShare sets the pause after the last round time: a fifth of the time waited.
	lateShare = 5
	// finestShare and finestPause are the smallest steps towards an expected end.
	// They are a little below the promised delay: a twentieth of the duration, or half a second.
	finestShare = 0.04
	finestPause = 350 * time.Millisecond
	// leastApproach is the smallest part of the estimated rest that one pause
	// covers. A pause covers less than the rest because later estimates are
	// better, and it never exceeds the time waited before.
	leastApproach = 0.25
	// sparePolls are kept back in case the estimates are wrong. Enough other
	// polls are kept back for one poll in every thinnedMost round times.
	sparePolls  = 2
	thinnedMost = 2
)

// Next returns the pause before the next poll. It is called once after every
// poll; progress is the task's percentage, or nil if the poll shows none. The
// pause is slightly random so that waits that start together drift apart.
func (s *Schedule) Next(progress *int) time.Duration {
	return s.next(time.Since(s.started), progress)
}

// NextAfterFailure returns the pause after a poll that failed. A failed poll
// counts like any other, and the readings before it stay valid.
func (s *Schedule) NextAfterFailure() time.Duration {
	return s.pause(time.Since(s.started))
}

func (s *Schedule) next(waited time.Duration, progress *int) time.Duration {
	s.read(waited, progress)
	return s.pause(waited)
}

func (s *Schedule) pause(waited time.Duration) time.Duration {
	s.polls++
	pause := s.toRoundTime(waited)
	if left, known := s.left(waited); known {
		if approach := s.approach(waited, left); s.affords(waited + approach) {
			pause = approach
		}
	}
	return min(max(pause, s.min), s.max)
}

// read records the progress.
func (s *Schedule) read(waited time.Duration, progress *int) {
	if progress == nil || *progress < 0 || *progress > 100 {
		s.last.known = false
		return
	}
	now := reading{waited, *progress, true}
	switch {
	case !s.first.known:
		s.first, s.before = now, now
	case s.last.percent < now.percent:
		s.before = s.last
	}
	s.last = now
}

// left estimates the time until the end twice: by the progress since the first
// poll, and by the latest change. It returns the shorter time.
func (s *Schedule) left(waited time.Duration) (left time.Duration, known bool) {
	if !s.last.known {
		return 0, false
	}
	for _, since := range []reading{s.first, s.before} {
		if done := s.last.percent - since.percent; since.known && done > 0 {
			estimate := (waited - since.waited) / time.Duration(done) * time.Duration(100-s.last.percent)
			if !known || estimate < left {
				left, known = estimate, true
			}
		}
	}
	return left, known
}

// approach returns a part of the estimated rest. The part is chosen so that the
// polls that are left reduce the rest step by step to the finest pause.
func (s *Schedule) approach(waited, left time.Duration) time.Duration {
	finest := max(finestPause, time.Duration(finestShare*float64(waited)))
	if left <= finest {
		return jittered(finest, 0.01)
	}
	part := 1.0
	if polls := MaxPolls - s.polls - sparePolls; polls > 0 {
		part = 1 - math.Pow(float64(finest)/float64(left), 1/float64(polls))
	}
	pause := time.Duration(max(part, leastApproach) * float64(left))
	return jittered(max(finest, min(pause, waited)), 0.01)
}

// affords reports whether a poll at that moment leaves enough polls for the round times.
func (s *Schedule) affords(at time.Duration) bool {
	return (MaxPolls-s.polls-1)*thinnedMost >= len(roundTimesAfter(at))
}

// toRoundTime returns the pause until the next round time. It skips some round
// times if few polls are left.
func (s *Schedule) toRoundTime(waited time.Duration) time.Duration {
	ahead := roundTimesAfter(waited)
	if len(ahead) == 0 {
		return jittered(waited/lateShare, 0.02)
	}
	polls := max(1, MaxPolls-s.polls)
	at := ahead[(len(ahead)-1)/polls]
	return at - waited + jittered(at/200, 4)
}

func roundTimesAfter(waited time.Duration) []time.Duration {
	i, _ := slices.BinarySearch(roundTimes, waited)
	return roundTimes[i:]
}

// jittered makes a pause longer by up to a share of itself.
func jittered(pause time.Duration, share float64) time.Duration {
	return pause + time.Duration(rand.Float64()*share*float64(pause))
}
