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
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// mocked returns a client that sends each request once, to the mock.
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
	"bad request": ErrBadRequest, "unauthorized": ErrUnauthorized, "forbidden": ErrForbidden, "not found": ErrNotFound,
	"conflict":   ErrConflict,
	"validation": ErrValidation, "rate limited": ErrRateLimited, "timeout": ErrTimeout, "server": ErrServer,
	"params": ErrInvalidParams, "no key": ErrNoAPIKey,
	"maybe applied": ErrMaybeApplied, "unexpected": ErrUnexpectedResponse, "too large": ErrResponseTooLarge,
	"no progress": ErrNoProgress, "export": ErrExportChanged,
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
		"200": {err: &Error{StatusCode: 200}, want: []string{"unexpected"}},
		"307": {err: &Error{StatusCode: 307}, want: []string{"unexpected"}},
		"400": {err: &Error{StatusCode: 400}, want: []string{"bad request"}},
		"401": {err: &Error{StatusCode: 401}, want: []string{"unauthorized"}},
		"402": {err: &Error{StatusCode: 402}, want: []string{}},
		"403": {err: &Error{StatusCode: 403}, want: []string{"forbidden"}},
		"404": {err: &Error{StatusCode: 404}, want: []string{"not found"}},
		"405": {err: &Error{StatusCode: 405}, want: []string{}},
		"408": {err: &Error{StatusCode: 408}, want: []string{"timeout"}},
		"409": {err: &Error{StatusCode: 409}, want: []string{"conflict"}},
		"410": {err: &Error{StatusCode: 410}, want: []string{}},
		"413": {err: &Error{StatusCode: 413}, want: []string{}},
		"422": {err: &Error{StatusCode: 422}, want: []string{"validation"}},
		"429": {err: &Error{StatusCode: 429}, want: []string{"rate limited"}},
		"499": {err: &Error{StatusCode: 499}, want: []string{}},
		"500": {err: &Error{StatusCode: 500}, want: []string{"server"}},
		"503": {err: &Error{StatusCode: 503}, want: []string{"server"}},
		"504": {err: &Error{StatusCode: 504}, want: []string{"server", "timeout"}},
		"599": {err: &Error{StatusCode: 599}, want: []string{"server"}},
		"600": {err: &Error{StatusCode: 600}, want: []string{}},

		"an answer that may have been carried out": {
			err:  &Error{StatusCode: 500, maybeApplied: true},
			want: []string{"server", "maybe applied"},
		},
		"an answer with a cause": {
			err:  &Error{StatusCode: 200, cause: io.EOF},
			want: []string{"unexpected", "EOF"},
		},
		"a code does not make a kind": {
			err:  &Error{StatusCode: 400, Code: CodeDatasetNotFound},
			want: []string{"bad request"},
		},
		"a wrapped error": {err: fmt.Errorf("x: %w", notFound), want: []string{"not found"}},
		"a broken connection": {
			err:  &NetworkError{Err: fmt.Errorf("read: %w", syscall.ECONNRESET)},
			want: []string{"reset"},
		},
		"a broken connection, perhaps after the act": {
			err:  &NetworkError{Err: syscall.ECONNRESET, maybeApplied: true},
			want: []string{"reset", "maybe applied"},
		},
		"an attempt that took too long": {
			err:  &NetworkError{Err: &transport.TimeoutError{Limit: time.Second}},
			want: []string{"timeout"},
		},
		"a context that was canceled": {
			err:  &NetworkError{Err: fmt.Errorf("get: %w", context.Canceled)},
			want: []string{"canceled"},
		},
		"a deadline": {
			err:  &NetworkError{Err: context.DeadlineExceeded},
			want: []string{"deadline", "timeout"},
		},
		"a timeout of the network": {
			err:  &NetworkError{Err: syscall.ETIMEDOUT},
			want: []string{"timeout"},
		},
		"a wait after an answer": {
			err: &NetworkError{
				Err: fmt.Errorf("%w while waiting after: %w", context.Canceled, &Error{StatusCode: 429}),
			},
			want: []string{"canceled", "rate limited"},
		},
		"a task that failed": {err: &TaskError{Task: &ImportTask{}}, want: []string{"maybe applied"}},
		"a task that failed and imported some": {
			err:  &TaskError{Task: &ImportTask{Result: &ImportResult{Requested: 2, Imported: 1}}},
			want: []string{"maybe applied"},
		},
		"a task that failed and imported none": {
			err: &TaskError{Task: &ImportTask{Result: &ImportResult{Requested: 2}}}, want: []string{},
		},
		"a task that vanished": {
			err:  &TaskError{Task: &ImportTask{}, err: notFound},
			want: []string{"not found", "maybe applied"},
		},
		"a line": {
			err:  &LineError{Line: 1, Err: fmt.Errorf("x: %w", io.EOF)},
			want: []string{"EOF"},
		},
		"a parameter": {err: invalid("Name", "it is empty"), want: []string{"params"}},
		"no key":      {err: fmt.Errorf("x: %w", ErrNoAPIKey), want: []string{"no key"}},
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
	message, empty, escapes := "the file is empty", "", "a\x1b[31m\rb\u202e\nc"
	tests := map[string]struct {
		err  error
		want string
	}{
		"several attempts": {
			err:  &Error{StatusCode: 503, Message: "busy", Attempts: 5, action: "list records"},
			want: "mistralobs: list records: 503 Service Unavailable: busy (5 attempts)",
		},
		"a creation that may have happened": {
			err: &Error{
				StatusCode:   500,
				Message:      "oops",
				Attempts:     1,
				RequestID:    "r",
				RetryAfter:   1500 * time.Millisecond,
				action:       "create record",
				maybeApplied: true,
			},
			want: "mistralobs: create record: 500 Internal Server Error: oops (1 attempt, request r, retry after 1.5s); " +
				"the request may have been applied; check before retrying",
		},
		"a success that is none": {
			err: &Error{
				StatusCode: 200,
				Message:    "<html>",
				Attempts:   1,
				action:     "get dataset",
				cause:      errors.New("decoding the response: invalid character '<'"),
			},
			want: "mistralobs: get dataset: 200 OK: <html>: decoding the response: invalid character '<' (1 attempt)",
		},
		"a connection that broke": {
			err:  &NetworkError{Attempts: 3, Err: errors.New("connection reset by peer"), action: "get dataset"},
			want: "mistralobs: get dataset: connection reset by peer (3 attempts)",
		},
		"a connection that broke during a creation": {
			err: &NetworkError{Attempts: 1, Err: io.ErrUnexpectedEOF, action: "create record", maybeApplied: true},
			want: "mistralobs: create record: unexpected EOF (1 attempt); the request may have been applied; check before " +
				"retrying",
		},
		"nothing was sent": {
			err:  &NetworkError{Err: context.Canceled, action: "create record"},
			want: "mistralobs: create record: context canceled (0 attempts)",
		},
		"an attempt that took too long": {
			err:  &NetworkError{Attempts: 1, Err: &transport.TimeoutError{Limit: time.Minute}, action: "get dataset"},
			want: "mistralobs: get dataset: no complete response within 1m0s (1 attempt); see WithTimeout",
		},
		"a transfer that stands still": {
			err: &NetworkError{
				Attempts: 1,
				Err:      &transport.TimeoutError{Limit: time.Minute, Idle: true},
				action:   "upload file",
			},
			want: "mistralobs: upload file: no byte was transferred for 1m0s (1 attempt); see WithTimeout",
		},
		"a task that failed": {
			err:  &TaskError{Task: &ImportTask{ID: "t1", Status: StatusFailed, Message: &message}},
			want: "mistralobs: import task t1 ended as FAILED: the file is empty; some records may have been imported",
		},
		"a task whose texts would move the cursor": {
			err: &TaskError{Task: &ImportTask{ID: "t\x1b[2J", Status: "FAILED\r", Message: &escapes}},
			want: "mistralobs: import task t\ufffd[2J ended as FAILED\ufffd: a\ufffd[31m\ufffdb\ufffd\nc; " +
				"some records may have been imported",
		},
		"a task that failed without a word": {
			err:  &TaskError{Task: &ImportTask{ID: "t1", Status: StatusTimedOut}},
			want: "mistralobs: import task t1 ended as TIMED_OUT; some records may have been imported",
		},
		"a task that failed with no message": {
			err:  &TaskError{Task: &ImportTask{ID: "t1", Status: StatusCanceled, Message: &empty}},
			want: "mistralobs: import task t1 ended as CANCELED; some records may have been imported",
		},
		"a task that vanished": {
			err: &TaskError{
				Task: &ImportTask{ID: "t1", Status: StatusRunning},
				err:  &Error{StatusCode: 404, Attempts: 1, action: "get import task"},
			},
			want: "mistralobs: import task t1 no longer exists, its last status was RUNNING: get import task: " +
				"404 Not Found (1 attempt)",
		},
		"a line": {
			err:  &LineError{Line: 12, Err: errors.New("it has no messages")},
			want: "mistralobs: reading line 12: it has no messages",
		},
		"a parameter in a line": {
			err:  &LineError{Line: 12, Err: invalid("Payload", "it is empty")},
			want: "mistralobs: reading line 12: Payload: it is empty",
		},
		"several parameters": {
			err: attempted("create client",
				errors.Join(invalid("WithLogger", "it is nil"), invalid("WithTimeout", "it is 0"))),
			want: "mistralobs: create client: WithLogger: it is nil\n" +
				"mistralobs: create client: WithTimeout: it is 0",
		},
		"a parameter among causes with a text": {
			err:  attempted("create client", fmt.Errorf("%w and %w", invalid("a", "it is nil"), io.EOF)),
			want: "a: it is nil and EOF",
		},
		"a parameter": {
			err:  attempted("create dataset", invalid("Name", "it must have %d to %d characters, got %d", 5, 50, 2)),
			want: "mistralobs: create dataset: Name: it must have 5 to 50 characters, got 2",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.EqualError(t, test.err, test.want)
			for line := range strings.Lines(test.err.Error()) {
				assert.LessOrEqual(t, strings.Count(line, "mistralobs:"), 1)
			}
		})
	}
}

// A Retry-After that is a date becomes the time that is left.
func TestErrorTellsADateAsTimeLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder(
			"DELETE",
			"https://api.example.com/v1/observability/datasets/d1",
			httpmock.NewStringResponder(503, "busy").
				HeaderSet(http.Header{"Retry-After": {time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)}}),
		)

		err := mocked(t, mock).Datasets.Delete(t.Context(), "d1")

		var failed *Error
		require.ErrorAs(t, err, &failed)
		assert.NotEmpty(t, failed.Header.Get("Retry-After"))
		assert.Equal(t, &Error{
			StatusCode: 503, Message: "busy", RetryAfter: 90 * time.Second, Attempts: 1, Body: []byte("busy"),
			Operation: "datasets.delete", Method: "DELETE", Host: "api.example.com",
			Path:   "/v1/observability/datasets/d1",
			Header: failed.Header, action: "delete dataset", keyName: "WithAPIKey",
		}, err)
		assert.EqualError(t, err,
			"mistralobs: delete dataset: 503 Service Unavailable: busy (1 attempt, retry after 1m30s)")
	})
}

// Only a request that may have been applied matches ErrMaybeApplied.
func TestErrorOfACreation(t *testing.T) {
	t.Parallel()
	for status, maybe := range map[int]bool{400: false, 401: false, 404: false, 409: false, 422: false, 429: false,
		408: true, 500: true, 502: true, 503: true, 504: true} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder(
				"POST", "https://api.example.com/v1/observability/datasets",
				httpmock.NewStringResponder(status, `{"detail":"m"}`),
			)

			_, err := mocked(t, mock).Datasets.Create(t.Context(), CreateDatasetParams{Name: "Support"})

			assert.Equal(t, &Error{
				StatusCode: status, Message: "m", Attempts: 1, Body: []byte(`{"detail":"m"}`),
				Operation: "datasets.create", Method: "POST", Host: "api.example.com",
				Path:   "/v1/observability/datasets",
				Header: http.Header{}, action: "create dataset", keyName: "WithAPIKey", maybeApplied: maybe,
			}, err)
			assert.Equal(t, maybe, errors.Is(err, ErrMaybeApplied))
			assert.Equal(t, maybe, strings.Contains(err.Error(), "check before retrying"))
		})
	}
}

// The cost of a body with many messages is linear. This test is not parallel, since it measures
// memory.
func TestErrorOfManyTexts(t *testing.T) {
	for name, body := range map[string]string{
		"texts":  `{"detail":["a"` + strings.Repeat(`,"a"`, 20_000) + `]}`,
		"fields": `{"detail":[{"msg":"a"}` + strings.Repeat(`,{"msg":"a"}`, 20_000) + `]}`,
	} {
		t.Run(name, func(t *testing.T) {
			e := &Error{StatusCode: 422, Body: []byte(body)}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			e.parseBody(e.Body, func(text string) string { return text })
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), "bytes for a body of %d", len(body))
		})
	}
}
