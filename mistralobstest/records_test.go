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
	payload := `{"n": 9007199254740993, "e":1e400, "k":1,"k":2, "s":"<&>` + "\xff\u2028" + `"}`
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
