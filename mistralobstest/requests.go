package mistralobstest

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// MaxRequestBody is how much of each body [Server.Requests] keeps: 1 MiB.
const MaxRequestBody = 1 << 20

// A Request is a request that the server has received.
type Request struct {
	Operation string // a name such as RecordsCreate; "" if the path is none of the API's
	Method    string
	Path      string // as sent, still escaped
	Query     url.Values
	Header    http.Header // with the key
	Body      []byte      // the first MaxRequestBody of what was read
	Truncated bool        // there was more of the body
	Status    int         // of the answer; 0 while there is none, and if a fault kept it back
	Time      time.Time   // of its arrival, by the server's clock
}

// Requests returns the requests so far, in the order of their arrival.
func (s *Server) Requests() []Request { return s.requests.snapshot() }

// ResetRequests forgets the requests so far.
func (s *Server) ResetRequests() { s.requests.reset() }

// requestLog keeps the latest requests; limit is how many, negative for all.
type requestLog struct {
	limit   int
	now     func() time.Time
	mu      sync.Mutex
	entries []*logEntry
}

type logEntry struct {
	log     *requestLog
	request Request
}

// add notes a request and watches its body being read.
func (l *requestLog) add(r *http.Request, operation string) *logEntry {
	entry := &logEntry{log: l, request: Request{
		Operation: operation, Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Header: r.Header.Clone(), Time: l.now(),
	}}
	r.Body = &loggedBody{r.Body, entry}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = append(l.entries, entry)
	if l.limit >= 0 && len(l.entries) > l.limit {
		l.entries = slices.Delete(l.entries, 0, len(l.entries)-l.limit)
	}
	return entry
}

func (l *requestLog) snapshot() []Request {
	l.mu.Lock()
	defer l.mu.Unlock()
	requests := make([]Request, len(l.entries))
	for i, entry := range l.entries {
		requests[i] = entry.request
		requests[i].Body = slices.Clone(entry.request.Body)
	}
	return requests
}

func (l *requestLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

func (e *logEntry) read(p []byte) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	room := MaxRequestBody - len(e.request.Body)
	e.request.Body = append(e.request.Body, p[:min(len(p), room)]...)
	e.request.Truncated = e.request.Truncated || len(p) > room
}

type loggedBody struct {
	io.ReadCloser
	entry *logEntry
}

func (b *loggedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.entry.read(p[:n])
	}
	return n, err
}

// loggedWriter notes the status before the client can see it.
type loggedWriter struct {
	http.ResponseWriter
	entry *logEntry
}

func (w *loggedWriter) WriteHeader(status int) {
	w.entry.log.mu.Lock()
	w.entry.request.Status = status
	w.entry.log.mu.Unlock()
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *loggedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
