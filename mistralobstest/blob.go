package mistralobstest

import (
	"errors"
	"io"
	"slices"
	"time"
)

// blob is an exported file. Its content never changes: an export of another revision of the
// dataset is another blob. The server keeps a blob as long as a URL of it works. A blob shares the
// contents of the records and makes the lines on demand.
type blob struct {
	dataset          *dataset
	contents         []content
	ends             []int64 // the ends of the lines, in bytes from the start
	etag             string
	created, expires time.Time
}

func newBlob(ds *dataset, etag string, now time.Time) *blob {
	b := &blob{
		dataset: ds, etag: etag, created: now,
		contents: make([]content, len(ds.records)), ends: make([]int64, len(ds.records)),
	}
	var end int64
	for i, rec := range ds.records {
		end += int64(lineLength(rec.content))
		b.contents[i], b.ends[i] = rec.content, end
	}
	return b
}

func (b *blob) size() int64 {
	if len(b.ends) == 0 {
		return 0
	}
	return b.ends[len(b.ends)-1]
}

// blobReader reads a blob. It implements [io.ReadSeeker].
type blobReader struct {
	blob *blob
	pos  int64
	line []byte // the unread rest of the line at pos, a part of buf
	buf  []byte
}

func (r *blobReader) Read(p []byte) (n int, err error) {
	for n < len(p) && r.pos < r.blob.size() {
		if len(r.line) == 0 {
			r.loadLine()
		}
		copied := copy(p[n:], r.line)
		r.line = r.line[copied:]
		r.pos += int64(copied)
		n += copied
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// loadLine sets line to the rest of the line at pos.
func (r *blobReader) loadLine() {
	i, _ := slices.BinarySearch(r.blob.ends, r.pos+1)
	r.buf = appendLine(r.buf[:0], r.blob.contents[i])
	r.line = r.buf[int64(len(r.buf))-(r.blob.ends[i]-r.pos):]
}

func (r *blobReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.pos
	case io.SeekEnd:
		offset += r.blob.size()
	}
	if offset < 0 {
		return 0, errors.New("mistralobstest: seek before the start")
	}
	r.pos, r.line = offset, nil
	return offset, nil
}
