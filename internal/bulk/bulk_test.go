package bulk

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func never() int { return 0 }

// tasksOf returns n tasks that run f with their index.
func tasksOf(n int, f func(ctx context.Context, i int) (int, error)) iter.Seq[Task[int]] {
	return func(yield func(Task[int]) bool) {
		for i := range n {
			if !yield(func(ctx context.Context) (int, error) { return f(ctx, i) }) {
				return
			}
		}
	}
}

func TestRampDoublesAndHalves(t *testing.T) {
	t.Parallel()
	refused := 3
	ramp := NewRamp(2, 16, func() int { return refused })
	sizes := []int{ramp.Size()}
	for _, more := range []int{0, 0, 0, 0, 1, 5, 0, 1, 1, 1, 1} {
		refused += more
		ramp.Step()
		sizes = append(sizes, ramp.Size())
	}
	assert.Equal(t, []int{2, 4, 8, 16, 16, 8, 4, 8, 4, 2, 2, 2}, sizes)
}

// The results come in the order of the tasks, whatever the order in which they end, and with their
// errors.
func TestRunKeepsTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		odd := errors.New("odd")
		tasks := tasksOf(100, func(_ context.Context, i int) (int, error) {
			time.Sleep(time.Duration(97*i%50) * time.Millisecond)
			if i%2 == 1 {
				return i, odd
			}
			return i, nil
		})
		next := 0
		for result := range Run(t.Context(), tasks, NewRamp(8, 32, never)) {
			require.Equal(t, next, result.Index)
			require.Equal(t, next, result.Value)
			require.Equal(t, next%2 == 1, result.Err == odd)
			next++
		}
		assert.Equal(t, 100, next)
	})
}

// The ramp bounds what is in flight, and is used.
func TestRunUsesTheRamp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inFlight, most atomic.Int64
		tasks := tasksOf(300, func(context.Context, int) (int, error) {
			most.Store(max(most.Load(), inFlight.Add(1)))
			time.Sleep(10 * time.Millisecond)
			inFlight.Add(-1)
			return 0, nil
		})
		start := time.Now()
		for range Run(t.Context(), tasks, NewRamp(8, 32, never)) {
		}
		assert.EqualValues(t, 32, most.Load())
		assert.Less(t, time.Since(start), 150*time.Millisecond)
	})
}

// A loop that breaks cancels what is in flight, and waits for it. So does a panic of the tasks.
func TestRunEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var canceled atomic.Int64
		wait := func(ctx context.Context, i int) (int, error) {
			if i > 0 {
				<-ctx.Done()
				canceled.Add(1)
			}
			return 0, ctx.Err()
		}
		for range Run(t.Context(), tasksOf(100, wait), NewRamp(4, 4, never)) {
			break
		}
		assert.EqualValues(t, 3, canceled.Load())
		assert.PanicsWithValue(t, "oh", func() {
			broken := func(yield func(Task[int]) bool) {
				yield(func(ctx context.Context) (int, error) { return wait(ctx, 1) })
				panic("oh")
			}
			for range Run(t.Context(), broken, NewRamp(4, 4, never)) {
			}
		})
		assert.EqualValues(t, 4, canceled.Load())
	})
}
