package datasetsync_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"log"
	"strings"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// exampleDataset returns a client of an in-memory server, and the ID of a dataset with three
// records.
func exampleDataset() (client *mistralobs.Client, datasetID string, done func()) {
	server := mistralobstest.NewServer()
	record := func(id, question string) mistralobstest.RecordSeed {
		return mistralobstest.RecordSeed{
			Payload: []byte(fmt.Sprintf(`{"question":%q}`, question)), Properties: []byte(fmt.Sprintf(`{"id":%q}`, id)),
		}
	}
	datasetID = server.SeedDataset("Capitals", "",
		record("fr", "Capital of France?"), record("pt", "Capital of Portugal?"), record("xx", "Capital of Atlantis?"))
	client, err := mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	if err != nil {
		log.Fatal(err)
	}
	return client, datasetID, func() { client.CloseIdleConnections(); server.Close() }
}

const exampleFile = `{"payload":{"question":"Capital of France?"},"properties":{"id":"fr"}}
{"payload":{"question":"What is the capital of Portugal?"},"properties":{"id":"pt"}}
{"payload":{"question":"Capital of Malta?"},"properties":{"id":"mt"}}
`

// The records of a dataset are kept in a file under version control. Sync makes the dataset equal
// to the file.
func ExampleSync() {
	client, datasetID, done := exampleDataset()
	defer done()
	options := datasetsync.Options{Key: "id", Delete: true, MaxDeletes: 10}
	for range 2 { // the second time there is nothing to do
		want := mistralobs.ReadJSONL(strings.NewReader(exampleFile))
		report, err := datasetsync.Sync(context.Background(), client, datasetID, want, options)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d created, %d updated, %d deleted, %d equal\n",
			report.Created, report.Updated, report.Deleted, report.Equal)
	}
	// Output:
	// 1 created, 1 updated, 1 deleted, 1 equal
	// 0 created, 0 updated, 0 deleted, 3 equal
}

// A plan is printed, saved for review, and applied later.
func ExampleDiff() {
	client, datasetID, done := exampleDataset()
	defer done()
	ctx := context.Background()
	want := mistralobs.ReadJSONL(strings.NewReader(exampleFile))
	plan, err := datasetsync.Diff(ctx, client, datasetID, want, datasetsync.Options{Key: "id", Delete: true})
	if err != nil {
		log.Fatal(err)
	}
	defer plan.Close()
	_, changes, _ := strings.Cut(plan.String(), "\n")
	fmt.Println(changes)

	var stored strings.Builder
	if _, err := plan.WriteTo(&stored); err != nil {
		log.Fatal(err)
	}
	reviewed, err := datasetsync.ReadPlan(strings.NewReader(stored.String()))
	if err != nil {
		log.Fatal(err)
	}
	defer reviewed.Close()
	report, err := reviewed.Apply(ctx, client, datasetsync.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, result := range report.Results {
		fmt.Println(result.Action, result.Key, result.Outcome)
	}
	// Output:
	// + "mt"
	// ~ "pt"
	//     payload.question: "Capital of Portugal?" -> "What is the capital of Portugal?"
	// - "xx"
	// create mt done
	// update pt done
	// delete xx done
}

// A program syncs what it has, here the rows of a CSV file.
func ExampleSync_csv() {
	client, datasetID, done := exampleDataset()
	defer done()
	rows := csv.NewReader(strings.NewReader("fr,Capital of France?\nmt,Capital of Malta?\n"))
	want := func(yield func(*mistralobs.JSONLRecord, error) bool) {
		for {
			row, err := rows.Read()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			payload, properties := map[string]string{"question": row[1]}, map[string]string{"id": row[0]}
			if !yield(mistralobs.NewJSONLRecord(payload, properties)) {
				return
			}
		}
	}
	options := datasetsync.Options{Key: "id", Delete: true}
	report, err := datasetsync.Sync(context.Background(), client, datasetID, want, options)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%d created, %d updated, %d deleted, %d equal\n",
		report.Created, report.Updated, report.Deleted, report.Equal)
	// Output: 1 created, 0 updated, 2 deleted, 1 equal
}
