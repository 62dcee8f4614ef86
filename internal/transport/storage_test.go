package transport

import (
	"errors"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestContentRange(t *testing.T) {
	t.Parallel()
	type span struct {
		start, size int64
		ok          bool
	}
	tests := map[string]span{
		"bytes 5-9/10":                   {start: 5, size: 10, ok: true},
		"bytes 0-0/*":                    {start: 0, size: -1, ok: true},
		"":                               {},
		"bytes":                          {},
		"bytes */10":                     {},
		"bytes 5/10":                     {},
		"bytes 5-9":                      {},
		"items 5-9/10":                   {},
		"bytes x-9/10":                   {},
		"bytes 5-9/x":                    {},
		"bytes 99999999999999999999-9/1": {},
	}
	for value, want := range tests {
		start, size, ok := ContentRange(http.Header{"Content-Range": {value}})
		if !ok {
			start, size = want.start, want.size // of no meaning
		}
		assert.Equal(t, want, span{start, size, ok}, value)
	}
}

func TestUnsatisfiedRange(t *testing.T) {
	t.Parallel()
	sizes := map[string]int64{"bytes */10": 10, "bytes */0": 0, "bytes */*": -1, "": -1, "bytes 0-1/2": -1}
	for value, want := range sizes {
		size, ok := UnsatisfiedRange(http.Header{"Content-Range": {value}})
		if !ok {
			size = -1
		}
		assert.Equal(t, want, size, value)
	}
}

func TestStrongETag(t *testing.T) {
	t.Parallel()
	for etag, want := range map[string]string{`"v1"`: `"v1"`, `W/"v1"`: "", "": ""} {
		assert.Equal(t, want, StrongETag(http.Header{"Etag": {etag}}))
	}
}

func TestIsFramed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		resp http.Response
		want bool
	}{
		"a length":   {resp: http.Response{ContentLength: 5, ProtoMajor: 1}, want: true},
		"no content": {resp: http.Response{ContentLength: 0, ProtoMajor: 1}, want: true},
		"chunks": {
			resp: http.Response{ContentLength: -1, ProtoMajor: 1, TransferEncoding: []string{"chunked"}}, want: true,
		},
		"HTTP/2":             {resp: http.Response{ContentLength: -1, ProtoMajor: 2}, want: true},
		"until the end":      {resp: http.Response{ContentLength: -1, ProtoMajor: 1}},
		"until the end, 1.0": {resp: http.Response{ContentLength: -1, ProtoMajor: 1, ProtoMinor: 0}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, IsFramed(&test.resp))
		})
	}
}

// The error of a transport can be told from one of net/http.
func TestStorageMarksErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("reset")
	_, err := Storage{failingTransport{cause}}.RoundTrip(&http.Request{})
	assert.Equal(t, &Error{Reach: MayHaveArrived, Err: cause}, err)
	_, closable := any(Storage{}).(interface{ CloseIdleConnections() })
	assert.False(t, closable)
}

type failingTransport struct{ err error }

func (f failingTransport) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }
