package mistralobstest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	mistralobs "github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestImportFromSpans(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithTaskDuration(0), mistralobstest.WithClock(func() time.Time { return noon }))
	a.server.SeedSpan(mistralobs.Span{
		TraceID: traceID, SpanID: spanID(1), ServiceName: "chat",
		InputMessagesJSON: ` [{"role":"user", "content":"Hi"}] `,
		SpanAttributes: map[string]string{
			"object": `{"n": 1}`, "empty.array": " [ ] ", "blank": " \t", "number": "12", "null": "null",
			"malformed": "{x",
		},
	})
	a.server.SeedSpan(mistralobs.Span{TraceID: traceID, SpanID: spanID(2), StartTime: noon.AddDate(0, 0, -31)})
	id, _ := a.dataset()
	task := a.do("POST", datasets+"/"+id+"/imports/from-spans", `{"span_references":[
		{"trace_id":"`+traceID+`","span_id":"`+spanID(1)+`"},
		{"trace_id":"`+traceID+`","span_id":"`+spanID(2)+`"},
		{"trace_id":"`+traceID+`","span_id":"`+spanID(3)+`"}],
		"mapping_contract":{"version":1,"mappings":[`+
		mapping("messages", "span_attributes", "gen_ai.input.messages")+`,`+
		mapping("object", "span_attributes", "object")+`,`+
		mapping("array", "span_attributes", "empty.array")+`,`+
		mapping("blank", "span_attributes", "blank")+`,`+
		mapping("missing", "span_attributes", "missing")+`,`+
		mapping("number", "span_attributes", "number")+`,`+
		mapping("null", "span_attributes", "null")+`,`+
		mapping("malformed", "span_attributes", "malformed")+`,`+
		mapping("service", "resource_attributes", "service.name")+`]}}`)
	require.Equal(t, 202, task.status, task.body)
	r := a.do("GET", datasets+"/"+id+"/tasks/"+task.json(t, "id").(string), "")
	assert.Contains(t, r.body,
		`"result":{"requested_record_count":3,"imported_record_count":1,"skipped_record_count":2}`)
	got := a.server.Records(id)
	require.Len(t, got, 1)
	assert.Equal(t, mistralobstest.Record{
		ID: got[0].ID,
		Payload: []byte(`{"messages":[{"role":"user", "content":"Hi"}],"object":{"n": 1},"number":"12","null":"null",` +
			`"malformed":"{x","service":"chat"}`),
		Properties: []byte(`{"trace_id":"` + traceID + `","span_id":"` + spanID(1) + `"}`),
		Source:     "TELEMETRY_SPAN",
	}, got[0])
}

func mapping(target, namespace, key string) string {
	return `{"target_field":"` + target + `","source_field":{"namespace":"` + namespace + `","key":"` + key + `"}}`
}

func TestImportFromSpansIsValidated(t *testing.T) {
	t.Parallel()
	contract := func(version, mappings string) string {
		return `"mapping_contract":{"version":` + version + `,"mappings":[` + mappings + `]}`
	}
	reference := func(trace, span string) string {
		return `"span_references":[{"trace_id":` + trace + `,"span_id":` + span + `}]`
	}
	good, none := contract("1", mapping("a", "span_attributes", "b")), `"span_references":[]`
	const at = "body.mapping_contract."
	tests := []struct{ name, body, want string }{
		{name: "nothing", body: ``,
			want: "body.span_references: Field required; body.mapping_contract: Field required"},
		{name: "references", body: `"span_references":1,` + good, want: "body.span_references: "},
		{name: "a reference", body: `"span_references":["x"],` + good, want: "body.span_references.0: "},
		{
			name: "a trace", body: reference(`"ABC"`, `"`+spanID(1)+`"`) + "," + good,
			want: "body.span_references.0.trace_id: ",
		},
		{
			name: "a span", body: reference(`"`+traceID+`"`, `null`) + "," + good,
			want: "body.span_references.0.span_id: ",
		},
		{name: "a contract", body: none + `,"mapping_contract":[]`, want: "body.mapping_contract: "},
		{name: "a version", body: none + "," + contract("2", ""), want: at + "version: Input should be 1"},
		{name: "a mapping", body: none + "," + contract("1", "1"), want: at + "mappings.0: "},
		{
			name: "a target", body: none + "," + contract("1", mapping("", "span_attributes", "b")),
			want: at + "mappings.0.target_field: ",
		},
		{
			name: "a namespace", body: none + "," + contract("1", mapping("a", "scope_attributes", "b")),
			want: at + "mappings.0.source_field.namespace: Input should be 'span_attributes' or 'resource_attributes'",
		},
		{
			name: "a key", body: none + "," + contract("1", mapping("a", "span_attributes", "")),
			want: at + "mappings.0.source_field.key: ",
		},
	}
	a := newAPI(t)
	id, _ := a.dataset()
	for _, test := range tests {
		r := a.do("POST", datasets+"/"+id+"/imports/from-spans", `{`+test.body+`}`)
		assert.Equal(t, 422, r.status, test.name)
		assert.Contains(t, r.json(t, "detail.message"), test.want, test.name)
	}
}
