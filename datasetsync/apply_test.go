package datasetsync_test

import (
	"context"
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
					"edited": datasetsync.OutcomeLeftAlone, "vanished": datasetsync.OutcomeLeftAlone, "finished": datasetsync.OutcomeAlreadyDone,
					"made": datasetsync.OutcomeLeftAlone, "deleted": datasetsync.OutcomeLeftAlone,
				}
				holds := []string{ticket("deleted", "mine"), ticket("edited", "mine"), ticket("finished", "2"), ticket("made", "mine")}
				if force { // but what is gone cannot be overwritten
					want["edited"], want["made"], want["deleted"] = datasetsync.OutcomeDone, datasetsync.OutcomeDone, datasetsync.OutcomeDone
					holds = []string{ticket("edited", "2"), ticket("finished", "2"), ticket("made", "2")}
				}
				assert.Equal(t, want, outcomes)
				assert.ElementsMatch(t, holds, w.holds())
				assert.Contains(t, report.String(), "! update vanished: left alone: the record has changed since the plan was made")
			})
		})
	}
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

// An import that was left running is waited for by the next run.
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
