package mistralobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// call is one call of an operation. It holds only what outlives an attempt. The library, the HTTP
// client and the attempt are fields, not pointers, so that a call is a single allocation.
type call struct {
	client       *Client
	settings     *callSettings
	req          request
	attempt      transport.Attempt
	http         http.Client          // follows redirects around the attempt
	loop         retryablehttp.Client // makes attempts; this call decides whether and when
	started      time.Time
	maybeApplied bool  // the service may have processed an attempt before the last one
	failure      error // of the attempt before the last one, nil if there was none
}

func newCall(c *Client, settings *callSettings, req request) *call {
	cl := &call{client: c, settings: settings, req: req, started: time.Now()}
	cl.attempt = transport.Attempt{
		Shared:    &c.attempts,
		Operation: transport.Operation{Name: req.name, Attempt: 1},
		Timeout:   c.cfg.attemptTimeout(settings),
		MaxBytes:  settings.maxResponse,
		MaxHold:   settings.retry.MaxWait,
		Upload:    req.upload != nil,
		MayBlock:  req.upload != nil && !req.upload.content.local,
	}
	cl.http = http.Client{Transport: &cl.attempt, CheckRedirect: c.checkRedirect, Jar: c.cfg.httpClient.Jar}
	cl.loop.HTTPClient = &cl.http
	cl.loop.RetryMax = settings.retry.MaxAttempts - 1
	cl.loop.CheckRetry = cl.checkRetry
	cl.loop.Backoff = plannedPause
	cl.loop.ErrorHandler = retryablehttp.PassthroughErrorHandler
	if cl.http.Jar != nil {
		cl.loop.PrepareRetry = cl.renewHeader
	}
	return cl
}

// plannedPause returns the pause that planNext has set as RetryWaitMin.
func plannedPause(planned, _ time.Duration, _ int, _ *http.Response) time.Duration { return planned }

// do sends the request as often as the policy allows. It returns the response of a success, or an
// error.
func (cl *call) do(ctx context.Context) (*http.Response, error) {
	req, err := cl.newRequest(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := cl.loop.Do(&req)
	last := outcome{resp, err}
	cl.report(last)
	switch {
	case err != nil:
		return nil, cl.networkError(ctx, last)
	case last.succeeded() || cl.alreadyDeleted(resp):
		return resp, nil
	}
	return nil, cl.responseError(last)
}

// attempts returns how often the request was sent.
func (cl *call) attempts(last outcome) int {
	if last.sent() {
		return cl.attempt.Operation.Attempt
	}
	return cl.attempt.Operation.Attempt - 1
}

// alreadyDeleted reports whether a DELETE found nothing since an earlier attempt had deleted it.
func (cl *call) alreadyDeleted(resp *http.Response) bool {
	return cl.req.method == http.MethodDelete && resp.StatusCode == http.StatusNotFound && cl.maybeApplied
}

// newRequest returns a value, since a pointer would be one more allocation.
func (cl *call) newRequest(ctx context.Context) (req retryablehttp.Request, err error) {
	target := cl.client.baseText + cl.req.path
	if cl.req.rawQuery != "" {
		target += "?" + cl.req.rawQuery
	}
	if req.Request, err = http.NewRequestWithContext(ctx, cl.req.method, target, nil); err != nil {
		return req, invalid("request", "%v", err)
	}
	req.Header = cl.header()
	switch { // the library buffers any other type of body
	case cl.req.upload != nil:
		err = req.SetBody(retryablehttp.ReaderFunc(cl.req.upload.open))
		req.ContentLength = cl.req.upload.size
	case cl.req.body != nil:
		err = req.SetBody(cl.req.body)
	}
	return req, err
}

// header returns the client's own map if nobody writes to it. net/http writes to it for cookies.
// Each attempt copies it to add the key.
func (cl *call) header() http.Header {
	contentType := ""
	switch {
	case cl.req.upload != nil:
		contentType = cl.req.upload.contentType
	case cl.req.body != nil:
		contentType = "application/json"
	case cl.client.cfg.httpClient.Jar == nil && cl.settings == &cl.client.cfg.callSettings:
		return cl.client.header
	}
	header := maps.Clone(cl.client.header) // shares the values: nobody appends to them
	maps.Copy(header, cl.settings.header)
	if contentType != "" {
		header["Content-Type"] = []string{contentType}
	}
	return header
}

// renewHeader removes the cookies of the attempt before, which net/http has written to the header.
func (cl *call) renewHeader(req *http.Request) error {
	req.Header = cl.header()
	return nil
}

// checkRetry is called after every attempt and reports whether to make another one. It never
// returns an error, so that the last response is returned by the library.
func (cl *call) checkRetry(ctx context.Context, resp *http.Response, err error) (bool, error) {
	last := outcome{resp, err}
	again := cl.planNext(ctx, last)
	cl.log(ctx, last, again)
	if again {
		cl.maybeApplied = cl.maybeApplied || last.maybeApplied()
		cl.failure = cl.failureOf(last)
		cl.attempt.Operation.Attempt++
	}
	return again, nil
}

// planNext decides whether to make another attempt, and sets the pause before it.
func (cl *call) planNext(ctx context.Context, last outcome) (again bool) {
	policy, attempts := cl.settings.retry, cl.attempts(last)
	if ctx.Err() != nil || attempts >= policy.MaxAttempts || !last.retryable(cl.req.creates) {
		return false
	}
	cl.loop.RetryWaitMin, again = policy.pause(ctx, attempts, last.retryAfter(), time.Since(cl.started))
	return again
}

// readResult stores the body of a success in out.
func (cl *call) readResult(resp *http.Response, out any) error {
	if resp.StatusCode >= 300 { // a DELETE that found nothing: the body is an error
		return nil
	}
	body := transport.BodyOf(resp)
	var err error
	switch out := out.(type) {
	case nil:
		if isHTML(resp.Header, body.Bytes()) {
			err = errors.New("it is a web page")
		}
	case *[]byte:
		*out = body.Bytes()
		return nil
	case *json.RawMessage:
		*out = body.Bytes()
		return nil
	default:
		if cl.req.required == nil && (cl.req.method == http.MethodHead || resp.StatusCode == http.StatusNoContent) {
			return nil
		}
		err = cl.decodeResult(body.Bytes(), out)
	}
	if err != nil {
		return cl.unexpected(resp, err)
	}
	if cl.settings.response == nil {
		cl.client.cfg.bodies.Put(body) // out holds copies only
	}
	return nil
}

// decodeResult decodes a result of an operation, or of a caller of [Client.Do].
func (cl *call) decodeResult(body []byte, out any) error {
	if cl.req.required != nil {
		return decodeResult(body, cl.req.envelope, cl.req.required, out)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("decoding the response: %w", err)
	}
	return nil
}

// failureOf returns how an attempt failed.
func (cl *call) failureOf(o outcome) error {
	if o.err != nil {
		return stripURL(o.err)
	}
	return cl.responseError(o)
}

// responseError returns a response that is not a success as an *Error.
func (cl *call) responseError(o outcome) *Error {
	e := cl.newError(o.resp)
	e.maybeApplied = cl.req.creates && o.maybeApplied()
	if e.StatusCode >= 300 && e.StatusCode < 400 {
		e.Message = cl.redirectMessage(o.resp)
		return e
	}
	e.parseBody()
	e.redact(transport.BodyOf(o.resp).HideKey)
	return e
}

// redirectMessage says why a redirect was not followed.
func (cl *call) redirectMessage(resp *http.Response) string {
	location, err := resp.Location()
	switch {
	case err != nil:
		return "a redirect without a valid Location is not followed"
	case !transport.SameOrigin(location, cl.client.base):
		return "a redirect to another origin is not followed, since that must not see the API key"
	case cl.req.method != http.MethodGet && !repeatsRequest(resp.StatusCode):
		return "a redirect that would turn the request into a GET is not followed"
	}
	return fmt.Sprintf("the redirects did not end after %d", maxRedirects)
}

// unexpected returns a success that is not the documented response as an *Error.
func (cl *call) unexpected(resp *http.Response, cause error) *Error {
	e := cl.newError(resp)
	e.maybeApplied = cl.req.creates
	body := transport.BodyOf(resp)
	e.cause, e.Message = body.HideKeyIn(cause), snippet(e.Body)
	e.redact(body.HideKey)
	return e
}

func (cl *call) newError(resp *http.Response) *Error {
	after, _ := transport.RetryAfter(resp.Header, time.Now())
	return &Error{
		StatusCode: resp.StatusCode, RequestID: requestID(resp.Header), RetryAfter: after,
		Operation: cl.req.name, Method: cl.req.method, Host: cl.client.base.Host, Path: cl.req.path,
		Body: transport.BodyOf(resp).Redacted(), Attempts: cl.attempts(outcome{resp: resp}),
		action: cl.req.action, ambiguous: cl.maybeApplied,
	}
}

// networkError returns the error of a call that ended without a response.
func (cl *call) networkError(ctx context.Context, last outcome) error {
	err := stripURL(last.err)
	attempts := cl.attempts(last)
	if attempts > 0 && !last.sent() && (errors.Is(err, ErrNoAPIKey) || errors.Is(err, ErrInvalidParams)) {
		// The key was lost between two attempts. These sentinels mean that nothing was sent.
		err = errors.New(err.Error())
	}
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		err = fmt.Errorf("%w: %w", ended, err)
	}
	if cl.failure != nil && !last.sent() {
		err = &interruptedError{err, cl.failure}
	}
	return &NetworkError{
		Operation: cl.req.name, Method: cl.req.method, Host: cl.client.base.Host, Path: cl.req.path,
		Attempts: attempts, RetryAfter: paceLeft(err), Err: err,
		action: cl.req.action, maybeApplied: cl.req.creates && last.maybeApplied(),
	}
}

// paceLeft returns how long the request would have waited for its turn.
func paceLeft(err error) time.Duration {
	var pace *transport.PaceError
	if errors.As(err, &pace) {
		return pace.RetryAfter
	}
	return 0
}

// stripURL removes the *url.Error of net/http, whose text holds the whole URL. The error of a
// redirect is replaced, since net/http puts the Location into its text.
func stripURL(err error) error {
	var outer *url.Error
	if !errors.As(err, &outer) {
		return err
	}
	var attempt *transport.Error
	if !errors.As(err, &attempt) {
		return errors.New("the response is a redirect whose Location is not a valid URL")
	}
	return attempt
}

func (cl *call) log(ctx context.Context, last outcome, again bool) {
	level, message := slog.LevelDebug, "mistralobs: request"
	if again {
		level, message = slog.LevelWarn, "mistralobs: request failed, trying again"
	}
	logger := cl.client.cfg.logger
	if !logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("operation", cl.req.name), slog.String("method", cl.req.method), slog.String("path", cl.req.path),
		slog.Int("attempt", cl.attempts(last)), slog.Duration("elapsed", last.elapsed()),
		slog.Duration("total", time.Since(cl.started)),
	}
	if last.err != nil {
		attrs = append(attrs, slog.String("error", stripURL(last.err).Error()))
	} else {
		attrs = append(attrs, slog.Int("status", last.resp.StatusCode))
		attrs = append(attrs, slog.String("request_id", requestID(last.resp.Header)))
	}
	if again {
		attrs = append(attrs, slog.Duration("wait", cl.loop.RetryWaitMin))
	}
	logger.LogAttrs(ctx, level, message, attrs...)
}

// report stores the last response where the caller wants it.
func (cl *call) report(last outcome) {
	to := cl.settings.response
	if to == nil {
		return
	}
	*to = Response{Attempts: cl.attempts(last)}
	if resp := last.resp; resp != nil {
		to.StatusCode, to.Header, to.RequestID = resp.StatusCode, resp.Header, requestID(resp.Header)
		to.Body = transport.BodyOf(resp).Bytes()
	}
}
