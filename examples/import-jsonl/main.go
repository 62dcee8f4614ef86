// Import-jsonl uploads a JSONL file, imports it into a dataset and waits for the import.
//
//	go run ./examples/import-jsonl -dataset dataset [-file records.jsonl] [-json] [-demo]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
	"github.com/mistralobs/mistralobs-go/examples/internal/progress"
)

const about = `
Import-jsonl uploads a JSONL file, imports it into a dataset and waits for the import.

It checks every line before it uploads anything. It prints the id and the status
of each import; a file that exceeds the upload limit takes several imports.` + demo.Environment

const demoRecords = `
{"payload":{"messages":[{"role":"user","content":"Do you ship to Norway?"}]},"properties":{"category":"shipping"}}
{"payload":{"messages":[{"role":"user","content":"How do I change my name?"}]},"properties":{"category":"account"}}`

func main() {
	name := flag.String("dataset", "", demo.DatasetText)
	file := flag.String("file", "", "JSONL file (default: standard input; with -demo, two records)")
	asJSON := flag.Bool("json", false, "print the import tasks as JSON, one a line")
	useDemo := flag.Bool("demo", false, demo.FlagText)
	cli.Main(about, func(ctx context.Context) error {
		client, done, err := demo.Client(*useDemo, os.Stderr)
		if err != nil {
			return err
		}
		defer done()
		name, err := demo.Dataset(*useDemo, *name)
		if err != nil {
			return err
		}
		dataset, err := client.Datasets.Find(ctx, name)
		if err != nil {
			return cli.Hint(err, mistralobs.ErrNotFound, "go run ./examples/list shows all datasets")
		}
		input, err := open(ctx, *file, *useDemo)
		if err != nil {
			return err
		}
		defer input.Close()
		return run(ctx, client, dataset.ID, input, *asJSON)
	})
}

func open(ctx context.Context, file string, useDemo bool) (io.ReadCloser, error) {
	if file == "" && useDemo {
		return io.NopCloser(strings.NewReader(demoRecords)), nil
	}
	return cli.Open(ctx, file, os.Stderr)
}

func run(ctx context.Context, client *mistralobs.Client, datasetID string, input io.Reader, asJSON bool) error {
	line := progress.New(os.Stderr)
	defer line.Clear()
	checked := line.Reader("checking", input)
	result, err := client.Imports.FromJSONL(ctx, datasetID, checked, mistralobs.JSONLImportOptions{
		OnProgress: func(done, total int64) {
			checked.Quiet()
			line.Bytes("uploading", done, total)
		},
		Wait: mistralobs.WaitOptions{OnUpdate: func(t *mistralobs.ImportTask) {
			if t.Progress != nil {
				line.Percent("importing", *t.Progress)
			}
		}},
	})
	line.Clear()
	errs := []error{err}
	if result != nil {
		for _, task := range result.Tasks {
			errs = append(errs, show(task, asJSON))
		}
	}
	return errors.Join(errs...)
}

func show(task *mistralobs.ImportTask, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(task)
	}
	_, err := fmt.Println(task.ID, task.Status)
	return err
}
