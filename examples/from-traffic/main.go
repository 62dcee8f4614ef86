// From-traffic imports the spans that an evaluator scored low into a dataset.
//
//	go run ./examples/from-traffic -dataset dataset [-evaluator name] [-below score] [-since 24h] [-demo]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
	"github.com/mistralobs/mistralobs-go/examples/internal/progress"
)

const about = `
From-traffic imports the spans that an evaluator scored low into a dataset.

It searches the latest evaluations, imports their spans, and waits. Each span
becomes a record with the fields "messages", "answer" and "service".` + demo.Environment

// mapping says which attributes of a span become fields of the payload.
var mapping = []mistralobs.SpanMapping{
	mistralobs.SpanAttribute("messages", "gen_ai.input.messages"),
	mistralobs.SpanAttribute("answer", "gen_ai.output.messages"),
	mistralobs.ResourceAttribute("service", "service.name"),
}

// maxSpans is the number of spans of one import. The service does not document a limit.
const maxSpans = 500

func main() {
	name := flag.String("dataset", "", demo.DatasetText+"; it receives the records")
	evaluator := flag.String("evaluator", "helpfulness", "`name` of the evaluator")
	below := flag.Float64("below", 0.5, "import spans with a lower `score` than this")
	since := flag.Duration("since", 24*time.Hour, "search evaluations that are younger than this")
	useDemo := flag.Bool("demo", false, demo.FlagText)
	cli.Main(about, func(ctx context.Context) error {
		search, err := lowScores(*evaluator, *below, *since)
		if err != nil {
			return err
		}
		client, done, err := demo.Client(*useDemo, os.Stderr)
		if err != nil {
			return err
		}
		defer done()
		dataset, err := findDataset(ctx, client, *useDemo, *name)
		if err != nil {
			return err
		}
		return importSpans(ctx, client, dataset, search)
	})
}

// lowScores returns the search for the evaluations.
func lowScores(evaluator string, below float64, since time.Duration) (mistralobs.SearchEvaluationsParams, error) {
	if strings.Contains(evaluator, "'") {
		return mistralobs.SearchEvaluationsParams{}, errors.New("-evaluator must not contain a single quote")
	}
	if since <= 0 {
		return mistralobs.SearchEvaluationsParams{}, errors.New("-since must be positive")
	}
	return mistralobs.SearchEvaluationsParams{
		Expression: fmt.Sprintf("evaluation_name = '%s' AND score_value < %g", evaluator, below),
		From:       time.Now().Add(-since),
		Latest:     true,
	}, nil
}

func findDataset(
	ctx context.Context, client *mistralobs.Client, useDemo bool, name string,
) (*mistralobs.Dataset, error) {
	name, err := demo.Dataset(useDemo, name)
	if err != nil {
		return nil, err
	}
	dataset, err := client.Datasets.Find(ctx, name)
	return dataset, cli.Hint(err, mistralobs.ErrNotFound, "go run ./examples/list shows all datasets")
}

func importSpans(
	ctx context.Context, client *mistralobs.Client, dataset *mistralobs.Dataset, search mistralobs.SearchEvaluationsParams,
) error {
	spans, err := findSpans(ctx, client, search)
	if err != nil {
		return err
	}
	if len(spans) == 0 {
		fmt.Println("No span has such an evaluation.")
		return nil
	}
	var tasks []*mistralobs.ImportTask
	for batch := range slices.Chunk(spans, maxSpans) {
		task, err := client.Imports.FromSpans(ctx, dataset.ID, batch, mapping)
		if err != nil {
			return fmt.Errorf("%w (%d imports were started)", err, len(tasks))
		}
		tasks = append(tasks, task)
	}
	line, percent := progress.New(os.Stderr), map[string]int{}
	tasks, err = client.Tasks.WaitAll(ctx, tasks, mistralobs.WaitOptions{OnUpdate: func(t *mistralobs.ImportTask) {
		if t.Progress != nil {
			percent[t.ID] = *t.Progress
		}
		line.Percent("importing", mean(percent, len(tasks)))
	}})
	line.Clear()
	if err != nil {
		return err
	}
	report(dataset, len(spans), tasks)
	return nil
}

// mean returns the progress of all tasks. A task that has no percentage counts as 0.
func mean(percent map[string]int, tasks int) int {
	sum := 0
	for _, p := range percent {
		sum += p
	}
	return sum / tasks
}

// findSpans returns the spans of the evaluations, each once.
func findSpans(
	ctx context.Context, client *mistralobs.Client, search mistralobs.SearchEvaluationsParams,
) ([]mistralobs.SpanReference, error) {
	var spans []mistralobs.SpanReference
	found := map[mistralobs.SpanReference]bool{}
	for evaluation, err := range client.Spans.AllEvaluations(ctx, search) {
		if err != nil {
			return nil, cli.Hint(err, mistralobs.ErrForbidden, "reading telemetry requires a role of the workspace")
		}
		if span := evaluation.Reference(); !found[span] {
			found[span] = true
			spans = append(spans, span)
		}
	}
	return spans, nil
}

func report(dataset *mistralobs.Dataset, requested int, tasks []*mistralobs.ImportTask) {
	name, imported, skipped := cli.Printable(dataset.Name), 0, 0
	for _, task := range tasks {
		if task.Result == nil {
			fmt.Printf("%s: %d spans requested; the service does not report how many it imported\n", name, requested)
			return
		}
		imported += task.Result.Imported
		skipped += task.Result.Skipped
	}
	fmt.Printf("%s: %d spans requested, %d imported, %d skipped\n", name, requested, imported, skipped)
}
