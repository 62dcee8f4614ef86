// Copy-dataset copies records, all or those with a property, to another dataset and
// prints its id; without MISTRAL_API_KEY in an in-memory server with demo data.
//
//	go run ./examples/copy-dataset [-from name|id] [-to name|id] [-where key=value]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

var uuid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func main() {
	from := flag.String("from", "Support tickets", "name or id of the dataset to copy from")
	to := flag.String("to", "Copy of Support tickets", "name or id of the dataset to copy to; a name that is new makes a new one")
	var key, value string
	flag.Func("where", "copy only records that have this property, as `key=value`", func(text string) error {
		var ok bool
		if key, value, ok = strings.Cut(text, "="); !ok || key == "" {
			return errors.New("it must be key=value")
		}
		return nil
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *from, *to, key, value); err != nil {
		fmt.Fprintln(os.Stderr, "copy-dataset:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, from, to, key, value string) error {
	client, done, err := mistralobstest.ClientOrDemo(os.Stderr)
	if err != nil {
		return err
	}
	defer done()
	source, err := client.Datasets.Find(ctx, from)
	if err != nil {
		return fmt.Errorf("%w (go run ./examples/list shows all)", err)
	}
	records, err := find(ctx, client, source.ID, key, value)
	if err != nil {
		return err
	}
	if len(records) == 0 {
		return fmt.Errorf("%q has no such record: go run ./examples/export shows what it has", from)
	}
	target, err := findOrCreate(ctx, client, to)
	if err != nil {
		return fmt.Errorf("%w (go run ./examples/list shows all)", err)
	}
	for batch := range slices.Chunk(records, mistralobs.MaxDatasetImport) {
		task, err := client.Imports.FromDataset(ctx, target.ID, batch)
		if err != nil {
			return err
		}
		if _, err := client.Tasks.Wait(ctx, target.ID, task.ID); err != nil {
			return err
		}
	}
	fmt.Fprintf(os.Stderr, "Copied %d records to %q.\n", len(records), to)
	fmt.Println(target.ID)
	return nil
}

// find returns the ids of the records that have the property, or of all if there is no key.
func find(ctx context.Context, client *mistralobs.Client, dataset, key, value string) (ids []string, err error) {
	for record, err := range client.Records.All(ctx, dataset, mistralobs.ListParams{}) {
		if err != nil {
			return nil, err
		}
		properties, err := record.Properties.Map()
		if err != nil {
			return nil, err
		}
		if got, ok := properties[key]; key == "" || ok && fmt.Sprint(got) == value { // 3 is also "3"
			ids = append(ids, record.ID)
		}
	}
	return ids, nil
}

// findOrCreate makes a dataset of a name that is new; a mistyped id is no name.
func findOrCreate(ctx context.Context, client *mistralobs.Client, nameOrID string) (*mistralobs.Dataset, error) {
	dataset, err := client.Datasets.Find(ctx, nameOrID)
	if errors.Is(err, mistralobs.ErrNotFound) && !uuid.MatchString(nameOrID) {
		return client.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: nameOrID})
	}
	return dataset, err
}
