package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"golang.org/x/time/rate"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// The defaults of the options.
const (
	// DefaultBaseURL is the origin of the service.
	DefaultBaseURL = "https://api.mistral.ai"
	// DefaultTimeout bounds one attempt of an API call; see [WithTimeout].
	DefaultTimeout = 60 * time.Second
	// DefaultMaxResponseBytes bounds the answer to an API call; see [WithMaxResponseBytes].
	DefaultMaxResponseBytes = 64 << 20
)

const (
	envAPIKey  = "MISTRAL_API_KEY"
	envBaseURL = "MISTRAL_BASE_URL"
)

// maxIdleConnsPerHost keeps the connections of concurrent callers alive between
// their requests; net/http's own default of 2 would make the others dial anew.
const maxIdleConnsPerHost = 1024

// Option changes one setting of a [Client]. Pass it to [NewClient] or [Client.With],
// which report every invalid option.
type Option interface{ applyToClient(*config) error }

// CallOption changes one setting of a single call. Pass it to a method that sends one
// request, or to a List or All method. An invalid option makes the call fail with
// [ErrInvalidParams] before anything is sent.
type CallOption interface{ applyToCall(*callSettings) error }

// SharedOption is an [Option] for all calls of a client and a [CallOption] for a single one.
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

// callSettings are the settings that a single call may change.
type callSettings struct {
	retry       RetryPolicy
	timeout     time.Duration
	header      http.Header // what the caller adds
	maxResponse int64
	response    *Response // where the caller wants the last response, or nil
}

// config is what the options add up to. The key is only ever held by a closure,
// so that no way of printing a Client can show it.
type config struct {
	apiKey       func(context.Context) (string, error)
	baseURL      string
	insecureHTTP bool
	httpClient   *http.Client
	callSettings
	limiter   *rate.Limiter
	pacer     *transport.Pacer
	buffers   *transport.Buffers
	logger    *slog.Logger
	userAgent string
}

func defaultConfig() config {
	cfg := config{
		baseURL:    DefaultBaseURL,
		httpClient: &http.Client{Transport: defaultTransport()},
		pacer:      transport.NewPacer(),
		buffers:    &transport.Buffers{},
		logger:     slog.New(slog.DiscardHandler),
		callSettings: callSettings{
			retry: DefaultRetryPolicy(), timeout: DefaultTimeout, header: http.Header{}, maxResponse: DefaultMaxResponseBytes,
		},
	}
	if base := os.Getenv(envBaseURL); base != "" {
		cfg.baseURL = base
	}
	return cfg
}

// defaultTransport is net/http's, with room for the idle connections of concurrent callers.
func defaultTransport() http.RoundTripper {
	shared, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // replaced by the program: its choice is ours
		return http.DefaultTransport
	}
	own := shared.Clone()
	own.MaxIdleConns = 0
	own.MaxIdleConnsPerHost = maxIdleConnsPerHost
	return own
}

// WithAPIKey sets the API key that every request to the service carries.
// The default is the environment variable MISTRAL_API_KEY; without either,
// [NewClient] returns [ErrNoAPIKey]. White space around the key is dropped.
func WithAPIKey(key string) Option {
	return clientOption(func(c *config) error {
		key, err := cleanKey(key)
		if err != nil {
			return err
		}
		c.apiKey = func(context.Context) (string, error) { return key, nil }
		c.pacer = transport.NewPacer() // limits are those of a key's workspace
		return nil
	})
}

// WithAPIKeySource sets a function that is asked for the API key at every
// attempt of every request, so that a key can be rotated while the program
// runs. It must be safe for concurrent use and quick; an error from it ends
// the call and is returned, wrapped, without anything having been sent.
func WithAPIKeySource(source func(context.Context) (string, error)) Option {
	return clientOption(func(c *config) error {
		if source == nil {
			return invalid("WithAPIKeySource", "the function is nil")
		}
		c.apiKey = func(ctx context.Context) (string, error) {
			key, err := source(ctx)
			if err != nil {
				return "", fmt.Errorf("asking the API key source: %w", err)
			}
			return cleanKey(key)
		}
		c.pacer = transport.NewPacer()
		return nil
	})
}

var errBlankKey = fmt.Errorf("mistralobs: %w", ErrNoAPIKey)

// cleanKey returns the key as it may stand in a header. Its errors never show it.
func cleanKey(key string) (string, error) {
	key = strings.TrimSpace(key)
	if key == "" {
		return "", errBlankKey
	}
	for _, r := range key {
		if r > unicode.MaxASCII || unicode.IsControl(r) || r == ' ' {
			return "", invalid("API key", "it contains a space, a control or a non-ASCII character; was it copied whole and alone?")
		}
	}
	return key, nil
}

// WithBaseURL sets the origin of the service, with an optional path prefix.
// The default is the environment variable MISTRAL_BASE_URL, else [DefaultBaseURL].
// Plain http is refused for any host but a loopback one, unless
// [WithInsecureHTTP] is given, since it would send the key in the clear; so is
// a URL with credentials, a query or a fragment.
func WithBaseURL(base string) Option {
	return clientOption(func(c *config) error {
		c.baseURL = base
		c.pacer = transport.NewPacer()
		return nil
	})
}

// WithInsecureHTTP allows plain http to hosts that are not loopback, for a
// gateway inside a private network. The API key then crosses that network unencrypted.
func WithInsecureHTTP() Option {
	return clientOption(func(c *config) error {
		c.insecureHTTP = true
		return nil
	})
}

// WithHTTPClient sets the HTTP client that requests go through: the place for
// proxies, instrumentation (otelhttp) and mocks. It is copied and never written
// to. Its Transport is used for everything; its Jar for requests to the service
// only; its Timeout, if it is shorter than [WithTimeout]'s, in place of that; its
// CheckRedirect not at all, since redirects to other origins must not carry the
// key. Mind that the transport sees
// the URLs of downloads with their signatures, which tracing must not record
// ([OperationName] is "exports.download" for them).
func WithHTTPClient(client *http.Client) Option {
	return clientOption(func(c *config) error {
		if client == nil {
			return invalid("WithHTTPClient", "the client is nil")
		}
		c.httpClient = client
		return nil
	})
}

// WithRetry sets how often and how long failed requests are sent again. Zero
// fields keep the defaults of [DefaultRetryPolicy]; MaxAttempts 1 turns retries off.
func WithRetry(policy RetryPolicy) SharedOption {
	return sharedOption(func(c *callSettings) error {
		filled, err := policy.withDefaults()
		c.retry = filled
		return err
	})
}

// WithTimeout bounds one attempt of an API call, reading the answer included;
// the default is [DefaultTimeout]. Uploads and downloads may take longer: they
// end when no byte has moved for that long. An attempt that is cut matches
// [ErrTimeout]. The whole call, retries included, is bounded by its context.
func WithTimeout(timeout time.Duration) SharedOption {
	return sharedOption(func(c *callSettings) error {
		if timeout <= 0 {
			return invalid("WithTimeout", "the timeout must be positive, got %v", timeout)
		}
		c.timeout = timeout
		return nil
	})
}

// WithRateLimit keeps the client, and the copies that [Client.With] makes of
// it, below perSecond requests a second on average, with bursts of up to burst.
// Waiting for that counts for the context, but neither for [WithTimeout] nor for MaxElapsed.
// The default is no limit, but for what the service asks for: after a 429 with a
// Retry-After all of them wait for that long, and are slower for a while (copies
// with another key or base URL keep a pace of their own). Retries count, downloads
// do not (they do not go to the API).
func WithRateLimit(perSecond float64, burst int) Option {
	return clientOption(func(c *config) error {
		if !(perSecond > 0) || burst < 1 {
			return invalid("WithRateLimit", "the rate must be positive and the burst at least 1, got %v and %d", perSecond, burst)
		}
		c.limiter = rate.NewLimiter(rate.Limit(perSecond), burst)
		return nil
	})
}

// WithLogger makes the client log every attempt at level Debug and every
// repeat at level Warn. The default is silence. No line holds a key, a body or
// the query of a presigned URL.
func WithLogger(logger *slog.Logger) Option {
	return clientOption(func(c *config) error {
		if logger == nil {
			return invalid("WithLogger", "the logger is nil")
		}
		c.logger = logger
		return nil
	})
}

// WithUserAgent puts product (such as "evals/1.4") before the SDK's own User-Agent.
func WithUserAgent(product string) Option {
	return clientOption(func(c *config) error {
		if !validHeaderValue(product) {
			return invalid("WithUserAgent", "%q cannot stand in a header", product)
		}
		c.userAgent = product
		return nil
	})
}

// WithHeader adds a header to every request to the service (not to downloads
// from presigned URLs). Headers that the client sets itself are refused: so is
// Idempotency-Key, which the service ignores but which makes net/http repeat
// requests that must not be repeated.
func WithHeader(key, value string) SharedOption {
	return sharedOption(func(c *callSettings) error {
		name := http.CanonicalHeaderKey(key)
		switch {
		case !validHeaderName(key) || !validHeaderValue(value):
			return invalid("WithHeader", "%q is not a valid header", key)
		case ownHeaders[name]:
			return invalid("WithHeader", "%s is set by the client", name)
		}
		// A copy: the map may be shared with the client this one was made from.
		c.header = c.header.Clone()
		c.header.Add(name, value)
		return nil
	})
}

var ownHeaders = map[string]bool{
	"Authorization": true, "User-Agent": true, "Content-Type": true, "Content-Length": true,
	"Accept": true, "Host": true, "Transfer-Encoding": true, "Connection": true,
	"Idempotency-Key": true, "X-Idempotency-Key": true, "Accept-Encoding": true,
}

// WithMaxResponseBytes bounds the answer to one API call; a larger one is
// [ErrResponseTooLarge]. The default is [DefaultMaxResponseBytes]. Exports are
// streamed and not bounded.
func WithMaxResponseBytes(limit int64) SharedOption {
	return sharedOption(func(c *callSettings) error {
		if limit < 1 {
			return invalid("WithMaxResponseBytes", "the limit must be positive, got %d", limit)
		}
		c.maxResponse = min(limit, math.MaxInt64-1) // one more is read, to see that there is more
		return nil
	})
}

// WithResponse stores the last response of the call in r, also if the call fails. For an All method that is the
// response of the latest page. If no response came, r is the zero [Response] with the number of attempts.
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
	Attempts   int         // how often the request was sent
	Body       []byte      // the whole body, of an error status at most the first MiB
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

// finish checks what only the whole can tell, and returns the base URL.
func (c *config) complete() (*url.URL, error) {
	if c.apiKey == nil {
		key := os.Getenv(envAPIKey)
		if key == "" {
			return nil, errBlankKey
		}
		if err := WithAPIKey(key).applyToClient(c); err != nil {
			return nil, err
		}
	}
	return parseBaseURL(c.baseURL, c.insecureHTTP)
}

// attemptTimeout bounds one attempt of an API call.
func (c *config) attemptTimeout(s *callSettings) time.Duration {
	if own := c.httpClient.Timeout; own > 0 {
		return min(s.timeout, own)
	}
	return s.timeout
}

// parseBaseURL never repeats the URL in an error: it may hold credentials.
func parseBaseURL(base string, insecure bool) (*url.URL, error) {
	u, err := url.Parse(base)
	switch {
	case err != nil:
		return nil, invalid("base URL", "it cannot be parsed")
	case u.User != nil:
		return nil, invalid("base URL", "it must not contain credentials; use WithAPIKey")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Contains(base, "#"):
		return nil, invalid("base URL", "it must not have a query or a fragment")
	case u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return nil, invalid("base URL", "it has no host; it should look like %s", DefaultBaseURL)
	case !secureEnough(u, insecure):
		return nil, invalid("base URL", "the scheme must be https, or http to a loopback host (see WithInsecureHTTP), got %s://%s", u.Scheme, u.Host)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = strings.TrimRight(u.RawPath, "/")
	return u, nil
}

// secureEnough tells whether a secret may go to u: over TLS, or without leaving this machine.
func secureEnough(u *url.URL, insecure bool) bool {
	switch strings.ToLower(u.Scheme) {
	case "https":
		return true
	case "http":
		return insecure || isLoopback(u.Hostname())
	}
	return false
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func validHeaderName(name string) bool {
	const separators = "()<>@,;:\\\"/[]?={} \t"
	for _, r := range name {
		if r <= ' ' || r >= unicode.MaxASCII || strings.ContainsRune(separators, r) {
			return false
		}
	}
	return name != ""
}

func validHeaderValue(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r != '\t' && unicode.IsControl(r) })
}

// apply runs the options in order and reports every one that is wrong.
func (c *config) apply(opts []Option) error {
	var errs []error
	for _, opt := range opts {
		if opt != nil {
			errs = append(errs, opt.applyToClient(c))
		}
	}
	return errors.Join(errs...)
}
