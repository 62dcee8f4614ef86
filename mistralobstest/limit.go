package mistralobstest

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// WithRateLimit limits API requests to perSecond on average, and to burst at once. The response to
// other requests is 429 with a Retry-After in whole seconds (see [WithoutRetryAfter]). 0 or less
// means no limit, which is the default. Downloads of exports do not count. The limit uses
// [time.Now], which a [testing/synctest] bubble fakes, and not the clock of [WithClock].
//
// [Server.Requests] has the refused requests, with Status 429.
func WithRateLimit(perSecond float64, burst int) Option {
	return func(o *options) { o.perSecond, o.burst = perSecond, burst }
}

// WithoutRetryAfter omits the Retry-After header if the rate limit refuses a request, as some
// gateways do.
func WithoutRetryAfter() Option {
	return func(o *options) { o.noRetryAfter = true }
}

// SetRateLimit changes the setting of [WithRateLimit]. The new limit starts with a full burst.
func (s *Server) SetRateLimit(perSecond float64, burst int) {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	s.limiter = newLimiter(perSecond, burst)
}

func newLimiter(perSecond float64, burst int) *rate.Limiter {
	if perSecond <= 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(burst, 1))
}

// limit counts a request. It returns a failure if the rate limit refuses the request.
func (s *Server) limit() *failure {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	now := time.Now()
	if s.limiter == nil || s.limiter.AllowN(now, 1) {
		return nil
	}
	f := platformError(http.StatusTooManyRequests, "rate_limited", "1300", "Rate limit exceeded")
	if !s.options.noRetryAfter {
		missing := 1 - s.limiter.TokensAt(now)
		wait := math.Ceil(missing / float64(s.limiter.Limit()))
		f.header.Set("Retry-After", strconv.Itoa(max(1, int(wait))))
	}
	return f
}
