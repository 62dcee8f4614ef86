package mistralobs_test

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

// Under a rate limit of the server a bulk creation slows down instead of
// hammering, and still uses most of what the server would take.
func TestPaceUnderARateLimit(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		perSecond   float64
		burst, n    int
		concurrency int
		most        int           // 429s
		within      time.Duration // what the limit alone would take: n / perSecond
	}{
		"a free account":   {1, 1, 60, 8, 20, 150 * time.Second},
		"ten a second":     {10, 10, 600, 32, 80, 150 * time.Second},
		"a hundred":        {100, 100, 3000, 64, 80, 60 * time.Second},
		"more than enough": {1e6, 1e6, 3000, 64, 0, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				server := mistralobstest.NewServer(mistralobstest.WithInMemoryNetwork(), mistralobstest.WithLatency(20*time.Millisecond))
				defer server.Close()
				client := server.Client(t, mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 20, MaxElapsed: time.Hour}))
				id := newDataset(t, client)
				server.SetRateLimit(test.perSecond, test.burst)
				input := func(yield func(mistralobs.CreateRecordParams) bool) {
					for i := 0; i < test.n && yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}); i++ {
					}
				}
				start := time.Now()
				for _, err := range client.Records.CreateAll(t.Context(), id, input, mistralobs.BulkOptions{Concurrency: test.concurrency}) {
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

// What one caller is told all wait for, those of a copy of the client too.
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

		// Long after, nothing is slower than before.
		time.Sleep(time.Minute)
		start = time.Now()
		for range 100 {
			_, err := client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
			require.NoError(t, err)
		}
		assert.Zero(t, time.Since(start))
	})
}
