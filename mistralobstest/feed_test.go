package mistralobstest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	mistralobs "github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// A search continues with its cursor, or with next if so configured. Spans that are added during a
// search do not change later pages.
func TestFeedPages(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name         string
		opts         []mistralobstest.Option
		used, unused string
	}{
		{name: "by cursor", used: "cursor", unused: "next"},
		{name: "by next", opts: []mistralobstest.Option{mistralobstest.WithFeedNext()}, used: "next", unused: "cursor"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := spansAPI(t, test.opts...)
			for range 2 { // three spans now start at the same time
				a.server.SeedSpan(mistralobs.Span{SpanName: "same time", StartTime: noon.Add(-8 * time.Minute)})
			}
			var pages []string
			for query := "?page_size=2"; ; {
				r := a.do("POST", spansPath+"/search"+query, `{}`)
				pages = append(pages, r.feed(t, "spans", "span_name"))
				assert.Nil(t, r.json(t, "spans."+test.unused))
				token, more := r.json(t, "spans."+test.used).(string)
				if !more {
					break
				}
				query = "?page_size=2&cursor=" + token
				a.server.SeedSpan(mistralobs.Span{SpanName: "too new"})
			}
			want := []string{"span 4,span 3", "same time,same time", "span 2,span 1", "span 0"}
			assert.Equal(t, want, pages)
		})
	}
}

func TestSearchesAreValidated(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, query, body, want string
		status                  int
	}{
		{name: "a page of 101", query: "?page_size=101", body: `{}`, status: 422, want: "query.page_size: "},
		{name: "a time", query: "?from=today", body: `{}`, status: 422, want: "query.from: "},
		{name: "another time", query: "?to=2026-11-05", body: `{}`, status: 422, want: "query.to: "},
		{name: "a cursor", query: "?cursor=abc", body: `{}`, status: 422, want: "query.cursor: "},
		{name: "no body", status: 422, want: "body: Field required"},
		{name: "a number", body: `{"search_expression":1}`, status: 422, want: "body.search_expression: "},
		{
			name: "a bad expression", body: `{"search_expression":"span_name ="}`, status: 400,
			want: "search_expression: character 12: expected a number or a string in single quotes, not the end",
		},
		{
			name: "an unknown field", body: `{"search_expression":"spam = 'x'"}`, status: 400,
			want: `search_expression: character 1: there is no field "spam"`,
		},
	}
	a := newAPI(t)
	for _, test := range tests {
		for _, path := range []string{"/search", "/evaluations/search", "/evaluations/search/latest"} {
			body := strings.ReplaceAll(test.body, "span_name", "trace_id")
			want := test.want
			if body != test.body {
				want = strings.ReplaceAll(want, "character 12", "character 11")
			}
			r := a.do("POST", spansPath+path+test.query, body)
			assert.Equal(t, test.status, r.status, test.name+path)
			assert.Contains(t, r.json(t, "detail.message"), want, test.name+path)
			if test.status == 400 {
				assert.Equal(t, "TRACES_FILTER_QUERY_PARSE_ERROR", r.json(t, "detail.error_code"))
			}
		}
	}
}
