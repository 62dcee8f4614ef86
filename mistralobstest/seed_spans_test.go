package mistralobstest_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	mistralobs "github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestSeedSpanSetsFields(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewUnstartedServer(mistralobstest.WithClock(func() time.Time { return noon }))
	defer server.Close()
	attributes := map[string]string{"gen_ai.request.model": "ignored", "gen_ai.usage.input_tokens": "7", "other": "x"}
	span := server.SeedSpan(mistralobs.Span{
		EndTime: noon.Add(time.Second), RequestModel: "mistral-small",
		SpanAttributes: attributes, ResourceAttributes: map[string]string{"service.name": "chat"},
	})
	assert.Len(t, span.TraceID, 32)
	assert.Len(t, span.SpanID, 16)
	assert.NotEmpty(t, span.WorkspaceID)
	assert.Equal(t, mistralobs.Span{
		TraceID: span.TraceID, SpanID: span.SpanID, WorkspaceID: span.WorkspaceID, OrganizationID: span.OrganizationID,
		StartTime: noon, EndTime: noon.Add(time.Second), DurationNS: 1e9, StatusCode: "Unset",
		RequestModel: "mistral-small", UsageInputTokens: 7, ServiceName: "chat",
		SpanAttributes: map[string]string{
			"gen_ai.request.model": "mistral-small", "gen_ai.usage.input_tokens": "7", "other": "x",
		},
		ResourceAttributes:   map[string]string{"service.name": "chat"},
		RequestStopSequences: []string{}, RequestEncodingFormats: []string{}, ResponseFinishReasons: []string{},
	}, span)
	assert.Equal(t, "ignored", attributes["gen_ai.request.model"], "the caller's map is not changed")
}

func TestSeedSpanPanics(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewUnstartedServer()
	defer server.Close()
	span := server.SeedSpan(mistralobs.Span{})
	tests := []struct {
		name string
		span mistralobs.Span
	}{
		{name: "a span that exists", span: mistralobs.Span{TraceID: span.TraceID, SpanID: span.SpanID}},
		{name: "a trace id in upper case", span: mistralobs.Span{TraceID: "0AF7651916CD43DD8448EB211C80319C"}},
		{name: "a short span id", span: mistralobs.Span{SpanID: "0af7"}},
	}
	for _, test := range tests {
		assert.Panics(t, func() { server.SeedSpan(test.span) }, test.name)
	}
	assert.Panics(t, func() { server.SeedSpanEvaluation(mistralobs.SpanEvaluation{SpanID: span.SpanID}) })
}
