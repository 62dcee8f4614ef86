// Quickstart creates a dataset, imports fifty conversations, edits a record, exports the dataset,
// and compares the export with the input. At the end it deletes the dataset.
//
// Without an API key it uses an in-memory server that it starts itself.
//
//	go run ./examples/quickstart
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log"
	"maps"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

//go:embed conversations.jsonl
var conversations []byte

func main() {
	log.SetFlags(0)
	// These signals end the context, and the dataset is deleted. SIGPIPE comes if nobody reads the
	// output.
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	client, err := mistralobs.NewClient()
	if errors.Is(err, mistralobs.ErrNoAPIKey) {
		fmt.Println("There is no API key: using an in-memory server in this process.")
		server := mistralobstest.NewServer()
		client, err = mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	}
	if err == nil {
		err = run(ctx, client)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, client *mistralobs.Client) (err error) {
	name := "Quickstart " + time.Now().Format(time.DateTime)
	dataset, err := client.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: name})
	if err != nil {
		return err
	}
	fmt.Printf("Created dataset %q (%s).\n", dataset.Name, dataset.ID)
	defer func() {
		err = errors.Join(err, client.Datasets.Delete(context.WithoutCancel(ctx), dataset.ID))
	}()
	file := bytes.NewReader(conversations)
	imported, err := client.Imports.FromJSONL(ctx, dataset.ID, file, mistralobs.JSONLImportOptions{})
	if err != nil {
		return err
	}
	fmt.Printf("Imported %d records.\n", imported.Records)
	page, err := client.Records.List(ctx, dataset.ID, mistralobs.ListParams{PageSize: 1})
	if err != nil {
		return err
	}
	record, err := client.Records.Edit(ctx, page.Items[0].ID, func(record *mistralobs.Record) (err error) {
		record.Properties, err = record.Properties.Set("reviewed_by", "quickstart")
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("Edited the properties of record %s.\n", record.ID)
	input, err := payloads(mistralobs.ReadJSONL(bytes.NewReader(conversations)))
	if err != nil {
		return err
	}
	exported, err := payloads(client.Exports.Records(ctx, dataset.ID, mistralobs.TransferOptions{}))
	if err != nil {
		return err
	}
	if !maps.Equal(input, exported) {
		return errors.New("the payloads of the export differ from those of the input")
	}
	_, err = fmt.Println("Exported the dataset: all payloads are those of the input.")
	return err
}

// payloads counts equal payloads.
func payloads(records iter.Seq2[*mistralobs.JSONLRecord, error]) (map[string]int, error) {
	counts := map[string]int{}
	for record, err := range records {
		if err != nil {
			return nil, err
		}
		payload, err := record.Payload.Map()
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(payload) // sorts the names
		if err != nil {
			return nil, err
		}
		counts[string(text)]++
	}
	return counts, nil
}
