package mistralobstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// An answer is what an operation that succeeded says.
type answer struct {
	status int
	body   []byte // JSON; nil for 204
}

// A failure is an answer that is an error, in one of the service's shapes.
type failure struct {
	status int
	header http.Header
	body   []byte
}

func (f *failure) Error() string { return strconv.Itoa(f.status) + " " + string(f.body) }

// apiError is the observability API's own shape.
func apiError(status int, code, message string) *failure {
	return newFailure(status, fields{"detail": fields{"message": message, "error_code": code}})
}

// frameworkError is what the web framework says of a request that reaches no operation.
func frameworkError(status int, detail string) *failure {
	return newFailure(status, fields{"detail": detail})
}

// platformError is the shape of the platform around the API, and of the Files API.
func platformError(status int, kind, code, message string) *failure {
	return newFailure(status, fields{"object": "error", "message": message, "type": kind, "param": nil, "code": code})
}

// A complaint is one thing that validation finds wrong.
type complaint struct {
	Type  string `json:"type"`
	Loc   []any  `json:"loc"`
	Msg   string `json:"msg"`
	Input any    `json:"input"`
}

func (c complaint) String() string {
	place := make([]string, len(c.Loc))
	for i, part := range c.Loc {
		place[i] = fmt.Sprint(part)
	}
	return strings.Join(place, ".") + ": " + c.Msg
}

// validationError is the answer to a request that is not as described, in the
// shape of the API that the request is for.
func validationError(r *http.Request, complaints ...complaint) *failure {
	if strings.HasPrefix(r.URL.Path, filesPath) {
		return newFailure(http.StatusUnprocessableEntity, fields{
			"object": "error", "message": fields{"detail": complaints}, "type": "invalid_request_error", "param": nil, "code": nil,
		})
	}
	texts := make([]string, len(complaints))
	for i, c := range complaints {
		texts[i] = c.String()
	}
	return apiError(http.StatusUnprocessableEntity, "VALIDATION_ERROR", strings.Join(texts, "; "))
}

type fields map[string]any

func newFailure(status int, body any) *failure {
	return &failure{status: status, header: http.Header{}, body: toJSON(body)}
}

func toJSON(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("mistralobstest: " + err.Error()) // only the package's own values come here
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// An object builds a JSON object by hand, because encoding/json would change
// the bytes of payloads and properties, which must survive.
type object struct{ buf []byte }

func (o *object) raw(name string, value []byte) *object {
	o.buf = append(o.buf, "{,"[min(len(o.buf), 1)])
	o.buf = append(o.buf, toJSON(name)...)
	o.buf = append(append(o.buf, ':'), value...)
	return o
}

func (o *object) set(name string, value any) *object { return o.raw(name, toJSON(value)) }

func (o *object) time(name string, t time.Time) *object { return o.set(name, formatTime(t)) }

func (o *object) bytes() []byte { return append(o.buf, '}') }

// formatTime writes a time as the service does: UTC, with milliseconds.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// stamps writes the fields that every stored thing begins with.
func stamps(id string, created, updated time.Time) *object {
	return new(object).set("id", id).time("created_at", created).time("updated_at", updated).set("deleted_at", nil)
}
