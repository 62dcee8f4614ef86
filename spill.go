package mistralobs

import (
	"fmt"
	"os"
)

// spillAbove is how much a spill holds in memory.
const spillAbove = 16 << 20

// spill keeps texts that are written once and read in any order: in memory as
// long as they are little, then in a temporary file. The file's name is gone at
// once where the system allows that, so that nothing is left of a spill that is
// not closed.
type spill struct {
	memory []byte
	file   *os.File // nil as long as they are little
	named  bool     // the file still has its name
	size   int64
}

// place is where a text is in a spill. No text has no size.
type place struct {
	at   int64
	size int
}

func (s *spill) add(text []byte) (place, error) {
	if err := s.write(text); err != nil {
		return place{}, fmt.Errorf("mistralobs: writing a temporary file: %w", err)
	}
	p := place{s.size, len(text)}
	s.size += int64(len(text))
	return p, nil
}

func (s *spill) write(text []byte) error {
	if s.file == nil && len(s.memory)+len(text) <= spillAbove {
		s.memory = append(s.memory, text...)
		return nil
	}
	if s.file == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	_, err := s.file.Write(text)
	return err
}

func (s *spill) open() (err error) {
	if s.file, err = os.CreateTemp("", "mistralobs-sync-*"); err != nil {
		return err
	}
	s.named = os.Remove(s.file.Name()) != nil
	_, err = s.file.Write(s.memory)
	s.memory = nil
	return err
}

func (s *spill) get(p place) ([]byte, error) {
	text := make([]byte, p.size)
	if s.file == nil {
		copy(text, s.memory[p.at:])
		return text, nil
	}
	if _, err := s.file.ReadAt(text, p.at); err != nil {
		return nil, fmt.Errorf("mistralobs: reading a temporary file: %w", err)
	}
	return text, nil
}

func (s *spill) close() error {
	s.memory = nil
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	if s.named {
		err = os.Remove(s.file.Name())
		s.named = false
	}
	return err
}
