package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestRateLimit(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithRateLimit(0.5, 2))
	for _, want := range []int{200, 200, 429} {
		r := a.do("GET", datasets, "")
		assert.Equal(t, want, r.status)
		if want == 429 {
			assert.Equal(t, "3", r.header.Get("Retry-After"))
			assert.Equal(t, "rate_limited", r.json(t, "type"))
		}
	}
	a.server.SetRateLimit(0, 0)
	assert.Equal(t, 200, a.do("GET", datasets, "").status)
}
