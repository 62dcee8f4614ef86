package mistralobs

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// FuzzPath checks that no id leads to another resource.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{
		"", ".", "..", "...", "a", "a/b", "../x", "/", "//evil.example", "a?b=c", "a#b", "a%2fb", "%2e%2e", `a\b`,
		"a\r\nX: y", "a\x00b", "ü", "\xff", "{id}", "a;b", "@evil.example", ":443", " ", "+",
	} {
		f.Add(seed, "t")
		f.Add("d", seed)
	}
	f.Fuzz(func(t *testing.T, dataset, task string) {
		req := request{route: "GET /v1/observability/datasets/{dataset_id}/tasks/{task_id}", ids: ids{dataset, task}}
		if err := req.expand(); err != nil {
			require.ErrorIs(t, err, ErrInvalidParams)
			return
		}
		assert.Equal(t, http.MethodGet, req.method)
		u, err := url.Parse("https://api.example.com/prefix" + req.path)
		require.NoError(t, err)
		assert.Equal(t, "api.example.com", u.Host)
		assert.Nil(t, u.User)
		assert.Empty(t, u.RawQuery+u.Fragment)
		assert.False(t, u.ForceQuery)
		assert.Equal(t, "/prefix"+req.path, u.EscapedPath(), "net/http sends it as it is")

		segments := strings.Split(u.EscapedPath(), "/")
		require.Len(t, segments, 8)
		for i, id := range map[int]string{5: dataset, 7: task} {
			assert.NotContains(t, []string{"", ".", ".."}, segments[i])
			sent, err := url.PathUnescape(segments[i])
			require.NoError(t, err)
			assert.Equal(t, id, sent)
			segments[i] = "*"
		}
		assert.Equal(t, "/prefix/v1/observability/datasets/*/tasks/*", strings.Join(segments, "/"))
	})
}

// The default transport keeps the connections of concurrent requests. Over HTTP/2 it needs one.
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

			own := transport.Default().(*http.Transport)
			own.TLSClientConfig = &tls.Config{
				RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
			}
			client, err := NewClient(WithAPIKey("k"), WithBaseURL(server.URL),
				WithHTTPClient(&http.Client{Transport: own}))
			require.NoError(t, err)
			t.Cleanup(client.CloseIdleConnections)
			records := func(yield func(CreateRecordParams) bool) {
				for i := 0; i < atOnce*rounds && yield(CreateRecordParams{Payload: Object("{}")}); i++ {
				}
			}
			created := 0
			for _, err := range client.Records.CreateAll(t.Context(), "d", NoErrors(records), BulkOptions{Concurrency: atOnce}) {
				require.NoError(t, err)
				created++
			}
			assert.Equal(t, atOnce*rounds, created)
			assert.Zero(t, otherProtocol.Load())
			most := int32(4 * atOnce) // net/http dials while a connection becomes idle; its own default makes hundreds
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
