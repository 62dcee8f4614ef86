package mistralobs

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The kinds of failure, for errors.Is. The ones with a status match an [Error] of that status.
var (
	ErrBadRequest   = errors.New("bad request")       // 400
	ErrUnauthorized = errors.New("unauthorized")      // 401; also what a valid key gets whose quota is used up
	ErrForbidden    = errors.New("forbidden")         // 403
	ErrNotFound     = errors.New("not found")         // 404
	ErrConflict     = errors.New("conflict")          // 409
	ErrValidation   = errors.New("validation failed") // 422
	ErrRateLimited  = errors.New("rate limited")      // 429
	ErrTimeout      = errors.New("timeout")           // 408, 504, an attempt that took longer than [WithTimeout] allows, or a request that the context's deadline ended
	ErrServer       = errors.New("server error")      // 500 to 599
)

// Failures that the client finds itself, for errors.Is.
var (
	// ErrInvalidParams says that a parameter breaks a documented limit; nothing was sent.
	ErrInvalidParams = errors.New("invalid parameters")
	// ErrNoAPIKey says that no API key was given; set MISTRAL_API_KEY or use [WithAPIKey].
	ErrNoAPIKey = errors.New("mistralobs: no API key: set MISTRAL_API_KEY or use WithAPIKey")
	// ErrMaybeApplied marks the failure of a request that creates something
	// (a dataset, a record, an import, a file) when the service may have acted
	// on it before the answer was lost. It was not sent again, since that could
	// create a second one: look before you repeat it.
	ErrMaybeApplied = errors.New("the service may have carried out the request")
	// ErrUnexpectedResponse says that the answer was not one that the API
	// documents: a page of a proxy, a redirect, JSON of another shape.
	ErrUnexpectedResponse = errors.New("unexpected response")
	// ErrResponseTooLarge says that the answer to an API call was larger than [WithMaxResponseBytes] allows.
	ErrResponseTooLarge = errors.New("response too large")
	// ErrNoProgress ends a walk over a list whose pages stopped bringing anything new.
	ErrNoProgress = errors.New("the list makes no progress")
	// ErrExportChanged says that an export was interrupted and that the file
	// behind it changed or could not be continued, so that going on would have
	// mixed two versions.
	ErrExportChanged = errors.New("the exported file cannot be continued")
)

// ErrorCode is the service's name for what went wrong, such as
// "DATASET_NOT_FOUND". The list grows with every release of the service: an
// unknown code is passed on as it is.
type ErrorCode string

// The error codes that the datasets API is known to use.
const (
	CodeUnknownError             ErrorCode = "UNKNOWN_ERROR"
	CodeValidationError          ErrorCode = "VALIDATION_ERROR"
	CodeAuthForbidden            ErrorCode = "AUTH_FORBIDDEN"
	CodeAuthUnauthorized         ErrorCode = "AUTH_UNAUTHORIZED"
	CodeFeatureNotSupported      ErrorCode = "FEATURE_NOT_SUPPORTED"
	CodeDatasetNotFound          ErrorCode = "DATASET_NOT_FOUND"
	CodeDatasetTaskNotFound      ErrorCode = "DATASET_TASK_NOT_FOUND"
	CodeDatasetRecordNotFound    ErrorCode = "DATASET_RECORD_NOT_FOUND"
	CodeDatasetRecordFormatError ErrorCode = "DATASET_RECORD_FORMAT_ERROR"
	CodeCampaignNotFound         ErrorCode = "CAMPAIGN_NOT_FOUND"
	CodeCampaignNoMatchingEvents ErrorCode = "CAMPAIGN_NO_MATCHING_EVENTS"
	CodeJudgeConversationFormat  ErrorCode = "JUDGE_CONVERSATION_FORMAT_ERROR"
	CodeJudgeMistralAPIError     ErrorCode = "JUDGE_MISTRAL_API_ERROR"
	CodeJudgeMistralAPITimeout   ErrorCode = "JUDGE_MISTRAL_API_TIMEOUT"
	CodeDatabaseUnavailable      ErrorCode = "DATABASE_UNAVAILABLE"
	CodeTemplateSyntaxError      ErrorCode = "TEMPLATE_SYNTAX_ERROR"
)

// Error is an answer of the service that is not a success: the last one, when
// the request was repeated. Match its kind with errors.Is and the sentinels
// ([ErrNotFound] and so on), read its details with errors.As.
type Error struct {
	StatusCode int           // HTTP status; a 2xx if the answer could not be understood
	Code       ErrorCode     // the service's code, "" if it gave none
	Type       string        // the platform's error type, such as "rate_limited"
	Message    string        // what the service said, or the start of its text if that was no JSON
	Fields     []FieldError  // what failed validation, field by field
	RequestID  string        // to quote to the service's support
	RetryAfter time.Duration // how long the service asked to wait; 0 if it did not
	Method     string        // of the request
	Path       string        // of the request, without its query
	Body       []byte        // the answer's body, of an error status at most the first MiB
	Attempts   int           // how often the request was sent, at least 1

	action       string
	maybeApplied bool
	ambiguous    bool // an earlier attempt may have been carried out
	used         bool // it would have been sent again, but for its source
	cause        error
}

// FieldError is one complaint of the service's validation.
type FieldError struct {
	Field   string // where, such as "body.name"; "" if the service did not say
	Message string // what is wrong
	Type    string // the service's name for the rule, such as "string_too_short"
}

// Error says what was attempted, what came back, and what to do if that is known.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mistralobs: %s: %d", e.action, e.StatusCode)
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
	} else if text := http.StatusText(e.StatusCode); text != "" {
		fmt.Fprintf(&b, " %s", text)
	}
	if e.Message != "" && e.Message != http.StatusText(e.StatusCode) {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	b.WriteString(fieldsText(e.Fields))
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	b.WriteString(e.footnote())
	return b.String()
}

// maxFieldsText is how many complaints an error's text shows.
const maxFieldsText = 10

func fieldsText(fields []FieldError) string {
	var texts []string
	for _, f := range fields[:min(len(fields), maxFieldsText)] {
		texts = append(texts, f.String())
	}
	if more := len(fields) - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	if texts == nil {
		return ""
	}
	return ": " + strings.Join(texts, "; ")
}

// String returns the complaint as "body.name: too short".
func (f FieldError) String() string {
	if f.Field == "" {
		return f.Message
	}
	return f.Field + ": " + f.Message
}

func (e *Error) footnote() string {
	notes := []string{attemptsText(e.Attempts)}
	if e.RequestID != "" {
		notes = append(notes, "request "+e.RequestID)
	}
	if e.RetryAfter > 0 {
		notes = append(notes, "retry after "+e.RetryAfter.String())
	}
	text := " (" + strings.Join(notes, ", ") + ")"
	if hint := e.hint(); hint != "" {
		text += "; " + hint
	}
	return text
}

func (e *Error) hint() string {
	switch {
	case e.maybeApplied:
		return maybeAppliedHint
	case e.used:
		return usedHint
	case e.StatusCode == http.StatusUnauthorized:
		return "check the API key and that its quota is not used up"
	case e.StatusCode == http.StatusTooManyRequests:
		return "send fewer requests a second (see WithRateLimit)"
	}
	return ""
}

const maybeAppliedHint = "it may have been carried out all the same: look before you repeat it"

func attemptsText(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return strconv.Itoa(n) + " attempts"
}

// Is matches the sentinel of the error's kind.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrMaybeApplied:
		return e.maybeApplied
	case ErrServer:
		return e.StatusCode >= 500 && e.StatusCode <= 599
	case ErrTimeout:
		return e.StatusCode == http.StatusRequestTimeout || e.StatusCode == http.StatusGatewayTimeout
	case ErrUnexpectedResponse:
		return e.StatusCode < 400
	}
	return target != nil && target == statusKinds[e.StatusCode]
}

// Unwrap returns what was wrong with an answer that could not be understood, else nil.
func (e *Error) Unwrap() error { return e.cause }

var statusKinds = map[int]error{
	http.StatusBadRequest:          ErrBadRequest,
	http.StatusUnauthorized:        ErrUnauthorized,
	http.StatusForbidden:           ErrForbidden,
	http.StatusNotFound:            ErrNotFound,
	http.StatusConflict:            ErrConflict,
	http.StatusUnprocessableEntity: ErrValidation,
	http.StatusTooManyRequests:     ErrRateLimited,
}

// NetworkError is a request that got no answer: the connection could not be
// made or broke, or the context ended. errors.Is looks through it to the cause
// (context.Canceled, syscall.ECONNRESET) and matches [ErrTimeout] and
// [ErrMaybeApplied] where they hold.
type NetworkError struct {
	Method   string // of the request
	Path     string // of the request, without its query
	Attempts int    // how often the request was sent; 0 if it never was
	Err      error  // what happened to the last attempt

	action       string
	maybeApplied bool
}

// Error says what was attempted and what broke.
func (e *NetworkError) Error() string {
	text := fmt.Sprintf("mistralobs: %s: %v (%s)", e.action, e.Err, attemptsText(e.Attempts))
	if e.maybeApplied {
		text += "; " + maybeAppliedHint
	}
	return text
}

// Unwrap returns the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// Is matches [ErrMaybeApplied] and [ErrTimeout].
func (e *NetworkError) Is(target error) bool {
	switch target {
	case ErrMaybeApplied:
		return e.maybeApplied
	case ErrTimeout:
		var timeout interface{ Timeout() bool }
		return errors.As(e.Err, &timeout) && timeout.Timeout()
	}
	return false
}

// TaskError is a task that ended without completing, or vanished; Task is its last known state.
type TaskError struct {
	Task *ImportTask

	err error // why it cannot be seen any more
}

// Error names the task, how it ended and what the service said about it.
func (e *TaskError) Error() string {
	if e.err != nil {
		return fmt.Sprintf("mistralobs: import task %s has vanished, last seen as %s: %v", e.Task.ID, e.Task.Status, e.err)
	}
	text := fmt.Sprintf("mistralobs: import task %s ended as %s", e.Task.ID, e.Task.Status)
	if e.Task.Message != nil && *e.Task.Message != "" {
		text += ": " + *e.Task.Message
	}
	return text
}

// Unwrap returns the service's answer that the task is not there, nil if it ended by itself.
func (e *TaskError) Unwrap() error { return e.err }

// LineError is a line of a JSONL file that is not a record.
type LineError struct {
	Line int   // counted from 1, blank lines included
	Err  error // what is wrong with it
}

// Error names the line and what is wrong with it.
func (e *LineError) Error() string { return fmt.Sprintf("mistralobs: line %d: %v", e.Line, e.Err) }

// Unwrap returns what is wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }

// paramError is an [ErrInvalidParams] that names the field, the limit and what was given.
type paramError struct{ field, problem string }

func (e *paramError) Error() string { return fmt.Sprintf("mistralobs: %s: %s", e.field, e.problem) }

func (e *paramError) Is(target error) bool { return target == ErrInvalidParams }

func invalid(field, format string, args ...any) error {
	return &paramError{field: field, problem: fmt.Sprintf(format, args...)}
}

// requestIDHeaders are the headers that the service's support asks for, best first.
var requestIDHeaders = []string{"Mistral-Correlation-Id", "X-Request-Id", "X-Kong-Request-Id"}

func requestID(header http.Header) string {
	for _, name := range requestIDHeaders {
		if id := header.Get(name); id != "" {
			return id
		}
	}
	return ""
}
