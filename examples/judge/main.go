// Judge runs two judges on one record: one chooses a category, the other gives a score.
//
//	go run ./examples/judge (-dataset dataset | -record id) [-model name] [-json] [-demo]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
)

const about = `
Judge runs two judges on one record: one chooses a category, the other gives a score.

The service does not store the results. With -demo no model judges: the server
compares words, which shows only the form of the results.` + demo.Environment

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
		Output: mistralobs.RegressionOutput(mistralobs.RegressionScale{
			Max: 10, MinDescription: "no help at all", MaxDescription: "the customer has no more questions",
		}),
	}}
}

func main() {
	name := flag.String("dataset", "", demo.DatasetText+"; its first record is judged")
	record := flag.String("record", "", "id of the record to judge, instead of -dataset")
	model := flag.String("model", "mistral-medium-latest", "model that judges")
	asJSON := flag.Bool("json", false, "print one JSON object a line")
	useDemo := flag.Bool("demo", false, demo.FlagText)
	cli.Main(about, func(ctx context.Context) error {
		client, done, err := demo.Client(*useDemo, os.Stderr)
		if err != nil {
			return err
		}
		defer done()
		id := *record
		if id == "" {
			name, err := demo.Dataset(*useDemo, *name)
			if err != nil {
				return err
			}
			if id, err = firstRecord(ctx, client, name); err != nil {
				return err
			}
		}
		return judge(ctx, client, id, *model, *asJSON)
	})
}

func firstRecord(ctx context.Context, client *mistralobs.Client, name string) (string, error) {
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return "", cli.Hint(err, mistralobs.ErrNotFound, "go run ./examples/list shows all datasets")
	}
	page, err := client.Records.List(ctx, dataset.ID, mistralobs.ListParams{PageSize: 1})
	if err != nil {
		return "", err
	}
	if len(page.Items) == 0 {
		return "", fmt.Errorf("%q has no records: go run ./examples/add-records adds some", name)
	}
	return page.Items[0].ID, nil
}

func judge(ctx context.Context, client *mistralobs.Client, record, model string, asJSON bool) error {
	for _, judge := range judges(model) {
		judgement, err := client.Records.Judge(ctx, record, judge)
		if err != nil {
			return fmt.Errorf("judge %s on record %s: %w", judge.Name, record, err)
		}
		if err := show(result{record, judge.Name, judgement}, asJSON); err != nil {
			return err
		}
	}
	return nil
}

// result is what -json prints for each judge.
type result struct {
	Record string `json:"record_id"`
	Judge  string `json:"judge"`
	*mistralobs.Judgement
}

func show(r result, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	_, err := fmt.Print(cli.Printable(fmt.Sprintf("%s: %s (%s)\n", r.Judge, r.Answer, r.Analysis)))
	return err
}
