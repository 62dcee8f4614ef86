package mistralobstest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// A client can search the demo data for low scores, and import their spans as conversations.
func TestDemoSpansCanBeImported(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithClock(func() time.Time { return noon }), mistralobstest.WithTaskDuration(0))
	demo := a.server.SeedDemo()
	assert.Len(t, demo.TraceIDs, 12)
	trace := a.do("GET", tracesPath+"/"+demo.TraceIDs[0]+"/spans", "")
	assert.Equal(t, "POST /chat,execute_tool find_articles,chat mistral-small-latest",
		trace.feed(t, "spans", "span_name"))
	lastDay := "?from=2026-11-04T12:00:00Z&to=2026-11-05T12:00:00Z"
	all := a.do("POST", spansPath+"/search"+lastDay, `{"search_expression":"operation_name = 'chat'"}`)
	assert.Equal(t, 12, strings.Count(all.feed(t, "spans", "span_name"), "chat"))

	low := `{"search_expression":"evaluation_name = 'helpfulness' AND score_value < 0.5"}`
	r := a.do("POST", spansPath+"/evaluations/search/latest"+lastDay, low)
	require.Equal(t, "bad,bad,bad,bad", r.feed(t, "span_evaluations", "score_label"))
	reference := `{"trace_id":"` + r.json(t, "span_evaluations.results.3.trace_id").(string) +
		`","span_id":"` + r.json(t, "span_evaluations.results.3.span_id").(string) + `"}`
	a.do("POST", datasets+"/support-tickets/imports/from-spans", `{"span_references":[`+reference+`],
		"mapping_contract":{"version":1,"mappings":[`+mapping("messages", "span_attributes", "gen_ai.input.messages")+`]}}`)
	records := a.server.Records(demo.DatasetID)
	want := `{"messages":[{"role":"user","content":"Wie lange dauert der Versand?"}]}`
	assert.Equal(t, want, string(records[12].Payload))
}
