package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestImportsThatFail(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithTaskDuration(0))
	id, _ := a.dataset()
	file := func(line string) string {
		return `{"file_id":"` + a.upload("{\"payload\":{}}\n\n"+line+"\n{\"payload\":{}}").json(t, "id").(string) + `"}`
	}
	tests := map[string]struct{ from, body, message string }{
		"rubbish":          {from: "file", body: file("rubbish"), message: "line 3: "},
		"neither shape":    {from: "file", body: file(`{"a":1}`), message: "line 3: "},
		"messages of text": {from: "file", body: file(`{"messages":["x"]}`), message: "line 3: "},
		"properties of text": {
			from: "file", body: file(`{"payload":{},"properties":"x"}`), message: "line 3: ",
		},
		"an unknown file":  {from: "file", body: `{"file_id":"nope"}`, message: "nope"},
		"an unknown event": {from: "explorer", body: `{"completion_event_ids":["nope"]}`, message: "nope"},
		"an unknown chat":  {from: "playground", body: `{"conversation_ids":["nope"]}`, message: "nope"},
		"an unknown record": {
			from: "dataset", body: `{"dataset_record_ids":["` + nobody + `"]}`, message: nobody,
		},
		"Latin-1": {
			from: "file", body: file("{\"payload\":{\"a\":\"\xe9\"}}"), message: "line 3: it is not UTF-8",
		},
		"a line cut too early": {from: "file", body: file(`{"payload":{}`), message: "line 3: "},
	}
	for name, test := range tests {
		task := a.do("POST", datasets+"/"+id+"/imports/from-"+test.from, test.body).json(t, "id").(string)
		r := a.do("GET", datasets+"/"+id+"/tasks/"+task, "")
		assert.EqualValues(t, "FAILED", r.json(t, "status"), name)
		assert.Contains(t, r.json(t, "message"), test.message, name)
	}
	assert.Empty(t, a.server.Records(id))
	a.do("POST", datasets+"/"+id+"/imports/from-file", file(`{"payload":null,"messages":[{"role":"user"}]}`))
	records := a.server.Records(id)
	require.Len(t, records, 3)
	assert.JSONEq(t, `{"messages":[{"role":"user"}]}`, string(records[1].Payload))
}
