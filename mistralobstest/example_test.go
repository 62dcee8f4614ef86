package mistralobstest_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http/httptest"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// connect creates a client. A test calls server.Client(t) instead.
func connect(server *mistralobstest.Server, opts ...mistralobs.Option) *mistralobs.Client {
	opts = append(opts, mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	client, err := mistralobs.NewClient(opts...)
	if err != nil {
		log.Fatal(err)
	}
	return client
}

func ExampleServer() {
	var options []mistralobstest.Option
	options = append(options, mistralobstest.WithAPIKey("secret"), mistralobstest.WithTaskDuration(0))
	server := mistralobstest.NewServer(options...)
	defer server.Close()
	ticket := mistralobstest.RecordSeed{Payload: []byte(`{"messages":[]}`), Properties: []byte(`{"n":1}`)}
	datasetID, conversationID := server.SeedDataset("Support tickets", ""), server.SeedConversation(ticket)

	ctx := context.Background()
	client := connect(server)
	task, err := client.Imports.FromPlayground(ctx, datasetID, []string{conversationID})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Tasks.Wait(ctx, datasetID, task.ID, mistralobs.WaitOptions{}); err != nil {
		log.Fatal(err)
	}

	var dataset mistralobstest.Dataset = server.Datasets()[0]
	var record mistralobstest.Record = server.Records(dataset.ID)[0]
	var first mistralobstest.Request = server.Requests()[0]
	fmt.Println(string(record.Properties), record.Source)
	fmt.Println(first.Operation, first.Status)
	// Output:
	// {"n":1} PLAYGROUND
	// imports.from_playground 202
}

func ExampleFault() {
	server := mistralobstest.NewServer()
	defer server.Close()
	client := connect(server)
	// The server executes the third call, but its response is lost.
	var lost mistralobstest.Break = mistralobstest.ResetUnanswered
	server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsCreate, Skip: 2, Break: lost})
	for i := range 3 {
		params := mistralobs.CreateDatasetParams{Name: fmt.Sprintf("Dataset %d", i)}
		_, err := client.Datasets.Create(context.Background(), params)
		fmt.Println(errors.Is(err, mistralobs.ErrMaybeApplied))
	}
	fmt.Println(len(server.Datasets()), "datasets")
	// Output:
	// false
	// false
	// true
	// 3 datasets
}

func ExampleWithTaskOutcome() {
	server := mistralobstest.NewServer(
		mistralobstest.WithTaskDuration(0),
		mistralobstest.WithTaskOutcome(func(mistralobstest.TaskInfo) (status, message string) {
			return "FAILED", "disk full"
		}),
		mistralobstest.WithTaskProgress(nil), // tasks then have no progress
	)
	defer server.Close()
	demo := server.SeedDemo()
	client, ctx := connect(server), context.Background()
	task, err := client.Imports.FromPlayground(ctx, demo.DatasetID, demo.ConversationIDs)
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Tasks.Wait(ctx, demo.DatasetID, task.ID, mistralobs.WaitOptions{})
	var failed *mistralobs.TaskError
	fmt.Println(errors.As(err, &failed), *failed.Task.Message)
	// Output: true disk full
}

func ExampleNewUnstartedServer() {
	// The handler works in any HTTP server, here with TLS.
	api := mistralobstest.NewUnstartedServer(
		mistralobstest.WithRequestLog(0),
		mistralobstest.WithLatency(time.Millisecond),
		mistralobstest.WithRateLimit(100, 10),
		mistralobstest.WithoutRetryAfter(),
		mistralobstest.WithExportTTL(time.Minute),
		mistralobstest.WithClock(time.Now),
	)
	defer api.Close()
	server := httptest.NewTLSServer(api.Handler())
	defer server.Close()
	client, err := mistralobs.NewClient(
		mistralobs.WithBaseURL(server.URL),
		mistralobs.WithAPIKey(mistralobstest.DefaultAPIKey),
		mistralobs.WithHTTPClient(server.Client()),
	)
	if err != nil {
		log.Fatal(err)
	}
	page, err := client.Datasets.List(context.Background(), mistralobs.ListDatasetsParams{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(page.Total)
	// Output: 0
}

// Inside synctest.Test, the delays of such a server take no real time.
func ExampleWithInMemoryNetwork() {
	server := mistralobstest.NewServer(mistralobstest.WithInMemoryNetwork())
	defer server.Close()
	var demo mistralobstest.Demo = server.SeedDemo()
	client := connect(server, mistralobs.WithHTTPClient(server.HTTPClient()))
	defer client.CloseIdleConnections()
	dataset, err := client.Datasets.Get(context.Background(), demo.DatasetID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(dataset.Name)
	// Output: Support tickets
}

// A program finds the spans that an evaluator scored low, and imports them.
func ExampleServer_SeedSpan() {
	server := mistralobstest.NewServer(mistralobstest.WithFeedNext())
	defer server.Close()
	var span mistralobs.Span = server.SeedSpan(mistralobs.Span{
		SpanName: "chat", SpanAttributes: map[string]string{"gen_ai.request.model": "mistral-small-latest"},
	})
	server.SeedSpanEvaluation(mistralobs.SpanEvaluation{
		TraceID: span.TraceID, SpanID: span.SpanID, EvaluationName: "helpfulness", ScoreValue: 0.2,
	})
	fmt.Println(span.RequestModel, span.StatusCode)
	// Output: mistral-small-latest Unset
}
