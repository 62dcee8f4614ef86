// Copy-dataset copies records, all or those with a property, to another dataset and prints its id.
//
//	go run ./examples/copy-dataset -from dataset [-to dataset] [-where key=value] [-demo]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
	"github.com/mistralobs/mistralobs-go/examples/internal/progress"
)

const about = `
Copy-dataset copies records, all or those with a property, to another dataset
and prints its id. It creates the other dataset if none has the name.` + demo.Environment

var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func main() {
	from := flag.String("from", "", demo.DatasetText)
	to := flag.String("to", "", `id, slug or name of the dataset to copy to (default "Copy of NAME")`)
	var where property
	flag.Func("where", "copy only the records that have this property, as `key=value`", where.parse)
	useDemo := flag.Bool("demo", false, demo.FlagText)
	cli.Main(about, func(ctx context.Context) error {
		client, done, err := demo.Client(*useDemo, os.Stderr)
		if err != nil {
			return err
		}
		defer done()
		from, err := demo.Dataset(*useDemo, *from)
		if err != nil {
			return err
		}
		return copyDataset(ctx, client, from, *to, where)
	})
}

// property is a condition on records. Without a key, every record fulfills it.
type property struct{ key, value string }

func (p *property) parse(text string) (err error) {
	var found bool
	if p.key, p.value, found = strings.Cut(text, "="); !found || p.key == "" {
		err = errors.New("it must be key=value")
	}
	return err
}

func (p *property) matches(record *mistralobs.Record) (bool, error) {
	if p.key == "" {
		return true, nil
	}
	properties, err := record.Properties.Map()
	value, found := properties[p.key]
	return found && fmt.Sprint(value) == p.value, err // the number 3 matches the text 3
}

func copyDataset(ctx context.Context, client *mistralobs.Client, from, to string, where property) error {
	source, err := client.Datasets.Find(ctx, from)
	if err != nil {
		return cli.Hint(err, mistralobs.ErrNotFound, "go run ./examples/list shows all datasets")
	}
	line := progress.New(os.Stderr)
	defer line.Clear()
	ids, err := find(ctx, client, source.ID, where, line)
	if err != nil {
		return err
	}
	if len(ids) == 0 {
		return fmt.Errorf("%q has no such record: go run ./examples/export-dataset shows its records", from)
	}
	target, err := findOrCreate(ctx, client, source, to)
	if err != nil {
		return cli.Hint(err, mistralobs.ErrNotFound, "go run ./examples/list shows all datasets")
	}
	if target.ID == source.ID {
		return fmt.Errorf("%q is the dataset to copy from: a copy would double its records", target.Name)
	}
	if err := importAll(ctx, client, target.ID, ids, line); err != nil {
		return err
	}
	line.Println(fmt.Sprintf("Copied %d records to %q.", len(ids), target.Name))
	_, err = fmt.Println(target.ID)
	return err
}

// find returns the ids of the records that match.
func find(
	ctx context.Context, client *mistralobs.Client, datasetID string, where property, line *progress.Line,
) ([]string, error) {
	var ids []string
	walked := int64(0)
	for record, err := range client.Records.All(ctx, datasetID, mistralobs.ListParams{}) {
		if err != nil {
			return nil, err
		}
		matches, err := where.matches(record)
		if err != nil {
			return nil, fmt.Errorf("record %s: %w", record.ID, err)
		}
		if matches {
			ids = append(ids, record.ID)
		}
		walked++
		line.Records("reading", walked, 0)
	}
	return ids, nil
}

// importAll copies the records in as many imports as the limit of one import requires.
func importAll(
	ctx context.Context, client *mistralobs.Client, datasetID string, ids []string, line *progress.Line,
) error {
	copied := int64(0)
	for batch := range slices.Chunk(ids, mistralobs.MaxDatasetImport) {
		line.Records("copying", copied, int64(len(ids)))
		task, err := client.Imports.FromDataset(ctx, datasetID, batch)
		if err != nil {
			return err
		}
		if _, err := client.Tasks.Wait(ctx, datasetID, task.ID, mistralobs.WaitOptions{}); err != nil {
			return err
		}
		copied += int64(len(batch))
	}
	return nil
}

// findOrCreate creates a dataset if none has the name. It creates none for an unknown id, which is probably mistyped.
func findOrCreate(
	ctx context.Context, client *mistralobs.Client, source *mistralobs.Dataset, to string,
) (*mistralobs.Dataset, error) {
	if to == "" {
		to = "Copy of " + source.Name
	}
	dataset, err := client.Datasets.Find(ctx, to)
	if errors.Is(err, mistralobs.ErrNotFound) && !uuid.MatchString(to) {
		return client.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: to})
	}
	return dataset, err
}
