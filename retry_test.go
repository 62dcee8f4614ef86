package mistralobs_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

var politeness = mistralobs.JudgeDefinition{
	Name: "politeness", Output: mistralobs.ClassificationOutput(
		mistralobs.JudgeOption{Value: "yes", Description: "polite"},
	),
}

// attemptedCalls has one call for each kind of request that the retry rules distinguish.
var attemptedCalls = []struct {
	name    string
	creates bool
	call    func(context.Context, *mistralobs.Client) error
}{
	{name: "GET dataset", creates: false, call: func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Datasets.Get(ctx, datasetID)
		return err
	}},
	{name: "GET export", creates: false, call: func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Exports.ToJSONL(ctx, datasetID)
		return err
	}},
	{name: "PUT payload", creates: false, call: func(ctx context.Context, c *mistralobs.Client) error {
		return c.Records.UpdatePayload(ctx, recordID, map[string]int{"a": 1})
	}},
	{name: "PATCH dataset", creates: false, call: func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Datasets.Update(ctx, datasetID, mistralobs.UpdateDatasetParams{Name: ptr("Another")})
		return err
	}},
	{name: "DELETE record", creates: false, call: func(ctx context.Context, c *mistralobs.Client) error {
		return c.Records.Delete(ctx, recordID)
	}},
	{name: "POST judge", creates: false, call: func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Records.Judge(ctx, recordID, politeness)
		return err
	}},
	{name: "POST bulk delete", creates: false, call: func(ctx context.Context, c *mistralobs.Client) error {
		return c.Records.DeleteAll(ctx, []string{recordID})
	}},
	{name: "POST dataset", creates: true, call: func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: "Support"})
		return err
	}},
	{name: "POST record", creates: true, call: func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Records.Create(ctx, datasetID, mistralobs.CreateRecordParams{Payload: map[string]int{"a": 1}})
		return err
	}},
	{name: "POST import from file", creates: true, call: func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Imports.FromFile(ctx, datasetID, fileID)
		return err
	}},
	{name: "POST import from dataset", creates: true, call: func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Imports.FromDataset(ctx, datasetID, []string{recordID})
		return err
	}},
}

func TestWhatMayBeSentAgain(t *testing.T) {
	t.Parallel()
	status := func(status int, headers ...string) roundTripFunc {
		return func(req *http.Request) (*http.Response, error) {
			return reply(req, status, `{"detail":"no"}`, headers...), nil
		}
	}
	broken := func(err error) roundTripFunc {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	unknownHost := &net.DNSError{Err: "no such host", Name: "api.example.com", IsNotFound: true}
	busyResolver := &net.DNSError{Err: "server misbehaving", Name: "api.example.com", IsTemporary: true}
	const once, always = 1, 3
	for _, failure := range []struct {
		name    string
		respond roundTripFunc
		kinds   map[string]bool

		requests        int // of a call that may be repeated
		creatingWould   int // requests of a call that creates something
		creatingApplied bool
	}{
		{
			name: "dial error", respond: broken(&net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}),
			kinds: set("refused"), requests: always, creatingWould: always, creatingApplied: false,
		},
		{
			name: "unknown host", respond: broken(&net.OpError{Op: "dial", Net: "tcp", Err: unknownHost}), kinds: set(),
			requests: once, creatingWould: once, creatingApplied: false,
		},
		{
			name: "unknown host, bare", respond: broken(unknownHost), kinds: set(), requests: once, creatingWould: once,
			creatingApplied: false,
		},
		{
			name:    "busy resolver",
			respond: broken(&net.OpError{Op: "dial", Net: "tcp", Err: busyResolver}), kinds: set(),
			requests: always, creatingWould: always, creatingApplied: false,
		},
		{
			name: "certificate", respond: broken(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}),
			kinds: set(), requests: once, creatingWould: once, creatingApplied: false,
		},
		{name: "wrapped certificate", respond: broken(fmt.Errorf("proxy: %w",
			&tls.CertificateVerificationError{Err: x509.HostnameError{
				Certificate: &x509.Certificate{}, Host: "h",
			}})), kinds: set(), requests: once, creatingWould: once, creatingApplied: false},
		{
			name: "connection reset", respond: broken(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}),
			kinds: set("reset"), requests: always, creatingWould: once, creatingApplied: true,
		},
		{
			name:    "connection reset while writing",
			respond: broken(&net.OpError{Op: "write", Net: "tcp", Err: syscall.ECONNRESET}), kinds: set("reset"),
			requests: always, creatingWould: once, creatingApplied: true,
		},
		{
			name: "EOF before the answer", respond: broken(io.EOF), kinds: set("EOF"), requests: always,
			creatingWould:   once,
			creatingApplied: true,
		},
		{name: "EOF mid-answer", respond: func(req *http.Request) (*http.Response, error) {
			return answer(
				req, 200, nil, io.MultiReader(strings.NewReader(datasetJSON[:40]), failing{io.ErrUnexpectedEOF}), 400,
			), nil
		}, kinds: set("broken off"), requests: always, creatingWould: once, creatingApplied: true},
		{
			name: "something unheard of", respond: broken(errors.New("gremlins")), kinds: set(), requests: always,
			creatingWould: once, creatingApplied: true,
		},
		{
			name: "400", respond: status(400), kinds: set("bad request"), requests: once, creatingWould: once,
			creatingApplied: false,
		},
		{
			name: "401", respond: status(401), kinds: set("unauthorized"), requests: once, creatingWould: once,
			creatingApplied: false,
		},
		{
			name: "403", respond: status(403), kinds: set("forbidden"), requests: once, creatingWould: once,
			creatingApplied: false,
		},
		{
			name: "404", respond: status(404), kinds: set("not found"), requests: once, creatingWould: once,
			creatingApplied: false,
		},
		{
			name: "404 with Retry-After", respond: status(404, "Retry-After", "1"), kinds: set("not found"),
			requests:      once,
			creatingWould: once, creatingApplied: false,
		},
		{
			name: "408", respond: status(408), kinds: set("timeout"), requests: always, creatingWould: once,
			creatingApplied: true,
		},
		{
			name: "409", respond: status(409), kinds: set("conflict"), requests: once, creatingWould: once,
			creatingApplied: false,
		},
		{
			name: "422", respond: status(422), kinds: set("validation"), requests: once, creatingWould: once,
			creatingApplied: false,
		},
		{
			name: "429", respond: status(429), kinds: set("rate limited"), requests: always, creatingWould: always,
			creatingApplied: false,
		},
		{
			name: "429 with Retry-After", respond: status(429, "Retry-After", "1"), kinds: set("rate limited"),
			requests: always, creatingWould: always, creatingApplied: false,
		},
		{
			name: "500", respond: status(500), kinds: set("server"), requests: always, creatingWould: once,
			creatingApplied: true,
		},
		{
			name: "500 with Retry-After", respond: status(500, "Retry-After", "1"), kinds: set("server"),
			requests:      always,
			creatingWould: once, creatingApplied: true,
		},
		{name: "501", respond: status(501), kinds: set("server"), requests: once, creatingWould: once,
			creatingApplied: true},
		{
			name: "502", respond: status(502), kinds: set("server"), requests: always, creatingWould: once,
			creatingApplied: true,
		},
		{
			name: "503 bare", respond: status(503), kinds: set("server"), requests: always, creatingWould: once,
			creatingApplied: true,
		},
		{
			name: "503 with Retry-After", respond: status(503, "Retry-After", "1"), kinds: set("server"),
			requests:      always,
			creatingWould: always, creatingApplied: false,
		},
		{
			name: "503 with Retry-After 0", respond: status(503, "Retry-After", "0"), kinds: set("server"),
			requests:      always,
			creatingWould: always, creatingApplied: false,
		},
		{
			name: "503 with a senseless Retry-After", respond: status(503, "Retry-After", "soon"), kinds: set("server"),
			requests: always, creatingWould: once, creatingApplied: true,
		},
		{
			name: "504", respond: status(504), kinds: set("server", "timeout"), requests: always, creatingWould: once,
			creatingApplied: true,
		},
	} {
		for _, attempted := range attemptedCalls {
			t.Run(attempted.name+"/"+failure.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					var bodies []string
					client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
						assert.Equal(t, "Bearer secret-key", req.Header.Get("Authorization"))
						assert.NotContains(t, req.Header, "Idempotency-Key")
						assert.NotContains(t, req.Header, "X-Idempotency-Key")
						bodies = append(bodies, bodyOf(t, req))
						return failure.respond(req)
					}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: always}))

					err := attempted.call(t.Context(), client)

					requests, want := failure.requests, failure.kinds
					if attempted.creates {
						requests = failure.creatingWould
						if failure.creatingApplied {
							want = set("maybe applied")
							for kind := range failure.kinds {
								want[kind] = true
							}
						}
					}
					assert.Equal(t, want, kindsOf(err), "%v", err)
					assert.Len(t, bodies, requests)
					assert.Equal(t, requests, attemptsOf(t, err))
					for _, body := range bodies {
						assert.Equal(t, bodies[0], body, "every attempt sends the same")
					}
				})
			})
		}
	}
}

func bodyOf(t *testing.T, req *http.Request) string {
	t.Helper()
	if req.Body == nil {
		return ""
	}
	body, err := io.ReadAll(req.Body)
	assert.NoError(t, err)
	return string(body)
}

// Over net/http's transport, a request that creates something is retried only if no connection was
// made.
func TestCreateOverARealTransport(t *testing.T) {
	t.Parallel()
	serve := func(t *testing.T, conn net.Conn) {
		req, err := http.ReadRequest(bufio.NewReader(conn))
		if assert.NoError(t, err) {
			bodyOf(t, req)
			fmt.Fprintf(conn, "HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n%s", len(datasetJSON), datasetJSON)
		}
		conn.Close()
	}
	for _, test := range []struct {
		name  string
		base  string
		dial  func(n int) error                        // of the n-th dial, from 0; nil: it succeeds
		serve func(t *testing.T, n int, conn net.Conn) // the n-th connection; nil: properly
		check func(t *testing.T, dials int, err error) // after the call
	}{
		{
			name: "a dial that fails is repeated", base: "http://127.0.0.1",
			dial: func(n int) error {
				if n < 2 {
					return &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
				}
				return nil
			},
			check: func(t *testing.T, dials int, err error) {
				assert.NoError(t, err)
				assert.Equal(t, 3, dials)
			},
		}, {
			name: "a dial that hangs is repeated", base: "http://127.0.0.1",
			dial: func(n int) error {
				if n < 2 {
					time.Sleep(time.Minute) // net/http does not cancel a dial with its request
					return os.ErrDeadlineExceeded
				}
				return nil
			},
			check: func(t *testing.T, dials int, err error) {
				assert.NoError(t, err)
				assert.Equal(t, 3, dials)
			},
		}, {
			name: "a dial that always hangs is a timeout", base: "http://127.0.0.1",
			dial: func(int) error {
				time.Sleep(time.Minute)
				return os.ErrDeadlineExceeded
			},
			check: func(t *testing.T, dials int, err error) {
				assert.Equal(t, set("timeout"), kindsOf(err), "%v", err)
				assert.Equal(t, 3, attemptsOf(t, err))
			},
		}, {
			name: "a TLS handshake that breaks is repeated", base: baseURL,
			serve: func(_ *testing.T, _ int, conn net.Conn) { conn.Close() },
			check: func(t *testing.T, dials int, err error) {
				assert.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
				assert.Equal(t, 3, dials)
				assert.Equal(t, 3, attemptsOf(t, err))
			},
		}, {
			name: "a connection cut after the request was read is not", base: "http://127.0.0.1",
			serve: func(t *testing.T, _ int, conn net.Conn) {
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if assert.NoError(t, err) {
					assert.JSONEq(t, `{"name":"Support","description":""}`, bodyOf(t, req))
				}
				conn.Close()
			},
			check: func(t *testing.T, dials int, err error) {
				assert.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
				assert.Equal(t, 1, dials)
				assert.Equal(t, 1, attemptsOf(t, err))
			},
		}, {
			name: "a service that never answers is not", base: "http://127.0.0.1",
			serve: func(_ *testing.T, _ int, conn net.Conn) {
				_, _ = io.Copy(io.Discard, conn)
				conn.Close()
			},
			check: func(t *testing.T, dials int, err error) {
				assert.Equal(t, set("timeout", "maybe applied"), kindsOf(err), "%v", err)
				assert.Equal(t, 1, dials)
			},
		}, {
			name: "an answer cut in the middle is not", base: "http://127.0.0.1",
			serve: func(t *testing.T, _ int, conn net.Conn) {
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if assert.NoError(t, err) {
					bodyOf(t, req)
				}
				fmt.Fprint(conn, "HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{")
				conn.Close()
			},
			check: func(t *testing.T, dials int, err error) {
				assert.Equal(t, set("broken off", "maybe applied"), kindsOf(err), "%v", err)
				assert.Equal(t, 1, dials)
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var dials atomic.Int32
				transport := &http.Transport{DisableKeepAlives: true}
				transport.DialContext = func(context.Context, string, string) (net.Conn, error) {
					n := int(dials.Add(1)) - 1
					if test.dial != nil {
						if err := test.dial(n); err != nil {
							return nil, err
						}
					}
					near, far := net.Pipe()
					if test.serve != nil {
						go test.serve(t, n, far)
					} else {
						go serve(t, far)
					}
					return near, nil
				}
				client := clientOver(
					t, transport, mistralobs.WithBaseURL(test.base), mistralobs.WithTimeout(20*time.Second),
					mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 3}),
				)
				_, err := client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Support"})
				time.Sleep(time.Hour) // whatever hangs has ended
				test.check(t, int(dials.Load()), err)
			})
		})
	}
}

// A failed call leaves the connections of other users of the transport open.
func TestFailuresLeaveIdleConnectionsAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		transport := &closable{
			roundTripFunc: func(req *http.Request) (*http.Response, error) { return reply(req, 500, ""), nil },
		}
		client := clientOver(t, transport)
		_, err := client.Datasets.Get(t.Context(), datasetID)
		require.ErrorIs(t, err, mistralobs.ErrServer)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err = client.Datasets.Get(ctx, datasetID)
		require.ErrorIs(t, err, context.Canceled)
		assert.Zero(t, transport.closed)
	})
}

type closable struct {
	roundTripFunc
	closed int
}

func (c *closable) CloseIdleConnections() { c.closed++ }

func TestRetryAfterIsWaitedFor(t *testing.T) {
	t.Parallel()
	const minWait, maxWait = time.Second, 20 * time.Second
	date := func(layout string) func() string {
		return func() string { return time.Now().Add(7 * time.Second).UTC().Format(layout) }
	}
	text := func(value string) func() string { return func() string { return value } }
	for _, test := range []struct {
		name        string
		header      func() string
		least, most time.Duration
	}{
		{name: "seconds", header: text("10"), least: 10 * time.Second, most: 11 * time.Second},
		{name: "seconds among spaces", header: text(" 10 "), least: 10 * time.Second, most: 11 * time.Second},
		{name: "as long as MaxWait", header: text("20"), least: maxWait, most: maxWait},
		{name: "a date", header: date(http.TimeFormat), least: 7 * time.Second, most: 7700 * time.Millisecond},
		{
			name: "a date of RFC 850", header: date("Monday, 02-Jan-06 15:04:05 GMT"), least: 7 * time.Second,
			most: 7700 * time.Millisecond,
		},
		{name: "a date of ANSI C", header: date(time.ANSIC), least: 7 * time.Second, most: 7700 * time.Millisecond},
		{name: "zero", header: text("0"), least: minWait, most: 2 * minWait},
		{name: "a date in the past", header: text("Fri, 31 Dec 1999 00:00:00 GMT"), least: minWait, most: 2 * minWait},
		{name: "negative", header: text("-5"), least: minWait, most: 2 * minWait},
		{name: "senseless", header: text("soon"), least: minWait, most: 2 * minWait},
		{name: "empty", header: text(""), least: minWait, most: 2 * minWait},
	} {
		for _, status := range []int{408, 429, 500, 502, 503, 504} {
			t.Run(fmt.Sprintf("%s/%d", test.name, status), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					requests := 0
					client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
						if requests++; requests == 1 {
							return reply(req, status, "", "Retry-After", test.header()), nil
						}
						return reply(req, 200, datasetJSON), nil
					}), mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: minWait, MaxWait: maxWait}))
					start := time.Now()
					_, err := client.Datasets.Get(t.Context(), datasetID)
					require.NoError(t, err)
					assert.Equal(t, 2, requests)
					assert.GreaterOrEqual(t, time.Since(start), test.least)
					assert.LessOrEqual(t, time.Since(start), test.most)
				})
			})
		}
	}
}

func TestRetryAfterTooLongIsTheCallers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		header   string
		deadline time.Duration // of the context; 0: none
		want     time.Duration // RetryAfter
	}{
		{name: "beyond MaxWait", header: "31", deadline: 0, want: 31 * time.Second},
		{name: "277 hours", header: "999999", deadline: 0, want: 999999 * time.Second},
		{name: "more than a Duration holds", header: "9223372036854775807", deadline: 0,
			want: 9223372036 * time.Second},
		{name: "more than an int64 holds", header: strings.Repeat("9", 40), deadline: 0, want: 1<<63 - 1},
		{name: "a far date", header: "Sat, 01 Jan 2000 01:00:00 GMT", deadline: 0, want: time.Hour},
		{name: "beyond the deadline", header: "10", deadline: 9 * time.Second, want: 10 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					requests++
					return reply(req, 429, "", "Retry-After", test.header), nil
				}))
				ctx := t.Context()
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				start := time.Now()
				_, err := client.Datasets.Get(ctx, datasetID)
				assert.Equal(t, set("rate limited"), kindsOf(err), "%v", err)
				var refusal *mistralobs.Error
				require.ErrorAs(t, err, &refusal)
				assert.Equal(t, test.want, refusal.RetryAfter)
				assert.Equal(t, 1, requests)
				assert.Zero(t, time.Since(start))
			})
		})
	}
}

// The random part that is added to a Retry-After must not run past the deadline.
func TestRetryAfterJustBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for range 50 {
			requests := 0
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				if requests++; requests == 1 {
					return reply(req, 429, "", "Retry-After", "10"), nil
				}
				return reply(req, 200, datasetJSON), nil
			}))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second+50*time.Millisecond)
			_, err := client.Datasets.Get(ctx, datasetID)
			cancel()
			require.NoError(t, err)
			require.Equal(t, 2, requests)
		}
	})
}

func TestWaitsAreThoseOfThePolicy(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		policy mistralobs.RetryPolicy
		most   []time.Duration // the longest first, second, … wait
	}{
		{
			policy: mistralobs.RetryPolicy{},
			most:   []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second},
		}, {
			policy: mistralobs.RetryPolicy{MaxAttempts: 8, MinWait: 100 * time.Millisecond, MaxWait: time.Second},
			most: []time.Duration{
				200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, time.Second,
				time.Second, time.Second,
				time.Second,
			},
		}, {
			policy: mistralobs.RetryPolicy{MaxAttempts: 3, MinWait: time.Second, MaxWait: time.Second},
			most:   []time.Duration{time.Second, time.Second},
		}, {
			policy: mistralobs.RetryPolicy{MaxAttempts: 80, MinWait: time.Nanosecond, MaxWait: time.Hour,
				MaxElapsed: 1 << 62},
			most: nil, // only that nothing overflows
		},
	} {
		t.Run(fmt.Sprintf("%+v", test.policy), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				different := map[time.Duration]bool{}
				for range 30 {
					var at []time.Time
					client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
						at = append(at, time.Now())
						return reply(req, 500, ""), nil
					}), mistralobs.WithRetry(test.policy))
					_, err := client.Datasets.Get(t.Context(), datasetID)
					require.ErrorIs(t, err, mistralobs.ErrServer)
					if test.most == nil {
						require.Len(t, at, test.policy.MaxAttempts)
						continue
					}
					require.Len(t, at, len(test.most)+1)
					least := test.policy.MinWait
					if least == 0 {
						least = 500 * time.Millisecond
					}
					for i, most := range test.most {
						wait := at[i+1].Sub(at[i])
						assert.GreaterOrEqual(t, wait, least, "wait %d", i)
						assert.LessOrEqual(t, wait, most, "wait %d", i)
					}
					different[at[1].Sub(at[0])] = true
				}
				if test.most != nil && test.most[0] > test.policy.MinWait {
					assert.Greater(t, len(different), 20, "waits are jittered")
				}
			})
		})
	}
}

func TestAttemptsEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		policy   mistralobs.RetryPolicy
		requests int
		took     time.Duration
	}{
		{name: "MaxAttempts 1 never repeats", policy: mistralobs.RetryPolicy{MaxAttempts: 1}, requests: 1, took: 0},
		{
			name:     "MaxAttempts",
			policy:   mistralobs.RetryPolicy{MaxAttempts: 4, MinWait: time.Second, MaxWait: time.Second},
			requests: 4, took: 3 * time.Second,
		},
		{
			name: "MaxElapsed",
			policy: mistralobs.RetryPolicy{
				MaxAttempts: 99, MinWait: 10 * time.Second, MaxWait: 10 * time.Second, MaxElapsed: 25 * time.Second,
			},
			requests: 3, took: 20 * time.Second,
		},
		{
			name: "MaxElapsed to the point",
			policy: mistralobs.RetryPolicy{
				MaxAttempts: 99, MinWait: 10 * time.Second, MaxWait: 10 * time.Second, MaxElapsed: 20 * time.Second,
			},
			requests: 3, took: 20 * time.Second,
		},
		{
			name:   "MaxElapsed shorter than a wait",
			policy: mistralobs.RetryPolicy{MinWait: 10 * time.Second, MaxElapsed: time.Second}, requests: 1, took: 0,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					requests++
					return reply(req, 503, ""), nil
				}), mistralobs.WithRetry(test.policy))
				start := time.Now()
				_, err := client.Datasets.Get(t.Context(), datasetID)
				require.ErrorIs(t, err, mistralobs.ErrServer)
				assert.Equal(t, test.requests, requests)
				assert.Equal(t, test.requests, attemptsOf(t, err))
				assert.Equal(t, test.took, time.Since(start))
			})
		})
	}
}

func TestDeleteThatFindsNothing(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		answers []int // 0: the connection breaks; -1: no connection is made
		want    map[string]bool
	}{
		{name: "at once", answers: []int{404}, want: set("not found")},
		{name: "after an answer that was lost", answers: []int{0, 404}, want: set()},
		{name: "after an answer that was lost and a busy service", answers: []int{0, 429, 404}, want: set()},
		{name: "after a busy service", answers: []int{429, 404}, want: set("not found")},
		{name: "after no connection", answers: []int{-1, 404}, want: set("not found")},
		{name: "after a 500", answers: []int{500, 404}, want: set()},
		{name: "after a 502", answers: []int{502, 404}, want: set()},
		{name: "after a bare 503", answers: []int{503, 404}, want: set()},
		{name: "after a 504", answers: []int{504, 404}, want: set()},
		{name: "after a 408", answers: []int{408, 404}, want: set()},
		{name: "but a 403 after an answer that was lost is one", answers: []int{0, 403}, want: set("forbidden")},
	} {
		for name, remove := range map[string]func(context.Context, *mistralobs.Client) error{
			"record":  func(ctx context.Context, c *mistralobs.Client) error { return c.Records.Delete(ctx, recordID) },
			"dataset": func(ctx context.Context, c *mistralobs.Client) error { return c.Datasets.Delete(ctx, datasetID) },
			"file":    func(ctx context.Context, c *mistralobs.Client) error { return c.Files.Delete(ctx, fileID) },
		} {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					requests := 0
					client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
						status := test.answers[requests]
						requests++
						switch status {
						case -1:
							return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
						case 0:
							return nil, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
						}
						return reply(req, status, `{"detail":"Not found"}`), nil
					}))
					err := remove(t.Context(), client)
					assert.Equal(t, test.want, kindsOf(err), "%v", err)
					assert.Equal(t, len(test.want) == 0, err == nil)
					assert.Len(t, test.answers, requests)
				})
			})
		}
	}
}

func TestTheLastAnswerIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const body = `{"detail":{"message":"the database is away","error_code":"DATABASE_UNAVAILABLE"}}`
		requests := 0
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if requests++; requests < 3 {
				return reply(req, 502, "<html>bad gateway</html>", "X-Request-Id", "earlier"), nil
			}
			return reply(req, 503, body, "Mistral-Correlation-Id", "last", "Retry-After", "3"), nil
		}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 3}))
		_, err := client.Datasets.Get(t.Context(), datasetID)
		var e *mistralobs.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, mistralobs.Error{
			StatusCode: 503, Code: mistralobs.CodeDatabaseUnavailable, Message: "the database is away",
			RequestID:  "last",
			RetryAfter: 3 * time.Second, Method: "GET", Path: "/v1/observability/datasets/" + datasetID,
			Body:     []byte(body),
			Attempts: 3,
		}, mistralobs.Error{
			StatusCode: e.StatusCode, Code: e.Code, Type: e.Type, Message: e.Message, Fields: e.Fields,
			RequestID:  e.RequestID,
			RetryAfter: e.RetryAfter, Method: e.Method, Path: e.Path, Body: e.Body, Attempts: e.Attempts,
		})
		require.EqualError(t, err, "mistralobs: get dataset: 503 DATABASE_UNAVAILABLE: the database is away "+
			"(3 attempts, request last, retry after 3s)")
	})
}

func TestTheContextEndsACall(t *testing.T) {
	t.Parallel()
	busy := func(req *http.Request) (*http.Response, error) {
		return reply(req, 429, `{"message":"slow down"}`), nil
	}
	hang := func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	hangInBody := func(req *http.Request) (*http.Response, error) {
		return answer(req, 200, nil, io.MultiReader(strings.NewReader("{"), stalled{req.Context()}), -1), nil
	}
	for _, test := range []struct {
		name     string
		cancel   time.Duration // after the call began
		respond  []roundTripFunc
		requests int
		applied  bool // a create may have been
		text     string
	}{
		{name: "before it", cancel: -1, respond: nil, requests: 0, applied: false, text: "context canceled"},
		{
			name: "during the first attempt", cancel: time.Second, respond: []roundTripFunc{hang}, requests: 1,
			applied: true,
			text:    "context canceled",
		},
		{
			name: "during the answer", cancel: time.Second, respond: []roundTripFunc{hangInBody}, requests: 1,
			applied: true,
			text:    "context canceled",
		},
		{
			name: "during the wait", cancel: 2 * time.Second, respond: []roundTripFunc{busy}, requests: 1,
			applied: false,
			text:    "429 Too Many Requests: slow down",
		},
		{
			name: "during the second wait", cancel: 10 * time.Second, respond: []roundTripFunc{busy, busy}, requests: 2,
			applied: false, text: "429 Too Many Requests: slow down",
		},
		{
			name: "during the second attempt", cancel: 10 * time.Second,
			respond: []roundTripFunc{busy, hang}, requests: 2,
			applied: true, text: "context canceled",
		},
	} {
		for _, attempted := range attemptedCalls {
			t.Run(attempted.name+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					requests := 0
					client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
						requests++
						return test.respond[requests-1](req)
					}), mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: 8 * time.Second, MaxWait: 8 * time.Second}))
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if test.cancel < 0 {
						cancel()
					} else {
						time.AfterFunc(test.cancel, cancel)
					}
					start := time.Now()
					err := attempted.call(ctx, client)
					want := set("canceled")
					switch {
					case test.applied && attempted.creates:
						want = set("canceled", "maybe applied")
					case strings.HasPrefix(test.text, "429"): // it was waiting because of that
						want = set("canceled", "rate limited")
					}
					assert.Equal(t, want, kindsOf(err), "%v", err)
					assert.ErrorContains(t, err, test.text)
					assert.Equal(t, test.requests, requests)
					assert.Equal(t, max(0, test.cancel), time.Since(start), "it ends at once")
				})
			})
		}
	}
}

// A pause that would outlast the deadline is not begun: the last error is returned at once.
func TestPauseBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		response func(*http.Request) (*http.Response, error)
		want     error
	}{
		{
			name: "after a broken connection", want: syscall.ECONNRESET,
			response: func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
			},
		},
		{
			name: "after a 503", want: mistralobs.ErrServer,
			response: func(req *http.Request) (*http.Response, error) { return reply(req, 503, "busy"), nil },
		},
		{
			name: "after a 429", want: mistralobs.ErrRateLimited,
			response: func(req *http.Request) (*http.Response, error) { return reply(req, 429, "", "Retry-After", "10"), nil },
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := clientOver(t, roundTripFunc(test.response),
					mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: 8 * time.Second, MaxWait: 20 * time.Second}))
				ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
				defer cancel()
				start := time.Now()

				_, err := client.Datasets.Get(ctx, datasetID)

				require.ErrorIs(t, err, test.want)
				assert.NotErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, 1, attemptsOf(t, err))
				assert.Zero(t, time.Since(start))
			})
		})
	}
}

// A call that is held back by another caller's 429 beyond its deadline fails at once.
func TestPaceBeyondTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			return reply(req, 429, "", "Retry-After", "10"), nil
		}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
		_, err := client.Datasets.Get(t.Context(), datasetID)
		require.ErrorIs(t, err, mistralobs.ErrRateLimited)
		time.Sleep(3 * time.Second)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()

		_, err = client.Datasets.Get(ctx, datasetID)

		var unsent *mistralobs.NetworkError
		require.ErrorAs(t, err, &unsent)
		require.ErrorIs(t, err, mistralobs.ErrRateLimited)
		assert.Equal(t, 7*time.Second, unsent.RetryAfter)
		assert.Zero(t, unsent.Attempts)
		assert.Zero(t, time.Since(start))
	})
}

// NetworkError.Attempts does not count a request that the client did not try to send.
func TestAttemptsOfARequestThatWasNotSent(t *testing.T) {
	t.Parallel()
	t.Run("context ended before", func(t *testing.T) {
		t.Parallel()
		client := clientOver(t, roundTripFunc(func(*http.Request) (*http.Response, error) { panic("sent") }))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client.Datasets.Get(ctx, datasetID)
		assert.Equal(t, 0, attemptsOf(t, err))
	})
	t.Run("no key", func(t *testing.T) {
		t.Parallel()
		client := clientOver(
			t, roundTripFunc(func(*http.Request) (*http.Response, error) { panic("sent") }),
			mistralobs.WithAPIKeySource(func(context.Context) (string, error) { return "", errors.New("the vault is shut") }),
		)
		_, err := client.Datasets.Get(t.Context(), datasetID)
		assert.Equal(t, 0, attemptsOf(t, err))
	})
}

func TestIsTransient(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]bool{
		400: false, 401: false, 404: false, 408: true, 409: false, 422: false, 429: true,
		500: true, 501: false, 502: true, 503: true, 504: true,
	} {
		err := fmt.Errorf("evaluating: %w", &mistralobs.Error{StatusCode: status})
		assert.Equal(t, want, mistralobs.IsTransient(err), "%d", status)
	}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"nothing":       {err: nil},
		"another error": {err: io.ErrUnexpectedEOF},
		"a missing key": {err: mistralobs.ErrNoAPIKey},
		"a rate limit": {
			err: &mistralobs.NetworkError{RetryAfter: time.Second, Err: mistralobs.ErrRateLimited}, want: true,
		},
		"a broken connection": {err: failureOf(t, syscall.ECONNRESET), want: true},
		"no such host":        {err: failureOf(t, &net.DNSError{IsNotFound: true})},
	} {
		assert.Equal(t, test.want, mistralobs.IsTransient(test.err), name)
	}
}

// failureOf returns the error of a call whose transport fails.
func failureOf(t *testing.T, cause error) error {
	t.Helper()
	client := clientOver(t, roundTripFunc(func(*http.Request) (*http.Response, error) { return nil, cause }),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
	_, err := client.Datasets.Get(t.Context(), "d")
	require.Error(t, err)
	return err
}
