package e2e_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// The frames of HTTP/2 that http2Server uses, and error codes.
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway = 0, 1, 3, 4, 7
	flagEnd, flagAck, flagEndHeaders                                = 1, 1, 4

	noError, protocolError, internalError, refusedStream, streamCanceled, calmDown = 0, 1, 2, 7, 8, 11
)

// http2Failure is how an http2Server fails a request.
type http2Failure struct {
	goAway    bool   // the connection, not only the stream
	processed bool   // GOAWAY says that it may have processed the stream, and the connection is closed
	code      uint32 // of the error
	early     bool   // before the body of the request was read
}

// http2Server is an HTTP/2 server that speaks raw frames, since net/http's server cannot be told
// which error to send. It fails one request and answers all others.
type http2Server struct {
	URL  string
	fail http2Failure
	nth  int // the request that fails, from 1; 0 for none

	mu       sync.Mutex
	requests int
}

func newHTTP2Server(t *testing.T, nth int, fail http2Failure) (*http2Server, *http.Client) {
	t.Helper()
	lender := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(lender.Close)
	config := &tls.Config{Certificates: lender.TLS.Certificates, NextProtos: []string{"h2"}}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", config)
	require.NoError(t, err)
	server := &http2Server{URL: "https://" + listener.Addr().String(), fail: fail, nth: nth}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				server.serve(conn)
			})
		}
	})
	client := lender.Client()
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	t.Cleanup(func() {
		client.CloseIdleConnections()
		listener.Close()
		wg.Wait()
	})
	return server, client
}

func (s *http2Server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// arrived counts a request and reports whether it fails.
func (s *http2Server) arrived() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	return s.requests == s.nth
}

func (s *http2Server) serve(conn net.Conn) {
	preface := make([]byte, len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
	if _, err := io.ReadFull(conn, preface); err != nil {
		return
	}
	writeFrame(conn, frameSettings, 0, 0, nil)
	failing := map[uint32]bool{}
	for {
		kind, flags, stream, err := readFrame(conn)
		switch {
		case err != nil:
			return
		case kind == frameSettings && flags&flagAck == 0:
			writeFrame(conn, frameSettings, flagAck, 0, nil)
		case kind == frameHeaders:
			failing[stream] = s.arrived()
		}
		if kind != frameHeaders && kind != frameData {
			continue
		}
		end := flags&flagEnd != 0
		switch {
		case failing[stream] && (end || s.fail.early):
			if s.failStream(conn, stream) {
				return
			}
		case end:
			writeFrame(conn, frameHeaders, flagEndHeaders, stream, []byte("\x08\x03201")) // :status 201
			writeFrame(conn, frameData, flagEnd, stream, []byte(`{"id":"d1"}`))
		}
	}
}

// failStream reports whether the connection is to be closed.
func (s *http2Server) failStream(conn net.Conn, stream uint32) bool {
	if !s.fail.goAway {
		writeFrame(conn, frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, s.fail.code))
		return false
	}
	last := stream
	if !s.fail.processed {
		last = max(stream, 2) - 2
	}
	payload := binary.BigEndian.AppendUint32(nil, last)
	writeFrame(conn, frameGoAway, 0, 0, binary.BigEndian.AppendUint32(payload, s.fail.code))
	return s.fail.processed
}

func writeFrame(w io.Writer, kind, flags byte, stream uint32, payload []byte) {
	frame := []byte{0, byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	frame = binary.BigEndian.AppendUint32(frame, stream)
	w.Write(append(frame, payload...))
}

func readFrame(r io.Reader) (kind, flags byte, stream uint32, err error) {
	head := make([]byte, 9)
	if _, err := io.ReadFull(r, head); err != nil {
		return 0, 0, 0, err
	}
	size := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
	_, err = io.CopyN(io.Discard, r, size)
	return head[3], head[4], binary.BigEndian.Uint32(head[5:]), err
}

// http2Calls are calls that send a request with and without a body, from bytes and from a stream.
var http2Calls = map[string]struct {
	creates bool
	call    func(*testing.T, *mistralobs.Client, *mistralobs.Response) error
}{
	"a read": {call: func(t *testing.T, client *mistralobs.Client, r *mistralobs.Response) error {
		return client.Do(t.Context(), http.MethodGet, "/v1/models", nil, nil, mistralobs.WithResponse(r))
	}},
	"a replacement": {call: func(t *testing.T, client *mistralobs.Client, r *mistralobs.Response) error {
		return client.Do(t.Context(), http.MethodPut, "/v1/models", []byte("{}"), nil, mistralobs.WithResponse(r))
	}},
	"a creation": {creates: true, call: func(t *testing.T, client *mistralobs.Client, r *mistralobs.Response) error {
		return client.Do(t.Context(), http.MethodPost, "/v1/models", []byte("{}"), nil, mistralobs.WithResponse(r))
	}},
	"a creation without a body": {creates: true, call: func(
		t *testing.T, client *mistralobs.Client, r *mistralobs.Response,
	) error {
		return client.Do(t.Context(), http.MethodPost, "/v1/models", nil, nil, mistralobs.WithResponse(r))
	}},
	"an upload": {creates: true, call: func(t *testing.T, client *mistralobs.Client, r *mistralobs.Response) error {
		params := mistralobs.UploadParams{Name: "f.jsonl", Body: strings.NewReader("{}\n")}
		_, err := client.Files.Upload(t.Context(), params, mistralobs.TransferOptions{})
		return err
	}},
}

// A request is sent again by the SDK alone, and a creation only if the server says that it has not
// processed the request. net/http sends nothing again by itself.
func TestHTTP2Failures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		failure     http2Failure
		unprocessed bool
	}{
		"NO_ERROR":                       {failure: http2Failure{code: noError}},
		"PROTOCOL_ERROR":                 {failure: http2Failure{code: protocolError}},
		"INTERNAL_ERROR":                 {failure: http2Failure{code: internalError}},
		"CANCEL":                         {failure: http2Failure{code: streamCanceled}},
		"ENHANCE_YOUR_CALM":              {failure: http2Failure{code: calmDown}},
		"REFUSED_STREAM":                 {failure: http2Failure{code: refusedStream}, unprocessed: true},
		"GOAWAY":                         {failure: http2Failure{goAway: true, code: noError}, unprocessed: true},
		"GOAWAY with an error":           {failure: http2Failure{goAway: true, code: internalError}, unprocessed: true},
		"GOAWAY after the last stream":   {failure: http2Failure{goAway: true, processed: true, code: noError}},
		"GOAWAY, an error, after it too": {failure: http2Failure{goAway: true, processed: true, code: protocolError}},
	} {
		for call, row := range http2Calls {
			for _, early := range []bool{false, true} {
				for _, nth := range []int{1, 2} { // of a new connection, and of one in use
					t.Run(fmt.Sprintf("%s, %s, early %v, request %d", name, call, early, nth), func(t *testing.T) {
						t.Parallel()
						failure := test.failure
						failure.early = early
						checkHTTP2Failure(t, nth, failure, row.creates && !test.unprocessed, row.call)
					})
				}
			}
		}
	}
}

func checkHTTP2Failure(
	t *testing.T, nth int, failure http2Failure, doubtful bool,
	call func(*testing.T, *mistralobs.Client, *mistralobs.Response) error,
) {
	server, httpClient := newHTTP2Server(t, nth, failure)
	client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(server.URL),
		mistralobs.WithHTTPClient(httpClient), mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: time.Microsecond}))
	require.NoError(t, err)
	for range nth - 1 {
		require.NoError(t, client.Do(t.Context(), http.MethodGet, "/v1/models", nil, nil))
	}
	var response mistralobs.Response
	err = call(t, client, &response)
	if doubtful {
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
		assert.Equal(t, nth, server.count(), "requests on the wire")
		return
	}
	require.NoError(t, err)
	assert.Equal(t, nth+1, server.count(), "requests on the wire")
	if response.Attempts != 0 { // not of an upload
		assert.Equal(t, 2, response.Attempts)
	}
}

// deadConn is a connection that fails before it writes anything once it is dead.
type deadConn struct {
	net.Conn
	dead *bool
	mu   *sync.Mutex
}

func (c *deadConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if *c.dead {
		return 0, io.ErrClosedPipe
	}
	return c.Conn.Write(p)
}

// If an idle HTTP/1 connection is found closed before anything was written to it, net/http sends
// the request on another one: a creation is not doubtful.
func TestStaleHTTP1Connection(t *testing.T) {
	t.Parallel()
	applied := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Equal(body, []byte(`{"n":1}`)) {
			applied++
		}
		w.WriteHeader(http.StatusCreated)
	}))
	defer server.Close()
	var mu sync.Mutex
	var newest *bool
	transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		newest = new(bool)
		return &deadConn{Conn: conn, dead: newest, mu: &mu}, err
	}}
	defer transport.CloseIdleConnections()
	client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(server.URL),
		mistralobs.WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	require.NoError(t, client.Do(t.Context(), http.MethodGet, "/v1/models", nil, nil))
	mu.Lock()
	*newest = true
	mu.Unlock()
	var response mistralobs.Response
	err = client.Do(t.Context(), http.MethodPost, "/v1/models", []byte(`{"n":1}`), nil,
		mistralobs.WithResponse(&response))
	require.NoError(t, err)
	assert.Equal(t, 1, applied)
	assert.Equal(t, 1, response.Attempts)
}

// A creation that is redirected within the origin arrives with its body, over both protocols.
func TestRedirectedCreation(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
			var bodies []string
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/v1/old" {
					http.Redirect(w, r, "/v1/new", status)
					return
				}
				body, _ := io.ReadAll(r.Body)
				bodies = append(bodies, fmt.Sprint(r.ProtoMajor, string(body)))
				w.WriteHeader(http.StatusCreated)
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(server.URL),
				mistralobs.WithHTTPClient(server.Client()))
			require.NoError(t, err)
			for range 2 { // the protocol is unknown, and known
				require.NoError(t, client.Do(t.Context(), http.MethodPost, "/v1/old", []byte(`{"n":1}`), nil))
			}
			server.Close()
			want := map[bool]string{false: `1{"n":1}`, true: `2{"n":1}`}[http2]
			assert.Equal(t, []string{want, want}, bodies)
		}
	}
}
