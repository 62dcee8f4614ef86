package mistralobs_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

func ExampleExportsService_Save() {
	client, datasetID, done := exampleClient()
	defer done()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "capitals.jsonl")
	size, err := client.Exports.Save(context.Background(), datasetID, path, mistralobs.TransferOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(size, "bytes")
	// Output: 326 bytes
}

func ExampleExportsService_Records() {
	client, datasetID, done := exampleClient()
	defer done()
	for record, err := range client.Exports.Records(context.Background(), datasetID, mistralobs.TransferOptions{}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(record.Properties)
	}
	// Output:
	// {"difficulty":"easy"}
	// {"difficulty":"easy"}
	// {"difficulty":"easy"}
}

func ExampleExportsService_Open() {
	client, datasetID, done := exampleClient()
	defer done()
	file, err := client.Exports.Open(context.Background(), datasetID, mistralobs.TransferOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	size, err := io.Copy(io.Discard, file) // into any writer: a bucket, a pipe
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(size > 0)
	// Output: true
}

func ExampleFilesService_Upload() {
	client, _, done := exampleClient()
	defer done()
	file, err := client.Files.Upload(context.Background(), mistralobs.UploadParams{
		Name: "march.jsonl", Body: strings.NewReader(`{"messages":[]}`),
		Purpose: mistralobs.PurposeEvaluation, Expiry: 24 * time.Hour,
	}, mistralobs.TransferOptions{OnProgress: func(done, total int64) { fmt.Println(done, "of", total) }})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(file.Filename, file.Purpose)
	// Output:
	// 15 of 15
	// march.jsonl evaluation
}
