package mistralobs

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// Sentinels for errors.Is. Most stand for the status of an [Error]; [ErrRateLimited] and
// [ErrTimeout] also match a [NetworkError].
var (
	ErrBadRequest   = errors.New("bad request")       // 400
	ErrUnauthorized = errors.New("unauthorized")      // 401; also for a valid key whose quota is used up
	ErrForbidden    = errors.New("forbidden")         // 403
	ErrNotFound     = errors.New("not found")         // 404
	ErrConflict     = errors.New("conflict")          // 409
	ErrValidation   = errors.New("validation failed") // 422
	// ErrRateLimited means a 429. It also means that a request was not sent, because a rate limit
	// would have delayed it for longer than its context or its [RetryPolicy] allows.
	ErrRateLimited = errors.New("rate limited")
	// ErrTimeout means a 408 or 504, an attempt that took longer than [WithTimeout] allows, or a
	// request whose context reached its deadline.
	ErrTimeout = errors.New("timeout")
	ErrServer  = errors.New("server error") // 500 to 599
)

// Sentinels for failures that the client detects, for errors.Is.
var (
	// ErrInvalidParams means that a parameter is invalid, such as an empty ID, and that the request
	// with it was not sent.
	ErrInvalidParams = errors.New("invalid parameters")
	// ErrNoAPIKey means that there is no API key and that nothing was sent. Use [WithAPIKey], or
	// set MISTRAL_API_KEY or MISTRAL_SA_TOKEN_PATH.
	ErrNoAPIKey = transport.ErrNoKey
	// ErrMaybeApplied marks the failure of a request that creates something (a dataset, a record,
	// an import, a judge, a file) if the service may have processed it. The SDK did not retry it,
	// because that could create a duplicate. Check whether the request was applied before you
	// repeat the call.
	ErrMaybeApplied = errors.New("the request may have been applied")
	// ErrUnexpectedResponse means that the response is not one that the API documents, for example
	// a web page of a proxy, a redirect, or JSON of another type.
	ErrUnexpectedResponse = errors.New("unexpected response")
	// ErrResponseTooLarge means that a response was larger than [WithMaxResponseBytes] allows.
	ErrResponseTooLarge = transport.ErrTooLarge
	// ErrNoProgress ends an iterator if the service keeps sending empty or repeated pages.
	ErrNoProgress = errors.New("the list makes no progress")
	// ErrExportChanged means that a download was interrupted and cannot be resumed, because the
	// file changed or the server does not support it. Start the export again.
	ErrExportChanged = errors.New("the download cannot be resumed")
	// ErrRecordsSkipped means that the service imported fewer records than a file has; see
	// [ImportsService.FromJSONL].
	ErrRecordsSkipped = errors.New("the service skipped records")
	// ErrAmbiguousName means that several datasets have the name that was given to
	// [DatasetsService.Find].
	ErrAmbiguousName = errors.New("ambiguous name")
)

// ErrorCode is the service's name for an error, such as "DATASET_NOT_FOUND". The list grows with
// every release of the service. Unknown codes are returned as they are.
type ErrorCode string

// The error codes that the datasets API is known to use. Others begin with EVALUATION_, PROJECT_,
// PIPELINE_, SCORER_ and OPTIMIZATION_.
const (
	CodeUnknownError                     ErrorCode = "UNKNOWN_ERROR"
	CodeValidationError                  ErrorCode = "VALIDATION_ERROR"
	CodeAuthUnauthorized                 ErrorCode = "AUTH_UNAUTHORIZED"
	CodeAuthForbidden                    ErrorCode = "AUTH_FORBIDDEN"
	CodeAuthForbiddenNotWorkspaceAdmin   ErrorCode = "AUTH_FORBIDDEN_NOT_WORKSPACE_ADMIN"
	CodeAuthForbiddenWorkspaceNotFound   ErrorCode = "AUTH_FORBIDDEN_WORKSPACE_NOT_FOUND"
	CodeAuthForbiddenRoleNotFound        ErrorCode = "AUTH_FORBIDDEN_ROLE_NOT_FOUND"
	CodeFeatureNotSupported              ErrorCode = "FEATURE_NOT_SUPPORTED"
	CodeFieldsBadRequest                 ErrorCode = "FIELDS_BAD_REQUEST"
	CodeSearchBadRequest                 ErrorCode = "SEARCH_BAD_REQUEST"
	CodeSearchFilterToSQLConversionError ErrorCode = "SEARCH_FILTER_TO_SQL_CONVERSION_ERROR"
	CodeDatabaseError                    ErrorCode = "DATABASE_ERROR"
	CodeDatabaseTimeout                  ErrorCode = "DATABASE_TIMEOUT"
	CodeDatabaseUnavailable              ErrorCode = "DATABASE_UNAVAILABLE"
	CodeDatabaseQueryError               ErrorCode = "DATABASE_QUERY_ERROR"
	CodeJudgeConversationFormat          ErrorCode = "JUDGE_CONVERSATION_FORMAT_ERROR"
	CodeJudgeMistralAPIError             ErrorCode = "JUDGE_MISTRAL_API_ERROR"
	CodeJudgeMistralAPITimeout           ErrorCode = "JUDGE_MISTRAL_API_TIMEOUT"
	CodeJudgeNameAlreadyExists           ErrorCode = "JUDGE_NAME_ALREADY_EXISTS"
	CodeJudgeNotFound                    ErrorCode = "JUDGE_NOT_FOUND"
	CodeJudgeDidNotChange                ErrorCode = "JUDGE_DID_NOT_CHANGE"
	CodeDatasetNotFound                  ErrorCode = "DATASET_NOT_FOUND"
	CodeDatasetTaskNotFound              ErrorCode = "DATASET_TASK_NOT_FOUND"
	CodeDatasetRecordNotFound            ErrorCode = "DATASET_RECORD_NOT_FOUND"
	CodeDatasetRecordFormatError         ErrorCode = "DATASET_RECORD_FORMAT_ERROR"
	CodeTracesFilterQueryParseError      ErrorCode = "TRACES_FILTER_QUERY_PARSE_ERROR"
	CodeTraceNotFound                    ErrorCode = "TRACE_NOT_FOUND"
	CodeSpanNotFound                     ErrorCode = "SPAN_NOT_FOUND"
)

// Error codes that older versions of the service send.
const (
	CodeAuthForbiddenOrgNotWhitelisted ErrorCode = "AUTH_FORBIDDEN_ORG_NOT_WHITELISTED"
	CodeFieldsNotFound                 ErrorCode = "FIELDS_NOT_FOUND"
	CodeSearchNotFound                 ErrorCode = "SEARCH_NOT_FOUND"
	CodeSearchServiceUnavailable       ErrorCode = "SEARCH_SERVICE_UNAVAILABLE"
	CodeCampaignNotFound               ErrorCode = "CAMPAIGN_NOT_FOUND"
	CodeCampaignNoMatchingEvents       ErrorCode = "CAMPAIGN_NO_MATCHING_EVENTS"
)

// Error describes a response that is not a success, or that the API does not document. After
// retries it describes the last response. Use errors.Is with a sentinel such as [ErrNotFound] to
// match it, and errors.As to read its details.
type Error struct {
	StatusCode int           // HTTP status; 2xx if the response could not be decoded
	Code       ErrorCode     // the service's code, or ""
	Type       string        // the platform's error type, such as "rate_limited", or ""
	Message    string        // the service's text, or the start of a body that is not JSON
	Fields     []FieldError  // the fields that failed validation
	RequestID  string        // quote it when you contact the service's support; may be ""
	RetryAfter time.Duration // the pause that the service asked for, or 0
	Operation  string        // such as "records.create"; see [OperationName]
	Method     string        // HTTP method of the request
	Host       string        // host and port of the request
	Path       string        // of the request, without its query
	Header     http.Header   // of the response, without the API key and the queries of URLs
	Body       []byte        // of the response; for an error status at most the first MiB
	Attempts   int           // the number of attempts, at least 1

	action       string
	keyName      string // the option or the variable that the API key comes from
	maybeApplied bool
	ambiguous    bool // an attempt before the last one may have been applied
	cause        error
}

// FieldError is a field that failed the service's validation.
type FieldError struct {
	Field   string // such as "body.name"; "" if the service did not say
	Message string // what is wrong
	Type    string // the service's name for the rule, such as "string_too_short"
}

// Error names the operation, describes the response and, if possible, says what to do.
func (e *Error) Error() string {
	return "mistralobs: " + e.action + ": " + e.summary() + e.footnote()
}

// summary is the text without the action, the attempts and the hint.
func (e *Error) summary() string {
	var b strings.Builder
	b.WriteString(strconv.Itoa(e.StatusCode))
	if e.Code != "" {
		b.WriteString(" " + string(e.Code))
	} else if text := http.StatusText(e.StatusCode); text != "" {
		b.WriteString(" " + text)
	}
	if e.Message != "" && e.Message != http.StatusText(e.StatusCode) {
		b.WriteString(": " + e.Message)
	}
	b.WriteString(fieldsText(e.Fields))
	if e.cause != nil {
		fmt.Fprintf(&b, ": %v", e.cause)
	}
	return b.String()
}

// maxFieldsText is how many fields the text of an error shows.
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

// String returns the field and the message as "body.name: too short".
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
	case e.Operation == downloadName: // the storage knows neither the API key nor its limits
		return ""
	case e.StatusCode == http.StatusUnauthorized:
		return "check the API key from " + e.keyName + ", and that its quota is not used up"
	case e.StatusCode == http.StatusTooManyRequests:
		return "send fewer requests a second (see WithRateLimit)"
	}
	return ""
}

const maybeAppliedHint = "the request may have been applied; check before retrying"

func attemptsText(n int) string {
	if n == 1 {
		return "1 attempt"
	}
	return strconv.Itoa(n) + " attempts"
}

// Is reports whether target is a sentinel that describes the error.
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

// Unwrap returns the error of decoding a 2xx response, or nil.
func (e *Error) Unwrap() error { return e.cause }

// LogValue returns the details as a group of attributes.
func (e *Error) LogValue() slog.Value {
	attrs := requestAttrs(e.Operation, e.Method, e.Host, e.Path, e.Attempts)
	attrs = append(attrs, slog.Int("status", e.StatusCode))
	if e.Code != "" {
		attrs = append(attrs, slog.String("code", string(e.Code)))
	}
	if e.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", e.RequestID))
	}
	return slog.GroupValue(append(attrs, slog.String("error", e.Error()))...)
}

func requestAttrs(operation, method, host, path string, attempts int) []slog.Attr {
	return []slog.Attr{
		slog.String("operation", operation), slog.String("method", method), slog.String("host", host),
		slog.String("path", path), slog.Int("attempts", attempts),
	}
}

var statusKinds = map[int]error{
	http.StatusBadRequest:          ErrBadRequest,
	http.StatusUnauthorized:        ErrUnauthorized,
	http.StatusForbidden:           ErrForbidden,
	http.StatusNotFound:            ErrNotFound,
	http.StatusConflict:            ErrConflict,
	http.StatusUnprocessableEntity: ErrValidation,
	http.StatusTooManyRequests:     ErrRateLimited,
}

// NetworkError describes a request that got no complete response. The connection could not be made,
// or it broke, or the context ended, or the request was not sent because of a rate limit or a
// missing key. errors.Is matches the cause, such as context.Canceled or syscall.ECONNRESET, and
// [ErrTimeout], [ErrRateLimited] and [ErrMaybeApplied] where they apply.
type NetworkError struct {
	Operation  string        // such as "records.create"; see [OperationName]
	Method     string        // HTTP method of the request
	Host       string        // host and port of the request
	Path       string        // of the request, without its query
	Attempts   int           // the number of attempts, including failed connections; 0 if there was none
	RetryAfter time.Duration // if a rate limit stopped the request: the time until it allows the next one
	Err        error         // how the last attempt failed

	action       string
	maybeApplied bool
}

// Error says what was attempted and what failed.
func (e *NetworkError) Error() string {
	text := fmt.Sprintf("mistralobs: %s: %v (%s)", e.action, e.Err, attemptsText(e.Attempts))
	if e.maybeApplied {
		text += "; " + maybeAppliedHint
	}
	if option := limitingOption(e.Err); option != "" {
		text += "; see " + option
	}
	return text
}

// limitingOption returns the name of the option that set the limit that err has met, or "".
func limitingOption(err error) string {
	var timeout *transport.TimeoutError
	var pace *transport.PaceError
	switch {
	case errors.As(err, &timeout):
		return "WithTimeout"
	case errors.Is(err, ErrResponseTooLarge):
		return "WithMaxResponseBytes"
	case errors.As(err, &pace) && pace.Own:
		return "WithRateLimit"
	case errors.As(err, &pace) && pace.Bound != transport.ContextDeadline:
		return "WithRetry"
	}
	return ""
}

// Unwrap returns the cause.
func (e *NetworkError) Unwrap() error { return e.Err }

// Is reports whether target is a sentinel that describes the error.
func (e *NetworkError) Is(target error) bool {
	switch target {
	case ErrMaybeApplied:
		return e.maybeApplied
	case ErrRateLimited:
		return e.RetryAfter > 0
	case ErrTimeout:
		var timeout interface{ Timeout() bool }
		return errors.As(e.Err, &timeout) && timeout.Timeout()
	}
	return false
}

// LogValue returns the details as a group of attributes.
func (e *NetworkError) LogValue() slog.Value {
	attrs := requestAttrs(e.Operation, e.Method, e.Host, e.Path, e.Attempts)
	return slog.GroupValue(append(attrs, slog.String("error", e.Error()))...)
}

// interruptedError is a pause that its context ended.
type interruptedError struct {
	ended   error // of the context
	failure error // of the attempt before the pause
}

// Error describes the failure without its attempts and hint, which the outer error has too.
func (e *interruptedError) Error() string {
	failure := e.failure.Error()
	var response *Error
	if errors.As(e.failure, &response) {
		failure = response.summary()
	}
	return fmt.Sprintf("%v, while waiting to try again after: %s", e.ended, failure)
}

// Unwrap returns both causes.
func (e *interruptedError) Unwrap() []error { return []error{e.ended, e.failure} }

// TaskError means that an import task ended in a status other than COMPLETED, or no longer exists.
// The import may have created some of its records: it matches [ErrMaybeApplied] unless the result
// of the task says that none were imported.
type TaskError struct {
	Task *ImportTask // its last known state

	err error // the service's response that there is no such task, or nil
}

// Error names the task, its last status and the service's message.
func (e *TaskError) Error() string {
	if e.err != nil {
		return fmt.Sprintf("mistralobs: import task %s no longer exists, its last status was %s: %v",
			token(e.Task.ID), token(string(e.Task.Status)), bare(e.err))
	}
	text := fmt.Sprintf("mistralobs: import task %s ended as %s", token(e.Task.ID), token(string(e.Task.Status)))
	if e.Task.Message != nil && *e.Task.Message != "" {
		text += ": " + printable(*e.Task.Message)
	}
	if result := e.Task.Result; e.Task.counts() {
		return text + fmt.Sprintf(" (%d of %d records were imported)", result.Imported, result.Requested)
	}
	return text + "; some records may have been imported"
}

// Is reports whether target is [ErrMaybeApplied] and records may have been imported.
func (e *TaskError) Is(target error) bool { return target == ErrMaybeApplied && e.Task.maybeImported() }

// Unwrap returns the 404 as an [*Error] if the task no longer exists, and nil if the task ended.
func (e *TaskError) Unwrap() error { return e.err }

// LineError describes a line of a JSONL file that is not a record.
type LineError struct {
	Line int   // counted from 1, including blank lines
	Err  error // what is wrong with the line
}

// Error names the line and says what is wrong with it.
func (e *LineError) Error() string {
	return fmt.Sprintf("mistralobs: reading line %d: %v", e.Line, e.Err)
}

// Unwrap returns what is wrong with the line.
func (e *LineError) Unwrap() error { return e.Err }

// paramError is an [ErrInvalidParams]. It names the parameter, its limit and the value that was
// given.
type paramError struct{ action, field, problem string }

func (e *paramError) Error() string {
	text := e.field + ": " + e.problem
	if e.action != "" { // otherwise another error adds it
		text = "mistralobs: " + e.action + ": " + text
	}
	return text
}

func (e *paramError) Is(target error) bool { return target == ErrInvalidParams }

func invalid(field, format string, args ...any) error {
	return &paramError{field: field, problem: fmt.Sprintf(format, args...)}
}

// attempted adds the action to the text of an error about parameters or the key, or about several
// of them. It returns any other error unchanged.
func attempted(action string, err error) error {
	switch e := err.(type) { //nolint:errorlint // an error that wraps another one has its own text
	case *paramError:
		if e.action == "" {
			return &paramError{action, e.field, e.problem}
		}
	case *keyError:
		return fmt.Errorf("mistralobs: %s: %w", action, e)
	case interface{ Unwrap() []error }:
		all := slices.Clone(e.Unwrap())
		if errors.Join(all...).Error() != err.Error() {
			return err // it has a text of its own
		}
		for i, err := range all {
			all[i] = attempted(action, err)
		}
		return errors.Join(all...)
	}
	return err
}

// bare returns err without the prefix "mistralobs: ", for use inside another error that has it.
func bare(err error) error { return &bareError{err} }

type bareError struct{ error }

func (e *bareError) Error() string { return strings.TrimPrefix(e.error.Error(), "mistralobs: ") }

func (e *bareError) Unwrap() error { return e.error }
