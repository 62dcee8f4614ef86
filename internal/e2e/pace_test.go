package e2e_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// Under a rate limit of the server a bulk creation slows down, and still uses most of the limit.
func TestPaceUnderARateLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		perSecond   float64
		burst       int
		n           int
		concurrency int
		most        int           // 429s
		within      time.Duration // twice the time of the limit or so
	}{
		{
			name: "a free account", perSecond: 1, burst: 1, n: 60, concurrency: 8, most: 20, within: 150 * time.Second,
		},
		{
			name: "ten a second", perSecond: 10, burst: 10, n: 600, concurrency: 32, most: 80,
			within: 150 * time.Second,
		},
		{
			name: "a hundred", perSecond: 100, burst: 100, n: 3000, concurrency: 64, most: 80, within: 60 * time.Second,
		},
		{
			name: "more than enough", perSecond: 1e6, burst: 1e6, n: 3000, concurrency: 64, within: time.Second,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := mistralobstest.NewServer(
					mistralobstest.WithInMemoryNetwork(), mistralobstest.WithLatency(20*time.Millisecond),
				)
				defer server.Close()
				client := server.Client(t,
					mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 20, MaxElapsed: time.Hour}))
				dataset, err := client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Paced"})
				require.NoError(t, err)
				id := dataset.ID
				server.SetRateLimit(test.perSecond, test.burst)
				input := func(yield func(mistralobs.CreateRecordParams) bool) {
					for i := 0; i < test.n && yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}); i++ {
					}
				}
				start := time.Now()
				options := mistralobs.BulkOptions{Concurrency: test.concurrency}
				for _, err := range client.Records.CreateAll(t.Context(), id, mistralobs.NoErrors(input), options) {
					require.NoError(t, err)
				}
				limited := 0
				for _, r := range server.Requests() {
					if r.Status == 429 {
						limited++
					}
				}
				assert.Len(t, server.Records(id), test.n)
				assert.LessOrEqual(t, limited, test.most, "429s")
				assert.LessOrEqual(t, time.Since(start), test.within)
				t.Logf("%d records in %v, %d times 429", test.n, time.Since(start), limited)
			})
		})
	}
}

// All callers wait for the Retry-After of one, also those of a copy of the client.
func TestRetryAfterIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := mistralobstest.NewServer(mistralobstest.WithInMemoryNetwork())
		defer server.Close()
		client := server.Client(t)
		other, err := client.With(mistralobs.WithTimeout(time.Minute))
		require.NoError(t, err)
		server.Inject(mistralobstest.Fault{Status: 429, Header: map[string][]string{"Retry-After": {"10"}}})
		start := time.Now()
		var callers sync.WaitGroup
		callers.Go(func() {
			_, err := client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
			assert.NoError(t, err)
		})
		synctest.Wait()
		for range 5 {
			callers.Go(func() {
				_, err := other.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
				assert.NoError(t, err)
				assert.GreaterOrEqual(t, time.Since(start), 10*time.Second)
			})
		}
		callers.Wait()
		assert.Len(t, server.Requests(), 7)

		// A minute later, the client has its full speed again.
		time.Sleep(time.Minute)
		start = time.Now()
		for range 100 {
			_, err := client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
			require.NoError(t, err)
		}
		assert.Zero(t, time.Since(start))
	})
}

// A higher pace also helps requests that wait already: one 429 of a service without a limit delays
// no request by more than half a minute.
func TestQueueMovesWithThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := mistralobstest.NewServer(mistralobstest.WithInMemoryNetwork())
		defer server.Close()
		client := server.Client(t)
		server.Inject(mistralobstest.Fault{Status: 429, Header: map[string][]string{"Retry-After": {"1"}}})
		start := time.Now()
		var callers sync.WaitGroup
		for range 1000 {
			callers.Go(func() {
				_, err := client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
				assert.NoError(t, err)
			})
		}
		callers.Wait()
		assert.LessOrEqual(t, time.Since(start), 32*time.Second)
	})
}
