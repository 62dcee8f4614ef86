package mistralobs

import (
	"bytes"
	"cmp"
	"context"
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
	// Body is the content, from its current position on: at most [MaxUploadBytes]. An [io.Seeker],
	// such as an *os.File, is read in place, again for each attempt. Any other Body is read once,
	// into a temporary file in [os.TempDir] (on Unix the value of TMPDIR, or else /tmp).
	//
	// Upload returns when its context ends, even while a read of Body blocks. The goroutine of that
	// read stays until the read returns.
	Body io.Reader
	// Size is the number of bytes that Body must have. If it has fewer or more, nothing is uploaded
	// and the error matches [ErrInvalidParams]. 0 means any number.
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
	case p.Size < 0 || p.Size > MaxUploadBytes:
		return invalid("Size", "it must be 0 to %d bytes, got %d", MaxUploadBytes, p.Size)
	}
	return p.checkForm()
}

// checkForm checks the form fields, without the content.
func (p UploadParams) checkForm() error {
	switch {
	case p.Name == "":
		return invalid("Name", "it is empty")
	case !utf8.ValidString(p.Name) || strings.ContainsFunc(p.Name, unicode.IsControl):
		return invalid("Name", "it must be UTF-8 without control characters, got %q", p.Name)
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

const uploadAction = "upload file"

// Upload uploads a file. It streams the content, so its memory does not grow with the file. It
// sends the file again only if the service cannot have stored it.
//
// API: POST /v1/files
//
// It returns an error that matches [ErrInvalidParams] if Body is nil or too large, does not have
// Size bytes, or cannot be read from its position again, or if the file has no name. It returns the
// error of Body, wrapped, if reading Body fails. It returns an error that matches [ErrMaybeApplied]
// if the service may have stored the file although the call failed. Such a file is harmless: no
// import reads it, and it expires.
func (s *FilesService) Upload(
	ctx context.Context, params UploadParams, options TransferOptions, opts ...CallOption,
) (*File, error) {
	params = params.withDefaults()
	_, err := s.client.settings(opts)
	err = cmp.Or(checkContext(ctx), params.check(), err)
	content := &fileContent{}
	if err == nil {
		content, err = newContent(ctx, params.Body)
	}
	if err != nil {
		return nil, attempted(uploadAction, err)
	}
	defer content.close()
	return s.upload(ctx, params, content, options, opts)
}

// upload sends the content in place of the Body of params.
func (s *FilesService) upload(
	ctx context.Context, params UploadParams, content *fileContent, options TransferOptions, opts []CallOption,
) (*File, error) {
	var err error
	switch {
	case content.size > MaxUploadBytes:
		err = invalid("Body", "the service accepts at most %d bytes, got %d", MaxUploadBytes, content.size)
	case params.Size > 0 && content.size != params.Size:
		err = invalid("Size", "it must be the number of bytes of Body, which is %d, got %d", content.size, params.Size)
	}
	return fetch[File](ctx, s.client, request{
		name: "files.upload", action: uploadAction, route: "POST /v1/files",
		upload: newUploadBody(params, content, options),
		err:    err, creates: true, required: hasID,
	}, opts)
}

// fileContent is the content of a file to upload. It can be read again and again.
type fileContent struct {
	io.ReaderAt
	size  int64
	local bool             // a read does not block for long
	temp  *stream.TempFile // holds a copy, or is nil
}

// newContent returns what body holds from its current position on.
func newContent(ctx context.Context, body io.Reader) (*fileContent, error) {
	if buffer, ok := body.(*bytes.Buffer); ok { // it cannot seek, but its bytes can be read again
		body = bytes.NewReader(buffer.Next(buffer.Len()))
	}
	if seeker, ok := body.(io.ReadSeeker); ok {
		content, err := seekableContent(seeker)
		if content != nil || err != nil {
			return content, err
		}
	}
	return copiedContent(ctx, body)
}

// seekableContent returns nil if body cannot seek, such as an *os.File that is a pipe. It also
// returns nil for a special file, such as those in /proc, whose size is not that of its content.
func seekableContent(body io.ReadSeeker) (*fileContent, error) {
	base, err := body.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil, nil
	}
	end, endErr := body.Seek(0, io.SeekEnd)
	file, isFile := body.(*os.File)
	switch back, err := body.Seek(base, io.SeekStart); {
	case err != nil:
		return nil, invalid("Body", "it cannot be read from its position: %v", err)
	case back != base:
		return nil, invalid("Body", "it cannot be read from its position: seeking to %d led to %d", base, back)
	case endErr != nil:
		return nil, nil
	case end < base:
		return nil, invalid("Body", "its position %d is beyond its end %d", base, end)
	case isFile && !hasSize(file):
		return nil, nil
	}
	content := &fileContent{size: end - base}
	switch body := body.(type) {
	case *os.File:
		content.ReaderAt, content.local = io.NewSectionReader(body, base, content.size), true
	case *bytes.Reader:
		content.ReaderAt, content.local = io.NewSectionReader(body, base, content.size), true
	case *strings.Reader:
		content.ReaderAt, content.local = io.NewSectionReader(body, base, content.size), true
	case *io.SectionReader:
		content.ReaderAt = io.NewSectionReader(body, base, content.size)
	default:
		content.ReaderAt = &seekerAt{seeker: body, base: base}
	}
	return content, nil
}

func hasSize(file *os.File) bool {
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// seekerAt reads at any position of a reader that can only seek. The lock is needed because
// net/http may still send a request that was answered early when the next one begins.
type seekerAt struct {
	mu     sync.Mutex
	seeker io.ReadSeeker
	base   int64 // the position of offset 0
}

func (s *seekerAt) ReadAt(p []byte, offset int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := s.seeker.Seek(s.base+offset, io.SeekStart)
	if err != nil {
		return 0, err
	}
	if at != s.base+offset {
		return 0, fmt.Errorf("seeking to %d led to %d", s.base+offset, at)
	}
	n, err := io.ReadFull(s.seeker, p)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	return n, err
}

// copiedContent copies body to a temporary file, since the length of a request must be known.
func copiedContent(ctx context.Context, body io.Reader) (*fileContent, error) {
	temp, err := stream.NewTempFile("mistralobs-upload-*")
	if err != nil {
		return nil, fmt.Errorf("mistralobs: upload file: %w", err)
	}
	whole := false
	defer func() { // also if body panics
		if !whole {
			temp.Close()
		}
	}()
	size, err := io.Copy(temp, io.LimitReader(stream.NewInterruptible(ctx, body), MaxUploadBytes+1))
	if err != nil {
		return nil, fmt.Errorf("mistralobs: upload file: copying Body to a temporary file: %w", err)
	}
	whole = true
	return &fileContent{ReaderAt: temp, size: size, local: true, temp: temp}, nil
}

func (c *fileContent) close() {
	if c.temp != nil {
		c.temp.Close()
	}
}

// open returns a reader of the content from its beginning.
func (c *fileContent) open() io.Reader { return &contentReader{content: c} }

// contentReader fails if the size of the content has changed.
type contentReader struct {
	content *fileContent
	offset  int64
}

func (r *contentReader) Read(p []byte) (int, error) {
	left := r.content.size - r.offset
	if left == 0 {
		return 0, r.content.checkEnd()
	}
	n, err := r.content.ReadAt(p[:min(int64(len(p)), left)], r.offset)
	r.offset += int64(n)
	if err == io.EOF {
		if err = nil; r.offset < r.content.size && n == 0 {
			err = fmt.Errorf("the Body ends after %d of %d bytes: %w", r.offset, r.content.size, io.ErrUnexpectedEOF)
		}
	}
	return n, err
}

// checkEnd returns [io.EOF], or another error if the content has grown.
func (c *fileContent) checkEnd() error {
	n, err := c.ReadAt(make([]byte, 1), c.size)
	if n > 0 {
		return fmt.Errorf("the Body has more than the %d bytes that it had before the upload", c.size)
	}
	return err
}

// uploadBody is a multipart body that is composed while it is sent.
type uploadBody struct {
	content     *fileContent
	head, tail  []byte // around the content
	size        int64
	contentType string
	options     TransferOptions
}

func newUploadBody(params UploadParams, content *fileContent, options TransferOptions) *uploadBody {
	var buf bytes.Buffer
	form := multipart.NewWriter(&buf) // it fails only if buf does, which never happens
	for _, field := range params.formFields() {
		_ = form.WriteField(field.name, field.value)
	}
	_, _ = form.CreateFormFile("file", params.Name)
	head := buf.Len()
	_ = form.Close()
	return &uploadBody{
		content: content, head: buf.Bytes()[:head], tail: buf.Bytes()[head:],
		size: int64(buf.Len()) + content.size, contentType: form.FormDataContentType(), options: options,
	}
}

type formField struct{ name, value string }

// formFields returns the form fields before the file. Fields that are not set are left out.
func (p UploadParams) formFields() []formField {
	var expiry string
	if p.Expiry > 0 {
		hours := (p.Expiry-1)/time.Hour + 1 // rounded up
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

// open returns the body from its beginning.
func (u *uploadBody) open() (io.Reader, error) {
	content := u.options.reader(u.content.open(), u.content.size)
	return io.MultiReader(bytes.NewReader(u.head), content, bytes.NewReader(u.tail)), nil
}
