package stream

import (
	"io"
	"sync"
)

// aheadBytes is how much is read ahead of the consumer.
const aheadBytes = 512 << 10

// ReadAhead reads a source in a goroutine of its own, ahead of its consumer. It is an io.ReadCloser.
//
// The bytes pass through a ring. The goroutine pauses when the ring is full, and goes on when it is
// half empty, so that the two seldom have to wake each other.
type ReadAhead struct {
	source io.ReadCloser
	ended  chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	change sync.Cond // of what follows
	ring   []byte
	start  int // of the bytes in the ring
	size   int // of the bytes in the ring
	err    error
	closed bool
}

// NewReadAhead starts reading source. Call Close in the end, which also closes source.
func NewReadAhead(source io.ReadCloser) *ReadAhead {
	a := &ReadAhead{source: source, ended: make(chan struct{}), ring: make([]byte, aheadBytes)}
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

// Read returns bytes of the source, and its error after the last of them.
func (a *ReadAhead) Read(p []byte) (int, error) {
	a.mu.Lock()
	for a.size == 0 && a.err == nil && !a.closed {
		a.change.Wait()
	}
	data := a.ring[a.start:min(a.start+a.size, len(a.ring))]
	err := a.err
	a.mu.Unlock()
	if len(data) == 0 && err == nil {
		err = io.ErrClosedPipe
	}
	if len(data) == 0 {
		return 0, err
	}

	n := copy(p, data) // the goroutine writes elsewhere
	a.mu.Lock()
	defer a.mu.Unlock()
	a.start = (a.start + n) % len(a.ring)
	a.size -= n
	if a.size <= len(a.ring)/2 {
		a.change.Signal()
	}
	return n, nil
}

// Close closes the source, which must end a read that is under way. It returns when the goroutine
// has ended.
func (a *ReadAhead) Close() error {
	a.mu.Lock()
	a.closed = true
	a.change.Broadcast()
	a.mu.Unlock()
	err := a.source.Close()
	<-a.ended
	return err
}
