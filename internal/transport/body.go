package transport

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// Body is the body of a response that an [Attempt] has read whole.
type Body struct {
	Elapsed time.Duration // how long the attempt took, without the wait for the rate limit

	data []byte
	read int
	key  string
}

// BodyOf returns the body of a response that an [Attempt] returned.
func BodyOf(resp *http.Response) *Body { return resp.Body.(*Body) }

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

// Redacted returns the whole body without the API key, which some gateways echo, and without the
// queries of URLs.
func (b *Body) Redacted() []byte { return []byte(b.Hide(string(b.data))) }

// Hide returns a text of the response without the API key and the queries of URLs.
func (b *Body) Hide(text string) string { return hideSecrets(text, b.key) }

// HideIn returns err. If its text shows a secret, HideIn returns an error with the text without it.
func (b *Body) HideIn(err error) error {
	if text := err.Error(); b.Hide(text) != text {
		return errors.New(b.Hide(text))
	}
	return err
}

// maxErrorBytes is the number of bytes that are kept of the body of an error.
const maxErrorBytes = 1 << 20

// readBody reads the body of a response. A success must be whole. Of the body of an error, readBody
// keeps what arrives: the status is enough to report.
func readBody(resp *http.Response, limit int64, pool *BodyPool) (*Body, error) {
	if resp.StatusCode >= 300 {
		data, _ := io.ReadAll(io.LimitReader(resp.Body, min(limit, maxErrorBytes)))
		return &Body{data: data}, nil
	}
	if resp.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	body := pool.get()
	return body, body.fill(resp.Body, resp.ContentLength, limit)
}

func tooLarge(limit int64) error {
	return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
}

// maxFirstBuffer bounds how much memory a Content-Length alone makes the client allocate.
const maxFirstBuffer = 4 << 20

// fill reads r to its end, into the buffer of the body if that is large enough for the announced
// length.
func (b *Body) fill(r io.Reader, announced, limit int64) error {
	// One byte more than announced, so that the end of the body is seen without growing.
	if least := max(512, min(announced, maxFirstBuffer)+1); int64(cap(b.data)) < least {
		b.data = make([]byte, 0, least)
	}
	for {
		n, err := r.Read(b.data[len(b.data):cap(b.data)])
		b.data = b.data[:len(b.data)+n]
		switch {
		case int64(len(b.data)) > limit:
			return tooLarge(limit)
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("reading the response: %w", err)
		case len(b.data) == cap(b.data):
			b.data = append(b.data, 0)[:len(b.data)]
		}
	}
}

// BodyPool lends bodies with their buffers, so that a walk over a list reads all its pages into a
// few.
type BodyPool struct{ pool sync.Pool }

func (p *BodyPool) get() *Body {
	if body, ok := p.pool.Get().(*Body); ok {
		*body = Body{data: body.data[:0]}
		return body
	}
	return &Body{}
}

// Put takes a body back for reuse. The caller must keep no reference to it or to its bytes.
func (p *BodyPool) Put(body *Body) {
	if cap(body.data) <= maxFirstBuffer+1 {
		p.pool.Put(body)
	}
}
