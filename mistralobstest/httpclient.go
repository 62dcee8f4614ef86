package mistralobstest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// HTTPClient returns an HTTP client that reaches the server, also over an in-memory network. Each
// call returns a new client, so you may set its fields. The clients share one connection pool,
// which [Server.Close] closes.
//
// Only these clients see a [Refuse] fault as a failed dial. Without [WithInMemoryNetwork] they also
// reach other hosts. They use no proxy.
func (s *Server) HTTPClient() *http.Client {
	return &http.Client{Transport: &transport{server: s, base: s.transport}}
}

func (s *Server) newTransport() *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, kind, address string) (net.Conn, error) {
			if s.network == nil {
				return nil, errors.New("mistralobstest: the server was not started")
			}
			return s.network.dial(ctx, kind, address)
		},
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     90 * time.Second,
	}
}

// callHeader carries the number of a call whose fault the transport has selected, or noFault. The
// server removes it before it logs or handles the request.
const (
	callHeader = "X-Mistralobstest-Call"
	noFault    = "none"
)

// transport selects the fault of a call before the dial, so that a fault can refuse the dial.
type transport struct {
	server *Server
	base   *http.Transport
}

// CloseIdleConnections closes the idle connections of the shared pool.
// [http.Client.CloseIdleConnections] calls it.
func (t *transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// RoundTrip sends the request, or refuses the connection if the fault is Refuse.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	s := t.server
	if r.URL.Host != s.host || !s.faults.any() {
		return t.base.RoundTrip(r)
	}
	call, fault := noFault, s.faults.choose(s.operation(r))
	switch {
	case fault != nil && fault.Break == Refuse:
		return nil, t.refuse(r, fault)
	case fault != nil:
		call = s.faults.assign(fault)
		defer s.faults.forget(call)
	}
	sent := r.WithContext(r.Context())
	sent.Header = r.Header.Clone()
	sent.Header.Set(callHeader, call)
	return t.base.RoundTrip(sent)
}

func (t *transport) refuse(r *http.Request, fault *Fault) error {
	if r.Body != nil {
		_ = r.Body.Close() // a RoundTripper must close the body
	}
	if err := t.server.sleep(r.Context(), fault.Delay); err != nil {
		return err
	}
	return refused(r.URL.Host)
}
