package datasetsync_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestApplyLeavesAloneWhatHasChanged(t *testing.T) {
	have := []string{ticket("edited", "1"), ticket("deleted", "1"), ticket("vanished", "1"), ticket("finished", "1")}
	want := []string{ticket("edited", "2"), ticket("vanished", "2"), ticket("finished", "2"), ticket("made", "2")}
	for name, force := range map[string]bool{"left alone": false, "forced": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				plan := w.diff(byID, want...)
				defer plan.Close()
				// Meanwhile …
				ctx := w.t.Context()
				require.NoError(t, w.client.Records.UpdatePayload(ctx, w.record("edited").ID, map[string]string{"answer": "mine"}))
				require.NoError(t, w.client.Records.UpdatePayload(ctx, w.record("finished").ID, map[string]string{"answer": "2"}))
				require.NoError(t, w.client.Records.UpdatePayload(ctx, w.record("deleted").ID, map[string]string{"answer": "mine"}))
				require.NoError(t, w.client.Records.Delete(ctx, w.record("vanished").ID))
				_, err := w.client.Records.Create(ctx, w.dataset, mistralobs.CreateRecordParams{
					Payload: map[string]string{"answer": "mine"}, Properties: map[string]string{"id": "made"},
				})
				require.NoError(t, err)

				options := byID
				options.Force = force
				report, err := plan.Apply(ctx, w.client, options)
				require.ErrorIs(t, err, datasetsync.ErrRecordChanged)
				outcomes := map[string]datasetsync.Outcome{}
				for _, result := range report.Results {
					outcomes[result.Key] = result.Outcome
				}
				want := map[string]datasetsync.Outcome{
					"edited": datasetsync.OutcomeLeftAlone, "vanished": datasetsync.OutcomeLeftAlone,
					"finished": datasetsync.OutcomeAlreadyDone,
					"made":     datasetsync.OutcomeLeftAlone, "deleted": datasetsync.OutcomeNotDone,
				}
				holds := []string{ticket("deleted", "mine"), ticket("edited", "mine"), ticket("finished", "2"), ticket("made",
					"mine")}
				if force { // a record that is gone cannot be overwritten
					want["edited"], want["made"] = datasetsync.OutcomeDone, datasetsync.OutcomeDone
					holds = []string{ticket("deleted", "mine"), ticket("edited", "2"), ticket("finished", "2"), ticket("made", "2")}
				}
				assert.Equal(t, want, outcomes)
				assert.Equal(t, 1, report.Equal)
				assert.ElementsMatch(t, holds, w.holds())
				assert.Contains(t, report.String(),
					`! update "vanished": left alone: the record has changed since the plan was made`)
			})
		})
	}
}

// However a run ends and however often the plan is applied again, no record exists twice, and in
// the end the dataset is as wanted.
func TestSyncConverges(t *testing.T) {
	have := append(tickets(1, 20), ticket("t-0021", "old"), ticket("t-0022", "old"), ticket("gone", "x"))
	want := tickets(11, 60)
	for name, fault := range map[string]mistralobstest.Fault{
		"lost answers": {Operation: mistralobstest.RecordsCreate, Break: mistralobstest.ResetUnanswered, Times: 5,
			Skip: 3},
		"refused creations":    {Operation: mistralobstest.RecordsCreate, Status: 422, Times: 5},
		"failed updates":       {Operation: mistralobstest.RecordsUpdatePayload, Status: 400, Times: 2},
		"a failed deletion":    {Operation: mistralobstest.RecordsDeleteAll, Status: 400},
		"no more permission":   {Operation: mistralobstest.RecordsCreate, Status: 403, Skip: 4},
		"a dataset that fails": {Operation: mistralobstest.RecordsList, Status: 400},
		"a lost import":        {Operation: mistralobstest.ImportsFromFile, Break: mistralobstest.ResetUnanswered},
		"a refused import":     {Operation: mistralobstest.ImportsFromFile, Status: 400},
	} {
		for _, key := range []string{"id", ""} {
			t.Run(name+", key "+key, func(t *testing.T) {
				inWorld(t, have, func(w world) {
					options := datasetsync.Options{Key: key, Delete: true, ImportAbove: -1}
					if fault.Operation == mistralobstest.ImportsFromFile {
						options.ImportAbove = 10
					}
					plan := w.diff(options, want...)
					w.server.Inject(fault)
					report, err := plan.Apply(w.t.Context(), w.client, options)
					if hit := report == nil || fault.Operation != mistralobstest.RecordsUpdatePayload || key != ""; hit {
						require.Error(t, err)
					}
					w.server.ClearFaults()

					report, err = plan.Apply(w.t.Context(), w.client, options)
					require.NoError(t, err, "%v", report)
					assert.Equal(t, want, w.holds())
					for _, result := range report.Results {
						assert.Contains(t, []datasetsync.Outcome{datasetsync.OutcomeDone, datasetsync.OutcomeAlreadyDone}, result.Outcome)
					}
					last, err := w.sync(options, want...)
					require.NoError(t, err)
					assert.Empty(t, last.Results)
				})
			})
		}
	}
}

// The next run waits for an import that was left running.
func TestSyncAfterAnInterruption(t *testing.T) {
	want := tickets(1, 30)
	inWorld(t, nil, func(w world) {
		options := datasetsync.Options{Key: "id", ImportAbove: 10}
		ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
		defer cancel()
		report, err := datasetsync.Sync(ctx, w.client, w.dataset, wanted(want...), options)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotNil(t, report)
		assert.Empty(t, w.holds())

		report, err = w.sync(options, want...)
		require.NoError(t, err)
		assert.Equal(t, 30, report.Equal)
		assert.Equal(t, want, w.holds())
		assert.Equal(t, 1, w.writes()[mistralobstest.ImportsFromFile])
	}, mistralobstest.WithTaskDuration(time.Minute))
}

// A change by the second writer right before a write or a deletion is not lost.
func TestApplyLooksRightBeforeItWrites(t *testing.T) {
	have := append(tickets(1, 20), ticket("x-1", "old"), ticket("x-2", "old"))
	want := append(tickets(1, 10), ticket("x-1", "new"), ticket("x-2", "new"))
	for name, test := range map[string]struct {
		method, path string
		edited       string
		sync         bool
		made         int
	}{
		"an update, after the first":        {http.MethodPut, "/payload", "x-2", false, 1}, // and no deletion
		"an update, in a Sync":              {http.MethodPut, "/payload", "x-2", true, 1},
		"a deletion, after an update":       {http.MethodPut, "/payload", "t-0015", false, 11},
		"a deletion, after an update, Sync": {http.MethodPut, "/payload", "t-0015", true, 11},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				options := byID
				options.Concurrency = 1
				w.before(test.method, test.path, func() bool {
					w.edit(test.edited, "mine")
					return true
				})
				var report *datasetsync.Report
				var err error
				if test.sync {
					report, err = w.sync(options, want...)
				} else {
					report, err = w.apply(w.diff(options, want...), options)
				}
				require.ErrorIs(t, err, datasetsync.ErrRecordChanged)
				assert.Contains(t, w.holds(), ticket(test.edited, "mine"))
				assert.Equal(t, datasetsync.OutcomeLeftAlone, outcomes(report)[test.edited])
				assert.Equal(t, test.made, report.Updated+report.Deleted)
			})
		})
	}
}

// The next run completes an update that has written the payload but not the properties.
func TestHalfAnUpdateIsCompleted(t *testing.T) {
	have := []string{`{"payload":{"answer":"old"},"properties":{"id":"a","tag":"old"}}`}
	want := []string{`{"payload":{"answer":"new"},"properties":{"id":"a","tag":"new"}}`}
	inWorld(t, have, func(w world) {
		plan := w.diff(byID, want...)
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsUpdateProperties, Status: 400})
		report, err := w.apply(plan, byID)
		require.ErrorIs(t, err, mistralobs.ErrBadRequest)
		assert.Equal(t, datasetsync.OutcomeFailed, report.Results[0].Outcome)

		w.server.ResetRequests()
		report, err = w.apply(plan, byID)
		require.NoError(t, err)
		assert.Equal(t, 1, report.Updated)
		assert.Equal(t, want, w.holds())
		assert.Equal(t, map[string]int{mistralobstest.RecordsUpdateProperties: 1}, w.writes())
	})
}

// The same with the properties first, as another program may write them.
func TestTheOtherHalfOfAnUpdateIsCompleted(t *testing.T) {
	have := []string{`{"payload":{"answer":"old"},"properties":{"id":"a","tag":"old"}}`}
	want := []string{`{"payload":{"answer":"new"},"properties":{"id":"a","tag":"new"}}`}
	inWorld(t, have, func(w world) {
		plan := w.diff(byID, want...)
		properties := mistralobs.Object(`{"id":"a","tag":"new"}`)
		require.NoError(t, w.other.Records.UpdateProperties(w.t.Context(), w.record("a").ID, properties))
		w.server.ResetRequests()
		report, err := w.apply(plan, byID)
		require.NoError(t, err)
		assert.Equal(t, 1, report.Updated)
		assert.Equal(t, want, w.holds())
		assert.Equal(t, map[string]int{mistralobstest.RecordsUpdatePayload: 1}, w.writes())
	})
}

// A record that a walk has missed is not reported as deleted.
func TestAlreadyDeletedIsConfirmed(t *testing.T) {
	inWorld(t, tickets(1, 150), func(w world) {
		plan := w.diff(byID, ticket("t-0001", "yes"))
		require.Len(t, plan.Delete, 149)
		w.remove("t-0060")
		w.before(http.MethodGet, "page=2&", func() bool { // t-0102 moves to the first page, which has been read
			w.remove("t-0050")
			return true
		})
		report, err := w.apply(plan, byID)
		require.NoError(t, err)
		assert.Equal(t, []string{ticket("t-0001", "yes")}, w.holds())
		assert.Equal(t, 148, report.Deleted)
		assert.Equal(t, datasetsync.OutcomeAlreadyDone, outcomes(report)["t-0060"])
		assert.Equal(t, datasetsync.OutcomeDone, outcomes(report)["t-0102"])
		assert.Equal(t, 1, report.Equal)
	})
}

// dialTimeout returns the error of a dial that timed out. It matches context.DeadlineExceeded.
func dialTimeout(t *testing.T) error {
	t.Helper()
	_, err := net.DialTimeout("tcp", "192.0.2.1:81", time.Nanosecond)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	return err
}

// A dial that times out is the failure of one record.
func TestATimeoutOfTheNetworkDoesNotEndASync(t *testing.T) {
	dial := dialTimeout(t)
	inWorld(t, nil, func(w world) {
		plan := w.diff(byID, tickets(1, 5)...)
		n := 0
		w.client = w.server.Client(t, mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}), mistralobs.WithHTTPClient(
			&http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				if n++; r.Method == http.MethodPost && n < 5 {
					return nil, dial
				}
				return w.hook.RoundTrip(r)
			})}))
		report, err := w.apply(plan, byID)
		require.Error(t, err)
		failed := 0
		for _, result := range report.Results {
			assert.NotEqual(t, datasetsync.OutcomeNotDone, result.Outcome)
			if result.Outcome == datasetsync.OutcomeFailed {
				failed++
			}
		}
		assert.Positive(t, failed)
		assert.Positive(t, report.Created)
	})
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestTooManyDeletes(t *testing.T) {
	inWorld(t, tickets(1, 10), func(w world) {
		options := byID
		options.MaxDeletes = 8
		plan := w.diff(options, ticket("t-0001", "new"), ticket("new", "yes"))
		w.server.ResetRequests()
		_, err := w.apply(plan, options)
		require.ErrorIs(t, err, datasetsync.ErrTooManyDeletes)
		assert.Empty(t, w.server.Requests())
		_, err = w.sync(options, ticket("t-0001", "new"))
		require.ErrorIs(t, err, datasetsync.ErrTooManyDeletes)
		assert.Empty(t, w.writes())
		options.MaxDeletes = 9
		_, err = w.apply(plan, options)
		require.NoError(t, err)
		assert.Len(t, w.holds(), 2)
	})
}

// A failure that all changes would meet ends the run.
func TestARunEndsWithoutPermission(t *testing.T) {
	inWorld(t, []string{ticket("a", "1")}, func(w world) {
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 403, Skip: 1})
		report, err := w.sync(byID, tickets(1, 5)...)
		require.ErrorIs(t, err, mistralobs.ErrForbidden)
		assert.Equal(t, map[string]datasetsync.Outcome{
			"t-0001": "done", "t-0002": "failed", "t-0003": "not done", "t-0004": "not done", "t-0005": "not done",
			"a": "not done",
		}, outcomes(report))
		assert.Contains(t, w.holds(), ticket("a", "1"))
	})
}

// Many deletions are made in batches after one walk. For few deletions of a large dataset, each
// record is read.
func TestDeletionsTakeFewRequests(t *testing.T) {
	for name, test := range map[string]struct {
		keep     int
		requests map[string]int
	}{
		"many": {keep: 50, requests: map[string]int{
			mistralobstest.RecordsList: 14, mistralobstest.RecordsDeleteAll: 3, mistralobstest.TasksList: 1,
			mistralobstest.DatasetsGet: 1,
		}},
		"few": {keep: 1198, requests: map[string]int{
			mistralobstest.RecordsList: 14, mistralobstest.RecordsGet: 2, mistralobstest.RecordsDeleteAll: 1,
			mistralobstest.TasksList: 1, mistralobstest.DatasetsGet: 1,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, tickets(1, 1200), func(w world) {
				want := tickets(1, test.keep)
				if name == "many" {
					test.requests[mistralobstest.RecordsList] += 12
				}
				_, err := w.sync(byID, want...)
				require.NoError(t, err)
				assert.Equal(t, want, w.inOrder())
				assert.Equal(t, test.requests, w.requests())
			})
		})
	}
}

// Records whose payload or properties are not objects are left alone and reported, without an
// error. If such a record has the key of a wanted one, it is replaced.
func TestOddRecordsAreLeftAlone(t *testing.T) {
	have := []string{
		ticket("a", "1"), ticket("odd-payload", "odd"), `{"payload":{"n":1},"properties":{"odd":"properties"}}`,
		ticket("b", "1"), ticket("null", "null"), ticket("gone", "1"),
	}
	want := []string{ticket("a", "1"), ticket("odd-payload", "new"), ticket("b", "2"), ticket("c", "1")}
	inWorld(t, have, func(w world) {
		odd := strings.NewReplacer(
			`{"answer":"odd"}`, `[[null]]`, `{"odd":"properties"}`, `[null]`, `{"answer":"null"}`, `null`)
		w.client = w.answering(func(_ *http.Request, body string) string { return odd.Replace(body) })
		plan := w.diff(byID, want...)
		assert.Contains(t, plan.String(),
			"1 to create, 2 to update, 1 to delete, 1 equal, 2 left alone that are not JSON objects")
		assert.Contains(t, plan.String(), "\n    payload: [[null]] -> {\"answer\":\"new\"}\n")
		raw, err := json.Marshal(plan)
		require.NoError(t, err)
		read, err := datasetsync.ReadPlan(bytes.NewReader(raw))
		require.NoError(t, err)
		report, err := w.apply(read, byID)
		require.NoError(t, err)
		assert.Equal(t, []int{1, 2, 1}, []int{report.Created, report.Updated, report.Deleted})
		left := report.Results[4:]
		require.Len(t, left, 2)
		for _, result := range left {
			assert.Equal(t, datasetsync.OutcomeLeftAlone, result.Outcome)
			require.ErrorIs(t, result.Err, datasetsync.ErrNotObject)
		}
		assert.Contains(t, report.String(),
			"! \"null\": left alone: the payload or the properties are not a JSON object")
		assert.Contains(t, w.holds(), ticket("odd-payload", "new"))
		assert.Len(t, w.holds(), 6)

		report, err = w.sync(byID, want...)
		require.NoError(t, err)
		assert.Equal(t, []int{0, 0, 0, 4}, []int{report.Created, report.Updated, report.Deleted, report.Equal})
	})
}
