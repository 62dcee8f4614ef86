package mistralobstest

import (
	"net/http"
	"strconv"

	"golang.org/x/time/rate"
)

// WithRateLimit limits API requests to perSecond on average, with burst at
// once. The server refuses others with 429 and a Retry-After in seconds. There
// is no limit by default, nor if perSecond is not positive. Export links are
// not limited.
func WithRateLimit(perSecond float64, burst int) Option {
	return func(o *options) { o.perSecond, o.burst = perSecond, burst }
}

// SetRateLimit changes the setting of [WithRateLimit]. It starts with a full burst.
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

// limit returns a failure if the rate limit refuses a request now.
func (s *Server) limit() *failure {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	if s.limiter == nil || s.limiter.Allow() {
		return nil
	}
	f := platformError(http.StatusTooManyRequests, "rate_limited", "1300", "Rate limit exceeded")
	wait := 1 / float64(s.limiter.Limit())
	f.header.Set("Retry-After", strconv.Itoa(int(wait)+1))
	return f
}
