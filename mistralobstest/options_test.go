package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// The key can change while the server runs, like the token of a service account.
func TestSetAPIKey(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithAPIKey("first"))
	status := func(key string) int { return a.do("GET", datasets, "", "Authorization", "Bearer "+key).status }
	assert.Equal(t, []int{200, 401}, []int{status("first"), status("second")})
	a.server.SetAPIKey("second")
	assert.Equal(t, []int{401, 200}, []int{status("first"), status("second")})
	assert.Equal(t, "first", a.server.APIKey)
}
