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
	var uploads []*mistralobs.File
	// FromJSONL returns the tasks that it started beside an error.
	tasks, startErr := client.Imports.FromJSONL(ctx, datasetID, checked, mistralobs.JSONLImportOptions{
		OnUpload: func(f *mistralobs.File) { uploads = append(uploads, f) },
		OnProgress: func(done, total int64) {
			checked.Quiet()
			line.Bytes("uploading", done, total)
		},
	})
	percent := map[string]int{}
	tasks, waitErr := client.Tasks.WaitAll(ctx, tasks, mistralobs.WaitOptions{OnUpdate: func(t *mistralobs.ImportTask) {
		if t.Progress != nil {
			percent[t.ID] = *t.Progress
		}
		line.Percent("importing", mean(percent, len(tasks)))
	}})
	line.Clear()
	errs := []error{startErr, waitErr}
	for i, task := range tasks {
		errs = append(errs, deleteUpload(ctx, client, uploads[i], task), show(task, asJSON))
	}
	return errors.Join(errs...)
}

// mean returns the progress of all tasks. A task that has no percentage counts as 0.
func mean(percent map[string]int, tasks int) int {
	sum := 0
	for _, p := range percent {
		sum += p
	}
	return sum / tasks
}

func show(task *mistralobs.ImportTask, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(task)
	}
	_, err := fmt.Println(task.ID, task.Status)
	return err
}

// deleteUpload deletes a file after its import has ended, also after Ctrl-C.
func deleteUpload(
	ctx context.Context, client *mistralobs.Client, file *mistralobs.File, task *mistralobs.ImportTask,
) error {
	if !task.Status.Done() {
		return fmt.Errorf("import %s continues at the service and still needs the uploaded file %s", task.ID, file.ID)
	}
	return client.Files.Delete(context.WithoutCancel(ctx), file.ID)
}
