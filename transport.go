package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"
)

// attemptTransport is one attempt of an API call: it waits for the caller's rate
// limit and for the pace that the service has asked for, sets the key, sends, and
// reads the whole answer, so that an answer that breaks off is a failed attempt
// like any other. The order matters: waiting must not use up the attempt's time,
// and the key is fetched as late as possible.
type attemptTransport struct {
	client *Client
	next   http.RoundTripper
}

// RoundTrip leaves the body of the answer in the call and returns the answer without it.
func (t *attemptTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	cl, _ := req.Context().Value(operationKey{}).(*call)
	cl.begin()
	key, err := t.admit(req)
	if err != nil {
		closeBody(req)
		return nil, &localError{err}
	}
	ctx, watch := newWatch(cl.traced(req.Context()), t.client.cfg.attemptTimeout(cl.settings), cl.req.upload != nil)
	defer watch.stop()

	// The caller of a RoundTripper keeps its request: this one is a copy.
	req = req.WithContext(ctx)
	req.Header = maps.Clone(req.Header)
	req.Header["Authorization"] = []string{"Bearer " + key}
	if cl.req.upload != nil {
		guard := newGuard(watch)
		defer guard.end()
		guard.protect(req)
	}
	cl.sent = true
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, watch.explain(err)
	}
	if resp.Body == nil { // as transports of tests do
		resp.Body = http.NoBody
	}
	return cl.receive(resp, watch)
}

// begin forgets the attempt before.
func (cl *call) begin() {
	cl.answer, cl.sent = nil, false
	cl.waiting.Store(false)
	cl.wired.Store(false)
}

// admit waits until the request may be sent, and returns the key to send it with.
func (t *attemptTransport) admit(req *http.Request) (string, error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if !sameOrigin(req.URL, t.client.base) {
		return "", errors.New("refusing to send the API key to another origin than the base URL's")
	}
	if limiter := t.client.cfg.limiter; limiter != nil {
		if err := limiter.Wait(ctx); err != nil {
			return "", limitError(ctx, err)
		}
	}
	if err := t.client.cfg.pacer.Wait(ctx, nil); err != nil {
		return "", err
	}
	return t.client.cfg.apiKey(ctx)
}

// limitError says what ended the wait for the rate limit: a limiter does not
// wait at all if it sees that the deadline comes first, and says so in its own words.
func limitError(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return ended
	}
	return fmt.Errorf("waiting for the rate limit: %w: %w", context.DeadlineExceeded, err)
}

// receive reads the answer into the call.
func (cl *call) receive(resp *http.Response, watch *watch) (*http.Response, error) {
	defer resp.Body.Close()
	body, err := cl.readBody(resp, watch)
	if err != nil {
		return nil, err
	}
	cl.answer = &answer{status: resp.StatusCode, header: resp.Header, body: body}
	cl.pace()
	resp.Body = http.NoBody
	return resp, nil
}

// pace tells the others what the service thinks of the pace. A wait that no
// caller would be made to wait is no reason to stop all of them.
func (cl *call) pace() {
	cfg := cl.client.cfg
	if cl.answer.status != http.StatusTooManyRequests {
		cfg.pacer.Succeeded()
	} else if after := cl.retryAfter(nil); after > 0 && after <= cl.settings.retry.MaxWait {
		cfg.pacer.Limited(after)
	}
}

// maxErrorBytes is how much is kept of an answer that is an error.
const maxErrorBytes = 1 << 20

func (cl *call) readBody(resp *http.Response, watch *watch) ([]byte, error) {
	limit := cl.settings.maxResponse
	if resp.StatusCode >= 300 {
		// The status says what went wrong: a text that is long or cut short must not hide it.
		body, _ := io.ReadAll(io.LimitReader(watch.reader(resp.Body), min(limit, maxErrorBytes)))
		return body, nil
	}
	if resp.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	body, err := readAll(io.LimitReader(watch.reader(resp.Body), limit+1), resp.ContentLength, cl.client.cfg.memory.take())
	if err != nil {
		return nil, watch.explain(fmt.Errorf("reading the answer: %w", err))
	}
	if int64(len(body)) > limit {
		return nil, tooLarge(limit)
	}
	return body, nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than %d bytes (see WithMaxResponseBytes)", ErrResponseTooLarge, limit)
}

// firstRead bounds what a Content-Length alone can make the client allocate.
const firstRead = 4 << 20

// readAll is io.ReadAll into a buffer that is used if it has the size that is announced.
func readAll(r io.Reader, announced int64, buf []byte) ([]byte, error) {
	// One byte more than announced, so that the end is seen without growing.
	if least := max(512, min(announced, firstRead)+1); int64(cap(buf)) < least {
		buf = make([]byte, 0, least)
	}
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// memory lends the buffers that answers are read into: a walk over a list reads
// all its pages into a few.
type memory struct{ buffers sync.Pool }

func (m *memory) take() []byte {
	if buffer, ok := m.buffers.Get().(*[]byte); ok {
		return (*buffer)[:0]
	}
	return nil
}

// give takes a buffer back, to which nothing refers any more.
func (m *memory) give(buffer []byte) {
	if cap(buffer) <= firstRead+1 {
		m.buffers.Put(&buffer)
	}
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// unclosable hides CloseIdleConnections, which would end the connections of all
// other users of a shared transport.
type unclosable struct{ http.RoundTripper }

// watch ends an attempt that takes too long: an API call when its time is up, a
// transfer when no byte has moved for that time.
type watch struct {
	timeout time.Duration
	idle    bool
	timer   *time.Timer
	cancel  context.CancelCauseFunc
	ctx     context.Context
}

// newWatch starts the clock of an attempt; idle is for transfers.
func newWatch(ctx context.Context, timeout time.Duration, idle bool) (context.Context, *watch) {
	w := &watch{timeout: timeout, idle: idle}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(timeout, func() { w.cancel(&timeoutError{timeout, idle}) })
	return w.ctx, w
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// moved puts the end off, if bytes do that.
func (w *watch) moved(n int) {
	if w.idle && n > 0 {
		w.timer.Reset(w.timeout)
	}
}

// pause stops the clock of a transfer until resume.
func (w *watch) pause()  { w.timer.Stop() }
func (w *watch) resume() { w.timer.Reset(w.timeout) }

// explain replaces the error of a context that this watch ended, not its parent.
func (w *watch) explain(err error) error {
	var timeout *timeoutError
	if errors.As(context.Cause(w.ctx), &timeout) {
		return timeout
	}
	return err
}

func (w *watch) reader(r io.Reader) io.Reader {
	if !w.idle {
		return r
	}
	return &watchedReader{r, w}
}

type watchedReader struct {
	r io.Reader
	w *watch
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.w.moved(n)
	return n, err
}

// guard stands between an attempt and the body of an upload, which net/http may
// still be reading when the answer is there: after the attempt nobody reads the
// caller's source any more, or reports progress.
type guard struct {
	watch *watch
	turn  chan struct{} // held by who reads; not a mutex, so that end need not wait for ever
}

func newGuard(w *watch) *guard { return &guard{w, make(chan struct{}, 1)} }

// protect also covers the copies of the body that net/http makes to send the
// request again on another connection.
func (g *guard) protect(req *http.Request) {
	if req.Body != nil {
		req.Body = &guardedBody{g, g.watch.reader(req.Body), req.Body}
	}
	if getBody := req.GetBody; getBody != nil {
		req.GetBody = func() (io.ReadCloser, error) {
			body, err := getBody()
			if err != nil {
				return nil, err
			}
			return &guardedBody{g, g.watch.reader(body), body}, nil
		}
	}
}

// blockedRead is how long the end of an attempt waits for a read that is under
// way. A source that blocks longer is read to the end of that read.
const blockedRead = time.Second

// end makes all further reads fail, and waits for one that is under way.
func (g *guard) end() {
	timer := time.NewTimer(blockedRead)
	defer timer.Stop()
	select {
	case g.turn <- struct{}{}: // and it is never given back
	case <-timer.C:
	}
}

type guardedBody struct {
	guard *guard
	r     io.Reader
	c     io.Closer
}

var errAttemptOver = errors.New("the attempt is over")

func (b *guardedBody) Read(p []byte) (int, error) {
	select {
	case b.guard.turn <- struct{}{}:
		defer func() { <-b.guard.turn }()
	case <-b.guard.watch.ctx.Done():
	}
	if b.guard.watch.ctx.Err() != nil {
		return 0, errAttemptOver
	}
	return b.r.Read(p)
}

func (b *guardedBody) Close() error { return b.c.Close() }

// timeoutError is an attempt that took too long. It is not a
// context.DeadlineExceeded: the caller's context has not ended.
type timeoutError struct {
	limit time.Duration
	idle  bool
}

func (e *timeoutError) Error() string {
	if e.idle {
		return fmt.Sprintf("no byte has moved for %v (see WithTimeout)", e.limit)
	}
	return fmt.Sprintf("no complete answer within %v (see WithTimeout)", e.limit)
}

func (e *timeoutError) Timeout() bool { return true }
