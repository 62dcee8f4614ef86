// Add-records adds the records of a JSONL file to a dataset, with one request for each, and prints
// their IDs.
//
// It checks all lines before it adds the first record. For large files, import-jsonl takes fewer
// requests.
//
//	go run ./examples/add-records -dataset dataset [-file records.jsonl]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"slices"

	"github.com/mistralobs/mistralobs-go"
)

func main() {
	log.SetFlags(0)
	dataset := flag.String("dataset", "", "ID, slug or name of the dataset")
	path := flag.String("file", "", "JSONL file (default: standard input)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := add(ctx, *dataset, *path); err != nil {
		log.Fatal(err)
	}
}

func add(ctx context.Context, name, path string) error {
	client, err := mistralobs.NewClient()
	if err != nil {
		return err
	}
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return err
	}
	file := os.Stdin
	if path != "" {
		if file, err = os.Open(path); err != nil {
			return err
		}
		defer file.Close()
	}
	var records []mistralobs.CreateRecordParams
	for record, err := range mistralobs.NewRecords(mistralobs.ReadJSONL(file)) {
		if err != nil {
			return fmt.Errorf("%w; nothing was added", err)
		}
		records = append(records, record)
	}
	added := 0
	input := mistralobs.NoErrors(slices.Values(records))
	for record, err := range client.Records.CreateAll(ctx, dataset.ID, input, mistralobs.BulkOptions{}) {
		if err != nil {
			return fmt.Errorf("%w; added %d of %d records", err, added, len(records))
		}
		added++
		if _, err := fmt.Println(record.ID); err != nil {
			return err
		}
	}
	return nil
}
