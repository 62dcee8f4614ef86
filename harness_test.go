package mistralobs_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
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

// answer returns a response to req with a body of any kind. length is its Content-Length.
func answer(req *http.Request, status int, header http.Header, body io.Reader, length int64) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: header, Request: req, Body: io.NopCloser(body),
		ContentLength: length, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// failing is a connection that broke.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// stalled is a connection on which nothing arrives any more.
type stalled struct{ ctx context.Context }

func (s stalled) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// kinds are the sentinels that the error of a call may match.
var kinds = map[string]error{
	"bad request": mistralobs.ErrBadRequest, "unauthorized": mistralobs.ErrUnauthorized,
	"forbidden": mistralobs.ErrForbidden,
	"not found": mistralobs.ErrNotFound, "conflict": mistralobs.ErrConflict, "validation": mistralobs.ErrValidation,
	"rate limited": mistralobs.ErrRateLimited, "timeout": mistralobs.ErrTimeout, "server": mistralobs.ErrServer,
	"unexpected": mistralobs.ErrUnexpectedResponse, "too large": mistralobs.ErrResponseTooLarge,
	"maybe applied": mistralobs.ErrMaybeApplied,
	"params":        mistralobs.ErrInvalidParams, "no key": mistralobs.ErrNoAPIKey, "canceled": context.Canceled,
	"deadline": context.DeadlineExceeded,
	"reset":    syscall.ECONNRESET, "refused": syscall.ECONNREFUSED, "EOF": io.EOF, "broken off": io.ErrUnexpectedEOF,
}

// kindsOf returns the names of all kinds that err matches.
func kindsOf(err error) map[string]bool {
	matched := map[string]bool{}
	for name, kind := range kinds {
		if errors.Is(err, kind) {
			matched[name] = true
		}
	}
	return matched
}

// set is what kindsOf returns for an error of these kinds.
func set(names ...string) map[string]bool {
	m := map[string]bool{}
	for _, name := range names {
		m[name] = true
	}
	return m
}

// attemptsOf returns the number of attempts that the error reports.
func attemptsOf(t *testing.T, err error) int {
	t.Helper()
	var unanswered *mistralobs.NetworkError
	if errors.As(err, &unanswered) { // it may hold the response of an earlier attempt
		return unanswered.Attempts
	}
	var answered *mistralobs.Error
	require.ErrorAs(t, err, &answered)
	return answered.Attempts
}

// writeFile writes a file in a folder of the test, and returns its path.
func writeFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
