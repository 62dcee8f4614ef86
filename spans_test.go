package mistralobs_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/optest"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestSpanHasEveryDocumentedField(t *testing.T) {
	t.Parallel()
	span := optest.Span()
	raw, err := json.Marshal(span)
	require.NoError(t, err)
	assert.Equal(t, anyOf(t, optest.SpanJSON), anyOf(t, string(raw)))
	var decoded mistralobs.Span
	require.NoError(t, mistralobs.Decode([]byte(optest.SpanJSON), &decoded))
	assert.Equal(t, mistralobs.Object(strings.TrimSpace(optest.SpanJSON)), decoded.Raw())
	assert.Equal(t, mistralobs.SpanReference{TraceID: traceID, SpanID: spanID}, span.Reference())
	assert.Equal(t, span.Reference(), optest.Evaluation.Reference())
}

// anyOf decodes JSON without rounding numbers.
func anyOf(t *testing.T, text string) (v any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&v))
	return v
}

// A field that does not fit hides no other field.
func TestSpansWithOddFields(t *testing.T) {
	t.Parallel()
	ids := `"trace_id":"` + traceID + `","span_id":"` + spanID + `"`
	odd := `{"start_time":"","duration_ns":1.5,"request_top_k":"many","span_attributes":{"a":1},` +
		`"response_finish_reasons":"stop",` +
		`"request_model":null,"colour":"a field of tomorrow","usage_input_tokens":7,"span_name":"chat",` + ids + `}`
	var span mistralobs.Span
	require.NoError(t, mistralobs.Decode([]byte(odd), &span))
	assert.Equal(t, mistralobs.Object(odd), span.Raw())
	assert.Equal(t, "chat", span.SpanName)
	assert.Equal(t, int64(7), span.UsageInputTokens)
	assert.Equal(t, traceID, span.TraceID)
	assert.Zero(t, span.StartTime)
	assert.Zero(t, span.DurationNS)

	var evaluation mistralobs.SpanEvaluation
	require.NoError(
		t,
		mistralobs.Decode([]byte(`{"score_value":"high","timestamp":"x","score_label":"good",`+ids+`}`), &evaluation),
	)
	assert.Equal(t, mistralobs.SpanEvaluation{TraceID: traceID, SpanID: spanID, ScoreLabel: "good"}, evaluation)

	var field mistralobs.SpanField
	require.NoError(t, mistralobs.Decode([]byte(`{"name":"n","group":1,"supported_operators":null}`), &field))
	assert.Equal(t, mistralobs.SpanField{Name: "n"}, field)
}

func TestTextsOfSpans(t *testing.T) {
	t.Parallel()
	span := mistralobs.Span{
		InputMessagesJSON:     `[{"role":"user","content":"Where is it?","parts":[1]}]`,
		OutputMessagesJSON:    `{"role":"assistant"}`,
		ToolCallArgumentsJSON: `{"parcel":9007199254740993}`,
		ToolCallResultJSON:    `"Lyon"`,
		ToolDefinitionsJSON:   `[`,
	}
	messages, err := span.InputMessages()
	require.NoError(t, err)
	require.Len(t, messages, 1)
	assert.Equal(t, "Where is it?", messages[0].Text())
	assert.Equal(t, json.RawMessage(`[1]`), messages[0].Extra["parts"])
	var arguments map[string]any
	require.NoError(t, span.ToolCallArguments(&arguments))
	assert.Equal(t, map[string]any{"parcel": json.Number("9007199254740993")}, arguments)
	var result string
	require.NoError(t, span.ToolCallResult(&result))
	assert.Equal(t, "Lyon", result)

	_, err = span.OutputMessages()
	require.ErrorContains(t, err, "OutputMessagesJSON")
	require.ErrorContains(t, span.ToolDefinitions(&result), "mistralobs: decoding ToolDefinitionsJSON: it is not JSON")
	require.ErrorContains(t, span.SystemInstructions(&result), "mistralobs: decoding SystemInstructionsJSON: it is empty")
	messages, err = (&mistralobs.Span{}).OutputMessages()
	require.NoError(t, err)
	assert.Nil(t, messages)
}

// spansServer returns a server with a trace of five spans, the newest last, and their evaluations.
func spansServer(t *testing.T, opts ...mistralobstest.Option) (*mistralobstest.Server, []mistralobs.SpanReference) {
	t.Helper()
	server := mistralobstest.NewServer(append(opts, mistralobstest.WithTaskDuration(0))...)
	t.Cleanup(server.Close)
	start := time.Now().Add(-time.Hour).Truncate(time.Second)
	var references []mistralobs.SpanReference
	for i := range 5 {
		at := start.Add(time.Duration(i) * time.Minute)
		span := server.SeedSpan(mistralobs.Span{
			TraceID: traceID, StartTime: at, SpanName: "chat " + strconv.Itoa(i), ServiceName: "shop",
			InputMessagesJSON: `[{"role":"user","content":"Question ` + strconv.Itoa(i) + `"}]`,
		})
		server.SeedSpanEvaluation(mistralobs.SpanEvaluation{
			TraceID: span.TraceID, SpanID: span.SpanID, Timestamp: at, EvaluationName: "helpfulness",
			ScoreValue: float64(i) / 4,
		})
		references = append(references, mistralobs.SpanReference{TraceID: span.TraceID, SpanID: span.SpanID})
	}
	return server, references
}

func TestAllSpans(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		options []mistralobstest.Option
		params  mistralobs.SearchSpansParams
		until   time.Duration // the search ends so long before now; 0 for no end
		want    string        // numbers of the spans
		pages   int
	}{
		"one page":        {want: "4 3 2 1 0", pages: 1},
		"pages by cursor": {params: mistralobs.SearchSpansParams{PageSize: 2}, want: "4 3 2 1 0", pages: 3},
		"expression": {
			params: mistralobs.SearchSpansParams{Expression: "span_name = 'chat 3'"}, want: "3", pages: 1,
		},
		"no match": {params: mistralobs.SearchSpansParams{Expression: "span_name = 'none'"},
			want: "", pages: 1},
		"until 58 minutes ago": {until: 57*time.Minute + 30*time.Second, want: "2 1 0", pages: 1},
		"pages by next": {
			options: []mistralobstest.Option{mistralobstest.WithFeedNext()},
			params:  mistralobs.SearchSpansParams{PageSize: 2}, want: "4 3 2 1 0", pages: 3,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, _ := spansServer(t, test.options...)
			if test.until > 0 {
				test.params.To = time.Now().Add(-test.until)
			}
			spans := server.Client(t).Spans.All(t.Context(), test.params)
			for range 2 { // the second loop searches again
				server.ResetRequests()
				var got []string
				for span, err := range spans {
					require.NoError(t, err)
					got = append(got, strings.TrimPrefix(span.SpanName, "chat "))
				}
				assert.Equal(t, test.want, strings.Join(got, " "))
				assert.Len(t, server.Requests(), test.pages)
			}
		})
	}
}

func TestContinueSearch(t *testing.T) {
	t.Parallel()
	server, references := spansServer(t)
	client := server.Client(t)
	feed, err := client.Spans.Search(t.Context(), mistralobs.SearchSpansParams{PageSize: 3})
	require.NoError(t, err)
	require.Len(t, feed.Items, 3)
	var rest []mistralobs.SpanReference
	for span, err := range client.Spans.All(t.Context(), mistralobs.SearchSpansParams{Cursor: feed.NextCursor}) {
		require.NoError(t, err)
		rest = append(rest, span.Reference())
	}
	assert.Equal(t, []mistralobs.SpanReference{references[1], references[0]}, rest)

	span, err := client.Spans.Get(t.Context(), references[2])
	require.NoError(t, err)
	assert.Equal(t, "chat 2", span.SpanName)
	n, err := count(client.Spans.AllOfTrace(t.Context(), traceID, mistralobs.TraceSpansParams{PageSize: 2}))
	require.NoError(t, err)
	assert.Equal(t, 5, n)
	n, err = count(client.Spans.AllEvaluations(t.Context(), mistralobs.SearchEvaluationsParams{
		PageSize: 2, Expression: "score_value < 0.5", Latest: true,
	}))
	require.NoError(t, err)
	assert.Equal(t, 2, n)
}

func TestErrorsOfSpans(t *testing.T) {
	t.Parallel()
	server, references := spansServer(t)
	client := server.Client(t)
	var e *mistralobs.Error
	_, err := client.Spans.Search(t.Context(), mistralobs.SearchSpansParams{Expression: "=="})
	require.ErrorAs(t, err, &e)
	assert.Equal(t, mistralobs.CodeTracesFilterQueryParseError, e.Code)
	_, err = client.Spans.Get(t.Context(), mistralobs.SpanReference{TraceID: traceID, SpanID: spanID})
	require.ErrorAs(t, err, &e)
	assert.Equal(t, mistralobs.CodeSpanNotFound, e.Code)
	_, err = client.Spans.Get(
		t.Context(), mistralobs.SpanReference{TraceID: strings.Repeat("f", 32), SpanID: references[0].SpanID},
	)
	require.ErrorAs(t, err, &e)
	assert.Equal(t, mistralobs.CodeTraceNotFound, e.Code)
}

// A search changes nothing, so it is sent again after any failure that may pass.
func TestSearchesAreRetried(t *testing.T) {
	t.Parallel()
	server, _ := spansServer(t)
	server.Inject(mistralobstest.Fault{Operation: mistralobstest.SpansSearch, Status: 502})
	client := server.Client(
		t, mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: time.Nanosecond, MaxWait: time.Nanosecond}),
	)
	_, err := client.Spans.Search(t.Context(), mistralobs.SearchSpansParams{})
	require.NoError(t, err)
}

func TestAnswersToSearches(t *testing.T) {
	t.Parallel()
	const path = "/v1/observability/spans/search"
	tests := map[string]struct {
		answer string
		items  int
		err    error
	}{
		"no results":       {answer: `{"spans":{}}`},
		"null":             {answer: `{"spans":{"results":null,"next":null,"cursor":null}}`},
		"no feed":          {answer: `{"spans":null}`, err: mistralobs.ErrUnexpectedResponse},
		"spans without id": {answer: `{"spans":{"results":[{},{}]}}`, err: mistralobs.ErrUnexpectedResponse},
		"no progress": {
			answer: `{"spans":{"results":[` + optest.SpanJSON + `],"next":"again"}}`, items: 1,
			err: mistralobs.ErrNoProgress,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", baseURL+path+"?page_size=100", httpmock.NewStringResponder(200, test.answer))
			mock.RegisterResponder(
				"POST", baseURL+path+"?cursor=again&page_size=100", httpmock.NewStringResponder(200, test.answer),
			)
			n, err := count(newMockClient(t, mock).Spans.All(t.Context(), mistralobs.SearchSpansParams{}))
			require.ErrorIs(t, err, test.err)
			assert.Equal(t, test.items, n)
		})
	}
}

// Which of next and cursor continues a search is not published.
func TestNextCursor(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		`{"next":"n","cursor":null}`: "n", `{"next":null,"cursor":"c"}`: "c", `{"cursor":"c"}`: "c",
		`{"next":"n"}`:                      "n",
		`{"next":"n","cursor":"this page"}`: "n", `{"next":"same","cursor":"same"}`: "same", `{}`: "",
		`{"next":""}`:                 "",
		`{"next":false,"cursor":"c"}`: "c", `{"next":0}`: "", `{"next":{ }}`: "", `{"next":[ ]}`: "", `{"next":7}`: "7",
	} {
		feed, err := answering(t, `{"spans":`+answer+`}`).Spans.Search(t.Context(), mistralobs.SearchSpansParams{})
		require.NoError(t, err, answer)
		assert.Equal(t, want, feed.NextCursor, answer)
	}
}

// A list of objects without content ends at the first one. It does not become a list in memory.
func TestEmptySpansEndTheDecoding(t *testing.T) {
	t.Parallel()
	body := append([]byte(`{"spans":{"results":[{}`), bytes.Repeat([]byte(",{}"), 1<<16)...)
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		resp := reply(req, 200, "")
		resp.Body = io.NopCloser(bytes.NewReader(append(body, "]}}"...)))
		return resp, nil
	}))
	_, err := client.Spans.Search(t.Context(), mistralobs.SearchSpansParams{})
	require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
	assert.ErrorContains(t, err, "it has no spans.results[0].trace_id")
}

func TestFieldOptions(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{`{"options":null}`, `{"options":[]}`} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder(
			"GET", baseURL+"/v1/observability/spans/fields/a%2Fb/options", httpmock.NewStringResponder(200, answer),
		)
		options, err := newMockClient(t, mock).Spans.FieldOptions(t.Context(), "a/b", time.Time{}, time.Time{})
		require.NoError(t, err)
		assert.Equal(t, []string{}, options)
	}
	server, _ := spansServer(t)
	client := server.Client(t)
	fields, err := client.Spans.Fields(t.Context())
	require.NoError(t, err)
	assert.NotEmpty(t, fields)
	options, err := client.Spans.FieldOptions(t.Context(), "service_name", time.Now().Add(-2*time.Hour), time.Now())
	require.NoError(t, err)
	assert.Equal(t, []string{"shop"}, options)
}

// Decoding foreign bytes never panics. It keeps the bytes of every span that it accepts.
func FuzzSpan(f *testing.F) {
	f.Add(optest.SpanJSON)
	f.Add(`{"trace_id":"a","span_id":"b","duration_ns":"x","input_messages":"[{\"role\":1}]"}`)
	f.Add(`{"trace_id":"a","span_id":"b","trace_id":null}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		var span mistralobs.Span
		if mistralobs.Decode([]byte(text), &span) != nil {
			return
		}
		assert.NotEmpty(t, span.TraceID)
		assert.NotEmpty(t, span.SpanID)
		assert.Equal(t, strings.TrimSpace(text), span.Raw().String())
		_, _ = span.InputMessages()
		var v any
		_ = span.ToolCallResult(&v)
	})
}
