package mistralobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

const secretKey = "sk-Zq7x-very-secret"

func TestOptions(t *testing.T) {
	t.Parallel()
	source := func(context.Context) (string, error) { return "k", nil }
	policy := func(p mistralobs.RetryPolicy) mistralobs.Option { return mistralobs.WithRetry(p) }
	tests := map[string]struct {
		option mistralobs.Option
		want   string // of the error; "" for none
	}{
		"a key":                         {option: mistralobs.WithAPIKey(secretKey), want: ""},
		"a key with white space around": {option: mistralobs.WithAPIKey(" \t" + secretKey + "\r\n"), want: ""},
		"a key of odd characters":       {option: mistralobs.WithAPIKey(`!"#$%&'()*+,-./:;<=>?@[\]^_{|}~`), want: ""},
		"no key":                        {option: mistralobs.WithAPIKey(""), want: "no API key"},
		"a blank key":                   {option: mistralobs.WithAPIKey(" \n"), want: "no API key"},
		"a key source":                  {option: mistralobs.WithAPIKeySource(source), want: ""},
		"no key source": {
			option: mistralobs.WithAPIKeySource(nil),
			want:   "mistralobs: create client: WithAPIKeySource: the function is nil",
		},
		"an http client": {option: mistralobs.WithHTTPClient(&http.Client{}), want: ""},
		"no http client": {
			option: mistralobs.WithHTTPClient(nil),
			want:   "mistralobs: create client: WithHTTPClient: the client is nil",
		},
		"no retries":             {option: policy(mistralobs.RetryPolicy{MaxAttempts: 1}), want: ""},
		"the default of retries": {option: policy(mistralobs.RetryPolicy{}), want: ""},
		"negative retries": {
			option: policy(mistralobs.RetryPolicy{MaxAttempts: -1}),
			want:   "mistralobs: create client: WithRetry: no field of the policy may be negative",
		},
		"waits the wrong way": {
			option: policy(mistralobs.RetryPolicy{MinWait: 2, MaxWait: 1}),
			want:   "mistralobs: create client: WithRetry: MinWait 2ns is longer than MaxWait 1ns",
		},
		"a timeout":           {option: mistralobs.WithTimeout(1), want: ""},
		"a very long timeout": {option: mistralobs.WithTimeout(math.MaxInt64), want: ""},
		"no timeout": {
			option: mistralobs.WithTimeout(0),
			want:   "mistralobs: create client: WithTimeout: the timeout must be positive, got 0s",
		},
		"a negative timeout": {
			option: mistralobs.WithTimeout(-time.Second),
			want:   "mistralobs: create client: WithTimeout: the timeout must be positive, got -1s",
		},
		"a rate": {option: mistralobs.WithRateLimit(0.1, 1), want: ""},
		"no rate": {
			option: mistralobs.WithRateLimit(0, 1),
			want:   "mistralobs: create client: WithRateLimit: the rate must be positive and the burst at least 1, got 0 and 1",
		},
		"a negative rate": {
			option: mistralobs.WithRateLimit(-1, 1),
			want:   "WithRateLimit: the rate must be positive",
		},
		"a rate that is no number": {
			option: mistralobs.WithRateLimit(math.NaN(), 1),
			want:   "WithRateLimit: the rate must be positive",
		},
		"no burst": {option: mistralobs.WithRateLimit(1, 0), want: "got 1 and 0"},
		"a logger": {option: mistralobs.WithLogger(slog.Default()), want: ""},
		"no logger": {
			option: mistralobs.WithLogger(nil),
			want:   "mistralobs: create client: WithLogger: the logger is nil",
		},
		"a user agent":  {option: mistralobs.WithUserAgent("evals/1.4 (ü)"), want: ""},
		"no user agent": {option: mistralobs.WithUserAgent(""), want: ""},
		"a user agent of two lines": {
			option: mistralobs.WithUserAgent("a\r\nX: y"),
			want:   `mistralobs: create client: WithUserAgent: "a\r\nX: y" is not a valid header value`,
		},
		"a header":                 {option: mistralobs.WithHeader("X-Team", "evals\tand more ü"), want: ""},
		"a header without a value": {option: mistralobs.WithHeader("X-Team", ""), want: ""},
		"a header without a name": {
			option: mistralobs.WithHeader("", "v"),
			want:   `mistralobs: create client: WithHeader: "" is not a valid header`,
		},
		"a header with a space": {
			option: mistralobs.WithHeader("X Team", "v"),
			want:   `mistralobs: create client: WithHeader: "X Team" is not a valid header`,
		},
		"a header with a colon":      {option: mistralobs.WithHeader("X:", "v"), want: "is not a valid header"},
		"a header with a line break": {option: mistralobs.WithHeader("X\n", "v"), want: "is not a valid header"},
		"a header in another script": {option: mistralobs.WithHeader("Ü", "v"), want: "is not a valid header"},
		"a header with DEL":          {option: mistralobs.WithHeader("X\x7f", "v"), want: "is not a valid header"},
		"a value of two lines": {
			option: mistralobs.WithHeader("X-Team", secretKey+"\r\nY: z"),
			want:   `mistralobs: create client: WithHeader: "X-Team" is not a valid header`,
		},
		"a value with NUL": {
			option: mistralobs.WithHeader("X-Team", "a\x00"),
			want:   "is not a valid header",
		},
		"the authorization": {
			option: mistralobs.WithHeader("authorization", secretKey),
			want:   "mistralobs: create client: WithHeader: Authorization is set by the client",
		},
		"the user agent as a header": {
			option: mistralobs.WithHeader("User-Agent", "v"),
			want:   "User-Agent is set by the client",
		},
		"the content type": {
			option: mistralobs.WithHeader("content-type", "v"),
			want:   "Content-Type is set by the client",
		},
		"the content length": {
			option: mistralobs.WithHeader("Content-Length", "1"),
			want:   "Content-Length is set by the client",
		},
		"what is accepted": {
			option: mistralobs.WithHeader("Accept", "v"),
			want:   "Accept is set by the client",
		},
		"the encoding that is accepted": {
			option: mistralobs.WithHeader("Accept-Encoding", "gzip"),
			want:   "Accept-Encoding is set by the client",
		},
		"the host": {
			option: mistralobs.WithHeader("Host", "v"),
			want:   "Host is set by the client",
		},
		"the transfer encoding": {
			option: mistralobs.WithHeader("Transfer-Encoding", "chunked"),
			want:   "Transfer-Encoding is set by the client",
		},
		"the connection": {
			option: mistralobs.WithHeader("Connection", "close"),
			want:   "Connection is set by the client",
		},
		"an idempotency key": {
			option: mistralobs.WithHeader("idempotency-key", "v"),
			want:   "Idempotency-Key is set by the client",
		},
		"another idempotency key": {
			option: mistralobs.WithHeader("X-Idempotency-Key", "v"),
			want:   "X-Idempotency-Key is set by the client",
		},
		"a bound for answers":           {option: mistralobs.WithMaxResponseBytes(1), want: ""},
		"the largest bound for answers": {option: mistralobs.WithMaxResponseBytes(math.MaxInt64), want: ""},
		"a bound for answers that is 0": {
			option: mistralobs.WithMaxResponseBytes(0),
			want:   "mistralobs: create client: WithMaxResponseBytes: the limit must be positive, got 0",
		},
		"a bound for answers below 0": {
			option: mistralobs.WithMaxResponseBytes(-1),
			want:   "WithMaxResponseBytes: the limit must be positive, got -1",
		},
		"no option":                       {option: nil, want: ""},
		"insecure http with a secure URL": {option: mistralobs.WithInsecureHTTP(), want: ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := mistralobs.NewClient(mistralobs.WithBaseURL(baseURL),
				mistralobs.WithAPIKey("k"), test.option)
			if test.want == "" {
				require.NoError(t, err)
				assert.NotNil(t, client)
				return
			}
			assert.Nil(t, client)
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), secretKey)
			assert.True(t,
				errors.Is(err, mistralobs.ErrInvalidParams) != errors.Is(err, mistralobs.ErrNoAPIKey), "%v", err)
		})
	}
}

// NewClient reports all invalid options together.
func TestOptionsReportAll(t *testing.T) {
	t.Parallel()
	_, err := mistralobs.NewClient(mistralobs.WithAPIKey(""), mistralobs.WithTimeout(-1), mistralobs.WithLogger(nil))
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	require.ErrorIs(t, err, mistralobs.ErrNoAPIKey)
	assert.EqualError(t, err, "mistralobs: create client: WithAPIKey: no API key\n"+
		"mistralobs: create client: WithTimeout: the timeout must be positive, got -1ns\n"+
		"mistralobs: create client: WithLogger: the logger is nil")
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	const path = "/v1/observability/datasets/d1"
	tests := map[string]struct {
		base     string
		insecure bool
		want     string // of the request; "" if the base is refused
		problem  string
	}{
		"a host":             {base: "https://api.example.com", want: "https://api.example.com" + path},
		"a slash at the end": {base: "https://api.example.com/", want: "https://api.example.com" + path},
		"slashes at the end": {base: "https://api.example.com//", want: "https://api.example.com" + path},
		"a prefix": {
			base: "https://gateway.example.com/mistral/eu/",
			want: "https://gateway.example.com/mistral/eu" + path,
		},
		"a prefix with escapes": {
			base: "https://gateway.example.com/a%2Fb/",
			want: "https://gateway.example.com/a%2Fb" + path,
		},
		"a port": {
			base: "https://api.example.com:8443",
			want: "https://api.example.com:8443" + path,
		},
		"capitals":  {base: "HTTPS://api.example.com", want: "https://api.example.com" + path},
		"IPv6":      {base: "https://[2001:db8::1]:8443", want: "https://[2001:db8::1]:8443" + path},
		"localhost": {base: "http://localhost:8080", want: "http://localhost:8080" + path},
		"LOCALHOST": {base: "http://LocalHost", want: "http://LocalHost" + path},
		"127.0.0.1": {base: "http://127.0.0.1:1", want: "http://127.0.0.1:1" + path},
		"127.1.2.3": {base: "http://127.1.2.3:1", want: "http://127.1.2.3:1" + path},
		"::1":       {base: "http://[::1]:1", want: "http://[::1]:1" + path},
		"http that is allowed": {
			base:     "http://gateway.internal",
			insecure: true,
			want:     "http://gateway.internal" + path,
		},
		"http": {
			base:    "http://api.example.com",
			problem: "the scheme must be https, or http for a loopback host (see WithInsecureHTTP), got http://api.example.com",
		},
		"http to a private network": {base: "http://192.168.0.1", problem: "the scheme must be https"},
		"http to every address":     {base: "http://0.0.0.0", problem: "the scheme must be https"},
		"localhost as a part":       {base: "http://localhost.example.com", problem: "the scheme must be https"},
		"an address as a part":      {base: "http://127.0.0.1.example.com", problem: "the scheme must be https"},
		"another scheme":            {base: "ftp://api.example.com", problem: "the scheme must be https"},
		"another scheme, insecurely": {
			base:     "ws://api.example.com",
			insecure: true,
			problem:  "the scheme must be https",
		},
		"no scheme":             {base: "api.example.com", problem: "the scheme is missing"},
		"no scheme but slashes": {base: "//api.example.com", problem: "the scheme is missing"},
		"no scheme but a port": {base: "localhost:8080",
			problem: "the scheme is missing; the URL should look like"},
		"no scheme but an address": {base: "127.0.0.1:8787",
			problem: "the scheme is missing; the URL should look like"},
		"the version of the API": {base: "https://api.example.com/v1/", problem: "it must not end in /v1"},
		"no host": {
			base:    "https://",
			problem: "it has no host; it should look like https://api.mistral.ai",
		},
		"no host but a port": {base: "https://:443", problem: "it has no host"},
		"no host but a path": {base: "https:///v1", problem: "it has no host"},
		"opaque":             {base: "https:api.example.com", problem: "the scheme is missing"},
		"empty":              {base: "", problem: "the scheme is missing"},
		"credentials": {
			base:    "https://user:" + secretKey + "@api.example.com",
			problem: "it must not contain credentials; use WithAPIKey",
		},
		"a user": {
			base:    "https://" + secretKey + "@api.example.com",
			problem: "it must not contain credentials",
		},
		"a query": {
			base:    "https://api.example.com?key=" + secretKey,
			problem: "it must not have a query or a fragment",
		},
		"an empty query": {
			base:    "https://api.example.com?",
			problem: "it must not have a query or a fragment",
		},
		"a fragment": {
			base:    "https://api.example.com/#" + secretKey,
			problem: "it must not have a query or a fragment",
		},
		"an empty fragment": {
			base:    "https://api.example.com/#",
			problem: "it must not have a query or a fragment",
		},
		"a space in front": {base: " https://api.example.com", problem: "it cannot be parsed"},
		"a line break": {
			base:    "https://api.example.com/" + secretKey + "\n",
			problem: "it cannot be parsed",
		},
		"a broken escape": {
			base:    "https://api.example.com/" + secretKey + "%zz",
			problem: "it cannot be parsed",
		},
		"a port that is no number": {base: "https://api.example.com:" + secretKey, problem: "it cannot be parsed"},
		"credentials in plain http": {
			base:    "http://user:" + secretKey + "@example.com",
			problem: "it must not contain credentials",
		},
		"a key instead of a base URL": {base: secretKey, problem: "the scheme is missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			var sent string
			mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
				sent = req.URL.String()
				return httpmock.NewStringResponse(200, datasetJSON), nil
			})
			opts := []mistralobs.Option{
				mistralobs.WithAPIKey("k"),
				mistralobs.WithBaseURL(test.base),
				mistralobs.WithHTTPClient(&http.Client{Transport: mock}),
			}
			if test.insecure {
				opts = append(opts, mistralobs.WithInsecureHTTP())
			}
			client, err := mistralobs.NewClient(opts...)
			if test.problem != "" {
				assert.Nil(t, client)
				require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
				require.ErrorContains(t, err, "mistralobs: create client: WithBaseURL: "+test.problem)
				assert.NotContains(t, err.Error(), secretKey)
				return
			}
			require.NoError(t, err)
			_, err = client.Datasets.Get(t.Context(), "d1")
			require.NoError(t, err)
			assert.Equal(t, test.want, sent)
		})
	}
}

// The environment sets defaults of the key and the base URL. This test is not parallel, since all
// tests share the environment.
func TestEnvironment(t *testing.T) {
	tests := map[string]struct {
		key, base string
		insecure  string
		token     string // the content of the file that MISTRAL_SA_TOKEN_PATH names; "" for no file
		opts      []mistralobs.Option
		wantKey   string
		wantBase  string
		problem   error
	}{
		"both": {
			key:      "env-key",
			base:     "https://env.example.com",
			wantKey:  "env-key",
			wantBase: "https://env.example.com",
		},
		"a key":        {key: "env-key", wantKey: "env-key", wantBase: mistralobs.BaseURL},
		"a token file": {token: " file-key\n", wantKey: "file-key", wantBase: mistralobs.BaseURL},
		"a token file comes before a key": {
			key: "env-key", token: "bEARER file-key", wantKey: "file-key", wantBase: mistralobs.BaseURL,
		},
		"an option comes before a token file": {
			token: "file-key", opts: []mistralobs.Option{mistralobs.WithAPIKey("Bearer k")},
			wantKey: "k", wantBase: mistralobs.BaseURL,
		},
		"a key with a line break": {key: "env-key\n", wantKey: "env-key", wantBase: mistralobs.BaseURL},
		"nothing":                 {problem: mistralobs.ErrNoAPIKey},
		"a blank key":             {key: " ", problem: mistralobs.ErrNoAPIKey},
		"a key that is none":      {key: secretKey + " " + secretKey, problem: mistralobs.ErrInvalidParams},
		"a base URL that is none": {
			key:     "env-key",
			base:    "ftp://env.example.com",
			problem: mistralobs.ErrInvalidParams,
		},
		"options come first": {
			key:      "env-key",
			base:     "https://env.example.com",
			opts:     []mistralobs.Option{mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(baseURL)},
			wantKey:  "k",
			wantBase: baseURL,
		},
		"a bad key does not count": {
			key:      "a b",
			opts:     []mistralobs.Option{mistralobs.WithAPIKey("k")},
			wantKey:  "k",
			wantBase: mistralobs.BaseURL,
		},
		"a bad base does not": {
			key:      "env-key",
			base:     ":",
			opts:     []mistralobs.Option{mistralobs.WithBaseURL(baseURL)},
			wantKey:  "env-key",
			wantBase: baseURL,
		},
		"plain http that the environment allows": {
			key: "env-key", base: "http://emulator:8787", insecure: "1", wantKey: "env-key",
			wantBase: "http://emulator:8787",
		},
		"plain http that it does not allow": {
			key: "env-key", base: "http://emulator:8787", insecure: "true", problem: mistralobs.ErrInvalidParams,
		},
		"plain http of an option": {
			key: "env-key", base: "http://emulator:8787", insecure: "1",
			opts: []mistralobs.Option{mistralobs.WithBaseURL("http://gateway")}, problem: mistralobs.ErrInvalidParams,
		},
		"an empty key is no key": {
			key:     "env-key",
			opts:    []mistralobs.Option{mistralobs.WithAPIKey("")},
			problem: mistralobs.ErrNoAPIKey,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("MISTRAL_API_KEY", test.key)
			t.Setenv("MISTRAL_BASE_URL", test.base)
			t.Setenv("MISTRALOBS_INSECURE_HTTP", test.insecure)
			t.Setenv("MISTRAL_SA_TOKEN_PATH", "")
			if test.token != "" {
				t.Setenv("MISTRAL_SA_TOKEN_PATH", writeFile(t, test.token))
			}
			mock := httpmock.NewMockTransport()
			var sent *http.Request
			mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
				sent = req
				return httpmock.NewStringResponse(200, datasetJSON), nil
			})
			client, err := mistralobs.NewClient(
				append(test.opts, mistralobs.WithHTTPClient(&http.Client{Transport: mock}))...)
			if test.problem != nil {
				require.ErrorIs(t, err, test.problem)
				assert.NotContains(t, err.Error(), secretKey)
				names := strings.Contains(err.Error(), "MISTRALOBS_INSECURE_HTTP")
				assert.Equal(t, strings.Contains(test.base, "://") && test.opts == nil, names,
					"only where it helps: %v", err)
				return
			}
			require.NoError(t, err)
			t.Setenv("MISTRAL_API_KEY", "changed")
			_, err = client.Datasets.Get(t.Context(), "d1")
			require.NoError(t, err)
			assert.Equal(t, "Bearer "+test.wantKey, sent.Header.Get("Authorization"))
			assert.Equal(t, test.wantBase, sent.URL.Scheme+"://"+sent.URL.Host)
		})
	}
}

// A key that a header cannot hold is refused without being shown.
func TestKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]string{
		"a space":          secretKey + " " + secretKey,
		"a line break":     secretKey + "\r\nX-Injected: yes",
		"a tabulator":      secretKey + "\tx",
		"NUL":              secretKey + "\x00",
		"DEL":              secretKey + "\x7f",
		"an umlaut":        secretKey + "ü",
		"a fancy quote":    "“" + secretKey + "”",
		"a zero-width one": secretKey + "\u200b",
		"broken UTF-8":     secretKey + "\xff",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mistralobs.NewClient(mistralobs.WithBaseURL(baseURL), mistralobs.WithAPIKey(key))
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
			assert.EqualError(t, err,
				"mistralobs: create client: WithAPIKey: it contains a space, a control character or "+
					"a non-ASCII character; was it copied whole and alone?")
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), secretKey)

			mock := httpmock.NewMockTransport()
			client := newMockClient(
				t, mock, mistralobs.WithAPIKeySource(func(context.Context) (string, error) { return key, nil }),
			)
			_, err = client.Datasets.Get(t.Context(), "d1")
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", err, err, err), secretKey)
			assert.Zero(t, mock.GetTotalCallCount(), "nothing was sent")
		})
	}
}

// No verb of fmt shows the key.
func TestPrintingShowsNoKey(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]mistralobs.Option{
		"a key":        mistralobs.WithAPIKey(secretKey),
		"a key source": mistralobs.WithAPIKeySource(func(context.Context) (string, error) { return secretKey, nil }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.NewStringResponder(401, `{"detail":"Unauthorized"}`))
			client := newMockClient(t, mock, option)
			_, refused := client.Datasets.Get(t.Context(), "d1")
			require.ErrorIs(t, refused, mistralobs.ErrUnauthorized)
			printed := map[string]any{
				"Client": *client, "*Client": client, "option": option, "options": []mistralobs.Option{option},
				"error":    refused,
				"Datasets": client.Datasets, "Records": client.Records, "Imports": client.Imports,
				"Tasks":   client.Tasks,
				"Exports": client.Exports, "Files": client.Files,
				"datasets": *client.Datasets, "records": *client.Records, "imports": *client.Imports,
				"tasks":   *client.Tasks,
				"exports": *client.Exports, "files": *client.Files,
				"in a struct": struct{ C *mistralobs.Client }{
					client,
				}, "in a struct, unexported": struct{ c mistralobs.Client }{*client},
				"in a map": map[string]*mistralobs.Client{"c": client}, "in a list": []mistralobs.Client{*client},
			}
			for what, v := range printed {
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%X", "%q", "%d", "%T", "%p", "%t", "%10v"} {
					text := fmt.Sprintf(verb, v)
					assert.NotContains(t, text, secretKey, "%s of %s", verb, what)
					assert.NotContains(t, strings.ToLower(text), fmt.Sprintf("%x", secretKey), "%s of %s", verb, what)
				}
			}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
				assert.Equal(t, "mistralobs.Client("+baseURL+")", fmt.Sprintf(verb, client))
				assert.Equal(t, "mistralobs.Client("+baseURL+")", fmt.Sprintf(verb, *client))
			}
		})
	}
	assert.Equal(t, "mistralobs.Client(unset)", fmt.Sprint(mistralobs.Client{}))
	assert.Equal(t, "<nil>", fmt.Sprint((*mistralobs.Client)(nil)), "a client that is nil")
}

func TestHeadersOnTheWire(t *testing.T) {
	t.Parallel()
	own := "mistralobs-go/" + mistralobs.Version + " (" + runtime.Version() + "; " + runtime.GOOS + "/" +
		runtime.GOARCH +
		")"
	standard := func(more http.Header) http.Header {
		header := http.Header{
			"Accept":        {"application/json"},
			"Authorization": {"Bearer secret-key"},
			"User-Agent":    {own},
		}
		for name, values := range more {
			header[name] = values
		}
		return header
	}
	tests := map[string]struct {
		opts []mistralobs.Option
		want http.Header
	}{
		"no options": {opts: nil, want: standard(nil)},
		"a header": {
			opts: []mistralobs.Option{mistralobs.WithHeader("x-team", "evals ü")},
			want: standard(http.Header{"X-Team": {"evals ü"}}),
		},
		"two values of one": {
			opts: []mistralobs.Option{
				mistralobs.WithHeader("X-Team", "a"),
				mistralobs.WithHeader("x-team", "b"),
			}, want: standard(http.Header{"X-Team": {"a", "b"}}),
		},
		"two headers": {
			opts: []mistralobs.Option{
				mistralobs.WithHeader("X-A", "a"),
				mistralobs.WithHeader("X-B", ""),
			}, want: standard(http.Header{"X-A": {"a"}, "X-B": {""}}),
		},
		"a user agent": {
			opts: []mistralobs.Option{mistralobs.WithUserAgent("evals/1.4")},
			want: standard(http.Header{"User-Agent": {"evals/1.4 " + own}}),
		},
		"the last one": {
			opts: []mistralobs.Option{mistralobs.WithUserAgent("a"), mistralobs.WithUserAgent("b")},
			want: standard(http.Header{"User-Agent": {"b " + own}}),
		},
		"an empty one": {opts: []mistralobs.Option{mistralobs.WithUserAgent("")}, want: standard(nil)},
		"another key": {
			opts: []mistralobs.Option{mistralobs.WithAPIKey(" other\n")},
			want: standard(http.Header{"Authorization": {"Bearer other"}}),
		},
		"a key from a source": {
			opts: []mistralobs.Option{
				mistralobs.WithAPIKeySource(func(context.Context) (string, error) { return "rotated\n", nil }),
			},
			want: standard(http.Header{"Authorization": {"Bearer rotated"}}),
		},
		"the last key of several": {
			opts: []mistralobs.Option{
				mistralobs.WithAPIKeySource(func(context.Context) (string, error) { return "source", nil }),
				mistralobs.WithAPIKey("last"),
			},
			want: standard(http.Header{"Authorization": {"Bearer last"}}),
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			var sent http.Header
			mock.RegisterResponder(
				"GET",
				baseURL+"/v1/observability/datasets/d1",
				func(req *http.Request) (*http.Response, error) {
					sent = req.Header
					return httpmock.NewStringResponse(200, datasetJSON), nil
				},
			)
			client := newMockClient(t, mock, test.opts...)
			for range 2 { // one request does not change the next
				_, err := client.Datasets.Get(t.Context(), "d1")
				require.NoError(t, err)
				assert.Equal(t, test.want, sent)
				sent.Set("X-Left", "by a transport")
				sent.Add("X-Team", "by a transport")
			}
		})
	}
}

// With makes a copy. Its changes do not affect the original, and it shares the rest.
func TestWith(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	var sent []*http.Request
	mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
		sent = append(sent, req)
		return httpmock.NewStringResponse(200, datasetJSON), nil
	})
	first := newMockClient(t, mock, mistralobs.WithHeader("X-Team", "a"), mistralobs.WithUserAgent("evals"))
	second, err := first.With(
		mistralobs.WithHeader("X-Team", "b"), mistralobs.WithAPIKey("other"),
		mistralobs.WithBaseURL("https://other.example.com/prefix"),
	)
	require.NoError(t, err)
	third, err := first.With(mistralobs.WithHeader("X-Team", "c"), mistralobs.WithUserAgent(""))
	require.NoError(t, err)
	same, err := second.With()
	require.NoError(t, err)

	type request struct {
		url, key, agent string
		team            []string
	}
	own := "mistralobs-go/" + mistralobs.Version + " (" + runtime.Version() + "; " + runtime.GOOS + "/" +
		runtime.GOARCH +
		")"
	const path = "/v1/observability/datasets/d1"
	want := []request{
		{url: baseURL + path, key: "Bearer secret-key", agent: "evals " + own, team: []string{"a"}},
		{
			url:   "https://other.example.com/prefix" + path,
			key:   "Bearer other",
			agent: "evals " + own,
			team:  []string{"a", "b"},
		},
		{url: baseURL + path, key: "Bearer secret-key", agent: own, team: []string{"a", "c"}},
		{
			url:   "https://other.example.com/prefix" + path,
			key:   "Bearer other",
			agent: "evals " + own,
			team:  []string{"a", "b"},
		},
		{url: baseURL + path, key: "Bearer secret-key", agent: "evals " + own, team: []string{"a"}},
	}
	var got []request
	for i, client := range []*mistralobs.Client{first, second, third, same, first} {
		_, err := client.Datasets.Get(t.Context(), "d1")
		require.NoError(t, err)
		got = append(got, request{
			sent[i].URL.String(),
			sent[i].Header.Get("Authorization"),
			sent[i].Header.Get("User-Agent"),
			sent[i].Header["X-Team"],
		})
	}
	assert.Equal(t, want, got)

	broken, err := first.With(mistralobs.WithTimeout(-1))
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	assert.Nil(t, broken)
	broken, err = first.With(mistralobs.WithBaseURL("http://api.example.com"))
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	assert.Nil(t, broken)
}

// A transport can find out which operation a request belongs to.
func TestOperationName(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	var names []string
	mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
		names = append(names, mistralobs.OperationName(req.Context()))
		return httpmock.NewStringResponse(500, ""), nil
	})
	client := newMockClient(t, mock)

	_, err := client.Records.Create(
		t.Context(), datasetID, mistralobs.CreateRecordParams{Payload: mistralobs.NewConversation()},
	)
	require.ErrorIs(t, err, mistralobs.ErrServer)
	for _, err := range client.Tasks.All(t.Context(), datasetID, mistralobs.ListParams{}) {
		require.ErrorIs(t, err, mistralobs.ErrServer)
	}
	require.ErrorIs(t, client.Datasets.Delete(t.Context(), datasetID), mistralobs.ErrServer)

	assert.Equal(t, []string{"records.create", "tasks.list", "datasets.delete"}, names)
	assert.Empty(t, mistralobs.OperationName(t.Context()))
}

// jar keeps no cookies.
type jar struct{ http.CookieJar }

func (jar) SetCookies(*url.URL, []*http.Cookie) {}
func (jar) Cookies(*url.URL) []*http.Cookie     { return nil }

// The caller's http.Client is never modified.
func TestTheCallersHTTPClientIsLeftAlone(t *testing.T) {
	t.Parallel()
	mock := httpmock.NewMockTransport()
	mock.RegisterNoResponder(httpmock.NewStringResponder(200, datasetJSON))
	followed := errors.New("the caller's rule")
	own := &http.Client{
		Transport: mock, Jar: jar{}, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return followed },
	}
	before := *own
	client, err := mistralobs.NewClient(
		mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(baseURL), mistralobs.WithHTTPClient(own),
	)
	require.NoError(t, err)
	_, err = client.With(mistralobs.WithTimeout(time.Second))
	require.NoError(t, err)
	_, err = client.Datasets.Get(t.Context(), "d1")
	require.NoError(t, err)

	assert.Same(t, before.Transport, own.Transport)
	assert.Equal(t, before.Jar, own.Jar)
	assert.Equal(t, before.Timeout, own.Timeout)
	assert.ErrorIs(t, own.CheckRedirect(nil, nil), followed)

	zero := &http.Client{}
	_, err = mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithHTTPClient(zero))
	require.NoError(t, err)
	assert.Equal(t, &http.Client{}, zero)
	assert.Nil(t, http.DefaultClient.Transport, "nor is net/http's")
}

// The Timeout of the caller's http.Client leaves no timer behind. This test is not parallel, since
// it counts goroutines.
func TestTheCallersTimeoutEndsWithTheCall(t *testing.T) {
	mock := httpmock.NewMockTransport()
	mock.RegisterResponder("GET", baseURL+"/v1/observability/datasets/d1",
		httpmock.NewStringResponder(200, datasetJSON))
	mock.RegisterResponder(
		"DELETE", baseURL+"/v1/observability/datasets/d1", httpmock.NewStringResponder(422, `{"detail":"m"}`),
	)
	client := newMockClient(t, mock, mistralobs.WithHTTPClient(&http.Client{Transport: mock, Timeout: time.Minute}))

	_, err := client.Datasets.Get(t.Context(), "d1")
	require.NoError(t, err)
	require.ErrorIs(t, client.Datasets.Delete(t.Context(), "d1"), mistralobs.ErrValidation)

	assert.Eventually(t, func() bool {
		stacks := make([]byte, 4<<20)
		return !strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "net/http.setRequestCancel")
	}, time.Second, 10*time.Millisecond, "a goroutine waits for the timeout of a request that is over")
}

func TestCloseIdleConnections(t *testing.T) {
	t.Parallel()
	transport := &closable{}
	client := clientOver(t, transport)
	client.CloseIdleConnections()
	assert.Equal(t, 1, transport.closed)
}

// A nil argument is an error, not a panic.
func TestNilArguments(t *testing.T) {
	t.Parallel()
	client := clientOver(t, roundTripFunc(func(*http.Request) (*http.Response, error) {
		t.Error("nothing is sent")
		return nil, io.EOF
	}))
	var none context.Context
	first := func(seq func(func(*mistralobs.Record, error) bool)) (err error) {
		for _, err = range seq {
			break
		}
		return err
	}
	calls := map[string]func() error{
		"a call": func() error { _, err := client.Datasets.Get(none, datasetID); return err },
		"a walk": func() error { return first(client.Records.All(none, datasetID, mistralobs.ListParams{})) },
		"a bulk creation": func() error {
			return first(client.Records.CreateAll(none, datasetID, nil, mistralobs.BulkOptions{}))
		},
		"no records": func() error {
			return first(client.Records.CreateAll(t.Context(), datasetID, nil, mistralobs.BulkOptions{}))
		},
		"a wait": func() error {
			_, err := client.Tasks.Wait(none, datasetID, taskID, mistralobs.WaitOptions{})
			return err
		},
		"a wait for all": func() error { _, err := client.Tasks.WaitAll(none, nil, mistralobs.WaitOptions{}); return err },
		"an upload": func() error {
			_, err := client.Files.Upload(
				none, mistralobs.UploadParams{Name: "n", Body: strings.NewReader("")}, mistralobs.TransferOptions{},
			)
			return err
		},
		"an import": func() error {
			_, err := client.Imports.FromJSONL(none, datasetID, strings.NewReader(""), mistralobs.JSONLImportOptions{})
			return err
		},
		"an import of nil": func() error {
			_, err := client.Imports.FromJSONL(t.Context(), datasetID, nil, mistralobs.JSONLImportOptions{})
			return err
		},
		"a download": func() error {
			_, err := client.Exports.Open(none, datasetID, mistralobs.TransferOptions{})
			return err
		},
		"a nil writer": func() error {
			_, err := client.Exports.Download(t.Context(), datasetID, nil, mistralobs.TransferOptions{})
			return err
		},
		"nil JSONL": func() (err error) {
			for _, err = range mistralobs.ReadJSONL(nil) {
				break
			}
			return err
		},
	}
	for name, call := range calls {
		assert.ErrorIs(t, call(), mistralobs.ErrInvalidParams, name)
	}
}
