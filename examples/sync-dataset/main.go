// Sync-dataset makes a dataset equal to a JSONL file, such as one under version control.
//
// With -dry-run it only shows the changes, and fails with status 3 if there are any.
//
//	go run ./examples/sync-dataset -dataset dataset -file records.jsonl [-key property] [-delete] [-dry-run]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

var errDiffers = errors.New("the dataset differs from the file")

func main() {
	log.SetFlags(0)
	var options datasetsync.Options
	dataset := flag.String("dataset", "", "ID, slug or name of the dataset")
	path := flag.String("file", "", "JSONL file")
	dryRun := flag.Bool("dry-run", false, "only show the changes")
	flag.StringVar(&options.Key, "key", "id", `property that identifies a record; "" compares contents`)
	flag.BoolVar(&options.Delete, "delete", false, "delete the records that are not in the file")
	flag.Parse()
	err := sync(context.Background(), *dataset, *path, options, *dryRun)
	if errors.Is(err, errDiffers) {
		os.Exit(3)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func sync(ctx context.Context, name, path string, options datasetsync.Options, dryRun bool) error {
	client, err := mistralobs.NewClient()
	if err != nil {
		return err
	}
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	plan, err := datasetsync.Diff(ctx, client, dataset.ID, mistralobs.ReadJSONL(file), options)
	if err != nil {
		return err
	}
	defer plan.Close()
	if _, err := fmt.Println(plan); err != nil {
		return err
	}
	if dryRun && !plan.InSync() {
		return errDiffers
	}
	if dryRun {
		return nil
	}
	report, err := plan.Apply(ctx, client, options)
	if report != nil { // also with an error
		_, errPrint := fmt.Println(report)
		err = errors.Join(err, errPrint)
	}
	return err
}
