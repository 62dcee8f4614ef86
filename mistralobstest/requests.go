package mistralobstest

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// MaxRequestBody is the number of bytes of each request body that
// [Server.Requests] keeps: 1 MiB.
const MaxRequestBody = 1 << 20

// A Request is a request that the server has received.
type Request struct {
	Operation string // a name such as RecordsCreate; "" if the API has no such path
	Method    string
	Path      string // as sent, still escaped
	Query     url.Values
	Header    http.Header // includes the API key
	Body      []byte      // the first MaxRequestBody bytes that were read
	Truncated bool        // reports whether the body was longer than Body
	Status    int         // of the response; 0 until it is sent, and if a fault prevents it
	Time      time.Time   // of arrival, by the server's clock
}

// Requests returns the logged requests in the order of arrival. A refusal by
// the rate limit is a Request with Status 429.
func (s *Server) Requests() []Request { return s.requests.snapshot() }

// ResetRequests empties the request log.
func (s *Server) ResetRequests() { s.requests.reset() }

// requestLog keeps the latest limit requests, or all if limit is negative.
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

// add logs a request. The entry then follows the reading of the body.
func (l *requestLog) add(r *http.Request, operation string) *logEntry {
	if l.limit == 0 {
		return &logEntry{log: l}
	}
	entry := &logEntry{log: l, request: Request{
		Operation: operation, Method: r.Method, Path: r.URL.EscapedPath(),
		Query: r.URL.Query(), Header: r.Header.Clone(), Time: l.now(),
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

func (e *logEntry) addBody(p []byte) {
	e.log.mu.Lock()
	defer e.log.mu.Unlock()
	room := MaxRequestBody - len(e.request.Body)
	e.request.Body = append(e.request.Body, p[:min(len(p), room)]...)
	e.request.Truncated = e.request.Truncated || len(p) > room
}

// A loggedBody copies the bytes that are read from it to a log entry.
type loggedBody struct {
	io.ReadCloser
	entry *logEntry
}

func (b *loggedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.entry.addBody(p[:n])
	}
	return n, err
}

// A loggedWriter logs the status before the client can receive it.
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

// Unwrap gives [http.ResponseController] access to the connection.
func (w *loggedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
