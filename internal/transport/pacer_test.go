package transport

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Before the first 429 nobody waits, whatever the rate.
func TestPacerLetsAllPassAtFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, start := NewPacer(), time.Now()
		for range 1000 {
			require.NoError(t, p.Wait(t.Context(), nil))
			p.Succeeded()
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
				assert.NoError(t, p.Wait(t.Context(), func(d time.Duration) { held = append(held, d) }))
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
		err := p.Wait(ctx, func(time.Duration) { t.Error("the caller is not held back") })
		assert.Equal(t, &PaceError{RetryAfter: 10 * time.Second}, err)
		assert.Zero(t, time.Since(start))

		ctx, cancel = context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, p.Wait(ctx, nil))
		assert.Equal(t, 10*time.Second, time.Since(start))
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
			callers.Go(func() { assert.ErrorIs(t, p.Wait(ctx, nil), context.Canceled) })
		}
		callers.Wait()
		assert.Equal(t, time.Second, time.Since(start))
	})
}
