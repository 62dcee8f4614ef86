// Package stream holds what uploads, imports and exports need to move bytes: temporary files, lines
// of text, and reads that a context can end.
package stream

import (
	"fmt"
	"os"
)

// TempFile is a temporary file that its Close removes. Where the system allows it, the file loses
// its name at once, so that nothing of it stays if the process is killed.
type TempFile struct {
	*os.File
	named bool // the file still has its name
}

// NewTempFile creates a temporary file. The pattern is that of [os.CreateTemp].
func NewTempFile(pattern string) (*TempFile, error) {
	file, err := os.CreateTemp("", pattern)
	if err != nil {
		return nil, fmt.Errorf("creating a temporary file: %w", err)
	}
	return &TempFile{File: file, named: os.Remove(file.Name()) != nil}, nil
}

// Close closes the file and removes it.
func (t *TempFile) Close() error {
	err := t.File.Close()
	if t.named {
		err = os.Remove(t.Name())
	}
	return err
}
