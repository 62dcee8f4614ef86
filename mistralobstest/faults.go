package mistralobstest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A Fault makes calls of an operation fail. The first five fields choose the
// calls; the others say what happens to them. Fields that are not set change
// nothing: a Fault with only a Delay makes a call slow.
//
// A fault acts on exactly the calls that it was chosen for. If the client leaves
// before the fault acts, the server does not carry out the call, and the fault
// is used up.
type Fault struct {
	Operation   string  // one of Operations, or "" for every operation
	Times       int     // how many calls it hits; 0 means one, a negative number all
	Skip        int     // how many matching calls pass first
	Probability float64 // of hitting a matching call; 0 means always
	Seed        uint64  // of the random numbers for Probability; the same seed hits the same calls

	// Delay is waited first. If the client leaves during the wait, the server
	// does not carry out the call.
	Delay time.Duration

	// Status, if not 0, replaces the operation's response by one with this
	// status, Header and Body. The server then does not carry out the operation,
	// unless Apply is set. Without Status, Header is added to the operation's
	// own response.
	Status int
	Header http.Header
	Body   string
	Apply  bool
	// BodySize, together with Status, sends a made-up body of this many bytes
	// instead of Body. The body is never in memory as a whole.
	BodySize int64
	// Gzip compresses the body of the response, whether or not the client asked
	// for it. It has no effect together with BodySize.
	Gzip bool

	// Break breaks the connection or the response.
	Break Break
	// After is the number of body bytes that are sent before a Break in the
	// body. The last byte is never sent.
	After int64

	// IgnoreRange makes a download ignore a Range header and send the whole file.
	IgnoreRange bool
	// ETag, if set, replaces the ETag of a download, as if the file had changed.
	ETag string
}

// A Break is a way to break a connection or a response.
type Break int

// The ways to break a call. The operation is carried out unless stated
// otherwise, or unless the fault has a Status without Apply.
const (
	// Refuse makes the dial fail, for clients of [Server.HTTPClient]. For other
	// clients, which have a connection already, it is ResetUnread. The operation
	// is not carried out.
	Refuse Break = iota + 1
	// ResetUnread resets the connection before the request body is read. The
	// operation is not carried out.
	ResetUnread
	// ResetUnanswered resets the connection instead of sending a response.
	ResetUnanswered
	// ResetBody resets the connection within the response body.
	ResetBody
	// TruncateBody closes the connection within the response body, before the
	// end that its Content-Length states.
	TruncateBody
	// StallBody stops sending within the response body until the client leaves.
	StallBody
	// StallHeader sends no response until the client leaves.
	StallHeader
)

// Inject adds a fault. If several faults match a call, the oldest one that is
// not used up hits it. Inject panics if the operation does not exist, because
// the test would then test nothing.
func (s *Server) Inject(f Fault) {
	if f.Operation != "" && !knownOperation(f.Operation) {
		panic(fmt.Sprintf("mistralobstest: there is no operation %q", f.Operation))
	}
	s.faults.add(f)
}

// ClearFaults removes all faults. A call for which a fault was chosen before
// keeps it.
func (s *Server) ClearFaults() { s.faults.clear() }

// A faultSet chooses the fault of each call.
type faultSet struct {
	mu     sync.Mutex
	armed  []*armedFault
	calls  int
	chosen map[string]*Fault // by call number, until the client stops waiting for the response
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

// choose chooses the fault of a call, or returns nil.
func (s *faultSet) choose(operation string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, armed := range s.armed {
		if armed.hit(operation) {
			return &armed.Fault
		}
	}
	return nil
}

// assign keeps the fault of a call until forget, and returns the call's number.
func (s *faultSet) assign(fault *Fault) (call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	call = strconv.Itoa(s.calls)
	if s.chosen == nil {
		s.chosen = map[string]*Fault{}
	}
	s.chosen[call] = fault
	return call
}

// assigned returns the fault of a call, or nil after forget.
func (s *faultSet) assigned(call string) *Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chosen[call]
}

func (s *faultSet) forget(call string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.chosen, call)
}

// hit reports whether the fault hits a call of the operation, and counts the call.
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
