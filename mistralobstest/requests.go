package mistralobstest

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"
)

// MaxRequestBody is the number of bytes of each request body that [Server.Requests] keeps: 1 MiB.
const MaxRequestBody = 1 << 20

// Request is a request that the server has received.
type Request struct {
	Operation string // a name such as RecordsCreate; "" if the API has no such path
	Method    string
	Path      string // as sent, still escaped
	Query     url.Values
	Header    http.Header // includes the API key
	Body      []byte      // the first MaxRequestBody bytes of the part that the server read
	Truncated bool        // reports whether the server read more than Body holds
	Status    int         // the status of the response; 0 if no response was sent, or not yet
	Time      time.Time   // the time of arrival, by the server's clock
}

// Requests returns the logged requests in the order of arrival, including those that the rate limit
// refused.
func (s *Server) Requests() []Request { return s.requests.snapshot() }

// ResetRequests empties the request log.
func (s *Server) ResetRequests() { s.requests.reset() }

// requestLog keeps the latest requests: as many as limit, or all if limit is negative.
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

// add logs a request. It replaces the body, so that the entry gets the bytes that are read.
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

// loggedBody copies the bytes that are read from it to a log entry.
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

// loggedWriter logs the status before it sends it, so that a client that has the response finds
// the status in the log.
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
