// Export-dataset writes a dataset as JSONL to a file or to standard output.
//
// It resumes the download after a broken connection. A file is replaced only when the export is
// complete.
//
//	go run ./examples/export-dataset -dataset dataset [-out file.jsonl]
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
)

func main() {
	log.SetFlags(0)
	dataset := flag.String("dataset", "", "ID, slug or name of the dataset")
	out := flag.String("out", "", "file to write (default: standard output)")
	flag.Parse()
	// If the context ends, Save removes its temporary file before it returns.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	size, err := export(ctx, *dataset, *out)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("Exported %d bytes.", size)
}

func export(ctx context.Context, name, out string) (int64, error) {
	client, err := mistralobs.NewClient()
	if err != nil {
		return 0, err
	}
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return 0, err
	}
	if out == "" {
		return client.Exports.Download(ctx, dataset.ID, os.Stdout, mistralobs.TransferOptions{})
	}
	return client.Exports.Save(ctx, dataset.ID, out, mistralobs.TransferOptions{})
}
