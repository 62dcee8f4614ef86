package mistralobstest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"
)

// HTTPClient returns a client that reaches the server, also in memory. Each
// call returns another client, so that its fields are the caller's to set; all
// of them share one connection pool, which [Server.Close] empties. Only
// through these clients is a [Refuse] fault a failed dial. Other hosts are
// dialed as usual, or refused with [WithInMemoryNetwork]; no proxy is used.
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

// callHeader carries the number of a call whose fault was chosen before it was
// sent. The server takes it off before anybody sees the request.
const callHeader = "X-Mistralobstest-Call"

// A transport chooses the fault of a call before there is a connection, which
// is the only place where a connection can be refused.
type transport struct {
	server *Server
	base   *http.Transport
}

// CloseIdleConnections makes http.Client.CloseIdleConnections work.
func (t *transport) CloseIdleConnections() { t.base.CloseIdleConnections() }

// RoundTrip sends the request, unless its connection is to be refused.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	s := t.server
	if r.URL.Host != s.host || !s.faults.any() {
		return t.base.RoundTrip(r)
	}
	call, fault := s.faults.choose(s.operation(r))
	defer s.faults.forget(call)
	if fault != nil && fault.Break == Refuse {
		return nil, t.refuse(r, fault)
	}
	sent := r.WithContext(r.Context())
	sent.Header = r.Header.Clone()
	sent.Header.Set(callHeader, call)
	return t.base.RoundTrip(sent)
}

func (t *transport) refuse(r *http.Request, fault *Fault) error {
	if r.Body != nil {
		_ = r.Body.Close() // it was not read
	}
	if err := t.server.sleep(r.Context(), fault.Delay); err != nil {
		return err
	}
	return refused(r.URL.Host)
}
