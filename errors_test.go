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

// Every shape of an error that the service, its gateway and proxies are known to send.
func TestErrorShapes(t *testing.T) {
	t.Parallel()
	const nested = `{"detail":[{"type":"missing","loc":["body","payload"],"msg":"Field required","input":{"a":1}},` +
		`{"type":"string_too_short","loc":["body","options",0,"value"],"msg":"String should have at least 5 characters"}]}`
	fields := []FieldError{
		{Field: "body.payload", Message: "Field required", Type: "missing"},
		{Field: "body.options.0.value", Message: "String should have at least 5 characters", Type: "string_too_short"},
	}
	const fieldsText = "body.payload: Field required; body.options.0.value: String should have at least 5 characters"

	tests := map[string]struct {
		status int
		header http.Header
		body   string
		want   Error // what is in the answer; the rest is added below
		text   string
	}{
		"the observability API": {
			status: 404, body: `{"detail":{"message":"Dataset not found","error_code":"DATASET_NOT_FOUND"}}`,
			want: Error{Code: CodeDatasetNotFound, Message: "Dataset not found"},
			text: "mistralobs: get dataset: 404 DATASET_NOT_FOUND: Dataset not found (1 attempt)",
		},
		"the observability API with a code that nobody knows": {
			status: 409, body: `{"detail":{"message":"m","error_code":"CODE_OF_TOMORROW","hint":["x"]},"trace":1}`,
			want: Error{Code: "CODE_OF_TOMORROW", Message: "m"},
			text: "mistralobs: get dataset: 409 CODE_OF_TOMORROW: m (1 attempt)",
		},
		"the observability API without a code": {
			status: 408, body: `{"detail":{"message":"Too slow","error_code":null}}`,
			want: Error{Message: "Too slow"},
			text: "mistralobs: get dataset: 408 Request Timeout: Too slow (1 attempt)",
		},
		"the observability API with nothing but a code": {
			status: 403, body: `{"detail":{"message":null,"error_code":"AUTH_FORBIDDEN"}}`,
			want: Error{Code: CodeAuthForbidden},
			text: "mistralobs: get dataset: 403 AUTH_FORBIDDEN (1 attempt)",
		},
		"the framework's validation": {
			status: 422, body: nested, want: Error{Fields: fields},
			text: "mistralobs: get dataset: 422 Unprocessable Entity: " + fieldsText + " (1 attempt)",
		},
		"validation of a place far inside": {
			status: 422, body: `{"detail":[{"type":"json_invalid","loc":["body",1234567],"msg":"JSON decode error"}]}`,
			want: Error{Fields: []FieldError{{Field: "body.1234567", Message: "JSON decode error", Type: "json_invalid"}}},
			text: "mistralobs: get dataset: 422 Unprocessable Entity: body.1234567: JSON decode error (1 attempt)",
		},
		"validation that says little": {
			status: 422, body: `{"detail":[{"msg":"a"},{"msg":"b","loc":[],"type":null},{"msg":"c","loc":"body","type":7}]}`,
			want: Error{Fields: []FieldError{{Message: "a"}, {Message: "b"}, {Message: "c", Type: "7"}}},
			text: "mistralobs: get dataset: 422 Unprocessable Entity: a; b; c (1 attempt)",
		},
		"validation as texts": {
			status: 422, body: `{"detail":["a","b",null,7]}`, want: Error{Message: "a; b"},
			text: "mistralobs: get dataset: 422 Unprocessable Entity: a; b (1 attempt)",
		},
		"the framework's text": {
			status: 405, body: `{"detail":"Method Not Allowed"}`, want: Error{Message: "Method Not Allowed"},
			text: "mistralobs: get dataset: 405 Method Not Allowed (1 attempt)",
		},
		"the platform": {
			status: 429, header: http.Header{"Retry-After": {"7"}, "X-Request-Id": {"r1"}},
			body: `{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}`,
			want: Error{Code: "1300", Type: "rate_limited", Message: "Rate limit exceeded", RetryAfter: 7 * time.Second, RequestID: "r1"},
			text: "mistralobs: get dataset: 429 1300: Rate limit exceeded (1 attempt, request r1, retry after 7s); send fewer requests a second (see WithRateLimit)",
		},
		"the platform with a number for a code": {
			status: 400, body: `{"object":"error","message":"m","type":"invalid_request_error","param":"name","code":1500}`,
			want: Error{Code: "1500", Type: "invalid_request_error", Message: "m"},
			text: "mistralobs: get dataset: 400 1500: m (1 attempt)",
		},
		"the platform without a code": {
			status: 500, body: `{"object":"error","message":"m","type":"internal_server_error","param":null,"code":null}`,
			want: Error{Type: "internal_server_error", Message: "m"},
			text: "mistralobs: get dataset: 500 Internal Server Error: m (1 attempt)",
		},
		"the platform with validation in an object": {
			status: 422, body: `{"object":"error","message":` + nested + `,"type":"invalid_request_error","code":null}`,
			want: Error{Type: "invalid_request_error", Fields: fields},
			text: "mistralobs: get dataset: 422 Unprocessable Entity: " + fieldsText + " (1 attempt)",
		},
		"the platform with validation in a list": {
			status: 422, body: `{"object":"error","message":[` + nested + `,{"detail":"and more"}],"type":"invalid_request_error","code":"3051"}`,
			want: Error{Code: "3051", Type: "invalid_request_error", Message: "and more", Fields: fields},
			text: "mistralobs: get dataset: 422 3051: and more: " + fieldsText + " (1 attempt)",
		},
		"the platform with validation in a string": {
			status: 422, body: `{"object":"error","message":` + fmt.Sprintf("%q", nested) + `,"type":"invalid_request_error"}`,
			want: Error{Type: "invalid_request_error", Fields: fields},
			text: "mistralobs: get dataset: 422 Unprocessable Entity: " + fieldsText + " (1 attempt)",
		},
		"the platform with a list of validation in a string": {
			status: 422, body: `{"object":"error","message":` + fmt.Sprintf("%q", " ["+nested+"]\n") + `}`,
			want: Error{Fields: fields},
			text: "mistralobs: get dataset: 422 Unprocessable Entity: " + fieldsText + " (1 attempt)",
		},
		"a text that looks like JSON": {
			status: 400, body: `{"message":"{name} is [unknown]"}`, want: Error{Message: "{name} is [unknown]"},
			text: "mistralobs: get dataset: 400 Bad Request: {name} is [unknown] (1 attempt)",
		},
		"nesting without end": {
			status: 400, body: `{"message":"m","detail":` + strings.Repeat("[", 5000) + `"deep"` + strings.Repeat("]", 5000) + `}`, want: Error{Message: "m"},
			text: "mistralobs: get dataset: 400 Bad Request: m (1 attempt)",
		},
		"the gateway": {
			status: 401, body: `{"message":"Unauthorized","request_id":"r2"}`, want: Error{Message: "Unauthorized", RequestID: "r2"},
			text: "mistralobs: get dataset: 401 Unauthorized (1 attempt, request r2); check the API key and that its quota is not used up",
		},
		"the gateway, another one": {
			status: 401, body: `{"detail":"Unauthorized"}`, want: Error{Message: "Unauthorized"},
			text: "mistralobs: get dataset: 401 Unauthorized (1 attempt); check the API key and that its quota is not used up",
		},
		"the gateway's limit": {
			status: 429, body: `{"message":"API rate limit exceeded","request_id":"r3"}`, want: Error{Message: "API rate limit exceeded", RequestID: "r3"},
			text: "mistralobs: get dataset: 429 Too Many Requests: API rate limit exceeded (1 attempt, request r3); send fewer requests a second (see WithRateLimit)",
		},
		"the best request id of a header": {
			status: 404, header: http.Header{"X-Kong-Request-Id": {"kong"}, "X-Request-Id": {"x"}, "Mistral-Correlation-Id": {"correlation"}},
			body: `{"message":"m","request_id":"body"}`, want: Error{Message: "m", RequestID: "correlation"},
			text: "mistralobs: get dataset: 404 Not Found: m (1 attempt, request correlation)",
		},
		"the last request id of a header": {
			status: 404, header: http.Header{"X-Kong-Request-Id": {"kong"}}, body: `{"detail":"m"}`, want: Error{Message: "m", RequestID: "kong"},
			text: "mistralobs: get dataset: 404 Not Found: m (1 attempt, request kong)",
		},
		"a Retry-After that makes no sense": {
			status: 503, header: http.Header{"Retry-After": {"soon"}}, body: `{"detail":"busy"}`, want: Error{Message: "busy"},
			text: "mistralobs: get dataset: 503 Service Unavailable: busy (1 attempt)",
		},
		"a page of HTML": {
			status: 502, body: "<html>\r\n<head><title>502 Bad Gateway</title></head>\n\n\t<body>nginx</body>\n</html>\n",
			want: Error{Message: "<html> <head><title>502 Bad Gateway</title></head> <body>nginx</body> </html>"},
			text: "mistralobs: get dataset: 502 Bad Gateway: <html> <head><title>502 Bad Gateway</title></head> <body>nginx</body> </html> (1 attempt)",
		},
		"XML": {
			status: 403, body: `<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code></Error>`,
			want: Error{Message: `<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code></Error>`},
			text: `mistralobs: get dataset: 403 Forbidden: <?xml version="1.0"?><Error><Code>AuthenticationFailed</Code></Error> (1 attempt)`,
		},
		"plain text": {
			status: 503, body: "upstream connect error or disconnect/reset before headers",
			want: Error{Message: "upstream connect error or disconnect/reset before headers"},
			text: "mistralobs: get dataset: 503 Service Unavailable: upstream connect error or disconnect/reset before headers (1 attempt)",
		},
		"nothing":     {status: 504, text: "mistralobs: get dataset: 504 Gateway Timeout (1 attempt)"},
		"white space": {status: 504, body: " \r\n\t", text: "mistralobs: get dataset: 504 Gateway Timeout (1 attempt)"},
		"a status without a name": {
			status: 599, body: "odd", want: Error{Message: "odd"}, text: "mistralobs: get dataset: 599: odd (1 attempt)",
		},
		"a long text": {
			status: 500, body: strings.Repeat("0123456789", 100_000), want: Error{Message: strings.Repeat("0123456789", 30) + "…"},
			text: "mistralobs: get dataset: 500 Internal Server Error: " + strings.Repeat("0123456789", 30) + "… (1 attempt)",
		},
		"a long text is cut between characters": {
			status: 500, body: "x" + strings.Repeat("€", 200), want: Error{Message: "x" + strings.Repeat("€", 99) + "…"},
			text: "mistralobs: get dataset: 500 Internal Server Error: x" + strings.Repeat("€", 99) + "… (1 attempt)",
		},
		"garbage": {
			status: 500, body: "a\xff\xfeb", want: Error{Message: "a\ufffdb"}, text: "mistralobs: get dataset: 500 Internal Server Error: a\ufffdb (1 attempt)",
		},
		"JSON that is cut short": {
			status: 500, body: `{"detail":{"message":"m"`, want: Error{Message: `{"detail":{"message":"m"`},
			text: `mistralobs: get dataset: 500 Internal Server Error: {"detail":{"message":"m" (1 attempt)`,
		},
		"JSON of another shape": {
			status: 500, body: `{"error": {"message": "m"}}`, want: Error{Message: `{"error": {"message": "m"}}`},
			text: `mistralobs: get dataset: 500 Internal Server Error: {"error": {"message": "m"}} (1 attempt)`,
		},
		"an empty object":   {status: 500, body: `{}`, want: Error{Message: `{}`}, text: "mistralobs: get dataset: 500 Internal Server Error: {} (1 attempt)"},
		"an empty detail":   {status: 500, body: `{"detail":[]}`, want: Error{Message: `{"detail":[]}`}, text: `mistralobs: get dataset: 500 Internal Server Error: {"detail":[]} (1 attempt)`},
		"null":              {status: 500, body: `null`, want: Error{Message: `null`}, text: "mistralobs: get dataset: 500 Internal Server Error: null (1 attempt)"},
		"a JSON string":     {status: 500, body: `"down"`, want: Error{Message: `"down"`}, text: `mistralobs: get dataset: 500 Internal Server Error: "down" (1 attempt)`},
		"a list":            {status: 500, body: `["down"]`, want: Error{Message: `["down"]`}, text: `mistralobs: get dataset: 500 Internal Server Error: ["down"] (1 attempt)`},
		"an answer in vain": {status: 304, want: Error{Message: "a redirect to another origin, or one that changes the request, is not followed"}, text: "mistralobs: get dataset: 304 Not Modified: a redirect to another origin, or one that changes the request, is not followed (1 attempt)"},
		"keys of other types": {
			status: 400, body: `{"message":7,"detail":{"message":["a",{"msg":{}}],"error_code":{}},"type":[],"code":true,"request_id":{}}`, want: Error{Message: "a"},
			text: "mistralobs: get dataset: 400 Bad Request: a (1 attempt)",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterResponder("GET", "https://api.example.com/v1/observability/datasets/d1",
				httpmock.NewStringResponder(test.status, test.body).HeaderSet(test.header))

			dataset, err := mocked(t, mock).Datasets.Get(t.Context(), "d1")

			assert.Nil(t, dataset)
			want := test.want
			want.StatusCode, want.Method, want.Path, want.Attempts, want.action = test.status, "GET", "/v1/observability/datasets/d1", 1, "get dataset"
			want.Body = []byte(test.body)
			assert.Equal(t, &want, err)
			assert.EqualError(t, err, test.text)
		})
	}
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
		"an attempt that took too long":              {&NetworkError{Err: &timeoutError{limit: time.Second}}, []string{"timeout"}},
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
			"mistralobs: create record: 500 Internal Server Error: oops (1 attempt, request r, retry after 1.5s); it may have been carried out all the same: look before you repeat it",
		},
		"a success that is none": {
			&Error{StatusCode: 200, Message: "<html>", Attempts: 1, action: "get dataset", cause: errors.New("decoding the answer: invalid character '<'")},
			"mistralobs: get dataset: 200 OK: <html>: decoding the answer: invalid character '<' (1 attempt)",
		},
		"a connection that broke": {
			&NetworkError{Attempts: 3, Err: errors.New("connection reset by peer"), action: "get dataset"},
			"mistralobs: get dataset: connection reset by peer (3 attempts)",
		},
		"a connection that broke during a creation": {
			&NetworkError{Attempts: 1, Err: io.ErrUnexpectedEOF, action: "create record", maybeApplied: true},
			"mistralobs: create record: unexpected EOF (1 attempt); it may have been carried out all the same: look before you repeat it",
		},
		"nothing was sent": {
			&NetworkError{Err: context.Canceled, action: "create record"},
			"mistralobs: create record: context canceled (0 attempts)",
		},
		"an attempt that took too long": {
			&NetworkError{Attempts: 1, Err: &timeoutError{limit: time.Minute}, action: "get dataset"},
			"mistralobs: get dataset: no complete answer within 1m0s (see WithTimeout) (1 attempt)",
		},
		"a transfer that stands still": {
			&NetworkError{Attempts: 1, Err: &timeoutError{limit: time.Minute, idle: true}, action: "upload file"},
			"mistralobs: upload file: no byte has moved for 1m0s (see WithTimeout) (1 attempt)",
		},
		"a task that failed": {
			&TaskError{Task: &ImportTask{ID: "t1", Status: StatusFailed, Message: &message}},
			"mistralobs: import task t1 ended as FAILED: the file is empty",
		},
		"a task that failed without a word":  {&TaskError{Task: &ImportTask{ID: "t1", Status: StatusTimedOut}}, "mistralobs: import task t1 ended as TIMED_OUT"},
		"a task that failed with no message": {&TaskError{Task: &ImportTask{ID: "t1", Status: StatusCanceled, Message: &empty}}, "mistralobs: import task t1 ended as CANCELED"},
		"a task that vanished": {
			&TaskError{Task: &ImportTask{ID: "t1", Status: StatusRunning}, err: &Error{StatusCode: 404, Attempts: 1, action: "get import task"}},
			"mistralobs: import task t1 has vanished, last seen as RUNNING: mistralobs: get import task: 404 Not Found (1 attempt)",
		},
		"a line":      {&LineError{Line: 12, Err: errors.New("it has no messages")}, "mistralobs: line 12: it has no messages"},
		"a parameter": {invalid("Name", "it must have %d to %d characters, got %d", 5, 50, 2), "mistralobs: Name: it must have 5 to 50 characters, got 2"},
		"a limit":     {tooLarge(10), "response too large: more than 10 bytes (see WithMaxResponseBytes)"},
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
			Method: "DELETE", Path: "/v1/observability/datasets/d1", action: "delete dataset",
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
				StatusCode: status, Message: "m", Attempts: 1, Body: []byte(`{"detail":"m"}`), Method: "POST", Path: "/v1/observability/datasets",
				action: "create dataset", maybeApplied: maybe,
			}, err)
			assert.Equal(t, maybe, errors.Is(err, ErrMaybeApplied))
			assert.Equal(t, maybe, strings.Contains(err.Error(), "look before you repeat it"))
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
			e.fill()
			runtime.ReadMemStats(&after)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(64<<20), "bytes for a body of %d", len(body))
		})
	}
}
