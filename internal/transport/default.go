package transport

import (
	"net/http"
	"time"
)

// maxIdleConnsPerHost keeps the connections of concurrent callers open between their requests. With
// net/http's default of 2, most callers would have to connect again.
const maxIdleConnsPerHost = 1024

// pingAfter is how long an HTTP/2 connection with requests may be silent before the client sends a
// ping, and how long the reply may take. Without pings, a dead connection is used until the kernel
// gives it up, after about 15 minutes.
const pingAfter = 15 * time.Second

// Default returns a copy of net/http's transport that keeps more idle connections, and closes
// HTTP/2 connections that are silent.
func Default() http.RoundTripper {
	shared, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // the program has replaced it
		return http.DefaultTransport
	}
	own := shared.Clone()
	own.MaxIdleConns = 0
	if own.HTTP2 == nil { // a clone of Go 1.27 has its own, of Go 1.26 none
		own.HTTP2 = &http.HTTP2Config{}
	}
	if own.HTTP2.SendPingTimeout == 0 {
		own.HTTP2.SendPingTimeout, own.HTTP2.PingTimeout = pingAfter, pingAfter
	}
	if own.DialContext != nil {
		own.DialContext = dialer(own.DialContext).forUploads
	}
	own.MaxIdleConnsPerHost = maxIdleConnsPerHost
	return own
}
