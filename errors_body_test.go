package mistralobs

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
)

// These are all forms of errors that the service, its gateway and proxies are known to send.
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
		want   Error // what is in the response; the rest is added below
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
			want: Error{
				Fields: []FieldError{{Field: "body.1234567", Message: "JSON decode error", Type: "json_invalid"}},
			},
			text: "mistralobs: get dataset: 422 Unprocessable Entity: body.1234567: JSON decode error (1 attempt)",
		},
		"validation that says little": {
			status: 422,
			body:   `{"detail":[{"msg":"a"},{"msg":"b","loc":[],"type":null},{"msg":"c","loc":"body","type":7}]}`,
			want:   Error{Fields: []FieldError{{Message: "a"}, {Message: "b"}, {Message: "c", Type: "7"}}},
			text:   "mistralobs: get dataset: 422 Unprocessable Entity: a; b; c (1 attempt)",
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
			want: Error{
				Code:       "1300",
				Type:       "rate_limited",
				Message:    "Rate limit exceeded",
				RetryAfter: 7 * time.Second,
				RequestID:  "r1",
			},
			text: "mistralobs: get dataset: 429 1300: Rate limit exceeded (1 attempt, request r1, retry after 7s); send " +
				"fewer requests a second (see WithRateLimit)",
		},
		"the platform with a number for a code": {
			status: 400,
			body:   `{"object":"error","message":"m","type":"invalid_request_error","param":"name","code":1500}`,
			want:   Error{Code: "1500", Type: "invalid_request_error", Message: "m"},
			text:   "mistralobs: get dataset: 400 1500: m (1 attempt)",
		},
		"the platform without a code": {
			status: 500,
			body:   `{"object":"error","message":"m","type":"internal_server_error","param":null,"code":null}`,
			want:   Error{Type: "internal_server_error", Message: "m"},
			text:   "mistralobs: get dataset: 500 Internal Server Error: m (1 attempt)",
		},
		"the platform with validation in an object": {
			status: 422, body: `{"object":"error","message":` + nested + `,"type":"invalid_request_error","code":null}`,
			want: Error{Type: "invalid_request_error", Fields: fields},
			text: "mistralobs: get dataset: 422 Unprocessable Entity: " + fieldsText + " (1 attempt)",
		},
		"the platform with validation in a list": {
			status: 422, body: `{"object":"error","message":[` + nested +
				`,{"detail":"and more"}],"type":"invalid_request_error","code":"3051"}`,
			want: Error{Code: "3051", Type: "invalid_request_error", Message: "and more", Fields: fields},
			text: "mistralobs: get dataset: 422 3051: and more: " + fieldsText + " (1 attempt)",
		},
		"the platform with validation in a string": {
			status: 422,
			body:   `{"object":"error","message":` + fmt.Sprintf("%q", nested) + `,"type":"invalid_request_error"}`,
			want:   Error{Type: "invalid_request_error", Fields: fields},
			text:   "mistralobs: get dataset: 422 Unprocessable Entity: " + fieldsText + " (1 attempt)",
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
			status: 400, body: `{"message":"m","detail":` + strings.Repeat("[", 5000) + `"deep"` +
				strings.Repeat("]", 5000) +
				`}`, want: Error{Message: "m"},
			text: "mistralobs: get dataset: 400 Bad Request: m (1 attempt)",
		},
		"the gateway": {
			status: 401, body: `{"message":"Unauthorized","request_id":"r2"}`, want: Error{
				Message: "Unauthorized", RequestID: "r2",
			},
			text: "mistralobs: get dataset: 401 Unauthorized (1 attempt, request r2); check the API key from WithAPIKey, " +
				"and that its quota is not used up",
		},
		"the gateway, another one": {
			status: 401, body: `{"detail":"Unauthorized"}`, want: Error{Message: "Unauthorized"},
			text: "mistralobs: get dataset: 401 Unauthorized (1 attempt); check the API key from WithAPIKey, " +
				"and that its quota is not used up",
		},
		"the gateway's limit": {
			status: 429, body: `{"message":"API rate limit exceeded","request_id":"r3"}`, want: Error{
				Message: "API rate limit exceeded", RequestID: "r3",
			},
			text: "mistralobs: get dataset: 429 Too Many Requests: API rate limit exceeded (1 attempt, request r3); send " +
				"fewer requests a second (see WithRateLimit)",
		},
		"the best request id of a header": {
			status: 404, header: http.Header{
				"X-Kong-Request-Id": {"kong"}, "X-Request-Id": {"x"}, "Mistral-Correlation-Id": {"correlation"},
			},
			body: `{"message":"m","request_id":"body"}`, want: Error{Message: "m", RequestID: "correlation"},
			text: "mistralobs: get dataset: 404 Not Found: m (1 attempt, request correlation)",
		},
		"the last request id of a header": {
			status: 404, header: http.Header{"X-Kong-Request-Id": {"kong"}}, body: `{"detail":"m"}`, want: Error{
				Message: "m", RequestID: "kong",
			},
			text: "mistralobs: get dataset: 404 Not Found: m (1 attempt, request kong)",
		},
		"a Retry-After that makes no sense": {
			status: 503, header: http.Header{"Retry-After": {"soon"}}, body: `{"detail":"busy"}`,
			want: Error{Message: "busy"},
			text: "mistralobs: get dataset: 503 Service Unavailable: busy (1 attempt)",
		},
		"a page of HTML": {
			status: 502,
			body:   "<html>\r\n<head><title>502 Bad Gateway</title></head>\n\n\t<body>nginx</body>\n</html>\n",
			want:   Error{Message: "<html> <head><title>502 Bad Gateway</title></head> <body>nginx</body> </html>"},
			text: "mistralobs: get dataset: 502 Bad Gateway: <html> <head><title>502 Bad Gateway</title></head> " +
				"<body>nginx</body> </html> (1 attempt)",
		},
		"XML": {
			status: 403, body: `<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code></Error>`,
			want: Error{Message: `<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code></Error>`},
			text: `mistralobs: get dataset: 403 Forbidden: <?xml ` +
				`version="1.0"?><Error><Code>AuthenticationFailed</Code></Error> (1 attempt)`,
		},
		"plain text": {
			status: 503, body: "upstream connect error or disconnect/reset before headers",
			want: Error{Message: "upstream connect error or disconnect/reset before headers"},
			text: "mistralobs: get dataset: 503 Service Unavailable: upstream connect error or disconnect/reset before " +
				"headers (1 attempt)",
		},
		"nothing":     {status: 504, text: "mistralobs: get dataset: 504 Gateway Timeout (1 attempt)"},
		"white space": {status: 504, body: " \r\n\t", text: "mistralobs: get dataset: 504 Gateway Timeout (1 attempt)"},
		"a status without a name": {
			status: 599, body: "odd", want: Error{Message: "odd"},
			text: "mistralobs: get dataset: 599: odd (1 attempt)",
		},
		"a long text": {
			status: 500, body: strings.Repeat("0123456789", 100_000), want: Error{
				Message: strings.Repeat("0123456789", 30) + "…",
			},
			text: "mistralobs: get dataset: 500 Internal Server Error: " + strings.Repeat("0123456789", 30) +
				"… (1 attempt)",
		},
		"a long text is cut between characters": {
			status: 500, body: "x" + strings.Repeat("€", 200),
			want: Error{Message: "x" + strings.Repeat("€", 99) + "…"},
			text: "mistralobs: get dataset: 500 Internal Server Error: x" + strings.Repeat("€", 99) + "… (1 attempt)",
		},
		"garbage": {
			status: 500, body: "a\xff\xfeb", want: Error{Message: "a\ufffdb"},
			text: "mistralobs: get dataset: 500 Internal Server Error: a\ufffdb (1 attempt)",
		},
		"JSON that is cut short": {
			status: 500, body: `{"detail":{"message":"m"`, want: Error{Message: `{"detail":{"message":"m"`},
			text: `mistralobs: get dataset: 500 Internal Server Error: {"detail":{"message":"m" (1 attempt)`,
		},
		"JSON of another shape": {
			status: 500, body: `{"error": {"message": "m"}}`, want: Error{Message: `{"error": {"message": "m"}}`},
			text: `mistralobs: get dataset: 500 Internal Server Error: {"error": {"message": "m"}} (1 attempt)`,
		},
		"an empty object": {
			status: 500,
			body:   `{}`,
			want:   Error{Message: `{}`},
			text:   "mistralobs: get dataset: 500 Internal Server Error: {} (1 attempt)",
		},
		"an empty detail": {
			status: 500,
			body:   `{"detail":[]}`,
			want:   Error{Message: `{"detail":[]}`},
			text:   `mistralobs: get dataset: 500 Internal Server Error: {"detail":[]} (1 attempt)`,
		},
		"null": {
			status: 500,
			body:   `null`,
			want:   Error{Message: `null`},
			text:   "mistralobs: get dataset: 500 Internal Server Error: null (1 attempt)",
		},
		"a JSON string": {
			status: 500,
			body:   `"down"`,
			want:   Error{Message: `"down"`},
			text:   `mistralobs: get dataset: 500 Internal Server Error: "down" (1 attempt)`,
		},
		"a list": {
			status: 500,
			body:   `["down"]`,
			want:   Error{Message: `["down"]`},
			text:   `mistralobs: get dataset: 500 Internal Server Error: ["down"] (1 attempt)`,
		},
		"an answer in vain": {
			status: 304,
			want:   Error{Message: "a redirect without a valid Location is not followed"},
			text:   "mistralobs: get dataset: 304 Not Modified: a redirect without a valid Location is not followed (1 attempt)",
		},
		"keys of other types": {
			status: 400, body: `{"message":7,"detail":{"message":["a",{"msg":{}}],"error_code":{}},"type":[],"code":true,` +
				`"request_id":{}}`, want: Error{Message: "a"},
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
			want.StatusCode, want.Method, want.Path, want.Attempts, want.action = test.status, "GET",
				"/v1/observability/datasets/d1", 1, "get dataset"
			want.keyName = "WithAPIKey"
			want.Operation, want.Host, want.Body = "datasets.get", "api.example.com", []byte(test.body)
			if want.Header = test.header; want.Header == nil {
				want.Header = http.Header{}
			}
			assert.Equal(t, &want, err)
			assert.EqualError(t, err, test.text)
		})
	}
}

// FuzzErrorBody checks that every body becomes an error with a text in valid UTF-8.
func FuzzErrorBody(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `true`, `"text"`, `[]`, `{}`, "\ufeff{}", `{"detail":null}`,
		`{"detail":{"message":"no such dataset","error_code":"DATASET_NOT_FOUND"}}`,
		`{"detail":{"message":"no such dataset","error_code":null}}`,
		`{"detail":[{"loc":["body","name",0],"msg":"too short","type":"string_too_short"}]}`,
		`{"detail":"Not Found"}`,
		`{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300"}`,
		`{"object":"error","message":{"detail":[{"type":"missing","loc":["body"],"msg":"m","input":{"a":1}}]},"code":3051}`,
		`{"object":"error","message":[{"detail":[{"msg":"m"}]},{"detail":"d"}]}`,
		`{"message":"{\"detail\":[{\"msg\":\"m\",\"loc\":[\"a\"]}]}"}`,
		`{"message":"Unauthorized","request_id":"r"}`,
		`{"message":"\"\\\"[[[[[[[[\\\"\""}`, `{"detail":[[[[[[[[["x"]]]]]]]]]}`, `{"detail":["a","b",3,null,true]}`,
		`<html><body>502 Bad Gateway</body></html>`, "\xff\xfe\x00", strings.Repeat("€", 101),
		strings.Repeat(" ", 400) + "x",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e := &Error{
			StatusCode: http.StatusUnprocessableEntity,
			Body:       bytes.Clone(body),
			Attempts:   1,
			action:     "get dataset",
			keyName:    "WithAPIKey",
		}
		e.parseBody(e.Body, func(text string) string { return text })

		assert.Equal(t, body, e.Body, "the body is left as it is")
		assert.True(t, utf8.ValidString(e.Error()), "%q", e.Error())
		if len(bytes.TrimSpace(body)) > 0 {
			assert.False(t, e.Message == "" && e.Code == "" && len(e.Fields) == 0, "what the service said is lost")
		}
	})
}

// The text of an error has no escape sequences of the service, no repetition, and a limited length.
func TestErrorTextsAreHarmless(t *testing.T) {
	t.Parallel()
	e := &Error{
		StatusCode: 400, Attempts: 1, RequestID: requestID(http.Header{"X-Request-Id": {"id\x1b]0;x\a"}}),
		Body: []byte(`{"message":"bad","detail":"bad","code":"A\u001b[2J\nB","type":"` +
			strings.Repeat("t", 1000) + `"}`),
	}
	e.parseBody(e.Body, func(text string) string { return text })
	assert.Equal(t, "bad", e.Message)
	assert.Equal(t, ErrorCode("A\uFFFD[2J\uFFFDB"), e.Code)
	assert.Equal(t, "id\uFFFD]0;x\uFFFD", e.RequestID)
	assert.Less(t, len(e.Type), 210)
	assert.NotContains(t, e.Error(), "\x1b")
}
