package stream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lineBuffer is how much is read at once.
const lineBuffer = 64 << 10

var byteOrderMark = []byte("\uFEFF")

// ErrLineTooLong is returned by [LineReader.Next].
var ErrLineTooLong = errors.New("line too long")

// Line is a line of a text, without the white space around it.
type Line struct {
	Number int    // from 1; blank lines count
	Text   []byte // valid until the next line is read
}

// LineReader reads a text line by line. It skips blank lines and a byte-order mark at the
// beginning.
type LineReader struct {
	r       *bufio.Reader
	limit   int
	long    []byte // holds a line that is longer than the buffer of r
	number  int
	tooLong bool // the rest of a line that is too long comes next
}

// NewLineReader returns a reader of lines. A line of more than limit bytes may be too long.
func NewLineReader(r io.Reader, limit int) *LineReader {
	return &LineReader{r: bufio.NewReaderSize(r, lineBuffer), limit: limit}
}

// Next returns the next line that is not blank, and [io.EOF] after the last one. With any other
// error the line has only its number. After [ErrLineTooLong] reading can go on with the line after
// that.
func (l *LineReader) Next() (Line, error) {
	if l.tooLong {
		if err := l.skipLine(); err != nil {
			return Line{Number: l.number}, err
		}
	}
	for {
		l.number++
		text, err := l.read()
		if err != nil && err != io.EOF {
			return Line{Number: l.number}, err
		}
		if l.number == 1 {
			text = bytes.TrimPrefix(text, byteOrderMark)
		}
		if text = bytes.TrimSpace(text); len(text) > 0 {
			return Line{Number: l.number, Text: text}, nil
		}
		if err == io.EOF {
			return Line{Number: l.number}, io.EOF
		}
	}
}

// read returns the next line with its end.
func (l *LineReader) read() ([]byte, error) {
	text, err := l.r.ReadSlice('\n')
	if err != bufio.ErrBufferFull {
		return text, err
	}
	for l.long = l.long[:0]; ; text, err = l.r.ReadSlice('\n') {
		l.long = append(l.long, text...)
		if err != bufio.ErrBufferFull {
			return l.long, err
		}
		if len(l.long) > l.limit {
			l.tooLong = true
			return nil, ErrLineTooLong
		}
	}
}

// skipLine reads the rest of a line that is too long.
func (l *LineReader) skipLine() error {
	for {
		if _, err := l.r.ReadSlice('\n'); err != bufio.ErrBufferFull {
			l.tooLong = false
			return err
		}
	}
}
