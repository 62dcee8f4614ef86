package mistralobs_test

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// exampleSpans is exampleClient with the telemetry of a chat service over the last day.
func exampleSpans() (client *mistralobs.Client, datasetID string, closeServer func()) {
	server := mistralobstest.NewServer(mistralobstest.WithTaskDuration(0))
	demo := server.SeedDemo()
	client, err := mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	if err != nil {
		log.Fatal(err)
	}
	return client, demo.DatasetID, server.Close
}

func ExampleSpansService_All() {
	client, _, done := exampleSpans()
	defer done()
	calls := 0
	for span, err := range client.Spans.All(context.Background(), mistralobs.SearchSpansParams{
		Expression: "operation_name = 'chat' AND span_attributes['gen_ai.request.model'] LIKE 'mistral-%'",
		From:       time.Now().Add(-24 * time.Hour),
	}) {
		if err != nil {
			log.Fatal(err)
		}
		messages, err := span.InputMessages()
		if err != nil {
			log.Fatal(err)
		}
		if calls++; calls == 1 {
			fmt.Println(span.RequestModel, messages[0].Role)
		}
	}
	fmt.Println(calls, "calls")
	// Output:
	// mistral-small-latest user
	// 12 calls
}

// The list of fields says which attribute a mapping can use.
func ExampleSpansService_Fields() {
	client, _, done := exampleSpans()
	defer done()
	ctx := context.Background()
	fields, err := client.Spans.Fields(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, field := range fields {
		if field.Name == "request_model" {
			fmt.Println(field.Type, field.SourceAttributeKey)
		}
	}
	models, err := client.Spans.FieldOptions(ctx, "request_model", time.Now().Add(-24*time.Hour), time.Time{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(models)
	// Output:
	// ENUM gen_ai.request.model
	// [mistral-small-latest]
}

// Answers that an evaluator scored low become records, which a judge then reads.
func ExampleImportsService_FromSpans() {
	client, datasetID, done := exampleSpans()
	defer done()
	ctx := context.Background()
	var spans []mistralobs.SpanReference
	for evaluation, err := range client.Spans.AllEvaluations(ctx, mistralobs.SearchEvaluationsParams{
		Expression: "evaluation_name = 'helpfulness' AND score_value < 0.5",
		Latest:     true,
	}) {
		if err != nil {
			log.Fatal(err)
		}
		spans = append(spans, evaluation.Reference())
	}
	task, err := client.Imports.FromSpans(ctx, datasetID, spans, []mistralobs.SpanMapping{
		mistralobs.SpanAttribute("messages", "gen_ai.input.messages"),
		mistralobs.SpanAttribute("answer", "gen_ai.output.messages"),
		mistralobs.ResourceAttribute("service", "service.name"),
	})
	if err != nil {
		log.Fatal(err)
	}
	task, err = client.Tasks.Wait(ctx, datasetID, task.ID, mistralobs.WaitOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(task.Result.Requested, "requested,", task.Result.Imported, "imported,", task.Result.Skipped, "skipped")
	// Output: 4 requested, 4 imported, 0 skipped
}
