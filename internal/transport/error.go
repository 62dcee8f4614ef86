package transport

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

// Reach says how far a failed request got.
type Reach int

// The values of [Reach], from nothing sent to possibly processed.
const (
	NotSent        Reach = iota // the request was never handed to the network
	NotConnected                // no connection was made, so the server saw nothing
	MayHaveArrived              // the server may have processed the request
)

// Error is a failed attempt: no response was read whole.
type Error struct {
	Reach   Reach
	Elapsed time.Duration // how long the attempt took, without the time it waited for its turn
	Err     error
}

// Error returns the text of the cause.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrTooLarge is the cause of an [Error] if a body is larger than the attempt's limit.
var ErrTooLarge = errors.New("response too large")

// TimeoutError is an attempt that took too long. It does not match
// context.DeadlineExceeded, since the caller's context has not ended.
type TimeoutError struct {
	Limit time.Duration
	Idle  bool // the limit is for the time without a byte, not for the whole attempt
}

// Error says which limit was exceeded, and which option sets it.
func (e *TimeoutError) Error() string {
	if e.Idle {
		return fmt.Sprintf("no byte was transferred for %v (see WithTimeout)", e.Limit)
	}
	return fmt.Sprintf("no complete response within %v (see WithTimeout)", e.Limit)
}

// Timeout marks the error as a timeout, as [net.Error] does.
func (e *TimeoutError) Timeout() bool { return true }

// NeverConnected reports whether err proves that no connection was made.
func NeverConnected(err error) bool {
	var op *net.OpError
	var dns *net.DNSError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &dns) || tlsMismatch(err)
}

// Permanent reports whether another attempt would fail in the same way: an unknown host, a
// certificate that is not trusted, or two sides that cannot agree on TLS.
func Permanent(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound || tlsMismatch(err) || errors.Is(err, ErrTooLarge)
}

// tlsMismatch reports whether a TLS handshake failed for a reason that lasts.
func tlsMismatch(err error) bool {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case err == nil:
		return false
	case errors.As(err, &certificate), errors.As(err, &record), errors.Is(err, http.ErrSchemeMismatch):
		return true
	case errors.As(err, &alert):
		return handshakeAlert(alert)
	}
	return isHandshakeText(err)
}

// handshakeAlert reports whether a TLS alert says that the peer refuses this client's handshake.
// crypto/tls exports no constants for them; the numbers are those of RFC 8446, section 6.
func handshakeAlert(alert tls.AlertError) bool {
	switch alert {
	case 40, // handshake_failure
		42, 43, 44, 45, 46, // bad, unsupported, revoked, expired, unknown certificate
		47,            // illegal_parameter
		48,            // unknown_ca
		49,            // access_denied
		70,            // protocol_version
		71,            // insufficient_security
		112, 116, 120: // unrecognized_name, certificate_required, no_application_protocol
		return true
	}
	return false
}

// isHandshakeText recognizes handshake errors for which crypto/tls has no type.
func isHandshakeText(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		text := err.Error()
		if strings.HasPrefix(text, "tls: server selected ") || strings.HasPrefix(text, "tls: no supported versions") ||
			strings.HasPrefix(text, "tls: server did not ") {
			return true
		}
	}
	return false
}
