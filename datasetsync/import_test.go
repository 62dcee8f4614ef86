package datasetsync_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

var byImport = datasetsync.Options{Key: "id", ImportAbove: 10}

// After a lost upload no import was started, so no record can appear.
func TestALostUploadStartsNoImport(t *testing.T) {
	for name, fault := range map[string]mistralobstest.Fault{
		"no response": {Break: mistralobstest.ResetUnanswered},
		"status 502":  {Status: 502},
	} {
		fault.Operation = mistralobstest.FilesUpload
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w world) {
				w.server.Inject(fault)
				report, err := w.sync(byImport, tickets(1, 30)...)
				require.Error(t, err)
				require.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
				require.NotErrorIs(t, report.Results[0].Err, mistralobs.ErrMaybeApplied)
				assert.Equal(t, datasetsync.OutcomeFailed, report.Results[0].Outcome)
				assert.Regexp(t, `importing 30 records: mistralobs: upload file: .* \(1 attempt\)$`, report.String())
				assert.Zero(t, w.requests()[mistralobstest.ImportsFromFile])
			})
		})
	}
}

// The cause of a failed upload stays visible to errors.As.
func TestTheCauseOfALostUpload(t *testing.T) {
	inWorld(t, nil, func(w world) {
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.FilesUpload, Break: mistralobstest.ResetUnanswered})
		_, err := w.sync(byImport, tickets(1, 30)...)
		var network *mistralobs.NetworkError
		require.ErrorAs(t, err, &network)
		assert.Equal(t, mistralobstest.FilesUpload, network.Operation)
	})
}

// A result that does not say how many records were imported leaves that open.
func TestAResultThatCountsNothing(t *testing.T) {
	for _, result := range []string{`{}`, `{"imported_record_count":null}`, `{"imported_record_count":-1}`} {
		t.Run(result, func(t *testing.T) {
			inWorld(t, nil, func(w world) {
				w.server.Inject(mistralobstest.Fault{
					Operation: mistralobstest.TasksGet, Status: 200, Body: `{"id":"t","status":"FAILED","result":` + result + `}`,
				})
				report, err := w.sync(byImport, tickets(1, 30)...)
				require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
				assert.Zero(t, report.Created)
			})
		})
	}
}

// An uploaded file is deleted after its import, however that ended. If the import may still run,
// the report names it.
func TestUploadsAreDeletedOrNamed(t *testing.T) {
	fails := func(mistralobstest.TaskInfo) (string, string) { return "FAILED", "disk full" }
	runs := func(mistralobstest.TaskInfo) (string, string) { return "RUNNING", "" }
	lost := mistralobstest.Fault{Operation: mistralobstest.ImportsFromFile, Break: mistralobstest.ResetUnanswered}
	refused := mistralobstest.Fault{Operation: mistralobstest.ImportsFromFile, Status: 400}
	for name, test := range map[string]struct {
		outcome func(mistralobstest.TaskInfo) (string, string)
		fault   *mistralobstest.Fault
		deleted int
	}{
		"a task that fails":     {outcome: fails, deleted: 1},
		"a task that goes on":   {outcome: runs},
		"a refused import":      {fault: &refused, deleted: 1},
		"a lost start":          {fault: &lost},
		"a task that is secret": {fault: &mistralobstest.Fault{Operation: mistralobstest.TasksGet, Status: 403}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w world) {
				if test.fault != nil {
					w.server.Inject(*test.fault)
				}
				report, err := w.sync(byImport, tickets(1, 30)...)
				require.Error(t, err)
				assert.Equal(t, test.deleted, w.requests()[mistralobstest.FilesDelete])
				assert.Len(t, report.Uploads, 1-test.deleted)
			}, mistralobstest.WithTaskOutcome(test.outcome))
		})
	}
}

// A file that no import reads, and that could not be deleted, is named by the error.
func TestAnUploadThatCannotBeDeletedIsNamed(t *testing.T) {
	inWorld(t, nil, func(w world) {
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.ImportsFromFile, Status: 400})
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.FilesDelete, Status: 403})
		report, err := w.sync(byImport, tickets(1, 30)...)
		require.ErrorIs(t, err, mistralobs.ErrBadRequest)
		assert.Contains(t, report.String(), "is left behind")
	})
}

// A task with a progress above 100 % does not make the estimate exceed the total.
func TestProgressNeverExceedsTheTotal(t *testing.T) {
	more := func(float64) *int { percent := 150; return &percent }
	inWorld(t, nil, func(w world) {
		options, done := byImport, []int{}
		options.OnProgress = func(p datasetsync.Progress) {
			if p.Phase == datasetsync.PhaseCreate {
				done = append(done, p.Done)
			}
		}
		_, err := w.sync(options, tickets(1, 100)...)
		require.NoError(t, err)
		assert.IsNonDecreasing(t, done)
		assert.Equal(t, 100, slices.Max(done))
	}, mistralobstest.WithTaskDuration(5*time.Second), mistralobstest.WithTaskProgress(more))
}

// During an import OnProgress is called again and again, with numbers that never shrink.
func TestAnImportTellsItsProgress(t *testing.T) {
	inWorld(t, nil, func(w world) {
		last, silence, done := time.Now(), time.Duration(0), []int{}
		options := byImport
		options.OnProgress = func(p datasetsync.Progress) {
			silence, last = max(silence, time.Since(last)), time.Now()
			if p.Phase == datasetsync.PhaseCreate {
				assert.Equal(t, 100, p.Total)
				done = append(done, p.Done)
			}
		}
		_, err := w.sync(options, tickets(1, 100)...)
		require.NoError(t, err)
		assert.Less(t, silence, time.Minute)
		assert.IsNonDecreasing(t, done)
		assert.Greater(t, len(done), 10)
		assert.Equal(t, 100, done[len(done)-1])
	}, mistralobstest.WithTaskDuration(5*time.Minute))
}

// A sync that is canceled during the upload has changed nothing.
func TestACanceledUploadIsNotDone(t *testing.T) {
	inWorld(t, nil, func(w world) {
		ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
		defer cancel()
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.FilesUpload, Break: mistralobstest.StallHeader})
		report, err := datasetsync.Sync(ctx, w.client, w.dataset, wanted(tickets(1, 30)...), byImport)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
		assert.Equal(t, datasetsync.OutcomeNotDone, report.Results[0].Outcome)
	})
}
