package mistralobs

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// shape is how a task's progress grows: its percentage after a fraction of its duration.
type shape func(x float64) int

// percent cuts the percentage as services do: 100 is for the end.
func percent(x float64) int { return min(99, int(100*x)) }

// simulated is what came of a simulated wait.
type simulated struct {
	looks    int
	overshot float64 // in units of what is tolerated: half a second, or 5 % of the duration if that is more
	share    float64 // waited in vain, of the duration
}

// simulate waits for a task of the duration, with latency for each look, in no time at all.
func simulate(takes, latency time.Duration, progress shape) simulated {
	began := time.Time{}.Add(time.Hour)
	s := schedule{min: DefaultMinPoll, max: DefaultMaxPoll, started: began}
	for waited := latency; ; waited += latency {
		s.looks++
		if waited >= takes {
			over := waited - takes
			tolerated := max(500*time.Millisecond, takes/20)
			return simulated{s.looks, float64(over) / float64(tolerated), float64(over) / float64(takes)}
		}
		var seen *int
		if progress != nil {
			p := progress(float64(waited) / float64(takes))
			seen = &p
		}
		waited += s.next(began.Add(waited), seen)
	}
}

// durations are spread evenly over the orders of magnitude from 100 ms to an hour.
func durations(n int) []time.Duration {
	const shortest, longest = 100 * time.Millisecond, time.Hour
	var all []time.Duration
	for range n {
		all = append(all, time.Duration(float64(shortest)*math.Pow(float64(longest)/float64(shortest), rand.Float64())))
	}
	return append(all, shortest, longest)
}

// The bounds are what the comment of TasksService.Wait promises, and, for
// progress that no estimate can be right about, what the simulation has shown.
func TestScheduleSimulation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		progress shape
		within   float64 // the part of the tasks whose end is seen within what is tolerated, at least
		share    float64 // of a duration of more than two seconds is waited in vain at most
	}{
		"none":                          {nil, 0.4, 0.4},
		"always 0":                      {func(float64) int { return 0 }, 0.4, 0.4},
		"even":                          {percent, 1, 0.05},
		"first fast":                    {func(x float64) int { return percent(math.Sqrt(x)) }, 1, 0.05},
		"first slow":                    {func(x float64) int { return percent(x * x) }, 1, 0.05},
		"slow, fast, slow":              {func(x float64) int { return percent(x * x * (3 - 2*x)) }, 0.85, 1},
		"in tenths":                     {func(x float64) int { return percent(math.Floor(10*x) / 10) }, 0.95, 0.2},
		"in quarters":                   {func(x float64) int { return percent(math.Floor(4*x) / 4) }, 0.6, 1},
		"a break in the middle":         {func(x float64) int { return percent(min(x/0.4, 0.5) + max(0, x-0.8)*2.5) }, 0.95, 0.2},
		"none in the first half":        {func(x float64) int { return percent(2*x - 1 + max(0, 1-2*x)) }, 0.8, 2},
		"stands still at 99 for long":   {func(x float64) int { return min(99, percent(3*x)) }, 0.4, 2},
		"ends at 40 without a warning":  {func(x float64) int { return percent(0.4 * x) }, 0.3, 1},
		"known to the tenth of percent": {func(x float64) int { return int(math.Round(99.4 * x)) }, 1, 0.05},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var overshot []float64
			most := 0
			for _, takes := range durations(500) {
				latency := 5*time.Millisecond + rand.N(95*time.Millisecond)
				result := simulate(takes, latency, test.progress)
				assert.LessOrEqual(t, result.looks, maxLooks, "%v", takes)
				if result.overshot > 1 && takes > 2*time.Second {
					assert.LessOrEqual(t, result.share, test.share, "%v", takes)
				}
				overshot, most = append(overshot, result.overshot), max(most, result.looks)
			}
			slices.Sort(overshot)
			within, _ := slices.BinarySearch(overshot, 1)
			share := float64(within) / float64(len(overshot))
			assert.GreaterOrEqual(t, share, test.within)
			t.Logf("at most %d looks; %.0f %% within what is tolerated; median %.2f, worst %.2f of that",
				most, 100*share, overshot[len(overshot)/2], overshot[len(overshot)-1])
		})
	}
}

// Without progress, the end of a task that takes a round time is seen in time all the same.
func TestScheduleLooksBehindRoundTimes(t *testing.T) {
	t.Parallel()
	for _, takes := range roundTimes {
		for range 20 {
			result := simulate(takes, 20*time.Millisecond, nil)
			assert.LessOrEqual(t, result.overshot, 1.0, "%v", takes)
			assert.LessOrEqual(t, result.looks, maxLooks, "%v", takes)
		}
	}
}

// Tasks of more than an hour are looked at less and less often.
func TestScheduleBeyondAnHour(t *testing.T) {
	t.Parallel()
	for _, progress := range []shape{nil, percent} {
		result := simulate(24*time.Hour, 20*time.Millisecond, progress)
		assert.LessOrEqual(t, result.looks, 150)
		assert.LessOrEqual(t, result.overshot, 1.0)
	}
}
