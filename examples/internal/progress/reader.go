package progress

import (
	"errors"
	"io"
	"os"
	"sync/atomic"
)

// Reader shows on a line how much has been read. It can seek if the source is a file, but not if it is a pipe.
type Reader struct {
	source io.Reader
	file   *os.File // nil if the source cannot seek
	line   *Line
	what   string
	total  int64
	done   atomic.Int64
	quiet  atomic.Bool
}

var (
	_ io.ReadSeeker = (*Reader)(nil)
	_ io.ReaderAt   = (*Reader)(nil)
)

// Reader returns a reader of source that shows its progress.
func (l *Line) Reader(what string, source io.Reader) *Reader {
	r := &Reader{source: source, line: l, what: what}
	if file, ok := source.(*os.File); ok {
		// The size of a special file, such as those in /proc, is 0.
		if stat, err := file.Stat(); err == nil && stat.Mode().IsRegular() && stat.Size() > 0 {
			r.file, r.total = file, stat.Size()
		}
	}
	return r
}

// Quiet ends the progress of this reader, for example because an upload that reads it again shows its own progress.
func (r *Reader) Quiet() { r.quiet.Store(true) }

func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	r.show(r.done.Add(int64(n)))
	return n, err
}

// ReadAt implements [io.ReaderAt].
func (r *Reader) ReadAt(p []byte, offset int64) (int, error) {
	if r.file == nil {
		return 0, errors.ErrUnsupported
	}
	n, err := r.file.ReadAt(p, offset)
	r.show(offset + int64(n))
	return n, err
}

// Seek implements [io.Seeker].
func (r *Reader) Seek(offset int64, whence int) (int64, error) {
	if r.file == nil {
		return 0, errors.ErrUnsupported
	}
	position, err := r.file.Seek(offset, whence)
	if err == nil {
		r.done.Store(position)
	}
	return position, err
}

func (r *Reader) show(done int64) {
	if !r.quiet.Load() {
		r.line.Bytes(r.what, done, r.total)
	}
}
