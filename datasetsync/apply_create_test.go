package datasetsync_test

import (
	"context"
	"encoding/json"
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

// The dataset has new records in the order of the input, whether they are created or imported.
func TestNewRecordsKeepTheirOrder(t *testing.T) {
	var want []string
	for _, line := range tickets(1, 90) {
		want = append([]string{line}, want...)
	}
	for name, above := range map[string]int{"one by one": -1, "by a file": 1, "by default": 0} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w world) {
				_, err := w.sync(datasetsync.Options{Key: "id", ImportAbove: above, Concurrency: 8}, want...)
				require.NoError(t, err)
				assert.Equal(t, want, w.inOrder())
			}, mistralobstest.WithLatency(10*time.Millisecond))
		})
	}
}

// The next run waits for an import whose end was not seen, whatever status the task shows until
// then.
func TestRunningImportsAreWaitedFor(t *testing.T) {
	want := tickets(1, 30)
	for _, status := range []string{"UNKNOWN", "CONTINUED_AS_NEW", "SOMETHING_NEW"} {
		t.Run(status, func(t *testing.T) {
			outcome := func(task mistralobstest.TaskInfo) (string, string) {
				if task.Run < 3 {
					return status, ""
				}
				return "COMPLETED", ""
			}
			inWorld(t, nil, func(w world) {
				options := datasetsync.Options{Key: "id", ImportAbove: 10}
				ctx, cancel := context.WithTimeout(w.t.Context(), 90*time.Second)
				defer cancel()
				_, err := datasetsync.Sync(ctx, w.client, w.dataset, wanted(want...), options)
				require.ErrorIs(t, err, context.DeadlineExceeded)

				report, err := w.sync(options, want...)
				require.NoError(t, err)
				assert.Equal(t, 30, report.Equal)
				assert.Equal(t, want, w.inOrder())
				assert.Equal(t, 1, w.writes()[mistralobstest.ImportsFromFile])
			}, mistralobstest.WithTaskDuration(time.Minute), mistralobstest.WithTaskOutcome(outcome))
		})
	}
}

// A task that never ends is an error that names it, after MaxTaskWait.
func TestImportsThatNeverEnd(t *testing.T) {
	outcome := func(mistralobstest.TaskInfo) (string, string) { return "CONTINUED_AS_NEW", "" }
	inWorld(t, nil, func(w world) {
		start := time.Now()
		report, err := w.sync(datasetsync.Options{Key: "id", ImportAbove: 10}, tickets(1, 30)...)
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
		require.ErrorIs(t, err, mistralobs.ErrTimeout)
		require.NotErrorIs(t, err, context.Canceled, "nobody has canceled anything")
		assert.InDelta(t, time.Hour, time.Since(start), float64(time.Minute))
		task := report.Results[0].TaskID
		require.NotEmpty(t, task)
		assert.ErrorContains(t, err, task)

		start = time.Now()
		_, err = w.sync(datasetsync.Options{Key: "id", MaxTaskWait: time.Minute}, tickets(1, 30)...)
		require.ErrorIs(t, err, mistralobs.ErrTimeout)
		require.NotErrorIs(t, err, context.Canceled)
		assert.ErrorContains(t, err, "import task "+task+" still has the status CONTINUED_AS_NEW after 1m0s")
		assert.InDelta(t, time.Minute, time.Since(start), float64(5*time.Second))
		assert.Equal(t, 1, w.writes()[mistralobstest.ImportsFromFile])
	}, mistralobstest.WithTaskDuration(time.Minute), mistralobstest.WithTaskOutcome(outcome))
}

// A canceled import is reported once, with its task and number of records, and matches
// ErrMaybeApplied.
func TestACanceledImportIsReportedOnce(t *testing.T) {
	inWorld(t, nil, func(w world) {
		ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
		defer cancel()
		options := datasetsync.Options{Key: "id", ImportAbove: 10}
		report, err := datasetsync.Sync(ctx, w.client, w.dataset, wanted(tickets(1, 30)...), options)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
		require.NotNil(t, report)
		for _, result := range report.Results {
			assert.Equal(t, datasetsync.OutcomeFailed, result.Outcome)
			require.ErrorIs(t, result.Err, mistralobs.ErrMaybeApplied)
			assert.NotEmpty(t, result.TaskID)
		}
		says := "import task " + report.Results[0].TaskID + " still runs, and up to 30 records may still appear"
		assert.Equal(t, 1, strings.Count(report.String(), says), report.String())
		assert.Equal(t, 1, strings.Count(err.Error(), says))
		raw, err := json.Marshal(report)
		require.NoError(t, err)
		assert.Equal(t, 1, strings.Count(string(raw), says))
		assert.Empty(t, w.holds())

		time.Sleep(time.Minute)
		last, err := w.sync(options, tickets(1, 30)...)
		require.NoError(t, err)
		assert.Equal(t, 30, last.Equal)
	}, mistralobstest.WithTaskDuration(time.Minute))
}

// If the response to the start of an import is lost, the error says that the import may have
// started.
func TestALostImportMayBeApplied(t *testing.T) {
	inWorld(t, nil, func(w world) {
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.ImportsFromFile,
			Break: mistralobstest.ResetUnanswered})
		options := datasetsync.Options{Key: "id", ImportAbove: 10}
		report, err := w.sync(options, tickets(1, 30)...)
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
		require.ErrorIs(t, report.Results[29].Err, mistralobs.ErrMaybeApplied)
		assert.Equal(t, 1, strings.Count(report.String(), "up to 30 records may still appear"))
		report, err = w.sync(options, tickets(1, 30)...)
		require.NoError(t, err)
		assert.Equal(t, 30, report.Equal)
	})
}

// Creations whose response is lost are not repeated, and match ErrMaybeApplied even beside other
// failures.
func TestLostCreationsAreMarked(t *testing.T) {
	inWorld(t, nil, func(w world) {
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 422, Times: 8})
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Break: mistralobstest.ResetUnanswered})
		report, err := w.sync(byID, tickets(1, 10)...)
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
		require.ErrorIs(t, report.Results[8].Err, mistralobs.ErrMaybeApplied)
		report, err = w.sync(byID, tickets(1, 10)...)
		require.NoError(t, err)
		assert.Equal(t, []int{8, 2}, []int{report.Created, report.Equal})
	})
}

// A failed import is one failure, and no later records are created.
func TestAFailedImport(t *testing.T) {
	outcome := func(mistralobstest.TaskInfo) (string, string) { return "FAILED", "disk full" }
	inWorld(t, []string{ticket("old", "x")}, func(w world) {
		report, err := w.sync(datasetsync.Options{Key: "id", Delete: true, ImportAbove: 10}, tickets(1, 30)...)
		var failed *mistralobs.TaskError
		require.ErrorAs(t, err, &failed)
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
		assert.Contains(t, report.String(), "! create 30 records: failed: importing 30 records, of which some may exist: ")
		assert.Zero(t, report.Deleted)
	}, mistralobstest.WithTaskOutcome(outcome))
}

// The report names a file that cannot be deleted after its import.
func TestUploadsThatStay(t *testing.T) {
	inWorld(t, nil, func(w world) {
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.FilesDelete, Status: 400})
		report, err := w.sync(datasetsync.Options{Key: "id", ImportAbove: 1}, tickets(1, 3)...)
		require.NoError(t, err)
		assert.Len(t, report.Uploads, 1)
	})
}

// A task that is COMPLETED may have skipped records, which the next run creates.
func TestAnImportThatSkips(t *testing.T) {
	inWorld(t, nil, func(w world) {
		skips := strings.NewReplacer(`"imported_record_count":30,"skipped_record_count":0`,
			`"imported_record_count":28,"skipped_record_count":2`)
		client := w.answering(func(_ *http.Request, body string) string { return skips.Replace(body) })
		options := datasetsync.Options{Key: "id", ImportAbove: 10}
		report, err := datasetsync.Sync(w.t.Context(), client, w.dataset, wanted(tickets(1, 30)...), options)
		require.ErrorIs(t, err, mistralobs.ErrRecordsSkipped)
		require.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
		assert.Equal(t, 28, report.Created)
		assert.Contains(t, err.Error(), "2 of 30 changes were not made")
		says := "importing 30 records, of which 28 were created: "
		assert.Equal(t, 1, strings.Count(report.String(), says), report.String())
		w.remove("t-0011")
		report, err = w.sync(options, tickets(1, 30)...)
		require.NoError(t, err)
		assert.Equal(t, []int{1, 29}, []int{report.Created, report.Equal})
	})
}
