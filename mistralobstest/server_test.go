package mistralobstest_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// An unstarted server works through its handler.
func TestUnstartedServer(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewUnstartedServer(mistralobstest.WithAPIKey("k"))
	defer server.Close()
	w := &recorder{header: http.Header{}}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://example.com"+datasets, http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer k")
	server.Handler().ServeHTTP(w, req)
	assert.Equal(t, 200, w.status)
	assert.JSONEq(t, `{"datasets":{"results":[],"count":0,"next":null,"previous":null}}`, w.body.String())
	assert.Empty(t, server.URL)
}
