package transport

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
)

// DebugWriter writes requests and responses as text. It hides API keys and signed queries.
type DebugWriter struct {
	mu    sync.Mutex
	w     io.Writer
	count atomic.Int64 // requests so far, to number them
}

// NewDebugWriter returns a DebugWriter that writes to w.
func NewDebugWriter(w io.Writer) *DebugWriter { return &DebugWriter{w: w} }

// Wrap returns a transport that writes each request and response that passes through next.
func (d *DebugWriter) Wrap(next http.RoundTripper) http.RoundTripper {
	return &debugTransport{next: next, writer: d}
}

func (d *DebugWriter) write(text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	io.WriteString(d.w, text) //nolint:errcheck // a request must not fail because w does
}

const (
	debugBodyBytes = 4 << 10 // what is shown of a body
	debugMargin    = 1 << 10 // what is kept beyond that, so that a secret is hidden before the text is cut
)

type debugTransport struct {
	next   http.RoundTripper
	writer *DebugWriter
}

// RoundTrip writes the head of the request before it is sent. It writes the rest when the body of
// the response has been read or closed, since bodies are copied only while they pass.
func (t *debugTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	e := &exchange{writer: t.writer, number: t.writer.count.Add(1), key: bearer(req.Header), started: time.Now()}
	e.writeRequest(req)
	if req.Body != nil && req.Body != http.NoBody {
		copied := *req
		copied.Body = &debugBody{ReadCloser: req.Body, start: &e.sent}
		req = &copied
	}
	resp, err := t.next.RoundTrip(req)
	switch {
	case err != nil:
		e.writeEnd(e.hide("error: " + err.Error()))
	case resp == nil || resp.Body == nil: // net/http and the attempt handle it
	default:
		e.head = resp.Proto + " " + resp.Status + headerText(resp.Header)
		resp.Body = &debugBody{ReadCloser: resp.Body, start: &e.received, done: e.writeResponse}
	}
	return resp, err
}

// exchange is a request and its response.
type exchange struct {
	writer         *DebugWriter
	number         int64
	key            string
	started        time.Time
	head           string // of the response: the status line and the headers
	sent, received bodyStart
	once           sync.Once
}

func (e *exchange) writeRequest(req *http.Request) {
	target := req.URL.RequestURI()
	if e.key == "" || req.Response != nil { // a presigned URL, or perhaps the target of a redirect
		target = strings.TrimSuffix(target, req.URL.RawQuery)
	}
	op := OperationOf(req.Context())
	e.writer.write(fmt.Sprintf("> #%d %s, attempt %d: %s %s%s\n\n", e.number, op.Name, op.Attempt,
		req.Method, hideKey(target, e.key), e.hide("\nHost: "+req.URL.Host+headerText(req.Header))))
}

func (e *exchange) writeResponse() {
	e.once.Do(func() { e.writeEnd(e.hide(e.head) + e.text(&e.received)) })
}

// writeEnd writes the body of the request, and how the request ended, without secrets.
func (e *exchange) writeEnd(end string) {
	text := ""
	if body := e.text(&e.sent); body != "" {
		text = fmt.Sprintf("> #%d body:%s\n\n", e.number, body)
	}
	took := time.Since(e.started).Round(time.Millisecond)
	e.writer.write(text + fmt.Sprintf("< #%d after %v: %s\n\n", e.number, took, end))
}

// text returns the start of a body on lines of its own, or "" if there was none.
func (e *exchange) text(body *bodyStart) string {
	data, size := body.get()
	if size == 0 {
		return ""
	}
	text := e.hide(string(data))
	if len(text) > debugBodyBytes || size > int64(len(data)) {
		text = strings.ToValidUTF8(text[:min(len(text), debugBodyBytes)], "") + fmt.Sprintf("… (%d bytes in all)", size)
	}
	return "\n\n" + text
}

// hide returns text without the API key, the queries of URLs and control characters.
func (e *exchange) hide(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, hideSecrets(text, e.key))
}

// bearer returns the API key of a request, or "" if it has none.
func bearer(header http.Header) string {
	return strings.TrimPrefix(header.Get("Authorization"), "Bearer ")
}

// secretHeaders are not shown.
var secretHeaders = []string{"Authorization", "Proxy-Authorization", "Cookie", "Set-Cookie", "X-Api-Key", "Api-Key"}

// headerText returns the headers in the order of their names, each on a line of its own.
func headerText(header http.Header) string {
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(header)) {
		value := strings.Join(header[name], ", ")
		switch canonical := http.CanonicalHeaderKey(name); {
		case slices.Contains(secretHeaders, canonical):
			value = "[hidden]"
		case canonical == "Location": // it may be relative, and signed
			value, _, _ = strings.Cut(value, "?")
		}
		text.WriteString("\n" + name + ": " + value)
	}
	return text.String()
}

// debugBody is a body that keeps a copy of its start while it is read.
type debugBody struct {
	io.ReadCloser
	start *bodyStart
	done  func() // nil, or called at the end
}

func (b *debugBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.start.add(p[:n])
	if err != nil && b.done != nil {
		b.done()
	}
	return n, err
}

func (b *debugBody) Close() error {
	err := b.ReadCloser.Close()
	if b.done != nil {
		b.done()
	}
	return err
}

// bodyStart is the start of a body. net/http may still read the body of a request when its response
// has come.
type bodyStart struct {
	mu   sync.Mutex
	data []byte
	size int64 // of what has passed
}

func (s *bodyStart) add(p []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size += int64(len(p))
	s.data = append(s.data, p[:min(len(p), debugBodyBytes+debugMargin-len(s.data))]...)
}

func (s *bodyStart) get() (data []byte, size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.data), s.size
}
