package e2e_test

import (
	"context"
	"fmt"
	"strings"
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

// networks are all combinations that the simulations cover.
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

func (n network) String() string {
	limit := "none"
	if n.perSecond > 0 {
		limit = fmt.Sprintf("%g/s", n.perSecond)
		if n.noRetryAfter {
			limit += ", no Retry-After"
		}
	}
	return fmt.Sprintf("%v | %s", n.latency, limit)
}

// least returns the time that the limit alone takes for n requests.
func (n network) least(requests int) time.Duration {
	if n.perSecond == 0 {
		return 0
	}
	return time.Duration(float64(requests-n.burst) / n.perSecond * float64(time.Second))
}

// cost is the cost of a simulated run.
type cost struct {
	took     time.Duration
	requests int
	refused  int
}

// simulate runs a program against a service in fake time. setUp prepares the service and is not counted.
func simulate(
	t *testing.T, n network, setUp func(*mistralobs.Client) string, run func(
		client *mistralobs.Client, datasetID string,
	),
) (result cost) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		options := []mistralobstest.Option{mistralobstest.WithInMemoryNetwork()}
		if n.noRetryAfter {
			options = append(options, mistralobstest.WithoutRetryAfter())
		}
		server := mistralobstest.NewServer(options...)
		defer server.Close()
		// A client of its own, so that the run starts without a pace.
		dataset := setUp(server.Client(t))
		client := server.Client(t, mistralobs.WithRetry(mistralobs.RetryPolicy{MaxElapsed: time.Hour}))
		before := len(server.Requests())
		server.SetLatency(n.latency)
		server.SetRateLimit(n.perSecond, n.burst)
		start := time.Now()
		run(client, dataset)
		result.took = time.Since(start)
		for _, request := range server.Requests()[before:] {
			result.requests++
			if request.Status == 429 {
				result.refused++
			}
		}
	})
	return result
}

// walkOf returns a run that walks over pages of one record.
func walkOf(
	t *testing.T, pages, readAhead int,
) (setUp func(*mistralobs.Client) string, run func(*mistralobs.Client, string)) {
	setUp = func(client *mistralobs.Client) string {
		id := simulatedDataset(t, client)
		for i := range pages {
			record := mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}
			_, err := client.Records.Create(context.Background(), id, record)
			require.NoError(t, err)
		}
		return id
	}
	run = func(client *mistralobs.Client, id string) {
		n := 0
		params := mistralobs.ListParams{PageSize: 1, ReadAhead: readAhead}
		for _, err := range client.Records.All(context.Background(), id, params) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, pages, n)
	}
	return setUp, run
}

// TestSimulationOfWalks compares the read-ahead that adapts with the fixed read-ahead that is best
// for each service. With -v it prints the table of BENCHMARKS.md.
func TestSimulationOfWalks(t *testing.T) {
	t.Parallel()
	if !testing.Verbose() {
		t.Skip("it only prints a table, with -v")
	}
	const pages = 40
	var table strings.Builder
	table.WriteString("| latency | limit | requests | refused | time | best fixed setting | time against it |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, n := range networks() {
		setUp, run := walkOf(t, pages, 0)
		adaptive := simulate(t, n, setUp, run)
		best, setting := cost{took: time.Hour}, ""
		for _, fixed := range []int{mistralobs.NoReadAhead, 1, 2, 4, 8} {
			setUp, run := walkOf(t, pages, fixed)
			if one := simulate(t, n, setUp, run); one.took < best.took {
				best, setting = one, fmt.Sprint(max(0, fixed))
			}
		}
		fmt.Fprintf(&table, "| %v | %d | %d | %.2f s | %s: %.2f s, %d refused | %.2f |\n",
			n, adaptive.requests, adaptive.refused, adaptive.took.Seconds(),
			setting, best.took.Seconds(), best.refused, float64(adaptive.took)/float64(best.took))
	}
	t.Logf("a walk over %d pages:\n%s", pages, &table)
}

// A walk under a limit takes little more than the limit's own time, and is seldom refused.
func TestWalkUnderARateLimit(t *testing.T) {
	t.Parallel()
	for _, noRetryAfter := range []bool{false, true} {
		for _, latency := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond} {
			n := network{latency: latency, perSecond: 5, burst: 1, noRetryAfter: noRetryAfter}
			t.Run(n.String(), func(t *testing.T) {
				t.Parallel()
				setUp, run := walkOf(t, 40, 0)
				result := simulate(t, n, setUp, run)
				assert.LessOrEqual(t, result.took, n.least(40)*3/2)
				assert.LessOrEqual(t, result.refused, 10)
				t.Logf(
					"%.2f of the limit's own time, %d refused", float64(result.took)/float64(n.least(40)),
					result.refused,
				)
			})
		}
	}
}

// A walk with default parameters is at least five times as fast as one page at a time.
func TestWalkIsFastByDefault(t *testing.T) {
	t.Parallel()
	n := network{latency: 20 * time.Millisecond}
	setUp, run := walkOf(t, 100, 0)
	byDefault := simulate(t, n, setUp, run)
	setUp, run = walkOf(t, 100, mistralobs.NoReadAhead)
	oneByOne := simulate(t, n, setUp, run)
	assert.GreaterOrEqual(t, oneByOne.took, 5*byDefault.took)
	assert.Equal(t, oneByOne.requests, byDefault.requests)
}

func simulatedDataset(t *testing.T, client *mistralobs.Client) string {
	t.Helper()
	params := mistralobs.CreateDatasetParams{Name: "simulation", Description: "d"}
	dataset, err := client.Datasets.Create(context.Background(), params)
	require.NoError(t, err)
	return dataset.ID
}

// creationOf returns a run that creates records.
func creationOf(
	t *testing.T, records, concurrency int,
) (setUp func(*mistralobs.Client) string, run func(*mistralobs.Client, string)) {
	setUp = func(client *mistralobs.Client) string { return simulatedDataset(t, client) }
	run = func(client *mistralobs.Client, id string) {
		input := func(yield func(mistralobs.CreateRecordParams, error) bool) {
			for i := 0; i < records && yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}, nil); i++ {
			}
		}
		n := 0
		options := mistralobs.BulkOptions{Concurrency: concurrency}
		for _, err := range client.Records.CreateAll(context.Background(), id, input, options) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, records, n)
	}
	return setUp, run
}

// TestSimulationOfCreations compares the concurrency that adapts with the fixed concurrency that is
// best for each service. With -v it prints the table of BENCHMARKS.md.
func TestSimulationOfCreations(t *testing.T) {
	t.Parallel()
	if !testing.Verbose() {
		t.Skip("it only prints a table, with -v")
	}
	const records = 300
	var table strings.Builder
	table.WriteString("| latency | limit | requests | refused | time | best fixed setting | time against it |\n" +
		"|---|---|---|---|---|---|---|\n")
	for _, n := range networks() {
		setUp, run := creationOf(t, records, 0)
		adaptive := simulate(t, n, setUp, run)
		best, setting := cost{took: time.Hour}, ""
		for _, fixed := range []int{1, 4, 8, 16, 32} {
			setUp, run := creationOf(t, records, fixed)
			if one := simulate(t, n, setUp, run); one.took < best.took {
				best, setting = one, fmt.Sprint(fixed)
			}
		}
		fmt.Fprintf(&table, "| %v | %d | %d | %.2f s | %s: %.2f s, %d refused | %.2f |\n",
			n, adaptive.requests, adaptive.refused, adaptive.took.Seconds(),
			setting, best.took.Seconds(), best.refused, float64(adaptive.took)/float64(best.took))
	}
	t.Logf("%d creations:\n%s", records, &table)
}

// A creation of many records under a limit takes little more than the limit's own time, and is seldom refused.
func TestCreateAllUnderARateLimit(t *testing.T) {
	t.Parallel()
	for _, noRetryAfter := range []bool{false, true} {
		for _, latency := range []time.Duration{time.Millisecond, 20 * time.Millisecond, 200 * time.Millisecond} {
			n := network{latency: latency, perSecond: 20, burst: 4, noRetryAfter: noRetryAfter}
			t.Run(n.String(), func(t *testing.T) {
				t.Parallel()
				setUp, run := creationOf(t, 300, 0)
				result := simulate(t, n, setUp, run)
				assert.LessOrEqual(t, result.took, n.least(300)*13/10)
				assert.LessOrEqual(t, result.refused, 30)
				t.Logf("%.2f of the limit's own time, %d refused", float64(result.took)/float64(n.least(300)), result.refused)
			})
		}
	}
}

// Without a limit, CreateAll finds the concurrency that pays.
func TestCreateAllIsFastByDefault(t *testing.T) {
	t.Parallel()
	n := network{latency: 20 * time.Millisecond}
	setUp, run := creationOf(t, 300, 0)
	byDefault := simulate(t, n, setUp, run)
	setUp, run = creationOf(t, 300, 32)
	fixed := simulate(t, n, setUp, run)
	assert.LessOrEqual(t, byDefault.took, fixed.took*12/10)
	assert.Equal(t, fixed.requests, byDefault.requests)
}
