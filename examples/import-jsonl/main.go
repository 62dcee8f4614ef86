// Import-jsonl uploads a JSONL file, imports it into a dataset, waits for the import, and deletes
// the upload.
//
// It checks all lines before it uploads anything.
//
//	go run ./examples/import-jsonl -dataset dataset [-file records.jsonl]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
)

func main() {
	log.SetFlags(0)
	dataset := flag.String("dataset", "", "ID, slug or name of the dataset")
	path := flag.String("file", "", "JSONL file (default: standard input)")
	flag.Parse()
	// If the context ends, FromJSONL deletes the upload before it returns, unless an import that has
	// started needs it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := importFile(ctx, *dataset, *path); err != nil {
		log.Fatal(err)
	}
}

func importFile(ctx context.Context, name, path string) error {
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
	result, err := client.Imports.FromJSONL(ctx, dataset.ID, file, mistralobs.JSONLImportOptions{
		Wait: mistralobs.WaitOptions{OnUpdate: func(task *mistralobs.ImportTask) {
			log.Println("import", task.ID, task.Status)
		}},
	})
	if err != nil {
		return err
	}
	_, err = fmt.Printf("records imported into %q: %d\n", dataset.Name, result.Records)
	return err
}
