package mistralobs_test

import (
	"net/http"
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
				dataset, err := client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Paced"})
				require.NoError(t, err)
				id := dataset.ID
				server.SetRateLimit(test.perSecond, test.burst)
				input := func(yield func(mistralobs.CreateRecordParams) bool) {
					for i := 0; i < test.n && yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}); i++ {
					}
				}
				start := time.Now()
				for _, err := range client.Records.CreateAll(t.Context(), id, mistralobs.NoErrors(input), mistralobs.BulkOptions{Concurrency: test.concurrency}) {
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

// However many wait in the row, they gain when the pace rises: one 429 of a
// service that takes everything costs nobody more than half a minute.
func TestRowMovesWithThePace(t *testing.T) {
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

// The limits of one key's workspace are not those of another's.
func TestAnotherKeyHasItsOwnPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("Authorization") == "Bearer secret-key" {
				return reply(req, 429, "", "Retry-After", "20"), nil
			}
			return reply(req, 200, `{"datasets":{}}`), nil
		}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
		other, err := client.With(mistralobs.WithAPIKey("other-key"))
		require.NoError(t, err)
		start := time.Now()
		_, err = client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
		require.ErrorIs(t, err, mistralobs.ErrRateLimited)
		_, err = other.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
		require.NoError(t, err)
		assert.Zero(t, time.Since(start))
	})
}

// Waiting for the pace or the rate limit is not the attempt's time, also where
// the caller's http.Client has a timeout.
func TestClientTimeoutDoesNotCountWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		transport := roundTripFunc(func(req *http.Request) (*http.Response, error) {
			switch requests++; requests {
			case 1:
				return reply(req, 429, "", "Retry-After", "10"), nil
			case 10:
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return reply(req, 200, `{"datasets":{}}`), nil
		})
		client := clientOver(t, nil, mistralobs.WithHTTPClient(&http.Client{Transport: transport, Timeout: time.Second}),
			mistralobs.WithRateLimit(0.2, 1), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2}))
		for range 8 {
			_, err := client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
			require.NoError(t, err)
		}
		start := time.Now()
		one, err := client.With(mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
		require.NoError(t, err)
		_, err = one.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
		require.ErrorIs(t, err, mistralobs.ErrTimeout)
		assert.ErrorContains(t, err, "within 1s")
		assert.Less(t, time.Since(start), 10*time.Second)
	})
}
