package mistralobstest

import (
	"net/http"
	"sync"

	"golang.org/x/time/rate"
)

// A Server is an in-memory Datasets API. It is safe for concurrent use. Make
// one with [NewServer] or [NewUnstartedServer] and end it with [Server.Close].
type Server struct {
	// URL is the base URL, without a final slash. It is empty on a server
	// made by NewUnstartedServer.
	URL string

	// APIKey is the key that the server accepts. It is for reading: see
	// WithAPIKey to choose another.
	APIKey string

	options  options
	mux      *http.ServeMux
	routes   map[string]*route // by pattern
	requests requestLog
	faults   faultSet
	signer   signer

	tuning  sync.Mutex // guards the two fields below
	tuned   tuning
	limiter *rate.Limiter

	mu   sync.Mutex // guards data
	data store

	host      string // of URL
	http      *http.Server
	network   *network
	transport *http.Transport

	done    chan struct{} // closed by Close
	closing sync.Once
}

// NewServer starts a server on a free port of 127.0.0.1, or in memory alone
// with [WithInMemoryNetwork]. It panics if it cannot listen.
func NewServer(opts ...Option) *Server {
	s := NewUnstartedServer(opts...)
	s.start()
	return s
}

// NewUnstartedServer makes a server without a network of its own, to be
// served by [Server.Handler].
func NewUnstartedServer(opts ...Option) *Server {
	o := defaultOptions()
	for _, opt := range opts {
		opt(&o)
	}
	s := &Server{
		APIKey:   o.apiKey,
		options:  o,
		mux:      http.NewServeMux(),
		routes:   make(map[string]*route, len(routes)),
		requests: requestLog{limit: o.requestLog, now: o.now},
		signer:   newSigner(),
		tuned:    o.tuning,
		limiter:  newLimiter(o.perSecond, o.burst),
		data:     newStore(),
		done:     make(chan struct{}),
	}
	s.register()
	s.transport = s.newTransport()
	return s
}

func (s *Server) register() {
	for i := range routes {
		rt := &routes[i]
		s.routes[rt.pattern] = rt
		s.mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) { s.run(w, r, rt) })
	}
}

func (s *Server) start() {
	s.network = newNetwork(s.options.inMemory)
	s.host = s.network.host()
	s.URL = "http://" + s.host
	s.http = &http.Server{Handler: s.Handler()}
	s.network.serve(s.http)
}

// Handler returns the API as a handler, for a server of one's own. Faults
// that break connections need a server that can hand them over
// ([http.Hijacker]); over HTTP/2 they end the stream.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(s.serve)
}

// Close stops the server, breaks its connections, ends what waits in it
// (latencies, stalls) and removes its temporary files. It returns when the
// connections are closed, may be called many times, and is needed for an
// unstarted server too.
func (s *Server) Close() {
	s.closing.Do(func() {
		close(s.done)
		if s.http != nil {
			_ = s.http.Close() // the listener's error has no reader
			s.network.close()
		}
		s.transport.CloseIdleConnections()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.data.close()
	})
}

// OpenConnections returns how many connections to the server are open, idle
// ones included. It is 0 for an unstarted server, whose connections are its
// owner's.
func (s *Server) OpenConnections() int {
	if s.network == nil {
		return 0
	}
	return s.network.open()
}
