package stream

import (
	"context"
	"io"
)

// interruptibleBuffer is large enough that handing it over costs little compared with filling it.
const interruptibleBuffer = 64 << 10

// Interruptible reads from a reader whose reads may block, such as a terminal or a pipe. Its Read
// returns when the context ends, even while a read of the underlying reader blocks.
//
// Each read runs in a goroutine of its own, and only when Read asks for it. If the context ends
// during a read, the goroutine stays until that read returns. If the read panics or calls
// [runtime.Goexit], Read does the same in its caller's goroutine.
type Interruptible struct {
	ctx    context.Context
	r      io.Reader
	done   chan readResult // of the read that is under way
	buffer []byte          // nil during a read that the context has ended
	rest   []byte          // read, and not yet returned
	err    error           // ends all further reads
}

type readResult struct {
	n     int
	err   error
	panic Panic
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
		var result readResult
		defer func() { i.done <- result }() // never blocks: there is one read at a time
		result.panic.Guard(func() { result.n, result.err = i.r.Read(buffer) })
	}()
	select {
	case result := <-i.done:
		result.panic.Raise()
		i.rest, i.err = buffer[:result.n], result.err
	case <-i.ctx.Done():
		i.buffer, i.err = nil, i.ctx.Err()
	}
}
