package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// Base URLs of the service, for [WithBaseURL].
const (
	BaseURL   = "https://api.mistral.ai" // the default
	BaseURLEU = "https://api.eu.mistral.ai"
	BaseURLUS = "https://api.us.mistral.ai"
)

const (
	envAPIKey          = "MISTRAL_API_KEY"
	envTokenPath       = "MISTRAL_SA_TOKEN_PATH"
	envBaseURL         = "MISTRAL_BASE_URL"
	envInsecureHTTP    = "MISTRALOBS_INSECURE_HTTP"
	defaultTimeout     = 60 * time.Second
	defaultMaxResponse = 64 << 20
)

// Option changes one setting of a [Client]. Pass it to [NewClient] or [Client.With], which return
// one error for all invalid options.
type Option interface{ applyToClient(*config) error }

// CallOption changes one setting of a single call. Pass it to any method that takes a context. If
// the method sends several requests, it holds for each of them. An invalid option makes the call
// fail with [ErrInvalidParams] before anything is sent.
type CallOption interface{ applyToCall(*callSettings) error }

// SharedOption works both as an [Option] and as a [CallOption].
type SharedOption interface {
	Option
	CallOption
}

type clientOption func(*config) error

func (o clientOption) applyToClient(c *config) error { return o(c) }

type callOption func(*callSettings) error

func (o callOption) applyToCall(s *callSettings) error { return o(s) }

type sharedOption func(*callSettings) error

func (o sharedOption) applyToClient(c *config) error     { return o(&c.callSettings) }
func (o sharedOption) applyToCall(s *callSettings) error { return o(s) }

// withoutResponse removes a [WithResponse].
var withoutResponse = callOption(func(s *callSettings) error {
	s.response = nil
	return nil
})

// callSettings are the settings that a single call may change.
type callSettings struct {
	retry       RetryPolicy
	timeout     time.Duration
	header      http.Header // what the caller adds
	maxResponse int64
	response    *Response // where the caller wants the last response, or nil
}

// config is the result of the options. It holds the key only in a closure, so that printing a
// Client in any way cannot show the key.
type config struct {
	callSettings
	apiKey       func(context.Context) (transport.Key, error)
	keyName      string                     // the option or the variable that apiKey comes from
	isKey        func(identity string) bool // reports whether apiKey is that key or file
	keyGiven     bool                       // an option sets the key, perhaps an invalid one
	baseURL      string
	baseFromEnv  bool // the base URL is the value of MISTRAL_BASE_URL
	envInsecure  bool // MISTRALOBS_INSECURE_HTTP is 1
	insecureHTTP bool
	httpClient   *http.Client
	ownTransport bool                                        // httpClient is the SDK's
	middleware   []func(http.RoundTripper) http.RoundTripper // the outermost first
	debugWriter  *transport.DebugWriter
	limiter      *rate.Limiter
	pacer        *transport.Pacer
	bodies       *transport.BodyPool
	protocol     *transport.Protocol
	logger       *slog.Logger
	userAgent    string
}

func defaultConfig() config {
	cfg := config{
		callSettings: callSettings{
			retry: defaultRetryPolicy, timeout: defaultTimeout, header: http.Header{}, maxResponse: defaultMaxResponse,
		},
		baseURL:    BaseURL,
		httpClient: &http.Client{Transport: transport.Default()}, ownTransport: true,
		pacer:    transport.NewPacer(),
		bodies:   &transport.BodyPool{},
		protocol: &transport.Protocol{},
		logger:   slog.New(slog.DiscardHandler),
	}
	if base := os.Getenv(envBaseURL); base != "" {
		cfg.baseURL, cfg.baseFromEnv = base, true
		cfg.envInsecure = os.Getenv(envInsecureHTTP) == "1"
	}
	return cfg
}

// WithAPIKey sets the API key of every request to the service. White space around the key and a
// leading "Bearer " are dropped. If the key is empty, the error of [NewClient] matches
// [ErrNoAPIKey]. If a header cannot hold it, the error matches [ErrInvalidParams].
//
// The default is the token in the file that MISTRAL_SA_TOKEN_PATH names (see [WithAPIKeyFile]), or
// else the key in MISTRAL_API_KEY.
func WithAPIKey(key string) Option {
	return keyOption("WithAPIKey", key)
}

// keyOption sets a key that is the value of an option or a variable.
func keyOption(name, key string) Option {
	return clientOption(func(c *config) error {
		c.keyGiven = true
		key, err := transport.ParseKey(key)
		if err != nil {
			return &keyError{name, err}
		}
		c.setKey(name, "key "+key.Text(), func(context.Context) (transport.Key, error) { return key, nil })
		return nil
	})
}

// WithAPIKeySource sets a function that returns the API key. It is called for every attempt of
// every request, so that a key can be rotated while the program runs. It must be fast and safe for
// concurrent use. If it returns an error, nothing is sent and the call fails with that error,
// wrapped.
func WithAPIKeySource(source func(context.Context) (string, error)) Option {
	return clientOption(func(c *config) error {
		c.keyGiven = true
		if source == nil {
			return invalid("WithAPIKeySource", "the function is nil")
		}
		c.setKey("WithAPIKeySource", "", func(ctx context.Context) (transport.Key, error) {
			text, err := source(ctx)
			if err != nil {
				return transport.Key{}, fmt.Errorf("calling the API key source: %w", err)
			}
			key, err := transport.ParseKey(text)
			if err != nil {
				return transport.Key{}, &keyError{"WithAPIKeySource", err}
			}
			return key, nil
		})
		return nil
	})
}

// WithAPIKeyFile sets a file that holds the API key or the token of a service account. The client
// reads the file for every attempt, because the platform may replace such a token at any time. If
// it cannot be read, is blank, or is not a regular file or a link to one, nothing is sent and the
// call fails with an error that matches [ErrNoAPIKey]. If a header cannot hold the key, the error
// matches [ErrInvalidParams].
func WithAPIKeyFile(path string) Option {
	return keyFileOption("WithAPIKeyFile", path)
}

// keyFileOption sets a key file that an option or a variable names.
func keyFileOption(name, path string) Option {
	return clientOption(func(c *config) error {
		c.keyGiven = true
		if path == "" {
			return invalid(name, "the path is empty")
		}
		c.setKey(name, "file "+path, func(context.Context) (transport.Key, error) {
			key, err := transport.ReadKey(path)
			if err != nil {
				return transport.Key{}, &keyError{name, err}
			}
			return key, nil
		})
		return nil
	})
}

// keyError is an API key that is missing or invalid.
type keyError struct {
	name string // of the option or the variable that it comes from
	err  error
}

func (e *keyError) Error() string { return e.name + ": " + e.err.Error() }
func (e *keyError) Unwrap() error { return e.err }

func (e *keyError) Is(target error) bool {
	return target == ErrInvalidParams && errors.Is(e.err, transport.ErrInvalidKey)
}

// setKey also replaces the pacer if the key is another one, since the service limits the rate of
// each key's workspace. name is that of the option or the variable. identity is "" if keys cannot
// be compared.
func (c *config) setKey(name, identity string, key func(context.Context) (transport.Key, error)) {
	if identity == "" || c.isKey == nil || !c.isKey(identity) {
		c.pacer = transport.NewPacer()
	}
	c.apiKey, c.keyName = key, name
	c.isKey = func(other string) bool { return other == identity }
}

// keyFromEnvironment sets the key of a client that was not given one. A token file that cannot be
// used is not replaced by MISTRAL_API_KEY, which may belong to another account.
func (c *config) keyFromEnvironment() error {
	if path := os.Getenv(envTokenPath); path != "" {
		return keyFileOption(envTokenPath, path).applyToClient(c)
	}
	err := keyOption(envAPIKey, os.Getenv(envAPIKey)).applyToClient(c)
	if errors.Is(err, ErrNoAPIKey) {
		return &keyError{envAPIKey, fmt.Errorf("%w: set the variable or use WithAPIKey", ErrNoAPIKey)}
	}
	return err
}

// WithBaseURL sets the origin of the service, with an optional path prefix. The default is the
// value of MISTRAL_BASE_URL, or else [BaseURL].
//
// Plain http would send the key unencrypted, so it is accepted only for a loopback host, unless
// [WithInsecureHTTP] is given. For the value of MISTRAL_BASE_URL, setting MISTRALOBS_INSECURE_HTTP
// to 1 allows it too, for example for an emulator in a service container of a CI job.
//
// The URL must not have credentials, a query or a fragment. It must not end in /v1, which the
// client adds.
func WithBaseURL(base string) Option {
	return clientOption(func(c *config) error {
		if strings.TrimRight(base, "/") != strings.TrimRight(c.baseURL, "/") {
			c.pacer, c.protocol = transport.NewPacer(), &transport.Protocol{}
		}
		c.baseURL, c.baseFromEnv = base, false
		return nil
	})
}

// WithInsecureHTTP allows plain http to hosts that are not loopback, such as a gateway inside a
// private network. The API key then crosses that network unencrypted.
func WithInsecureHTTP() Option {
	return clientOption(func(c *config) error {
		c.insecureHTTP = true
		return nil
	})
}

// allowsHTTP reports whether the base URL may be plain http to a host that is not loopback.
func (c *config) allowsHTTP() bool { return c.insecureHTTP || c.baseFromEnv && c.envInsecure }

// WithHTTPClient sets the HTTP client for all requests. Use it for proxies and mocks; for
// instrumentation use [WithMiddleware]. The SDK never modifies client. It uses client.Transport for
// all requests. For requests to the service, it also uses client.Jar, and client.Timeout if that is
// shorter than [WithTimeout]. It ignores client.CheckRedirect: requests to the service follow
// redirects only within its origin, because no other origin must see the key.
//
// For downloads, the transport gets presigned URLs. Their queries are secrets: do not record them
// in logs or traces. [OperationName] is "exports.download" for these requests.
func WithHTTPClient(client *http.Client) Option {
	return clientOption(func(c *config) error {
		if client == nil {
			return invalid("WithHTTPClient", "the client is nil")
		}
		c.httpClient, c.ownTransport, c.protocol = client, false, &transport.Protocol{}
		return nil
	})
}

// WithMiddleware wraps the transport in use: the SDK's own, or that of [WithHTTPClient]. The
// wrapper sees each attempt of each request, with its headers, and each download. [OperationName]
// and [Attempt] say what a request is for. The key is in its Authorization header. The URLs of
// downloads are presigned: their queries are secrets.
//
// Several middlewares nest: the first one given is the outermost. [Client.With] adds to those of
// the client. A copy of the client keeps the base transport, and calls each middleware again to
// wrap it.
//
// Do not retry requests in a middleware: it cannot know which ones must not be repeated.
func WithMiddleware(middleware func(http.RoundTripper) http.RoundTripper) Option {
	return clientOption(func(c *config) error {
		if middleware == nil {
			return invalid("WithMiddleware", "the function is nil")
		}
		c.middleware = append(slices.Clip(c.middleware), middleware) // another client may share the array
		return nil
	})
}

// WithDebugWriter writes each request and each response to w as text. It is the innermost
// middleware, so it shows what is sent and received. It shows payloads, at most 4 KiB of each body.
// It hides the API key, cookies, and the queries of presigned URLs. Bodies are copied while they
// pass, and are never buffered. Each text is a single Write, and writes do not overlap. Errors of w
// are ignored.
func WithDebugWriter(w io.Writer) Option {
	return clientOption(func(c *config) error {
		if w == nil {
			return invalid("WithDebugWriter", "the writer is nil")
		}
		c.debugWriter = transport.NewDebugWriter(w)
		return nil
	})
}

// roundTripper returns the transport in use, with the debug writer and all middlewares around it.
func (c *config) roundTripper() (http.RoundTripper, error) {
	next := transportOf(c.httpClient)
	if c.debugWriter != nil {
		next = c.debugWriter.Wrap(next)
	}
	for _, middleware := range slices.Backward(c.middleware) {
		if next = middleware(next); next == nil {
			return nil, invalid("WithMiddleware", "the function returned nil")
		}
	}
	return next, nil
}

// WithRetry sets how often and for how long failed requests are sent again. Zero fields mean the
// defaults of [RetryPolicy]. MaxAttempts 1 turns retries off.
func WithRetry(policy RetryPolicy) SharedOption {
	return sharedOption(func(s *callSettings) (err error) {
		s.retry, err = policy.withDefaults()
		return err
	})
}

// WithTimeout limits one attempt of an API call, including reading the response. The default is 60
// seconds. Uploads and downloads may take longer: they fail if no byte is transferred for that
// time. The error of an attempt that takes too long matches [ErrTimeout], and the attempt is
// retried as [RetryPolicy] says. To limit a whole call, use the context.
func WithTimeout(timeout time.Duration) SharedOption {
	return sharedOption(func(s *callSettings) error {
		if timeout <= 0 {
			return invalid("WithTimeout", "the timeout must be positive, got %v", timeout)
		}
		s.timeout = timeout
		return nil
	})
}

// WithRateLimit limits the client, together with its copies made by [Client.With], to perSecond
// requests a second on average and to bursts of at most burst requests. Retries count towards the
// limit, downloads do not. A request waits until the limit allows it. If that would be after the
// deadline of its context, it fails at once with an error that matches [ErrRateLimited].
//
// With and without this option, the client also slows down by itself after a 429. It shares what it
// learns with its copies, except those with another key or base URL.
func WithRateLimit(perSecond float64, burst int) Option {
	return clientOption(func(c *config) error {
		if !(perSecond > 0) || burst < 1 {
			return invalid("WithRateLimit", "the rate must be positive and the burst at least 1, got %v and %d",
				perSecond, burst)
		}
		c.limiter = rate.NewLimiter(rate.Limit(perSecond), burst)
		return nil
	})
}

// WithLogger makes the client log every attempt: at level Warn if it failed and is retried,
// otherwise at level Debug. By default nothing is logged. No log line holds a key, a body, or the
// query of a presigned URL.
func WithLogger(logger *slog.Logger) Option {
	return clientOption(func(c *config) error {
		if logger == nil {
			return invalid("WithLogger", "the logger is nil")
		}
		c.logger = logger
		return nil
	})
}

// WithUserAgent adds a product, such as "evals/1.4", to the User-Agent header, before the SDK's
// product.
func WithUserAgent(product string) Option {
	return clientOption(func(c *config) error {
		if !transport.ValidHeaderValue(product) {
			return invalid("WithUserAgent", "%q is not a valid header value", product)
		}
		c.userAgent = product
		return nil
	})
}

// WithHeader adds a header to every request to the service, but not to downloads from presigned
// URLs. Headers that the client sets itself are invalid. So is Idempotency-Key: the service ignores
// it, but net/http retries requests that have it, even those that must not be repeated.
func WithHeader(key, value string) SharedOption {
	return sharedOption(func(s *callSettings) error {
		name := http.CanonicalHeaderKey(key)
		switch {
		case !transport.ValidHeaderName(key) || !transport.ValidHeaderValue(value):
			return invalid("WithHeader", "%q is not a valid header", key)
		case ownHeaders[name]:
			return invalid("WithHeader", "%s is set by the client", name)
		}
		s.header = s.header.Clone() // the map may belong to another client
		s.header.Add(name, value)
		return nil
	})
}

var ownHeaders = map[string]bool{
	"Authorization": true, "User-Agent": true, "Content-Type": true, "Content-Length": true,
	"Accept": true, "Host": true, "Transfer-Encoding": true, "Connection": true,
	"Idempotency-Key": true, "X-Idempotency-Key": true, "Accept-Encoding": true,
}

// WithMaxResponseBytes limits the body of a response to an API call. If it is larger, the call
// fails with [ErrResponseTooLarge]. The default is 64 MiB. Downloads of exports have no limit. A
// response is also refused if its lists and maps, such as the attributes of spans, have more than
// 100,000 items together. That error matches [ErrUnexpectedResponse]. Payloads and properties do
// not count.
func WithMaxResponseBytes(limit int64) SharedOption {
	return sharedOption(func(s *callSettings) error {
		if limit < 1 {
			return invalid("WithMaxResponseBytes", "the limit must be positive, got %d", limit)
		}
		s.maxResponse = limit
		return nil
	})
}

// WithResponse stores the last response of the call in r, even if the call fails. For an All method
// that is the response of the page that the loop is at. If there was no response, only Attempts is
// set.
func WithResponse(r *Response) CallOption {
	return callOption(func(s *callSettings) error {
		if r == nil {
			return invalid("WithResponse", "the Response is nil")
		}
		s.response = r
		return nil
	})
}

// Response describes the last response of a call; see [WithResponse].
type Response struct {
	StatusCode int         // HTTP status; 0 if no response came
	Header     http.Header // of the response
	RequestID  string      // to quote to the service's support; "" if the response has none
	Attempts   int         // the number of attempts
	Body       []byte      // the whole body; for an error status at most the first MiB
}

// complete sets what no option has set, and returns the base URL.
func (c *config) complete() (*url.URL, error) {
	var keyErr error
	if c.apiKey == nil && !c.keyGiven { // an invalid key is already reported
		keyErr = c.keyFromEnvironment()
	}
	base, err := parseBaseURL(c.baseURLName(), c.baseURL, c.allowsHTTP())
	return base, errors.Join(keyErr, err)
}

// attemptTimeout returns the time that one attempt may take.
func (c *config) attemptTimeout(s *callSettings) time.Duration {
	if own := c.httpClient.Timeout; own > 0 {
		return min(s.timeout, own)
	}
	return s.timeout
}

// baseURLName returns where the base URL comes from, for error texts.
func (c *config) baseURLName() string {
	if c.baseFromEnv {
		return envBaseURL
	}
	return "WithBaseURL"
}

// parseBaseURL never shows the URL in an error, since it may hold credentials.
func parseBaseURL(name, base string, insecure bool) (*url.URL, error) {
	if !strings.Contains(base, "://") {
		return nil, invalid(name,
			"the scheme is missing; the URL should look like %s or http://127.0.0.1:8787", BaseURL)
	}
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, invalid(name, "it cannot be parsed")
	case u.User != nil:
		return nil, invalid(name, "it must not contain credentials; use WithAPIKey")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(base, "#"):
		return nil, invalid(name, "it must not have a query or a fragment")
	case u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return nil, invalid(name, "it has no host; it should look like %s", BaseURL)
	case !transport.Secure(u, insecure):
		allow := "WithInsecureHTTP"
		if name == envBaseURL {
			allow += " and " + envInsecureHTTP
		}
		return nil, invalid(name, "the scheme must be https, or http for a loopback host (see %s), got %s://%s",
			allow, u.Scheme, u.Host)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	if strings.HasSuffix(u.Path, "/v1") {
		return nil, invalid(name, "it must not end in /v1, which is part of the path of each operation")
	}
	return u, nil
}

// apply runs the options in order and reports every invalid one.
func (c *config) apply(opts []Option) error {
	var errs []error
	for _, opt := range opts {
		if opt != nil {
			errs = append(errs, opt.applyToClient(c))
		}
	}
	return errors.Join(errs...)
}

// settings returns the client's settings as changed by opts.
func (c *Client) settings(opts []CallOption) (*callSettings, error) {
	if len(opts) == 0 {
		return &c.cfg.callSettings, nil
	}
	own := c.cfg.callSettings
	var errs []error
	for _, opt := range opts {
		if opt != nil {
			errs = append(errs, opt.applyToCall(&own))
		}
	}
	return &own, errors.Join(errs...)
}

// checkBulk checks the options of a method that has several requests in flight. It refuses
// [WithResponse], because there is no last response.
func (c *Client) checkBulk(opts []CallOption) error {
	settings, err := c.settings(opts)
	if err == nil && settings.response != nil {
		err = invalid("WithResponse", "this method has several requests in flight")
	}
	return err
}
