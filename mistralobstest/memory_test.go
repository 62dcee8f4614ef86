package mistralobstest_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// Inside a bubble, waits take no real time, and Close ends every goroutine.
func TestInMemoryNetwork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, mistralobstest.WithInMemoryNetwork(), mistralobstest.WithLatency(time.Hour))
		start := time.Now()
		a.dataset()
		assert.Equal(t, time.Hour, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		body := strings.NewReader(`{"name":"Never made","description":""}`)
		req, err := http.NewRequestWithContext(ctx, "POST", a.server.URL+datasets, body)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+a.server.APIKey)
		_, err = a.client.Do(req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(2 * time.Hour)
		assert.Len(t, a.server.Datasets(), 1, "the server drops the request of a client that has left")
		_, err = a.try("GET", "http://another.example/", "")
		require.Error(t, err, "it reaches no other host")
		a.server.Close()
		assert.Zero(t, a.server.OpenConnections())
		_, err = a.try("GET", datasets, "")
		require.Error(t, err)
	})
}
