// Import-jsonl imports a JSONL file into a dataset; without MISTRAL_API_KEY, into one in memory.
//
//	go run ./examples/import-jsonl [-dataset name|id] [-file records.jsonl|-] [-json]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

const demo = `{"messages":[{"role":"user","content":"Do you ship to Norway?"}],"properties":{"category":"shipping"}}
{"payload":{"messages":[{"role":"user","content":"How do I change my name?"}]},"properties":{"category":"account"}}`

func main() {
	dataset := flag.String("dataset", "Support tickets", "name or id of the dataset")
	file := flag.String("file", "", `JSONL file, "-" is standard input (default "-"; without a key two demo records)`)
	asJSON := flag.Bool("json", false, "print the import tasks as JSON, one a line")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dataset, *file, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "import-jsonl:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name, file string, asJSON bool) error {
	client, done, err := mistralobstest.ClientOrDemo(os.Stderr)
	if err != nil {
		return err
	}
	defer done()
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return fmt.Errorf("%w (go run ./examples/list shows all)", err)
	}
	input, err := open(ctx, file)
	if err != nil {
		return err
	}
	defer input.Close()
	var uploads []*mistralobs.File
	tasks, startErr := client.Imports.FromJSONL(ctx, dataset.ID, input, mistralobs.JSONLImportOptions{
		OnUpload:   func(f *mistralobs.File) { uploads = append(uploads, f) },
		OnProgress: func(done, total int64) { showProgress("uploaded %d of %d bytes", done, total) },
	}) // beside an error there may be tasks, started before it
	tasks, waitErr := client.Tasks.WaitAll(ctx, tasks, mistralobs.OnTaskUpdate(func(t *mistralobs.ImportTask) {
		if t.Progress != nil {
			showProgress("import %s: %3d %%", t.ID, *t.Progress)
		}
	}))
	showProgress("")
	for i, task := range tasks {
		err = errors.Join(err, deleteUpload(ctx, client, uploads[i], task))
		if asJSON {
			err = errors.Join(err, json.NewEncoder(os.Stdout).Encode(task))
		} else {
			fmt.Println(task.ID, task.Status)
		}
	}
	return errors.Join(startErr, waitErr, err)
}

// deleteUpload deletes a file that has been imported, also after Ctrl-C.
func deleteUpload(ctx context.Context, client *mistralobs.Client, file *mistralobs.File, task *mistralobs.ImportTask) error {
	if !task.Status.Done() {
		return fmt.Errorf("import %s goes on at the service, which needs the uploaded file %s until then", task.ID, file.ID)
	}
	return client.Files.Delete(context.WithoutCancel(ctx), file.ID)
}

// open returns the file, standard input or the demo records.
func open(ctx context.Context, file string) (io.ReadCloser, error) {
	switch {
	case file == "" && os.Getenv("MISTRAL_API_KEY") == "":
		return io.NopCloser(strings.NewReader(demo)), nil
	case file != "" && file != "-":
		return os.Open(file)
	}
	r, w := io.Pipe() // unlike a read of os.Stdin, one of this ends with Ctrl-C
	context.AfterFunc(ctx, func() { w.CloseWithError(ctx.Err()) })
	go func() { _, err := io.Copy(w, os.Stdin); w.CloseWithError(err) }()
	return r, nil
}

// showProgress rewrites one line on a terminal, and is silent in a pipe or a log.
func showProgress(format string, args ...any) {
	if stderr, err := os.Stderr.Stat(); err == nil && stderr.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "%-72s\r", fmt.Sprintf(format, args...)) // what comes next overwrites it
	}
}
