package mistralobstest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A Fault makes calls of an operation fail. Its first fields say which calls,
// the others what happens to them; those that are not set change nothing, so a
// Fault with nothing but a Delay is a slow call that succeeds.
type Fault struct {
	Operation   string  // one of Operations; "" is every operation
	Times       int     // how many calls it hits: 0 is one, a negative number all
	Skip        int     // how many calls are let through first
	Probability float64 // of hitting a call that it could hit, drawn from Seed; 0 is always
	Seed        uint64  // makes what Probability draws repeatable

	// Delay comes first. A client that leaves meanwhile has not been heard.
	Delay time.Duration

	// Status, if it is not 0, is answered with Header and Body instead of the
	// operation's own answer, and the operation is not carried out unless
	// Apply is set. Without Status, Header is added to the operation's own answer.
	Status int
	Header http.Header
	Body   string
	Apply  bool
	// BodySize, with Status and instead of Body, is the length of a body that is
	// made up while it is sent.
	BodySize int64
	// Gzip, without BodySize, compresses the answer's body, whether the client asked for that or not.
	Gzip bool

	// Break ends the call other than by a whole answer.
	Break Break
	// After is how many bytes of the answer's body go out before Break, for the
	// kinds that speak of a body; at least the last byte is held back.
	After int64

	// IgnoreRange makes a download start at the beginning whatever was asked for.
	IgnoreRange bool
	// ETag, if set, is the ETag of the downloads that it hits: the file has changed.
	ETag string
}

// A Break is a way to end a call other than by a whole answer.
type Break int

// The ways to break a call. An operation is carried out with those that break
// its answer, unless the fault has a Status of its own without Apply.
const (
	// Refuse fails the dial, for clients of [Server.HTTPClient]; for others it
	// is ResetUnread, since their connection stands already. Not carried out.
	Refuse Break = iota + 1
	// ResetUnread resets the connection before the body is read. Not carried out.
	ResetUnread
	// ResetUnanswered resets the connection instead of answering.
	ResetUnanswered
	// ResetBody resets the connection in the middle of the answer's body.
	ResetBody
	// TruncateBody closes the connection in an orderly way in the middle of the
	// answer's body, whose Content-Length promises the rest.
	TruncateBody
	// StallBody sends nothing more in the middle of the answer's body until the client leaves.
	StallBody
	// StallHeader sends no answer at all until the client leaves.
	StallHeader
)

// Inject adds a fault. Of several that could hit a call, the one that was
// injected first and is not used up does. It panics on an operation that does
// not exist, since the test would not test anything.
func (s *Server) Inject(f Fault) {
	if f.Operation != "" && !knownOperation(f.Operation) {
		panic(fmt.Sprintf("mistralobstest: there is no operation %q", f.Operation))
	}
	s.faults.add(f)
}

// ClearFaults removes all faults.
func (s *Server) ClearFaults() { s.faults.clear() }

// faultSet chooses the faults of calls.
type faultSet struct {
	mu     sync.Mutex
	armed  []*armedFault
	calls  int
	chosen map[string]*Fault // by call, between the client's transport and the handler
}

type armedFault struct {
	Fault
	random  *rand.Rand
	skipped int
	hits    int
}

func (s *faultSet) add(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = append(s.armed, &armedFault{Fault: f, random: rand.New(rand.NewPCG(f.Seed, 0))})
}

func (s *faultSet) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = nil
}

func (s *faultSet) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.armed) > 0
}

// choose picks the fault of a call, nil for none, and keeps it under the call's name until forget.
func (s *faultSet) choose(operation string) (call string, fault *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, armed := range s.armed {
		if armed.hit(operation) {
			fault = &armed.Fault
			break
		}
	}
	s.calls++
	call = strconv.Itoa(s.calls)
	if s.chosen == nil {
		s.chosen = map[string]*Fault{}
	}
	s.chosen[call] = fault
	return call, fault
}

func (s *faultSet) chosenFor(call string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chosen[call]
}

func (s *faultSet) forget(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.chosen, call)
}

// hit tells whether the fault takes this call, and counts it.
func (f *armedFault) hit(operation string) bool {
	if f.Operation != "" && f.Operation != operation || f.Times >= 0 && f.hits >= max(1, f.Times) {
		return false
	}
	if f.skipped < f.Skip {
		f.skipped++
		return false
	}
	if f.Probability > 0 && f.random.Float64() >= f.Probability {
		return false
	}
	f.hits++
	return true
}

// fail makes a call go as its fault says.
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

// heldAnswer is an answer that is not sent yet.
type heldAnswer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *heldAnswer) Header() http.Header         { return a.header }
func (a *heldAnswer) WriteHeader(status int)      { a.status = status }
func (a *heldAnswer) Write(p []byte) (int, error) { return a.body.Write(p) }

// replace changes an answer as the fault says.
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
		_, _ = zip.Write(plain) // into memory
		_ = zip.Close()
		held.header.Set("Content-Encoding", "gzip")
	}
}

// release sends an answer, as far as the fault lets it.
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
	inBody := f.Break == ResetBody || f.Break == TruncateBody || f.Break == StallBody
	if inBody { // before its end, or the client would see no fault
		size = max(0, min(size-1, f.After))
	}
	s.send(w, held, size)
	if inBody {
		_ = http.NewResponseController(w).Flush() // what was promised goes out first
		s.breakOff(w, r, f.Break)
	}
}

// send writes size bytes: of the answer, or made up.
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

func (s *Server) breakOff(w http.ResponseWriter, r *http.Request, how Break) {
	switch how {
	case ResetBody:
		reset(w)
	case StallBody:
		s.stall(r)
	}
	panic(http.ErrAbortHandler) // net/http closes the connection
}

// stall waits until the client leaves or the server is closed.
func (s *Server) stall(r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // net/http notices only then that the client leaves
	select {
	case <-r.Context().Done():
	case <-s.done:
	}
	panic(http.ErrAbortHandler)
}

// reset ends the connection as a machine does that has crashed.
func reset(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		resetOnClose(conn)
		_ = conn.Close()
	}
	panic(http.ErrAbortHandler)
}
