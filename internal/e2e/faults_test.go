package e2e_test

//lint:file-ignore SA1019 deprecated imports are tested as long as they exist

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/optest"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// The operations that are retried after any transient failure, those that create an object, and the
// upload, whose object the tests cannot count.
var (
	repeatable = operations(func(op optest.Operation) bool { return !op.Creates })
	creating   = operations(func(op optest.Operation) bool { return op.Creates && op.Name != mistralobstest.FilesUpload })
	upload     = operations(func(op optest.Operation) bool { return op.Name == mistralobstest.FilesUpload })
)

// failure drops the result of a call.
func failure[T any](_ T, err error) error { return err }

// Every operation of the emulator is in the list. Downloads have tests of their own.
func TestTheListOfOperationsIsComplete(t *testing.T) {
	t.Parallel()
	names := []string{mistralobstest.ExportsDownload}
	for _, op := range optest.Operations() {
		names = append(names, op.Name)
	}
	const advice = "add what is only in list A to internal/optest, the rest to mistralobstest"
	assert.ElementsMatch(t, mistralobstest.Operations(), names, advice)
}

// outcome describes a call that met a fault.
type outcome struct {
	requests int           // that reached the server
	err      error         // nil: success
	maybe    bool          // marked as ErrMaybeApplied
	applied  bool          // the server has done it
	within   time.Duration // at most, of fake time
}

// faultRow is a fault and the outcome of the call that meets it.
type faultRow struct {
	fault          mistralobstest.Fault
	repeat, create outcome
}

// faultTable holds faults of the first attempt, with the outcome for operations that are sent again
// and for operations that create something.
var faultTable = map[string]faultRow{
	"connection refused": {
		fault:  mistralobstest.Fault{Break: mistralobstest.Refuse},
		repeat: outcome{requests: 1, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, applied: true, within: 2 * time.Second},
	},
	"reset before the request is read": {
		fault:  mistralobstest.Fault{Break: mistralobstest.ResetUnread},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrMaybeApplied, maybe: true},
	},
	"reset after it was applied": {
		fault:  mistralobstest.Fault{Break: mistralobstest.ResetUnanswered},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrMaybeApplied, maybe: true, applied: true},
	},
	"reset in the body": {
		fault:  mistralobstest.Fault{Break: mistralobstest.ResetBody, After: 5},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrMaybeApplied, maybe: true, applied: true},
	},
	"truncated body": {
		fault:  mistralobstest.Fault{Break: mistralobstest.TruncateBody, After: 5},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, err: io.ErrUnexpectedEOF, maybe: true, applied: true},
	},
	"body that stalls": {
		fault:  mistralobstest.Fault{Break: mistralobstest.StallBody, After: 5},
		repeat: outcome{requests: 2, applied: true, within: 62 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrTimeout, maybe: true, applied: true, within: time.Minute},
	},
	"header that stalls": {
		fault:  mistralobstest.Fault{Break: mistralobstest.StallHeader},
		repeat: outcome{requests: 2, applied: true, within: 62 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrTimeout, maybe: true, applied: true, within: time.Minute},
	},
	"longer than the timeout": {
		fault:  mistralobstest.Fault{Delay: time.Hour},
		repeat: outcome{requests: 2, applied: true, within: 62 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrTimeout, maybe: true, within: time.Minute},
	},
	"slow": {
		fault:  mistralobstest.Fault{Delay: 50 * time.Second},
		repeat: outcome{requests: 1, applied: true, within: 50 * time.Second},
		create: outcome{requests: 1, applied: true, within: 50 * time.Second},
	},
	"400": {
		fault:  mistralobstest.Fault{Status: 400},
		repeat: outcome{requests: 1, err: mistralobs.ErrBadRequest},
		create: outcome{requests: 1, err: mistralobs.ErrBadRequest},
	},
	"401": {
		fault:  mistralobstest.Fault{Status: 401},
		repeat: outcome{requests: 1, err: mistralobs.ErrUnauthorized},
		create: outcome{requests: 1, err: mistralobs.ErrUnauthorized},
	},
	"408": {
		fault:  mistralobstest.Fault{Status: 408},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrTimeout, maybe: true},
	},
	"429": {
		fault:  mistralobstest.Fault{Status: 429},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 2, applied: true, within: 2 * time.Second},
	},
	"429 for 5 seconds": {
		fault:  mistralobstest.Fault{Status: 429, Header: http.Header{"Retry-After": {"5"}}},
		repeat: outcome{requests: 2, applied: true, within: 6 * time.Second},
		create: outcome{requests: 2, applied: true, within: 6 * time.Second},
	},
	"429 until a date": {
		fault: mistralobstest.Fault{
			Status: 429, Header: http.Header{"Retry-After": {"Sat, 01 Jan 2000 00:00:10 GMT"}},
		}, // the bubble's clock starts at 0
		repeat: outcome{requests: 2, applied: true, within: 11 * time.Second},
		create: outcome{requests: 2, applied: true, within: 11 * time.Second},
	},
	"429 until a date in the past": {
		fault: mistralobstest.Fault{Status: 429,
			Header: http.Header{"Retry-After": {"Fri, 01 Jan 1999 00:00:10 GMT"}}},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 2, applied: true, within: 2 * time.Second},
	},
	"429 for -5 seconds": {
		fault:  mistralobstest.Fault{Status: 429, Header: http.Header{"Retry-After": {"-5"}}},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 2, applied: true, within: 2 * time.Second},
	},
	"429 for garbage": {
		fault:  mistralobstest.Fault{Status: 429, Header: http.Header{"Retry-After": {"soon"}}},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 2, applied: true, within: 2 * time.Second},
	},
	"429 for 31 years": {
		fault:  mistralobstest.Fault{Status: 429, Header: http.Header{"Retry-After": {"999999999"}}},
		repeat: outcome{requests: 1, err: mistralobs.ErrRateLimited},
		create: outcome{requests: 1, err: mistralobs.ErrRateLimited},
	},
	"500": {
		fault:  mistralobstest.Fault{Status: 500, Body: `{"detail":"oh"}`},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrServer, maybe: true},
	},
	"applied, then 502": {
		fault:  mistralobstest.Fault{Status: 502, Apply: true, Body: "<html>Bad Gateway</html>"},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrServer, maybe: true, applied: true},
	},
	"503": {
		fault:  mistralobstest.Fault{Status: 503},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrServer, maybe: true},
	},
	"503 with Retry-After": {
		fault:  mistralobstest.Fault{Status: 503, Header: http.Header{"Retry-After": {"1"}}},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 2, applied: true, within: 2 * time.Second},
	},
	"504": {
		fault:  mistralobstest.Fault{Status: 504},
		repeat: outcome{requests: 2, applied: true, within: 2 * time.Second},
		create: outcome{requests: 1, err: mistralobs.ErrTimeout, maybe: true},
	},
	"HTML with status 200": {
		fault:  mistralobstest.Fault{Status: 200, Body: "<html>Welcome</html>"},
		repeat: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse},
		create: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse, maybe: true},
	},
	"JSON of another shape": {
		fault:  mistralobstest.Fault{Status: 200, Body: `{"hello":"world"}`},
		repeat: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse},
		create: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse, maybe: true},
	},
	"null": {
		fault:  mistralobstest.Fault{Status: 200, Body: "null"},
		repeat: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse},
		create: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse, maybe: true},
	},
	"an array": {
		fault:  mistralobstest.Fault{Status: 200, Body: "[]"},
		repeat: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse},
		create: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse, maybe: true},
	},
	"an empty 200": {
		fault:  mistralobstest.Fault{Status: 200},
		repeat: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse},
		create: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse, maybe: true},
	},
	"a body of 1 GiB": {
		fault:  mistralobstest.Fault{Status: 200, BodySize: 1 << 30},
		repeat: outcome{requests: 1, err: mistralobs.ErrResponseTooLarge},
		create: outcome{requests: 1, err: mistralobs.ErrResponseTooLarge, maybe: true},
	},
	"an error of 1 GiB": {
		fault:  mistralobstest.Fault{Status: 404, BodySize: 1 << 30},
		repeat: outcome{requests: 1, err: mistralobs.ErrNotFound},
		create: outcome{requests: 1, err: mistralobs.ErrNotFound},
	},
	"deeply nested JSON": {
		fault:  mistralobstest.Fault{Status: 200, Body: strings.Repeat(`{"id":`, 10_100)},
		repeat: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse},
		create: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse, maybe: true},
	},
	"compressed": {
		fault:  mistralobstest.Fault{Gzip: true},
		repeat: outcome{requests: 1, applied: true},
		create: outcome{requests: 1, applied: true},
	},
	"a redirect to another origin": {
		fault:  mistralobstest.Fault{Status: 307, Header: http.Header{"Location": {"https://elsewhere.example/"}}},
		repeat: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse},
		create: outcome{requests: 1, err: mistralobs.ErrUnexpectedResponse},
	},
}

// anyBody are the faults that answer 2xx with a body that an operation without a result ignores.
var anyBody = []string{"JSON of another shape", "null", "an array", "an empty 200", "deeply nested JSON"}

func TestFaultTable(t *testing.T) {
	t.Parallel()
	for name, row := range faultTable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for operation, op := range repeatable {
				t.Run(operation, func(t *testing.T) {
					t.Parallel()
					want := row.repeat
					if op.Want == nil && slices.Contains(anyBody, name) {
						want = outcome{requests: 1}
					}
					how := row.fault.Break
					needsBody := how >= mistralobstest.ResetBody && how <= mistralobstest.StallBody || row.fault.Gzip
					if op.Status == http.StatusNoContent && needsBody { // no body could break or be compressed
						want.requests = 1
					}
					want.applied = want.applied && op.Changes()
					hit(t, op, row.fault, want)
				})
			}
			for _, operations := range []map[string]operation{creating, upload} {
				for operation, op := range operations {
					t.Run(operation, func(t *testing.T) {
						t.Parallel()
						hit(t, op, row.fault, row.create)
					})
				}
			}
		})
	}
}

// hit makes a call whose first attempt meets a fault, and compares the outcome.
func hit(t *testing.T, op operation, fault mistralobstest.Fault, want outcome) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorldFor(t, op.Name)
		fault.Operation = op.Name
		w.server.Inject(fault)
		start := time.Now()

		err := op.call(w)

		took := time.Since(start)
		require.ErrorIs(t, err, want.err)
		assert.Equal(t, want.maybe, errors.Is(err, mistralobs.ErrMaybeApplied), "ErrMaybeApplied: %v", err)
		assert.LessOrEqual(t, took, want.within, "time")
		assert.Equal(t, want.requests, w.requestsOf(op.Name), "requests")
		if op.Name != mistralobstest.FilesUpload {
			assert.Equal(t, want.applied, op.applied(w) == 1, "applied")
		}
		w.client.CloseIdleConnections()
		synctest.Wait()
		assert.Zero(t, w.server.OpenConnections(), "connections")
	})
}

// A redirect loop ends, whatever the operation.
func TestFaultRedirectLoop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.server.Inject(mistralobstest.Fault{
			Times: -1, Status: 307, Header: http.Header{"Location": {"/v1/observability/datasets"}},
		})
		_, err := w.client.Datasets.List(w.ctx, mistralobs.ListDatasetsParams{})
		require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
		_, err = w.client.Datasets.Create(w.ctx, mistralobs.CreateDatasetParams{Name: "Second"})
		require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
		assert.Len(t, w.server.Requests(), 20)
		assert.Len(t, w.server.Datasets(), 1)
	})
}

// With the same faults in the storage, a download returns the original bytes or an error.
func TestFaultsOfDownloads(t *testing.T) {
	t.Parallel()
	for name, row := range faultTable {
		if row.fault.Status == 200 {
			continue // whatever the storage sends with status 200 is the file
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				var whole, got bytes.Buffer
				_, err := w.client.Exports.Download(w.ctx, w.dataset, &whole, mistralobs.TransferOptions{})
				require.NoError(t, err)
				fault := row.fault
				fault.Operation = mistralobstest.ExportsDownload
				w.server.Inject(fault)
				start := time.Now()

				_, err = w.client.Exports.Download(w.ctx, w.dataset, &got, mistralobs.TransferOptions{})

				want := row.repeat.err
				if fault.Gzip {
					want = mistralobs.ErrUnexpectedResponse
				} else if fault.Status == 307 {
					want = nil // followed, without a secret, to a host that is not there; then asked for again
				}
				require.ErrorIs(t, err, want)
				if err == nil {
					assert.Equal(t, whole.String(), got.String())
				}
				assert.LessOrEqual(t, time.Since(start), 62*time.Second)
			})
		})
	}
}

// One in five of ten thousand creations (fewer in short mode) meets a fault. No record is created
// twice, and every record that was reported exists.
func TestTenThousandCreationsUnderFaults(t *testing.T) {
	t.Parallel()
	n := 10_000
	if testing.Short() {
		n = 2_500
	}
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		faults := []mistralobstest.Fault{
			{Break: mistralobstest.Refuse}, {Break: mistralobstest.ResetUnread},
			{Break: mistralobstest.ResetUnanswered},
			{Break: mistralobstest.ResetBody, After: 20}, {
				Break: mistralobstest.TruncateBody, After: 20,
			}, {Break: mistralobstest.StallHeader},
			{Status: 429}, {Status: 503}, {
				Status: 503, Header: http.Header{"Retry-After": {"1"}},
			}, {Status: 502, Apply: true}, {Status: 200, Body: "<html>"}, {Delay: time.Hour},
		}
		for i, fault := range faults {
			fault.Operation, fault.Times, fault.Seed = mistralobstest.RecordsCreate, -1, uint64(i)
			fault.Probability = 0.2 / float64(len(faults))
			w.server.Inject(fault)
		}
		input := func(yield func(mistralobs.CreateRecordParams) bool) {
			for i := 0; i < n && yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}); i++ {
			}
		}
		maybe := map[string]bool{}
		note := func(index int, err error) error {
			if errors.Is(err, mistralobs.ErrMaybeApplied) {
				maybe[fmt.Sprintf(`{"i":%d}`, index)] = true
			}
			return nil
		}
		options := mistralobs.BulkOptions{Concurrency: 64, OnError: note}
		reported := map[string]bool{}
		for record, err := range w.client.Records.CreateAll(w.ctx, w.dataset, mistralobs.NoErrors(input), options) {
			require.NoError(t, err)
			reported[record.Payload.String()] = true
		}
		w.server.ClearFaults()

		held := map[string]int{}
		for _, record := range w.server.Records(w.dataset)[1:] {
			held[string(record.Payload)]++
		}
		for payload := range reported {
			assert.Equal(t, 1, held[payload], "a reported record is held once")
		}
		for payload, times := range held {
			assert.Equal(t, 1, times, "no record is held twice")
			assert.True(t, reported[payload] || maybe[payload], "a held record was reported or may have been applied")
		}
		assert.Greater(t, len(reported), n*8/10)
		assert.Greater(t, len(maybe), n/20)
		t.Logf("%d reported, %d doubtful, %d held", len(reported), len(maybe), len(held))
	})
}
