package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// randomRefusals is a service without a limit that refuses a share of the requests at random, such
// as one whose limit other programs use up, or one node of several.
type randomRefusals struct {
	share      float64
	retryAfter string // "" for none
}

const (
	refusalCallers = 16
	refusalLatency = 20 * time.Millisecond
)

// pause returns how long nothing is sent after each refusal.
func (r randomRefusals) pause() time.Duration {
	if r.retryAfter == "" {
		return time.Second / 2
	}
	pause, _ := time.ParseDuration(r.retryAfter + "s")
	return pause
}

// allowed returns how many requests are accepted in a minute if only the pauses and the latency
// hold them back.
func (r randomRefusals) allowed() float64 {
	each := refusalLatency.Seconds()/refusalCallers + r.share/(1-r.share)*r.pause().Seconds()
	return 60 / each
}

// minutes lets the callers create records for a number of minutes, and returns how many each minute
// added.
func (r randomRefusals) minutes(t *testing.T, n int, seed uint64) []int64 {
	t.Helper()
	accepted := make([]atomic.Int64, n)
	synctest.Test(t, func(t *testing.T) {
		server := mistralobstest.NewServer(mistralobstest.WithInMemoryNetwork())
		defer server.Close()
		dataset := server.SeedDataset("Refusals", "")
		server.SetLatency(refusalLatency)
		fault := mistralobstest.Fault{Times: -1, Probability: r.share, Seed: seed, Status: http.StatusTooManyRequests}
		if r.retryAfter != "" {
			fault.Header = http.Header{"Retry-After": {r.retryAfter}}
		}
		server.Inject(fault)
		client := server.Client(t)
		start := time.Now()
		var callers sync.WaitGroup
		for range refusalCallers {
			callers.Go(func() {
				for {
					_, err := client.Records.Create(t.Context(), dataset,
						mistralobs.CreateRecordParams{Payload: map[string]int{"i": 1}})
					minute := int(time.Since(start) / time.Minute)
					if !assert.NoError(t, err) || minute >= n {
						return
					}
					accepted[minute].Add(1)
				}
			})
		}
		callers.Wait()
	})
	counts := make([]int64, n)
	for i := range accepted {
		counts[i] = accepted[i].Load()
	}
	return counts
}

// A client that is refused at random does not slow down further and further. From the second minute
// on, it makes at least half of the requests that the pauses alone allow.
func TestRandomRefusalsDoNotStarve(t *testing.T) {
	t.Parallel()
	for _, share := range []float64{0.01, 0.04} {
		for _, retryAfter := range []string{"", "1"} {
			r := randomRefusals{share, retryAfter}
			t.Run(fmt.Sprintf("%+v", r), func(t *testing.T) {
				t.Parallel()
				const minutes = 3
				seeds := uint64(100 * share) // more where fewer requests make the counts vary more
				for seed := range seeds {
					counts := r.minutes(t, minutes, seed)
					t.Logf("%v of %.0f a minute", counts, r.allowed())
					for _, count := range counts[1:] {
						assert.GreaterOrEqual(t, float64(count), r.allowed()/2, "seed %d: %d", seed, counts)
					}
				}
			})
		}
	}
}

// A Retry-After of 0 delays only the call that got it.
func TestRetryAfterOfZeroHoldsBackNobodyElse(t *testing.T) {
	t.Parallel()
	counts := randomRefusals{0.04, "0"}.minutes(t, 1, 1)
	// Each refusal costs its own caller one second at most, and the others nothing.
	each := refusalLatency.Seconds() + 0.04/0.96
	require.GreaterOrEqual(t, float64(counts[0]), 60*refusalCallers/each*0.9)
}

// A Retry-After that one call gets delays another call only as long as that call's own policy
// allows.
func TestOtherCallsWaitByTheirOwnPolicy(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]mistralobs.RetryPolicy{
		"MaxWait":    {MaxWait: time.Second},
		"MaxElapsed": {MaxElapsed: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := mistralobstest.NewServer(mistralobstest.WithInMemoryNetwork())
				defer server.Close()
				dataset := server.SeedDataset("Refusals", "")
				server.Inject(mistralobstest.Fault{
					Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"20"}},
				})
				patient := server.Client(t)
				other, err := patient.With(mistralobs.WithRetry(policy))
				require.NoError(t, err)
				start := time.Now()
				var first sync.WaitGroup
				first.Go(func() {
					_, err := patient.Datasets.Get(t.Context(), dataset)
					assert.NoError(t, err)
				})
				synctest.Wait()
				_, err = other.Datasets.Get(t.Context(), dataset)
				require.ErrorIs(t, err, mistralobs.ErrRateLimited)
				require.NotErrorIs(t, err, context.DeadlineExceeded)
				var failure *mistralobs.NetworkError
				require.ErrorAs(t, err, &failure)
				assert.Equal(t, 20*time.Second, failure.RetryAfter)
				assert.ErrorContains(t, err, "see WithRetry")
				assert.Zero(t, time.Since(start))
				first.Wait()
			})
		})
	}
}
