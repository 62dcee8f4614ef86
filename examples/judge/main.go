// Judge runs two judges on one record: one that chooses a category, and one that
// gives a score. Nothing is stored.
//
//	go run ./examples/judge [-dataset name|id | -record id] [-model name] [-json]
//
// With MISTRAL_API_KEY set a model judges; without, an in-memory server with demo
// data compares words, which shows the shape of the answers and no more.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func judges(model string) []mistralobs.JudgeDefinition {
	return []mistralobs.JudgeDefinition{{
		Name:         "category",
		ModelName:    model,
		Instructions: "What is the customer's question about?",
		Output: mistralobs.ClassificationOutput(
			mistralobs.JudgeOption{Value: "shipping", Description: "where a parcel is, when and where it arrives"},
			mistralobs.JudgeOption{Value: "refunds", Description: "returns, damaged goods, money back"},
			mistralobs.JudgeOption{Value: "billing", Description: "payments and invoices"},
			mistralobs.JudgeOption{Value: "account", Description: "passwords and personal data"},
		),
	}, {
		Name:         "helpfulness",
		ModelName:    model,
		Instructions: "How well does the last answer help the customer? Compare it with the expected output if there is one.",
		Output:       mistralobs.RegressionOutput(0, "no help at all", 10, "nothing is left to ask"),
	}}
}

func main() {
	dataset := flag.String("dataset", "Support tickets", "name or id of the dataset whose first record is judged")
	record := flag.String("record", "", "id of the record to judge, instead of the first of a dataset")
	model := flag.String("model", "mistral-medium-latest", "model that judges")
	asJSON := flag.Bool("json", false, "print JSON, a verdict a line")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dataset, *record, *model, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "judge:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, dataset, record, model string, asJSON bool) error {
	client, done, err := mistralobstest.ClientOrDemo(os.Stderr)
	if err != nil {
		return err
	}
	defer done()
	if record == "" {
		if record, err = firstRecord(ctx, client, dataset); err != nil {
			return err
		}
	}
	for _, judge := range judges(model) {
		verdict, err := client.Records.Judge(ctx, record, judge)
		if err != nil {
			return fmt.Errorf("judging %s of record %s: %w", judge.Name, record, err)
		}
		if !asJSON {
			fmt.Printf("%s: %s (%s)\n", judge.Name, verdict.Answer, verdict.Analysis)
		} else if err := json.NewEncoder(os.Stdout).Encode(line{record, judge.Name, verdict}); err != nil {
			return err
		}
	}
	return nil
}

// line is a verdict as -json prints it.
type line struct {
	Record string `json:"record_id"`
	Judge  string `json:"judge"`
	*mistralobs.Judgement
}

func firstRecord(ctx context.Context, client *mistralobs.Client, name string) (string, error) {
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return "", fmt.Errorf("%w (go run ./examples/list shows all)", err)
	}
	page, err := client.Records.List(ctx, dataset.ID, mistralobs.ListParams{PageSize: 1})
	if err != nil {
		return "", err
	}
	if len(page.Items) == 0 {
		return "", fmt.Errorf("%q has no records: add some with go run ./examples/add-records", name)
	}
	return page.Items[0].ID, nil
}
