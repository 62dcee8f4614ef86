package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/mistralobs/mistralobs-go/internal/transport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mocked returns a client that reaches only the mock, and tries once.
func mocked(t *testing.T, mock http.RoundTripper) *Client {
	t.Helper()
	client, err := NewClient(
		WithAPIKey("secret-key"), WithBaseURL("https://api.example.com"),
		WithHTTPClient(&http.Client{Transport: mock}), WithRetry(RetryPolicy{MaxAttempts: 1}),
	)
	require.NoError(t, err)
	return client
}

var sentinels = map[string]error{
	"bad request": ErrBadRequest, "unauthorized": ErrUnauthorized, "forbidden": ErrForbidden, "not found": ErrNotFound, "conflict": ErrConflict,
	"validation": ErrValidation, "rate limited": ErrRateLimited, "timeout": ErrTimeout, "server": ErrServer, "params": ErrInvalidParams, "no key": ErrNoAPIKey,
	"maybe applied": ErrMaybeApplied, "unexpected": ErrUnexpectedResponse, "too large": ErrResponseTooLarge, "no progress": ErrNoProgress, "export": ErrExportChanged,
	"canceled": context.Canceled, "deadline": context.DeadlineExceeded, "reset": syscall.ECONNRESET, "EOF": io.EOF,
}

// sentinelsOf returns the names of every sentinel that err matches.
func sentinelsOf(err error) []string {
	names := []string{}
	for name, sentinel := range sentinels {
		if errors.Is(err, sentinel) {
			names = append(names, name)
		}
	}
	return names
}

func TestSentinels(t *testing.T) {
	t.Parallel()
	notFound := &Error{StatusCode: 404, Attempts: 1, action: "get task"}
	tests := map[string]struct {
		err  error
		want []string
	}{
		"200": {&Error{StatusCode: 200}, []string{"unexpected"}},
		"307": {&Error{StatusCode: 307}, []string{"unexpected"}},
		"400": {&Error{StatusCode: 400}, []string{"bad request"}},
		"401": {&Error{StatusCode: 401}, []string{"unauthorized"}},
		"402": {&Error{StatusCode: 402}, []string{}},
		"403": {&Error{StatusCode: 403}, []string{"forbidden"}},
		"404": {&Error{StatusCode: 404}, []string{"not found"}},
		"405": {&Error{StatusCode: 405}, []string{}},
		"408": {&Error{StatusCode: 408}, []string{"timeout"}},
		"409": {&Error{StatusCode: 409}, []string{"conflict"}},
		"410": {&Error{StatusCode: 410}, []string{}},
		"413": {&Error{StatusCode: 413}, []string{}},
		"422": {&Error{StatusCode: 422}, []string{"validation"}},
		"429": {&Error{StatusCode: 429}, []string{"rate limited"}},
		"499": {&Error{StatusCode: 499}, []string{}},
		"500": {&Error{StatusCode: 500}, []string{"server"}},
		"503": {&Error{StatusCode: 503}, []string{"server"}},
		"504": {&Error{StatusCode: 504}, []string{"server", "timeout"}},
		"599": {&Error{StatusCode: 599}, []string{"server"}},
		"600": {&Error{StatusCode: 600}, []string{}},

		"an answer that may have been carried out":   {&Error{StatusCode: 500, maybeApplied: true}, []string{"server", "maybe applied"}},
		"an answer with a cause":                     {&Error{StatusCode: 200, cause: io.EOF}, []string{"unexpected", "EOF"}},
		"a code does not make a kind":                {&Error{StatusCode: 400, Code: CodeDatasetNotFound}, []string{"bad request"}},
		"a wrapped error":                            {fmt.Errorf("x: %w", notFound), []string{"not found"}},
		"a broken connection":                        {&NetworkError{Err: fmt.Errorf("read: %w", syscall.ECONNRESET)}, []string{"reset"}},
		"a broken connection, perhaps after the act": {&NetworkError{Err: syscall.ECONNRESET, maybeApplied: true}, []string{"reset", "maybe applied"}},
		"an attempt that took too long":              {&NetworkError{Err: &transport.TimeoutError{Limit: time.Second}}, []string{"timeout"}},
		"a context that was canceled":                {&NetworkError{Err: fmt.Errorf("get: %w", context.Canceled)}, []string{"canceled"}},
		"a deadline":                                 {&NetworkError{Err: context.DeadlineExceeded}, []string{"deadline", "timeout"}},
		"a timeout of the network":                   {&NetworkError{Err: syscall.ETIMEDOUT}, []string{"timeout"}},
		"a wait after an answer":                     {&NetworkError{Err: fmt.Errorf("%w while waiting after: %w", context.Canceled, &Error{StatusCode: 429})}, []string{"canceled", "rate limited"}},
		"a task that failed":                         {&TaskError{Task: &ImportTask{}}, []string{}},
		"a task that vanished":                       {&TaskError{Task: &ImportTask{}, err: notFound}, []string{"not found"}},
		"a line":                                     {&LineError{Line: 1, Err: fmt.Errorf("x: %w", io.EOF)}, []string{"EOF"}},
		"a parameter":                                {invalid("Name", "it is empty"), []string{"params"}},
		"no key":                                     {fmt.Errorf("x: %w", ErrNoAPIKey), []string{"no key"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.ElementsMatch(t, test.want, sentinelsOf(test.err))
			assert.NotErrorIs(t, test.err, errors.New("not found"), "another error of the same text")
		})
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	message, empty := "the file is empty", ""
	tests := map[string]struct {
		err  error
		want string
	}{
		"several attempts": {
			&Error{StatusCode: 503, Message: "busy", Attempts: 5, action: "list records"},
			"mistralobs: list records: 503 Service Unavailable: busy (5 attempts)",
		},
		"a creation that may have happened": {
			&Error{StatusCode: 500, Message: "oops", Attempts: 1, RequestID: "r", RetryAfter: 1500 * time.Millisecond, action: "create record", maybeApplied: true},
			"mistralobs: create record: 500 Internal Server Error: oops (1 attempt, request r, retry after 1.5s); the request may have been applied; check before retrying",
		},
		"a success that is none": {
			&Error{StatusCode: 200, Message: "<html>", Attempts: 1, action: "get dataset", cause: errors.New("decoding the response: invalid character '<'")},
			"mistralobs: get dataset: 200 OK: <html>: decoding the response: invalid character '<' (1 attempt)",
		},
		"a connection that broke": {
			&NetworkError{Attempts: 3, Err: errors.New("connection reset by peer"), action: "get dataset"},
			"mistralobs: get dataset: connection reset by peer (3 attempts)",
		},
		"a connection that broke during a creation": {
			&NetworkError{Attempts: 1, Err: io.ErrUnexpectedEOF, action: "create record", maybeApplied: true},
			"mistralobs: create record: unexpected EOF (1 attempt); the request may have been applied; check before retrying",
		},
		"nothing was sent": {
			&NetworkError{Err: context.Canceled, action: "create record"},
			"mistralobs: create record: context canceled (0 attempts)",
		},
		"an attempt that took too long": {
			&NetworkError{Attempts: 1, Err: &transport.TimeoutError{Limit: time.Minute}, action: "get dataset"},
			"mistralobs: get dataset: no complete response within 1m0s (see WithTimeout) (1 attempt)",
		},
		"a transfer that stands still": {
			&NetworkError{Attempts: 1, Err: &transport.TimeoutError{Limit: time.Minute, Idle: true}, action: "upload file"},
			"mistralobs: upload file: no byte was transferred for 1m0s (see WithTimeout) (1 attempt)",
		},
		"a task that failed": {
			&TaskError{Task: &ImportTask{ID: "t1", Status: StatusFailed, Message: &message}},
			"mistralobs: import task t1 ended as FAILED: the file is empty",
		},
		"a task that failed without a word":  {&TaskError{Task: &ImportTask{ID: "t1", Status: StatusTimedOut}}, "mistralobs: import task t1 ended as TIMED_OUT"},
		"a task that failed with no message": {&TaskError{Task: &ImportTask{ID: "t1", Status: StatusCanceled, Message: &empty}}, "mistralobs: import task t1 ended as CANCELED"},
		"a task that vanished": {
			&TaskError{Task: &ImportTask{ID: "t1", Status: StatusRunning}, err: &Error{StatusCode: 404, Attempts: 1, action: "get import task"}},
			"mistralobs: import task t1 no longer exists, its last status was RUNNING: mistralobs: get import task: 404 Not Found (1 attempt)",
		},
		"a line":      {&LineError{Line: 12, Err: errors.New("it has no messages")}, "mistralobs: line 12: it has no messages"},
		"a parameter": {invalid("Name", "it must have %d to %d characters, got %d", 5, 50, 2), "mistralobs: Name: it must have 5 to 50 characters, got 2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.EqualError(t, test.err, test.want)
		})
	}
}

// A Retry-After that is a date is told as the time that is left.
func TestErrorTellsADateAsTimeLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("DELETE", "https://api.example.com/v1/observability/datasets/d1", httpmock.NewStringResponder(503, "busy").
			HeaderSet(http.Header{"Retry-After": {time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)}}))

		err := mocked(t, mock).Datasets.Delete(t.Context(), "d1")

		assert.Equal(t, &Error{
			StatusCode: 503, Message: "busy", RetryAfter: 90 * time.Second, Attempts: 1, Body: []byte("busy"),
			Operation: "datasets.delete", Method: "DELETE", Host: "api.example.com", Path: "/v1/observability/datasets/d1", action: "delete dataset",
		}, err)
		assert.EqualError(t, err, "mistralobs: delete dataset: 503 Service Unavailable: busy (1 attempt, retry after 1m30s)")
	})
}

// A creation that the service may have carried out says so, one that it refused does not.
func TestErrorOfACreation(t *testing.T) {
	t.Parallel()
	for status, maybe := range map[int]bool{400: false, 401: false, 404: false, 409: false, 422: false, 429: false, 408: true, 500: true, 502: true, 503: true, 504: true} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("POST", "https://api.example.com/v1/observability/datasets", httpmock.NewStringResponder(status, `{"detail":"m"}`))

			_, err := mocked(t, mock).Datasets.Create(t.Context(), CreateDatasetParams{Name: "Support"})

			assert.Equal(t, &Error{
				StatusCode: status, Message: "m", Attempts: 1, Body: []byte(`{"detail":"m"}`),
				Operation: "datasets.create", Method: "POST", Host: "api.example.com", Path: "/v1/observability/datasets",
				action: "create dataset", maybeApplied: maybe,
			}, err)
			assert.Equal(t, maybe, errors.Is(err, ErrMaybeApplied))
			assert.Equal(t, maybe, strings.Contains(err.Error(), "check before retrying"))
		})
	}
}

// A body of many complaints does not cost the square of its size.
// It is not parallel, since it measures memory.
func TestErrorOfManyTexts(t *testing.T) {
	for name, body := range map[string]string{
		"texts":  `{"detail":["a"` + strings.Repeat(`,"a"`, 20_000) + `]}`,
		"fields": `{"detail":[{"msg":"a"}` + strings.Repeat(`,{"msg":"a"}`, 20_000) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			e := &Error{StatusCode: 422, Body: []byte(body)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			e.parseBody()
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), "bytes for a body of %d", len(body))
		})
	}
}
