package e2e_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// network is a service at a distance, with a rate limit.
type network struct {
	latency      time.Duration
	perSecond    float64 // 0: no limit
	burst        int
	noRetryAfter bool
}

// networks are all combinations that the simulation covers.
func networks() []network {
	var all []network
	for _, latency := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond} {
		for _, perSecond := range []float64{0, 100, 20, 5, 1} {
			for _, noRetryAfter := range []bool{false, true} {
				if perSecond > 0 || !noRetryAfter {
					all = append(all, network{latency, perSecond, max(1, int(perSecond/5)), noRetryAfter})
				}
			}
		}
	}
	return all
}

// String returns the first cells of a row of the table.
func (n network) String() string {
	limit := "none"
	if n.perSecond > 0 {
		limit = fmt.Sprintf("%g/s", n.perSecond)
		if n.noRetryAfter {
			limit += ", bare"
		}
	}
	return fmt.Sprintf("%v | %s", n.latency, limit)
}

// server returns a server without the latency and the limit, which would slow down the preparation.
func (n network) server() *mistralobstest.Server {
	options := []mistralobstest.Option{mistralobstest.WithInMemoryNetwork()}
	if n.noRetryAfter {
		options = append(options, mistralobstest.WithoutRetryAfter())
	}
	return mistralobstest.NewServer(options...)
}

// apply gives the server the latency and the limit.
func (n network) apply(server *mistralobstest.Server) {
	server.SetLatency(n.latency)
	server.SetRateLimit(n.perSecond, n.burst)
}

// work is a program that sends many requests.
type work struct {
	requests int
	most     int     // requests in flight, with the setting that adapts
	factor   float64 // of the least time, which no row of the table exceeds
	refused  int     // requests of a row at most
	fixed    []int   // settings to compare that with
	records  int     // that the dataset holds before
	run      func(ctx context.Context, client *mistralobs.Client, datasetID string, setting int) (done int, err error)
}

// walkOf reads pages of one record each.
func walkOf(pages int) work {
	return work{
		requests: pages, most: 8, factor: 1.5, refused: 20, records: pages,
		fixed: []int{mistralobs.NoReadAhead, 1, 2, 4, 8},
		run: func(ctx context.Context, client *mistralobs.Client, datasetID string, setting int) (done int, err error) {
			params := mistralobs.ListParams{PageSize: 1, ReadAhead: setting}
			for _, err := range client.Records.All(ctx, datasetID, params) {
				if err != nil {
					return done, err
				}
				done++
			}
			return done, nil
		},
	}
}

// creationOf creates records.
func creationOf(records int) work {
	return work{
		requests: records, most: 32, factor: 1.5, refused: 50, fixed: []int{1, 4, 8, 16, 32},
		run: func(ctx context.Context, client *mistralobs.Client, datasetID string, setting int) (done int, err error) {
			options := mistralobs.BulkOptions{Concurrency: setting}
			for _, err := range client.Records.CreateAll(ctx, datasetID, numbered(records), options) {
				if err != nil {
					return done, err
				}
				done++
			}
			return done, nil
		},
	}
}

// numbered yields small records.
func numbered(n int) iter.Seq2[mistralobs.CreateRecordParams, error] {
	return func(yield func(mistralobs.CreateRecordParams, error) bool) {
		for i := 0; i < n && yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}, nil); i++ {
		}
	}
}

// least returns the time that the limit and the latency alone take.
func (w work) least(n network) time.Duration {
	least := time.Duration(w.requests/w.most) * n.latency
	if n.perSecond > 0 {
		least = max(least, time.Duration(float64(w.requests-n.burst)/n.perSecond*float64(time.Second)))
	}
	return least + n.latency
}

// bound returns the longest time that a row of the table may take. To learn the limit costs about
// three refusals and their pauses. Only where the work is short, that is much of the time.
func (w work) bound(n network) time.Duration {
	least := w.least(n)
	bound := time.Duration(w.factor * float64(least))
	if n.perSecond > 0 && least < 5*time.Second {
		bound += 3 * time.Second
	}
	return bound
}

// cost is the cost of a simulated run.
type cost struct {
	took     time.Duration
	requests int
	refused  int
}

// simulate runs the work with a setting in fake time. The preparation is not counted.
func (w work) simulate(t *testing.T, n network, setting int) (result cost) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := n.server()
		defer server.Close()
		dataset := seedNumbered(server, w.records)
		n.apply(server)
		client := server.Client(t)
		start := time.Now()
		done, err := w.run(t.Context(), client, dataset, setting)
		require.NoError(t, err)
		require.Equal(t, w.requests, done)
		result.took = time.Since(start)
		for _, request := range server.Requests() {
			result.requests++
			if request.Status == http.StatusTooManyRequests {
				result.refused++
			}
		}
	})
	return result
}

// seedNumbered makes a dataset of small records and returns its ID.
func seedNumbered(server *mistralobstest.Server, n int) string {
	records := make([]mistralobstest.RecordSeed, n)
	for i := range records {
		records[i].Payload = fmt.Appendf(nil, `{"i":%d}`, i)
	}
	return server.SeedDataset("Simulation", "", records...)
}

// best returns the cheapest of the fixed settings.
func (w work) best(t *testing.T, n network) cost {
	best := cost{took: time.Hour}
	for _, setting := range w.fixed {
		if one := w.simulate(t, n, setting); one.took < best.took {
			best = one
		}
	}
	return best
}

// cells returns the cells of the work in a row of the table.
func (w work) cells(t *testing.T, n network, adaptive cost) string {
	best := w.best(t, n)
	return fmt.Sprintf("%.2f s | %.2f | %.2f | %d (%d)", adaptive.took.Seconds(),
		float64(adaptive.took)/float64(w.least(n)), float64(adaptive.took)/float64(best.took),
		adaptive.requests, adaptive.refused)
}

// TestSimulation holds walks and creations with default settings to a bound for each latency and
// limit. With -v it compares them with the best fixed setting, and prints the table of
// BENCHMARKS.md.
func TestSimulation(t *testing.T) {
	t.Parallel()
	all := networks()
	rows := make([]string, len(all))
	t.Cleanup(func() { t.Log("\n" + strings.Join(rows, "\n")) })
	for i, n := range all {
		t.Run(n.String(), func(t *testing.T) {
			t.Parallel()
			rows[i] = "| " + n.String()
			for _, w := range []work{walkOf(40), creationOf(300)} {
				adaptive := w.simulate(t, n, 0)
				assert.LessOrEqual(t, adaptive.took, w.bound(n))
				assert.LessOrEqual(t, adaptive.refused, w.refused)
				if n.perSecond == 5 && w.requests == 40 {
					assert.LessOrEqual(t, adaptive.refused, 10)
				}
				if n.perSecond == 20 && w.requests == 300 {
					assert.LessOrEqual(t, adaptive.refused, 30)
				}
				if testing.Verbose() {
					rows[i] += " | " + w.cells(t, n, adaptive)
				}
			}
			rows[i] += " |"
		})
	}
}

// A walk with default parameters is at least five times as fast as one page at a time.
func TestWalkIsFastByDefault(t *testing.T) {
	t.Parallel()
	n := network{latency: 20 * time.Millisecond}
	byDefault := walkOf(100).simulate(t, n, 0)
	oneByOne := walkOf(100).simulate(t, n, mistralobs.NoReadAhead)
	assert.GreaterOrEqual(t, oneByOne.took, 5*byDefault.took)
	assert.Equal(t, oneByOne.requests, byDefault.requests)
}

// Without a limit, CreateAll finds the concurrency that pays.
func TestCreateAllIsFastByDefault(t *testing.T) {
	t.Parallel()
	n := network{latency: 20 * time.Millisecond}
	byDefault := creationOf(300).simulate(t, n, 0)
	fixed := creationOf(300).simulate(t, n, 32)
	assert.LessOrEqual(t, byDefault.took, fixed.took*12/10)
	assert.Equal(t, fixed.requests, byDefault.requests)
}

// No creation uses up its attempts while the client learns that the limit is as low as one a
// second.
func TestCreateAllUnderTheLowestLimit(t *testing.T) {
	t.Parallel()
	for _, noRetryAfter := range []bool{false, true} {
		for _, burst := range []int{1, 5} {
			n := network{latency: time.Millisecond, perSecond: 1, burst: burst, noRetryAfter: noRetryAfter}
			t.Run(fmt.Sprintf("%v, burst %d", n, burst), func(t *testing.T) {
				t.Parallel()
				for range 3 {
					creationOf(30).simulate(t, n, 0) // fails if a creation fails
				}
			})
		}
	}
}

// Two clients share a limit: neither starves, and together they use most of it. The service accepts
// two requests at once: if it accepted one, a client would seldom find room beside the other.
func TestTwoClientsShareALimit(t *testing.T) {
	t.Parallel()
	const span = 4 * time.Minute
	for name, w := range map[string]work{"walk": walkOf(5000), "create": creationOf(5000)} {
		for _, noRetryAfter := range []bool{false, true} {
			n := network{latency: 20 * time.Millisecond, perSecond: 5, burst: 2, noRetryAfter: noRetryAfter}
			t.Run(fmt.Sprintf("%s | %v", name, n), func(t *testing.T) {
				t.Parallel()
				first, second := w.together(t, n, span)
				all := first + second
				assert.GreaterOrEqual(t, min(first, second), all/16, "%d and %d requests", first, second)
				assert.GreaterOrEqual(t, float64(all), 0.6*n.perSecond*span.Seconds())
			})
		}
	}
}

// together runs the work with two clients at once, and returns how much each has done in the span.
func (w work) together(t *testing.T, n network, span time.Duration) (first, second int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		server := n.server()
		defer server.Close()
		dataset := seedNumbered(server, w.records)
		n.apply(server)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(span, cancel)
		var clients sync.WaitGroup
		for _, done := range []*int{&first, &second} {
			client := server.Client(t, mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 20, MaxElapsed: span}))
			clients.Go(func() {
				var err error
				*done, err = w.run(ctx, client, dataset, 0)
				assert.ErrorIs(t, err, context.Canceled)
			})
		}
		clients.Wait()
	})
	return first, second
}
