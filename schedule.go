package mistralobs

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// schedule places the looks at a task so that few are needed and the end is
// seen soon, for tasks from a tenth of a second to an hour.
//
// Without progress nothing tells when a task will end, so there is a choice:
// few looks, or an end that is seen soon. The schedule takes few: at most
// maxLooks in an hour, and what is waited in vain is at most about a third of the time
// waited. The looks stand just behind round numbers of seconds and
// minutes, since where durations are not arbitrary (limits, timeouts, timers)
// they are round.
//
// With progress the looks that are not needed for the start go where the end is
// expected. TestScheduleSimulation holds the schedule to what the comment of
// TasksService.Wait says.
type schedule struct {
	min, max time.Duration
	started  time.Time
	looks    int

	first, last, before reading // before is the latest one whose percentage was lower than the last one's
}

// reading is what progress was after some time.
type reading struct {
	waited  time.Duration
	percent int
	known   bool
}

// maxLooks is how many looks an hour takes at most.
const maxLooks = 40

// roundTimes are when to look without any progress to go by.
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
	// After the last round time the pause is a fifth of the time waited.
	lateShare = 5
	// What may be waited in vain is a twentieth or half a second: the steps of
	// the approach to an end stay a little below.
	finestShare = 0.04
	finestPause = 350 * time.Millisecond
	// An approach goes at least a quarter of what seems to be left, since
	// estimates are better later, and at most as long as was waited before.
	leastApproach = 0.25
	// spareLooks are kept for the case that the estimates are wrong, and so many
	// that one look is left for thinnedMost round times.
	spareLooks  = 2
	thinnedMost = 2
)

// next returns the pause before the next look, which is a little random so that
// waits begun together do not look together.
func (s *schedule) next(now time.Time, progress *int) time.Duration {
	waited := now.Sub(s.started)
	s.read(waited, progress)
	pause := s.toRoundTime(waited)
	if left, known := s.left(waited); known {
		if approach := s.approach(waited, left); s.affords(waited + approach) {
			pause = approach
		}
	}
	return min(max(pause, s.min), s.max)
}

// read notes the progress.
func (s *schedule) read(waited time.Duration, progress *int) {
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

// left estimates how long the task will take, by its progress since the first
// look and by the latest change: whichever ends sooner.
func (s *schedule) left(waited time.Duration) (left time.Duration, known bool) {
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

// approach returns a part of what seems to be left: such that, repeated, it comes
// down to the finest pause with the looks that may still be taken.
func (s *schedule) approach(waited, left time.Duration) time.Duration {
	finest := max(finestPause, time.Duration(finestShare*float64(waited)))
	if left <= finest {
		return jittered(finest, 0.01)
	}
	part := 1.0
	if looks := maxLooks - s.looks - spareLooks; looks > 0 {
		part = 1 - math.Pow(float64(finest)/float64(left), 1/float64(looks))
	}
	pause := time.Duration(max(part, leastApproach) * float64(left))
	return jittered(max(finest, min(pause, waited)), 0.01)
}

// affords tells whether, after a look at that time, enough are left for the round times.
func (s *schedule) affords(at time.Duration) bool {
	return (maxLooks-s.looks-1)*thinnedMost >= len(roundTimesAfter(at))
}

// toRoundTime returns the pause until the next round time; some are left out if
// looks are short.
func (s *schedule) toRoundTime(waited time.Duration) time.Duration {
	ahead := roundTimesAfter(waited)
	if len(ahead) == 0 {
		return jittered(waited/lateShare, 0.02)
	}
	looks := max(1, maxLooks-s.looks)
	at := ahead[(len(ahead)-1)/looks]
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
