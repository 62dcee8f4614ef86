package mistralobstest_test

import (
	"fmt"
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
