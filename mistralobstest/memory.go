package mistralobstest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
)

// memoryListener accepts the pipes that its dial method creates.
type memoryListener struct {
	host    string
	dialed  chan net.Conn
	closed  chan struct{}
	closing sync.Once
}

// newMemoryListener returns a listener with a random loopback address, so that two servers are
// unlikely to have the same origin.
func newMemoryListener() *memoryListener {
	var b [3]byte
	_, _ = rand.Read(b[:]) // it never fails
	return &memoryListener{
		host:   fmt.Sprintf("127.%d.%d.%d", b[0], b[1], max(b[2], 1)),
		dialed: make(chan net.Conn),
		closed: make(chan struct{}),
	}
}

func (l *memoryListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.dialed:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memoryListener) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return nil
}

func (l *memoryListener) Addr() net.Addr { return memoryAddr(l.host + ":80") }

func (l *memoryListener) dial(ctx context.Context, address string) (net.Conn, error) {
	if address != l.host+":80" {
		return nil, refused(address)
	}
	client, server := newPipe(l.Addr())
	select {
	case l.dialed <- server:
		return client, nil
	case <-l.closed:
		return nil, refused(address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

type memoryAddr string

func (memoryAddr) Network() string  { return "tcp" }
func (a memoryAddr) String() string { return string(a) }

// pipeConn is one end of a pipe. Like a socket, the other end can distinguish a reset from an
// orderly close.
type pipeConn struct {
	net.Conn
	local, remote net.Addr
	reset         *atomic.Bool // shared by both ends
}

func newPipe(server net.Addr) (clientEnd, serverEnd *pipeConn) {
	a, b := net.Pipe()
	reset := new(atomic.Bool)
	client := memoryAddr("127.0.0.1:0")
	return &pipeConn{a, client, server, reset}, &pipeConn{b, server, client, reset}
}

func (c *pipeConn) LocalAddr() net.Addr  { return c.local }
func (c *pipeConn) RemoteAddr() net.Addr { return c.remote }

func (c *pipeConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, c.explain("read", err)
}

func (c *pipeConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, c.explain("write", err)
}

func (c *pipeConn) explain(op string, err error) error {
	ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe)
	if !ended || !c.reset.Load() {
		return err
	}
	return &net.OpError{
		Op: op, Net: "tcp", Source: c.local, Addr: c.remote,
		Err: os.NewSyscallError(op, syscall.ECONNRESET),
	}
}
