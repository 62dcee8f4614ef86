package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
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

// TestSoak runs for as long as MISTRALOBS_SOAK says ("10m"). The test is not parallel: it counts
// goroutines.
func TestSoak(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("MISTRALOBS_SOAK"))
	if err != nil {
		t.Skip("MISTRALOBS_SOAK is not set to a duration")
	}
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	before := measure()
	s := newSoak(t, mistralobstest.WithRateLimit(1500, 300), mistralobstest.WithPartialImports(someRecords, false))
	own := []mistralobs.Option{mistralobs.WithAPIKey(s.server.APIKey), mistralobs.WithBaseURL(s.server.URL)}
	s.client, err = mistralobs.NewClient(append(own, patience...)...) // over the SDK's own transport
	require.NoError(t, err)
	s.telemetry.client = s.client
	s.run(duration, crew{rounds: 64, cancelers: 16, syncers: 8})
	peak := measure()
	s.close()
	goroutinesEnd := func() bool { return runtime.NumGoroutine() <= before.goroutines+1 }
	assert.Eventually(t, goroutinesEnd, 10*time.Second, 10*time.Millisecond,
		"goroutines, beside the one that counts them")
	assert.Empty(t, contents(t, temp), "temporary files")
	after := measure()
	assert.Less(t, after.heap, before.heap+16<<20, "heap")
	t.Logf("%v: %v; before %v, at the end %v, after %v", duration, s, before, peak, after)
}

// In fake time the soak takes a second or two.
func TestSoakInFakeTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSoak(t, mistralobstest.WithInMemoryNetwork(), mistralobstest.WithLatency(20*time.Millisecond),
			mistralobstest.WithPartialImports(someRecords, true))
		s.run(5*time.Second, crew{rounds: 2, cancelers: 3, syncers: 1})
		s.close()
		t.Log(s)
	})
}

// soak is a server that fails one request in ten, and goroutines that share a client of it. They
// call all methods, cancel calls at any moment, and sync datasets while a second writer changes
// them. Nothing may be lost, doubled, overwritten or leaked.
type soak struct {
	t         *testing.T
	server    *mistralobstest.Server
	client    *mistralobs.Client
	telemetry world
	methods   []string

	rounds, made, doubtful, partial, syncs, errors atomic.Int64

	mu       sync.Mutex
	canceled map[string]int // calls by method
	fates    map[fate]int   // of what the second writers wrote
}

func newSoak(t *testing.T, opts ...mistralobstest.Option) *soak {
	t.Helper()
	opts = append(opts, mistralobstest.WithRequestLog(0), mistralobstest.WithTaskDuration(20*time.Millisecond),
		mistralobstest.WithExportTTL(5*time.Second), mistralobstest.WithTaskOutcome(badEnds))
	s := &soak{t: t, server: mistralobstest.NewServer(opts...), canceled: map[string]int{}, fates: map[fate]int{}}
	t.Cleanup(s.server.Close)
	s.client = s.server.Client(t, patience...)
	s.telemetry = seedTelemetry(s.server)
	s.telemetry.client = s.client
	s.methods = slices.Sorted(maps.Keys(methods))
	breakThings(s.server)
	return s
}

// patience lets calls outlast the faults.
var patience = []mistralobs.Option{
	mistralobs.WithTimeout(5 * time.Second),
	mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 12, MinWait: 10 * time.Millisecond,
		MaxWait: 5 * time.Second}),
}

// someRecords is how many records an import makes at most.
const someRecords = 12

// badEnds makes one task in eight end badly, after it has made some of its records.
func badEnds(task mistralobstest.TaskInfo) (status, message string) {
	statuses := []string{"FAILED", "CANCELED", "TERMINATED", "TIMED_OUT"}
	if n := int(crc32.ChecksumIEEE([]byte(task.ID)) % 32); n < len(statuses) {
		return statuses[n], "the soak ends it"
	}
	return "", ""
}

// breakThings makes one request in ten fail, in ten ways, and a few connections go silent.
func breakThings(server *mistralobstest.Server) {
	for i, fault := range []mistralobstest.Fault{
		{Break: mistralobstest.Refuse},
		{Break: mistralobstest.ResetUnread},
		{Break: mistralobstest.ResetUnanswered},
		{Break: mistralobstest.ResetBody, After: 30},
		{Break: mistralobstest.TruncateBody, After: 30},
		{Status: 500},
		{Status: 502, Apply: true, Body: "<html>"},
		{Status: 503},
		{Status: 504, Apply: true},
		{Delay: 50 * time.Millisecond},
	} {
		fault.Times, fault.Probability, fault.Seed = -1, 0.01, uint64(i)
		server.Inject(fault)
	}
	for i, how := range []mistralobstest.Break{mistralobstest.StallHeader, mistralobstest.StallBody} {
		server.Inject(mistralobstest.Fault{Break: how, After: 30, Times: -1, Probability: 0.001, Seed: uint64(i)})
	}
}

// crew is the number of goroutines for each kind of work.
type crew struct{ rounds, cancelers, syncers int }

func (s *soak) run(duration time.Duration, crew crew) {
	ctx, cancel := context.WithTimeout(context.Background(), duration)
	defer cancel()
	var workers sync.WaitGroup
	start := func(n int, work func(worker int, random *rand.Rand)) {
		for worker := range n {
			random := rand.New(rand.NewPCG(uint64(worker), uint64(n)))
			workers.Go(func() {
				for ctx.Err() == nil {
					work(worker, random)
				}
			})
		}
	}
	folders := make([]string, crew.cancelers)
	for i := range folders {
		folders[i] = s.t.TempDir()
	}
	start(crew.rounds, func(worker int, random *rand.Rand) { s.round(worker, random.Uint64()) })
	start(crew.cancelers, func(worker int, random *rand.Rand) { s.cancelRound(folders[worker], random) })
	start(crew.syncers, func(_ int, random *rand.Rand) { s.syncRound(random) })
	workers.Wait()
	s.server.ClearFaults()
	s.server.SetRateLimit(0, 0)
}

// close deletes the datasets whose creation was not reported, and checks that nothing else is left.
func (s *soak) close() {
	for _, dataset := range s.server.Datasets() {
		require.NoError(s.t, s.client.Datasets.Delete(context.Background(), dataset.ID))
	}
	assert.Empty(s.t, s.server.Datasets())
	s.client.CloseIdleConnections()
	s.server.HTTPClient().CloseIdleConnections()
	closed := func() bool { return s.server.OpenConnections() == 0 }
	assert.Eventually(s.t, closed, 10*time.Second, 10*time.Millisecond, "connections")
	s.server.Close()
}

func (s *soak) String() string {
	calls, least := 0, math.MaxInt
	for _, method := range s.methods {
		calls += s.canceled[method]
		least = min(least, s.canceled[method])
	}
	return fmt.Sprintf("%d rounds, %d records made, %d doubtful, %d imported in part, %d errors; "+
		"%d calls canceled, of each of %d methods at least %d; %d syncs beside a second writer, of whose writes %v",
		s.rounds.Load(), s.made.Load(), s.doubtful.Load(), s.partial.Load(), s.errors.Load(), calls,
		len(s.methods), least,
		s.syncs.Load(), s.fates)
}

func (s *soak) syncRound(random *rand.Rand) {
	r := newSyncRound(s.t, s.server, s.client, random)
	r.run()
	s.syncs.Add(int64(r.syncs))
	s.mu.Lock()
	for end, n := range r.fates {
		s.fates[end] += n
	}
	s.mu.Unlock()
	s.certain(s.client.Datasets.Delete(context.Background(), r.dataset))
}

// usage counts what a run could leak.
type usage struct {
	goroutines int
	heap       uint64
}

func (u usage) String() string {
	return fmt.Sprintf("%d goroutines and %.1f MB", u.goroutines, float64(u.heap)/1e6)
}

func measure() usage {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), m.HeapAlloc}
}

// round creates a dataset, calls all operations on it and deletes it. A doubtful creation ends the
// round early.
func (s *soak) round(worker int, number uint64) {
	ctx := context.Background()
	params := mistralobs.CreateDatasetParams{Name: fmt.Sprintf("Soak %d-%d", worker, number)}
	dataset, err := s.client.Datasets.Create(ctx, params)
	if !s.certain(err) {
		return
	}
	s.fill(ctx, dataset.ID)
	s.look(ctx, dataset.ID)
	s.importAndExport(ctx, dataset.ID)
	s.certain(s.client.Datasets.Delete(ctx, dataset.ID))
	s.rounds.Add(1)
}

// certain reports whether a call succeeded. Only a creation may be doubtful. An upload of FromJSONL
// is a creation, but it is not marked, since it makes no record.
func (s *soak) certain(err error) bool {
	var response *mistralobs.Error
	var network *mistralobs.NetworkError
	switch {
	case err == nil:
		return true
	case errors.Is(err, mistralobs.ErrMaybeApplied),
		errors.As(err, &response) && response.Operation == "files.upload",
		errors.As(err, &network) && network.Operation == "files.upload":
		s.doubtful.Add(1)
	default:
		s.errors.Add(1)
		assert.NoError(s.t, err)
	}
	return false
}

// fill creates records and checks that each reported record exists once.
func (s *soak) fill(ctx context.Context, id string) {
	const n = 50
	input := func(yield func(mistralobs.CreateRecordParams) bool) {
		payload := map[string]int{} // of all records
		for i := range n {
			payload["i"] = i
			if !yield(mistralobs.CreateRecordParams{Payload: payload, Properties: map[string]string{"category": "soak"}}) {
				return
			}
		}
	}
	reported := map[string]bool{}
	for record, err := range s.client.Records.CreateAll(ctx, id, mistralobs.NoErrors(input), mistralobs.BulkOptions{
		Concurrency: 4, OnError: func(_ int, err error) error { s.certain(err); return nil },
	}) {
		if s.certain(err) {
			reported[record.Payload.String()] = true
		}
	}
	s.made.Add(int64(len(reported)))
	held := map[string]int{}
	for _, record := range s.server.Records(id) {
		held[string(record.Payload)]++
		assert.Equal(s.t, 1, held[string(record.Payload)], "doubled")
	}
	for payload := range reported {
		assert.Equal(s.t, 1, held[payload], "lost")
	}
}

// look reads, edits, judges and deletes.
func (s *soak) look(ctx context.Context, id string) {
	var ids []string
	for record, err := range s.client.Records.All(ctx, id, mistralobs.ListParams{PageSize: 10, ReadAhead: 2}) {
		if !s.certain(err) {
			return
		}
		ids = append(ids, record.ID)
	}
	if len(ids) < 4 {
		return
	}
	name := "Soaked through"
	_, err := s.client.Datasets.Update(ctx, id, mistralobs.UpdateDatasetParams{Name: &name})
	s.certain(err)
	_, err = s.client.Datasets.List(ctx, mistralobs.ListDatasetsParams{PageSize: 1, Query: "no such"})
	s.certain(err)
	_, err = s.client.Records.Get(ctx, ids[0])
	s.certain(err)
	s.certain(s.client.Records.UpdatePayload(ctx, ids[0], mistralobs.NewConversation(mistralobs.User("hi"))))
	s.certain(s.client.Records.UpdateProperties(ctx, ids[0], map[string]string{"category": "wet"}))
	output := mistralobs.ClassificationOutput(mistralobs.JudgeOption{Value: "wet"})
	_, err = s.client.Records.Judge(ctx, ids[0], mistralobs.JudgeDefinition{Name: "wetness", Output: output})
	s.certain(err)
	s.certain(s.client.Records.Delete(ctx, ids[1]))
	s.certain(s.client.Records.DeleteAll(ctx, ids[2:4]))
}

// importAndExport imports a file and a copy, and checks that the export is what the server holds.
func (s *soak) importAndExport(ctx context.Context, id string) {
	before := len(s.server.Records(id))
	lines := someRecords + 8*rand.IntN(2)
	input := strings.NewReader(strings.Repeat(line1+"\n", lines))
	result, err := s.client.Imports.FromJSONL(ctx, id, input, mistralobs.JSONLImportOptions{KeepFiles: true})
	if !s.whole(result, err, lines, len(s.server.Records(id))-before) {
		return
	}
	_, err = s.client.Files.Get(ctx, result.Files[0].ID)
	s.certain(err)
	_, err = s.client.Tasks.List(ctx, id, mistralobs.ListParams{})
	s.certain(err)
	exported := 0
	for record, err := range s.client.Exports.Records(ctx, id, mistralobs.TransferOptions{}) {
		if !s.certain(err) {
			return
		}
		assert.True(s.t, json.Valid(record.Payload))
		exported++
	}
	assert.Len(s.t, s.server.Records(id), exported, "the export is whole")
}

// whole reports whether an import went on to its end, and checks how many records it says it has
// made.
func (s *soak) whole(result *mistralobs.JSONLImport, err error, lines, made int) bool {
	var ended *mistralobs.TaskError
	switch {
	case err == nil:
		return assert.Equal(s.t, lines, made)
	case errors.Is(err, mistralobs.ErrRecordsSkipped):
		s.partial.Add(1)
		return assert.Equal(s.t, result.Result.Imported, made) && assert.Less(s.t, made, lines)
	case errors.As(err, &ended):
		s.partial.Add(1)
		assert.ErrorIs(s.t, err, mistralobs.ErrMaybeApplied)
		assert.Equal(s.t, min(lines, someRecords), made)
		return false
	}
	return s.certain(err)
}
