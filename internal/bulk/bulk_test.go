package bulk

import (
	"context"
	"errors"
	"iter"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// numbers yields the numbers from 0 to n-1.
func numbers(n int) iter.Seq2[int, error] {
	return func(yield func(int, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
	}
}

// server takes a time for each request, and processes only so many at once.
type server struct {
	latency time.Duration
	slots   chan struct{} // nil for no limit

	mu                      sync.Mutex
	inFlight, most, refused int
	refuse                  func(inFlight int) bool
}

func (s *server) send(_ context.Context, n int) (int, error) {
	s.mu.Lock()
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	if s.refuse != nil && s.refuse(s.inFlight) {
		s.refused++
	}
	s.mu.Unlock()
	if s.slots != nil {
		s.slots <- struct{}{}
	}
	time.Sleep(s.latency)
	if s.slots != nil {
		<-s.slots
	}
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
	return n, nil
}

func (s *server) refusals() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

func (s *server) options(concurrency int) Options[int, int] {
	return Options[int, int]{
		Concurrency: concurrency, Refusals: s.refusals,
		Wrap: func(_ int, err error) error { return err }, Ended: func(err error) error { return err },
		Marked: func(error) bool { return false },
	}
}

// run sends n requests and returns how long they took.
func (s *server) run(t *testing.T, n, concurrency int) time.Duration {
	t.Helper()
	start := time.Now()
	next := 0
	for got, err := range Run(t.Context(), numbers(n), s.send, s.options(concurrency)) {
		require.NoError(t, err)
		require.Equal(t, next, got)
		next++
	}
	require.Equal(t, n, next)
	return time.Since(start)
}

// Where a round trip limits the rate, the window grows to its largest, and costs little.
func TestWindowGrowsWhileItPays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fixed := &server{latency: 20 * time.Millisecond}
		adaptive := &server{latency: 20 * time.Millisecond}
		best := fixed.run(t, 1000, maxWindow)
		took := adaptive.run(t, 1000, 0)
		assert.Equal(t, maxWindow, adaptive.most)
		assert.LessOrEqual(t, took.Seconds(), 1.2*best.Seconds())
	})
}

// Where the server processes only so many requests at once, more of them in flight do not pay.
func TestWindowStopsWhereItDoesNotPay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{latency: 20 * time.Millisecond, slots: make(chan struct{}, 4)}
		took := s.run(t, 1000, 0)
		assert.LessOrEqual(t, s.most, 16)
		assert.Equal(t, 1000/4*20*time.Millisecond, took)
	})
}

// A server that refuses above a number of requests in flight gets about that many.
func TestWindowShrinksWithRefusals(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{latency: 20 * time.Millisecond, refuse: func(inFlight int) bool { return inFlight > 12 }}
		s.run(t, 1000, 0)
		assert.Less(t, s.refused, 60, "of 1000 requests")
	})
}

func TestWindowThatIsFixed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &server{latency: time.Second, refuse: func(int) bool { return true }}
		assert.Equal(t, 34*time.Second, s.run(t, 100, 3))
		assert.Equal(t, 3, s.most)
	})
}

// An error that is marked is not lost behind the others that the end of the context causes.
func TestRunKeepsMarkedErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		marked := errors.New("may have been applied")
		send := func(ctx context.Context, n int) (int, error) {
			<-ctx.Done()
			if n == 2 {
				return 0, errors.Join(ctx.Err(), marked)
			}
			return 0, ctx.Err()
		}
		options := (&server{}).options(4)
		options.Marked = func(err error) bool { return errors.Is(err, marked) }
		var last error
		for _, err := range Run(ctx, numbers(10), send, options) {
			last = err
		}
		require.ErrorIs(t, last, context.DeadlineExceeded)
		require.ErrorIs(t, last, marked)
	})
}

// If the context ends while the jobs behind a failure are waited for, the error is both.
func TestRunIsCanceledAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		broken := errors.New("broken")
		send := func(ctx context.Context, n int) (int, error) {
			if n == 0 {
				time.Sleep(time.Millisecond) // until the others are in flight
				return 0, broken
			}
			<-ctx.Done()
			return 0, ctx.Err()
		}
		var errs []error
		for _, err := range Run(ctx, numbers(10), send, (&server{}).options(4)) {
			errs = append(errs, err)
		}
		require.Len(t, errs, 1)
		require.ErrorIs(t, errs[0], broken)
		require.ErrorIs(t, errs[0], context.DeadlineExceeded)
	})
}

// A run asks the context itself, because the requests may succeed in spite of its end.
func TestRunAsksTheContext(t *testing.T) {
	t.Parallel()
	for _, after := range []int{0, 3} { // results before the end of the context
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			read, results := 0, 0
			input := func(yield func(int, error) bool) {
				for n := range 100 {
					if read++; !yield(n, nil) {
						return
					}
				}
			}
			if after == 0 {
				cancel()
			}
			send := func(_ context.Context, n int) (int, error) { return n, nil }
			var last error
			for _, err := range Run(ctx, input, send, (&server{}).options(1)) {
				if last = err; err == nil {
					if results++; results == after {
						cancel()
					}
				}
			}
			require.ErrorIs(t, last, context.Canceled)
			assert.Equal(t, after, results)
			assert.LessOrEqual(t, read, after+1)
		})
	}
}
