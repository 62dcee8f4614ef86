package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// silentProxy passes bytes on to a server, until its connections go silent. New ones work.
type silentProxy struct {
	net.Listener
	target string
	wg     sync.WaitGroup
	mu     sync.Mutex
	conns  []net.Conn
	silent []*atomic.Bool
}

func newSilentProxy(t *testing.T, target string) *silentProxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &silentProxy{Listener: listener, target: target}
	p.wg.Go(p.serve)
	t.Cleanup(func() {
		listener.Close()
		p.mu.Lock()
		for _, conn := range p.conns {
			conn.Close()
		}
		p.mu.Unlock()
		p.wg.Wait()
	})
	return p
}

func (p *silentProxy) serve() {
	for {
		near, err := p.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil {
			near.Close()
			return
		}
		silent := &atomic.Bool{}
		p.mu.Lock()
		p.conns, p.silent = append(p.conns, near, far), append(p.silent, silent)
		p.mu.Unlock()
		p.wg.Go(func() { pass(far, near, silent) })
		p.wg.Go(func() { pass(near, far, silent) })
	}
}

// pass copies bytes until the end, or swallows them once the connection is silent.
func pass(to io.WriteCloser, from io.Reader, silent *atomic.Bool) {
	defer to.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if !silent.Load() {
			_, _ = to.Write(buffer[:n])
		}
	}
}

func (p *silentProxy) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, silent := range p.silent {
		silent.Store(true)
	}
}

// After one attempt that timed out, the next one uses a new connection, over both protocols.
func TestSilentConnectionsAreLeft(t *testing.T) {
	t.Parallel()
	for name, http2 := range map[string]bool{"HTTP/1": false, "HTTP/2": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var together sync.WaitGroup // so that each of the first requests has its own connection
			together.Add(3)
			var served atomic.Int32
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if served.Add(1) <= 3 {
					together.Done()
					together.Wait()
				}
			}))
			server.EnableHTTP2 = http2
			server.StartTLS()
			t.Cleanup(server.Close)
			proxy := newSilentProxy(t, server.Listener.Addr().String())
			own := Default().(*http.Transport)
			own.TLSClientConfig = &tls.Config{
				RootCAs:    server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs,
				ServerName: "example.com",
			}
			t.Cleanup(own.CloseIdleConnections)
			assert.Equal(t, pingAfter, own.HTTP2.SendPingTimeout)
			origin := &url.URL{Scheme: "https", Host: proxy.Addr().String()}
			shared := &Shared{
				Next: own, Origin: origin, Pacer: NewPacer(), Protocol: &Protocol{}, Bodies: &BodyPool{},
				Key:       func(context.Context) (Key, error) { return ParseKey("secret") },
				Held:      func(context.Context, time.Duration) {},
				CloseIdle: own.CloseIdleConnections,
			}
			try := func(timeout time.Duration) error {
				attempt := &Attempt{Shared: shared, Timeout: timeout, MaxBytes: 100}
				_, err := attempt.RoundTrip(newRequest(t, origin.String()))
				return err
			}
			var first sync.WaitGroup
			for range 3 {
				first.Go(func() { assert.NoError(t, try(10*time.Second)) })
			}
			first.Wait()
			proxy.silence()

			timeout := new(TimeoutError)
			require.ErrorAs(t, try(300*time.Millisecond), &timeout)
			time.Sleep(50 * time.Millisecond) // at least the shortest pause of a retry
			require.NoError(t, try(5*time.Second))
		})
	}
}
