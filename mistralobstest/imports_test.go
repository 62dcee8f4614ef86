package mistralobstest_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// Every import adds its records in the order of the request, with their source.
func TestImports(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithTaskDuration(0))
	seeds := []mistralobstest.RecordSeed{
		{Payload: []byte(`{"n":1}`)},
		{Payload: []byte(`{"n":2}`), Properties: []byte(`{"p":1}`)},
	}
	file := a.upload("{\"payload\":{\"n\":1}}\n{\"payload\":{\"n\":2}}").json(t, "id").(string)
	campaign := a.server.SeedCampaign(seeds...)
	events := a.server.SeedCompletionEvent(seeds[1]) + `","` + a.server.SeedCompletionEvent(seeds[0])
	chats := a.server.SeedConversation(seeds[1]) + `","` + a.server.SeedConversation(seeds[0])
	_, recordIDs := a.dataset(`{"n":1}`, `{"n":2}`)
	tests := []struct{ from, body, want string }{
		{from: "campaign", body: `{"campaign_id":"` + campaign + `"}`, want: `{"n":1}{} {"n":2}{"p":1} EXPLORER`},
		{from: "explorer", body: `{"completion_event_ids":["` + events + `"]}`,
			want: `{"n":2}{"p":1} {"n":1}{} EXPLORER`},
		{from: "playground", body: `{"conversation_ids":["` + chats + `"]}`,
			want: `{"n":2}{"p":1} {"n":1}{} PLAYGROUND`},
		{
			from: "dataset", want: `{"n":2}{} {"n":1}{} DIRECT_INPUT`,
			body: `{"dataset_record_ids":["` + strings.ToUpper(recordIDs[1]) + `","` + recordIDs[0] + `"]}`,
		},
		{
			from: "file", body: `{"file_id":"` + file + `"}`,
			want: `{"n":1}{} {"n":2}{} UPLOADED_FILE`,
		},
	}
	for _, test := range tests {
		id, _ := a.dataset()
		r := a.do("POST", datasets+"/"+id+"/imports/from-"+test.from, test.body)
		assert.Equal(t, 202, r.status, test.from)
		got := a.server.Records(id)
		if assert.Len(t, got, 2, test.from) {
			assert.Equal(t, test.want, fmt.Sprintf("%s%s %s%s %s",
				got[0].Payload, got[0].Properties, got[1].Payload, got[1].Properties, got[1].Source), test.from)
		}
	}
}
