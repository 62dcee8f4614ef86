package mistralobstest_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// In a bubble the limit uses the fake clock, so every refusal and every Retry-After is exact.
func TestRateLimit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		opts       []mistralobstest.Option
		retryAfter string
	}{
		{name: "with Retry-After", retryAfter: "2"},
		{name: "without Retry-After", opts: []mistralobstest.Option{mistralobstest.WithoutRetryAfter()}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				opts := []mistralobstest.Option{mistralobstest.WithInMemoryNetwork(),
					mistralobstest.WithRateLimit(0.5, 2)}
				a := newAPI(t, append(opts, test.opts...)...)
				steps := []struct {
					wait   time.Duration
					status int
				}{
					{status: 200},
					{status: 200},
					{status: 429},
					{wait: 1999 * time.Millisecond, status: 429},
					{wait: time.Millisecond, status: 200},
					{status: 429},
					{wait: time.Hour, status: 200},
					{status: 200},
					{status: 429},
				}
				refused := 0
				for i, step := range steps {
					time.Sleep(step.wait)
					r := a.do("GET", datasets, "")
					assert.Equal(t, step.status, r.status, i)
					if step.status == 429 && step.wait == 0 {
						assert.Equal(t, test.retryAfter, r.header.Get("Retry-After"), i)
						assert.Equal(t, "rate_limited", r.json(t, "type"))
					}
				}
				for _, request := range a.server.Requests() {
					if request.Status == 429 {
						refused++
					}
				}
				assert.Equal(t, 4, refused, "the log shows refusals")
				a.server.SetRateLimit(0, 0)
				assert.Equal(t, 200, a.do("GET", datasets, "").status)
				a.server.Close()
			})
		})
	}
}
