package mistralobs_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// roundTripperFunc is an http.RoundTripper.
type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// tagging returns a middleware that adds its name to the header "Seen" of each request.
func tagging(name string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			req = req.Clone(req.Context())
			req.Header.Add("Seen", name)
			return next.RoundTrip(req)
		})
	}
}

func TestMiddlewaresNestInTheOrderGiven(t *testing.T) {
	t.Parallel()
	var seen []string
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(http.MethodGet, baseURL+"/v1/models", func(req *http.Request) (*http.Response, error) {
		seen = req.Header.Values("Seen")
		return httpmock.NewStringResponse(http.StatusOK, "{}"), nil
	})
	client := clientOver(t, mock, mistralobs.WithMiddleware(tagging("a")), mistralobs.WithMiddleware(tagging("b")))
	first, err := client.With(mistralobs.WithMiddleware(tagging("c")))
	require.NoError(t, err)
	second, err := client.With(mistralobs.WithMiddleware(tagging("d")))
	require.NoError(t, err)
	for _, test := range []struct {
		client *mistralobs.Client
		want   []string // the outermost first
	}{
		{client, []string{"a", "b"}}, {first, []string{"a", "b", "c"}}, {second, []string{"a", "b", "d"}},
	} {
		require.NoError(t, test.client.Do(t.Context(), http.MethodGet, "/v1/models", nil, nil))
		assert.Equal(t, test.want, seen)
	}
}

// A middleware sees every attempt and the download of an export, and learns what they are for.
func TestMiddlewareSeesAttemptsAndDownloads(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	defer server.Close()
	dataset := server.SeedDataset("Test data", "")
	server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsGet, Status: http.StatusBadGateway})
	var seen []string
	client := server.Client(t, mistralobs.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			seen = append(seen, fmt.Sprint(mistralobs.OperationName(req.Context()), mistralobs.Attempt(req.Context())))
			return next.RoundTrip(req)
		})
	}))
	_, err := client.Datasets.Get(t.Context(), dataset,
		mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: time.Nanosecond}))
	require.NoError(t, err)
	_, err = client.Exports.Download(t.Context(), dataset, io.Discard, mistralobs.TransferOptions{})
	require.NoError(t, err)
	assert.Equal(t, []string{"datasets.get1", "datasets.get2", "exports.to_jsonl1", "exports.download1"}, seen)
}

func TestMiddlewareThatReturnsNothing(t *testing.T) {
	t.Parallel()
	nothing := func(http.RoundTripper) http.RoundTripper { return nil }
	_, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithMiddleware(nothing))
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	require.ErrorContains(t, err, "WithMiddleware: the function returned nil")
}

func TestDebugWriterShowsRequestsAndResponses(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(http.MethodPost, baseURL+"/v1/chats", func(req *http.Request) (*http.Response, error) {
		_, err := io.Copy(io.Discard, req.Body)
		resp := httpmock.NewStringResponse(http.StatusCreated,
			`{"key":"`+secretKey+`","url":"https://blob.example/f?sig=SIGNATURE","esc":"`+"\x1b[2J"+`"}`)
		resp.Header.Set("Set-Cookie", "session=COOKIE")
		resp.Header.Set("Location", "/f?sig=SIGNATURE")
		resp.Header.Set("X-Request-Id", "r-1")
		return resp, err
	})
	var text bytes.Buffer
	client := clientOver(t, mock, mistralobs.WithAPIKey(secretKey), mistralobs.WithDebugWriter(&text),
		mistralobs.WithMiddleware(tagging("inside")))
	require.NoError(t,
		client.Do(t.Context(), http.MethodPost, "/v1/chats?page=2", map[string]string{"q": "Where?"}, nil))
	for _, shown := range []string{
		"> #1 client.do, attempt 1: POST /v1/chats?page=2\nHost: api.example.com\n", "Authorization: [hidden]",
		"Seen: inside",
		`{"q":"Where?"}`, " 201 Created\n", "X-Request-Id: r-1", `"key":"[API key]"`, `https://blob.example/f?…`,
		"Location: /f\n",
	} {
		assert.Contains(t, text.String(), shown)
	}
	for _, hidden := range []string{secretKey, "SIGNATURE", "COOKIE", "\x1b"} {
		assert.NotContains(t, text.String(), hidden)
	}
}

// A key is hidden in all the forms that servers echo. It is replaced once, even if the replacement
// contains it.
func TestDebugWriterHidesTheKeyInAllForms(t *testing.T) {
	t.Parallel()
	for key, forms := range map[string]string{
		`sk-"quo\ted"`: `"sk-\"quo\\ted\"" sk-%22quo%5Cted%22`,
		"API":          "API",
	} {
		var text bytes.Buffer
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			return reply(req, 400, forms), nil
		}), mistralobs.WithAPIKey(key), mistralobs.WithDebugWriter(&text))
		_, err := client.Datasets.Get(t.Context(), datasetID)
		require.Error(t, err)
		_, end, _ := strings.Cut(text.String(), "< #1")
		assert.Equal(t, strings.Count(forms, "sk-")+strings.Count(forms, "API"), strings.Count(end, "[API key]"), end)
		assert.NotContains(t, end, "ted")
		assert.NotContains(t, end, "[[")
	}
}

func TestDebugWriterCutsBodies(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", 100)
	body := strings.Repeat("x", 4<<10-50) + key + strings.Repeat("y", 8<<10)
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder(http.MethodGet, baseURL+"/v1/x", httpmock.NewStringResponder(http.StatusOK, body))
	mock.RegisterResponder(http.MethodGet, baseURL+"/v1/error", httpmock.NewErrorResponder(io.ErrUnexpectedEOF))
	var text bytes.Buffer
	client := clientOver(t, mock, mistralobs.WithAPIKey(key), mistralobs.WithDebugWriter(&text),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, client.Do(t.Context(), http.MethodGet, "/v1/x", nil, new([]byte)))
	assert.NotContains(t, text.String(), "kkk", "a key that the cut would have split")
	assert.Less(t, text.Len(), 5<<10)
	assert.Contains(t, text.String(), fmt.Sprintf("(%d bytes in all)", len(body)))
	require.Error(t, client.Do(t.Context(), http.MethodGet, "/v1/error", nil, nil))
	assert.Contains(t, text.String(), ": error: unexpected EOF")
}

// The start of a stream is shown, and the stream arrives whole and at once.
func TestDebugWriterDoesNotBufferStreams(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	defer server.Close()
	dataset := server.SeedDataset("Test data", "")
	var mu sync.Mutex
	var text bytes.Buffer
	client := server.Client(t, mistralobs.WithDebugWriter(writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return text.Write(p)
	})))
	content := strings.NewReader(strings.Repeat(`{"payload":{"n":1}}`+"\n", 1000))
	params := mistralobs.UploadParams{Name: "data.jsonl", Body: content}
	file, err := client.Files.Upload(t.Context(), params, mistralobs.TransferOptions{})
	require.NoError(t, err)
	assert.Equal(t, content.Size(), *file.Bytes)
	_, err = client.Exports.Download(t.Context(), dataset, io.Discard, mistralobs.TransferOptions{})
	require.NoError(t, err)
	mu.Lock()
	defer mu.Unlock()
	assert.Contains(t, text.String(), "Content-Type: multipart/form-data; boundary=")
	assert.Contains(t, text.String(), `filename="data.jsonl"`)
	assert.Contains(t, text.String(), "exports.download, attempt 1: GET /")
	assert.NotContains(t, text.String(), "sig=")
	assert.NotContains(t, text.String(), server.APIKey)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
