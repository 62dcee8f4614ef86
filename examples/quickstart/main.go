// Quickstart creates a dataset, imports fifty conversations, edits a record, and exports the
// dataset. At the end, also after Ctrl-C, it deletes the dataset.
//
// Without an API key it uses an in-memory server that it starts itself.
//
//	go run ./examples/quickstart
package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

//go:embed conversations.jsonl
var conversations string

func main() {
	log.SetFlags(0)
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context) (err error) {
	client, err := mistralobs.NewClient()
	if errors.Is(err, mistralobs.ErrNoAPIKey) {
		fmt.Println("There is no API key: using an in-memory server.")
		server := mistralobstest.NewServer()
		defer server.Close()
		client, err = mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	}
	if err != nil {
		return err
	}
	dataset, err := client.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: "Quickstart"})
	if err != nil {
		return err
	}
	defer func() { // ctx may have ended
		err = errors.Join(err, client.Datasets.Delete(context.WithoutCancel(ctx), dataset.ID))
	}()
	file := strings.NewReader(conversations)
	imported, err := client.Imports.FromJSONL(ctx, dataset.ID, file, mistralobs.JSONLImportOptions{})
	if err != nil {
		return err
	}
	fmt.Printf("Imported %d records into dataset %s.\n", imported.Records, dataset.ID)
	page, err := client.Records.List(ctx, dataset.ID, mistralobs.ListParams{PageSize: 1})
	if err != nil {
		return err
	}
	record, err := client.Records.Edit(ctx, page.Items[0].ID, func(r *mistralobs.Record) (err error) {
		r.Properties, err = r.Properties.Set("reviewed", true)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("Edited record %s.\n", record.ID)
	size, err := client.Exports.Download(ctx, dataset.ID, io.Discard, mistralobs.TransferOptions{})
	if err != nil {
		return err
	}
	_, err = fmt.Printf("Exported %d bytes of JSONL.\n", size)
	return err
}
