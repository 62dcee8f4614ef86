package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// refuseEarly responds to each connection when it has read some bytes, and closes it.
func refuseEarly(t *testing.T, listener net.Listener, response string) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadAtLeast(conn, make([]byte, 1000), 500)
			_, _ = io.WriteString(conn, response)
			conn.Close() // with unread bytes, so that the client's kernel gets a reset
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
}

func TestEarlyRefusalOfAnUploadIsRead(t *testing.T) {
	t.Parallel()
	const refusal = "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
	for name, test := range map[string]struct {
		secure   bool
		response string
	}{
		"HTTP":        {response: refusal},
		"TLS":         {response: refusal, secure: true},
		"no response": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(nil)
			server.StartTLS()
			server.Close() // only its certificate is needed
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			origin := &url.URL{Scheme: "http", Host: listener.Addr().String()}
			if test.secure {
				origin.Scheme = "https"
				listener = tls.NewListener(listener, &tls.Config{Certificates: server.TLS.Certificates})
			}
			refuseEarly(t, listener, test.response)
			own := Default().(*http.Transport)
			own.TLSClientConfig = &tls.Config{
				RootCAs:    server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
				ServerName: "example.com",
			}
			defer own.CloseIdleConnections()
			for range 20 {
				attempt := &Attempt{Shared: &Shared{
					Next: own, Origin: origin, Pacer: NewPacer(), Protocol: &Protocol{}, Bodies: &BodyPool{},
					Key:  func(context.Context) (Key, error) { return ParseKey("secret") },
					Held: func(context.Context, time.Duration) {},
				}, Timeout: 10 * time.Second, MaxBytes: 100, Upload: true}
				body := strings.NewReader(strings.Repeat("x", 20<<20))
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, origin.String(), body)
				require.NoError(t, err)
				resp, err := attempt.RoundTrip(req)
				if test.response == "" {
					failure := new(Error)
					require.ErrorAs(t, err, &failure)
					assert.Equal(t, MayHaveArrived, failure.Reach)
					continue
				}
				require.NoError(t, err)
				assert.Equal(t, 413, resp.StatusCode)
			}
		})
	}
}
