package mistralobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// Do sends any body to any path, and decodes or returns any result.
func TestDo(t *testing.T) {
	t.Parallel()
	type object struct {
		A int `json:"a"`
	}
	for _, test := range []struct {
		name     string
		in       any
		out      any
		wantBody string
		want     any
	}{
		{name: "no body, no result"},
		{name: "a struct", in: object{A: 1}, wantBody: `{"a":1}`, out: &object{}, want: &object{A: 2}},
		{name: "bytes", in: []byte(`{"a": 1}`), wantBody: `{"a": 1}`, out: new([]byte), want: ptr([]byte(`{"a":2}`))},
		{
			name: "raw JSON", in: json.RawMessage(`[1]`), wantBody: `[1]`,
			out: new(json.RawMessage), want: ptr(json.RawMessage(`{"a":2}`)),
		},
		{
			name: "an Object", in: mistralobs.Object(`{"a":"<"}`), wantBody: `{"a":"<"}`,
			out: &mistralobs.Object{}, want: ptr(mistralobs.Object(`{"a":2}`)),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, "PUT", req.Method)
				assert.Equal(t, baseURL+"/v1/new%2Fthing?a=b", req.URL.String())
				assert.Equal(t, "Bearer secret-key", req.Header.Get("Authorization"))
				assert.Equal(t, "client.do", mistralobs.OperationName(req.Context()))
				if req.Body != nil {
					body, err := io.ReadAll(req.Body)
					assert.NoError(t, err)
					assert.Equal(t, test.wantBody, string(body))
				}
				return reply(req, 200, `{"a":2}`), nil
			}))

			err := client.Do(t.Context(), "PUT", "/v1/new%2Fthing?a=b", test.in, test.out)

			require.NoError(t, err)
			assert.Equal(t, test.want, test.out)
		})
	}
}

// Do has the retries and errors of the other methods: a POST is not sent again blindly.
func TestDoRetries(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method   string
		attempts int
		maybe    bool
	}{
		{method: "GET", attempts: 2}, {method: "PUT", attempts: 2}, {method: "PATCH", attempts: 2},
		{method: "DELETE", attempts: 2}, {method: "POST", attempts: 1, maybe: true},
	} {
		t.Run(test.method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					return reply(req, 500, `{"detail":"oh"}`), nil
				}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2}))

				err := client.Do(t.Context(), test.method, "/v1/thing?secret=1", nil, nil)

				var e *mistralobs.Error
				require.ErrorAs(t, err, &e)
				assert.Equal(t, test.attempts, e.Attempts)
				assert.Equal(t, test.maybe, errors.Is(err, mistralobs.ErrMaybeApplied))
				assert.ErrorContains(t, err, "mistralobs: "+test.method+" /v1/thing: 500")
			})
		})
	}
}

func TestDoRefusesBeforeSending(t *testing.T) {
	t.Parallel()
	client := clientOver(t, roundTripFunc(func(*http.Request) (*http.Response, error) { panic("a request was sent") }))
	for _, test := range []struct {
		name         string
		method, path string
		in, out      any
	}{
		{name: "a method in lower case", method: "post", path: "/v1/thing"},
		{name: "an unknown method", method: "FETCH", path: "/v1/thing"},
		{name: "a query that is not escaped", method: "GET", path: "/v1/thing?q=a b"},
		{name: "a fragment", method: "GET", path: "/v1/thing#part"},
		{name: "an out that is no pointer", method: "GET", path: "/v1/thing", out: struct{}{}},
		{name: "an out that is nil bytes", method: "GET", path: "/v1/thing", out: (*[]byte)(nil)},
		{name: "an out that is nil JSON", method: "GET", path: "/v1/thing", out: (*json.RawMessage)(nil)},
		{name: "an out that cannot hold JSON", method: "GET", path: "/v1/thing", out: new(chan int)},
		{name: "a path without a slash", method: "GET", path: "v1/thing"},
		{name: "a whole URL", method: "GET", path: "https://evil.example/v1"},
		{name: "a path that is not escaped", method: "GET", path: "/v1/a%zz"},
		{name: "a method with a space", method: "GET IT", path: "/v1/thing"},
		{name: "an out that holds what cannot be JSON", method: "POST", path: "/v1/thing", out: new([]*chan int)},
		{name: "an out that is an empty interface variable", method: "POST", path: "/v1/thing", out: new(io.Reader)},
		{name: "an out that is written to", method: "POST", path: "/v1/thing", out: &bytes.Buffer{}},
		{name: "a body that is a reader", method: "POST", path: "/v1/thing", in: strings.NewReader("{}")},
		{name: "a body that cannot be marshaled", method: "POST", path: "/v1/thing", in: make(chan int)},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := client.Do(t.Context(), test.method, test.path, test.in, test.out)
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		})
	}
}

// A response to HEAD and one with 204 have no body to decode.
func TestDoWithoutABody(t *testing.T) {
	t.Parallel()
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		if req.Method == http.MethodHead {
			return answer(req, 200, http.Header{}, http.NoBody, 1<<40), nil
		}
		return reply(req, 204, ""), nil
	}))
	for _, method := range []string{http.MethodHead, http.MethodDelete, http.MethodPost} {
		out := map[string]any{"kept": true}
		require.NoError(t, client.Do(t.Context(), method, "/v1/thing", nil, &out), method)
		assert.Equal(t, map[string]any{"kept": true}, out, method)
	}
}

// net/http may read the body after a response that came early, when its caller uses the bytes
// again.
func TestDoCopiesItsBody(t *testing.T) {
	t.Parallel()
	body := []byte(`{"n":1}`)
	var sent io.ReadCloser
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		sent = req.Body
		return reply(req, 413, ""), nil
	}))
	require.Error(t, client.Do(t.Context(), http.MethodPost, "/v1/thing", body, nil))
	copy(body, "changed")
	late, err := io.ReadAll(sent)
	require.NoError(t, err)
	assert.Equal(t, `{"n":1}`, string(late))
}

// A redirect whose body stalls ends an upload, and does not restart its timeout.
func TestStalledRedirectEndsAnUpload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			_, _ = io.Copy(io.Discard, req.Body)
			header := http.Header{"Location": {req.URL.Path + "x"}}
			return answer(req, http.StatusTemporaryRedirect, header, untilDone{req.Context()}, 100), nil
		}), mistralobs.WithTimeout(time.Second))
		start := time.Now()
		params := mistralobs.UploadParams{Name: "n", Body: strings.NewReader("x")}
		_, err := client.Files.Upload(t.Context(), params, mistralobs.TransferOptions{})
		require.ErrorIs(t, err, mistralobs.ErrTimeout)
		assert.Equal(t, time.Second, time.Since(start))
	})
}

// The options of a call change that call only.
func TestCallOptions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var headers []string
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			headers = append(headers, req.Header.Get("X-Team"))
			return reply(req, 503, "busy", "X-Request-Id", "r1"), nil
		}), mistralobs.WithHeader("X-Team", "all"))
		var response mistralobs.Response

		_, err := client.Datasets.Get(
			t.Context(), datasetID, mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2}),
			mistralobs.WithHeader("X-Team", "one"), mistralobs.WithResponse(&response),
		)

		require.ErrorIs(t, err, mistralobs.ErrServer)
		assert.Equal(t, []string{"all", "all"}, headers, "a header of a call is added to those of the client")
		assert.Equal(t, 503, response.StatusCode)
		assert.Equal(t, "r1", response.RequestID)
		assert.Equal(t, "r1", response.Header.Get("X-Request-Id"))
		assert.Equal(t, 2, response.Attempts)
		assert.Equal(t, "busy", string(response.Body))

		headers = nil
		_, err = client.Datasets.Get(t.Context(), datasetID)
		require.ErrorIs(t, err, mistralobs.ErrServer)
		assert.Len(t, headers, 5)
	})
}

func TestCallOptionsThatAreInvalid(t *testing.T) {
	t.Parallel()
	client := clientOver(t, roundTripFunc(func(*http.Request) (*http.Response, error) { panic("a request was sent") }))
	for _, test := range []struct {
		name   string
		option mistralobs.CallOption
	}{
		{name: "a negative timeout", option: mistralobs.WithTimeout(-time.Second)},
		{name: "no response", option: mistralobs.WithResponse(nil)},
		{name: "a header of the client", option: mistralobs.WithHeader("Authorization", "x")},
		{name: "a negative limit", option: mistralobs.WithMaxResponseBytes(-1)},
		{name: "negative attempts", option: mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: -1})},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := client.Datasets.Get(t.Context(), datasetID, test.option)
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		})
	}
}

// The number of an attempt counts from 1 for each call.
func TestAttempt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var attempts []int
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			attempts = append(attempts, mistralobs.Attempt(req.Context()))
			return reply(req, 500, ""), nil
		}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 3}))
		for range 2 {
			_, err := client.Datasets.Get(t.Context(), datasetID)
			require.ErrorIs(t, err, mistralobs.ErrServer)
		}
		assert.Equal(t, []int{1, 2, 3, 1, 2, 3}, attempts)
		assert.Zero(t, mistralobs.Attempt(t.Context()))
	})
}

// A gateway that echoes the Authorization header does not put the key into an error or a log line.
func TestEchoedKeyIsRedacted(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		return reply(req, 400, `{"detail":"bad header `+req.Header.Get("Authorization")+`"}`), nil
	}), mistralobs.WithLogger(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))

	_, err := client.Datasets.Get(t.Context(), datasetID)

	require.ErrorContains(t, err, "bad header Bearer [API key]")
	slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", err)
	var e *mistralobs.Error
	require.ErrorAs(t, err, &e)
	assert.NotContains(t, fmt.Sprintf("%s %+v %s", e.Body, e, &log), "secret-key")
}

// A redirect whose target cannot be parsed is an error that does not show the target.
func TestRedirectToAnInvalidURL(t *testing.T) {
	t.Parallel()
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		return reply(req, 307, "", "Location", "https://storage.example.com/%zz?sig=signature"), nil
	}))

	_, err := client.Records.Create(t.Context(), datasetID, mistralobs.CreateRecordParams{Payload: map[string]int{}})

	require.ErrorContains(t, err, "a redirect whose Location is not a valid URL")
	require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
	assert.Equal(t, 1, attemptsOf(t, err), "it is not retried")
	assert.NotContains(t, fmt.Sprintf("%+v", err), "signature")
}

// A redirect loop ends, and is not called a redirect to another origin.
func TestRedirectLoop(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		requests := 0
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			return reply(req, status, "", "Location", req.URL.String()), nil
		}))

		_, err := client.Datasets.Get(t.Context(), datasetID)

		require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
		require.ErrorContains(t, err, "the redirects did not end after 10")
		assert.Equal(t, 10, requests)
	}
}

// With two clients, an error and its log line say which one failed, and with which operation.
func TestErrorsNameTheHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		response func(*http.Request) (*http.Response, error)
		want     string
	}{
		{
			name:     "a response",
			response: func(req *http.Request) (*http.Response, error) { return reply(req, 404, "", "X-Request-Id", "r1"), nil },
			want: `e.operation=datasets.get e.method=GET e.host=eu.example.com e.path=/v1/observability/datasets/d1 ` +
				`e.attempts=1 e.status=404 e.request_id=r1 e.error="mistralobs: get dataset: 404 Not Found (1 attempt,` +
				` request r1)"`,
		},
		{
			name: "no response",
			response: func(*http.Request) (*http.Response, error) {
				return nil, &net.DNSError{Err: "unknown", IsNotFound: true}
			},
			want: `e.operation=datasets.get e.method=GET e.host=eu.example.com e.path=/v1/observability/datasets/d1 ` +
				`e.attempts=1 e.error="mistralobs: get dataset: lookup : unknown (1 attempt)"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			client := clientOver(t, roundTripFunc(test.response), mistralobs.WithBaseURL("https://eu.example.com"))
			_, err := client.Datasets.Get(t.Context(), "d1")
			var log bytes.Buffer
			slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "e", err)
			assert.Contains(t, log.String(), test.want)
		})
	}
}

// The text of a call that ended during a pause names its attempts once.
func TestErrorTextIsNotDoubled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			return reply(req, 429, `{"message":"Rate limit exceeded"}`), nil
		}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxWait: 500 * time.Millisecond}))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(600*time.Millisecond, cancel)

		_, err := client.Datasets.Get(ctx, datasetID)

		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, mistralobs.ErrRateLimited)
		assert.EqualError(t, err, "mistralobs: get dataset: context canceled, while waiting to try again after: "+
			"429 Too Many Requests: Rate limit exceeded (2 attempts)")
	})
}

// The limit of one key's workspace does not slow down another key.
func TestAnotherKeyHasItsOwnPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if req.Header.Get("Authorization") == "Bearer secret-key" {
				return reply(req, 429, "", "Retry-After", "20"), nil
			}
			return reply(req, 200, `{"datasets":{}}`), nil
		}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
		other, err := client.With(mistralobs.WithAPIKey("other-key"))
		require.NoError(t, err)
		start := time.Now()
		_, err = client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
		require.ErrorIs(t, err, mistralobs.ErrRateLimited)
		_, err = other.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
		require.NoError(t, err)
		assert.Zero(t, time.Since(start))
	})
}

// A copy with the same key and base URL keeps what the client has learned of the service's limit.
func TestTheSameKeyKeepsThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			if requests == 1 {
				return reply(req, 429, "", "Retry-After", "20"), nil
			}
			return reply(req, 200, ""), nil
		}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
		twin, err := client.With(mistralobs.WithAPIKey(" Bearer secret-key"), mistralobs.WithBaseURL(baseURL+"/"))
		require.NoError(t, err)
		start := time.Now()
		require.ErrorIs(t, client.Do(t.Context(), "GET", "/v1/thing", nil, nil), mistralobs.ErrRateLimited)
		require.NoError(t, twin.Do(t.Context(), "GET", "/v1/thing", nil, nil))
		assert.Equal(t, 20*time.Second, time.Since(start))
	})
}

// NewClient reports all invalid options in one error.
func TestNewClientNamesAllInvalidOptions(t *testing.T) {
	t.Parallel()
	noTransport := func(http.RoundTripper) http.RoundTripper { return nil }
	for _, key := range []string{"", " ", "Bearer ", "bearer\t"} {
		_, err := mistralobs.NewClient(mistralobs.WithAPIKey(key), mistralobs.WithTimeout(-1),
			mistralobs.WithBaseURL("nowhere"), mistralobs.WithLogger(nil), mistralobs.WithMiddleware(noTransport))
		require.ErrorIs(t, err, mistralobs.ErrNoAPIKey, "%q", key)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		for _, name := range []string{"WithTimeout", "WithBaseURL", "WithLogger", "WithMiddleware"} {
			assert.ErrorContains(t, err, name)
		}
	}
}

// Waiting for the pace or the rate limit does not count towards the timeout of the caller's
// http.Client.
func TestClientTimeoutDoesNotCountWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		transport := roundTripFunc(func(req *http.Request) (*http.Response, error) {
			switch requests++; requests {
			case 1:
				return reply(req, 429, "", "Retry-After", "10"), nil
			case 10:
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return reply(req, 200, `{"datasets":{}}`), nil
		})
		client := clientOver(t, nil,
			mistralobs.WithHTTPClient(&http.Client{Transport: transport, Timeout: time.Second}),
			mistralobs.WithRateLimit(0.2, 1), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2}))
		for range 8 {
			_, err := client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
			require.NoError(t, err)
		}
		start := time.Now()
		one, err := client.With(mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
		require.NoError(t, err)
		_, err = one.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
		require.ErrorIs(t, err, mistralobs.ErrTimeout)
		assert.ErrorContains(t, err, "within 1s")
		assert.Less(t, time.Since(start), 10*time.Second)
	})
}

// Each attempt sends the cookies as they are then, not those of the attempts before too.
func TestRetriesDoNotPileUpCookies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		client := clientOver(t, nil, mistralobs.WithHTTPClient(&http.Client{Jar: jar, Transport: roundTripFunc(
			func(req *http.Request) (*http.Response, error) {
				sent = append(sent, req.Header.Get("Cookie"))
				return reply(req, 503, "", "Set-Cookie", fmt.Sprintf("lb=%d", len(sent))), nil
			})}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 3}))

		_, err = client.Datasets.Get(t.Context(), datasetID)

		require.ErrorIs(t, err, mistralobs.ErrServer)
		assert.Equal(t, []string{"", "lb=1", "lb=2"}, sent)
	})
}

// A key that is lost between two attempts does not claim that nothing was sent.
func TestKeyLostBetweenAttempts(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "a b"} {
		synctest.Test(t, func(t *testing.T) {
			asked := 0
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				return reply(req, 500, ""), nil
			}), mistralobs.WithAPIKeySource(func(context.Context) (string, error) {
				if asked++; asked > 1 {
					return key, nil
				}
				return "k", nil
			}))

			err := client.Records.UpdatePayload(t.Context(), recordID, map[string]int{})

			assert.Equal(t, 1, attemptsOf(t, err))
			require.NotErrorIs(t, err, mistralobs.ErrNoAPIKey)
			require.NotErrorIs(t, err, mistralobs.ErrInvalidParams)
			assert.ErrorIs(t, err, mistralobs.ErrServer, "the failure of the first attempt")
		})
	}
}

// The body of the 404 that proves a deletion is not its result.
func TestDoIgnoresTheErrorThatProvesADeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return reply(req, 500, ""), nil
			}
			return reply(req, 404, `{"detail":"no"}`), nil
		}))
		var out map[string]string
		require.NoError(t, client.Do(t.Context(), "DELETE", "/v1/thing", nil, &out))
		assert.Empty(t, out)
	})
}

// A Response that is used again does not keep what an earlier call stored in it.
func TestWithResponseOfACallThatIsNotSent(t *testing.T) {
	t.Parallel()
	client := clientOver(t, roundTripFunc(func(*http.Request) (*http.Response, error) { panic("a request was sent") }))
	response := mistralobs.Response{StatusCode: 404, Attempts: 2}
	_, err := client.Datasets.Get(t.Context(), "", mistralobs.WithResponse(&response))
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	assert.Equal(t, mistralobs.Response{}, response)
}

// Callers whose deadline passes while they queue for the pace get the same error as the first one.
func TestDeadlineInTheQueueOfThePace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if requests++; requests == 1 {
				return reply(req, 429, ""), nil
			}
			return reply(req, 200, datasetJSON), nil
		}), mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
		_, err := client.Datasets.Get(t.Context(), datasetID)
		require.ErrorIs(t, err, mistralobs.ErrRateLimited)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		errs := make([]error, 30)
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() { _, errs[i] = client.Datasets.Get(ctx, datasetID) })
		}
		group.Wait()
		failed := 0
		for _, err := range errs {
			if err != nil {
				failed++
				assert.ErrorIs(t, err, mistralobs.ErrRateLimited)
			}
		}
		assert.Positive(t, failed)
	})
}

// A transport that returns neither a response nor an error breaks its contract. That is an error,
// and no panic.
func TestTransportThatReturnsNothing(t *testing.T) {
	t.Parallel()
	nothing := roundTripFunc(func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/file" || !strings.HasSuffix(req.URL.Path, "/to-jsonl") {
			return nil, nil
		}
		return reply(req, 200, `{"file_url":"https://storage.example.com/file"}`), nil
	})
	for name, opts := range map[string][]mistralobs.Option{
		"bare": nil, "debug": {mistralobs.WithDebugWriter(io.Discard)},
	} {
		client := clientOver(t, nothing, append(opts, mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))...)
		_, err := client.Datasets.Get(t.Context(), datasetID)
		require.ErrorContains(t, err, "neither a response nor an error", name)
		_, err = client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Tickets"})
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied, name)
		upload := mistralobs.UploadParams{Name: "n", Body: strings.NewReader("x")}
		_, err = client.Files.Upload(t.Context(), upload, mistralobs.TransferOptions{})
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied, name)
		_, err = client.Exports.Open(t.Context(), datasetID, mistralobs.TransferOptions{})
		require.ErrorContains(t, err, "neither a response nor an error", name)
	}
}

// A web page of a proxy is an error, even if the call expects no body.
func TestPagesAreNoSuccess(t *testing.T) {
	t.Parallel()
	for name, page := range map[string]struct{ contentType, body string }{
		"HTML":               {"text/html; charset=utf-8", "please log in"},
		"HTML in capitals":   {"Text/HTML", "please log in"},
		"HTML without type":  {"", "\n <HTML>"},
		"a byte-order mark":  {"text/plain", "\ufeff<html>"},
		"UTF-16":             {"text/plain", "\xff\xfe<\x00h\x00"},
		"a comment":          {"application/json", "<!-- page --><html>"},
		"XML":                {"application/xml", "please log in"},
		"XML without a type": {"", "<?xml version='1.0'?><Error/>"},
		"XHTML":              {"application/xhtml+xml", "please log in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				return reply(req, 200, page.body, "Content-Type", page.contentType), nil
			}))
			require.ErrorIs(t, client.Records.Delete(t.Context(), recordID), mistralobs.ErrUnexpectedResponse)
			require.ErrorIs(t, client.Records.DeleteAll(t.Context(), []string{recordID}),
				mistralobs.ErrUnexpectedResponse)
			err := client.Records.UpdatePayload(t.Context(), recordID, map[string]int{})
			require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
			require.ErrorIs(t, client.Do(t.Context(), "PUT", "/v1/thing", nil, nil), mistralobs.ErrUnexpectedResponse)
		})
	}
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		return reply(req, 200, "", "Content-Type", "text/html"), nil
	}))
	require.NoError(t, client.Records.Delete(t.Context(), recordID), "nothing is no page")
}
