package mistralobstest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	mistralobs "github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestEvaluationsAreSearched(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, path, body, want string }{
		{name: "all, newest first", body: `{}`, want: "other,low again,new,old"},
		{name: "by score", body: `{"search_expression":"score_value < 0.5"}`, want: "low again,old"},
		{name: "by name", body: `{"search_expression":"evaluation_name = 'tone'"}`, want: "other"},
		{name: "latest", path: "/latest", body: `{}`, want: "other,low again,new"},
		{name: "latest by score", path: "/latest", body: `{"search_expression":"score_value < 0.5"}`,
			want: "low again"},
		{name: "latest in a range", path: "/latest?to=2026-11-05T11:54:00Z", body: `{}`, want: ""},
	}
	a := newAPI(t, mistralobstest.WithClock(func() time.Time { return noon }))
	for i, e := range []mistralobs.SpanEvaluation{
		{SpanID: spanID(1), EvaluationName: "helpfulness", ScoreValue: 0.1, ScoreLabel: "old"},
		{SpanID: spanID(1), EvaluationName: "helpfulness", ScoreValue: 0.9, ScoreLabel: "new"},
		{SpanID: spanID(2), EvaluationName: "helpfulness", ScoreValue: 0.2, ScoreLabel: "low again"},
		{SpanID: spanID(2), EvaluationName: "tone", ScoreValue: 0.7, ScoreLabel: "other"},
	} {
		e.TraceID, e.Timestamp = traceID, noon.Add(time.Duration(i-7)*time.Minute)
		a.server.SeedSpanEvaluation(e)
	}
	a.server.SeedSpanEvaluation(mistralobs.SpanEvaluation{
		TraceID: traceID, SpanID: spanID(1), Timestamp: noon.AddDate(0, 0, -31), ScoreLabel: "expired",
	})
	for _, test := range tests {
		r := a.do("POST", spansPath+"/evaluations/search"+test.path, test.body)
		assert.Equal(t, test.want, r.feed(t, "span_evaluations", "score_label"), test.name)
	}
}
