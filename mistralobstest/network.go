package mistralobstest

import (
	"context"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
)

// A network is what a started server listens on: a socket or, if memory is
// set, pipes.
type network struct {
	listener net.Listener
	memory   *memoryListener // nil for a socket
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
		_ = server.Serve(n) // always ErrServerClosed, or an Accept error after Close
	})
}

// close ends what http.Server.Close leaves: connections taken over by a fault,
// and those accepted at the very moment of closing.
func (n *network) close() {
	n.serving.Wait()
	n.mu.Lock()
	left := make([]*conn, 0, len(n.conns))
	for c := range n.conns {
		left = append(left, c)
	}
	n.mu.Unlock()
	for _, c := range left {
		_ = c.Close()
	}
}

func (n *network) open() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.conns)
}

// Accept, Close and Addr make a network the listener that keeps count.
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

func (n *network) Close() error   { return n.listener.Close() }
func (n *network) Addr() net.Addr { return n.listener.Addr() }

// dial connects a client of the server. In memory there is no other host.
func (n *network) dial(ctx context.Context, kind, address string) (net.Conn, error) {
	if n.memory == nil {
		var dialer net.Dialer
		return dialer.DialContext(ctx, kind, address)
	}
	return n.memory.dial(ctx, address)
}

// A conn is the server's end of a connection.
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

// resetOnClose makes the coming Close a reset instead of an orderly end.
func resetOnClose(c net.Conn) {
	switch c := c.(type) {
	case *conn:
		resetOnClose(c.Conn)
	case *net.TCPConn:
		_ = c.SetLinger(0) // without it the client sees an orderly end: still a broken answer
	case *pipeConn:
		c.reset.Store(true)
	}
}

// refused is the error of a dial that nobody listens to.
func refused(address string) error {
	return &net.OpError{
		Op:   "dial",
		Net:  "tcp",
		Addr: memoryAddr(address),
		Err:  os.NewSyscallError("connect", syscall.ECONNREFUSED),
	}
}
