package mistralobs_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// Errors that net/http makes of a broken response quote it, and a gateway may echo the key in it.
func TestBrokenResponsesHideTheKey(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"a transfer encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: Bearer %s\r\n\r\n",
		"a length":            "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"a header":            "HTTP/1.1 200 OK\r\nBearer %s\r\n\r\n",
		"a status line":       "Bearer %s\r\n\r\n",
		"a request ID":        "HTTP/1.1 404 Not Found\r\nX-Request-Id: %s\r\nContent-Length: 0\r\n\r\n",
		"a location":          "HTTP/1.1 200 OK\r\n: Location: https://storage.example/f?sig=%s\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			done := make(chan struct{})
			go func() {
				defer close(done)
				for {
					conn, err := listener.Accept()
					if err != nil {
						return
					}
					if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
						fmt.Fprintf(conn, response, hiddenKey)
					}
					conn.Close()
				}
			}()
			defer func() { listener.Close(); <-done }()
			var log bytes.Buffer
			client, err := mistralobs.NewClient(mistralobs.WithAPIKey(hiddenKey),
				mistralobs.WithBaseURL("http://"+listener.Addr().String()),
				mistralobs.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
				mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2, MinWait: time.Millisecond, MaxWait: time.Millisecond}))
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			err = client.Do(t.Context(), http.MethodGet, "/v1/thing", nil, nil)
			require.Error(t, err)
			assert.Empty(t, leaks(fmt.Sprintf("%v %+v %#v", err, err, err.Error())))
			assert.Empty(t, leaks(log.String()))
		})
	}
}
