package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// call is one use of an operation: the request, its attempts, and what is known of the last one.
type call struct {
	client   *Client
	settings *callSettings
	req      request
	method   string
	path     string

	started   time.Time
	attempts  int
	wait      time.Duration // before the next attempt
	ambiguous bool          // an attempt that is over may have been carried out
	gone      bool          // the repeat of a DELETE found nothing
	used      bool          // it would have been sent again, but for its source
	failure   error         // of the last attempt, nil if it has none yet

	// Of the current attempt.
	answer  *answer
	sent    bool // it was handed to the transport
	waiting atomic.Bool
	wired   atomic.Bool
}

// answer is what came back, its body read to the end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func newCall(c *Client, settings *callSettings, req request, method, path string) *call {
	return &call{client: c, settings: settings, req: req, method: method, path: path, started: time.Now()}
}

// do sends the request as often as the policy wants, and fails unless the last answer is a 2xx.
func (cl *call) do(ctx context.Context) error {
	ctx = context.WithValue(ctx, operationKey{}, cl)
	req, err := cl.newRequest(ctx)
	if err != nil {
		return err
	}
	// The library is the loop; what it decides by is this call's own.
	loop := retryablehttp.Client{
		HTTPClient:   cl.client.api,
		RetryMax:     cl.settings.retry.MaxAttempts - 1,
		CheckRetry:   cl.checkRetry,
		Backoff:      func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return cl.wait },
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
	resp, err := loop.Do(req)
	if resp != nil {
		resp.Body.Close() // it is empty, but net/http keeps the timer of a Client.Timeout until then
	}
	if err != nil {
		return cl.networkError(ctx, err)
	}
	if status := cl.answer.status; status < 200 || status > 299 {
		cl.gone = cl.method == http.MethodDelete && status == http.StatusNotFound && cl.ambiguous
		if !cl.gone {
			return cl.answerError()
		}
	}
	return nil
}

func (cl *call) newRequest(ctx context.Context) (*retryablehttp.Request, error) {
	var body any // nil, []byte or a ReaderFunc: what the library need not buffer
	switch {
	case cl.req.upload != nil:
		body = retryablehttp.ReaderFunc(cl.req.upload.open)
	case cl.req.body != nil:
		body = cl.req.body
	}
	target := cl.client.baseText + cl.path
	if len(cl.req.query) > 0 {
		target += "?" + cl.req.query.Encode()
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, cl.method, target, body)
	if err != nil {
		return nil, invalid("request", "%v", err)
	}
	req.Header = cl.header()
	if cl.req.upload != nil {
		req.ContentLength = cl.req.upload.size
	}
	return req, nil
}

// header returns the client's own map if nobody writes to it, which is what
// net/http does for cookies; each attempt copies it to add the key.
func (cl *call) header() http.Header {
	contentType := ""
	switch {
	case cl.req.upload != nil:
		contentType = cl.req.upload.contentType
	case cl.req.body != nil:
		contentType = "application/json"
	case cl.client.api.Jar == nil && cl.settings == &cl.client.cfg.callSettings:
		return cl.client.header
	}
	header := maps.Clone(cl.client.header) // the values are shared: nobody appends to them
	maps.Copy(header, cl.settings.header)
	if contentType != "" {
		header["Content-Type"] = []string{contentType}
	}
	return header
}

// checkRetry is asked by the loop after every attempt whether to make another.
// It never returns an error, so that the last answer comes through.
func (cl *call) checkRetry(ctx context.Context, _ *http.Response, err error) (bool, error) {
	if cl.sent {
		cl.attempts++
	}
	again := cl.again(ctx, err)
	cl.log(ctx, err, again)
	if again {
		cl.ambiguous = cl.ambiguous || cl.mayHaveActed(err)
		cl.failure = cl.attemptError(err)
		cl.sent = false // from now on nothing is under way
	}
	return again, nil
}

// again decides about another attempt, and sets the wait before it.
func (cl *call) again(ctx context.Context, err error) bool {
	policy := cl.settings.retry
	if ctx.Err() != nil || cl.attempts >= policy.MaxAttempts || !cl.repeatable(err) {
		return false
	}
	cl.wait = policy.wait(cl.attempts)
	if retryAfter := cl.retryAfter(err); retryAfter > 0 {
		left := policy.longestWait(ctx)
		if retryAfter > left {
			return false
		}
		cl.wait = waitFor(retryAfter, left)
	}
	return time.Since(cl.started)+cl.wait <= policy.MaxElapsed
}

// repeatable is the rule of [RetryPolicy] about what may be sent again.
func (cl *call) repeatable(err error) bool {
	switch {
	case err != nil && permanent(err), cl.req.creates && cl.mayHaveActed(err):
		return false
	case err == nil && !retryableStatus(cl.answer.status):
		return false
	}
	cl.used = cl.req.upload != nil && !cl.req.upload.rewindable()
	return !cl.used
}

// mayHaveActed tells whether the service may have carried out the current attempt.
func (cl *call) mayHaveActed(err error) bool {
	if err != nil {
		unconnected := cl.waiting.Load() && !cl.wired.Load()
		return cl.sent && !unconnected && !neverConnected(err)
	}
	status := cl.answer.status
	clientError := status >= 400 && status < 500 && status != http.StatusRequestTimeout
	return !clientError && !refused(status, cl.answer.header)
}

func (cl *call) retryAfter(err error) time.Duration {
	if err != nil {
		return 0
	}
	after, _ := parseRetryAfter(cl.answer.header, time.Now())
	return after
}

// traced watches whether a connection is obtained, which the error alone does not
// tell. Both marks are needed: a transport that is not net/http's sets neither.
func (cl *call) traced(ctx context.Context) context.Context {
	if !cl.req.creates {
		return ctx
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { cl.waiting.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { cl.wired.Store(true) },
	})
}

// attemptError is how the current attempt failed.
func (cl *call) attemptError(err error) error {
	if err != nil {
		return bare(err)
	}
	return cl.answerError()
}

// answerError returns the answer as an *Error.
func (cl *call) answerError() *Error {
	e := cl.newError()
	e.maybeApplied = cl.req.creates && cl.mayHaveActed(nil)
	if e.StatusCode >= 300 && e.StatusCode < 400 {
		e.Message = "a redirect to another origin, or one that changes the request, is not followed"
		return e
	}
	e.fill()
	return e
}

// unexpected returns a success that cannot be understood as an *Error.
func (cl *call) unexpected(cause error) *Error {
	e := cl.newError()
	e.maybeApplied = cl.req.creates
	e.cause = cause
	e.Message = hideQueries(snippet(e.Body)) // it may hold a presigned URL
	return e
}

func (cl *call) newError() *Error {
	after, _ := parseRetryAfter(cl.answer.header, time.Now())
	return &Error{
		StatusCode: cl.answer.status, RequestID: requestID(cl.answer.header), RetryAfter: after,
		Method: cl.method, Path: cl.path, Body: cl.answer.body, Attempts: cl.attempts, action: cl.req.action, ambiguous: cl.ambiguous, used: cl.used,
	}
}

// networkError returns what ended the call when no answer did.
func (cl *call) networkError(ctx context.Context, err error) error {
	err = bare(err)
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	if waited := cl.failure; waited != nil && !cl.sent {
		err = fmt.Errorf("%w while waiting to try again after: %w", err, waited)
	}
	if cl.used {
		err = fmt.Errorf("%w; %s", err, usedHint)
	}
	return &NetworkError{
		Method: cl.method, Path: cl.path, Attempts: cl.attempts, Err: err,
		action: cl.req.action, maybeApplied: cl.req.creates && cl.mayHaveActed(err),
	}
}

const usedHint = "it was not sent again, since its Body cannot be read again (pass an io.Seeker, or no Size)"

// signedURL finds the query of a URL in a text.
var signedURL = regexp.MustCompile(`(?i)(https?:[^\s"'<>?]*)\?[^\s"'<>]*`)

func hideQueries(text string) string { return signedURL.ReplaceAllString(text, "$1?…") }

// withoutQueries returns err with another text if that shows the query of a URL.
func withoutQueries(err error) error {
	if err == nil || !signedURL.MatchString(err.Error()) {
		return err
	}
	return &redactedError{err}
}

type redactedError struct{ err error }

func (e *redactedError) Error() string { return hideQueries(e.err.Error()) }
func (e *redactedError) Unwrap() error { return e.err }

// bare takes off the *url.Error of net/http, whose text holds the whole URL.
func bare(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		return outer.Err
	}
	return err
}

func (cl *call) log(ctx context.Context, err error, again bool) {
	level, message := slog.LevelDebug, "mistralobs: request"
	if again {
		level, message = slog.LevelWarn, "mistralobs: request failed, trying again"
	}
	logger := cl.client.cfg.logger
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("operation", cl.req.name), slog.String("method", cl.method), slog.String("path", cl.path),
		slog.Int("attempt", cl.attempts), slog.Duration("elapsed", time.Since(cl.started)),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", bare(err).Error()))
	} else {
		attrs = append(attrs, slog.Int("status", cl.answer.status), slog.String("request_id", requestID(cl.answer.header)))
	}
	if again {
		attrs = append(attrs, slog.Duration("wait", cl.wait))
	}
	logger.LogAttrs(ctx, level, message, attrs...)
}

// fillResponse stores the last response where the caller wants it.
func (cl *call) fillResponse() {
	to := cl.settings.response
	if to == nil {
		return
	}
	*to = Response{Attempts: cl.attempts}
	if a := cl.answer; a != nil {
		to.StatusCode, to.Header, to.RequestID, to.Body = a.status, a.header, requestID(a.header), a.body
	}
}
