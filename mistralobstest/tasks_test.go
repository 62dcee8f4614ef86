package mistralobstest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestTasksRunOverTime(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)}
	a := newAPI(t, mistralobstest.WithClock(clock.Now), mistralobstest.WithTaskDuration(10*time.Second))
	id, _ := a.dataset()
	content := "\uFEFF" + `{"messages":[{"role":"user"}],"properties":{"p":1},"model":"m"}` + "\r\n\n" +
		`{"payload":{"a": 1}}`
	file := a.upload(content).json(t, "id").(string)
	started := a.do("POST", datasets+"/"+id+"/imports/from-file", `{"file_id":"`+file+`"}`)
	task := datasets + "/" + id + "/tasks/" + started.json(t, "id").(string)
	for _, want := range []string{"0", "40", "80"} {
		r := a.do("GET", task, "")
		assert.EqualValues(t, "RUNNING", r.json(t, "status"))
		assert.EqualValues(t, want, r.json(t, "progress"))
		assert.Empty(t, a.server.Records(id))
		clock.pass(4 * time.Second)
	}
	r := a.do("GET", task, "")
	assert.EqualValues(t, "COMPLETED", r.json(t, "status"))
	assert.EqualValues(t, "100", r.json(t, "progress"))
	got := a.server.Records(id)
	require.Len(t, got, 2)
	assert.Equal(t, `{"messages":[{"role":"user"}],"model":"m"} {"p":1} UPLOADED_FILE`,
		fmt.Sprintf("%s %s %s", got[0].Payload, got[0].Properties, got[0].Source))
	assert.Equal(t, `{"a": 1} {}`, fmt.Sprintf("%s %s", got[1].Payload, got[1].Properties))
}

func TestTaskOutcomes(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)}
	statuses := []string{"UNKNOWN", "CONTINUED_AS_NEW", "TERMINATED"}
	outcome := func(task mistralobstest.TaskInfo) (status, message string) {
		return statuses[task.Run], fmt.Sprint(task.Operation, " run ", task.Run)
	}
	a := newAPI(t, mistralobstest.WithClock(clock.Now), mistralobstest.WithTaskDuration(time.Minute),
		mistralobstest.WithTaskProgress(nil), mistralobstest.WithTaskOutcome(outcome))
	id, _ := a.dataset()
	task := a.do("POST", datasets+"/"+id+"/imports/from-playground", `{"conversation_ids":[]}`).json(t, "id").(string)
	for run, want := range statuses {
		clock.pass(time.Minute)
		r := a.do("GET", datasets+"/"+id+"/tasks/"+task, "")
		assert.EqualValues(t, want, r.json(t, "status"))
		assert.EqualValues(t, fmt.Sprint("imports.from_playground run ", run), r.json(t, "message"))
		assert.NotContains(t, r.body, "progress")
	}
}

// A completed task has a result. A running or failed one has null.
func TestImportResults(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithTaskDuration(0))
	id, recordIDs := a.dataset(`{}`, `{}`)
	path := datasets + "/" + id
	one, two := `{"dataset_record_ids":["`+nobody+`"]}`, `{"dataset_record_ids":["`+strings.Join(recordIDs, `","`)+`"]}`
	started := a.do("POST", path+"/imports/from-dataset", two)
	assert.Nil(t, started.json(t, "result"))
	r := a.do("GET", path+"/tasks/"+started.json(t, "id").(string), "")
	assert.Contains(t, r.body,
		`"result":{"requested_record_count":2,"imported_record_count":2,"skipped_record_count":0}`)
	failed := a.do("POST", path+"/imports/from-dataset", one).json(t, "id").(string)
	r = a.do("GET", path+"/tasks/"+failed, "")
	assert.Equal(t, "FAILED", r.json(t, "status"))
	assert.Nil(t, r.json(t, "result"))
}

// An import may end with some of its records.
func TestPartialImports(t *testing.T) {
	t.Parallel()
	const counts = `"result":{"requested_record_count":3,"imported_record_count":2,"skipped_record_count":1}`
	for name, test := range map[string]struct {
		status     string
		withResult bool
		want       string
	}{
		"completed":              {status: "COMPLETED", want: counts},
		"failed":                 {status: "FAILED", want: `"result":null`},
		"timed out, with result": {status: "TIMED_OUT", withResult: true, want: counts},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcome := func(mistralobstest.TaskInfo) (string, string) { return test.status, "" }
			a := newAPI(t, mistralobstest.WithTaskDuration(0), mistralobstest.WithTaskOutcome(outcome),
				mistralobstest.WithPartialImports(2, test.withResult))
			id, recordIDs := a.dataset(`{"n":1}`, `{"n":2}`, `{"n":3}`)
			body := `{"dataset_record_ids":["` + strings.Join(recordIDs, `","`) + `"]}`
			task := a.do("POST", datasets+"/"+id+"/imports/from-dataset", body).json(t, "id").(string)
			r := a.do("GET", datasets+"/"+id+"/tasks/"+task, "")
			assert.Equal(t, test.status, r.json(t, "status"))
			assert.Contains(t, r.body, test.want)
			require.Len(t, a.server.Records(id), 5)
			assert.Equal(t, `{"n":2}`, string(a.server.Records(id)[4].Payload))
		})
	}
}

// Faults make a service that reads what it has written late, and one that refuses a share of the
// requests.
func TestFaultsForReadLagAndRefusals(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithTaskDuration(0))
	id, _ := a.dataset()
	a.server.Inject(mistralobstest.Fault{Operation: mistralobstest.TasksGet, Status: 404, Times: 2})
	task := a.do("POST", datasets+"/"+id+"/imports/from-playground", `{"conversation_ids":[]}`).json(t, "id").(string)
	for _, want := range []int{404, 404, 200} {
		assert.Equal(t, want, a.do("GET", datasets+"/"+id+"/tasks/"+task, "").status)
	}
	wait := http.Header{"Retry-After": {"1"}}
	a.server.Inject(mistralobstest.Fault{Status: 429, Times: -1, Probability: 0.04, Header: wait})
	refused := 0
	for range 500 {
		if r := a.do("GET", datasets+"/"+id, ""); r.status == 429 {
			assert.Equal(t, "1", r.header.Get("Retry-After"))
			refused++
		}
	}
	assert.InDelta(t, 20, refused, 15)
}
