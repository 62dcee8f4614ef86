package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/time/rate"
)

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// newAttempt returns an attempt at https://api.example.com over next.
func newAttempt(next roundTripFunc) *Attempt {
	origin, _ := url.Parse("https://api.example.com")
	return &Attempt{
		Shared: &Shared{
			Next: next, Origin: origin, Pacer: NewPacer(), Protocol: &Protocol{}, Bodies: &BodyPool{},
			Key:  func(context.Context) (Key, error) { return ParseKey("secret") },
			Held: func(context.Context, time.Duration) {},
		},
		Timeout: time.Minute, MaxBytes: 100, Patience: Patience{time.Minute, time.Now().Add(time.Hour)},
	}
}

func newRequest(t *testing.T, target string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, nil)
	require.NoError(t, err)
	return req
}

func respond(status int, body string) roundTripFunc {
	return func(*http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: status, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	}
}

func TestAttemptReturnsTheWholeResponse(t *testing.T) {
	t.Parallel()
	var sent *http.Request
	attempt := newAttempt(func(req *http.Request) (*http.Response, error) {
		sent = req
		return respond(201, "created")(req)
	})
	req := newRequest(t, "https://api.example.com/x")

	resp, err := attempt.RoundTrip(req)

	require.NoError(t, err)
	assert.Equal(t, 201, resp.StatusCode)
	assert.Equal(t, "created", string(BodyOf(resp).Bytes()))
	read, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "created", string(read), "the body can be read as well")
	assert.Equal(t, "Bearer secret", sent.Header.Get("Authorization"))
	assert.Empty(t, req.Header, "the request of the caller is not changed")
}

// An error says how far the request got.
func TestAttemptReach(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		change func(*Attempt)
		target string
		next   roundTripFunc
		want   Reach
		text   string
	}{
		{
			name: "no key", want: NotSent, text: "the vault is shut",
			change: func(a *Attempt) {
				a.Key = func(context.Context) (Key, error) { return Key{}, errors.New("the vault is shut") }
			},
		},
		{
			name: "another origin", target: "https://api.example.com:8443/x", want: NotSent, text: "another origin",
		},
		{
			name: "a refused connection", want: NotConnected, text: "connection refused",
			next: func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
			},
		},
		{
			name: "a broken connection", want: MayHaveArrived, text: "connection reset",
			next: func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
			},
		},
		{
			name: "a body that breaks off", want: MayHaveArrived, text: "reading the response: unexpected EOF",
			next: func(*http.Request) (*http.Response, error) {
				body := io.MultiReader(strings.NewReader("{"), &brokenReader{})
				return &http.Response{StatusCode: 200, ContentLength: -1, Body: io.NopCloser(body)}, nil
			},
		},
		{
			name: "a body that is too large", want: MayHaveArrived, text: "more than 100 bytes",
			next: respond(200, strings.Repeat("x", 101)),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			attempt := newAttempt(test.next)
			if test.change != nil {
				test.change(attempt)
			}
			target := test.target
			if target == "" {
				target = "https://api.example.com/x"
			}

			resp, err := attempt.RoundTrip(newRequest(t, target))

			assert.Nil(t, resp)
			var failed *Error
			require.ErrorAs(t, err, &failed)
			assert.Equal(t, test.want, failed.Reach)
			assert.ErrorContains(t, err, test.text)
		})
	}
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// The status of an error is kept even if its body breaks off or is too large.
func TestAttemptKeepsAnErrorStatus(t *testing.T) {
	t.Parallel()
	attempt := newAttempt(func(*http.Request) (*http.Response, error) {
		body := io.MultiReader(strings.NewReader("busy"), &brokenReader{})
		return &http.Response{StatusCode: 502, ContentLength: 1 << 40, Body: io.NopCloser(body)}, nil
	})
	resp, err := attempt.RoundTrip(newRequest(t, "https://api.example.com/x"))
	require.NoError(t, err)
	assert.Equal(t, 502, resp.StatusCode)
	assert.Equal(t, "busy", string(BodyOf(resp).Bytes()))
}

// A body that holds the key shows it only to those who ask for the raw bytes.
func TestBodyRedacted(t *testing.T) {
	t.Parallel()
	resp, err := newAttempt(
		respond(400, `{"header":"Bearer secret"}`),
	).RoundTrip(newRequest(t, "https://api.example.com/x"))
	require.NoError(t, err)
	assert.Equal(t, `{"header":"Bearer [API key]"}`, string(BodyOf(resp).Redacted()))
	resp, err = newAttempt(respond(400, "nothing")).RoundTrip(newRequest(t, "https://api.example.com/x"))
	require.NoError(t, err)
	assert.Equal(t, "nothing", string(BodyOf(resp).Redacted()))
}

// A timeout ends the attempt, not the context of the caller.
func TestAttemptTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempt := newAttempt(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		start := time.Now()
		_, err := attempt.RoundTrip(newRequest(t, "https://api.example.com/x"))
		assert.Equal(t, time.Minute, time.Since(start))
		var timeout *TimeoutError
		require.ErrorAs(t, err, &timeout)
		assert.Equal(t, TimeoutError{Limit: time.Minute}, *timeout)
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
	})
}

// Waiting for the caller's own rate limit does not use up the attempt's time.
func TestAttemptWaitsForTheLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempt := newAttempt(respond(200, ""))
		attempt.Limiter = rate.NewLimiter(rate.Every(2*time.Minute), 1)
		start := time.Now()
		for range 2 {
			resp, err := attempt.RoundTrip(newRequest(t, "https://api.example.com/x"))
			require.NoError(t, err)
			assert.Zero(t, BodyOf(resp).Elapsed)
		}
		assert.Equal(t, 2*time.Minute, time.Since(start))

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := attempt.RoundTrip(newRequest(t, "https://api.example.com/x").WithContext(ctx))
		var pace *PaceError
		require.ErrorAs(t, err, &pace)
		assert.Equal(t, PaceError{RetryAfter: 2 * time.Minute, Own: true}, *pace)
		assert.Equal(t, 2*time.Minute, time.Since(start), "it does not wait in vain")
	})
}

// An upload whose source blocks ends with its context, over a real HTTP/1 connection.
func TestUploadThatBlocksEndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
	}))
	defer server.Close()
	next := &http.Transport{}
	defer next.CloseIdleConnections()
	for _, test := range []struct {
		name    string
		timeout time.Duration
		cancel  bool
		want    error
	}{
		{name: "canceled", timeout: time.Hour, cancel: true, want: context.Canceled},
		{
			name: "idle for too long", timeout: 50 * time.Millisecond,
			want: &TimeoutError{Limit: 50 * time.Millisecond, Idle: true},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			attempt := newAttempt(next.RoundTrip)
			attempt.Origin, _ = url.Parse(server.URL)
			attempt.Upload, attempt.MayBlock, attempt.Timeout = true, true, test.timeout
			source, writer := io.Pipe()
			defer writer.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, source)
			require.NoError(t, err)
			req.ContentLength = 1000
			go func() {
				_, _ = writer.Write([]byte("the start"))
				if test.cancel {
					cancel()
				}
			}()

			_, err = attempt.RoundTrip(req)

			require.Error(t, err)
			if test.cancel {
				require.ErrorIs(t, err, test.want)
				return
			}
			var timeout *TimeoutError
			require.ErrorAs(t, err, &timeout)
			assert.Equal(t, test.want, timeout)
		})
	}
}

// After an upload is sent, a response that drips must still be whole within the timeout.
func TestUploadWithADrippingResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		attempt := newAttempt(func(req *http.Request) (*http.Response, error) {
			_, err := io.Copy(io.Discard, req.Body)
			return &http.Response{StatusCode: 200, ContentLength: -1, Body: io.NopCloser(&drip{req.Context()})}, err
		})
		attempt.Upload, attempt.MaxBytes = true, 1<<20
		req, err := http.NewRequestWithContext(
			t.Context(), http.MethodPost, "https://api.example.com/x", strings.NewReader("{}"),
		)
		require.NoError(t, err)
		start := time.Now()

		_, err = attempt.RoundTrip(req)

		var timeout *TimeoutError
		require.ErrorAs(t, err, &timeout)
		assert.Equal(t, time.Minute, time.Since(start))
	})
}

// drip returns a byte a second.
type drip struct{ ctx context.Context }

func (d *drip) Read(p []byte) (int, error) {
	if err := Sleep(d.ctx, time.Second); err != nil {
		return 0, err
	}
	p[0] = ' '
	return 1, nil
}

// The context of an upload may end at the moment at which its response has been read. The race
// detector reports it if something still uses the response that the context closes.
func TestUploadWhoseContextEndsWithItsResponse(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	attempt := newAttempt(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 413, Header: http.Header{}, Body: io.NopCloser(&lastRead{cancel})}, nil
	})
	attempt.Upload = true
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://api.example.com/x", strings.NewReader("{}"))
	require.NoError(t, err)
	resp, err := attempt.RoundTrip(req)
	require.NoError(t, err)
	assert.Equal(t, 413, resp.StatusCode)
}

// lastRead cancels a context, and leaves time for what that starts.
type lastRead struct{ cancel context.CancelFunc }

func (l *lastRead) Read([]byte) (int, error) {
	l.cancel()
	time.Sleep(10 * time.Millisecond)
	return 0, io.EOF
}
