// From-traffic creates a record from each telemetry span that an evaluator scored low. A second run
// leaves out the spans that the dataset has.
//
//	go run ./examples/from-traffic -dataset dataset [-search expression] [-since 24h]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

func main() {
	log.SetFlags(0)
	dataset := flag.String("dataset", "", "ID, slug or name of the dataset")
	expression := flag.String("search", "evaluation_name = 'helpfulness' AND score_value < 0.5",
		"expression that selects evaluations of spans")
	since := flag.Duration("since", 24*time.Hour, "age of the oldest evaluation")
	flag.Parse()
	search := mistralobs.SearchEvaluationsParams{ // Latest: a span that was evaluated twice counts once
		Expression: *expression, From: time.Now().Add(-*since), Latest: true,
	}
	if err := importSpans(context.Background(), *dataset, search); err != nil {
		log.Fatal(err)
	}
}

func importSpans(ctx context.Context, name string, search mistralobs.SearchEvaluationsParams) error {
	client, err := mistralobs.NewClient()
	if err != nil {
		return err
	}
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return err
	}
	// The service does not document which property of a record has the ID of its span.
	texts := map[string]bool{}
	for record, err := range client.Records.All(ctx, dataset.ID, mistralobs.ListParams{}) {
		if err != nil {
			return err
		}
		properties, _ := record.Properties.Map() // nil if they are not an object
		for _, value := range properties {
			if text, ok := value.(string); ok {
				texts[text] = true
			}
		}
	}
	var spans []mistralobs.SpanReference
	for evaluation, err := range client.Spans.AllEvaluations(ctx, search) {
		if err != nil {
			return err
		}
		if span := evaluation.Reference(); !texts[span.SpanID] {
			texts[span.SpanID] = true // another evaluator may have scored it too
			spans = append(spans, span)
		}
	}
	if len(spans) == 0 {
		return nil
	}
	task, err := client.Imports.FromSpans(ctx, dataset.ID, spans, []mistralobs.SpanMapping{
		mistralobs.SpanAttribute("messages", "gen_ai.input.messages"),
		mistralobs.SpanAttribute("answer", "gen_ai.output.messages"),
	})
	if err != nil {
		return err
	}
	task, err = client.Tasks.Wait(ctx, dataset.ID, task.ID, mistralobs.WaitOptions{})
	if err != nil {
		return err
	}
	_, err = fmt.Println(task) // as JSON
	return err
}
