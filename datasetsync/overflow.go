package datasetsync

import (
	"errors"
	"fmt"
	"os"
	"sync"
)

// overflowLimit is the number of bytes that an overflowFile keeps in memory.
const overflowLimit = 16 << 20

// overflowFile keeps bytes that are written once and read in any order: in memory up to overflowLimit, then in a
// temporary file. It unlinks the file at once where the system allows that, so that no file stays behind if close is
// never called. Reads may run concurrently.
type overflowFile struct {
	mu     sync.RWMutex
	memory []byte
	file   *os.File // nil while the content is in memory
	named  bool     // the file still has its name
	size   int64
	closed bool
}

// span is a part of an overflowFile.
type span struct {
	start int64
	size  int
}

var errClosed = errors.New("it is closed")

func (f *overflowFile) add(data []byte) (span, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.write(data); err != nil {
		return span{}, fmt.Errorf("datasetsync: writing a temporary file: %w", err)
	}
	s := span{f.size, len(data)}
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
		if err := f.open(); err != nil {
			return err
		}
	}
	_, err := f.file.Write(data)
	return err
}

func (f *overflowFile) open() error {
	file, err := os.CreateTemp("", "mistralobs-sync-*")
	if err != nil {
		return err
	}
	f.file, f.named = file, os.Remove(file.Name()) != nil
	_, err = file.Write(f.memory)
	f.memory = nil
	return err
}

// get returns a copy of a part.
func (f *overflowFile) get(s span) ([]byte, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	data := make([]byte, s.size)
	switch {
	case f.closed:
		return nil, fmt.Errorf("datasetsync: reading a record of a plan: %w", errClosed)
	case f.file == nil:
		copy(data, f.memory[s.start:])
		return data, nil
	}
	if _, err := f.file.ReadAt(data, s.start); err != nil {
		return nil, fmt.Errorf("datasetsync: reading a temporary file: %w", err)
	}
	return data, nil
}

// close removes the file. Closing again does nothing.
func (f *overflowFile) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed, f.memory = true, nil
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	if f.named {
		err = errors.Join(err, os.Remove(f.file.Name()))
	}
	return err
}
