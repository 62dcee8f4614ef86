package transport

import "net/http"

// maxIdleConnsPerHost keeps the connections of concurrent callers open between their requests. With
// net/http's default of 2 the others would have to connect again.
const maxIdleConnsPerHost = 1024

// Default returns a copy of net/http's transport that keeps more idle connections.
func Default() http.RoundTripper {
	shared, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // the program has replaced it
		return http.DefaultTransport
	}
	own := shared.Clone()
	own.MaxIdleConns = 0
	own.MaxIdleConnsPerHost = maxIdleConnsPerHost
	return own
}
