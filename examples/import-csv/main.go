// Import-csv makes a dataset equal to a CSV file with the columns "id", "question" and any others.
//
// A question becomes a conversation, and the other columns become properties.
//
//	go run ./examples/import-csv -dataset dataset -file questions.csv
package main

import (
	"context"
	"encoding/csv"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"log"
	"os"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

func main() {
	log.SetFlags(0)
	dataset := flag.String("dataset", "", "ID, slug or name of the dataset")
	path := flag.String("file", "", "CSV file")
	flag.Parse()
	if err := importCSV(context.Background(), *dataset, *path); err != nil {
		log.Fatal(err)
	}
}

func importCSV(ctx context.Context, name, path string) error {
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
	report, err := datasetsync.Sync(ctx, client, dataset.ID, records(file), datasetsync.Options{Key: "id"})
	if report != nil { // also with an error
		_, errPrint := fmt.Println(report)
		err = errors.Join(err, errPrint)
	}
	return err
}

// records yields a record for each row. An error ends the sync before it changes anything.
func records(r io.Reader) iter.Seq2[*mistralobs.JSONLRecord, error] {
	return func(yield func(*mistralobs.JSONLRecord, error) bool) {
		rows := csv.NewReader(r)
		columns, err := rows.Read()
		for err == nil {
			var row []string
			if row, err = rows.Read(); err != nil {
				break
			}
			properties := map[string]string{}
			for i, column := range columns {
				properties[column] = row[i]
			}
			chat := mistralobs.NewConversation(mistralobs.User(properties["question"]))
			delete(properties, "question")
			record, err := mistralobs.NewJSONLRecord(chat, properties)
			if !yield(record, err) || err != nil {
				return
			}
		}
		if err != io.EOF {
			yield(nil, err)
		}
	}
}
