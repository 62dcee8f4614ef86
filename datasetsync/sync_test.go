package datasetsync_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestSyncMakesEqual(t *testing.T) {
	have := []string{ticket("a", "no"), ticket("b", "yes"), ticket("c", "yes"), `{"payload":{"x":1},"properties":{}}`}
	want := []string{ticket("b", "yes"), ticket("a", "yes"), ticket("d", "yes"), ticket("e", "yes")}
	for name, test := range map[string]struct {
		options datasetsync.Options
		writes  map[string]int
	}{
		"by key": {options: byID, writes: map[string]int{
			mistralobstest.RecordsCreate: 2, mistralobstest.RecordsUpdatePayload: 1, mistralobstest.RecordsDeleteAll: 1,
		}},
		"by content": {options: datasetsync.Options{Delete: true}, writes: map[string]int{
			mistralobstest.RecordsCreate: 3, mistralobstest.RecordsDeleteAll: 1,
		}},
		"by a file": {options: datasetsync.Options{Key: "id", Delete: true, ImportAbove: 1}, writes: map[string]int{
			mistralobstest.FilesUpload: 1, mistralobstest.ImportsFromFile: 1, mistralobstest.FilesDelete: 1,
			mistralobstest.RecordsUpdatePayload: 1, mistralobstest.RecordsDeleteAll: 1,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				report, err := w.sync(test.options, want...)
				require.NoError(t, err)
				assert.ElementsMatch(t, want, w.holds())
				assert.Equal(t, test.writes, w.writes())
				assert.Len(t, report.Results, report.Created+report.Updated+report.Deleted)

				report, err = w.sync(test.options, want...)
				require.NoError(t, err)
				assert.Equal(t, &datasetsync.Report{DatasetID: w.dataset, Equal: 4, Results: []datasetsync.Result{}}, report)
				assert.Equal(t, test.writes, w.writes(), "there is nothing left to do")
			})
		})
	}
}

// A canceled run reports the outcome of each item, and the next run makes the other changes.
func TestSyncIsCanceled(t *testing.T) {
	want := tickets(1, 100)
	inWorld(t, nil, func(w world) {
		ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
		defer cancel()
		options := datasetsync.Options{Key: "id", ImportAbove: -1}
		report, err := datasetsync.Sync(ctx, w.client, w.dataset, wanted(want...), options)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Positive(t, report.Created)
		assert.Less(t, report.Created, 100)
		assert.Contains(t, report.String(), ": not done")
		there := strings.Join(w.holds(), "\n")
		for _, result := range report.Results {
			if !errors.Is(result.Err, mistralobs.ErrMaybeApplied) {
				assert.Equal(t, result.Outcome == datasetsync.OutcomeDone, strings.Contains(there, result.Key), result.Key)
			}
		}
		_, err = w.sync(options, want...)
		require.NoError(t, err)
		assert.Equal(t, want, w.inOrder())
	}, mistralobstest.WithLatency(500*time.Millisecond))
}

func TestSyncTellsItsProgress(t *testing.T) {
	inWorld(t, append(tickets(1, 5), ticket("old", "x")), func(w world) {
		var overlapping atomic.Int32
		last := map[datasetsync.Phase]datasetsync.Progress{}
		options := byID
		options.OnProgress = func(p datasetsync.Progress) {
			assert.EqualValues(t, 1, overlapping.Add(1))
			defer overlapping.Add(-1)
			assert.Equal(t, last[p.Phase].Done+1, p.Done)
			last[p.Phase] = p
		}
		want := append(tickets(3, 9), ticket("t-0001", "new"), ticket("t-0002", "new"))
		_, err := w.sync(options, want...)
		require.NoError(t, err)
		assert.Equal(t, map[datasetsync.Phase]datasetsync.Progress{
			"input": {Phase: "input", Done: 9, Total: -1}, "read": {Phase: "read", Done: 6, Total: 6},
			"create": {Phase: "create", Done: 4, Total: 4}, "update": {Phase: "update", Done: 2, Total: 2},
			"delete": {Phase: "delete", Done: 1, Total: 1},
		}, last)
	})
}

// Invalid parameters are found before anything is sent.
func TestInvalidParams(t *testing.T) {
	inWorld(t, nil, func(w world) {
		ctx := w.t.Context()
		var none context.Context
		var noPlan *datasetsync.Plan
		plan := w.diff(datasetsync.Options{Key: "id"})
		w.server.ResetRequests()
		diff := func(options datasetsync.Options) error {
			_, err := datasetsync.Diff(ctx, w.client, w.dataset, wanted(ticket("a", "1")), options)
			return err
		}
		for name, err := range map[string]error{
			"nil context of Diff":    second(datasetsync.Diff(none, w.client, w.dataset, wanted(), byID)),
			"nil context of Apply":   second(plan.Apply(none, w.client, byID)),
			"nil client":             second(datasetsync.Sync(ctx, nil, w.dataset, wanted(), byID)),
			"nil sequence":           second(datasetsync.Sync(ctx, w.client, w.dataset, nil, byID)),
			"nil plan":               second(noPlan.Apply(ctx, w.client, byID)),
			"nil reader":             second(datasetsync.ReadPlan(nil)),
			"empty id":               second(datasetsync.Diff(ctx, w.client, "", wanted(ticket("a", "1")), byID)),
			"negative Concurrency":   diff(datasetsync.Options{Concurrency: -1}),
			"negative MaxDeletes":    diff(datasetsync.Options{MaxDeletes: -1}),
			"negative MaxTaskWait":   diff(datasetsync.Options{MaxTaskWait: -1}),
			"kept nothing":           diff(datasetsync.Options{KeepProperties: []string{"score", ""}}),
			"kept Latin-1":           diff(datasetsync.Options{KeepProperties: []string{"\xe9"}}),
			"kept key":               diff(datasetsync.Options{Key: "id", KeepProperties: []string{"score", "id"}}),
			"unknown policy":         diff(datasetsync.Options{Duplicates: 7}),
			"negative, in an Apply":  second(plan.Apply(ctx, w.client, datasetsync.Options{Concurrency: -1})),
			"empty input and Delete": second(datasetsync.Sync(ctx, w.client, w.dataset, wanted(), byID)),
		} {
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams, name)
		}
		assert.Empty(t, w.server.Requests())
		require.NoError(t, plan.Close())
		require.NoError(t, plan.Close(), "a second time")
		require.ErrorIs(t, second(plan.Apply(ctx, w.client, byID)), mistralobs.ErrInvalidParams)
	})
}

func second[T any](_ T, err error) error { return err }

func TestErrorsOfTheInput(t *testing.T) {
	inWorld(t, nil, func(w world) {
		_, err := w.sync(byID, ticket("a", "1"))
		require.NoError(t, err)
		_, err = datasetsync.Diff(w.t.Context(), w.client, "00000000-0000-4000-8000-000000000000", wanted(ticket("a",
			"1")), byID)
		require.ErrorIs(t, err, mistralobs.ErrNotFound)
		w.server.ResetRequests()
		broken := errors.New("broken")
		for name, test := range map[string]struct {
			record *mistralobs.JSONLRecord
			err    error
			says   string
		}{
			"an error":  {err: broken, says: "broken"},
			"no record": {says: "record 1 of the input is nil"},
			"no payload": {record: &mistralobs.JSONLRecord{},
				says: "record 1 of the input: its payload is not a JSON object: it is missing or null"},
			"a payload that is a list": {record: &mistralobs.JSONLRecord{Payload: mistralobs.Object("[]"), Line: 7},
				says: "line 7: its payload"},
			"properties without an end": {
				record: &mistralobs.JSONLRecord{Payload: mistralobs.Object("{}"), Properties: mistralobs.Object("{")},
				says:   "its properties are not",
			},
		} {
			_, err := datasetsync.Diff(w.t.Context(), w.client, w.dataset, func(yield func(*mistralobs.JSONLRecord,
				error) bool) {
				yield(test.record, test.err)
			}, byID)
			require.ErrorContains(t, err, test.says, name)
		}
		assert.Empty(t, w.writes())
	})
}

// A dial that times out matches context.DeadlineExceeded, but is not the end of MaxTaskWait.
func TestADialTimeoutIsNotTheEndOfMaxTaskWait(t *testing.T) {
	dial := dialTimeout(t)
	inWorld(t, nil, func(w world) {
		w.client = w.server.Client(t, mistralobs.WithHTTPClient(&http.Client{Transport: roundTripper(
			func(r *http.Request) (*http.Response, error) {
				if strings.Contains(r.URL.Path, "/tasks/") {
					return nil, dial
				}
				return w.hook.RoundTrip(r)
			})}))
		start := time.Now()
		_, err := w.sync(datasetsync.Options{Key: "id", ImportAbove: 10}, tickets(1, 30)...)
		require.Error(t, err)
		assert.Less(t, time.Since(start), 2*time.Minute)
		assert.NotContains(t, err.Error(), "after 1h0m0s (MaxTaskWait)")
	}, mistralobstest.WithTaskDuration(time.Minute))
}
