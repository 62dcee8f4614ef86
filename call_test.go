package mistralobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/optest"
)

func TestTimeoutIsPerAttempt(t *testing.T) {
	t.Parallel()
	hang := func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	hangInBody := func(req *http.Request) (*http.Response, error) {
		return answer(req, 200, nil, io.MultiReader(strings.NewReader("{"), stalled{req.Context()}), -1), nil
	}
	for name, respond := range map[string]roundTripFunc{"no answer": hang, "no body": hangInBody} {
		for _, attempted := range attemptedCalls {
			t.Run(attempted.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					requests := 0
					client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
						requests++
						return respond(req)
					}), mistralobs.WithTimeout(10*time.Second),
						mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 3,
							MinWait: time.Second, MaxWait: time.Second}))
					start := time.Now()
					err := attempted.call(t.Context(), client)
					want, attempts, took := set("timeout"), 3, 32*time.Second
					if attempted.creates {
						want, attempts, took = set("timeout", "maybe applied"), 1, 10*time.Second
					}
					assert.Equal(t, want, kindsOf(err), "%v", err)
					assert.Equal(t, attempts, requests)
					assert.Equal(t, attempts, attemptsOf(t, err))
					assert.Equal(t, took, time.Since(start))
				})
			})
		}
	}
}

func TestAReadSurvives(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]roundTripFunc{
		"an answer that breaks off": func(req *http.Request) (*http.Response, error) {
			return answer(
				req, 200, nil, io.MultiReader(strings.NewReader(datasetJSON[:100]), failing{io.ErrUnexpectedEOF}),
				int64(len(datasetJSON)),
			), nil
		},
		"a timeout": func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		},
		"a proxy's page": func(req *http.Request) (*http.Response, error) { return reply(req, 502, "<html>"), nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					if requests++; requests < 5 {
						return fail(req)
					}
					return reply(req, 200, datasetJSON), nil
				}), mistralobs.WithTimeout(time.Second))
				got, err := client.Datasets.Get(t.Context(), datasetID)
				require.NoError(t, err)
				assert.Equal(t, &optest.Dataset, mistralobs.WithoutRaw(got))
				assert.Equal(t, 5, requests)
			})
		})
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestAnswersThatAreTooLarge(t *testing.T) {
	t.Parallel()
	whole := func() io.Reader { return strings.NewReader(datasetJSON) }
	unending := func() io.Reader { return endless{} }
	for _, test := range []struct {
		name   string
		body   func() io.Reader
		length int64
	}{
		{name: "as announced", body: whole, length: int64(len(datasetJSON))},
		{name: "unannounced", body: whole, length: -1},
		{name: "without end", body: unending, length: -1},
		{name: "announced beyond reason", body: unending, length: 1 << 62},
	} {
		for _, creates := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/creates=%v", test.name, creates), func(t *testing.T) {
				t.Parallel()
				requests := 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					requests++
					return answer(req, 200, nil, test.body(), test.length), nil
				}), mistralobs.WithMaxResponseBytes(int64(len(datasetJSON)-1)))
				var err error
				want := set("too large")
				if creates {
					_, err = client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Support"})
					want = set("too large", "maybe applied")
				} else {
					_, err = client.Datasets.Get(t.Context(), datasetID)
				}
				assert.Equal(t, want, kindsOf(err), "%v", err)
				assert.Equal(t, 1, requests, "it would only come again")
			})
		}
	}
}

func TestAnswersOfTheLargestSize(t *testing.T) {
	t.Parallel()
	for _, announced := range []int64{-1, int64(len(datasetJSON))} {
		t.Run(strconv.FormatInt(announced, 10), func(t *testing.T) {
			t.Parallel()
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				return answer(req, 200, nil, strings.NewReader(datasetJSON), announced), nil
			}), mistralobs.WithMaxResponseBytes(int64(len(datasetJSON))))
			got, err := client.Datasets.Get(t.Context(), datasetID)
			require.NoError(t, err)
			assert.Equal(t, &optest.Dataset, mistralobs.WithoutRaw(got))
		})
	}
}

// An error keeps its status, even if its body is broken.
func TestErrorsWithBadBodies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		body func(*http.Request) io.Reader
		most int // bytes of it that are kept
	}{
		{name: "without end", body: func(*http.Request) io.Reader { return endless{} }, most: 1 << 20},
		{name: "breaking off", body: func(*http.Request) io.Reader {
			return io.MultiReader(strings.NewReader("no"), failing{io.ErrUnexpectedEOF})
		}, most: 2},
		{name: "stalled", body: func(req *http.Request) io.Reader {
			return io.MultiReader(strings.NewReader("no"), stalled{req.Context()})
		}, most: 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					return answer(req, 422, nil, test.body(req), -1), nil
				}))
				_, err := client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Support"})
				assert.Equal(t, set("validation"), kindsOf(err), "%v", err)
				var e *mistralobs.Error
				require.ErrorAs(t, err, &e)
				assert.Len(t, e.Body, test.most)
				assert.Less(t, len(err.Error()), 1000)
			})
		})
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	const path = "/v1/observability/datasets"
	for _, test := range []struct {
		name     string
		base     string
		method   string
		status   int
		location string
		requests []string // as they are sent
		followed bool
	}{
		{name: "same origin", method: "GET", status: 302, location: "/elsewhere", followed: true,
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID,
				"GET https://api.example.com/elsewhere"}},
		{name: "same origin, absolute", method: "GET", status: 301, location: "https://API.example.com:443/elsewhere",
			followed: true,
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID,
				"GET https://API.example.com:443/elsewhere"}},
		{name: "same origin, 307 of a POST", method: "POST", status: 307, location: path + "/", followed: true,
			requests: []string{"POST https://api.example.com" + path, "POST https://api.example.com" + path + "/"}},
		{name: "same origin, 308 of a POST", method: "POST", status: 308, location: path + "/", followed: true,
			requests: []string{"POST https://api.example.com" + path, "POST https://api.example.com" + path + "/"}},
		{
			name: "301 of a POST", method: "POST", status: 301, location: path + "/",
			requests: []string{"POST https://api.example.com" + path},
		},
		{
			name: "302 of a POST", method: "POST", status: 302, location: path + "/",
			requests: []string{"POST https://api.example.com" + path},
		},
		{
			name: "303 of a POST", method: "POST", status: 303, location: path + "/",
			requests: []string{"POST https://api.example.com" + path},
		},
		{
			name: "another host", method: "GET", status: 302, location: "https://evil.example.com/",
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID},
		},
		{
			name: "a subdomain", method: "GET", status: 302, location: "https://eu.api.example.com/",
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID},
		},
		{
			name: "another port", method: "GET", status: 307, location: "https://api.example.com:8443/",
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID},
		},
		{
			name: "another scheme", method: "GET", status: 308, location: "http://api.example.com/",
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID},
		},
		{
			name: "another scheme on the same port", method: "GET", status: 308,
			location: "http://api.example.com:443/",
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID},
		},
		{
			name: "another host, 307 of a POST", method: "POST", status: 307, location: "https://evil.example.com/",
			requests: []string{"POST https://api.example.com" + path},
		},
		{
			name: "nowhere", method: "GET", status: 302, location: "",
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID},
		},
		{
			name: "not modified", method: "GET", status: 304, location: "",
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID},
		},
		{
			name: "multiple choices", method: "GET", status: 300, location: "/elsewhere",
			requests: []string{"GET https://api.example.com" + path + "/" + datasetID},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var requests, bodies []string
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, []string{"Bearer secret-key"}, req.Header["Authorization"])
				requests = append(requests, req.Method+" "+req.URL.String())
				bodies = append(bodies, bodyOf(t, req))
				if len(requests) > 1 {
					return reply(req, 200, datasetJSON), nil
				}
				if test.location == "" {
					return reply(req, test.status, ""), nil
				}
				return reply(req, test.status, "moved", "Location", test.location), nil
			}))
			var err error
			if test.method == "POST" {
				_, err = client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Support"})
			} else {
				_, err = client.Datasets.Get(t.Context(), datasetID)
			}
			assert.Equal(t, test.requests, requests)
			if test.followed {
				require.NoError(t, err)
				assert.Equal(t, bodies[0], bodies[1])
				return
			}
			var e *mistralobs.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, test.status, e.StatusCode)
			assert.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
		})
	}
}

func TestRedirectLoopsEnd(t *testing.T) {
	t.Parallel()
	requests := 0
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		requests++
		return reply(req, 302, "", "Location", req.URL.Path), nil
	}))
	_, err := client.Datasets.Get(t.Context(), datasetID)
	assert.Equal(t, set("unexpected"), kindsOf(err), "%v", err)
	assert.Equal(t, 10, requests)
	assert.Equal(t, 1, attemptsOf(t, err))
}

func TestSuccessesThatAreNone(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a page":         "<html><title>Sign in</title></html>",
		"nothing":        "",
		"null":           "null",
		"another object": `{"object":"list","data":[]}`,
		"an array":       "[]",
		"a broken one":   `{"id":"`,
		"two":            datasetJSON + datasetJSON,
		"a number as id": `{"id":5}`,
	} {
		for _, attempted := range attemptedCalls {
			if !strings.HasPrefix(attempted.name, "GET") && !strings.HasPrefix(attempted.name, "PATCH") &&
				!attempted.creates {
				continue // 204 without a body, or another object: see TestOperationsRefuseOtherDocuments
			}
			if name == "a number as id" && attempted.name == "GET export" {
				continue // an unknown field of that response
			}
			t.Run(attempted.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				requests := 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					requests++
					return reply(req, 200, body, "X-Request-Id", "r"), nil
				}))
				err := attempted.call(t.Context(), client)
				want := set("unexpected")
				if attempted.creates {
					want = set("unexpected", "maybe applied")
				}
				got := kindsOf(err)
				delete(got, "EOF") // how the decoder says that there is nothing
				delete(got, "broken off")
				assert.Equal(t, want, got, "%v", err)
				assert.Equal(t, 1, requests)
				var e *mistralobs.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, body, string(e.Body))
				assert.Equal(t, "r", e.RequestID)
			})
		}
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var at []time.Duration
		start := time.Now()
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			at = append(at, time.Since(start))
			return reply(req, 200, datasetJSON), nil
		}), mistralobs.WithRateLimit(2, 3), mistralobs.WithTimeout(100*time.Millisecond))
		sibling, err := client.With(mistralobs.WithUserAgent("sibling"))
		require.NoError(t, err)
		for i := range 7 {
			c := client
			if i%2 == 1 {
				c = sibling // shares the limit
			}
			_, err := c.Datasets.Get(t.Context(), datasetID)
			require.NoError(t, err, "waiting for the limit does not use up the attempt's time")
		}
		const half = 500 * time.Millisecond
		assert.Equal(t, []time.Duration{0, 0, 0, half, 2 * half, 3 * half, 4 * half}, at)
	})
}

func TestRateLimitCountsRepeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		requests := 0
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			return reply(req, 500, ""), nil
		}), mistralobs.WithRateLimit(0.1, 1), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 3,
			MinWait: time.Second, MaxWait: time.Second}))
		_, err := client.Datasets.Get(t.Context(), datasetID)
		require.ErrorIs(t, err, mistralobs.ErrServer)
		assert.Equal(t, 3, requests)
		assert.Equal(t, 20*time.Second, time.Since(start))
	})
}

func TestRateLimitBeyondTheContext(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		ctx  func(context.Context) (context.Context, context.CancelFunc)
		want string
		took time.Duration
	}{
		{name: "deadline", ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 5*time.Second)
		}, want: "deadline", took: 0},
		{name: "cancel", ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(5*time.Second, cancel)
			return ctx, cancel
		}, want: "canceled", took: 5 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				requests := 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					requests++
					return reply(req, 201, datasetJSON), nil
				}), mistralobs.WithRateLimit(0.1, 1))
				_, err := client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Support"})
				require.NoError(t, err)
				ctx, cancel := test.ctx(t.Context())
				defer cancel()
				start := time.Now()
				_, err = client.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: "Support"})
				assert.ErrorIs(t, err, kinds[test.want])
				assert.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
				assert.Equal(t, test.took, time.Since(start))
				assert.Equal(t, 1, requests)
			})
		})
	}
}

func TestAPIKeySourceIsAskedEveryAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		var keys []string
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			keys = append(keys, req.Header.Get("Authorization"))
			if len(keys) < 3 {
				return reply(req, 500, ""), nil
			}
			return reply(req, 200, datasetJSON), nil
		}), mistralobs.WithAPIKeySource(func(context.Context) (string, error) {
			asked++
			return fmt.Sprintf(" key-%d\n", asked), nil
		}))
		_, err := client.Datasets.Get(t.Context(), datasetID)
		require.NoError(t, err)
		assert.Equal(t, []string{"Bearer key-1", "Bearer key-2", "Bearer key-3"}, keys)
	})
}

func TestAPIKeySourceThatFails(t *testing.T) {
	t.Parallel()
	errVault := errors.New("the vault is shut")
	for _, test := range []struct {
		name string
		key  string
		err  error
		want error
	}{
		{name: "an error", key: "", err: errVault, want: errVault},
		{name: "no key", key: "  ", err: nil, want: mistralobs.ErrNoAPIKey},
		{name: "a key that cannot be sent", key: "se\ncret", err: nil, want: mistralobs.ErrInvalidParams},
	} {
		for _, after := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s after %d", test.name, after), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					asked, requests := 0, 0
					client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
						requests++
						return reply(req, 429, ""), nil
					}), mistralobs.WithAPIKeySource(func(context.Context) (string, error) {
						if asked++; asked <= after {
							return "good", nil
						}
						return test.key, test.err
					}))
					_, err := client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Support"})
					if after == 0 || test.want == errVault {
						assert.ErrorIs(t, err, test.want)
					} else { // these mean that nothing was sent
						assert.NotErrorIs(t, err, test.want)
					}
					assert.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
					assert.NotContains(t, err.Error(), "cret")
					assert.Equal(t, after, requests)
					assert.Equal(t, after+1, asked)
				})
			})
		}
	}
}

// Of each attempt, elapsed is its own time, and total is the time since the call began.
func TestLogTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		requests := 0
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			time.Sleep(time.Duration(requests) * time.Second)
			if requests < 3 {
				return reply(req, 500, ""), nil
			}
			return reply(req, 200, datasetJSON), nil
		}), mistralobs.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))),
			mistralobs.WithRetry(mistralobs.RetryPolicy{
				MinWait: 15 * time.Second, MaxWait: 15 * time.Second,
			}))
		_, err := client.Datasets.Get(t.Context(), datasetID)
		require.NoError(t, err)
		type times struct{ Elapsed, Total, Wait time.Duration }
		var got []times
		for line := range strings.Lines(log.String()) {
			var entry times
			require.NoError(t, json.Unmarshal([]byte(line), &entry))
			got = append(got, entry)
		}
		assert.Equal(t, []times{
			{Elapsed: 1 * time.Second, Total: 1 * time.Second, Wait: 15 * time.Second},
			{Elapsed: 2 * time.Second, Total: 18 * time.Second, Wait: 15 * time.Second},
			{Elapsed: 3 * time.Second, Total: 36 * time.Second},
		}, got)
	})
}

// A call that waits because of another caller's 429 says so.
func TestLogOfACallThatIsHeldBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		requests := 0
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return reply(req, 429, "", "Retry-After", "10"), nil
			}
			return reply(req, 200, datasetJSON), nil
		}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}),
			mistralobs.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		_, err := client.Datasets.Get(t.Context(), datasetID)
		require.ErrorIs(t, err, mistralobs.ErrRateLimited)
		assert.NotContains(t, log.String(), "waits for the rate limit")

		_, err = client.Datasets.Get(t.Context(), datasetID)
		require.NoError(t, err)
		assert.Contains(t, log.String(),
			`level=DEBUG msg="mistralobs: request waits for the rate limit" operation=datasets.get wait=10s`)
	})
}

func TestLogLines(t *testing.T) {
	t.Parallel()
	for level, want := range map[slog.Level][]map[string]any{
		slog.LevelDebug: {
			{
				"level": "WARN", "operation": "records.create", "method": "POST", "attempt": 1.0, "status": 429.0,
				"request_id": "first",
			},
			{
				"level": "WARN", "operation": "records.create", "method": "POST", "attempt": 2.0,
				"error": "dial: connection refused",
			},
			{
				"level": "DEBUG", "operation": "records.create", "method": "POST", "attempt": 3.0, "status": 201.0,
				"request_id": "",
			},
		},
		slog.LevelWarn: {
			{
				"level": "WARN", "operation": "records.create", "method": "POST", "attempt": 1.0, "status": 429.0,
				"request_id": "first",
			},
			{
				"level": "WARN", "operation": "records.create", "method": "POST", "attempt": 2.0,
				"error": "dial: connection refused",
			},
		},
		slog.LevelError: nil,
	} {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				requests := 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					switch requests++; requests {
					case 1:
						return reply(req, 429, `{"message":"confidential"}`, "X-Request-Id", "first"), nil
					case 2:
						return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
					}
					return reply(req, 201, recordJSON), nil
				}), mistralobs.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: level}))))
				_, err := client.Records.Create(
					t.Context(), datasetID,
					mistralobs.CreateRecordParams{Payload: map[string]string{"a": "confidential"}},
				)
				require.NoError(t, err)
				assert.NotContains(t, log.String(), "secret-key")
				assert.NotContains(t, log.String(), "Bearer")
				assert.NotContains(t, log.String(), "confidential")
				var lines []map[string]any
				for line := range strings.Lines(log.String()) {
					fields := map[string]any{}
					require.NoError(t, json.Unmarshal([]byte(line), &fields))
					if fields["msg"] == "mistralobs: request waits for the rate limit" {
						continue
					}
					assert.Equal(t, fields["level"] == "WARN", fields["wait"] != nil, "a retry says when")
					for _, other := range []string{"time", "msg", "path", "elapsed", "total", "wait"} {
						delete(fields, other)
					}
					lines = append(lines, fields)
				}
				assert.Equal(t, want, lines)
			})
		})
	}
}

// A message of any length and content can be printed on a terminal.
func TestErrorTextIsReadable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		return reply(
			req, 422,
			`{"detail":[{"loc":["body","\u001b[2J`+long+`"],"msg":"\u001b[31m`+long+`"},{"message":"\u001b[0m`+long+`"}]}`,
		), nil
	}))
	_, err := client.Datasets.Get(t.Context(), datasetID)
	require.ErrorIs(t, err, mistralobs.ErrValidation)
	assert.NotContains(t, err.Error(), "\x1b")
	assert.Less(t, len(err.Error()), 10_000)
}

// A transport may return a response without a body.
func TestTransportWithoutABody(t *testing.T) {
	t.Parallel()
	client := clientOver(
		t, roundTripFunc(func(*http.Request) (*http.Response, error) { return &http.Response{StatusCode: 204}, nil }),
		mistralobs.WithMaxResponseBytes(math.MaxInt64),
	)
	require.NoError(t, client.Datasets.Delete(t.Context(), datasetID))
}
