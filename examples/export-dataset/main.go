// Export-dataset writes a dataset as JSONL to a file or to standard output.
//
//	go run ./examples/export-dataset -dataset dataset [-out file.jsonl] [-demo]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
	"github.com/mistralobs/mistralobs-go/examples/internal/progress"
)

const about = `
Export-dataset writes a dataset as JSONL to a file or to standard output.

A download whose connection breaks continues where it stopped. A file is
replaced only when the export is complete.` + demo.Environment

func main() {
	name := flag.String("dataset", "", demo.DatasetText)
	out := flag.String("out", "-", `file to write; "-" is standard output`)
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
		return export(ctx, client, name, *out)
	})
}

func export(ctx context.Context, client *mistralobs.Client, name, out string) error {
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return cli.Hint(err, mistralobs.ErrNotFound, "go run ./examples/list shows all datasets")
	}
	size, err := write(ctx, client, dataset.ID, out)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Exported %d bytes.\n", size)
	return nil
}

func write(ctx context.Context, client *mistralobs.Client, datasetID, out string) (int64, error) {
	line := progress.New(os.Stderr)
	defer line.Clear()
	var options mistralobs.TransferOptions
	if out != "-" || !progress.IsTerminal(os.Stdout) { // otherwise the records are on the screen
		options.OnProgress = func(done, total int64) { line.Bytes("downloading", done, total) }
	}
	if out == "-" {
		return client.Exports.Download(ctx, datasetID, os.Stdout, options)
	}
	// Unlike Download, Save can start again if the export changes, because it replaces the file at the end.
	return client.Exports.Save(ctx, datasetID, out, options)
}
