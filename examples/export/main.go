// Export writes a dataset as JSONL, to a file or to standard output. A download
// whose connection breaks goes on where it was, so nothing is needed for that here.
//
//	go run ./examples/export [-dataset name|id] [-out file.jsonl|-]
//
// With MISTRAL_API_KEY set it talks to the service; without, to an in-memory
// server with demo data.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func main() {
	dataset := flag.String("dataset", "Support tickets", "name or id of the dataset")
	out := flag.String("out", "-", `file to write, replaced only when the export is complete; "-" is standard output`)
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "export: unexpected argument %q; give the file with -out\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *dataset, *out); err != nil {
		fmt.Fprintln(os.Stderr, "export:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, name, out string) error {
	client, done, err := mistralobstest.ClientOrDemo(os.Stderr)
	if err != nil {
		return err
	}
	defer done()
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return fmt.Errorf("%w (go run ./examples/list shows all)", err)
	}
	size, err := write(ctx, client, dataset.ID, out)
	showProgress("")
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "Exported %d bytes.\n", size)
	return nil
}

// write uses Save for a file: unlike Download it can start over where a download
// cannot be continued, and leaves no half file.
func write(ctx context.Context, client *mistralobs.Client, dataset, out string) (size int64, err error) {
	options := mistralobs.TransferOptions{OnProgress: func(done, total int64) {
		if total < 0 { // the storage does not say
			showProgress("%d bytes", done)
			return
		}
		showProgress("%d of %d bytes", done, total)
	}}
	if out == "-" {
		return client.Exports.Download(ctx, dataset, os.Stdout, options)
	}
	return client.Exports.Save(ctx, dataset, out, options)
}

// showProgress rewrites one line on a terminal, and is silent in a pipe or a log.
func showProgress(format string, args ...any) {
	if stderr, err := os.Stderr.Stat(); err == nil && stderr.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "%-72s\r", fmt.Sprintf(format, args...)) // what comes next overwrites it
	}
}
