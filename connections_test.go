package mistralobs

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The default transport keeps as many connections as there were requests at
// once, for the next ones, and needs one if the server speaks HTTP/2.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	const atOnce, rounds = 32, 20
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var otherProtocol atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if (r.ProtoMajor == 2) != http2 {
					otherProtocol.Add(1)
				}
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(http.StatusCreated)
				_, _ = io.WriteString(w, `{"id":"r"}`)
			}))
			server.EnableHTTP2 = http2
			accepted := countConnections(server)
			server.StartTLS()
			t.Cleanup(server.Close)

			transport := defaultTransport().(*http.Transport)
			transport.TLSClientConfig = &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
			client, err := NewClient(WithAPIKey("k"), WithBaseURL(server.URL), WithHTTPClient(&http.Client{Transport: transport}))
			require.NoError(t, err)
			t.Cleanup(client.CloseIdleConnections)
			records := func(yield func(CreateRecordParams) bool) {
				for i := 0; i < atOnce*rounds && yield(CreateRecordParams{Payload: Object("{}")}); i++ {
				}
			}
			created := 0
			for _, err := range client.Records.CreateAll(t.Context(), "d", records, BulkOptions{Concurrency: atOnce}) {
				require.NoError(t, err)
				created++
			}
			assert.Equal(t, atOnce*rounds, created)
			assert.Zero(t, otherProtocol.Load())
			most := int32(2 * atOnce) // net/http dials ahead, and uses what is free first
			if http2 {
				most = atOnce // and gives up what it need not have dialed
			}
			assert.LessOrEqual(t, accepted.Load(), most)
		})
	}
}

func countConnections(server *httptest.Server) *atomic.Int32 {
	var accepted atomic.Int32
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			accepted.Add(1)
		}
	}
	return &accepted
}
