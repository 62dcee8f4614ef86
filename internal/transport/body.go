package transport

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Body is the body of a response that an [Attempt] has read whole.
type Body struct {
	Elapsed time.Duration // how long the attempt took, without the time it waited for its turn

	data []byte
	read int
	key  string
}

// BodyOf returns the body of a response that an [Attempt] returned.
func BodyOf(resp *http.Response) *Body {
	if body, ok := resp.Body.(*Body); ok {
		return body
	}
	return &Body{}
}

// Read implements io.Reader.
func (b *Body) Read(p []byte) (int, error) {
	if b.read == len(b.data) {
		return 0, io.EOF
	}
	n := copy(p, b.data[b.read:])
	b.read += n
	return n, nil
}

// Close implements io.Closer.
func (b *Body) Close() error { return nil }

// Bytes returns the whole body, read or not.
func (b *Body) Bytes() []byte { return b.data }

// Redacted returns the whole body without the API key, which gateways have been seen to echo.
// It returns the bytes themselves if the key is not in them.
func (b *Body) Redacted() []byte {
	if key := []byte(b.key); len(key) > 0 && bytes.Contains(b.data, key) {
		return bytes.ReplaceAll(b.data, key, []byte("[API key]"))
	}
	return b.data
}

// maxErrorBytes is how much is kept of the body of an error.
const maxErrorBytes = 1 << 20

// readBody reads the body of a response into a buffer. A success must be whole. The body of an
// error is kept as far as it came: the status matters more than a text that breaks off.
func readBody(resp *http.Response, limit int64, buffers *Buffers) ([]byte, error) {
	if resp.StatusCode >= 300 {
		data, _ := io.ReadAll(io.LimitReader(resp.Body, min(limit, maxErrorBytes)))
		return data, nil
	}
	if resp.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	data, err := readAll(io.LimitReader(resp.Body, limit+1), resp.ContentLength, buffers.get())
	if err != nil {
		return nil, fmt.Errorf("reading the response: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, tooLarge(limit)
	}
	return data, nil
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than %d bytes (see WithMaxResponseBytes)", ErrTooLarge, limit)
}

// maxFirstBuffer bounds how much memory a Content-Length alone makes the client allocate.
const maxFirstBuffer = 4 << 20

// readAll is io.ReadAll into buf if that is large enough for the announced length.
func readAll(r io.Reader, announced int64, buf []byte) ([]byte, error) {
	// One byte more than announced, so that the end of the body is seen without growing.
	if least := max(512, min(announced, maxFirstBuffer)+1); int64(cap(buf)) < least {
		buf = make([]byte, 0, least)
	}
	for {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return nil, err
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

// Buffers lends the buffers that bodies are read into, so that a walk over a list reads all its
// pages into a few.
type Buffers struct{ pool sync.Pool }

func (b *Buffers) get() []byte {
	if buffer, ok := b.pool.Get().(*[]byte); ok {
		return (*buffer)[:0]
	}
	return nil
}

// Reuse takes back the buffer of a body. Nothing may refer to its bytes any more.
func (b *Buffers) Reuse(body *Body) {
	if body.data != nil && cap(body.data) <= maxFirstBuffer+1 {
		b.pool.Put(&body.data)
	}
}
