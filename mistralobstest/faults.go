package mistralobstest

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Fault makes calls of an operation fail. The first five fields select the calls; the others say
// what happens to them. Fields that are not set change nothing: a Fault with only a Delay makes a
// call slow.
//
// The server selects the fault of a call when the client sends the request. If the client
// disconnects before the fault takes effect, the server does not execute the operation, but the
// call counts for Times.
type Fault struct {
	Operation   string  // one of Operations, or "" for every operation
	Times       int     // the number of calls that fail; 0 means one, a negative number means all
	Skip        int     // the number of matching calls that pass first
	Probability float64 // the probability that a matching call fails; 0 means 1
	Seed        uint64  // seeds the random numbers for Probability

	// Delay is a wait before all other effects, except that ResetUnread resets at once. If the
	// client disconnects during the wait, the server does not execute the operation.
	Delay time.Duration

	// Status, if not 0, replaces the operation's response by one with this status, Header and Body.
	// The server then does not execute the operation, unless Apply is set. Without Status, Header
	// is added to the operation's own response.
	Status int
	Header http.Header
	Body   string
	Apply  bool
	// BodySize, together with Status, sends a made-up body of this many bytes instead of Body. The
	// server does not hold it in memory.
	BodySize int64
	// Gzip compresses the body of the response, even if the client does not accept that. It has no
	// effect together with BodySize.
	Gzip bool

	// Break breaks the connection or the response.
	Break Break
	// After is the number of body bytes to send before ResetBody, TruncateBody or StallBody. The
	// last byte of the body is never sent.
	After int64

	// IgnoreRange makes a download ignore a Range header and send the whole file.
	IgnoreRange bool
	// ETag, if set, replaces the ETag of a download, as if the file had changed.
	ETag string
}

// Break is a way to break a connection or a response.
type Break int

// The ways to break a call. With Refuse and ResetUnread the server does not execute the operation.
// With the others it executes the operation first, unless the fault has a Status without Apply. A
// break in the middle of the body has no effect on a response without a body.
const (
	// Refuse makes the dial of a client of [Server.HTTPClient] fail. For other clients, which are
	// connected already, it does the same as ResetUnread.
	Refuse Break = iota + 1
	// ResetUnread resets the connection before the request body is read.
	ResetUnread
	// ResetUnanswered resets the connection after the operation, instead of sending a response.
	ResetUnanswered
	// ResetBody resets the connection in the middle of the response body.
	ResetBody
	// TruncateBody closes the connection in the middle of the response body, so that the body is
	// shorter than its Content-Length.
	TruncateBody
	// StallBody stops sending in the middle of the response body, until the client disconnects.
	StallBody
	// StallHeader sends no response until the client disconnects.
	StallHeader
)

// Inject adds a fault. If several faults match a call, the oldest one that is not used up applies.
// Inject panics if the operation does not exist, because the test would then test nothing, and if
// Status is not 0 and not 200 to 599.
func (s *Server) Inject(f Fault) {
	if f.Operation != "" && !knownOperation(f.Operation) {
		panic(fmt.Sprintf("mistralobstest: there is no operation %q", f.Operation))
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		panic(fmt.Sprintf("mistralobstest: a fault cannot have status %d", f.Status))
	}
	s.faults.add(f)
}

// ClearFaults removes all faults. A call whose fault is already selected still fails.
func (s *Server) ClearFaults() { s.faults.clear() }

// faultSet selects the fault of each call.
type faultSet struct {
	mu     sync.Mutex
	armed  []*armedFault
	calls  int
	chosen map[string]*Fault // by call number, until RoundTrip of the client returns
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

// choose selects the fault of a call and returns it, or nil.
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

// assign stores the fault of a call until forget, and returns a number for the call.
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

// hit counts a call of the operation, and reports whether the fault applies to it.
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
