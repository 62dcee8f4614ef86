package mistralobstest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestPayloadsSurviveByteForByte(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	payload := `{"n": 9007199254740993, "e":1e400, "k":1,"k":2, "s":"<&>` + "\u2028" + `"}`
	id, recordIDs := a.dataset(payload)
	for _, r := range []response{
		a.do("GET", records+"/"+recordIDs[0], ""), a.do("GET", datasets+"/"+id+"/records", ""),
	} {
		assert.Contains(t, r.body, `"payload":`+payload+`,"properties":{}`)
	}
	want := mistralobstest.Record{
		ID: recordIDs[0], Payload: json.RawMessage(payload), Properties: json.RawMessage("{}"), Source: "DIRECT_INPUT",
	}
	assert.Equal(t, []mistralobstest.Record{want}, a.server.Records(id))
	url := a.do("GET", datasets+"/"+id+"/exports/to-jsonl", "").json(t, "file_url").(string)
	assert.Equal(t, `{"payload":`+payload+`,"properties":{}}`+"\n", a.do("GET", url, "", "Authorization", "").body)
}

func TestSourceOfCreatedRecords(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, source string
		status       int
		want         string
	}{
		{name: "absent", status: 201, want: "DIRECT_INPUT"},
		{name: "null", source: `,"source":null`, status: 201, want: "DIRECT_INPUT"},
		{name: "direct input", source: `,"source":"DIRECT_INPUT"`, status: 201, want: "DIRECT_INPUT"},
		{name: "telemetry span", source: `,"source":"TELEMETRY_SPAN"`, status: 201, want: "TELEMETRY_SPAN"},
		{name: "explorer", source: `,"source":"EXPLORER"`, status: 422},
		{name: "unknown", source: `,"source":"direct_input"`, status: 422},
		{name: "a number", source: `,"source":1`, status: 422},
	}
	a := newAPI(t)
	id, _ := a.dataset()
	for _, test := range tests {
		r := a.do("POST", datasets+"/"+id+"/records", `{"payload":{}`+test.source+`}`)
		assert.Equal(t, test.status, r.status, test.name)
		if test.status == 201 {
			assert.Equal(t, test.want, r.json(t, "source"), test.name)
		} else {
			assert.Contains(t, r.json(t, "detail.message"), "body.source", test.name)
		}
	}
}
