package datasetsync

import (
	"errors"
	"fmt"
	"sync"

	"github.com/mistralobs/mistralobs-go/internal/stream"
)

// overflowLimit is the number of bytes that an overflowFile keeps in memory.
const overflowLimit = 4 << 20

// overflowFile keeps bytes that are written once and read in any order: in memory up to
// overflowLimit, then in a temporary file. It is safe for concurrent use. A nil overflowFile is
// closed.
type overflowFile struct {
	mu     sync.RWMutex
	memory []byte
	file   *stream.TempFile // nil while the content is in memory
	size   int64
	closed bool
}

// span is a part of an overflowFile.
type span struct {
	start int64
	size  uint32 // no record is larger than an upload
}

var (
	errClosed     = errors.New("it is closed")
	errPlanClosed = fmt.Errorf("datasetsync: reading a record of a plan: %w", errClosed)
)

func (f *overflowFile) add(data []byte) (span, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.write(data); err != nil {
		return span{}, fmt.Errorf("datasetsync: writing a temporary file: %w", err)
	}
	s := span{f.size, uint32(len(data))}
	f.size += int64(len(data))
	return s, nil
}

func (f *overflowFile) write(data []byte) error {
	switch {
	case f.closed:
		return errClosed
	case f.file == nil && len(f.memory)+len(data) <= overflowLimit:
		f.memory = append(f.memory, data...)
		return nil
	case f.file == nil:
		file, err := stream.NewTempFile("mistralobs-sync-*")
		if err != nil {
			return err
		}
		f.file = file
		if _, err := file.Write(f.memory); err != nil {
			return err
		}
		f.memory = nil
	}
	_, err := f.file.Write(data)
	return err
}

// get returns a copy of a part.
func (f *overflowFile) get(s span) ([]byte, error) {
	if f == nil {
		return nil, errPlanClosed
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	data := make([]byte, s.size)
	switch {
	case f.closed:
		return nil, errPlanClosed
	case f.file == nil:
		copy(data, f.memory[s.start:])
		return data, nil
	}
	if _, err := f.file.ReadAt(data, s.start); err != nil {
		return nil, fmt.Errorf("datasetsync: reading a temporary file: %w", err)
	}
	return data, nil
}

func (f *overflowFile) isClosed() bool {
	if f == nil {
		return true
	}
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.closed
}

// close removes the file. Closing again does nothing.
func (f *overflowFile) close() error {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed, f.memory = true, nil
	if f.file == nil {
		return nil
	}
	return f.file.Close()
}
