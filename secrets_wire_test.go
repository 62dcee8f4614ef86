package mistralobs_test

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// Errors that net/http makes of a broken response quote it. A gateway may echo the key in it, and a
// storage has signed queries.
func TestBrokenResponsesHideSecrets(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"a transfer encoding": "HTTP/1.1 200 OK\r\nTransfer-Encoding: Bearer %s\r\n\r\n",
		"a length":            "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n",
		"a header":            "HTTP/1.1 200 OK\r\nBearer %s\r\n\r\n",
		"a status line":       "Bearer %s\r\n\r\n",
		"a request ID":        "HTTP/1.1 404 Not Found\r\nX-Request-Id: %s\r\nContent-Length: 0\r\n\r\n",
		"a location":          "HTTP/1.1 200 OK\r\n: Location: https://storage.example/f?sig=%s\r\n\r\n",
		"a relative location": "HTTP/1.1 302 Found\r\nLocation: /f\x01?sig=%s\r\n\r\n",
		"no colon":            "HTTP/1.1 302 Found\r\nLocation //storage.example/f?sig=%s\r\n\r\n",
		"another scheme":      "HTTP/1.1 302 Found\r\nLocation: ftp://storage.example/f?sig=%s\r\nContent-Length: 0\r\n\r\n",
		"a trailer": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Location\r\n\r\n" +
			"2\r\n{}\r\n0\r\nLocation /f?sig=%s\r\n\r\n",
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
					if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
						secret := hiddenKey
						if req.Header.Get("Authorization") == "" { // the storage
							secret = "/f?sig=x"
						}
						fmt.Fprintf(conn, response, secret)
					}
					conn.Close()
				}
			}()
			defer func() { listener.Close(); <-done }()
			var log, debug bytes.Buffer
			client, err := mistralobs.NewClient(mistralobs.WithAPIKey(hiddenKey),
				mistralobs.WithBaseURL("http://"+listener.Addr().String()),
				mistralobs.WithDebugWriter(&debug),
				mistralobs.WithLogger(slog.New(slog.NewTextHandler(&log,
					&slog.HandlerOptions{Level: slog.LevelDebug}))),
				mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2, MinWait: time.Millisecond,
					MaxWait: time.Millisecond}))
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			link := fmt.Sprintf(`{"file_url":"http://%s/"}`, listener.Addr())
			storage, err := client.With(mistralobs.WithMiddleware(linkTo(link)))
			require.NoError(t, err)
			_, downloadErr := storage.Exports.Download(t.Context(), datasetID, io.Discard, mistralobs.TransferOptions{})
			callErr := client.Do(t.Context(), http.MethodGet, "/v1/thing", nil, nil)
			require.Error(t, cmp.Or(callErr, downloadErr))
			for _, err := range []error{callErr, downloadErr} {
				shown := fmt.Sprintf("%v %+v %#v", err, err, err.Error())
				if response := new(mistralobs.Error); errors.As(err, &response) {
					shown += fmt.Sprint(response.Header, string(response.Body))
				}
				assert.Empty(t, leaks(shown))
			}
			assert.Empty(t, leaks(log.String()))
			assert.Empty(t, leaks(debug.String()))
		})
	}
}

// linkTo answers every API call with a body.
func linkTo(body string) func(http.RoundTripper) http.RoundTripper {
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("Authorization") != "" {
				return reply(req, 200, body), nil
			}
			return next.RoundTrip(req)
		})
	}
}
