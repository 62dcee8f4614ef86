package mistralobstest_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	mistralobs "github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

const (
	spansPath  = "/v1/observability/spans"
	tracesPath = "/v1/observability/traces"
	traceID    = "0af7651916cd43dd8448eb211c80319c"
	noTrace    = "ffffffffffffffffffffffffffffffff"
)

var noon = time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)

// spansAPI returns a server whose clock always shows noon. It has five spans of one trace, a minute
// apart, and an expired span of another trace.
func spansAPI(t *testing.T, opts ...mistralobstest.Option) *api {
	t.Helper()
	a := newAPI(t, append(opts, mistralobstest.WithClock(func() time.Time { return noon }))...)
	for n := range 5 {
		a.server.SeedSpan(mistralobs.Span{
			TraceID: traceID, SpanID: spanID(n), SpanName: fmt.Sprint("span ", n),
			StartTime: noon.Add(time.Duration(n-10) * time.Minute), DurationNS: int64(time.Second),
			RequestModel: "mistral-small", UsageInputTokens: int64(n),
		})
	}
	a.server.SeedSpan(mistralobs.Span{TraceID: noTrace, StartTime: noon.AddDate(0, 0, -31)})
	return a
}

func spanID(n int) string { return fmt.Sprintf("%016x", n) }

// names returns a member of all results of a feed, joined by commas.
func (r response) feed(t *testing.T, envelope, member string) string {
	t.Helper()
	require.Equal(t, 200, r.status, r.body)
	var body map[string]struct {
		Results      []map[string]any
		Next, Cursor *string
	}
	require.NoError(t, json.Unmarshal([]byte(r.body), &body))
	var values []string
	for _, item := range body[envelope].Results {
		values = append(values, fmt.Sprint(item[member]))
	}
	return strings.Join(values, ",")
}

func TestSpansAreSearched(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, query, body, want string }{
		{name: "all, newest first", body: `{}`, want: "span 4,span 3,span 2,span 1,span 0"},
		{name: "null", body: `{"search_expression":null}`, want: "span 4,span 3,span 2,span 1,span 0"},
		{
			name: "an expression", want: "span 4,span 3",
			body: `{"search_expression":"usage_input_tokens > 2 AND span_attributes['gen_ai.request.model'] = 'mistral-small'"}`,
		},
		{
			name: "a time range", query: "?from=2026-11-05T11:51:00Z&to=2026-11-05T12:53:00%2B01:00",
			body: `{}`, want: "span 2,span 1",
		},
		{name: "a page", query: "?page_size=2", body: `{}`, want: "span 4,span 3"},
		{name: "an empty page", query: "?page_size=0", body: `{}`},
	}
	a := spansAPI(t)
	for _, test := range tests {
		r := a.do("POST", spansPath+"/search"+test.query, test.body)
		assert.Equal(t, test.want, r.feed(t, "spans", "span_name"), test.name)
	}
}

func TestSpanIsShownWhole(t *testing.T) {
	t.Parallel()
	a := spansAPI(t)
	r := a.do("GET", tracesPath+"/"+traceID+"/spans/"+spanID(1), "")
	var got mistralobs.Span
	require.NoError(t, json.Unmarshal([]byte(r.body), &got))
	assert.Equal(t, mistralobs.Span{
		OrganizationID: got.OrganizationID, WorkspaceID: got.WorkspaceID,
		TraceID: traceID, SpanID: spanID(1), SpanName: "span 1", StatusCode: "Unset",
		StartTime: noon.Add(-9 * time.Minute), EndTime: noon.Add(time.Second - 9*time.Minute), DurationNS: 1e9,
		RequestModel: "mistral-small", RequestStopSequences: []string{}, RequestEncodingFormats: []string{},
		ResponseFinishReasons: []string{}, UsageInputTokens: 1, ResourceAttributes: map[string]string{},
		SpanAttributes: map[string]string{"gen_ai.request.model": "mistral-small", "gen_ai.usage.input_tokens": "1"},
	}, got)
	assert.Contains(t, r.body, `"start_time":"2026-11-05T11:51:00Z"`)
	assert.Contains(t, r.body, `"request_temperature":null`)
}

func TestSpansOfTrace(t *testing.T) {
	t.Parallel()
	a := spansAPI(t)
	path := tracesPath + "/" + traceID + "/spans"
	assert.Equal(t, "span 0,span 1,span 2,span 3,span 4", a.do("GET", path, "").feed(t, "spans", "span_name"))
	first := a.do("GET", path+"?page_size=3", "")
	assert.Equal(t, "span 0,span 1,span 2", first.feed(t, "spans", "span_name"))
	cursor := first.json(t, "spans.cursor").(string)
	assert.Equal(t, "span 3,span 4", a.do("GET", path+"?cursor="+cursor, "").feed(t, "spans", "span_name"))
	assert.Equal(t, "span 1", a.do("GET", path+"/"+spanID(1)+"?from=2026-11-05T11:51:00Z", "").json(t, "span_name"))
}

func TestUnknownSpans(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, path, code string }{
		{name: "a trace", path: strings.Repeat("0", 32) + "/spans", code: "TRACE_NOT_FOUND"},
		{name: "an expired trace", path: noTrace + "/spans", code: "TRACE_NOT_FOUND"},
		{name: "a trace of a span", path: noTrace + "/spans/" + spanID(1), code: "TRACE_NOT_FOUND"},
		{name: "a span", path: traceID + "/spans/" + spanID(9), code: "SPAN_NOT_FOUND"},
		{name: "a malformed span", path: traceID + "/spans/x", code: "SPAN_NOT_FOUND"},
		{
			name: "a span at another time", path: traceID + "/spans/" + spanID(1) + "?to=2026-11-05T11:51:00Z",
			code: "SPAN_NOT_FOUND",
		},
	}
	a := spansAPI(t)
	for _, test := range tests {
		r := a.do("GET", tracesPath+"/"+test.path, "")
		assert.Equal(t, []any{404, test.code}, []any{r.status, r.json(t, "detail.error_code")}, test.name)
	}
}
