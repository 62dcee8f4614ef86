package stream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lineBuffer is how much is read at once. Longer lines are put together.
const lineBuffer = 64 << 10

var byteOrderMark = []byte("\uFEFF")

// ErrLineTooLong is returned by [LineReader.Next].
var ErrLineTooLong = errors.New("line too long")

// Line is a line of a text, without the white space around it.
type Line struct {
	Number int    // from 1; blank lines count
	Offset int64  // where the line begins in the text
	Text   []byte // valid until the next line is read
}

// LineReader reads a text line by line. It skips blank lines and a byte-order mark at the beginning.
type LineReader struct {
	r      *bufio.Reader
	max    int
	long   []byte // holds a line that is longer than the buffer of r
	number int
	offset int64 // of the next line
	within bool  // the rest of a line that is too long comes next
}

// NewLineReader returns a reader of lines of at most max bytes.
func NewLineReader(r io.Reader, max int) *LineReader {
	return &LineReader{r: bufio.NewReaderSize(r, lineBuffer), max: max}
}

// Next returns the next line that is not blank, and [io.EOF] after the last one. With any other
// error the line has only its number. After [ErrLineTooLong] reading can go on with the line after
// that.
func (l *LineReader) Next() (Line, error) {
	if l.within {
		if err := l.skipLine(); err != nil {
			return Line{Number: l.number}, err
		}
	}
	for {
		l.number++
		line := Line{Number: l.number, Offset: l.offset}
		text, err := l.read()
		if err != nil && err != io.EOF {
			return Line{Number: l.number, Offset: line.Offset}, err
		}
		if l.number == 1 {
			text = bytes.TrimPrefix(text, byteOrderMark)
		}
		if line.Text = bytes.TrimSpace(text); len(line.Text) > 0 {
			return line, nil
		}
		if err == io.EOF {
			return Line{Number: l.number}, io.EOF
		}
	}
}

// read returns the next line with its end.
func (l *LineReader) read() ([]byte, error) {
	text, err := l.r.ReadSlice('\n')
	l.offset += int64(len(text))
	if err != bufio.ErrBufferFull {
		return text, err
	}
	l.long = append(l.long[:0], text...)
	for err == bufio.ErrBufferFull {
		if len(l.long) > l.max {
			l.within = true
			return nil, ErrLineTooLong
		}
		text, err = l.r.ReadSlice('\n')
		l.offset += int64(len(text))
		l.long = append(l.long, text...)
	}
	return l.long, err
}

// skipLine reads the rest of a line that is too long.
func (l *LineReader) skipLine() error {
	for {
		text, err := l.r.ReadSlice('\n')
		l.offset += int64(len(text))
		if err != bufio.ErrBufferFull {
			l.within = false
			return err
		}
	}
}
