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
// It reads in a goroutine of its own, and only when asked to, so that after Close the underlying
// reader has lost no byte that Read has not returned. If the context ends during a read, the
// goroutine stays until that read returns.
type Interruptible struct {
	ctx    context.Context
	wanted chan struct{}   // asks the goroutine for a read
	done   chan readResult // of one read
	rest   []byte          // read, and not yet returned
	err    error           // ends all further reads
}

type readResult struct {
	data []byte
	err  error
}

// NewInterruptible starts reading from r when Read is called first. Call Close in the end.
func NewInterruptible(ctx context.Context, r io.Reader) *Interruptible {
	i := &Interruptible{ctx: ctx, wanted: make(chan struct{}), done: make(chan readResult, 1)}
	go func() {
		buffer := make([]byte, interruptibleBuffer)
		for range i.wanted {
			n, err := r.Read(buffer)
			i.done <- readResult{buffer[:n], err} // never blocks: each result is received before the next read
		}
	}()
	return i
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
	i.wanted <- struct{}{} // never blocks for long: no read is under way
	select {
	case result := <-i.done:
		i.rest, i.err = result.data, result.err
	case <-i.ctx.Done():
		i.err = i.ctx.Err()
	}
}

// Close ends the goroutine, at once or with the read that is under way.
func (i *Interruptible) Close() error {
	close(i.wanted)
	return nil
}
