package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Reach says how far a failed request got.
type Reach int

// The values of [Reach], from nothing sent to possibly processed.
const (
	NotSent        Reach = iota // the request was never handed to the network
	NotConnected                // no connection was made, so the server saw nothing
	NotProcessed                // the server said that it did not process the request
	MayHaveArrived              // the server may have processed the request
)

// Error is a failed attempt: no complete response was read.
type Error struct {
	Reach   Reach
	Elapsed time.Duration // how long the attempt took, without the wait for the rate limit
	Err     error
}

// Error returns the text of the cause.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrTooLarge is the cause of an [Error] if a body is larger than the attempt's limit.
var ErrTooLarge = errors.New("response too large")

// TimeoutError is an attempt that took too long. It does not match context.DeadlineExceeded, since
// the caller's context has not ended.
type TimeoutError struct {
	Limit time.Duration
	Idle  bool // the limit is for the time without a byte, not for the whole attempt
}

// Error says which limit was exceeded.
func (e *TimeoutError) Error() string {
	if e.Idle {
		return fmt.Sprintf("no byte was transferred for %v", e.Limit)
	}
	return fmt.Sprintf("no complete response within %v", e.Limit)
}

// Timeout marks the error as a timeout, as [net.Error] does.
func (e *TimeoutError) Timeout() bool { return true }

// SourceError is the cause of an [Error] if the body of the request could not be read. The server
// has got a part of the body at most, so it cannot have processed the request.
type SourceError struct{ Err error }

// Error returns the text of the cause.
func (e *SourceError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *SourceError) Unwrap() error { return e.Err }

// NeverConnected reports whether err proves that no connection was made.
func NeverConnected(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	dialed := errors.As(err, &op) && (op.Op == "dial" || op.Op == "proxyconnect")
	return dialed || errors.As(err, &dns) || refusedForGood(err)
}

// Permanent reports whether another attempt would fail in the same way: an unknown host, a
// certificate that is not trusted, two sides that speak different versions or protocols, a proxy
// that wants a password, or a body that cannot be read.
func Permanent(err error) bool {
	var dns *net.DNSError
	var source *SourceError
	return errors.As(err, &dns) && dns.IsNotFound || errors.As(err, &source) || refusedForGood(err) ||
		errors.Is(err, ErrTooLarge)
}

// refusedForGood reports whether the server, or a proxy, refused to talk to the client for a reason
// that lasts. It has not processed the request then.
func refusedForGood(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &certificate) || errors.As(err, &record) || errors.Is(err, http.ErrSchemeMismatch) ||
		isRefusalText(err)
}

// refusalTexts are the starts of errors for which the standard library has no exported type. The
// first ones are the alerts of a peer that refuses the handshake.
var refusalTexts = []string{
	"tls: handshake failure", "tls: bad certificate", "tls: unsupported certificate", "tls: revoked certificate",
	"tls: expired certificate", "tls: unknown certificate", "tls: illegal parameter", "tls: access denied",
	"tls: protocol version not supported", "tls: insufficient security level", "tls: unrecognized name",
	"tls: certificate required", "tls: no application protocol",
	"tls: server selected ", "tls: server did not ", "tls: no supported versions",
	`malformed HTTP response "\x15\x03`, // an alert: plain HTTP was sent to a TLS port
	`malformed HTTP response "\x00\x00`, // a frame: HTTP/1 was sent to a port that speaks only HTTP/2
	"Proxy Authentication Required",     // in reply to CONNECT
}

// isRefusalText reports whether err, or an error that it wraps, is one of refusalTexts.
func isRefusalText(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		if slices.ContainsFunc(refusalTexts, func(start string) bool { return strings.HasPrefix(text, start) }) {
			return true
		}
	}
	return false
}
