package mistralobstest

import (
	"context"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
)

// network is the listener of a started server and its open connections.
type network struct {
	listener net.Listener
	memory   *memoryListener // nil if listener is a socket
	serving  sync.WaitGroup  // the accept loop

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func newNetwork(inMemory bool) *network {
	n := &network{conns: make(map[*conn]struct{})}
	if inMemory {
		n.memory = newMemoryListener()
		n.listener = n.memory
		return n
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("mistralobstest: cannot listen: " + err.Error())
	}
	n.listener = listener
	return n
}

func (n *network) host() string {
	if n.memory != nil {
		return n.memory.host
	}
	return n.listener.Addr().String()
}

func (n *network) serve(server *http.Server) {
	n.serving.Go(func() {
		_ = server.Serve(n) // returns only after Close
	})
}

// close closes the connections that http.Server.Close leaves open: connections that a fault has
// hijacked, and connections accepted while the server was closing.
func (n *network) close() {
	n.serving.Wait()
	n.mu.Lock()
	left := slices.Collect(maps.Keys(n.conns))
	n.mu.Unlock()
	for _, c := range left {
		_ = c.Close() // it locks mu
	}
}

func (n *network) open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

// Accept implements [net.Listener] and counts the connection.
func (n *network) Accept() (net.Conn, error) {
	accepted, err := n.listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: accepted, network: n}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns[c] = struct{}{}
	return c, nil
}

// Close implements [net.Listener].
func (n *network) Close() error { return n.listener.Close() }

// Addr implements [net.Listener].
func (n *network) Addr() net.Addr { return n.listener.Addr() }

// dial connects a client. An in-memory network reaches only the server's address.
func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	if n.memory == nil {
		var dialer net.Dialer
		return dialer.DialContext(ctx, kind, address)
	}
	return n.memory.dial(ctx, address)
}

// conn is the server's end of a connection.
type conn struct {
	net.Conn
	network *network
}

func (c *conn) Close() error {
	c.network.mu.Lock()
	delete(c.network.conns, c)
	c.network.mu.Unlock()
	return c.Conn.Close()
}

// resetOnClose makes the next Close reset the connection.
func resetOnClose(c net.Conn) {
	switch c := c.(type) {
	case *conn:
		resetOnClose(c.Conn)
	case *net.TCPConn:
		_ = c.SetLinger(0) // if it fails, Close is orderly, which also breaks the response
	case *pipeConn:
		c.reset.Store(true)
	}
}

// refused returns the error of a dial to an address without a listener.
func refused(address string) error {
	return &net.OpError{
		Op:   "dial",
		Net:  "tcp",
		Addr: memoryAddr(address),
		Err:  os.NewSyscallError("connect", syscall.ECONNREFUSED),
	}
}
