// Quickstart does the main job of the SDK once, from end to end: it creates a dataset, imports a JSONL file of
// conversations, walks the records and edits one, exports the dataset, and verifies that the export equals the file. At
// the end it deletes the dataset.
//
//	go run ./examples/quickstart [-file conversations.jsonl] [-out export.jsonl] [-keep] [-demo]
package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
	"github.com/mistralobs/mistralobs-go/examples/internal/progress"
)

const about = `
Quickstart does the main job of the SDK once, from end to end: it creates a
dataset, imports a JSONL file of conversations, walks the records and edits one,
exports the dataset, and verifies that the export equals the file. At the end it
deletes the dataset.

Without an API key it uses an in-memory server that it starts itself.` + demo.Environment

//go:embed conversations.jsonl
var conversations []byte

func main() {
	file := flag.String("file", "", "JSONL file to import (default: fifty conversations that are part of this program)")
	out := flag.String("out", "", "file to write the export to (default: a temporary file)")
	keep := flag.Bool("keep", false, "keep the dataset instead of deleting it at the end")
	useDemo := flag.Bool("demo", false, demo.FlagText)
	cli.Main(about, func(ctx context.Context) error {
		client, done, err := connect(*useDemo)
		if err != nil {
			return err
		}
		defer done()
		if sameFile(*file, *out) {
			return errors.New("-out must not be the file that -file names, which is compared with the export")
		}
		line := progress.New(os.Stderr)
		defer line.Clear()
		return run(ctx, client, source{*file, line}, *out, *keep)
	})
}

// sameFile reports whether two paths lead to the same file, also by links.
func sameFile(a, b string) bool {
	first, errA := os.Stat(a)
	second, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(first, second)
}

// connect returns a client of the service, or of a server in this process if there is no key.
func connect(useDemo bool) (*mistralobs.Client, func(), error) {
	if useDemo {
		return demo.Client(true, os.Stdout)
	}
	client, err := mistralobs.NewClient()
	if errors.Is(err, mistralobs.ErrNoAPIKey) {
		fmt.Println("MISTRAL_API_KEY is not set: using an in-memory server in this process.")
		return demo.Client(true, io.Discard)
	}
	if err != nil {
		return nil, nil, err
	}
	fmt.Printf("Using the service at %s.\n", cmp.Or(os.Getenv("MISTRAL_BASE_URL"), mistralobs.BaseURL))
	return client, client.CloseIdleConnections, nil
}

// source is a file, or the embedded one if the path is empty.
type source struct {
	path string
	line *progress.Line
}

func (s source) open() (io.ReadCloser, error) {
	if s.path == "" {
		return io.NopCloser(bytes.NewReader(conversations)), nil
	}
	return os.Open(s.path)
}

func run(ctx context.Context, client *mistralobs.Client, input source, out string, keep bool) (err error) {
	expected, err := count(ctx, input)
	input.line.Clear()
	if err != nil {
		return err
	}
	if out == "" {
		folder, err := os.MkdirTemp("", "mistralobs-quickstart-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		out = filepath.Join(folder, "export.jsonl")
	}
	dataset, err := client.Datasets.Create(ctx, mistralobs.CreateDatasetParams{
		Name:        "Quickstart " + time.Now().Format("2006-01-02 15:04:05"),
		Description: "Created by the quickstart of the Go SDK",
	})
	if err != nil {
		return err
	}
	fmt.Printf("Created dataset %q (%s).\n", dataset.Name, dataset.ID)
	defer func() { err = errors.Join(err, finish(ctx, client, dataset, keep)) }()
	return roundTrip(ctx, client, dataset.ID, input, expected, out)
}

// finish deletes the dataset, also after Ctrl-C.
func finish(ctx context.Context, client *mistralobs.Client, dataset *mistralobs.Dataset, keep bool) error {
	if keep {
		fmt.Printf("Kept dataset %s.\n", dataset.ID)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := client.Datasets.Delete(ctx, dataset.ID); err != nil {
		return fmt.Errorf("the dataset was not deleted: %w", err)
	}
	fmt.Println("Deleted the dataset.")
	return nil
}

func roundTrip(
	ctx context.Context, client *mistralobs.Client, datasetID string, input source, expected records, out string,
) error {
	if err := importFile(ctx, client, datasetID, input); err != nil {
		return err
	}
	before, after, err := walkAndEdit(ctx, client, datasetID, expected.total(), input.line)
	if err != nil {
		return err
	}
	if err := expected.replace(before, after); err != nil {
		return err
	}
	size, err := client.Exports.Save(ctx, datasetID, out, mistralobs.TransferOptions{
		OnProgress: func(done, total int64) { input.line.Bytes("downloading", done, total) },
	})
	input.line.Clear()
	if err != nil {
		return err
	}
	fmt.Printf("Exported %d bytes.\n", size)
	total := expected.total()
	if err := expected.compare(ctx, source{out, input.line}, input); err != nil {
		return err
	}
	input.line.Clear()
	fmt.Printf("Verified: all %d records came back as they went in, one of them with the edit.\n", total)
	return nil
}

// importFile uploads the file, imports it, and shows the progress until the import ends.
func importFile(ctx context.Context, client *mistralobs.Client, datasetID string, input source) error {
	file, err := input.open()
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = client.Imports.FromJSONL(ctx, datasetID, file, mistralobs.JSONLImportOptions{
		OnProgress: func(done, total int64) { input.line.Bytes("uploading", done, total) },
		Wait: mistralobs.WaitOptions{OnUpdate: func(task *mistralobs.ImportTask) {
			input.line.Clear()
			progress := "progress unknown"
			if task.Progress != nil {
				progress = fmt.Sprintf("%3d %%", *task.Progress)
			}
			fmt.Printf("Importing: %-9s %s\n", task.Status, progress)
		}},
	})
	input.line.Clear()
	return err
}

// walkAndEdit walks all records and changes the properties of the first one. It returns that record before and after.
func walkAndEdit(
	ctx context.Context, client *mistralobs.Client, datasetID string, want int, line *progress.Line,
) (before, after digest, err error) {
	var first *mistralobs.Record
	walked := 0
	for record, err := range client.Records.All(ctx, datasetID, mistralobs.ListParams{}) {
		if err != nil {
			return before, after, err
		}
		if first == nil {
			first = record
		}
		walked++
		line.Records("walking", int64(walked), int64(want))
	}
	line.Clear()
	if walked != want || first == nil {
		return before, after, fmt.Errorf("the file has %d records, the dataset has %d", want, walked)
	}
	fmt.Printf("Walked %d records.\n", walked)
	properties, err := edit(ctx, client, first)
	if err != nil {
		return before, after, err
	}
	if before, err = digestOf(first.Payload, first.Properties); err != nil {
		return before, after, err
	}
	after, err = digestOf(first.Payload, properties)
	return before, after, err
}

// edit adds a property to a record and returns its new properties.
func edit(ctx context.Context, client *mistralobs.Client, record *mistralobs.Record) (mistralobs.Object, error) {
	properties, err := record.Properties.Map()
	if err != nil {
		return nil, err
	}
	properties["reviewed_by"] = "quickstart"
	if err := client.Records.UpdateProperties(ctx, record.ID, properties); err != nil {
		return nil, err
	}
	fmt.Printf("Edited the properties of record %s.\n", record.ID)
	return mistralobs.NewObject(properties)
}
