package mistralobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// call is one call of an operation. It holds what outlives an attempt.
type call struct {
	client       *Client
	settings     *callSettings
	req          request
	started      time.Time
	sent         int           // attempts that were handed to the network
	pause        time.Duration // before the next attempt
	maybeApplied bool          // the service may have processed an attempt before the last one
	failure      error         // of the attempt before the last one, or nil
}

// loop returns the client that makes the attempts. The call decides whether and when to make
// another one.
func (cl *call) loop(ctx context.Context) *retryablehttp.Client {
	c := cl.client
	attempt := &transport.Attempt{
		Shared:   &c.attempts,
		Timeout:  c.cfg.attemptTimeout(cl.settings),
		MaxBytes: cl.settings.maxResponse,
		Patience: transport.Patience{
			Pause: cl.settings.retry.MaxWait, Until: cl.started.Add(cl.settings.retry.MaxElapsed),
		},
		Upload:   cl.req.upload != nil,
		MayBlock: cl.req.upload != nil && !cl.req.upload.content.local,
	}
	return &retryablehttp.Client{
		// net/http follows redirects, and makes each request with attempt.
		HTTPClient: &http.Client{Transport: attempt, CheckRedirect: c.checkRedirect, Jar: c.cfg.httpClient.Jar},
		RetryMax:   cl.settings.retry.MaxAttempts - 1,
		CheckRetry: cl.checkRetry,
		Backoff:    func(_, _ time.Duration, _ int, _ *http.Response) time.Duration { return cl.pause },
		PrepareRetry: func(req *http.Request) error {
			*req = *req.WithContext(cl.numbered(ctx))
			req.Header = cl.header() // net/http adds cookies to the header of an attempt
			return nil
		},
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
	}
}

// numbered returns a context that names the operation and numbers the next attempt.
func (cl *call) numbered(ctx context.Context) context.Context {
	return transport.WithOperation(ctx, transport.Operation{Name: cl.req.name, Attempt: cl.sent + 1})
}

// do sends the request as often as the policy allows. It returns the response of a success, or an
// error.
func (cl *call) do(ctx context.Context) (*http.Response, error) {
	req, err := cl.newRequest(cl.numbered(ctx))
	if err != nil {
		return nil, err
	}
	resp, err := cl.loop(ctx).Do(req)
	last := outcome{resp, err}
	cl.report(last)
	switch {
	case err != nil:
		return nil, cl.networkError(ctx, last)
	case last.succeeded() || cl.alreadyApplied(resp):
		return resp, nil
	}
	return nil, cl.responseError(last)
}

// alreadyApplied reports whether the response shows that an earlier attempt was applied: a DELETE
// finds nothing, or an update changes nothing.
func (cl *call) alreadyApplied(resp *http.Response) bool {
	switch {
	case !cl.maybeApplied:
		return false
	case cl.req.method == http.MethodDelete:
		return resp.StatusCode == http.StatusNotFound
	}
	return cl.req.unchanged != "" && cl.responseError(outcome{resp: resp}).Code == cl.req.unchanged
}

func (cl *call) newRequest(ctx context.Context) (*retryablehttp.Request, error) {
	target := cl.client.baseText + cl.req.path
	if cl.req.rawQuery != "" {
		target += "?" + cl.req.rawQuery
	}
	plain, err := http.NewRequestWithContext(ctx, cl.req.method, target, nil)
	if err != nil {
		return nil, invalid("request", "%v", err)
	}
	plain.Header = cl.header()
	req := &retryablehttp.Request{Request: plain}
	switch { // the library buffers any other type of body
	case cl.req.upload != nil:
		err = req.SetBody(retryablehttp.ReaderFunc(cl.req.upload.open))
		req.ContentLength = cl.req.upload.size
	case cl.req.body != nil:
		err = req.SetBody(cl.req.body)
	}
	return req, err
}

// header returns the headers of the request, without the key.
func (cl *call) header() http.Header {
	header := cl.settings.header.Clone()
	header.Set("Accept", "application/json")
	header.Set("User-Agent", cl.client.agent)
	switch {
	case cl.req.upload != nil:
		header.Set("Content-Type", cl.req.upload.contentType)
	case cl.req.body != nil:
		header.Set("Content-Type", "application/json")
	}
	return header
}

// checkRetry is called after every attempt. It reports whether to make another one, and computes
// the pause before it. It never returns an error, so that the library returns the last response.
func (cl *call) checkRetry(ctx context.Context, resp *http.Response, err error) (again bool, _ error) {
	last := outcome{resp, err}
	if last.sent() {
		cl.sent++
	}
	policy := cl.settings.retry
	if ctx.Err() == nil && cl.sent < policy.MaxAttempts && last.retryable(cl.req.creates) {
		cl.pause, again = policy.pause(ctx, cl.sent, last.retryAfter(), time.Since(cl.started))
	}
	cl.log(ctx, last, again)
	if again {
		cl.maybeApplied = cl.maybeApplied || last.maybeApplied()
		cl.failure = cl.failureOf(last)
	}
	return again, nil
}

// readResult stores the body of a success in out.
func (cl *call) readResult(resp *http.Response, out any) error {
	if resp.StatusCode >= 300 { // see alreadyApplied: the body is an error, not a result
		return nil
	}
	body := transport.BodyOf(resp)
	var err error
	switch out := out.(type) {
	case nil:
		if isMarkup(resp.Header, body.Bytes()) {
			err = errors.New("it is a web page or XML")
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

// decodeResult decodes the result of an operation, or of [Client.Do].
func (cl *call) decodeResult(body []byte, out any) error {
	if cl.req.required != nil {
		return decodeResult(body, cl.req.envelope, cl.req.required, out)
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("decoding the response: %w", err)
	}
	return nil
}

// failureOf returns the error of an attempt.
func (cl *call) failureOf(o outcome) error {
	if o.err != nil {
		return stripURL(o.err)
	}
	return cl.responseError(o)
}

// responseError returns an *Error for a response that is not a success.
func (cl *call) responseError(o outcome) *Error {
	e := cl.newError(o.resp)
	e.maybeApplied = cl.req.creates && o.maybeApplied()
	if e.StatusCode >= 300 && e.StatusCode < 400 {
		e.Message = cl.redirectMessage(o.resp)
		return e
	}
	e.parseBody(transport.BodyOf(o.resp).Bytes(), transport.BodyOf(o.resp).Hide)
	return e
}

// redirectMessage says why a redirect was not followed.
func (cl *call) redirectMessage(resp *http.Response) string {
	location, err := resp.Location()
	switch {
	case err != nil:
		return "a redirect without a valid Location is not followed"
	case !transport.SameOrigin(location, cl.client.base):
		return "a redirect to another origin is not followed, because it must not see the API key"
	case cl.req.method != http.MethodGet && !repeatsRequest(resp.StatusCode):
		return "a redirect that would turn the request into a GET is not followed"
	}
	return fmt.Sprintf("the redirects did not end after %d", maxRedirects)
}

// unexpected returns an *Error for a 2xx response that is not as documented.
func (cl *call) unexpected(resp *http.Response, cause error) *Error {
	e := cl.newError(resp)
	e.maybeApplied = cl.req.creates
	body := transport.BodyOf(resp)
	e.cause, e.Message = body.HideIn(cause), transport.HideQueries(snippet(e.Body))
	return e
}

func (cl *call) newError(resp *http.Response) *Error {
	after, _ := transport.RetryAfter(resp.Header, time.Now())
	body := transport.BodyOf(resp)
	return &Error{
		StatusCode: resp.StatusCode, RequestID: body.Hide(requestID(resp.Header)), RetryAfter: after,
		Header:    hideInHeader(resp.Header, body.Hide),
		Operation: cl.req.name, Method: cl.req.method, Host: cl.client.base.Host, Path: cl.req.path,
		Body: body.Redacted(), Attempts: cl.sent,
		action: cl.req.action, keyName: cl.client.cfg.keyName, ambiguous: cl.maybeApplied,
	}
}

// hideInHeader returns a copy of a header with hide applied to its values.
func hideInHeader(header http.Header, hide func(string) string) http.Header {
	header = header.Clone()
	for _, values := range header {
		for i, value := range values {
			values[i] = hide(value)
		}
	}
	return header
}

// networkError returns the error of a call that ended without a response.
func (cl *call) networkError(ctx context.Context, last outcome) error {
	err := stripURL(last.err)
	if cl.sent > 0 && !last.sent() && (errors.Is(err, ErrNoAPIKey) || errors.Is(err, ErrInvalidParams)) {
		// The key went missing after an attempt. These sentinels would say that nothing was sent.
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
		Attempts: cl.sent, RetryAfter: paceLeft(err), Err: err,
		action: cl.req.action, maybeApplied: cl.req.creates && last.maybeApplied(),
	}
}

// paceLeft returns how long the rate limit would have delayed the request, or 0.
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
		slog.Int("attempt", cl.sent), slog.Duration("elapsed", last.elapsed()),
		slog.Duration("total", time.Since(cl.started)),
	}
	if last.err != nil {
		attrs = append(attrs, slog.String("error", stripURL(last.err).Error()))
	} else {
		attrs = append(attrs, slog.Int("status", last.resp.StatusCode))
		attrs = append(attrs, slog.String("request_id", transport.BodyOf(last.resp).Hide(requestID(last.resp.Header))))
	}
	if again {
		attrs = append(attrs, slog.Duration("wait", cl.pause))
	}
	logger.LogAttrs(ctx, level, message, attrs...)
}

// report stores the last response where the caller wants it.
func (cl *call) report(last outcome) {
	to := cl.settings.response
	if to == nil {
		return
	}
	*to = Response{Attempts: cl.sent}
	if resp := last.resp; resp != nil {
		to.StatusCode, to.Header, to.RequestID = resp.StatusCode, resp.Header, requestID(resp.Header)
		to.Body = transport.BodyOf(resp).Bytes()
	}
}
