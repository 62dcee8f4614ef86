package mistralobstest

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// If a client disconnects before its fault takes effect, the server does not execute the operation,
// and no other call gets the fault.
func TestFaultOfClientThatLeavesEarly(t *testing.T) {
	t.Parallel()
	faults := map[string]Fault{
		"a status":   {Status: 503},
		"unanswered": {Break: ResetUnanswered},
		"slow":       {Delay: 1},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := NewServer()
			defer s.Close()
			s.Inject(fault)
			late := &lateConn{written: make(chan struct{}), closed: make(chan struct{})}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-late.written
				cancel()
			}()
			client := &http.Client{Transport: &transport{server: s, base: &http.Transport{DialContext: late.dial}}}
			_, err := client.Do(newCreate(t, ctx, s))
			require.ErrorIs(t, err, context.Canceled)

			<-late.closed
			_, err = late.Conn.Write(late.request.Bytes()) // the request reaches the server only now
			require.NoError(t, err)
			_, _ = io.ReadAll(late.Conn)
			require.NoError(t, late.Conn.Close())
			assert.Empty(t, s.Datasets())
			resp, err := s.HTTPClient().Do(newCreate(t, t.Context(), s))
			require.NoError(t, err)
			assert.NoError(t, resp.Body.Close())
			assert.Equal(t, http.StatusCreated, resp.StatusCode, "the next call has no fault")
		})
	}
}

func newCreate(t *testing.T, ctx context.Context, s *Server) *http.Request {
	body := strings.NewReader(`{"name":"Test data","description":""}`)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+datasetsPath, body)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+s.APIKey)
	req.Close = true
	return req
}

// lateConn does not send the request that is written to it. Close does not close the underlying
// connection.
type lateConn struct {
	net.Conn
	request bytes.Buffer
	written chan struct{} // closed when the request is complete
	closed  chan struct{} // closed by the client
}

func (c *lateConn) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	var err error
	var dialer net.Dialer
	c.Conn, err = dialer.DialContext(ctx, kind, address)
	return c, err
}

func (c *lateConn) Write(p []byte) (int, error) {
	n, err := c.request.Write(p)
	if bytes.HasSuffix(c.request.Bytes(), []byte("}")) {
		close(c.written)
	}
	return n, err
}

func (c *lateConn) Read([]byte) (int, error) {
	<-c.closed
	return 0, io.EOF
}

func (c *lateConn) Close() error {
	close(c.closed)
	return nil
}
