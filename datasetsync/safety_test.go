package datasetsync_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// answering returns a client that sees the responses to reads as edit returns them.
func (w world) answering(edit func(r *http.Request, body string) string) *mistralobs.Client {
	return w.server.Client(w.t, mistralobs.WithHTTPClient(&http.Client{Transport: roundTripper(
		func(r *http.Request) (*http.Response, error) {
			resp, err := w.hook.RoundTrip(r)
			if err != nil || r.Method != http.MethodGet {
				return resp, err
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				return nil, err
			}
			text := edit(r, string(body))
			resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
			resp.Header.Del("Content-Length")
			return resp, nil
		})}))
}

func edited(lines []string) (edited []string) {
	for _, line := range lines {
		edited = append(edited, strings.Replace(line, `"yes"`, `"edited"`, 1))
	}
	return edited
}

// Without a key an edit is a creation and a deletion. If the creation fails, the record is not
// deleted.
func TestAFailedReplacementDeletesNothing(t *testing.T) {
	for name, fault := range map[string]mistralobstest.Fault{
		"a failed import":     {Operation: mistralobstest.ImportsFromFile, Status: 400},
		"a failed upload":     {Operation: mistralobstest.FilesUpload, Status: 400},
		"a lost import":       {Operation: mistralobstest.ImportsFromFile, Break: mistralobstest.ResetUnread},
		"one of 60 creations": {Operation: mistralobstest.RecordsCreate, Status: 422, Skip: 30},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, tickets(1, 60), func(w world) {
				options := datasetsync.Options{Delete: true}
				if fault.Operation == mistralobstest.RecordsCreate {
					options.ImportAbove = -1
				}
				w.server.Inject(fault)
				report, err := w.sync(options, edited(tickets(1, 60))...)
				require.Error(t, err)
				assert.Subset(t, w.holds(), tickets(1, 60))
				assert.Zero(t, report.Deleted)
				assert.Equal(t, datasetsync.OutcomeNotDone, report.Results[119].Outcome)

				w.server.ClearFaults()
				_, err = w.sync(options, edited(tickets(1, 60))...)
				require.NoError(t, err)
				assert.ElementsMatch(t, edited(tickets(1, 60)), w.holds())
			})
		})
	}
}

// If the update of the oldest record fails, its duplicates are not deleted.
func TestKeepOldestDeletesNothingAfterAFailedUpdate(t *testing.T) {
	have := []string{ticket("a", "old"), ticket("a", "new")}
	inWorld(t, have, func(w world) {
		options := datasetsync.Options{Key: "id", Duplicates: datasetsync.KeepOldest}
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsUpdatePayload, Status: 422})
		_, err := w.sync(options, ticket("a", "new"))
		require.ErrorIs(t, err, mistralobs.ErrValidation)
		assert.Equal(t, have, w.inOrder())
		_, err = w.sync(options, ticket("a", "new"))
		require.NoError(t, err)
		assert.Equal(t, []string{ticket("a", "new")}, w.inOrder())
	})
}

// An import that ended badly may have created some of its records. If its result says how many, the
// report counts them.
func TestAnImportThatEndsHalfWay(t *testing.T) {
	result := regexp.MustCompile(`"result":\{[^}]*\}`)
	for _, status := range []string{"FAILED", "CANCELED", "TERMINATED", "TIMED_OUT"} {
		for name, test := range map[string]struct {
			result  string
			created int
			marked  bool
		}{
			"no result": {result: `null`, marked: true},
			"a half": {result: `{"requested_record_count":60,"imported_record_count":30,"skipped_record_count":0}`,
				created: 30},
			"none": {result: `{"requested_record_count":60,"imported_record_count":0,"skipped_record_count":0}`},
		} {
			t.Run(status+", "+name, func(t *testing.T) {
				inWorld(t, nil, func(w world) {
					client := w.answering(func(r *http.Request, body string) string {
						if strings.Contains(r.URL.Path, "/tasks/") {
							body = strings.Replace(body, `"COMPLETED"`, `"`+status+`"`, 1)
							body = result.ReplaceAllString(body, `"result":`+test.result)
						}
						return body
					})
					report, err := datasetsync.Sync(w.t.Context(), client, w.dataset, wanted(tickets(1, 60)...), byID)
					var failed *mistralobs.TaskError
					require.ErrorAs(t, err, &failed)
					assert.Equal(t, test.created, report.Created)
					require.ErrorContains(t, err, fmt.Sprintf("%d of 60 changes were not made", 60-test.created))
					for _, err := range []error{err, report.Results[0].Err} {
						if test.marked {
							require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
						} else {
							require.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
						}
					}
				})
			})
		}
	}
}

// Each try of a write follows a reading of its own, so that an edit during the pause after a
// failure is not lost.
func TestAWriteIsTriedOncePerReading(t *testing.T) {
	have := []string{`{"payload":{"answer":"old"},"properties":{"id":"a","tag":"old"}}`}
	want := `{"payload":{"answer":"new"},"properties":{"id":"a","tag":"new"}}`
	for name, test := range map[string]struct {
		fault    mistralobstest.Fault
		edit     bool
		requests []string
		outcome  datasetsync.Outcome
	}{
		"no failure": {requests: []string{"get", "update_payload", "update_properties"}, outcome: "done"},
		"two failures": {
			fault:    mistralobstest.Fault{Operation: mistralobstest.RecordsUpdatePayload, Status: 503, Times: 2},
			requests: []string{"get", "update_payload", "get", "update_payload", "get", "update_payload", "update_properties"},
			outcome:  "done",
		},
		"a lost response": {
			fault:    mistralobstest.Fault{Operation: mistralobstest.RecordsUpdatePayload, Status: 500, Apply: true},
			requests: []string{"get", "update_payload", "get", "update_properties"}, outcome: "done",
		},
		"a lost response at the end": {
			fault:    mistralobstest.Fault{Operation: mistralobstest.RecordsUpdateProperties, Status: 500, Apply: true},
			requests: []string{"get", "update_payload", "update_properties", "get"}, outcome: "done",
		},
		"a failure and an edit": {
			fault: mistralobstest.Fault{Operation: mistralobstest.RecordsUpdatePayload, Status: 503}, edit: true,
			requests: []string{"get", "update_payload", "get"}, outcome: "left alone",
		},
		"a reading that fails": { // the client has repeated it
			fault:    mistralobstest.Fault{Operation: mistralobstest.RecordsGet, Status: 503, Times: -1},
			requests: []string{"get", "get", "get", "get", "get"}, outcome: "failed",
		},
		"a refusal": {
			fault:    mistralobstest.Fault{Operation: mistralobstest.RecordsUpdatePayload, Status: 422},
			requests: []string{"get", "update_payload"}, outcome: "failed",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				plan := w.diff(byID, want)
				if test.fault.Operation != "" {
					w.server.Inject(test.fault)
				}
				w.server.ResetRequests()
				reads := 0
				w.before(http.MethodGet, "/dataset-records/", func() bool {
					if reads++; test.edit && reads == 2 {
						w.edit("a", "mine")
					}
					return reads == 2
				})
				report, _ := w.apply(plan, byID)
				assert.Equal(t, test.outcome, report.Results[0].Outcome)
				var sent []string
				for _, request := range w.server.Requests() {
					if name, ok := strings.CutPrefix(request.Operation, "records."); ok {
						sent = append(sent, name)
					}
				}
				if test.edit {
					test.requests = []string{"get", "update_payload", "update_payload", "get"} // with the edit
					assert.Equal(t, "mine", answerOf(w, "a"))
				}
				assert.Equal(t, test.requests, sent)
			})
		})
	}
}

func answerOf(w world, id string) string {
	_, rest, _ := strings.Cut(string(w.record(id).Payload), `"answer":"`)
	return strings.TrimSuffix(rest, `"}`)
}

// A record whose deleted_at is set is as good as gone, and so is a dataset.
func TestDeletedRecordsAreLeftAlone(t *testing.T) {
	inWorld(t, []string{ticket("a", "old"), ticket("b", "old"), ticket("c", "old"), ticket("c", "older")}, func(w world) {
		deleted := regexp.MustCompile(
			`("deleted_at":)null([^{}]*"payload":\{"answer":"old(?:er)?"\}[^{}]*"properties":\{"id":"[bc]"\})`)
		client := w.answering(func(_ *http.Request, body string) string {
			return deleted.ReplaceAllString(body, `$1"2026-11-01T10:00:00Z"$2`)
		})
		plan, err := datasetsync.Diff(w.t.Context(), client, w.dataset, wanted(ticket("a", "new"), ticket("b", "new")), byID)
		require.NoError(t, err)
		got := []int{len(plan.Create), len(plan.Update), len(plan.Delete), plan.Equal, plan.Extra}
		assert.Equal(t, []int{1, 1, 0, 0, 0}, got, "%v", plan)
		report, err := plan.Apply(w.t.Context(), client, byID)
		require.NoError(t, err)
		assert.Equal(t, []int{1, 1, 0}, []int{report.Created, report.Updated, report.Deleted})

		gone := w.answering(func(_ *http.Request, body string) string {
			return strings.Replace(body, `"deleted_at":null`, `"deleted_at":"2026-11-01T10:00:00Z"`, 1)
		})
		_, err = datasetsync.Diff(w.t.Context(), gone, w.dataset, wanted(ticket("a", "new")), byID)
		require.ErrorIs(t, err, mistralobs.ErrNotFound)
	})
}

// If the caller's deadline ends the wait for an import, MaxTaskWait does not.
func TestTheCallersDeadlineIsNotMaxTaskWait(t *testing.T) {
	inWorld(t, nil, func(w world) {
		ctx, cancel := context.WithTimeout(w.t.Context(), 600*time.Millisecond)
		defer cancel()
		_, err := datasetsync.Sync(ctx, w.client, w.dataset, wanted(tickets(1, 60)...), byID)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, mistralobs.ErrTimeout)
		assert.NotContains(t, err.Error(), "MaxTaskWait")

		ctx, cancel = context.WithTimeout(w.t.Context(), 600*time.Millisecond)
		defer cancel()
		_, err = datasetsync.Sync(ctx, w.client, w.dataset, wanted(tickets(1, 60)...), byID)
		require.Error(t, err)
		assert.NotContains(t, err.Error(), "MaxTaskWait")
	}, mistralobstest.WithTaskDuration(time.Minute))
}

// A dataset that vanishes ends the run.
func TestTheDatasetVanishes(t *testing.T) {
	have := append(tickets(1, 5), ticket("x", "old"), ticket("y", "old"))
	for name, test := range map[string]struct {
		method, path string
		want         []string
		skip         int // requests that match
	}{
		"during an import":   {http.MethodGet, "/tasks/", append(tickets(6, 90), ticket("x", "new"), ticket("y", "new")), 0},
		"before the updates": {http.MethodGet, "/dataset-records/", []string{ticket("x", "new"), ticket("y", "new")}, 0},
		"before a creation":  {http.MethodPost, "/records", tickets(1, 10), 0},
		"before deletions":   {http.MethodGet, "/records", append(tickets(1, 4), ticket("x", "old")), 1},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				options := byID
				options.Concurrency = 1
				w.before(test.method, test.path, func() bool {
					if test.skip--; test.skip >= 0 {
						return false
					}
					require.NoError(t, w.other.Datasets.Delete(w.t.Context(), w.dataset))
					return true
				})
				report, err := w.sync(options, test.want...)
				require.ErrorIs(t, err, mistralobs.ErrNotFound)
				require.NotErrorIs(t, err, datasetsync.ErrRecordChanged)
				assert.NotContains(t, report.String(), "left alone")
				failed := 0
				for _, result := range report.Results {
					if result.Outcome == datasetsync.OutcomeFailed && result.TaskID == "" {
						failed++
					}
				}
				assert.LessOrEqual(t, failed, 1)
			})
		})
	}
}

// Diff stops reading a list that does not end, and one without a count is named.
func TestOddLists(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(r *http.Request, body string) string
		is   error
		says string
	}{
		"more records than the count": {
			edit: func(r *http.Request, body string) string {
				return regexp.MustCompile(`"count":\d+`).ReplaceAllString(body, `"count":120`)
			},
			is: datasetsync.ErrDatasetChanging, says: "try again later",
		},
		"no count": {
			edit: func(r *http.Request, body string) string {
				return regexp.MustCompile(`"count":\d+,`).ReplaceAllString(body, ``)
			},
			says: "count",
		},
		"no count on the second page": {
			edit: func(r *http.Request, body string) string {
				if r.URL.Query().Get("page") == "2" {
					body = regexp.MustCompile(`"count":\d+,`).ReplaceAllString(body, ``)
				}
				return body
			},
			says: "count",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, tickets(1, 1000), func(w world) {
				client := w.answering(func(r *http.Request, body string) string {
					if strings.HasSuffix(r.URL.Path, "/records") {
						return test.edit(r, body)
					}
					return body
				})
				_, err := datasetsync.Diff(w.t.Context(), client, w.dataset, wanted(tickets(1, 3)...), byID)
				require.Error(t, err)
				require.ErrorContains(t, err, test.says)
				if test.is != nil {
					require.ErrorIs(t, err, test.is)
				} else {
					assert.NotContains(t, err.Error(), "try again later")
				}
				assert.LessOrEqual(t, w.requests()[mistralobstest.RecordsList], 18)
			})
		})
	}
}
