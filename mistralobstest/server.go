package mistralobstest

import (
	"net/http"
	"sync"

	"golang.org/x/time/rate"
)

// Server is an in-memory Datasets API. It is safe for concurrent use. Call [NewServer] or
// [NewUnstartedServer] to create one, and [Server.Close] to stop it.
type Server struct {
	// URL is the base URL, without a final slash. It is empty on a server created by
	// NewUnstartedServer.
	URL string

	// APIKey is the key that the server was created with; see [WithAPIKey]. To change the key that
	// the server accepts, call [Server.SetAPIKey].
	APIKey string

	options  options
	mux      *http.ServeMux
	routes   map[string]*route // by pattern
	requests requestLog
	faults   faultSet
	signer   signer

	tuning  sync.Mutex // guards tuned and limiter
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

// NewServer starts a server on a free port of 127.0.0.1, or on an in-memory network with
// [WithInMemoryNetwork]. It panics if no port can be opened.
func NewServer(opts ...Option) *Server {
	s := NewUnstartedServer(opts...)
	s.start()
	return s
}

// NewUnstartedServer returns a server that does not listen. Serve it with [Server.Handler].
func NewUnstartedServer(opts ...Option) *Server {
	o := defaultOptions()
	for _, opt := range opts {
		opt(&o)
	}
	s := &Server{
		APIKey:   o.tuning.apiKey,
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
		s.mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) { s.serveOperation(w, r, rt) })
	}
}

func (s *Server) start() {
	s.network = newNetwork(s.options.inMemory)
	s.host = s.network.host()
	s.URL = "http://" + s.host
	s.http = &http.Server{Handler: s.Handler()}
	s.network.serve(s.http)
}

// Handler returns the API as an [http.Handler], for your own HTTP server. Faults that reset a
// connection need an [http.Hijacker]; over HTTP/2 they reset the stream.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(s.serve)
}

// Close stops the server, closes its connections, ends pending delays, and removes its temporary
// files. It returns after all connections are closed. Close a server of [NewUnstartedServer] too.
// Closing again does nothing.
func (s *Server) Close() {
	s.closing.Do(func() {
		close(s.done)
		if s.http != nil {
			_ = s.http.Close()
			s.network.close()
		}
		s.transport.CloseIdleConnections()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.data.close()
	})
}

// OpenConnections returns the number of open connections to the server, including idle ones. It
// returns 0 for a server of [NewUnstartedServer].
func (s *Server) OpenConnections() int {
	if s.network == nil {
		return 0
	}
	return s.network.open()
}
