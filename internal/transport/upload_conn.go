package transport

import (
	"context"
	"errors"
	"net"
	"net/http/httptrace"
	"os"
	"sync/atomic"
)

// uploadConn is a TCP connection that swallows the errors of writing a body. A server that refuses
// an upload early responds and closes the connection; net/http would report the failed write, and
// not read the response. If there is none, reading fails, and net/http reports that.
type uploadConn struct {
	net.Conn
	uploads atomic.Bool // the request is an upload
	started atomic.Bool // the server has got a part of it
}

func (c *uploadConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	own := errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) // caused by the client
	switch {
	case err == nil:
		c.started.Store(true)
	case c.uploads.Load() && c.started.Load() && !own:
		return len(p), nil
	}
	return n, err
}

// begin tells the connection whether its next request is an upload over HTTP/1.
func begin(info httptrace.GotConnInfo, uploads bool) {
	conn := info.Conn
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	if c, ok := conn.(*uploadConn); ok {
		c.started.Store(false)
		c.uploads.Store(uploads)
	}
}

type dialer func(ctx context.Context, network, address string) (net.Conn, error)

// forUploads returns a dialer of connections that swallow the errors of writing a body.
func (dial dialer) forUploads(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &uploadConn{Conn: conn}, nil
}
