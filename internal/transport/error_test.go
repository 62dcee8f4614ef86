package transport

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	dial := func(err error) error { return &net.OpError{Op: "dial", Err: err} }
	for _, test := range []struct {
		name                      string
		err                       error
		neverConnected, permanent bool
	}{
		{name: "a refused connection", err: dial(syscall.ECONNREFUSED), neverConnected: true},
		{name: "a dial that timed out", err: dial(syscall.ETIMEDOUT), neverConnected: true},
		{
			name: "a host that does not exist", err: dial(&net.DNSError{IsNotFound: true}), neverConnected: true,
			permanent: true,
		},
		{name: "a name server that fails", err: &net.DNSError{IsTemporary: true}, neverConnected: true},
		{name: "a reset", err: &net.OpError{Op: "read", Err: syscall.ECONNRESET}},
		{name: "the end of the stream", err: io.ErrUnexpectedEOF},
		{
			name: "a certificate that is not trusted", neverConnected: true, permanent: true,
			err: &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}},
		},
		{name: "plain http at an https port", err: http.ErrSchemeMismatch, neverConnected: true, permanent: true},
		{name: "bytes that are not TLS", err: tls.RecordHeaderError{Msg: "x"}, neverConnected: true, permanent: true},
		{
			name: "a handshake that is refused", neverConnected: true, permanent: true,
			err: &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")},
		},
		{
			name: "a TLS version that is refused", neverConnected: true, permanent: true,
			err: &net.OpError{Op: "remote error", Err: errors.New("tls: protocol version not supported")},
		},
		{
			name: "an internal error of the peer",
			err:  &net.OpError{Op: "remote error", Err: errors.New("tls: internal error")},
		},
		{
			name: "an unknown TLS version", neverConnected: true, permanent: true,
			err: errors.New("tls: server selected unsupported protocol version 301"),
		},
		{name: "a response that is too large", err: fmt.Errorf("x: %w", ErrTooLarge), permanent: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wrapped := &url.Error{Op: "Get", URL: "https://api.example.com", Err: test.err}
			assert.Equal(t, test.neverConnected, NeverConnected(wrapped))
			assert.Equal(t, test.permanent, Permanent(wrapped))
		})
	}
}

// Real handshakes that cannot succeed are permanent.
func TestPermanentHandshakes(t *testing.T) {
	t.Parallel()
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	modern := httptest.NewUnstartedServer(http.NotFoundHandler())
	modern.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	modern.Config.ErrorLog = nil
	modern.StartTLS()
	defer modern.Close()
	for _, test := range []struct {
		name   string
		target string
		config *tls.Config
	}{
		{name: "a server without TLS", target: strings.Replace(plain.URL, "http:", "https:", 1)},
		{name: "a certificate that is not trusted", target: modern.URL},
		{
			name: "no common version", target: modern.URL,
			config: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			next := &http.Transport{TLSClientConfig: test.config}
			defer next.CloseIdleConnections()
			req, err := http.NewRequest(http.MethodGet, test.target, nil)
			require.NoError(t, err)
			_, err = next.RoundTrip(req)
			require.Error(t, err)
			assert.True(t, Permanent(err), "%v", err)
			assert.True(t, NeverConnected(err), "%v", err)
		})
	}
}

func TestTimeoutErrorTexts(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, &TimeoutError{Limit: 60e9}, "no complete response within 1m0s (see WithTimeout)")
	assert.EqualError(t, &TimeoutError{Limit: 60e9, Idle: true}, "no byte was transferred for 1m0s (see WithTimeout)")
	assert.True(t, (&TimeoutError{}).Timeout())
}
