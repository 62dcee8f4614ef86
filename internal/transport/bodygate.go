package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/stream"
)

// bodyGate stands between an attempt and the source of an upload. It ends a read when the attempt
// ends, even if the source blocks: net/http waits for the read otherwise. After shut the source is
// not read and no progress is reported, even if net/http is still sending the body because the
// response came early.
type bodyGate struct {
	ctx      context.Context // of the attempt
	timer    *IdleTimer
	mayBlock bool
	turn     chan struct{} // held during a read; not a mutex, because shut must not wait for a blocked read

	mu    sync.Mutex
	err   error        // of the source
	panic stream.Panic // of the source
}

func newBodyGate(ctx context.Context, timer *IdleTimer, mayBlock bool) *bodyGate {
	return &bodyGate{ctx: ctx, timer: timer, mayBlock: mayBlock, turn: make(chan struct{}, 1)}
}

// guard puts the gate before the body of the request, and before the copies that net/http makes to
// send the request again on another connection.
func (g *bodyGate) guard(req *http.Request) {
	if req.Body != nil {
		req.Body = g.wrap(req.Body)
	}
	getBody := req.GetBody
	if getBody == nil {
		return
	}
	req.GetBody = func() (io.ReadCloser, error) {
		body, err := getBody()
		if err != nil {
			return nil, err
		}
		return g.wrap(body), nil
	}
}

func (g *bodyGate) wrap(body io.ReadCloser) io.ReadCloser {
	guarded := &guardedBody{gate: g, r: g.timer.Reader(body), closer: body}
	if g.mayBlock {
		// The source stays open: it is the caller's, and a read of it may be under way.
		return io.NopCloser(stream.NewInterruptible(g.ctx, guarded))
	}
	return guarded
}

// blockedRead is how long shut waits for a read of the source. A source that blocks for longer is
// read until that read returns.
const blockedRead = 100 * time.Millisecond

// shut makes all further reads fail, and waits for a read that is under way.
func (g *bodyGate) shut() {
	timer := time.NewTimer(blockedRead)
	defer timer.Stop()
	select {
	case g.turn <- struct{}{}: // never released
	case <-timer.C:
	}
}

// failure returns the error of the source, or nil. A panic of the source is raised.
func (g *bodyGate) failure() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.panic.Raise()
	return g.err
}

// read reads the source and keeps its failure. If the source ends the goroutine, as tests do when
// they fail, the attempt ends too, since net/http would wait for the read.
func (g *bodyGate) read(source io.Reader, p []byte) (n int, err error) {
	var raised stream.Panic
	defer func() {
		if raised.Happened() {
			err = errAttemptEnded
		}
		if raised.Happened() || err != nil && err != io.EOF {
			g.mu.Lock()
			g.panic, g.err = raised, err
			g.mu.Unlock()
			g.timer.Stop()
		}
	}()
	raised.Guard(func() { n, err = source.Read(p) })
	return n, err
}

var errAttemptEnded = errors.New("the attempt has ended")

// guardedBody reads the source, one read at a time, until the attempt ends.
type guardedBody struct {
	gate   *bodyGate
	r      io.Reader
	closer io.Closer
}

func (b *guardedBody) Read(p []byte) (int, error) {
	select {
	case b.gate.turn <- struct{}{}:
		defer func() { <-b.gate.turn }()
	case <-b.gate.ctx.Done():
	}
	if b.gate.ctx.Err() != nil {
		return 0, errAttemptEnded
	}
	return b.gate.read(b.r, p)
}

func (b *guardedBody) Close() error { return b.closer.Close() }
