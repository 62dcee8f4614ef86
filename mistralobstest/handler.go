package mistralobstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

// maxBody is the largest JSON body that the server reads.
const maxBody = 64 << 20

// serve dispatches a request. For requests without a route, the response is that of the service's
// web framework.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	clean := path.Clean(r.URL.Path) == r.URL.Path // the mux would redirect another path
	if _, pattern := s.mux.Handler(r); s.routes[pattern] != nil && clean {
		s.mux.ServeHTTP(w, r)
		return
	}
	s.write(&loggedWriter{w, s.requests.add(r, "")}, newRequestID(), s.unrouted(r))
}

// unrouted returns 405 if another method has a route for the path, else 404.
func (s *Server) unrouted(r *http.Request) *failure {
	if path.Clean(r.URL.Path) != r.URL.Path {
		return frameworkError(http.StatusNotFound, "Not Found")
	}
	var allowed []string
	for _, method := range []string{"DELETE", "GET", "PATCH", "POST", "PUT"} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := s.mux.Handler(other); s.routes[pattern] != nil {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		return frameworkError(http.StatusNotFound, "Not Found")
	}
	f := frameworkError(http.StatusMethodNotAllowed, "Method Not Allowed")
	f.header.Set("Allow", strings.Join(allowed, ", "))
	return f
}

// serveOperation handles one call of an operation, with its fault if it has one.
func (s *Server) serveOperation(w http.ResponseWriter, r *http.Request, rt *route) {
	fault := s.faultOf(r, rt)
	w = &loggedWriter{w, s.requests.add(r, rt.operation)}
	if fault != nil && (fault.Break == Refuse || fault.Break == ResetUnread) {
		reset(w)
	}
	if !rt.streams || fault != nil && r.ContentLength >= 0 && r.ContentLength <= maxBody {
		bufferBody(r)
	}
	if fault == nil {
		s.carryOut(w, r, rt)
		return
	}
	if s.sleep(r.Context(), fault.Delay) != nil {
		panic(http.ErrAbortHandler)
	}
	s.fail(w, r, rt, fault)
}

// bufferBody reads the body before any wait, because net/http notices a disconnect only after the
// body is read. Validation rejects a body that is longer than maxBody.
func bufferBody(r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
}

// faultOf returns the fault of a call, or nil. The transport of [Server.HTTPClient] has selected it
// already; for other clients faultOf selects it. If the transport no longer has the fault, its
// client stopped waiting before the fault took effect. Then faultOf aborts the call.
func (s *Server) faultOf(r *http.Request, rt *route) *Fault {
	call := r.Header.Get(callHeader)
	r.Header.Del(callHeader)
	switch call {
	case noFault:
		return nil
	case "":
		return s.faults.choose(rt.operation)
	}
	fault := s.faults.assigned(call)
	if fault == nil {
		panic(http.ErrAbortHandler)
	}
	return fault
}

// carryOut runs the operation and writes its response.
func (s *Server) carryOut(w http.ResponseWriter, r *http.Request, rt *route) {
	if rt.storage != nil {
		if s.sleep(r.Context(), s.tunedNow().latency) == nil {
			rt.storage(s, w, r)
		}
		return
	}
	id := newRequestID()
	result, err := s.operate(r, rt, id)
	var f *failure
	switch {
	case err == nil:
		s.write(w, id, &failure{status: result.status, body: result.body})
	case errors.As(err, &f):
		s.write(w, id, f)
	default: // the client has disconnected, or the server was closed
		panic(http.ErrAbortHandler)
	}
}

// operate checks the key and the rate limit, waits for the latency, and runs the operation.
func (s *Server) operate(r *http.Request, rt *route, requestID string) (answer, error) {
	if r.Header.Get("Authorization") != "Bearer "+s.tunedNow().apiKey {
		body := fields{"message": "Unauthorized", "request_id": requestID}
		return answer{}, newFailure(http.StatusUnauthorized, body)
	}
	if f := s.limit(); f != nil {
		return answer{}, f
	}
	if !rt.streams { // an upload waits after its body is read
		if err := s.sleep(r.Context(), s.tunedNow().latency); err != nil {
			return answer{}, err
		}
	}
	return rt.run(s, r)
}

// write sends a response of the API.
func (s *Server) write(w http.ResponseWriter, requestID string, f *failure) {
	header := w.Header()
	for name, values := range f.header {
		header[name] = values
	}
	header.Set("Mistral-Correlation-Id", requestID)
	header.Set("X-Request-Id", requestID)
	if f.body != nil {
		if header.Get("Content-Type") == "" {
			header.Set("Content-Type", "application/json")
		}
		header.Set("Content-Length", strconv.Itoa(len(f.body)))
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(f.body) // it fails only if the client has disconnected
}

var errClosed = errors.New("mistralobstest: the server was closed")

// sleep waits for d. It does not use the clock of WithClock. It returns an error if the client
// disconnects or the server is closed.
func (s *Server) sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.done:
		return errClosed
	}
}

// operation returns the name of the operation that a request calls, "" if none.
func (s *Server) operation(r *http.Request) string {
	_, pattern := s.mux.Handler(r)
	if rt := s.routes[pattern]; rt != nil {
		return rt.operation
	}
	return ""
}
