package mistralobstest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// answer is the response of an operation that succeeded.
type answer struct {
	status int
	body   []byte // JSON; nil for 204
}

// failure is an error response in one of the service's formats.
type failure struct {
	status int
	header http.Header
	body   []byte
}

func (f *failure) Error() string { return strconv.Itoa(f.status) + " " + string(f.body) }

type fields map[string]any

func newFailure(status int, body any) *failure {
	return &failure{status: status, header: http.Header{}, body: toJSON(body)}
}

// apiError returns an error in the format of the observability API.
func apiError(status int, code, message string) *failure {
	return newFailure(status, fields{"detail": fields{"message": message, "error_code": code}})
}

// frameworkError returns an error in the format of the web framework.
func frameworkError(status int, detail string) *failure {
	return newFailure(status, fields{"detail": detail})
}

// platformError returns an error in the format of the platform and the Files API.
func platformError(status int, kind, code, message string) *failure {
	return newFailure(status, fields{"object": "error", "message": message, "type": kind, "param": nil, "code": code})
}

// complaint is one validation error.
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

// validationError returns a 422 in the format of the API that the request calls.
func validationError(r *http.Request, complaints ...complaint) *failure {
	if strings.HasPrefix(r.URL.Path, filesPath) {
		message := fields{"detail": complaints}
		return newFailure(http.StatusUnprocessableEntity, fields{
			"object": "error", "message": message, "type": "invalid_request_error", "param": nil, "code": nil,
		})
	}
	texts := make([]string, len(complaints))
	for i, c := range complaints {
		texts[i] = c.String()
	}
	return apiError(http.StatusUnprocessableEntity, "VALIDATION_ERROR", strings.Join(texts, "; "))
}
