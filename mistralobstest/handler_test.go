package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRequestsWithoutRoute(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{method: "GET", path: "/", status: 404},
		{method: "GET", path: "/v1/observability/spans", status: 404},
		{method: "DELETE", path: datasets, status: 405, allow: "GET, POST"},
		{method: "PUT", path: datasets + "/x", status: 405, allow: "DELETE, GET, PATCH"},
		{method: "GET", path: spansPath + "/search", status: 405, allow: "POST"},
	}
	a := newAPI(t)
	for _, test := range tests {
		r := a.do(test.method, test.path, "")
		assert.Equal(t, test.status, r.status, test.path)
		assert.Equal(t, test.allow, r.header.Get("Allow"), test.path)
		assert.NotEmpty(t, r.header.Get("X-Request-Id"), test.path)
	}
}
