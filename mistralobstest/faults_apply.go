package mistralobstest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strconv"
)

// fail handles a call with a fault whose Delay has passed.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, rt *route, f *Fault) {
	if f.IgnoreRange {
		r.Header.Del("Range")
	}
	held := &heldAnswer{header: http.Header{}, status: http.StatusOK}
	if f.Status == 0 || f.Apply {
		s.carryOut(held, r, rt)
	}
	s.replace(held, f)
	switch f.Break {
	case ResetUnanswered:
		reset(w)
	case StallHeader:
		s.stall(r)
	}
	s.release(w, r, held, f)
}

// heldAnswer is a response that has not been sent.
type heldAnswer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header         { return a.header }
func (a *heldAnswer) WriteHeader(status int)      { a.status = status }
func (a *heldAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }

// replace applies the fault to the response.
func (s *Server) replace(held *heldAnswer, f *Fault) {
	if f.Status != 0 {
		*held = heldAnswer{status: f.Status, header: http.Header{}}
		if f.BodySize == 0 {
			held.body.WriteString(f.Body)
		}
	}
	if f.ETag != "" {
		held.header.Set("ETag", f.ETag)
	}
	for name, values := range f.Header {
		held.header[http.CanonicalHeaderKey(name)] = values
	}
	if f.Gzip {
		plain := bytes.Clone(held.body.Bytes())
		held.body.Reset()
		zip := gzip.NewWriter(&held.body)
		_, _ = zip.Write(plain) // it writes to memory and cannot fail
		_ = zip.Close()
		held.header.Set("Content-Encoding", "gzip")
	}
}

// release sends the response, up to the fault's break.
func (s *Server) release(w http.ResponseWriter, r *http.Request, held *heldAnswer, f *Fault) {
	size := f.BodySize
	if size == 0 {
		size = int64(held.body.Len())
	}
	for name, values := range held.header {
		w.Header()[name] = values
	}
	if size > 0 || held.status != http.StatusNoContent {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	}
	w.WriteHeader(held.status)
	inBody := size > 0 && (f.Break == ResetBody || f.Break == TruncateBody || f.Break == StallBody)
	if inBody { // the last byte would complete the response
		size = max(0, min(size-1, f.After))
	}
	s.send(w, held, size)
	if inBody {
		_ = http.NewResponseController(w).Flush()
		s.breakOff(w, r, f.Break)
	}
}

// send writes the first size bytes of the body. If the body is empty, it writes made-up bytes.
func (s *Server) send(w http.ResponseWriter, held *heldAnswer, size int64) {
	if n := int64(held.body.Len()); n > 0 {
		_, _ = w.Write(held.body.Bytes()[:min(size, n)])
		return
	}
	filler := bytes.Repeat([]byte("a"), 32<<10)
	for size > 0 {
		n, err := w.Write(filler[:min(size, int64(len(filler)))])
		if err != nil {
			return
		}
		size -= int64(n)
	}
}

// breakOff breaks the response after the part that was sent.
func (s *Server) breakOff(w http.ResponseWriter, r *http.Request, how Break) {
	switch how {
	case ResetBody:
		reset(w)
	case StallBody:
		s.stall(r)
	}
	panic(http.ErrAbortHandler) // net/http then closes the connection
}

// stall waits until the client disconnects or the server is closed.
func (s *Server) stall(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // net/http notices a disconnect only after the body is read
	select {
	case <-r.Context().Done():
	case <-s.done:
	}
	panic(http.ErrAbortHandler)
}

// reset resets the connection, as a server that crashes does.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		resetOnClose(conn)
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}
