// Quickstart does the SDK's main job once, from end to end: it makes a dataset,
// imports a JSONL file of conversations, edits a record, exports the dataset
// and checks that what came back is what went in.
//
//	go run ./examples/quickstart [-file conversations.jsonl] [-out export.jsonl] [-keep]
//
// With MISTRAL_API_KEY set it talks to the service; without, to an in-memory
// server that it starts itself.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

//go:embed conversations.jsonl
var conversations []byte

func main() {
	file := flag.String("file", "", "JSONL file to import (default: fifty conversations that ship with this program)")
	out := flag.String("out", "", "where to write the export (default: a file in a new temporary folder)")
	keep := flag.Bool("keep", false, "keep the dataset instead of deleting it at the end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *file, *out, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file, out string, keep bool) (err error) {
	input, err := readInput(file)
	if err != nil {
		return err
	}
	client, closeServer, err := connect()
	if err != nil {
		return err
	}
	defer closeServer()
	if out == "" {
		folder, failed := os.MkdirTemp("", "mistralobs-quickstart-*")
		if failed != nil {
			return failed
		}
		out = filepath.Join(folder, "export.jsonl")
		defer func() {
			if err != nil {
				os.RemoveAll(folder)
			}
		}()
	}

	dataset, err := client.Datasets.Create(ctx, mistralobs.CreateDatasetParams{
		Name: "Quickstart " + time.Now().Format("2006-01-02 15:04:05"), Description: "Made by the quickstart of the Go SDK",
	})
	if err != nil {
		return err
	}
	fmt.Printf("Created dataset %q (%s).\n", dataset.Name, dataset.ID)
	defer func() { err = errors.Join(err, finish(ctx, client, dataset, keep)) }()
	return roundTrip(ctx, client, dataset.ID, input, out)
}

// connect returns a client of the service, or of a server in this process.
func connect() (client *mistralobs.Client, closeServer func(), err error) {
	if os.Getenv("MISTRAL_API_KEY") != "" {
		fmt.Println("MISTRAL_API_KEY is set: talking to the service.")
		client, err = mistralobs.NewClient()
		return client, func() {}, err
	}
	fmt.Println("MISTRAL_API_KEY is not set: talking to an in-memory server.")
	server := mistralobstest.NewServer(mistralobstest.WithTaskDuration(1500 * time.Millisecond))
	client, err = mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	return client, server.Close, err
}

func readInput(file string) ([]byte, error) {
	if file == "" {
		return conversations, nil
	}
	return os.ReadFile(file)
}

// finish deletes the dataset, even if the program was interrupted.
func finish(ctx context.Context, client *mistralobs.Client, dataset *mistralobs.Dataset, keep bool) error {
	if keep {
		fmt.Printf("Kept dataset %s.\n", dataset.ID)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	if err := client.Datasets.Delete(ctx, dataset.ID); err != nil {
		return fmt.Errorf("the dataset is left behind: %w", err)
	}
	fmt.Println("Deleted the dataset.")
	return nil
}

func roundTrip(ctx context.Context, client *mistralobs.Client, datasetID string, input []byte, out string) error {
	expected, err := readRecords(bytes.NewReader(input))
	if err != nil {
		return err
	}
	if err := importFile(ctx, client, datasetID, input); err != nil {
		return err
	}
	edited, err := walkAndEdit(ctx, client, datasetID, len(expected))
	if err != nil {
		return err
	}
	if expected, err = expected.withEdit(edited); err != nil {
		return err
	}
	size, err := client.Exports.Save(ctx, datasetID, out, mistralobs.TransferOptions{})
	if err != nil {
		return err
	}
	fmt.Printf("Exported %d bytes to %s.\n", size, out)
	exported, err := os.Open(out)
	if err != nil {
		return err
	}
	defer exported.Close()
	got, err := readRecords(exported)
	if err != nil {
		return err
	}
	if err := expected.compare(got); err != nil {
		return err
	}
	fmt.Printf("Verified: all %d records came back as they went in, one of them with the edit.\n", len(got))
	return nil
}

// importFile uploads the file, imports it, and waits for that, showing how far it is.
func importFile(ctx context.Context, client *mistralobs.Client, datasetID string, input []byte) error {
	var uploaded []*mistralobs.File
	tasks, err := client.Imports.FromJSONL(ctx, datasetID, bytes.NewReader(input), mistralobs.JSONLImportOptions{
		OnUpload: func(f *mistralobs.File) { uploaded = append(uploaded, f) },
	})
	if err != nil {
		return err
	}
	_, err = client.Tasks.WaitAll(ctx, tasks, mistralobs.OnTaskUpdate(func(task *mistralobs.ImportTask) {
		progress := "progress unknown"
		if task.Progress != nil {
			progress = fmt.Sprintf("%3d %%", *task.Progress)
		}
		fmt.Printf("Importing: %-9s %s\n", task.Status, progress)
	}))
	for _, file := range uploaded { // the import has read them
		err = errors.Join(err, client.Files.Delete(context.WithoutCancel(ctx), file.ID))
	}
	return err
}

// edit is a change of one record's properties.
type edit struct{ before, after record }

// walkAndEdit walks all records and changes the properties of the first one.
func walkAndEdit(ctx context.Context, client *mistralobs.Client, datasetID string, want int) (e edit, err error) {
	var first *mistralobs.Record
	walked := 0
	for rec, err := range client.Records.All(ctx, datasetID, mistralobs.ListParams{ReadAhead: 2}) {
		if err != nil {
			return e, err
		}
		if first == nil {
			first = rec
		}
		walked++
	}
	if walked != want {
		return e, fmt.Errorf("the file has %d records, the dataset has %d", want, walked)
	}
	properties, err := first.Properties.Map()
	if err != nil {
		return e, err
	}
	properties["reviewed_by"] = "quickstart"
	if err := client.Records.UpdateProperties(ctx, first.ID, properties); err != nil {
		return e, err
	}
	fmt.Printf("Walked %d records and edited the properties of %s.\n", walked, first.ID)
	after, err := mistralobs.NewObject(properties)
	if err != nil {
		return e, err
	}
	if e.before, err = newRecord(first.Payload, first.Properties); err != nil {
		return e, err
	}
	e.after, err = newRecord(first.Payload, after)
	return e, err
}

func readRecords(r io.Reader) (records, error) {
	found := records{}
	for line, err := range mistralobs.ReadJSONL(r) {
		if err != nil {
			return nil, err
		}
		rec, err := newRecord(line.Payload, line.Properties)
		if err != nil {
			return nil, err
		}
		found = append(found, rec)
	}
	return found, nil
}
