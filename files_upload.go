package mistralobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// UploadParams describes a file to upload.
type UploadParams struct {
	Name string // the file's name, for people; "" is that of Body if it is an *os.File
	// Body is the content, at most [MaxUploadBytes], from its current position
	// on. It is streamed, never held in memory. An *os.File, or another reader
	// that can Seek, can be sent again if the connection fails before the
	// service can have acted; one that cannot is copied to a temporary file
	// first, unless Size is given. The context ends an upload between two reads
	// of Body, not within one that blocks.
	Body io.Reader
	// Size is the length of a Body that cannot Seek, to stream it without a
	// temporary file; such an upload is not repeated. 0 is unknown.
	Size       int64
	Purpose    FilePurpose    // "" is the service's default
	Expiry     time.Duration  // how long the file is kept, sent in whole hours, rounded up; 0 is the service's default of 30 days
	Visibility FileVisibility // "" is the service's default
}

func (p *UploadParams) check() error {
	switch {
	case p.Body == nil:
		return invalid("Body", "it is nil")
	case p.Name == "":
		return invalid("Name", "the file needs a name")
	case !utf8.ValidString(p.Name) || strings.ContainsFunc(p.Name, unicode.IsControl):
		return invalid("Name", "it must be UTF-8 without control characters, got %q", p.Name)
	case p.Size < 0 || p.Size > MaxUploadBytes:
		return invalid("Size", "it must be 0 to %d bytes, got %d", MaxUploadBytes, p.Size)
	case p.Expiry < 0:
		return invalid("Expiry", "it must not be negative, got %v", p.Expiry)
	}
	return nil
}

// fillName takes the name from a Body that has one.
func (p *UploadParams) fillName() {
	if file, ok := p.Body.(*os.File); ok && file != nil && p.Name == "" {
		p.Name = filepath.Base(file.Name())
	}
}

// TransferOption sets how bytes are sent or received.
type TransferOption func(*transfer)

type transfer struct{ progress func(done, total int64) }

// WithProgress calls f as bytes move, with how many have and how many there are;
// total is -1 if that is not known. When an upload or a download starts over,
// done does too. Calls do not overlap; a slow f slows the transfer.
func WithProgress(f func(done, total int64)) TransferOption {
	return func(t *transfer) { t.progress = f }
}

func newTransfer(opts []TransferOption) transfer {
	var t transfer
	for _, opt := range opts {
		if opt != nil {
			opt(&t)
		}
	}
	return t
}

// reader reports what is read from r, starting at offset.
func (t transfer) reader(r io.Reader, offset, total int64) io.Reader {
	if t.progress == nil {
		return r
	}
	return &progressReader{r: r, report: t.progress, done: offset, total: total}
}

type progressReader struct {
	r           io.Reader
	report      func(done, total int64)
	done, total int64
}

func (p *progressReader) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if n > 0 {
		p.done += int64(n)
		p.report(p.done, p.total)
	}
	return n, err
}

// Upload uploads a file. It holds a constant amount of memory whatever the
// file's size.
//
// API: POST /v1/files
//
// It returns an error matching [ErrInvalidParams] if the file is too large,
// has no name or no Body, and one matching [ErrMaybeApplied] if the answer was lost.
func (s *FilesService) Upload(ctx context.Context, params UploadParams, opts ...TransferOption) (*File, error) {
	params.fillName()
	if err := params.check(); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, errNilContext
	}
	source, err := newSource(ctx, params.Body, params.Size)
	if err != nil {
		return nil, err
	}
	defer source.close()
	upload, err := newUploadBody(params, source, newTransfer(opts))
	if err != nil {
		return nil, err
	}
	return fetch[File](ctx, s.client, request{
		name: "files.upload", action: "upload file", route: "POST /v1/files", upload: upload, creates: true,
	}, nil)
}

// source is the content of an upload, of a known size.
type source struct {
	at   io.ReaderAt // nil if it can be read only once
	once io.Reader   // used if at is nil
	base int64       // where the content starts in at
	size int64
	temp *os.File // holds a copy, if one was needed
}

// newSource finds out how long body is, and how to read it more than once.
func newSource(ctx context.Context, body io.Reader, size int64) (*source, error) {
	if buffer, ok := body.(*bytes.Buffer); ok { // it cannot seek, what it holds can
		body = bytes.NewReader(buffer.Next(buffer.Len()))
	}
	if seeker, ok := body.(io.ReadSeeker); ok {
		if src, err := seekSource(seeker); err == nil {
			return src, src.check()
		} // a pipe is an *os.File that cannot seek
	}
	if size > 0 {
		return &source{once: body, size: size}, nil
	}
	return spool(contextReader{ctx, body})
}

func (s *source) check() error {
	if s.size > MaxUploadBytes {
		return invalid("Body", "the service takes at most %d bytes, got %d", MaxUploadBytes, s.size)
	}
	return nil
}

func seekSource(seeker io.ReadSeeker) (*source, error) {
	base, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, err
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	if _, err := seeker.Seek(base, io.SeekStart); err != nil {
		return nil, err
	}
	at, ok := seeker.(io.ReaderAt)
	if !ok {
		at = &seekerAt{seeker: seeker}
	}
	return &source{at: at, base: base, size: end - base}, nil
}

// seekerAt reads anywhere in what can only seek. The lock keeps a request that
// was answered early, and is still being sent, from moving the next one's position.
type seekerAt struct {
	mu     sync.Mutex
	seeker io.ReadSeeker
}

func (s *seekerAt) ReadAt(p []byte, offset int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.seeker.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.seeker, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

// spool copies body to a temporary file, since a request needs its length.
func spool(body io.Reader) (*source, error) {
	temp, err := os.CreateTemp("", "mistralobs-upload-*")
	if err != nil {
		return nil, fmt.Errorf("mistralobs: upload file: making a temporary file: %w", err)
	}
	src := &source{at: temp, temp: temp}
	src.size, err = io.Copy(temp, io.LimitReader(body, MaxUploadBytes+1))
	if err != nil {
		err = fmt.Errorf("mistralobs: upload file: copying the Body to a temporary file: %w", err)
	} else {
		err = src.check()
	}
	if err != nil {
		src.close()
		return nil, err
	}
	return src, nil
}

func (s *source) close() {
	if s.temp != nil {
		s.temp.Close()
		os.Remove(s.temp.Name())
	}
}

// reader returns the content from its start.
func (s *source) reader() (io.Reader, error) {
	if s.at != nil {
		return io.NewSectionReader(s.at, s.base, s.size), nil
	}
	if s.once == nil {
		return nil, errors.New("the Body cannot be read again")
	}
	once := s.once
	s.once = nil
	return &exactReader{r: once, left: s.size}, nil
}

// exactReader fails a source that is shorter than was said, instead of letting
// the request fail with a riddle, and ignores what is beyond.
type exactReader struct {
	r    io.Reader
	left int64
}

func (e *exactReader) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		return n, fmt.Errorf("the Body is %d bytes shorter than its Size: %w", e.left, io.ErrUnexpectedEOF)
	}
	return n, err
}

// uploadBody is a multipart body that is put together while it is sent.
type uploadBody struct {
	source      *source
	head, tail  []byte
	size        int64
	contentType string
	transfer    transfer
}

func newUploadBody(params UploadParams, source *source, transfer transfer) (*uploadBody, error) {
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	for _, f := range params.formFields() {
		if err := form.WriteField(f[0], f[1]); err != nil {
			return nil, err
		}
	}
	if _, err := form.CreateFormFile("file", params.Name); err != nil {
		return nil, err
	}
	head := buf.Len()
	if err := form.Close(); err != nil {
		return nil, err
	}
	return &uploadBody{
		source: source, head: buf.Bytes()[:head], tail: buf.Bytes()[head:], size: int64(buf.Len()) + source.size,
		contentType: form.FormDataContentType(), transfer: transfer,
	}, nil
}

// formFields returns what is set beside the file; what is not is left to the service.
func (p *UploadParams) formFields() [][2]string {
	var fields [][2]string
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, [2]string{name, value})
		}
	}
	add("purpose", string(p.Purpose))
	add("visibility", string(p.Visibility))
	if p.Expiry > 0 {
		hours := (p.Expiry + time.Hour - 1) / time.Hour
		add("expiry", strconv.FormatInt(int64(hours), 10))
	}
	return fields
}

// rewindable reports whether the body can be sent again.
func (u *uploadBody) rewindable() bool { return u.source.at != nil }

// mayBlock reports whether reading the source may block for long.
func (u *uploadBody) mayBlock() bool {
	switch u.source.at.(type) {
	case *os.File, *bytes.Reader, *strings.Reader, *io.SectionReader:
		return false
	}
	return true
}

// open starts the body from its beginning. The retry library asks for it once
// before the first attempt, only to look at it: so the source is opened when it is first read.
func (u *uploadBody) open() (io.Reader, error) {
	return &lazyReader{open: func() (io.Reader, error) {
		content, err := u.source.reader()
		if err != nil {
			return nil, err
		}
		content = u.transfer.reader(content, 0, u.source.size)
		return io.MultiReader(bytes.NewReader(u.head), content, bytes.NewReader(u.tail)), nil
	}}, nil
}

type lazyReader struct {
	open func() (io.Reader, error)
	r    io.Reader
}

func (l *lazyReader) Read(p []byte) (int, error) {
	if l.r == nil {
		r, err := l.open()
		if err != nil {
			return 0, err
		}
		l.r = r
	}
	return l.r.Read(p)
}
