package mistralobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// exampleClient is what the examples talk to: an in-memory server with a
// dataset of three records. A program of yours calls mistralobs.NewClient().
func exampleClient() (client *mistralobs.Client, datasetID string, closeServer func()) {
	server := mistralobstest.NewServer(mistralobstest.WithTaskDuration(0))
	client, err := mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	if err != nil {
		log.Fatal(err)
	}
	dataset, err := client.Datasets.Create(context.Background(), mistralobs.CreateDatasetParams{Name: "Capitals"})
	if err != nil {
		log.Fatal(err)
	}
	for _, country := range []string{"France", "Italy", "Norway"} {
		_, err := client.Records.Create(context.Background(), dataset.ID, mistralobs.CreateRecordParams{
			Payload:    mistralobs.NewConversation(mistralobs.User("Capital of " + country + "?")),
			Properties: map[string]any{"difficulty": "easy"},
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	return client, dataset.ID, server.Close
}

func Example() {
	server := mistralobstest.NewServer() // or the service: leave out both options
	defer server.Close()
	client, err := mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	dataset, err := client.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: "Support tickets"})
	if err != nil {
		log.Fatal(err)
	}
	record, err := client.Records.Create(ctx, dataset.ID, mistralobs.CreateRecordParams{
		Payload:    mistralobs.NewConversation(mistralobs.User("Where is my parcel?"), mistralobs.Assistant("On its way.")),
		Properties: map[string]any{"category": "shipping"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.Source, record.Properties)
	// Output: DIRECT_INPUT {"category":"shipping"}
}

func ExampleNewClient() {
	client, err := mistralobs.NewClient(
		mistralobs.WithAPIKey("your-key"), // default: MISTRAL_API_KEY
		mistralobs.WithTimeout(30*time.Second),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 3}),
		mistralobs.WithRateLimit(5, 1),
		mistralobs.WithUserAgent("evals/1.4"),
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client)
	// Output: mistralobs.Client(https://api.mistral.ai)
}

func ExampleDatasetsService_Update() {
	client, datasetID, done := exampleClient()
	defer done()
	name := "European capitals"
	dataset, err := client.Datasets.Update(context.Background(), datasetID, mistralobs.UpdateDatasetParams{Name: &name})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(dataset.Name)
	// Output: European capitals
}

func ExampleDatasetsService_All() {
	client, _, done := exampleClient()
	defer done()
	for dataset, err := range client.Datasets.All(context.Background(), mistralobs.ListDatasetsParams{Query: "cap"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(dataset.Name)
	}
	// Output: Capitals
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

func ExampleRecordsService_CreateAll() {
	client, datasetID, done := exampleClient()
	defer done()
	params := slices.Values([]mistralobs.CreateRecordParams{
		{Payload: map[string]string{"sentence": "Bonjour"}},
		{Payload: map[string]string{"sentence": "Hola"}},
	})
	for record, err := range client.Records.CreateAll(context.Background(), datasetID, params, mistralobs.BulkOptions{Concurrency: 2}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(record.Payload)
	}
	// Output:
	// {"sentence":"Bonjour"}
	// {"sentence":"Hola"}
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

func ExampleImportsService_FromJSONL() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	file := strings.NewReader(`{"messages":[{"role":"user","content":"Capital of Peru?"}],"properties":{"difficulty":"hard"}}
{"payload":{"sentence":"Hola"},"properties":{}}
`)
	tasks, err := client.Imports.FromJSONL(ctx, datasetID, file, mistralobs.JSONLImportOptions{})
	if err != nil {
		log.Fatal(err)
	}
	ended, err := client.Tasks.WaitAll(ctx, tasks, mistralobs.WaitOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ended[0].Status)
	// Output: COMPLETED
}

func ExampleTasksService_Wait() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	task, err := client.Imports.FromFile(ctx, datasetID, "no-such-file")
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Tasks.Wait(ctx, datasetID, task.ID, mistralobs.WaitOptions{OnUpdate: func(task *mistralobs.ImportTask) {
		fmt.Println(task.Status)
	}})
	var failed *mistralobs.TaskError
	if errors.As(err, &failed) {
		fmt.Println("because:", *failed.Task.Message)
	}
	// Output:
	// FAILED
	// because: file no-such-file not found
}

func ExampleExportsService_Save() {
	client, datasetID, done := exampleClient()
	defer done()
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	size, err := client.Exports.Save(context.Background(), datasetID, filepath.Join(folder, "capitals.jsonl"), mistralobs.TransferOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(size, "bytes")
	// Output: 326 bytes
}

func ExampleExportsService_Records() {
	client, datasetID, done := exampleClient()
	defer done()
	for record, err := range client.Exports.Records(context.Background(), datasetID) {
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

func ExampleFilesService_Upload() {
	client, _, done := exampleClient()
	defer done()
	file, err := client.Files.Upload(context.Background(), mistralobs.UploadParams{
		Name: "march.jsonl", Body: strings.NewReader(`{"messages":[]}`), Purpose: mistralobs.PurposeEvaluation, Expiry: 24 * time.Hour,
	}, mistralobs.TransferOptions{OnProgress: func(done, total int64) { fmt.Println(done, "of", total) }})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(file.Filename, file.Purpose)
	// Output:
	// 15 of 15
	// march.jsonl evaluation
}

func ExampleError() {
	client, _, done := exampleClient()
	defer done()
	_, err := client.Datasets.Get(context.Background(), "3f1d3f57-5a6c-4a4b-9c59-0d6d1a2b3c4d")
	if errors.Is(err, mistralobs.ErrNotFound) {
		fmt.Println("there is no such dataset")
	}
	var answer *mistralobs.Error
	if errors.As(err, &answer) {
		fmt.Println(answer.StatusCode, answer.Code)
	}
	// Output:
	// there is no such dataset
	// 404 DATASET_NOT_FOUND
}

func ExampleObject_Decode() {
	object := mistralobs.Object(`{"trace_id": 9007199254740993, "difficulty": "hard"}`)
	var properties struct {
		TraceID    int64  `json:"trace_id"`
		Difficulty string `json:"difficulty"`
	}
	if err := object.Decode(&properties); err != nil {
		log.Fatal(err)
	}
	fmt.Println(properties.TraceID, properties.Difficulty)
	// Output: 9007199254740993 hard
}

func ExampleReadJSONL() {
	file := strings.NewReader("{\"payload\":{\"a\":1}}\n\nnot a record\n")
	for record, err := range mistralobs.ReadJSONL(file) {
		var bad *mistralobs.LineError
		if errors.As(err, &bad) {
			fmt.Println("line", bad.Line, "is bad")
			break
		}
		fmt.Println(record.Payload)
	}
	// Output:
	// {"a":1}
	// line 3 is bad
}

func ExampleJSONLWriter() {
	var file bytes.Buffer
	w := mistralobs.NewJSONLWriter(&file)
	chat := mistralobs.NewConversation(mistralobs.User("2 < 3?"), mistralobs.Assistant("Yes."))
	if err := w.Write(chat, map[string]string{"category": "math"}); err != nil {
		log.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Print(file.String())
	// Output: {"payload":{"messages":[{"role":"user","content":"2 < 3?"},{"role":"assistant","content":"Yes."}]},"properties":{"category":"math"}}
}
