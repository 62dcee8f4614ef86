package stream

import (
	"context"
	"io"
)

// interruptibleBuffer is large enough that handing it over costs little beside filling it.
const interruptibleBuffer = 64 << 10

// Interruptible reads from a reader whose reads may block, such as a terminal or a pipe. Its Read
// returns when the context ends, even while a read of the underlying reader blocks.
//
// Each read runs in a goroutine of its own, and only when Read asks for it. If the context ends
// during a read, the goroutine stays until that read returns.
type Interruptible struct {
	ctx    context.Context
	r      io.Reader
	done   chan readResult // of the read that is under way
	buffer []byte          // nil during a read that the context has ended
	rest   []byte          // read, and not yet returned
	err    error           // ends all further reads
}

type readResult struct {
	n   int
	err error
}

// NewInterruptible returns a reader of r.
func NewInterruptible(ctx context.Context, r io.Reader) *Interruptible {
	return &Interruptible{ctx: ctx, r: r, done: make(chan readResult, 1), buffer: make([]byte, interruptibleBuffer)}
}

// Read returns bytes of the underlying reader, or the context's error.
func (i *Interruptible) Read(p []byte) (int, error) {
	if len(i.rest) == 0 && i.err == nil {
		i.next()
	}
	n := copy(p, i.rest)
	i.rest = i.rest[n:]
	if len(i.rest) > 0 {
		return n, nil
	}
	return n, i.err
}

func (i *Interruptible) next() {
	if i.err = i.ctx.Err(); i.err != nil {
		return
	}
	buffer := i.buffer
	go func() {
		n, err := i.r.Read(buffer)
		i.done <- readResult{n, err} // never blocks: there is one read at a time
	}()
	select {
	case result := <-i.done:
		i.rest, i.err = buffer[:result.n], result.err
	case <-i.ctx.Done():
		i.buffer, i.err = nil, i.ctx.Err()
	}
}

// WithContext returns a reader whose reads fail when the context has ended. It does not end a read
// that blocks; see [Interruptible].
func WithContext(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
