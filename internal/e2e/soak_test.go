package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// TestSoak runs for as long as MISTRALOBS_SOAK says ("10m"). The server fails one request in ten and limits the rate.
// Goroutines that share a client run all operations, cancel operations at any moment, and sync datasets while a second
// writer changes them. Nothing may be lost, doubled or leaked. The test is not parallel: it counts goroutines.
func TestSoak(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("MISTRALOBS_SOAK"))
	if err != nil {
		t.Skip("MISTRALOBS_SOAK is not set to a duration")
	}
	before := measure()
	s := &soak{t: t, server: mistralobstest.NewServer(
		mistralobstest.WithRequestLog(0), mistralobstest.WithTaskDuration(20*time.Millisecond),
		mistralobstest.WithExportTTL(5*time.Second), mistralobstest.WithRateLimit(1500, 300),
	)}
	s.client = s.server.Client(
		t,
		mistralobs.WithTimeout(5*time.Second),
		mistralobs.WithRetry(
			mistralobs.RetryPolicy{MaxAttempts: 12, MinWait: 10 * time.Millisecond, MaxWait: 5 * time.Second},
		),
	)
	s.breakThings()
	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	var workers sync.WaitGroup
	for worker := range 64 {
		workers.Go(func() {
			for round := 0; ctx.Err() == nil; round++ {
				s.round(worker, round)
			}
		})
	}
	folder := t.TempDir()
	for worker := range uint64(16) {
		workers.Go(func() {
			for random := rand.New(rand.NewPCG(worker, 0)); ctx.Err() == nil; {
				s.cancelRound(folder, random)
			}
		})
	}
	for worker := range uint64(8) {
		workers.Go(func() {
			for random := rand.New(rand.NewPCG(worker, 1)); ctx.Err() == nil; {
				s.syncRound(random)
			}
		})
	}
	workers.Wait()

	s.server.ClearFaults()
	s.server.SetRateLimit(0, 0)
	s.removeDoubtfulDatasets()
	peak := measure()
	s.client.CloseIdleConnections()
	assert.Eventually(
		t,
		func() bool { return s.server.OpenConnections() == 0 },
		10*time.Second,
		10*time.Millisecond,
		"connections",
	)
	assert.Empty(t, s.server.Datasets())
	s.server.Close()
	assert.Eventually(
		t,
		func() bool { return runtime.NumGoroutine() <= before.goroutines+1 },
		10*time.Second,
		10*time.Millisecond,
		"goroutines, beside the one that counts them",
	)
	after := measure()
	assert.Less(t, after.heap, before.heap+16<<20, "heap")
	t.Logf(
		"%v: %d rounds, %d records made, %d doubtful, %d canceled, %d syncs, %d errors; before %v, at the end %v, after %v",
		duration,
		s.rounds.Load(),
		s.made.Load(),
		s.doubtful.Load(),
		s.canceled.Load(),
		s.syncs.Load(),
		s.errors.Load(),
		before,
		peak,
		after,
	)
}

type soak struct {
	t      *testing.T
	server *mistralobstest.Server
	client *mistralobs.Client

	rounds, made, doubtful, canceled, syncs, errors atomic.Int64
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

// breakThings makes one request in ten fail, in ten ways.
func (s *soak) breakThings() {
	for i, fault := range []mistralobstest.Fault{
		{Break: mistralobstest.Refuse}, {Break: mistralobstest.ResetUnread}, {Break: mistralobstest.ResetUnanswered},
		{Break: mistralobstest.ResetBody, After: 30}, {Break: mistralobstest.TruncateBody, After: 30},
		{Status: 500}, {
			Status: 502, Apply: true, Body: "<html>",
		}, {Status: 503}, {Status: 504, Apply: true}, {Delay: 50 * time.Millisecond},
	} {
		fault.Times, fault.Probability, fault.Seed = -1, 0.01, uint64(i)
		s.server.Inject(fault)
	}
}

// round creates a dataset, calls all operations on it and deletes it. A doubtful creation ends the round early.
func (s *soak) round(worker, round int) {
	ctx := context.Background()
	dataset, err := s.client.Datasets.Create(
		ctx,
		mistralobs.CreateDatasetParams{Name: fmt.Sprintf("Soak %d-%d", worker, round)},
	)
	if !s.certain(err) {
		return
	}
	s.fill(ctx, dataset.ID)
	s.look(ctx, dataset.ID)
	s.importAndExport(ctx, dataset.ID)
	s.certain(s.client.Datasets.Delete(ctx, dataset.ID))
	s.rounds.Add(1)
}

// certain reports whether a call succeeded. Only a creation may be doubtful.
func (s *soak) certain(err error) bool {
	switch {
	case err == nil:
		return true
	case errors.Is(err, mistralobs.ErrMaybeApplied):
		s.doubtful.Add(1)
	default:
		s.errors.Add(1)
		assert.NoError(s.t, err)
	}
	return false
}

// fill makes records and checks that what was reported is there, once.
func (s *soak) fill(ctx context.Context, id string) {
	const n = 50
	input := func(yield func(mistralobs.CreateRecordParams) bool) {
		for i := 0; i < n && yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i},
			Properties: map[string]string{"category": "soak"}}); i++ {
		}
	}
	reported := map[string]bool{}
	for record, err := range s.client.Records.CreateAll(ctx, id, mistralobs.NoErrors(input), mistralobs.BulkOptions{
		Concurrency: 4, OnError: func(_ int, _ mistralobs.CreateRecordParams, err error) error { s.certain(err); return nil },
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
	_, err = s.client.Records.Judge(
		ctx,
		ids[0],
		mistralobs.JudgeDefinition{
			Name:   "wetness",
			Output: mistralobs.ClassificationOutput(mistralobs.JudgeOption{Value: "wet"}),
		},
	)
	s.certain(err)
	s.certain(s.client.Records.Delete(ctx, ids[1]))
	s.certain(s.client.Records.DeleteAll(ctx, ids[2:4]))
}

// importAndExport imports a file and a copy, and checks that the export is what the server holds.
func (s *soak) importAndExport(ctx context.Context, id string) {
	tasks, err := s.client.Imports.FromJSONL(
		ctx,
		id,
		strings.NewReader(strings.Repeat(line1+"\n", 20)),
		mistralobs.JSONLImportOptions{
			OnUpload: func(f *mistralobs.File) {
				_, err := s.client.Files.Get(ctx, f.ID)
				s.certain(err)
			},
		},
	)
	if !s.certain(err) {
		return
	}
	if _, err = s.client.Tasks.WaitAll(ctx, tasks, mistralobs.WaitOptions{}); !s.certain(err) {
		return
	}
	_, err = s.client.Tasks.List(ctx, id, mistralobs.ListParams{})
	s.certain(err)
	exported := 0
	for record, err := range s.client.Exports.Records(ctx, id) {
		if !s.certain(err) {
			return
		}
		assert.True(s.t, json.Valid(record.Payload))
		exported++
	}
	assert.Len(s.t, s.server.Records(id), exported, "the export is whole")
}

// removeDoubtfulDatasets deletes the datasets whose creation was not reported.
func (s *soak) removeDoubtfulDatasets() {
	for _, dataset := range s.server.Datasets() {
		require.NoError(s.t, s.client.Datasets.Delete(context.Background(), dataset.ID))
	}
}
