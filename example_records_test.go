package mistralobs_test

import (
	"context"
	"fmt"
	"log"
	"slices"

	"github.com/mistralobs/mistralobs-go"
)

func ExampleRecordsService_List() {
	client, datasetID, done := exampleClient()
	defer done()
	var page *mistralobs.Page[mistralobs.Record]
	page, err := client.Records.List(context.Background(), datasetID, mistralobs.ListParams{PageSize: 2})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(page.Items), "of", page.Total, page.HasNext())
	sources := map[mistralobs.RecordSource]int{}
	for _, record := range page.Items {
		sources[record.Source]++
	}
	fmt.Println(sources[mistralobs.SourceDirectInput], "made by hand")
	// Output:
	// 2 of 3 true
	// 2 made by hand
}

func ExampleRecordsService_All() {
	client, datasetID, done := exampleClient()
	defer done()
	for record, err := range client.Records.All(context.Background(), datasetID, mistralobs.ListParams{ReadAhead: 2}) {
		if err != nil {
			log.Fatal(err)
		}
		chat, err := record.Payload.Conversation()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(chat.Messages[0].Text())
	}
	// Output:
	// Capital of France?
	// Capital of Italy?
	// Capital of Norway?
}

func ExampleDecodeRecords() {
	client, datasetID, done := exampleClient()
	defer done()
	type properties struct{ Difficulty string }
	records := client.Records.All(context.Background(), datasetID, mistralobs.ListParams{})
	for row, err := range mistralobs.DecodeRecords[mistralobs.Conversation, properties](records) {
		switch {
		case row.Record == nil:
			log.Fatal(err) // the records cannot be read
		case err != nil:
			log.Print(err) // this record has another form
		default:
			fmt.Println(row.Payload.Messages[0].Text(), row.Properties.Difficulty)
		}
	}
	// Output:
	// Capital of France? easy
	// Capital of Italy? easy
	// Capital of Norway? easy
}

func ExampleRecordsService_CreateAll() {
	client, datasetID, done := exampleClient()
	defer done()
	input := mistralobs.NoErrors(slices.Values([]mistralobs.CreateRecordParams{
		{Payload: map[string]string{"sentence": "Bonjour"}},
		{Payload: map[string]string{"sentence": "Hola"}},
	}))
	options := mistralobs.BulkOptions{Concurrency: 2}
	for record, err := range client.Records.CreateAll(context.Background(), datasetID, input, options) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(record.Payload)
	}
	// Output:
	// {"sentence":"Bonjour"}
	// {"sentence":"Hola"}
}

func ExampleBulkOptions() {
	client, datasetID, done := exampleClient()
	defer done()
	input := []mistralobs.CreateRecordParams{
		{Payload: map[string]int{"n": 1}},
		{Payload: "not an object"},
		{Payload: map[string]int{"n": 3}},
	}
	records := mistralobs.NoErrors(slices.Values(input))
	for record, err := range client.Records.CreateAll(context.Background(), datasetID, records, mistralobs.BulkOptions{
		Concurrency: 4,
		OnError: func(index int, _ error) error {
			fmt.Println("skipped:", index)
			return nil
		},
	}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(record.Payload)
	}
	// Output:
	// {"n":1}
	// skipped: 1
	// {"n":3}
}

// Properties are replaced as a whole: read them, change one, write them all.
func ExampleRecordsService_UpdateProperties() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	page, err := client.Records.List(ctx, datasetID, mistralobs.ListParams{PageSize: 1})
	if err != nil {
		log.Fatal(err)
	}
	record := page.Items[0]
	properties, err := record.Properties.Map()
	if err != nil {
		log.Fatal(err)
	}
	properties["expected_output"] = "Paris"
	if err := client.Records.UpdateProperties(ctx, record.ID, properties); err != nil {
		log.Fatal(err)
	}
	changed, err := client.Records.Get(ctx, record.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(changed.Properties)
	// Output: {"difficulty":"easy","expected_output":"Paris"}
}

func ExampleRecordsService_DeleteAll() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	var ids []string
	for record, err := range client.Records.All(ctx, datasetID, mistralobs.ListParams{ReadAhead: 4}) {
		if err != nil {
			log.Fatal(err)
		}
		ids = append(ids, record.ID)
	}
	if err := client.Records.DeleteAll(ctx, ids); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(ids), "deleted")
	// Output: 3 deleted
}

func ExampleRecordsService_Judge() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	page, err := client.Records.List(ctx, datasetID, mistralobs.ListParams{PageSize: 1})
	if err != nil {
		log.Fatal(err)
	}
	verdict, err := client.Records.Judge(ctx, page.Items[0].ID, mistralobs.JudgeDefinition{
		Name: "topic of the chat", ModelName: "mistral-medium-latest", Instructions: "Name the topic.",
		Output: mistralobs.ClassificationOutput(
			mistralobs.JudgeOption{Value: "geography", Description: "countries and their capitals"},
			mistralobs.JudgeOption{Value: "other", Description: "anything else"},
		),
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(verdict.Answer)
	// Output: geography
}

func ExampleRegressionOutput() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	page, err := client.Records.List(ctx, datasetID, mistralobs.ListParams{PageSize: 1})
	if err != nil {
		log.Fatal(err)
	}
	verdict, err := client.Records.Judge(ctx, page.Items[0].ID, mistralobs.JudgeDefinition{
		Name: "helpfulness", ModelName: "mistral-medium-latest", Instructions: "How helpful is the answer?",
		Output: mistralobs.RegressionOutput(mistralobs.RegressionScale{
			Max: 10, MinDescription: "useless", MaxDescription: "nothing is missing",
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	score, err := verdict.Answer.Float64()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(score >= 0 && score <= 10)
	// Output: true
}
