package poll

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// The bounds that TasksService.Wait uses by default.
const (
	minPause = 200 * time.Millisecond
	maxPause = 30 * time.Minute
)

// shape is how a task's progress grows: its percentage after a fraction of its duration.
type shape func(x float64) int

// percent rounds the percentage down, as services do: 100 is for the end.
func percent(x float64) int { return min(99, int(100*x)) }

// simulated is the result of a simulated wait.
type simulated struct {
	polls    int
	overshot float64 // the delay, in units of the tolerated delay: half a second, or 5 % of the duration if that is more
	share    float64 // the delay as a share of the duration
}

// simulation is a task and the service that runs it.
type simulation struct {
	takes     time.Duration
	latency   time.Duration // of a poll
	progress  shape         // nil: the task shows none
	failEvery int           // every n-th poll fails; 0: none
}

// run waits for the task in simulated time.
func (sim simulation) run() simulated {
	s := Schedule{min: minPause, max: maxPause}
	polls := 0
	for waited := sim.latency; ; waited += sim.latency {
		polls++
		fails := sim.failEvery > 0 && polls%sim.failEvery == 0
		if waited >= sim.takes && !fails {
			over := waited - sim.takes
			tolerated := max(500*time.Millisecond, sim.takes/20)
			return simulated{polls, float64(over) / float64(tolerated), float64(over) / float64(sim.takes)}
		}
		switch {
		case fails:
			waited += s.pause(waited)
		case sim.progress == nil:
			waited += s.next(waited, nil)
		default:
			seen := sim.progress(float64(waited) / float64(sim.takes))
			waited += s.next(waited, &seen)
		}
	}
}

// durations spreads n durations evenly over the orders of magnitude from 100 ms to an hour.
func durations(n int) []time.Duration {
	const shortest, longest = 100 * time.Millisecond, time.Hour
	var all []time.Duration
	for range n {
		all = append(all, time.Duration(float64(shortest)*math.Pow(float64(longest)/float64(shortest), rand.Float64())))
	}
	return append(all, shortest, longest)
}

// shapes are the progresses to wait with. The bounds are those that the comment
// of TasksService.Wait promises. For progress that no estimate can predict, they
// are those that the simulation has shown.
var shapes = []struct {
	name     string
	progress shape
	within   float64 // at least this part of the tasks is seen to end within the tolerated delay
	share    float64 // the largest delay as a share of a duration above two seconds
}{
	{name: "none", progress: nil, within: 0.4, share: 0.4},
	{name: "always 0", progress: func(float64) int { return 0 }, within: 0.4, share: 0.4},
	{name: "even", progress: percent, within: 1, share: 0.05},
	{name: "first fast", progress: func(x float64) int { return percent(math.Sqrt(x)) }, within: 1, share: 0.05},
	{name: "first slow", progress: func(x float64) int { return percent(x * x) }, within: 1, share: 0.05},
	{
		name: "slow, fast, slow", progress: func(x float64) int { return percent(x * x * (3 - 2*x)) }, within: 0.85,
		share: 1,
	},
	{
		name: "in tenths", progress: func(x float64) int { return percent(math.Floor(10*x) / 10) }, within: 0.95,
		share: 0.2,
	},
	{name: "in quarters", progress: func(x float64) int { return percent(math.Floor(4*x) / 4) }, within: 0.6, share: 1},
	{
		name:     "a break in the middle",
		progress: func(x float64) int { return percent(min(x/0.4, 0.5) + max(0, x-0.8)*2.5) }, within: 0.95, share: 0.2,
	},
	{
		name: "none in the first half", progress: func(x float64) int { return percent(2*x - 1 + max(0, 1-2*x)) },
		within: 0.8, share: 2,
	},
	{
		name: "stands at 99 for long", progress: func(x float64) int { return min(99, percent(3*x)) }, within: 0.4,
		share: 2,
	},
	{
		name: "ends at 40 without a warning", progress: func(x float64) int { return percent(0.4 * x) }, within: 0.3,
		share: 1,
	},
	{
		name: "to the tenth of a percent", progress: func(x float64) int { return int(math.Round(99.4 * x)) },
		within: 1, share: 0.05,
	},
}

func TestScheduleSimulation(t *testing.T) {
	t.Parallel()
	for _, test := range shapes {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var overshot []float64
			most := 0
			for _, takes := range durations(500) {
				latency := 5*time.Millisecond + rand.N(95*time.Millisecond)
				result := simulation{takes: takes, latency: latency, progress: test.progress}.run()
				assert.LessOrEqual(t, result.polls, MaxPolls, "%v", takes)
				if result.overshot > 1 && takes > 2*time.Second {
					assert.LessOrEqual(t, result.share, test.share, "%v", takes)
				}
				overshot, most = append(overshot, result.overshot), max(most, result.polls)
			}
			slices.Sort(overshot)
			within, _ := slices.BinarySearch(overshot, 1)
			share := float64(within) / float64(len(overshot))
			assert.GreaterOrEqual(t, share, test.within)
			t.Logf("at most %d polls; %.0f %% within the tolerated delay; median %.2f, worst %.2f of it",
				most, 100*share, overshot[len(overshot)/2], overshot[len(overshot)-1])
		})
	}
}

// A failed poll counts, so failures do not make a wait poll more often.
func TestScheduleCountsFailedPolls(t *testing.T) {
	t.Parallel()
	for _, test := range shapes {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, failEvery := range []int{2, 3} {
				for _, takes := range durations(200) {
					// The last poll before the end of the hour may fail, so the end is seen one poll later.
					result := simulation{
						takes: takes, latency: 20 * time.Millisecond, progress: test.progress, failEvery: failEvery,
					}.run()
					assert.LessOrEqual(t, result.polls, MaxPolls+1, "%v, every %d. fails", takes, failEvery)
				}
			}
		})
	}
}

// Without progress, the end of a task that takes a round time is seen in time.
func TestSchedulePollsBehindRoundTimes(t *testing.T) {
	t.Parallel()
	for _, takes := range roundTimes {
		for range 20 {
			result := simulation{takes: takes, latency: 20 * time.Millisecond}.run()
			assert.LessOrEqual(t, result.overshot, 1.0, "%v", takes)
			assert.LessOrEqual(t, result.polls, MaxPolls, "%v", takes)
		}
	}
}

// A task of more than an hour is polled less and less often.
func TestScheduleBeyondAnHour(t *testing.T) {
	t.Parallel()
	for _, progress := range []shape{nil, percent} {
		result := simulation{takes: 24 * time.Hour, latency: 20 * time.Millisecond, progress: progress}.run()
		assert.LessOrEqual(t, result.polls, 150)
		assert.LessOrEqual(t, result.overshot, 1.0)
	}
}

func TestScheduleKeepsItsBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewSchedule(time.Second, 10*time.Second)
		for range 30 {
			pause := s.Next(nil)
			assert.GreaterOrEqual(t, pause, time.Second)
			assert.LessOrEqual(t, pause, 10*time.Second)
			time.Sleep(pause)
			time.Sleep(s.NextAfterFailure())
		}
	})
}
