package mistralobstest

import (
	"encoding/json"
	"fmt"
	"time"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// The evaluations of the demo data.
const (
	demoHelpfulness = "helpfulness"
	demoTone        = "tone"
)

// seedDemoSpans adds the telemetry of a small chat service over the last day: a trace for each
// ticket, and evaluations of its chat span. Every third answer is bad and scored low. It returns
// the IDs of the traces, oldest first.
func (s *Server) seedDemoSpans() []string {
	tickets := demoQuestions()
	interval := 24 * time.Hour / time.Duration(len(tickets)+1)
	start := s.options.now().Add(-24 * time.Hour)
	traces := make([]string, len(tickets))
	for i, ticket := range tickets {
		start = start.Add(interval)
		answer, score, explanation := ticket.answer, 0.9, "The answer is complete."
		if i%3 == 2 {
			answer, score, explanation = "I cannot help you with that.", 0.1, "The answer does not help the customer."
		}
		chat := s.seedDemoTrace(fmt.Sprintf("chat-%02d", i+1), ticket.question, answer, start)
		s.seedDemoEvaluations(chat, score, explanation)
		traces[i] = chat.TraceID
	}
	return traces
}

// seedDemoTrace adds the three spans of a request to the chat service. It returns the span of the
// chat model.
func (s *Server) seedDemoTrace(conversation, question, answer string, start time.Time) mistralobs.Span {
	resource := map[string]string{"service.name": "support-chat", "deployment.environment.name": "production"}
	request := s.SeedSpan(mistralobs.Span{
		SpanName: "POST /chat", SpanKind: "SERVER", StatusCode: "Ok", StartTime: start, DurationNS: 1_400_000_000,
		ConversationID: conversation, ResourceAttributes: resource, ScopeName: "support-chat",
	})
	s.SeedSpan(mistralobs.Span{
		TraceID: request.TraceID, ParentSpanID: request.SpanID, SpanName: "execute_tool find_articles",
		SpanKind: "INTERNAL", StatusCode: "Ok", StartTime: start.Add(20 * time.Millisecond), DurationNS: 80_000_000,
		OperationName: "execute_tool", ToolName: "find_articles", ToolType: "function", ConversationID: conversation,
		ToolCallArgumentsJSON: demoJSON(map[string]string{"query": question}), ToolCallResultJSON: `{"articles":[]}`,
		ResourceAttributes: resource, ScopeName: "support-chat",
	})
	temperature := 0.3
	return s.SeedSpan(mistralobs.Span{
		TraceID: request.TraceID, ParentSpanID: request.SpanID, SpanName: "chat mistral-small-latest",
		SpanKind: "CLIENT", StatusCode: "Ok", StartTime: start.Add(120 * time.Millisecond), DurationNS: 1_200_000_000,
		OperationName: "chat", ProviderName: "mistral_ai", RequestModel: "mistral-small-latest",
		ResponseModel: "mistral-small-2603", ResponseID: randomHex(16), OutputType: "text",
		ConversationID: conversation, RequestTemperature: &temperature, ResponseFinishReasons: []string{"stop"},
		InputMessagesJSON:  demoJSON([]mistralobs.Message{mistralobs.User(question)}),
		OutputMessagesJSON: demoJSON([]mistralobs.Message{mistralobs.Assistant(answer)}),
		UsageInputTokens:   int64(20 + len(question)/4), UsageOutputTokens: int64(1 + len(answer)/4),
		ResourceAttributes: resource, ScopeName: "support-chat",
	})
}

// seedDemoEvaluations adds evaluations of a span: one of its tone, and two of its helpfulness, of
// which the second is the latest.
func (s *Server) seedDemoEvaluations(chat mistralobs.Span, score float64, explanation string) {
	results := []mistralobs.SpanEvaluation{
		{EvaluationName: demoTone, ScoreValue: 0.8, ScoreLabel: "friendly", Explanation: "The tone is friendly."},
		{EvaluationName: demoHelpfulness, ScoreValue: 0.5, ScoreLabel: "unclear", Explanation: "A first, quick look."},
		{EvaluationName: demoHelpfulness, ScoreValue: score, ScoreLabel: "good", Explanation: explanation},
	}
	for i, result := range results {
		if result.ScoreValue < 0.5 {
			result.ScoreLabel = "bad"
		}
		result.TraceID, result.SpanID = chat.TraceID, chat.SpanID
		result.ResponseID, result.ConversationID = chat.ResponseID, chat.ConversationID
		result.Timestamp = chat.EndTime.Add(time.Duration(i+1) * time.Second)
		result.Metadata = map[string]string{"evaluator": "support-chat-quality"}
		s.SeedSpanEvaluation(result)
	}
}

func demoJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("mistralobstest: " + err.Error()) // v is always a value of this file
	}
	return string(text)
}
