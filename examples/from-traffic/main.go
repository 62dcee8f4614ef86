// From-traffic creates a record from each telemetry span that an evaluator scored low.
//
// Each record gets the fields "messages" and "answer" from attributes of its span. A second run leaves
// out the spans that the dataset has.
//
//	go run ./examples/from-traffic -dataset dataset [-evaluator name] [-below score] [-since 24h]
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
	evaluator := flag.String("evaluator", "helpfulness", "name of the evaluator")
	below := flag.Float64("below", 0.5, "import spans with a lower score than this")
	since := flag.Duration("since", 24*time.Hour, "search evaluations that are younger than this")
	flag.Parse()
	search := mistralobs.SearchEvaluationsParams{
		Expression: fmt.Sprintf("evaluation_name = '%s' AND score_value < %g", *evaluator, *below),
		From:       time.Now().Add(-*since),
		Latest:     true, // a span that was evaluated again counts once
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
		properties, _ := record.Properties.Map() // properties that are no object name no span
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
			spans = append(spans, span)
		}
	}
	if len(spans) == 0 {
		log.Println("No new span has such an evaluation.")
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
	fmt.Println(len(spans), "spans requested")
	if task.Result != nil { // nil if the service does not report it
		fmt.Println(task.Result.Imported, "spans imported")
	}
	return nil
}
