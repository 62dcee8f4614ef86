// Add-records adds the records of a JSONL file to a dataset, one request each. Without
// MISTRAL_API_KEY the dataset is in memory, and without a file too there are demo records.
//
//	go run ./examples/add-records [-dataset name|id] [-file records.jsonl|-] [-concurrency 8]
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

const demo = `{"messages":[{"role":"user","content":"Do you ship to Norway?"}],"properties":{"category":"shipping"}}
{"payload":{"messages":[{"role":"user","content":"How do I change my name?"}]},"properties":{"category":"account"}}`

func main() {
	dataset := flag.String("dataset", "Support tickets", "name or id of the dataset")
	file := flag.String("file", "", `JSONL file, "-" is standard input (default "-"; without a key two demo records)`)
	concurrency := flag.Int("concurrency", mistralobs.DefaultBulkConcurrency, "how many records to add at once")
	flag.Parse()
	records, err := read(*file) // before signals are caught: so Ctrl-C also ends a wait for input
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		err = add(ctx, *dataset, records, *concurrency)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "add-records:", err)
		os.Exit(1)
	}
}

// read returns the whole file, so that a bad line is found before anything is added.
func read(file string) (records []mistralobs.CreateRecordParams, err error) {
	content := []byte(demo)
	switch {
	case file == "-" || file == "" && os.Getenv("MISTRAL_API_KEY") != "":
		content, err = io.ReadAll(os.Stdin)
	case file != "":
		content, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, err
	}
	for line, err := range mistralobs.ReadJSONL(bytes.NewReader(content)) {
		if err != nil {
			return nil, fmt.Errorf("%w; nothing was added", err)
		}
		records = append(records, mistralobs.CreateRecordParams{Payload: line.Payload, Properties: line.Properties})
	}
	return records, nil
}

func add(ctx context.Context, name string, records []mistralobs.CreateRecordParams, concurrency int) error {
	client, done, err := mistralobstest.ClientOrDemo(os.Stderr)
	if err != nil {
		return err
	}
	defer done()
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return fmt.Errorf("%w (go run ./examples/list shows all)", err)
	}
	added := 0
	defer func() {
		showProgress("")
		fmt.Printf("%d of %d records added to %s\n", added, len(records), dataset.ID)
	}()
	for _, err := range client.Records.CreateAll(ctx, dataset.ID, slices.Values(records), mistralobs.BulkOptions{Concurrency: concurrency, OnError: report}) {
		if err != nil {
			return err
		}
		added++
		showProgress("%d of %d added", added, len(records))
	}
	if added < len(records) {
		return errors.New("some records were left out: correct those and add them again")
	}
	return nil
}

func report(index int, _ mistralobs.CreateRecordParams, err error) error {
	if !errors.Is(err, mistralobs.ErrBadRequest) && !errors.Is(err, mistralobs.ErrValidation) {
		return fmt.Errorf("record %d: %w", index+1, err) // the next record would fare no better
	}
	fmt.Fprintf(os.Stderr, "record %d is left out: %v\n", index+1, err)
	return nil
}

// showProgress rewrites one line on a terminal, and is silent in a pipe or a log.
func showProgress(format string, args ...any) {
	if stderr, err := os.Stderr.Stat(); err == nil && stderr.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "%-72s\r", fmt.Sprintf(format, args...)) // what comes next overwrites it
	}
}
