package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSpanFields(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	r := a.do("GET", spansPath+"/fields", "")
	types := map[any]any{}
	for _, field := range r.json(t, "field_definitions").([]any) {
		f := field.(map[string]any)
		types[f["name"]] = f["type"]
		assert.NotEmpty(t, f["label"])
		assert.NotEmpty(t, f["supported_operators"])
		assert.NotEmpty(t, f["supported_aggregations"])
		if f["name"] == "request_model" {
			assert.Equal(t, "gen_ai.request.model", f["source_attribute_key"])
			assert.Equal(t, "Request model", f["label"])
			assert.Equal(t, "request", f["group"])
		}
	}
	assert.Len(t, types, 59)
	for name, want := range map[string]string{
		"trace_id": "TEXT", "status_code": "ENUM", "duration_ns": "INT", "request_temperature": "FLOAT",
		"start_time": "TIMESTAMP", "response_finish_reasons": "ARRAY", "span_attributes": "MAP",
	} {
		assert.Equal(t, want, types[name], name)
	}
}

func TestSpanFieldOptions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, path string
		want       any
	}{
		{name: "values", path: "span_name", want: []any{"span 0", "span 1", "span 2", "span 3", "span 4"}},
		{name: "in a range", path: "span_name/options?from=2026-11-05T11:53:00Z", want: []any{"span 3", "span 4"}},
		{name: "no values", path: "tool_name"},
		{name: "not an enumeration", path: "trace_id"},
	}
	a := spansAPI(t)
	for _, test := range tests {
		path := spansPath + "/fields/" + test.path
		if test.name != "in a range" {
			path += "/options"
		}
		assert.Equal(t, test.want, a.do("GET", path, "").json(t, "options"), test.name)
	}
	r := a.do("GET", spansPath+"/fields/spam/options", "")
	assert.Equal(t, []any{400, "FIELDS_BAD_REQUEST"}, []any{r.status, r.json(t, "detail.error_code")})
	assert.Equal(t, 422, a.do("GET", spansPath+"/fields/span_name/options?to=x", "").status)
}
