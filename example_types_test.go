package mistralobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func ExampleClient_With() {
	client, _, done := exampleClient()
	defer done()
	// The same connections, another timeout.
	patient, err := client.With(mistralobs.WithTimeout(5*time.Minute), mistralobs.WithUserAgent("nightly/1.0"))
	if err != nil {
		log.Fatal(err)
	}
	page, err := patient.Datasets.List(context.Background(), mistralobs.ListDatasetsParams{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(page.Total)
	// Output: 1
}

func ExampleOption() {
	options := []mistralobs.Option{
		mistralobs.WithAPIKey("your-key"),
		mistralobs.WithBaseURL("http://gateway.internal"), mistralobs.WithInsecureHTTP(),
		mistralobs.WithTimeout(time.Minute), mistralobs.WithMaxResponseBytes(8 << 20),
		mistralobs.WithHeader("X-Team", "evals"),
	}
	client, err := mistralobs.NewClient(options...)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client)
	// All options are checked, before anything is sent.
	_, err = mistralobs.NewClient(append(options, mistralobs.WithTimeout(-1))...)
	fmt.Println(err)
	// Output:
	// mistralobs.Client(http://gateway.internal)
	// mistralobs: WithTimeout: the timeout must be positive, got -1ns
}

func ExampleWithAPIKeySource() {
	keyFile := filepath.Join(os.TempDir(), "key-that-rotates")
	client, err := mistralobs.NewClient(mistralobs.WithAPIKeySource(func(context.Context) (string, error) {
		key, err := os.ReadFile(keyFile)
		return string(key), err
	}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(client)
	// Output: mistralobs.Client(https://api.mistral.ai)
}

// roundTripper is a transport that is a function.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func ExampleWithHTTPClient() {
	server := mistralobstest.NewServer()
	defer server.Close()
	// The transport sees every attempt, and what it is for: the place for metrics.
	counting := &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		fmt.Println(mistralobs.OperationName(req.Context()))
		return http.DefaultTransport.RoundTrip(req)
	})}
	client, err := mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey), mistralobs.WithHTTPClient(counting))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Datasets.List(context.Background(), mistralobs.ListDatasetsParams{}); err != nil {
		log.Fatal(err)
	}
	// Output: datasets.list
}

func ExampleWithLogger() {
	server := mistralobstest.NewServer()
	defer server.Close()
	server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsList, Status: 503})
	// Repeats are logged at level Warn; each attempt, at level Debug.
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "msg" || a.Key == "status" {
			return a
		}
		return slog.Attr{}
	}}))
	policy := mistralobs.DefaultRetryPolicy()
	policy.MinWait, policy.MaxWait = time.Millisecond, time.Millisecond
	client, err := mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey),
		mistralobs.WithLogger(logger), mistralobs.WithRetry(policy))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Datasets.List(context.Background(), mistralobs.ListDatasetsParams{}); err != nil {
		log.Fatal(err)
	}
	// Output: msg="mistralobs: request failed, trying again" status=503
}

func ExampleDatasetsService_Find() {
	client, _, done := exampleClient()
	defer done()
	var dataset *mistralobs.Dataset
	dataset, err := client.Datasets.Find(context.Background(), "Capitals") // or its id
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(dataset.Name)
	_, err = client.Datasets.Find(context.Background(), "Rivers")
	fmt.Println(errors.Is(err, mistralobs.ErrNotFound))
	// Output:
	// Capitals
	// true
}

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

func ExampleTasksService_WaitAll() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	tasks, err := client.Imports.FromJSONL(ctx, datasetID, strings.NewReader(`{"messages":[{"role":"user","content":"Hello"}]}`), mistralobs.JSONLImportOptions{})
	if err != nil {
		log.Fatal(err)
	}
	var last mistralobs.TaskStatus
	options := mistralobs.WaitOptions{
		MinPoll: 100 * time.Millisecond, MaxPoll: 10 * time.Second,
		OnUpdate: func(task *mistralobs.ImportTask) { last = task.Status },
	}
	if _, err := client.Tasks.WaitAll(ctx, tasks, options); err != nil {
		var failed *mistralobs.TaskError
		if errors.As(err, &failed) && failed.Task.Status == mistralobs.StatusFailed {
			log.Fatal("the import failed: ", failed)
		}
		log.Fatal(err)
	}
	fmt.Println(last, last.Done(), last.Succeeded())
	// Output: COMPLETED true true
}

func ExampleExportsService_Open() {
	client, datasetID, done := exampleClient()
	defer done()
	file, err := client.Exports.Open(context.Background(), datasetID)
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

func ExampleExportsService_ToJSONL() {
	client, datasetID, done := exampleClient()
	defer done()
	export, err := client.Exports.ToJSONL(context.Background(), datasetID)
	if err != nil {
		log.Fatal(err)
	}
	var link mistralobs.Export = *export
	fmt.Println(strings.Contains(link.FileURL, "?"), strings.Contains(fmt.Sprint(link), "?")) // printing hides what signs it
	// Output: true false
}

func ExampleTransferOptions() {
	client, datasetID, done := exampleClient()
	defer done()
	options := mistralobs.TransferOptions{OnProgress: func(done, total int64) {
		if done == total {
			fmt.Println("complete")
		}
	}}
	if _, err := client.Exports.Download(context.Background(), datasetID, io.Discard, options); err != nil {
		log.Fatal(err)
	}
	// Output: complete
}

func ExampleFilesService_Get() {
	client, _, done := exampleClient()
	defer done()
	ctx := context.Background()
	file, err := client.Files.Upload(ctx, mistralobs.UploadParams{
		Name: "tickets.jsonl", Body: strings.NewReader("{}"), Expiry: 48 * time.Hour,
		Purpose:    mistralobs.FilePurpose("evaluation"), // any text: the service's list may grow
		Visibility: mistralobs.FileVisibility("user"),
	}, mistralobs.TransferOptions{})
	if err != nil {
		log.Fatal(err)
	}
	file, err = client.Files.Get(ctx, file.ID)
	if err != nil {
		log.Fatal(err)
	}
	var kept time.Duration = file.ExpiresAt.Sub(file.CreatedAt)
	fmt.Println(*file.Bytes, kept.Round(time.Hour))
	// Output: 2 48h0m0s
}

func ExampleNewConversation() {
	var chat mistralobs.Conversation = mistralobs.NewConversation(
		mistralobs.System("Answer in one word."),
		mistralobs.User("Capital of France?"),
		mistralobs.Assistant("Paris."),
	)
	turns := map[mistralobs.Role]int{}
	for _, message := range chat.Messages {
		turns[message.Role]++
	}
	fmt.Println(turns[mistralobs.RoleUser], chat.Messages[2].Text())
	// Output: 1 Paris.
}

func ExampleChunkContent() {
	image := mistralobs.Chunk{Type: "image_url", Extra: map[string]json.RawMessage{"image_url": json.RawMessage(`"https://example.com/box.png"`)}}
	content, err := mistralobs.ChunkContent(mistralobs.Chunk{Type: "text", Text: "What is in the box?"}, image)
	if err != nil {
		log.Fatal(err)
	}
	message := mistralobs.Message{Role: mistralobs.RoleUser, Content: content}
	fmt.Println(message.Text())
	var plain mistralobs.Content = mistralobs.TextContent("A cat.")
	chunks, err := plain.Chunks()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(chunks[0].Text)
	// Output:
	// What is in the box?
	// A cat.
}

func ExampleToolCall() {
	call := mistralobs.ToolCall{ID: "call-1", Type: "function", Function: mistralobs.FunctionCall{Name: "track", Arguments: json.RawMessage(`"{\"parcel\":42}"`)}}
	var arguments struct{ Parcel int }
	if err := call.Function.DecodeArguments(&arguments); err != nil {
		log.Fatal(err)
	}
	chat := mistralobs.NewConversation(
		mistralobs.User("Where is parcel 42?"),
		mistralobs.Message{Role: mistralobs.RoleAssistant, ToolCalls: []mistralobs.ToolCall{call}},
		mistralobs.Tool(call.ID, `{"place":"Lyon"}`),
	)
	fmt.Println(arguments.Parcel, len(chat.Messages))
	// Output: 42 3
}

func ExampleNewObject() {
	object, err := mistralobs.NewObject(map[string]any{"category": "shipping", "order": int64(9007199254740993)})
	if err != nil {
		log.Fatal(err)
	}
	properties, err := object.Map() // numbers are json.Number: nothing is rounded
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(object, properties["order"])
	_, err = mistralobs.NewObject([]int{1})
	fmt.Println(err)
	// Output:
	// {"category":"shipping","order":9007199254740993} 9007199254740993
	// mistralobs: object: it must be a JSON object, got an array
}

func ExampleClassificationOutput() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	page, err := client.Records.List(ctx, datasetID, mistralobs.ListParams{})
	if err != nil {
		log.Fatal(err)
	}
	judge := mistralobs.JudgeDefinition{
		Name: "Difficulty", ModelName: "mistral-medium-latest", Instructions: "How hard is the question?",
		Output: mistralobs.ClassificationOutput(mistralobs.JudgeOption{Value: "easy"}, mistralobs.JudgeOption{Value: "hard"}),
	}
	verdict, err := client.Records.Judge(ctx, page.Items[0].ID, judge)
	if err != nil {
		log.Fatal(err)
	}
	var answer mistralobs.Answer = verdict.Answer
	fmt.Println(answer)
	// Output: easy
}

func ExampleRegressionOutput() {
	var output mistralobs.JudgeOutput = mistralobs.RegressionOutput(0, "useless", 10, "just right")
	fmt.Println(output.Type == mistralobs.OutputRegression, output.Max)
	var kind mistralobs.JudgeOutputType = output.Type
	var verdict mistralobs.Judgement
	if err := json.Unmarshal([]byte(`{"analysis":"Short and true.","answer":9.5}`), &verdict); err != nil {
		log.Fatal(err)
	}
	score, err := verdict.Answer.Float64()
	fmt.Println(kind, score, err)
	// Output:
	// true 10
	// REGRESSION 9.5 <nil>
}

func ExampleFieldError() {
	server := mistralobstest.NewServer()
	defer server.Close()
	server.Inject(mistralobstest.Fault{
		Operation: mistralobstest.DatasetsCreate, Status: 422, Header: http.Header{"Content-Type": {"application/json"}},
		Body: `{"detail":[{"loc":["body","name"],"msg":"the name is taken","type":"value_error"}]}`,
	})
	client, err := mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Datasets.Create(context.Background(), mistralobs.CreateDatasetParams{Name: "Capitals"})
	var answer *mistralobs.Error
	if errors.As(err, &answer) {
		var complaint mistralobs.FieldError = answer.Fields[0]
		fmt.Println(complaint.Field, "|", complaint.Message)
		if answer.Code == mistralobs.ErrorCode("FEATURE_NOT_SUPPORTED") {
			fmt.Println("not any more")
		}
	}
	// Output: body.name | the name is taken
}

func ExampleNetworkError() {
	server := mistralobstest.NewServer()
	server.Close() // nobody is there
	client, err := mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2, MinWait: time.Millisecond, MaxWait: time.Millisecond}))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Datasets.Create(context.Background(), mistralobs.CreateDatasetParams{Name: "Capitals"})
	var network *mistralobs.NetworkError
	fmt.Println(errors.As(err, &network), network.Attempts)
	fmt.Println("may be there:", errors.Is(err, mistralobs.ErrMaybeApplied))
	// Output:
	// true 2
	// may be there: false
}

func ExampleLineError() {
	client, datasetID, done := exampleClient()
	defer done()
	file := "{\"payload\":{\"a\":1}}\n{\"payload\":[]}\n{\"payload\":{\"a\":2}}\n"
	tasks, err := client.Imports.FromJSONL(context.Background(), datasetID, strings.NewReader(file), mistralobs.JSONLImportOptions{
		OnError: func(bad *mistralobs.LineError) error { // nil leaves the line out
			fmt.Println("left out: line", bad.Line)
			return nil
		},
	})
	fmt.Println(len(tasks), err)
	// Output:
	// left out: line 2
	// 1 <nil>
}

func ExampleBulkOptions() {
	client, datasetID, done := exampleClient()
	defer done()
	input := []mistralobs.CreateRecordParams{{Payload: map[string]int{"n": 1}}, {Payload: "no object"}, {Payload: map[string]int{"n": 3}}}
	records := func(yield func(mistralobs.CreateRecordParams) bool) {
		for _, params := range input {
			if !yield(params) {
				return
			}
		}
	}
	for record, err := range client.Records.CreateAll(context.Background(), datasetID, records, mistralobs.BulkOptions{
		Concurrency: 4,
		OnError: func(index int, _ mistralobs.CreateRecordParams, _ error) error {
			fmt.Println("left out:", index)
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
	// left out: 1
	// {"n":3}
}

func ExampleJSONLRecord() {
	// An export of one dataset, rewritten for another tool.
	client, datasetID, done := exampleClient()
	defer done()
	var out bytes.Buffer
	var w *mistralobs.JSONLWriter = mistralobs.NewJSONLWriter(&out)
	for record, err := range client.Exports.Records(context.Background(), datasetID) {
		if err != nil {
			log.Fatal(err)
		}
		var line mistralobs.JSONLRecord = *record
		if err := w.Write(line.Payload, nil); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Count(out.String(), "\n"))
	// Output: 3
}
