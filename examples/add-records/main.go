// Add-records adds the records of a JSONL file to a dataset, with one request for each.
//
//	go run ./examples/add-records -dataset dataset [-file records.jsonl] [-concurrency 8] [-demo]
package main

import (
	"context"
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
Add-records adds the records of a JSONL file to a dataset, with one request for each.

It checks a whole file before it adds anything; a pipe is checked while it is
read. A record that the service refuses is left out. For large files,
import-jsonl takes fewer requests.` + demo.Environment

const demoRecords = `
{"payload":{"messages":[{"role":"user","content":"Do you ship to Norway?"}]},"properties":{"category":"shipping"}}
{"payload":{"messages":[{"role":"user","content":"How do I change my name?"}]},"properties":{"category":"account"}}`

func main() {
	name := flag.String("dataset", "", demo.DatasetText)
	file := flag.String("file", "", "JSONL file (default: standard input; with -demo, two records)")
	concurrency := flag.Int("concurrency", 0, "how many records to add at once; 1 keeps their order (default: the SDK's)")
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
		total, err := check(ctx, input)
		if err != nil {
			return fmt.Errorf("%w; nothing was added", err)
		}
		return add(ctx, client, dataset.ID, input, total, *concurrency)
	})
}

func open(ctx context.Context, file string, useDemo bool) (io.ReadCloser, error) {
	if file == "" && useDemo {
		return io.NopCloser(strings.NewReader(demoRecords)), nil
	}
	return cli.Open(ctx, file, os.Stderr)
}

// check reads all records of a file, so that a bad line is found before anything is added, and returns their number.
// It returns 0 for a pipe, which can be read only once.
func check(ctx context.Context, input io.Reader) (total int64, err error) {
	file, ok := input.(*os.File)
	if !ok {
		return 0, nil
	}
	start, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, nil // a named pipe
	}
	line := progress.New(os.Stderr)
	defer line.Clear()
	for _, err := range mistralobs.ReadJSONL(line.Reader("checking", file)) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return 0, err
		}
		total++
	}
	_, err = file.Seek(start, io.SeekStart)
	return total, err
}

// add creates the records while it reads them, so the size of the file does not matter.
func add(
	ctx context.Context, client *mistralobs.Client, datasetID string, input io.Reader, total int64, concurrency int,
) error {
	line := progress.New(os.Stderr)
	added, leftOut := int64(0), 0
	defer func() {
		line.Clear()
		fmt.Printf("%d records added to %s\n", added, cli.Printable(datasetID))
	}()
	options := mistralobs.BulkOptions{Concurrency: concurrency}
	options.OnError = func(index int, _ mistralobs.CreateRecordParams, err error) error {
		if !errors.Is(err, mistralobs.ErrBadRequest) && !errors.Is(err, mistralobs.ErrValidation) {
			return fmt.Errorf("record %d: %w", index+1, err) // it would happen to the next record too
		}
		leftOut++
		line.Println(cli.Printable(fmt.Sprintf("record %d is left out: %v", index+1, err)))
		return nil
	}
	records := mistralobs.NewRecords(mistralobs.ReadJSONL(input))
	for _, err := range client.Records.CreateAll(ctx, datasetID, records, options) {
		if err != nil {
			return err
		}
		added++
		line.Records("adding", added, total)
	}
	if added == 0 && leftOut == 0 {
		return errors.New("the input has no records")
	}
	if leftOut > 0 {
		return fmt.Errorf("%d records were left out: correct those and add them again", leftOut)
	}
	return nil
}
