package mistralobstest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxBody is the largest JSON body that is read.
const maxBody = 64 << 20

// serve answers what the routes do not know as the service's framework does.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if _, pattern := s.mux.Handler(r); s.routes[pattern] != nil {
		s.mux.ServeHTTP(w, r)
		return
	}
	s.write(&loggedWriter{w, s.requests.add(r, "")}, newRequestID(), s.unrouted(r))
}

// unrouted tells a wrong method from a path that does not exist.
func (s *Server) unrouted(r *http.Request) *failure {
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

// run is one call of an operation: what may go wrong before it, the operation,
// and what may go wrong with its answer.
func (s *Server) run(w http.ResponseWriter, r *http.Request, rt *route) {
	fault := s.faultOf(r, rt)
	w = &loggedWriter{w, s.requests.add(r, rt.operation)}
	if fault != nil && (fault.Break == Refuse || fault.Break == ResetUnread) {
		reset(w)
	}
	if !rt.streams || fault != nil && r.ContentLength >= 0 && r.ContentLength <= maxBody {
		holdBody(r)
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

// holdBody reads the body before anything that waits: net/http notices that a
// client has left only after that. What is too long to be read is left to fail later.
func holdBody(r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
}

// faultOf returns the fault of a call, which the server's own clients have chosen already.
func (s *Server) faultOf(r *http.Request, rt *route) *Fault {
	if call := r.Header.Get(callHeader); call != "" {
		r.Header.Del(callHeader)
		return s.faults.chosenFor(call)
	}
	if !s.faults.any() {
		return nil
	}
	call, fault := s.faults.choose(rt.operation)
	s.faults.forget(call)
	return fault
}

// carryOut does what the operation does, and answers.
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
	default: // the client has left, or the server was closed
		panic(http.ErrAbortHandler)
	}
}

// operate lets a call through to its operation.
func (s *Server) operate(r *http.Request, rt *route, requestID string) (answer, error) {
	if r.Header.Get("Authorization") != "Bearer "+s.APIKey {
		return answer{}, newFailure(http.StatusUnauthorized, fields{"message": "Unauthorized", "request_id": requestID})
	}
	if f := s.limit(); f != nil {
		return answer{}, f
	}
	if !rt.streams { // an upload waits when it has been read
		if err := s.sleep(r.Context(), s.tunedNow().latency); err != nil {
			return answer{}, err
		}
	}
	return rt.run(s, r)
}

func (s *Server) limit() *failure {
	s.tuning.Lock()
	defer s.tuning.Unlock()
	if s.limiter == nil || s.limiter.Allow() {
		return nil
	}
	f := platformError(http.StatusTooManyRequests, "rate_limited", "1300", "Rate limit exceeded")
	wait := 1 / float64(s.limiter.Limit())
	f.header.Set("Retry-After", strconv.Itoa(int(wait)+1))
	return f
}

// write sends an answer of the API.
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
	_, _ = w.Write(f.body) // a client that has left does not mind
}

var errClosed = errors.New("mistralobstest: the server was closed")

// sleep waits on the real clock, until the client leaves or the server is closed.
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

// operation names the operation that a request is for, "" if none.
func (s *Server) operation(r *http.Request) string {
	_, pattern := s.mux.Handler(r)
	if rt := s.routes[pattern]; rt != nil {
		return rt.operation
	}
	return ""
}
