package mistralobs

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/url"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// RetryPolicy limits how often and for how long a failed request is retried. The zero value of a
// field means its default.
//
// You cannot change which requests are retried. Reads, updates, deletions, searches and the judge
// are retried after transient network errors, and after 408, 429, 500, 502, 503 and 504. A request
// that creates something is retried only if the service cannot have processed it: no connection was
// made, the service said over HTTP/2 that it did not process the request, or the response was 429,
// or 503 with a Retry-After.
type RetryPolicy struct {
	// MaxAttempts is the largest number of attempts, including the first. 1 turns retries off. The
	// default is 5.
	MaxAttempts int
	// MinWait and MaxWait limit each pause. The n-th pause, from 1, is random: between MinWait and
	// the smaller of MaxWait and MinWait * 2^n. The client waits for a Retry-After of up to
	// MaxWait. If the Retry-After is longer, the call returns the error at once. The same holds for
	// a Retry-After that another call of the client got: the error is then a NetworkError that
	// matches ErrRateLimited. The defaults are 500 ms and 30 s.
	MinWait, MaxWait time.Duration
	// MaxElapsed limits when the last attempt starts, counted from the start of the call, including
	// time spent waiting for a rate limit of the service. The call itself can take longer, by one
	// attempt. The default is 2 minutes.
	MaxElapsed time.Duration
}

var defaultRetryPolicy = RetryPolicy{
	MaxAttempts: 5,
	MinWait:     500 * time.Millisecond,
	MaxWait:     30 * time.Second,
	MaxElapsed:  2 * time.Minute,
}

func (p RetryPolicy) withDefaults() (RetryPolicy, error) {
	if p.MaxAttempts < 0 || p.MinWait < 0 || p.MaxWait < 0 || p.MaxElapsed < 0 {
		return p, invalid("WithRetry", "no field of the policy may be negative, "+
			"got MaxAttempts %d, MinWait %v, MaxWait %v, MaxElapsed %v",
			p.MaxAttempts, p.MinWait, p.MaxWait, p.MaxElapsed)
	}
	d := defaultRetryPolicy
	if p.MaxAttempts == 0 {
		p.MaxAttempts = d.MaxAttempts
	}
	if p.MaxWait == 0 {
		p.MaxWait = max(d.MaxWait, p.MinWait)
	}
	if p.MinWait == 0 {
		p.MinWait = min(d.MinWait, p.MaxWait)
	}
	if p.MaxElapsed == 0 {
		p.MaxElapsed = d.MaxElapsed
	}
	if p.MinWait > p.MaxWait {
		return p, invalid("WithRetry", "MinWait %v is longer than MaxWait %v", p.MinWait, p.MaxWait)
	}
	return p, nil
}

// pause decides every pause: of API calls, downloads and polls. It returns the pause after a number
// of failures, which is 1 or more. retryAfter is 0 if the service did not ask for a pause. elapsed
// is the time since the first attempt.
//
// It returns false if the pause would be too long: longer than MaxWait, beyond MaxElapsed, or
// beyond the deadline of ctx.
func (p RetryPolicy) pause(ctx context.Context, failures int, retryAfter, elapsed time.Duration) (time.Duration, bool) {
	longest := p.MaxWait
	left := time.Duration(1<<63 - 1)
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
		longest = min(longest, left)
	}
	wait := p.backoff(failures)
	if retryAfter > 0 {
		if retryAfter > longest {
			return 0, false
		}
		// Slightly longer than asked for, if there is time, so that clients with the same
		// Retry-After do not retry at the same moment.
		wait = retryAfter + randomPart(min(retryAfter/10, (longest-retryAfter)/2))
	}
	return wait, wait < left && wait <= p.MaxElapsed-elapsed
}

// backoff returns a random pause that grows with the number of failures.
func (p RetryPolicy) backoff(failures int) time.Duration {
	longest := p.MaxWait
	if doublings := min(failures, 62); p.MinWait <= p.MaxWait>>doublings {
		longest = p.MinWait << doublings
	}
	return p.MinWait + randomPart(longest-p.MinWait)
}

// randomPart returns a random part of d.
func randomPart(d time.Duration) time.Duration { return time.Duration(rand.Float64() * float64(d)) }

// outcome is how one attempt ended: with a response or with an error.
type outcome struct {
	resp *http.Response
	err  error
}

func (o outcome) succeeded() bool {
	return o.err == nil && o.resp.StatusCode >= 200 && o.resp.StatusCode < 300
}

// reach says how far the request got.
func (o outcome) reach() transport.Reach {
	if o.err == nil {
		return transport.MayHaveArrived
	}
	return reachOf(o.err)
}

// reachOf returns how far a request got that ended with err. A *url.Error without a transport.Error
// means that net/http could not follow a redirect of the service. Any other error comes from a
// pause that the context ended.
func reachOf(err error) transport.Reach {
	var attempt *transport.Error
	var wrapped *url.Error
	switch {
	case errors.As(err, &attempt):
		return attempt.Reach
	case errors.As(err, &wrapped):
		return transport.MayHaveArrived
	}
	return transport.NotSent
}

// sent reports whether the request was handed to the network.
func (o outcome) sent() bool { return o.reach() != transport.NotSent }

// maybeApplied reports whether the service may have processed the request.
func (o outcome) maybeApplied() bool {
	if o.err != nil {
		return o.reach() == transport.MayHaveArrived
	}
	status := o.resp.StatusCode
	clientError := status >= 400 && status < 500 && status != http.StatusRequestTimeout
	return !clientError && !repeatsRequest(status) && !o.unavailable()
}

// repeatsRequest reports whether a redirect asks for the same request, with its body, at another
// URL.
func repeatsRequest(status int) bool {
	return status == http.StatusTemporaryRedirect || status == http.StatusPermanentRedirect
}

// unavailable reports whether the response proves that the service was too busy to process the
// request. A 503 without a Retry-After does not: proxies also send it if a connection breaks after
// they have passed the request on.
func (o outcome) unavailable() bool {
	_, given := transport.RetryAfter(o.resp.Header, time.Now())
	return given && o.resp.StatusCode == http.StatusServiceUnavailable
}

// retryable reports whether the request may be sent again; see [RetryPolicy].
func (o outcome) retryable(creates bool) bool {
	if creates && o.maybeApplied() {
		return false
	}
	if o.err != nil {
		return !permanent(o.err)
	}
	return retryableStatus(o.resp.StatusCode)
}

func (o outcome) retryAfter() time.Duration {
	if o.err != nil {
		return 0
	}
	after, _ := transport.RetryAfter(o.resp.Header, time.Now())
	return after
}

// elapsed returns how long the attempt took, without the wait for the rate limit.
func (o outcome) elapsed() time.Duration {
	if o.err == nil {
		return transport.BodyOf(o.resp).Elapsed
	}
	var attempt *transport.Error
	if errors.As(o.err, &attempt) {
		return attempt.Elapsed
	}
	return 0
}

// retryableStatus reports whether a response with this status is a transient failure.
func retryableStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// permanent reports whether another attempt would meet the same error: nothing was sent, a redirect
// cannot be followed, or the two sides cannot talk to each other.
func permanent(err error) bool {
	var attempt *transport.Error
	if !errors.As(err, &attempt) {
		return true
	}
	return attempt.Reach == transport.NotSent || transport.Permanent(err)
}

// IsTransient reports whether a call that failed with err may succeed later: after status 408, 429,
// 500, 502, 503 or 504, after most network errors, and if a rate limit stopped the request. The
// call has retried already, as its [RetryPolicy] says. A repeat is not always safe: see
// [ErrMaybeApplied]. If the context of the call has ended, the result means nothing. Of joined
// errors, the first response counts.
func IsTransient(err error) bool {
	var response *Error
	var network *NetworkError
	switch {
	case errors.As(err, &response):
		return retryableStatus(response.StatusCode)
	case errors.As(err, &network) && network.RetryAfter > 0:
		return true
	}
	return !permanent(err)
}

// retryAfterOf returns the pause that an error asks for, or 0.
func retryAfterOf(err error) time.Duration {
	var response *Error
	var network *NetworkError
	switch {
	case errors.As(err, &response):
		return response.RetryAfter
	case errors.As(err, &network):
		return network.RetryAfter
	}
	return 0
}
