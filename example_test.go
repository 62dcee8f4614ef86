package mistralobs_test

import (
	"context"
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
		Payload: mistralobs.NewConversation(mistralobs.User("Where is my parcel?"),
			mistralobs.Assistant("On its way.")),
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

// An operation that the SDK has no method for: the service's description has one that lists judges.
func ExampleClient_Do() {
	// Here the response comes from a stub, since the in-memory server does not have the operation
	// either.
	stub := &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
		fmt.Println(req.Method, req.URL.RequestURI(), req.Header.Get("Authorization") != "")
		body := `{"judges":{"results":[{"name":"politeness"}],"count":1}}`
		return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(body)), Request: req}, nil
	})}
	client, err := mistralobs.NewClient(mistralobs.WithAPIKey("your-key"), mistralobs.WithHTTPClient(stub))
	if err != nil {
		log.Fatal(err)
	}
	var out struct {
		Judges mistralobs.Page[struct{ Name string }]
	}
	path := "/v1/observability/judges?page_size=10"
	var response mistralobs.Response
	err = client.Do(context.Background(), "GET", path, nil, &out, mistralobs.WithResponse(&response))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.StatusCode, out.Judges.Items[0].Name)
	// Output:
	// GET /v1/observability/judges?page_size=10 true
	// 200 politeness
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

func ExampleWithMiddleware() {
	server := mistralobstest.NewServer()
	defer server.Close()
	// The wrapper sees every attempt, and what it is for: the place for metrics.
	counting := func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			fmt.Println(mistralobs.OperationName(req.Context()), mistralobs.Attempt(req.Context()))
			return next.RoundTrip(req)
		})
	}
	client, err := mistralobs.NewClient(
		mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey), mistralobs.WithMiddleware(counting),
	)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := client.Datasets.List(context.Background(), mistralobs.ListDatasetsParams{}); err != nil {
		log.Fatal(err)
	}
	// Output: datasets.list 1
}

func ExampleWithLogger() {
	server := mistralobstest.NewServer()
	defer server.Close()
	server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsList, Status: 503})
	// Repeats are logged at level Warn; each attempt, at level Debug.
	short := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == "msg" || a.Key == "status" {
			return a
		}
		return slog.Attr{}
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: short}))
	policy := mistralobs.RetryPolicy{MinWait: time.Millisecond, MaxWait: time.Millisecond}
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

func ExampleFieldError() {
	server := mistralobstest.NewServer()
	defer server.Close()
	server.Inject(mistralobstest.Fault{
		Operation: mistralobstest.DatasetsCreate, Status: 422,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   `{"detail":[{"loc":["body","name"],"msg":"the name is taken","type":"value_error"}]}`,
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
		mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2, MinWait: time.Millisecond,
			MaxWait: time.Millisecond}))
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
