package mistralobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// syncWorld is a dataset on a server of its own, in fake time.
type syncWorld struct {
	t       *testing.T
	server  *mistralobstest.Server
	client  *mistralobs.Client
	dataset string
}

// inSyncWorld runs f on a dataset that holds the lines.
func inSyncWorld(t *testing.T, lines []string, f func(syncWorld), opts ...mistralobstest.Option) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := mistralobstest.NewServer(append([]mistralobstest.Option{mistralobstest.WithInMemoryNetwork()}, opts...)...)
		defer server.Close()
		client := server.Client(t)
		defer client.CloseIdleConnections()
		var seed []mistralobstest.Conversation
		for record, err := range wanted(lines...) {
			require.NoError(t, err)
			seed = append(seed, mistralobstest.Conversation{Payload: json.RawMessage(record.Payload), Properties: json.RawMessage(record.Properties)})
		}
		f(syncWorld{t, server, client, server.SeedDataset("Support tickets", "", seed...)})
	})
}

func wanted(lines ...string) iter.Seq2[*mistralobs.JSONLRecord, error] {
	return mistralobs.ReadJSONL(joined(lines))
}

func joined(lines []string) io.Reader { return strings.NewReader(strings.Join(lines, "\n")) }

// ticket is a line whose key is id.
func ticket(id, answer string) string {
	return fmt.Sprintf(`{"payload":{"answer":%q},"properties":{"id":%q}}`, answer, id)
}

func tickets(from, to int) (lines []string) {
	for n := from; n <= to; n++ {
		lines = append(lines, ticket(fmt.Sprintf("t-%04d", n), "yes"))
	}
	return lines
}

// holds are the records of the dataset as lines, sorted.
func (w syncWorld) holds() (lines []string) {
	for _, record := range w.server.Records(w.dataset) {
		lines = append(lines, fmt.Sprintf(`{"payload":%s,"properties":%s}`, record.Payload, record.Properties))
	}
	slices.Sort(lines)
	return lines
}

// writes counts the requests that change something, by operation.
func (w syncWorld) writes() map[string]int {
	count := map[string]int{}
	for _, request := range w.server.Requests() {
		if request.Method != "GET" {
			count[request.Operation]++
		}
	}
	return count
}

// record returns a record of the dataset by its key.
func (w syncWorld) record(id string) mistralobstest.Record {
	for _, record := range w.server.Records(w.dataset) {
		if strings.Contains(string(record.Properties), fmt.Sprintf("%q", id)) {
			return record
		}
	}
	w.t.Fatalf("there is no record %s", id)
	return mistralobstest.Record{}
}

func (w syncWorld) diff(options mistralobs.SyncOptions, lines ...string) *mistralobs.SyncPlan {
	w.t.Helper()
	plan, err := w.client.Records.Diff(w.t.Context(), w.dataset, wanted(lines...), options)
	require.NoError(w.t, err)
	return plan
}

func (w syncWorld) sync(options mistralobs.SyncOptions, lines ...string) (*mistralobs.SyncReport, error) {
	return w.client.Records.Sync(w.t.Context(), w.dataset, wanted(lines...), options)
}

var byID = mistralobs.SyncOptions{Key: "id", Delete: true}

func TestDiffByKey(t *testing.T) {
	have := []string{ticket("same", "yes"), ticket("edited", "no"), ticket("gone", "yes"), `{"payload":{"n":1},"properties":{"id":"tagged"}}`, `{"payload":{"no":"key"},"properties":{}}`}
	want := []string{
		ticket("new", "yes"),
		`{"properties":{"id":"same"}, "payload":{ "answer" : "yes" }}`,
		ticket("edited", "yes"),
		`{"payload":{"n":1.0},"properties":{"id":"tagged","tag":{"a":[1,2]}}}`,
	}
	inSyncWorld(t, have, func(w syncWorld) {
		plan := w.diff(byID, want...)
		assert.Equal(t, strings.NewReplacer("DATASET", w.dataset, "KEYLESS", keyless(w)).Replace(
			`dataset DATASET: 1 to create, 2 to update, 2 to delete, 1 equal
+ new
~ edited
    payload.answer: "no" -> "yes"
~ tagged
    properties.tag: nothing -> {"a":[1,2]}
- gone
- record KEYLESS
`), plan.String())
		assert.False(t, plan.InSync())
		assert.Equal(t, 5, plan.Changes())
		assert.Equal(t, w.record("same").ID, plan.Keep[0].RecordID)
		assert.Equal(t, []bool{true, false}, []bool{plan.Update[0].ChangesPayload, plan.Update[0].ChangesProperties})
		assert.Equal(t, []bool{false, true}, []bool{plan.Update[1].ChangesPayload, plan.Update[1].ChangesProperties})
		assert.Equal(t, 1, plan.Create[0].Index)
		assert.Empty(t, w.writes(), "a diff changes nothing")

		kept := w.diff(mistralobs.SyncOptions{Key: "id"}, want...)
		assert.Empty(t, kept.Delete)
		assert.Len(t, kept.Extra, 2)
		assert.Contains(t, kept.String(), "2 not wanted but left alone")
	})
}

func keyless(w syncWorld) string {
	records := w.server.Records(w.dataset)
	return records[len(records)-1].ID
}

func TestSyncMakesEqual(t *testing.T) {
	have := []string{ticket("a", "no"), ticket("b", "yes"), ticket("c", "yes"), `{"payload":{"x":1},"properties":{}}`}
	want := []string{ticket("b", "yes"), ticket("a", "yes"), ticket("d", "yes"), ticket("e", "yes")}
	for name, test := range map[string]struct {
		options mistralobs.SyncOptions
		writes  map[string]int
	}{
		"by key": {byID, map[string]int{
			mistralobstest.RecordsCreate: 2, mistralobstest.RecordsUpdatePayload: 1, mistralobstest.RecordsDeleteAll: 1,
		}},
		"by content": {mistralobs.SyncOptions{Delete: true}, map[string]int{mistralobstest.RecordsCreate: 3, mistralobstest.RecordsDeleteAll: 1}},
		"by a file": {mistralobs.SyncOptions{Key: "id", Delete: true, ImportAbove: 1}, map[string]int{
			mistralobstest.FilesUpload: 1, mistralobstest.ImportsFromFile: 1, mistralobstest.FilesDelete: 1,
			mistralobstest.RecordsUpdatePayload: 1, mistralobstest.RecordsDeleteAll: 1,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inSyncWorld(t, have, func(w syncWorld) {
				report, err := w.sync(test.options, want...)
				require.NoError(t, err)
				assert.ElementsMatch(t, want, w.holds())
				assert.Equal(t, test.writes, w.writes())
				assert.Len(t, report.Results, report.Created+report.Updated+report.Deleted)

				report, err = w.sync(test.options, want...)
				require.NoError(t, err)
				assert.Equal(t, &mistralobs.SyncReport{DatasetID: w.dataset, Equal: 4, Results: []mistralobs.SyncResult{}}, report)
				assert.Equal(t, test.writes, w.writes(), "there is nothing left to do")
			})
		})
	}
}

// Contents that stand twice in the input are two records.
func TestSyncByContentCounts(t *testing.T) {
	twice := `{"payload":{"a":1,"b":[true,null]},"properties":{}}`
	inSyncWorld(t, []string{twice, twice, twice, `{"payload":{"old":1}}`}, func(w syncWorld) {
		report, err := w.sync(mistralobs.SyncOptions{Delete: true}, `{"payload":{"b":[true,null],"a":1e0}}`, twice, `{"payload":{"new":1}}`, `{"payload":{"new":1}}`)
		require.NoError(t, err)
		assert.Equal(t, []int{2, 0, 2, 2}, []int{report.Created, report.Updated, report.Deleted, report.Equal})
		assert.Len(t, w.holds(), 4)
	})
}

func TestSyncRefusesWhatIsAmbiguous(t *testing.T) {
	for name, test := range map[string]struct {
		have, want []string
		says       []string
	}{
		"two of the input": {nil, []string{ticket("a", "1"), ticket("b", "1"), ticket("a", "2")}, []string{"records 1 and 3 of the input", ": a"}},
		"1 and 1.0":        {nil, []string{`{"payload":{},"properties":{"id":1}}`, `{"payload":{},"properties":{"id":1.0}}`}, []string{"records 1 and 2 of the input"}},
		"two of the dataset": {
			[]string{ticket("a", "1"), ticket("a", "2")}, []string{ticket("b", "1")},
			[]string{"of the dataset have the same: a"},
		},
		"no key":      {nil, []string{ticket("a", "1"), `{"payload":{}}`}, []string{"record 2 of the input does not have this property"}},
		"a null key":  {nil, []string{`{"payload":{},"properties":{"id":null}}`}, []string{"record 1 of the input does not have this property"}},
		"a bad input": {nil, []string{ticket("a", "1"), `{`}, []string{"line 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			inSyncWorld(t, test.have, func(w syncWorld) {
				_, err := w.sync(byID, test.want...)
				require.Error(t, err)
				for _, text := range test.says {
					assert.ErrorContains(t, err, text)
				}
				if name == "two of the dataset" {
					for _, record := range w.server.Records(w.dataset) {
						assert.ErrorContains(t, err, record.ID)
					}
				}
				assert.Empty(t, w.writes(), "nothing is changed")
			})
		})
	}
}

// A string and a number are different keys, and so are integers that a float64 cannot tell apart.
func TestSyncTellsKeysApart(t *testing.T) {
	lines := []string{
		`{"payload":{},"properties":{"id":"1"}}`, `{"payload":{},"properties":{"id":1}}`,
		`{"payload":{},"properties":{"id":9007199254740993}}`, `{"payload":{},"properties":{"id":9007199254740992}}`,
	}
	inSyncWorld(t, lines, func(w syncWorld) {
		assert.Len(t, w.diff(byID, lines...).Keep, 4)
	})
}

func TestApplyLeavesAloneWhatHasChanged(t *testing.T) {
	have := []string{ticket("edited", "1"), ticket("deleted", "1"), ticket("vanished", "1"), ticket("finished", "1")}
	want := []string{ticket("edited", "2"), ticket("vanished", "2"), ticket("finished", "2"), ticket("made", "2")}
	for name, force := range map[string]bool{"left alone": false, "forced": true} {
		t.Run(name, func(t *testing.T) {
			inSyncWorld(t, have, func(w syncWorld) {
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
				report, err := w.client.Records.Apply(ctx, w.dataset, plan, options)
				require.ErrorIs(t, err, mistralobs.ErrRecordChanged)
				outcomes := map[string]mistralobs.SyncOutcome{}
				for _, result := range report.Results {
					outcomes[result.Key] = result.Outcome
				}
				want := map[string]mistralobs.SyncOutcome{
					"edited": mistralobs.OutcomeChanged, "vanished": mistralobs.OutcomeChanged, "finished": mistralobs.OutcomeAlready,
					"made": mistralobs.OutcomeChanged, "deleted": mistralobs.OutcomeChanged,
				}
				holds := []string{ticket("deleted", "mine"), ticket("edited", "mine"), ticket("finished", "2"), ticket("made", "mine")}
				if force { // but what is gone cannot be overwritten
					want["edited"], want["made"], want["deleted"] = mistralobs.OutcomeDone, mistralobs.OutcomeDone, mistralobs.OutcomeDone
					holds = []string{ticket("edited", "2"), ticket("finished", "2"), ticket("made", "2")}
				}
				assert.Equal(t, want, outcomes)
				assert.ElementsMatch(t, holds, w.holds())
				assert.Contains(t, report.String(), "! update vanished: left alone: the record has changed since the plan was made")
			})
		})
	}
}

func TestPlanLivesThroughJSON(t *testing.T) {
	have := []string{ticket("a", "1"), ticket("b", "1"), ticket("c", "1")}
	want := []string{ticket("a", "2"), ticket("b", "1"), `{"payload":{"big":9007199254740993,"html":"<&>"},"properties":{"id":"d"}}`}
	inSyncWorld(t, have, func(w syncWorld) {
		plan := w.diff(byID, want...)
		var raw bytes.Buffer
		enc := json.NewEncoder(&raw)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(plan))
		require.NoError(t, plan.Close())
		_, err := json.Marshal(plan)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)

		var read mistralobs.SyncPlan
		require.NoError(t, json.Unmarshal(raw.Bytes(), &read))
		assert.Equal(t, plan.String(), read.String())
		for range 2 { // the second time there is nothing to do
			_, err = w.client.Records.Apply(w.t.Context(), w.dataset, &read, mistralobs.SyncOptions{})
			require.NoError(t, err)
			assert.ElementsMatch(t, want, w.holds())
		}
		again, err := json.Marshal(&read)
		require.NoError(t, err)
		assert.JSONEq(t, raw.String(), string(again))
	})
}

// However a run ends, and however often the plan is applied again, nothing is
// there twice and in the end all is as wanted.
func TestSyncConverges(t *testing.T) {
	have := append(tickets(1, 20), ticket("t-0021", "old"), ticket("t-0022", "old"), ticket("gone", "x"))
	want := tickets(11, 60)
	for name, fault := range map[string]mistralobstest.Fault{
		"lost answers":         {Operation: mistralobstest.RecordsCreate, Break: mistralobstest.ResetUnanswered, Times: 5, Skip: 3},
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
				inSyncWorld(t, have, func(w syncWorld) {
					options := mistralobs.SyncOptions{Key: key, Delete: true, ImportAbove: -1}
					if fault.Operation == mistralobstest.ImportsFromFile {
						options.ImportAbove = 10
					}
					plan := w.diff(options, want...)
					w.server.Inject(fault)
					report, err := w.client.Records.Apply(w.t.Context(), w.dataset, plan, options)
					if hit := report == nil || fault.Operation != mistralobstest.RecordsUpdatePayload || key != ""; hit {
						require.Error(t, err)
					}
					w.server.ClearFaults()

					report, err = w.client.Records.Apply(w.t.Context(), w.dataset, plan, options)
					require.NoError(t, err, "%v", report)
					assert.Equal(t, want, w.holds())
					for _, result := range report.Results {
						assert.Contains(t, []mistralobs.SyncOutcome{mistralobs.OutcomeDone, mistralobs.OutcomeAlready}, result.Outcome)
					}
					last, err := w.sync(options, want...)
					require.NoError(t, err)
					assert.Empty(t, last.Results)
				})
			})
		}
	}
}

// An import that was left running is waited for by the next run.
func TestSyncAfterAnInterruption(t *testing.T) {
	want := tickets(1, 30)
	inSyncWorld(t, nil, func(w syncWorld) {
		options := mistralobs.SyncOptions{Key: "id", ImportAbove: 10}
		ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
		defer cancel()
		report, err := w.client.Records.Sync(ctx, w.dataset, wanted(want...), options)
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

// What a canceled run has begun is told as not done, and the next one does the rest.
func TestSyncIsCanceled(t *testing.T) {
	want := tickets(1, 100)
	inSyncWorld(t, nil, func(w syncWorld) {
		ctx, cancel := context.WithTimeout(w.t.Context(), 5*time.Second)
		defer cancel()
		options := mistralobs.SyncOptions{Key: "id", Concurrency: 4}
		report, err := w.client.Records.Sync(ctx, w.dataset, wanted(want...), options)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Positive(t, report.Created)
		assert.Less(t, report.Created, 100)
		assert.Contains(t, report.String(), ": not done")
		_, err = w.sync(options, want...)
		require.NoError(t, err)
		assert.Equal(t, want, w.holds())
	}, mistralobstest.WithLatency(500*time.Millisecond))
}

func TestSyncTellsItsProgress(t *testing.T) {
	inSyncWorld(t, append(tickets(1, 5), ticket("old", "x")), func(w syncWorld) {
		var overlapping atomic.Int32
		last := map[mistralobs.SyncPhase]mistralobs.SyncProgress{}
		options := byID
		options.OnProgress = func(p mistralobs.SyncProgress) {
			assert.EqualValues(t, 1, overlapping.Add(1))
			defer overlapping.Add(-1)
			assert.Equal(t, last[p.Phase].Done+1, p.Done)
			last[p.Phase] = p
		}
		want := append(tickets(3, 9), ticket("t-0001", "new"), ticket("t-0002", "new"))
		_, err := w.sync(options, want...)
		require.NoError(t, err)
		assert.Equal(t, map[mistralobs.SyncPhase]mistralobs.SyncProgress{
			"input": {Phase: "input", Done: 9, Total: -1}, "read": {Phase: "read", Done: 6, Total: -1},
			"create": {Phase: "create", Done: 4, Total: 4}, "update": {Phase: "update", Done: 2, Total: 2}, "delete": {Phase: "delete", Done: 1, Total: 1},
		}, last)
	})
}

func TestSyncReportAsJSON(t *testing.T) {
	inSyncWorld(t, []string{ticket("a", "1")}, func(w syncWorld) {
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 422, Body: `{"detail":"too sad"}`})
		options := byID
		options.Concurrency = 1
		report, err := w.sync(options, ticket("a", "1"), ticket("b", "1"), ticket("c", "1"))
		var answer *mistralobs.Error
		require.ErrorAs(t, err, &answer)
		assert.ErrorContains(t, err, "1 of 2 changes were not made: create b: ")
		raw, err := json.Marshal(report)
		require.NoError(t, err)
		assert.JSONEq(t, fmt.Sprintf(`{"dataset_id":%q,"created":1,"updated":0,"deleted":0,"equal":1,"extra":0,"results":[
			{"action":"create","key":"b","index":2,"outcome":"failed","error":%q},{"action":"create","key":"c","index":3,"outcome":"done"}]}`,
			w.dataset, answer.Error()), string(raw))
	})
}

func TestSyncRefusesNonsense(t *testing.T) {
	inSyncWorld(t, nil, func(w syncWorld) {
		records, ctx := w.client.Records, w.t.Context()
		var none context.Context
		plan := w.diff(byID)
		for name, call := range map[string]func() error{
			"nil context of a diff":   func() error { _, err := records.Diff(none, w.dataset, wanted(), byID); return err },
			"nil context of an apply": func() error { _, err := records.Apply(none, w.dataset, plan, byID); return err },
			"no sequence":             func() error { _, err := records.Sync(ctx, w.dataset, nil, byID); return err },
			"no plan":                 func() error { _, err := records.Apply(ctx, w.dataset, nil, byID); return err },
			"a plan of another":       func() error { _, err := records.Apply(ctx, "other", plan, byID); return err },
			"a negative concurrency": func() error {
				_, err := records.Diff(ctx, w.dataset, wanted(), mistralobs.SyncOptions{Concurrency: -1})
				return err
			},
			"negative, in an apply": func() error {
				_, err := records.Apply(ctx, w.dataset, plan, mistralobs.SyncOptions{Concurrency: -1})
				return err
			},
			"a record that is nothing": func() error {
				_, err := records.Diff(ctx, w.dataset, func(yield func(*mistralobs.JSONLRecord, error) bool) { yield(nil, nil) }, byID)
				return err
			},
		} {
			assert.ErrorIs(t, call(), mistralobs.ErrInvalidParams, name)
		}
		_, err := records.Diff(ctx, "00000000-0000-4000-8000-000000000000", wanted(), byID)
		require.ErrorIs(t, err, mistralobs.ErrNotFound)
		broken := errors.New("broken")
		_, err = records.Diff(ctx, w.dataset, func(yield func(*mistralobs.JSONLRecord, error) bool) { yield(nil, broken) }, byID)
		require.ErrorIs(t, err, broken)
		require.NoError(t, plan.Close())
		require.NoError(t, plan.Close(), "a second time")
		_, err = records.Apply(ctx, w.dataset, plan, byID)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	})
}
