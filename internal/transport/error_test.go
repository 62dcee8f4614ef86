package transport

import (
	"bufio"
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
	bare, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil },
	})
	require.NoError(t, err)
	defer bare.Close()
	go func() {
		for {
			conn, err := bare.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			conn.Close()
		}
	}()
	for _, test := range []struct {
		name   string
		target string
		config *tls.Config
	}{
		{name: "a server without TLS", target: strings.Replace(plain.URL, "http:", "https:", 1)},
		{name: "a certificate that is not trusted", target: modern.URL},
		{name: "a server without a certificate", target: "https://" + bare.Addr().String()},
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

// Servers that speak another protocol than the client, and a proxy that wants a password, do not
// change their mind.
func TestPermanentProtocols(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer string // the server's first bytes
		proxy  bool
	}{
		"plain HTTP at a TLS port":      {answer: "\x15\x03\x01\x00\x02\x02\x16"},
		"HTTP/1 at an HTTP/2 port":      {answer: "\x00\x00\x12\x04\x00\x00\x00\x00\x00"},
		"a proxy that wants a password": {answer: "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", proxy: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer listener.Close()
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, test.answer)
				conn.Close()
			}()
			server := &url.URL{Scheme: "http", Host: listener.Addr().String()}
			next, target := &http.Transport{}, server.String()
			if test.proxy {
				next.Proxy, target = http.ProxyURL(server), "https://api.example.com"
			}
			defer next.CloseIdleConnections()
			req, err := http.NewRequest(http.MethodGet, target, nil)
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
	assert.EqualError(t, &TimeoutError{Limit: 60e9}, "no complete response within 1m0s")
	assert.EqualError(t, &TimeoutError{Limit: 60e9, Idle: true}, "no byte was transferred for 1m0s")
	assert.True(t, (&TimeoutError{}).Timeout())
}
