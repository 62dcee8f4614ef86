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

	"github.com/mistralobs/mistralobs-go/internal/stream"
)

// UploadParams describes a file to upload.
type UploadParams struct {
	// Name is the name that the service shows for the file. It is required unless Body is an
	// *os.File, whose name is the default.
	Name string
	// Body is the content, from its current position on: at most [MaxUploadBytes]. It is streamed.
	//
	// If Body is an [io.Seeker], such as an *os.File, the upload can be retried. Any other Body is
	// copied to a temporary file first, unless Size is given.
	//
	// Upload returns when its context ends, even while a read of Body blocks. The goroutine of that
	// read stays until the read returns.
	Body io.Reader
	// Size is the number of bytes of a Body that is not an [io.Seeker]. If it is given, Body is
	// streamed without a temporary file and the upload is not retried. 0 means unknown.
	Size int64
	// Purpose says what the file is for. The default is the service's.
	Purpose FilePurpose
	// Expiry says how long the service keeps the file. It is sent in hours, rounded up. The
	// service's default is 30 days.
	Expiry time.Duration
	// Visibility says who can see the file. The default is the service's.
	Visibility FileVisibility
}

func (p UploadParams) withDefaults() UploadParams {
	if file, ok := p.Body.(*os.File); ok && file != nil && p.Name == "" {
		p.Name = filepath.Base(file.Name())
	}
	return p
}

func (p UploadParams) check() error {
	switch {
	case p.Body == nil:
		return invalid("Body", "it is nil")
	case p.Name == "":
		return invalid("Name", "it is empty")
	case !utf8.ValidString(p.Name) || strings.ContainsFunc(p.Name, unicode.IsControl):
		return invalid("Name", "it must be UTF-8 without control characters, got %q", p.Name)
	case p.Size < 0 || p.Size > MaxUploadBytes:
		return invalid("Size", "it must be 0 to %d bytes, got %d", MaxUploadBytes, p.Size)
	case p.Expiry < 0:
		return invalid("Expiry", "it must not be negative, got %v", p.Expiry)
	}
	return nil
}

// TransferOptions says how to send or receive a file. The zero value is a sensible default.
type TransferOptions struct {
	// OnProgress is called with the number of bytes transferred so far and the total, which is -1
	// if it is unknown. If a transfer starts again, done starts again from 0. Calls do not overlap.
	// A slow OnProgress slows the transfer.
	OnProgress func(done, total int64)
}

// reader returns r, and reports the bytes that are read from it.
func (o TransferOptions) reader(r io.Reader, total int64) io.Reader {
	if o.OnProgress == nil {
		return r
	}
	return &progressReader{r: r, report: o.OnProgress, total: total}
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

// Upload uploads a file. It streams the content, so its memory does not grow with the file.
//
// API: POST /v1/files
//
// It returns an error that matches [ErrInvalidParams] if Body is nil or too large, or if the file
// has no name. It returns an error that matches [ErrMaybeApplied] if the service may have stored
// the file although the call failed. Such a file is harmless: no import reads it, and it expires.
func (s *FilesService) Upload(ctx context.Context, params UploadParams, options TransferOptions) (*File, error) {
	params = params.withDefaults()
	if err := params.check(); err != nil {
		return nil, err
	}
	if ctx == nil {
		return nil, errNilContext
	}
	content, err := newContent(ctx, params.Body, params.Size)
	if err != nil {
		return nil, err
	}
	defer content.close()
	return s.upload(ctx, params, content, options)
}

// upload sends the content in place of the Body of params.
func (s *FilesService) upload(
	ctx context.Context, params UploadParams, content *fileContent, options TransferOptions,
) (*File, error) {
	body, err := newUploadBody(params, content, options)
	if err != nil {
		return nil, err
	}
	return fetch[File](ctx, s.client, request{
		name: "files.upload", action: "upload file", route: "POST /v1/files", upload: body, creates: true,
	}, nil)
}

// fileContent is the content of a file to upload.
type fileContent struct {
	size     int64
	open     func() (io.Reader, error) // reads it from the beginning
	once     bool                      // open works only once
	blocking bool                      // a read may block for long
	temp     *stream.TempFile          // holds a copy, or is nil
}

// newContent finds out how long body is, and how to read it more than once.
func newContent(ctx context.Context, body io.Reader, size int64) (*fileContent, error) {
	if at, size, ok := readerAt(body); ok {
		if size > MaxUploadBytes {
			return nil, errTooLarge(size)
		}
		return contentAt(at, size), nil
	}
	if size > 0 {
		return contentOnce(body, size), nil
	}
	return copiedContent(ctx, body)
}

func errTooLarge(size int64) error {
	return invalid("Body", "the service accepts at most %d bytes, got %d", MaxUploadBytes, size)
}

// readerAt returns a view of what body holds from its current position on. It returns false if body
// cannot seek: also a pipe is an *os.File. The size of a special file, such as those in /proc, says
// nothing about its content, so that such a file is read like a pipe.
func readerAt(body io.Reader) (at io.ReaderAt, size int64, ok bool) {
	if buffer, ok := body.(*bytes.Buffer); ok { // it cannot seek, but its bytes can be read again
		body = bytes.NewReader(buffer.Next(buffer.Len()))
	}
	seeker, ok := body.(io.Seeker)
	if !ok {
		return nil, 0, false
	}
	base, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, 0, false
	}
	end, err := seeker.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, 0, false
	}
	if _, err := seeker.Seek(base, io.SeekStart); err != nil {
		return nil, 0, false
	}
	if file, ok := body.(*os.File); ok && !hasSize(file) {
		return nil, 0, false
	}
	at, ok = body.(io.ReaderAt)
	if !ok {
		at = &seekerAt{seeker: seeker, r: body}
	}
	if base == 0 {
		return at, end, true
	}
	return io.NewSectionReader(at, base, end-base), end - base, true
}

func hasSize(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// seekerAt reads at any position of a reader that can only seek. The lock keeps a request that was
// answered early, and is still being sent, from moving the position of the next one.
type seekerAt struct {
	mu     sync.Mutex
	seeker io.Seeker
	r      io.Reader
}

func (s *seekerAt) ReadAt(p []byte, offset int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.seeker.Seek(offset, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.r, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

func contentAt(at io.ReaderAt, size int64) *fileContent {
	return &fileContent{size: size, blocking: mayBlock(at), open: func() (io.Reader, error) {
		return &exactReader{r: io.NewSectionReader(at, 0, size), left: size}, nil
	}}
}

// mayBlock reports whether a read may block for long.
func mayBlock(at io.ReaderAt) bool {
	switch at := at.(type) {
	case *os.File, *stream.TempFile, *bytes.Reader, *strings.Reader:
		return false
	case *io.SectionReader:
		outer, _, _ := at.Outer()
		return mayBlock(outer)
	}
	return true
}

func contentOnce(body io.Reader, size int64) *fileContent {
	opened := false
	return &fileContent{size: size, once: true, blocking: true, open: func() (io.Reader, error) {
		if opened {
			return nil, errors.New("the Body cannot be read again")
		}
		opened = true
		return &exactReader{r: body, left: size}, nil
	}}
}

// copiedContent copies body to a temporary file, since the length of a request must be known.
func copiedContent(ctx context.Context, body io.Reader) (*fileContent, error) {
	temp, err := stream.NewTempFile("mistralobs-upload-*")
	if err != nil {
		return nil, fmt.Errorf("mistralobs: upload file: %w", err)
	}
	input := stream.NewInterruptible(ctx, body)
	size, err := io.Copy(temp, io.LimitReader(input, MaxUploadBytes+1))
	switch {
	case err != nil:
		err = fmt.Errorf("mistralobs: upload file: copying Body to a temporary file: %w", err)
	case size > MaxUploadBytes:
		err = errTooLarge(size)
	}
	if err != nil {
		temp.Close()
		return nil, err
	}
	content := contentAt(temp.File, size)
	content.temp = temp
	return content, nil
}

func (c *fileContent) close() {
	if c.temp != nil {
		c.temp.Close()
	}
}

// exactReader reads an announced number of bytes. It fails if there are fewer, since net/http would
// fail with an error that is hard to understand. It ignores further bytes.
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

// uploadBody is a multipart body that is composed while it is sent.
type uploadBody struct {
	content     *fileContent
	head, tail  []byte // around the content
	size        int64
	contentType string
	options     TransferOptions
}

func newUploadBody(params UploadParams, content *fileContent, options TransferOptions) (*uploadBody, error) {
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf)
	for _, field := range params.formFields() {
		if err := form.WriteField(field.name, field.value); err != nil {
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
		content: content, head: buf.Bytes()[:head], tail: buf.Bytes()[head:],
		size: int64(buf.Len()) + content.size, contentType: form.FormDataContentType(), options: options,
	}, nil
}

type formField struct{ name, value string }

// formFields returns the fields beside the file. Those that are not set are left to the service.
func (p UploadParams) formFields() []formField {
	var expiry string
	if p.Expiry > 0 {
		hours := (p.Expiry + time.Hour - 1) / time.Hour
		expiry = strconv.FormatInt(int64(hours), 10)
	}
	var fields []formField
	for _, field := range []formField{
		{"purpose", string(p.Purpose)}, {"visibility", string(p.Visibility)}, {"expiry", expiry},
	} {
		if field.value != "" {
			fields = append(fields, field)
		}
	}
	return fields
}

// rewindable reports whether the body can be sent again.
func (u *uploadBody) rewindable() bool { return !u.content.once }

// mayBlock reports whether a read of the body may block for long.
func (u *uploadBody) mayBlock() bool { return u.content.blocking }

// open returns the body from its beginning. The retry library also opens it once without reading
// it, so that the content is opened only when it is read.
func (u *uploadBody) open() (io.Reader, error) {
	return &lazyReader{open: func() (io.Reader, error) {
		content, err := u.content.open()
		if err != nil {
			return nil, err
		}
		content = u.options.reader(content, u.content.size)
		return io.MultiReader(bytes.NewReader(u.head), content, bytes.NewReader(u.tail)), nil
	}}, nil
}

// lazyReader opens its reader when it is read first.
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
