package mistralobs_test

import (
	"iter"
	"net/http"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/optest"
)

const (
	baseURL   = "https://api.example.com"
	datasetID = optest.DatasetID
	recordID  = optest.RecordID
	taskID    = optest.TaskID
	fileID    = optest.FileID
	traceID   = optest.TraceID
	spanID    = optest.SpanID

	datasetJSON = optest.DatasetJSON
	recordJSON  = optest.RecordJSON
	taskJSON    = optest.TaskJSON
	fileJSON    = optest.FileJSON
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newMockClient returns a client that sends each request once, to the mock.
func newMockClient(t *testing.T, mock *httpmock.MockTransport, opts ...mistralobs.Option) *mistralobs.Client {
	t.Helper()
	once := mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1})
	return clientOver(t, mock, append([]mistralobs.Option{once}, opts...)...)
}

// clientOver returns a client whose requests all go to transport.
func clientOver(t testing.TB, transport http.RoundTripper, opts ...mistralobs.Option) *mistralobs.Client {
	t.Helper()
	opts = append([]mistralobs.Option{
		mistralobs.WithAPIKey("secret-key"), mistralobs.WithBaseURL(baseURL),
		mistralobs.WithHTTPClient(&http.Client{Transport: transport}),
	}, opts...)
	client, err := mistralobs.NewClient(opts...)
	require.NoError(t, err)
	return client
}

// reply returns a response to req. headers are names and values in turn.
func reply(req *http.Request, status int, body string, headers ...string) *http.Response {
	header := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	return answer(req, status, header, strings.NewReader(body), int64(len(body)))
}

// count returns the number of items in a sequence, or its error.
func count[T any](items iter.Seq2[T, error]) (n int, err error) {
	for _, err := range items {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func ptr[T any](v T) *T { return &v }
