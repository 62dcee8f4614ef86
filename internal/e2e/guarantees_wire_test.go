package e2e_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// Guarantees about connections, redirects and copies of a client, over the SDK's own transport and
// real connections.

// overWire starts a server and returns a client of it.
func overWire(t *testing.T, handler http.Handler, opts ...mistralobs.Option) (*mistralobs.Client, *httptest.Server) {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	opts = append([]mistralobs.Option{mistralobs.WithAPIKey(hiddenKey), mistralobs.WithBaseURL(server.URL)}, opts...)
	client, err := mistralobs.NewClient(opts...)
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	return client, server
}

// Whatever the status, a redirect to another origin is not followed, and a creation is not turned
// into a GET.
func redirectsStayAtTheOrigin(t *testing.T) {
	t.Parallel()
	var visits atomic.Int32
	_, other := overWire(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, target := range []string{other.URL, "//" + strings.TrimPrefix(other.URL, "http://"), "/moved"} {
			var methods []string
			client, _ := overWire(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				methods = append(methods, r.Method)
				if r.URL.Path != "/moved" {
					http.Redirect(w, r, target, status)
				}
			}))
			err := client.Do(t.Context(), http.MethodPost, "/v1/thing", map[string]int{"a": 1}, nil)
			if target == "/moved" && status >= 307 {
				require.NoError(t, err)
				assert.Equal(t, []string{"POST", "POST"}, methods)
				continue
			}
			require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
			assert.Equal(t, []string{"POST"}, methods)
		}
	}
	assert.Zero(t, visits.Load())
}

// All redirects of an attempt share its timeout.
func redirectsShareTheTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := roundTrip(func(req *http.Request) (*http.Response, error) {
			select {
			case <-time.After(100 * time.Millisecond):
			case <-req.Context().Done():
				return nil, req.Context().Err()
			}
			header := http.Header{"Location": {req.URL.Path + "x"}}
			return &http.Response{StatusCode: 307, ProtoMajor: 1, Header: header, Body: http.NoBody, Request: req}, nil
		})
		client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"),
			mistralobs.WithHTTPClient(&http.Client{Transport: slow}), mistralobs.WithTimeout(250*time.Millisecond),
			mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
		require.NoError(t, err)
		start := time.Now()
		require.ErrorIs(t, client.Do(t.Context(), http.MethodPut, "/v1/thing", nil, nil), mistralobs.ErrTimeout)
		assert.Equal(t, 250*time.Millisecond, time.Since(start))
	})
}

// Copies use the connections of the client, and none is in use after a call, however it ended.
func connectionsAreSharedAndReturned(t *testing.T) {
	t.Parallel()
	states := &connStates{}
	fake := mistralobstest.NewUnstartedServer(mistralobstest.WithAPIKey(hiddenKey))
	t.Cleanup(fake.Close)
	dataset := fake.SeedDataset("Wired", "", mistralobstest.RecordSeed{Payload: []byte(`{"a":1}`)})
	server := httptest.NewUnstartedServer(fake.Handler())
	server.Config.ConnState = states.note
	server.Start()
	t.Cleanup(server.Close)
	client, err := mistralobs.NewClient(mistralobs.WithAPIKey(hiddenKey), mistralobs.WithBaseURL(server.URL),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	for range 5 {
		client, err = client.With(mistralobs.WithUserAgent("x"))
		require.NoError(t, err)
		_, err = client.Datasets.Get(t.Context(), dataset)
		require.NoError(t, err)
		_, err = client.Exports.Download(t.Context(), dataset, io.Discard, mistralobs.TransferOptions{})
		require.NoError(t, err)
	}
	assert.Equal(t, 1, states.opened())

	_, err = client.Datasets.Get(t.Context(), "nothing")
	require.ErrorIs(t, err, mistralobs.ErrNotFound)
	for range client.Exports.Records(t.Context(), dataset, mistralobs.TransferOptions{}) {
		break
	}
	file, err := client.Exports.Open(t.Context(), dataset, mistralobs.TransferOptions{})
	require.NoError(t, err)
	require.NoError(t, file.Close())
	for range client.Records.All(t.Context(), dataset, mistralobs.ListParams{}) {
		break
	}
	upload := mistralobs.UploadParams{Name: "n", Body: strings.NewReader("x"), Expiry: 1 << 62} // 422
	_, err = client.Files.Upload(t.Context(), upload, mistralobs.TransferOptions{})
	require.ErrorIs(t, err, mistralobs.ErrValidation)
	assert.Eventually(t, func() bool { return states.active() == 0 }, 5*time.Second, time.Millisecond)
}

// connStates are the connections of a server, with their states.
type connStates struct {
	mu    sync.Mutex
	conns map[net.Conn]http.ConnState
}

func (s *connStates) note(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = map[net.Conn]http.ConnState{}
	}
	s.conns[conn] = state
}

func (s *connStates) opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns)
}

func (s *connStates) active() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, state := range s.conns {
		if state == http.StateActive {
			n++
		}
	}
	return n
}
