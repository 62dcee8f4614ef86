package e2e_test

import (
	"context"
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// moment returns a random time until a cancellation: often a millisecond, seldom half a second.
func moment(random *rand.Rand) time.Duration {
	return time.Duration(math.Pow(2, 9*random.Float64()) * float64(time.Millisecond))
}

// cancelAfter calls a method whose context ends after a time. It returns the time of the call and
// its error.
func (s *scene) cancelAfter(method string, after time.Duration) (took time.Duration, err error) {
	var cancel context.CancelFunc
	s.ctx, cancel = context.WithCancel(context.Background())
	defer cancel()
	timer := time.AfterFunc(after, cancel)
	defer timer.Stop()
	start := time.Now()
	err = methods[method](s)
	return time.Since(start), err
}

// Every method ends at the very moment at which its context ends, whatever it is doing. It leaves
// no connection, no goroutine and no file behind, and what it returned is true.
func TestEveryMethodIsCanceled(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	t.Run("methods", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(methods)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				canceled := 0
				for seed := range uint64(6) {
					synctest.Test(t, func(t *testing.T) { canceled += cancelInBubble(t, name, seed) })
				}
				assert.Positive(t, canceled, "of 6 calls")
			})
		}
	})
	assert.Empty(t, contents(t, temp))
}

// cancelInBubble cancels a call of a method, and returns how many it has canceled: 0 or 1.
func cancelInBubble(t *testing.T, method string, seed uint64) (canceled int) {
	server := mistralobstest.NewServer(mistralobstest.WithInMemoryNetwork())
	defer server.Close()
	w := seedTelemetry(server)
	w.client = server.Client(t)
	s := newScene(t, w, method, t.TempDir())
	server.SetLatency(20 * time.Millisecond)
	for i, fault := range []mistralobstest.Fault{
		{Break: mistralobstest.StallHeader}, {Break: mistralobstest.StallBody, After: 5},
		{Break: mistralobstest.ResetUnanswered}, {Status: 503},
	} {
		fault.Times, fault.Probability, fault.Seed = -1, 0.05, 10*seed+uint64(i)
		server.Inject(fault)
	}
	after := moment(rand.New(rand.NewPCG(seed, 3)))
	took, err := s.cancelAfter(method, after)
	assert.LessOrEqual(t, took, after)
	if took == after {
		assert.ErrorIs(t, err, context.Canceled)
		canceled = 1
	}
	server.ClearFaults()
	for _, check := range s.checks {
		check()
	}
	w.client.CloseIdleConnections()
	synctest.Wait()
	assert.Zero(t, server.OpenConnections(), "connections")
	return canceled
}

// cancelRound cancels a call of any method, and checks what the server holds then.
func (s *soak) cancelRound(folder string, random *rand.Rand) {
	method := s.methods[random.IntN(len(s.methods))]
	place := newScene(s.t, s.telemetry, method, folder)
	after := moment(random)
	took, err := place.cancelAfter(method, after)
	assert.Less(s.t, took, after+15*time.Second, "%s ends with its context", method)
	for _, check := range place.checks {
		check()
	}
	if errors.Is(err, context.Canceled) {
		s.mu.Lock()
		s.canceled[method]++
		s.mu.Unlock()
	}
	for _, dataset := range s.server.Datasets() { // that of the scene, and one that the method may have created
		if strings.HasSuffix(dataset.Name, place.name) {
			place.until(func(ctx context.Context) error { return s.client.Datasets.Delete(ctx, dataset.ID) })
		}
	}
}
