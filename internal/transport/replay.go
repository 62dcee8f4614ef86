package transport

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
)

// Protocol holds what the responses so far show about the connections of a client.
type Protocol struct {
	http1  atomic.Bool
	silent atomic.Bool // an attempt has timed out since the last one began
}

// preventReplay changes an attempt's own copy of a request so that net/http does not send it again
// by itself: that would be without a pause, past the rate limit, and could create something twice.
//
// Over HTTP/2, net/http sends a request again after some errors, if its body is nil or can be read
// again; on Go 1.26 also after an error that does not prove that the server has done nothing. So
// the body is replaced with one that can be read only once.
//
// Over HTTP/1, net/http sends a creation again only if nothing of it was written, since an idle
// connection was closed. It needs GetBody for that, so requests keep it on connections that are
// known to speak HTTP/1. The first request of a client needs no GetBody: its connection is new.
func (p *Protocol) preventReplay(req *http.Request, conn *connection) {
	getBody := req.GetBody
	switch {
	case !p.http1.Load():
		req.GetBody = nil
		if req.Body == nil || req.Body == http.NoBody {
			req.Body = emptyBody{}
		}
	case getBody != nil:
		req.GetBody = func() (io.ReadCloser, error) {
			if conn.http2.Load() { // the server has changed its protocol
				return nil, errReplay
			}
			return getBody()
		}
	}
}

// responded records the protocol of a response.
func (p *Protocol) responded(resp *http.Response) { p.http1.Store(resp.ProtoMajor == 1) }

var errReplay = errors.New("the HTTP/2 connection failed after the request was sent")

// emptyBody has no bytes. Unlike http.NoBody, net/http does not treat it as one that can be sent
// again. A GET, HEAD or DELETE with it is sent as one without a body.
type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error) { return 0, io.EOF }
func (emptyBody) Close() error             { return nil }

// connection records which connection an attempt got, which an error does not show.
type connection struct {
	wanted, got, http2 atomic.Bool
	uploads            bool // the request is an upload
}

func (c *connection) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { c.wanted.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			c.got.Store(true)
			secure, ok := info.Conn.(interface{ ConnectionState() tls.ConnectionState })
			c.http2.Store(ok && secure.ConnectionState().NegotiatedProtocol == "h2")
			begin(info, c.uploads && !c.http2.Load())
		},
	}
}

// reach says how far a failed request got. Both marks of the connection are needed: a transport
// that is not net/http's sets neither, and then the request may have arrived.
func (c *connection) reach(err error) Reach {
	var source *SourceError
	switch {
	case NeverConnected(err) || c.wanted.Load() && !c.got.Load():
		return NotConnected
	case notProcessed(err) || errors.As(err, &source):
		return NotProcessed
	}
	return MayHaveArrived
}

// notProcessed reports whether err proves that the HTTP/2 server has not processed the request: it
// refused the stream, or announced with GOAWAY that it processes only earlier ones. net/http has no
// exported types for these errors.
func notProcessed(err error) bool {
	text := strings.TrimPrefix(err.Error(), "http2: Transport: cannot retry err [")
	return strings.HasPrefix(text, "http2: Transport received Server's graceful shutdown GOAWAY") ||
		strings.HasPrefix(text, "http2: Transport received GOAWAY from server") ||
		strings.HasPrefix(text, "http2: client conn not usable") ||
		strings.HasPrefix(text, "stream error: stream ID ") &&
			strings.Contains(text, "; REFUSED_STREAM; received from peer")
}
