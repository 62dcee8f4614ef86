// Package transport makes one attempt of a request: it waits for the rate limit, adds the API key,
// limits the time, reads the whole response, and says how far a failed request got. It does not
// retry.
package transport

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"

	"golang.org/x/time/rate"
)

// Shared is what all attempts of a client share.
type Shared struct {
	Next     http.RoundTripper // the caller's transport
	Origin   *url.URL          // the only origin that may see the API key
	Key      func(context.Context) (Key, error)
	Limiter  *rate.Limiter // the caller's own limit, or nil
	Pacer    *Pacer
	Bodies   *BodyPool
	Protocol *Protocol
	Held     func(context.Context, time.Duration) // is called when a request waits for the rate limit

	// CloseIdle closes idle connections after a timeout, since they may be dead too. It is nil for
	// a transport that the caller has set.
	CloseIdle func()
}

// Attempt is the http.RoundTripper of one call. RoundTrip makes one attempt: it waits for the rate
// limit, gets the API key, sends the request and reads the whole response. So a response that
// breaks off is a failed attempt like any other.
//
// The order matters: the wait must not count towards the timeout, and a rotated key must be as
// fresh as possible.
//
// RoundTrip returns either a response whose body [BodyOf] returns, or an [*Error].
type Attempt struct {
	*Shared
	Timeout  time.Duration // of the whole attempt with its redirects; for an upload, since the last byte sent
	MaxBytes int64         // of the response
	Patience Patience      // how long the call waits for the rate limit
	Upload   bool          // the body is a stream
	MayBlock bool          // reading that stream may block

	timeout TimeoutError
	used    time.Duration // of the timeout, by the redirects that led to the request
}

// RoundTrip makes the attempt.
func (a *Attempt) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	key, err := a.admit(ctx, req)
	if err != nil {
		closeBody(req)
		return nil, &Error{Reach: NotSent, Err: err}
	}
	if req.Response == nil { // it is not the target of a redirect
		a.used = 0
	}
	started := time.Now()
	defer func() { a.used += time.Since(started) }()
	conn := &connection{uploads: a.Upload}
	resp, err := a.send(httptrace.WithClientTrace(ctx, conn.trace()), req, key, conn)
	if err != nil {
		a.leaveSilent(err)
		return nil, &Error{Reach: conn.reach(err), Elapsed: time.Since(started), Err: hideSecretsIn(err, key.text)}
	}
	resp.Body.(*Body).Elapsed = time.Since(started)
	return resp, nil
}

// leaveSilent closes idle connections if the attempt timed out. It does so again before the next
// attempt, when net/http has released the connection of this one.
func (a *Attempt) leaveSilent(err error) {
	if timeout := new(TimeoutError); a.CloseIdle != nil && errors.As(err, &timeout) {
		a.Protocol.silent.Store(true)
		a.CloseIdle()
	}
}

// admit waits until the request may be sent, and returns the key to send it with.
func (a *Attempt) admit(ctx context.Context, req *http.Request) (Key, error) {
	if err := ctx.Err(); err != nil {
		return Key{}, err
	}
	if !SameOrigin(req.URL, a.Origin) {
		return Key{}, errors.New("the API key is not sent to another origin than that of the base URL")
	}
	if err := a.waitForLimiter(ctx); err != nil {
		return Key{}, err
	}
	if err := a.Pacer.Wait(ctx, a.Patience, func(wait time.Duration) { a.Held(ctx, wait) }); err != nil {
		return Key{}, err
	}
	return a.Key(ctx)
}

// waitForLimiter waits for the caller's own rate limit.
func (a *Attempt) waitForLimiter(ctx context.Context) error {
	if a.Limiter == nil {
		return nil
	}
	turn := a.Limiter.Reserve()
	wait := turn.Delay()
	if wait == 0 {
		return nil
	}
	if outlasts(ctx, wait) != nil {
		turn.Cancel()
		return &PaceError{RetryAfter: wait, Own: true}
	}
	if err := Sleep(ctx, wait); err != nil {
		turn.Cancel()
		return err
	}
	return nil
}

// send sends the request with the key and reads the response.
func (a *Attempt) send(ctx context.Context, req *http.Request, key Key, conn *connection) (*http.Response, error) {
	if a.Upload {
		return a.upload(ctx, req, key, conn)
	}
	a.timeout = TimeoutError{Limit: a.Timeout}
	ctx, cancel := context.WithTimeoutCause(ctx, a.Timeout-a.used, &a.timeout)
	defer cancel()
	return a.exchange(ctx, withKey(ctx, req, key), key, conn)
}

// upload sends a request whose body is a stream: each byte restarts the timeout.
func (a *Attempt) upload(ctx context.Context, req *http.Request, key Key, conn *connection) (*http.Response, error) {
	ctx, timer := NewIdleTimer(ctx, a.Timeout)
	defer timer.Stop()
	gate := newBodyGate(ctx, timer, a.MayBlock)
	req = withKey(ctx, req, key)
	gate.guard(req)
	resp, err := a.exchange(ctx, req, key, conn)
	gate.shut()
	if failure := gate.failure(); failure != nil && err != nil {
		return nil, &SourceError{failure}
	}
	return resp, err
}

// withKey returns a copy of the request, since the caller of a RoundTripper keeps its own.
func withKey(ctx context.Context, req *http.Request, key Key) *http.Request {
	req = req.WithContext(ctx)
	req.Header = req.Header.Clone()
	req.Header.Set("Authorization", "Bearer "+key.text)
	return req
}

// exchange sends the attempt's own copy of a request and reads the response.
func (a *Attempt) exchange(ctx context.Context, req *http.Request, key Key, conn *connection) (*http.Response, error) {
	if a.CloseIdle != nil && a.Protocol.silent.Swap(false) {
		a.CloseIdle()
	}
	a.Protocol.preventReplay(req, conn)
	sent := time.Now()
	resp, err := a.Next.RoundTrip(req)
	if err != nil {
		return nil, explain(ctx, err)
	}
	if resp == nil {
		return nil, errNothing
	}
	a.Protocol.responded(resp)
	if resp.Body == nil { // as some transports in tests return it
		resp.Body = http.NoBody
	}
	defer resp.Body.Close()
	if a.Upload || req.ContentLength > http2Window {
		// An HTTP/2 response that comes before all of the request is sent does not end with its
		// context.
		wire := resp.Body // which is replaced below, perhaps while the function runs
		defer context.AfterFunc(ctx, func() { wire.Close() })()
	}
	if req.Method == http.MethodHead {
		resp.ContentLength = 0 // it is that of a GET
	}
	body, err := readBody(resp, a.MaxBytes, a.Bodies)
	if err == nil && (resp.StatusCode < 300 && resp.ContentLength < 0 || resp.StatusCode/100 == 3) {
		// The end of the context closes the connection. Some servers then end the body properly. A
		// redirect must not restart the timeout of an upload.
		err = ctx.Err()
	}
	if err != nil {
		return nil, explain(ctx, err)
	}
	a.pace(resp, sent)
	body.key = key.text
	resp.Body = body
	return resp, nil
}

var errNothing = errors.New("the transport returned neither a response nor an error")

// http2Window is how many bytes an HTTP/2 request sends before the server must accept some.
const http2Window = 64<<10 - 1

// pace adapts the pace of all callers to a response. sent is when its request was sent. A
// Retry-After of 0, or one that is too long for the call's own patience, does not delay other
// calls.
func (a *Attempt) pace(resp *http.Response, sent time.Time) {
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		after, given := RetryAfter(resp.Header, time.Now())
		if after <= a.Patience.Pause && (after > 0 || !given) {
			a.Pacer.Limited(sent, after)
		}
	case http.StatusServiceUnavailable:
		a.Pacer.Unavailable()
	default:
		a.Pacer.Succeeded(sent)
	}
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}
