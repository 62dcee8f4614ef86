package stream

import (
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
	Offset int64  // where the line begins in the text
	Text   []byte // valid until the next line is read
}

// Parts is a text in parts of any length. Next returns the next part, which is valid until Next is
// called again, or an error at the end.
type Parts interface{ Next() ([]byte, error) }

// LineReader reads a text line by line. It skips blank lines and a byte-order mark at the beginning.
type LineReader struct {
	parts  Parts
	limit  int
	rest   []byte // of the current part
	open   int    // how many bytes at the end of rest begin a line that does not end there
	long   []byte // holds a line that is in several parts
	number int
	offset int64 // of the next line
	within bool  // the rest of a line that is too long comes next
}

// NewLineReader returns a reader of lines. A line of more than limit bytes may be too long.
func NewLineReader(r io.Reader, limit int) *LineReader {
	return NewPartsLineReader(&readerParts{r: r, buffer: make([]byte, lineBuffer)}, limit)
}

// NewPartsLineReader returns a reader of the lines in parts. It copies only lines that are in several
// parts.
func NewPartsLineReader(parts Parts, limit int) *LineReader {
	return &LineReader{parts: parts, limit: limit}
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
			return line, err
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

// Buffered reports whether Next returns a line that has been read already.
func (l *LineReader) Buffered() bool {
	return len(bytes.TrimSpace(l.rest[:len(l.rest)-min(l.open, len(l.rest))])) > 0
}

// read returns the next line with its end.
func (l *LineReader) read() ([]byte, error) {
	text, err := l.readPart()
	if err != nil || ends(text) {
		return text, err
	}
	l.long = l.long[:0]
	for {
		if l.long = append(l.long, text...); err != nil || ends(text) {
			return l.long, err
		}
		if len(l.long) > l.limit {
			l.within = true
			return nil, ErrLineTooLong
		}
		text, err = l.readPart()
	}
}

// skipLine reads the rest of a line that is too long.
func (l *LineReader) skipLine() error {
	for {
		text, err := l.readPart()
		if err != nil || ends(text) {
			l.within = false
			return err
		}
	}
}

// readPart returns the rest of a line as far as it is in one part.
func (l *LineReader) readPart() (text []byte, err error) {
	if len(l.rest) == 0 {
		if l.rest, err = l.parts.Next(); err != nil {
			return nil, err
		}
		l.open = len(l.rest) - (bytes.LastIndexByte(l.rest, '\n') + 1)
	}
	n := bytes.IndexByte(l.rest, '\n') + 1
	if n == 0 {
		n = len(l.rest)
	}
	text, l.rest = l.rest[:n], l.rest[n:]
	l.offset += int64(n)
	return text, nil
}

func ends(text []byte) bool { return len(text) > 0 && text[len(text)-1] == '\n' }

// readerParts are what a reader reads into a buffer.
type readerParts struct {
	r      io.Reader
	buffer []byte
	err    error // ends all further reads
}

// maxEmptyReads is how often a reader may return nothing, neither bytes nor an error.
const maxEmptyReads = 100

func (p *readerParts) Next() ([]byte, error) {
	for range maxEmptyReads {
		if p.err != nil {
			return nil, p.err
		}
		n, err := p.r.Read(p.buffer)
		if p.err = err; n > 0 {
			return p.buffer[:n], nil
		}
	}
	return nil, io.ErrNoProgress
}
