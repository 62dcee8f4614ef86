package transport

import (
	"net/http"
	"strconv"
	"strings"
)

// Storage is the transport of requests that have no API key: those to the storage of files. It
// marks the errors of the caller's transport, so that they differ from those of net/http. It hides
// CloseIdleConnections, which would close the connections of all other users of that transport.
type Storage struct{ Next http.RoundTripper }

// RoundTrip implements [http.RoundTripper]. It returns either a response or an [*Error].
func (s Storage) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.Next.RoundTrip(req)
	if resp == nil && err == nil {
		err = errNothing
	}
	if err != nil {
		return nil, &Error{Reach: MayHaveArrived, Err: err}
	}
	return resp, nil
}

// StrongETag returns the ETag if equal ETags mean equal bytes, and else "".
func StrongETag(header http.Header) string {
	etag := header.Get("ETag")
	if strings.HasPrefix(etag, "W/") {
		return ""
	}
	return etag
}

// ContentRange reads a Content-Range such as "bytes 5-9/10". It returns -1 for a size of "*".
func ContentRange(header http.Header) (start, size int64, ok bool) {
	rest, found := strings.CutPrefix(header.Get("Content-Range"), "bytes ")
	span, sizeText, hasSize := strings.Cut(rest, "/")
	startText, _, hasEnd := strings.Cut(span, "-")
	start, err := strconv.ParseInt(startText, 10, 64)
	if !found || !hasSize || !hasEnd || err != nil {
		return 0, 0, false
	}
	if sizeText == "*" {
		return start, -1, true
	}
	size, err = strconv.ParseInt(sizeText, 10, 64)
	return start, size, err == nil
}

// UnsatisfiedRange reads the Content-Range of a 416, such as "bytes */10".
func UnsatisfiedRange(header http.Header) (size int64, ok bool) {
	text, found := strings.CutPrefix(header.Get("Content-Range"), "bytes */")
	size, err := strconv.ParseInt(text, 10, 64)
	return size, found && err == nil
}

// IsFramed reports whether a truncated body can be told from a complete one. HTTP/1 without a
// length and without chunks ends a body by closing the connection.
func IsFramed(resp *http.Response) bool {
	return resp.ContentLength >= 0 || len(resp.TransferEncoding) > 0 || resp.ProtoMajor >= 2
}
