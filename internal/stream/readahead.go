package stream

import (
	"io"
	"sync"
)

const (
	// aheadBytes is how much is read ahead of the consumer. With less, the two wait for each other
	// more often.
	aheadBytes = 4 << 20
	// aheadPart is how much the consumer gets at a time, so that the goroutine has room to go on.
	aheadPart = aheadBytes / 8
	// aheadReserve is memory that is allocated and never used. A consumer that keeps nothing makes
	// garbage faster than a small heap holds it: the collector then runs every few milliseconds, and
	// the runtime returns memory to the system only to ask for it again, which took a third of the
	// time. The collector waits for as much garbage as there is memory in use, reserve included.
	aheadReserve = 2 * aheadBytes
)

// ReadAhead reads a source in a goroutine of its own, ahead of its consumer.
//
// The bytes are in a ring. The consumer reads them there, so that nothing is copied. The goroutine
// pauses when the ring is full, and goes on when it is half empty, so that the two seldom have to
// wake each other.
type ReadAhead struct {
	source io.ReadCloser
	ended  chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	change sync.Cond // of what follows
	ring   []byte
	start  int // of the bytes in the ring
	size   int // of the bytes in the ring
	lent   int // how many of them, from start on, the consumer has
	err    error
	closed bool
}

// NewReadAhead starts reading source, which has size bytes, or -1 if that is unknown. Call Close in
// the end, which also closes source.
func NewReadAhead(source io.ReadCloser, size int64) *ReadAhead {
	ring := make([]byte, aheadBytes, aheadBytes+aheadReserve)
	if size >= 0 && size < aheadBytes {
		ring = make([]byte, size+1) // the last byte is room for the read that finds the end
	}
	a := &ReadAhead{source: source, ended: make(chan struct{}), ring: ring}
	a.change.L = &a.mu
	go a.fill()
	return a
}

// fill reads the source into the ring until the source ends or Close is called.
func (a *ReadAhead) fill() {
	defer close(a.ended)
	for {
		room := a.room()
		if room == nil {
			return
		}
		n, err := a.source.Read(room)
		a.mu.Lock()
		a.size += n
		a.err = err
		a.change.Signal()
		a.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// room waits for free space in the ring and returns a part of it that is in one piece. It returns
// nil after Close.
func (a *ReadAhead) room() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.size == len(a.ring) {
		for a.size > len(a.ring)/2 && !a.closed {
			a.change.Wait()
		}
	}
	if a.closed {
		return nil
	}
	end := a.start + a.size
	if end >= len(a.ring) {
		return a.ring[end-len(a.ring) : a.start]
	}
	return a.ring[end:]
}

// Next returns the next bytes that have arrived, and the source's error after the last of them. The
// bytes are valid until Next is called again.
func (a *ReadAhead) Next() ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.start = (a.start + a.lent) % len(a.ring)
	a.size -= a.lent
	a.lent = 0
	if a.size <= len(a.ring)/2 {
		a.change.Signal()
	}
	for a.size == 0 && a.err == nil && !a.closed {
		a.change.Wait()
	}
	switch {
	case a.closed:
		return nil, io.ErrClosedPipe
	case a.size == 0:
		return nil, a.err
	}
	a.lent = min(a.size, len(a.ring)-a.start, aheadPart)
	return a.ring[a.start : a.start+a.lent], nil
}

// Close closes the source, which must end a read that is under way. It returns when the goroutine
// has ended. It also ends a Next of another goroutine.
func (a *ReadAhead) Close() error {
	a.mu.Lock()
	a.closed = true
	a.change.Broadcast()
	a.mu.Unlock()
	err := a.source.Close()
	<-a.ended
	return err
}
