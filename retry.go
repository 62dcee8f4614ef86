package mistralobs

import (
	"context"
	"crypto/tls"
	"errors"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryPolicy says how often and how long a failed request is sent again.
//
// What may be sent again is not a matter of taste and not settable: reads,
// deletes, PUT, PATCH and the judge after any network error (but an unknown host
// and a bad certificate) and 408, 429, 500, 502, 503 and 504; what creates something only when the service cannot have
// acted (no connection was made, or 429, or 503 with a Retry-After).
type RetryPolicy struct {
	// MaxAttempts is how often a request is sent at most, the first time
	// included; 1 means never again. The default is 5.
	MaxAttempts int
	// MinWait and MaxWait bound each wait. The n-th wait is drawn evenly from
	// MinWait to MinWait doubled n times, capped at MaxWait. A Retry-After of
	// the service is waited for if it is at most MaxWait; otherwise the error
	// comes back at once. The defaults are 500 ms and 30 s.
	MinWait, MaxWait time.Duration
	// MaxElapsed ends the attempts: no wait for another is begun that would end
	// later than this after the call began. What a rate limit makes it wait
	// beyond that does not count. The default is 2 minutes.
	MaxElapsed time.Duration
}

// DefaultRetryPolicy returns the policy of a client that is not told another.
func DefaultRetryPolicy() RetryPolicy {
	return RetryPolicy{MaxAttempts: 5, MinWait: 500 * time.Millisecond, MaxWait: 30 * time.Second, MaxElapsed: 2 * time.Minute}
}

func (p RetryPolicy) withDefaults() (RetryPolicy, error) {
	if p.MaxAttempts < 0 || p.MinWait < 0 || p.MaxWait < 0 || p.MaxElapsed < 0 {
		return p, invalid("WithRetry", "no field of the policy may be negative, got %+v", p)
	}
	d := DefaultRetryPolicy()
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

// wait draws the pause after the n-th failure, counted from 1.
func (p RetryPolicy) wait(n int) time.Duration {
	limit := p.MaxWait
	if doublings := min(n, 62); p.MinWait <= p.MaxWait>>doublings {
		limit = p.MinWait << doublings
	}
	return p.MinWait + rand.N(limit-p.MinWait+1)
}

// longestWait is how long a Retry-After may be to be waited for.
func (p RetryPolicy) longestWait(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(p.MaxWait, time.Until(deadline))
	}
	return p.MaxWait
}

// waitFor is the pause after a Retry-After: what the service asked for, and a
// little more if there is time for it, so that clients told the same do not
// come back together.
func waitFor(retryAfter, most time.Duration) time.Duration {
	return retryAfter + rand.N(min(retryAfter/10, (most-retryAfter)/2)+1)
}

// retryableStatus lists the answers after which a request that does no harm twice is repeated.
func retryableStatus(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// refused tells whether an answer proves that the service did not act: it was
// too busy. A bare 503 does not, since proxies send it for a connection that
// broke after the request was passed on.
func refused(status int, header http.Header) bool {
	if status == http.StatusServiceUnavailable {
		_, told := parseRetryAfter(header, time.Now())
		return told
	}
	return status == http.StatusTooManyRequests
}

// permanent tells whether a network error would only come again.
func permanent(err error) bool {
	var local *localError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &local), errors.As(err, &cert), errors.Is(err, ErrResponseTooLarge):
		return true
	case errors.As(err, &dns):
		return dns.IsNotFound
	}
	return false
}

// localError is a failure to prepare a request: nothing was sent, and nothing would change that.
type localError struct{ err error }

func (e *localError) Error() string { return e.err.Error() }
func (e *localError) Unwrap() error { return e.err }

// neverConnected tells whether err proves that no connection was made.
func neverConnected(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	var local *localError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || errors.As(err, &cert) || errors.As(err, &local)
}

// parseRetryAfter reads a Retry-After of seconds or any HTTP date. Something
// else, or something negative, counts as absent; a date in the past as zero.
func parseRetryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := strings.TrimSpace(header.Get("Retry-After"))
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		if seconds < 0 {
			return 0, false
		}
		return time.Duration(min(seconds, math.MaxInt64/int64(time.Second))) * time.Second, true
	}
	if digits(value) { // more seconds than an int64 holds
		return math.MaxInt64, true
	}
	date, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(0, date.Sub(now)), true
}

func digits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// sleep waits for d, or less if the context ends, whose error it returns.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
