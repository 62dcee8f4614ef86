package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Version is the SDK's version, as it stands in the User-Agent.
const Version = "0.1.0"

// Client talks to the service. Make one with [NewClient] and share it: it is
// immutable and safe for concurrent use.
type Client struct {
	Datasets *DatasetsService // datasets
	Records  *RecordsService  // the records of a dataset
	Imports  *ImportsService  // what fills a dataset from elsewhere, as tasks
	Tasks    *TasksService    // the state of imports, and waiting for them
	Exports  *ExportsService  // datasets as JSONL files
	Files    *FilesService    // uploaded files, which imports read

	cfg       config
	base      *url.URL
	baseText  string
	api       *http.Client // for requests to the service
	downloads *http.Client // for presigned URLs
	agent     string       // the User-Agent
	header    http.Header  // of every request to the service
}

// NewClient returns a Client. Without options it takes the API key from
// MISTRAL_API_KEY and the base URL from MISTRAL_BASE_URL. It sends nothing. It
// returns [ErrNoAPIKey] without a key, and an error matching
// [ErrInvalidParams] for each option that makes no sense.
func NewClient(opts ...Option) (*Client, error) {
	return newClient(defaultConfig(), opts)
}

// With returns a copy of the client with other settings. It shares the
// connections and the rate limit, unless the options replace those. Its errors
// are those of [NewClient].
func (c *Client) With(opts ...Option) (*Client, error) {
	return newClient(c.cfg, opts)
}

func newClient(cfg config, opts []Option) (*Client, error) {
	if err := cfg.apply(opts); err != nil {
		return nil, err
	}
	base, err := cfg.finish()
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg, base: base, baseText: base.String(), agent: userAgent(cfg.userAgent)}
	c.header = c.requestHeader()
	c.api = c.newAPIClient()
	c.downloads = c.newDownloadClient()
	c.Datasets = &DatasetsService{client: c}
	c.Records = &RecordsService{client: c}
	c.Imports = &ImportsService{client: c}
	c.Tasks = &TasksService{client: c}
	c.Exports = &ExportsService{client: c}
	c.Files = &FilesService{client: c}
	return c, nil
}

// CloseIdleConnections closes the connections that are not in use, of the
// client and of all that share its transport. A program that makes a client and
// lives on without it calls this; one that ends need not.
func (c *Client) CloseIdleConnections() { c.cfg.httpClient.CloseIdleConnections() }

// Format prints the client as its base URL, whatever the verb, so that no log
// line shows more.
func (c Client) Format(f fmt.State, _ rune) {
	base := "unset"
	if c.base != nil {
		base = c.base.String()
	}
	fmt.Fprintf(f, "mistralobs.Client(%s)", base)
}

// ids fills the placeholders of a route, in order.
type ids [2]string

// request says what is particular to an operation.
type request struct {
	name    string // "records.create", for instrumentation
	action  string // "create record", for errors
	route   string // method and path, as in the API reference: "GET /v1/files/{file_id}"
	ids     ids    // for the route's placeholders
	query   url.Values
	body    []byte      // JSON; nil for none
	upload  *uploadBody // instead of body: a stream
	creates bool        // a repeat would make a second one
}

// send is the one way to the service: it builds the request, sends it as often
// as the retry policy wants, and returns the call when it got a 2xx (or found
// gone what it was to delete). Everything else is an error.
func (c *Client) send(ctx context.Context, req request, opts []CallOption) (*call, error) {
	if ctx == nil {
		return nil, errNilContext
	}
	method, path, err := req.expand()
	if err != nil {
		return nil, err
	}
	settings, err := c.settings(opts)
	if err != nil {
		return nil, err
	}
	cl := newCall(c, settings, req, method, path)
	err = cl.do(ctx)
	cl.fillResponse()
	if err != nil {
		return nil, err
	}
	return cl, nil
}

var errNilContext = invalid("context", "it is nil; use context.Background")

// expand returns the method and the path with every id in its place, escaped.
func (r *request) expand() (method, path string, err error) {
	method, path, _ = strings.Cut(r.route, " ")
	for _, id := range r.ids {
		before, rest, found := strings.Cut(path, "{")
		if !found {
			break
		}
		name, after, _ := strings.Cut(rest, "}")
		if err := checkID(name, id); err != nil {
			return "", "", err
		}
		path = before + url.PathEscape(id) + after
	}
	return method, path, nil
}

// checkID refuses what would make a path name another resource.
func checkID(name, id string) error {
	if id == "" || id == "." || id == ".." {
		return invalid(name, "%q is not an id", id)
	}
	return nil
}

// exec sends a request whose success has nothing to tell: 204. Another 2xx, be
// it a page, nothing or JSON, may be a proxy's, and no proof that anything was done.
func exec(ctx context.Context, c *Client, req request, opts []CallOption) error {
	cl, err := c.send(ctx, req, opts)
	if err == nil && !cl.gone && cl.answer.status != http.StatusNoContent {
		return cl.unexpected(errors.New("a success of this operation is 204 without a body"))
	}
	return err
}

// fetch sends a request and decodes its answer, which is checked to be one. Any
// 2xx will do, since it is the document that proves the success.
func fetch[T any](ctx context.Context, c *Client, req request, opts []CallOption) (*T, error) {
	cl, err := c.send(ctx, req, opts)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := decode(cl.answer.body, v); err != nil {
		return nil, cl.unexpected(err)
	}
	if cl.settings.response == nil {
		c.cfg.memory.give(cl.answer.body) // v holds copies only
	}
	return v, nil
}

// complete is implemented by what the service answers with: it tells a JSON
// document of another kind from the expected one, which decoding alone does not.
type complete interface{ missing() string }

// scannable is implemented by answers whose volume matters: scan reads what is
// documented, fast, or leaves the answer as it was and returns false.
type scannable interface{ scan(body []byte) bool }

func decode(body []byte, v any) error {
	if fast, ok := v.(scannable); !ok || !fast.scan(body) {
		if err := jsonv2.Unmarshal(body, v, lenient); err != nil {
			return fmt.Errorf("decoding the answer: %w", err)
		}
	}
	if c, ok := v.(complete); ok {
		if field := c.missing(); field != "" {
			return fmt.Errorf("decoding the answer: %w: it has no %s", errIncomplete, field)
		}
	}
	return nil
}

var errIncomplete = errors.New("not the documented object")

// lenient reads what the service's data may hold: what is inside payloads is
// the caller's, duplicate names and broken UTF-8 included.
var lenient = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// encode returns params as a JSON body. It fails on text that is not UTF-8,
// which JSON cannot carry.
func encode(params any) ([]byte, error) {
	body, err := jsonv2.Marshal(params)
	if err != nil {
		return nil, invalid("request body", "%v", err)
	}
	return body, nil
}

// newAPIClient puts the steps of one attempt together, outermost first:
// net/http's redirects (to the same origin only), then attemptTransport (rate
// limit, key, headers, timeout, whole body), then the caller's transport. The
// key is set inside the redirects and checked against the origin there, the
// body read inside the timeout.
func (c *Client) newAPIClient() *http.Client {
	api := *c.cfg.httpClient
	api.Timeout = 0 // it is in the attempt's own: net/http would count the waiting
	api.Transport = &attemptTransport{client: c, next: transportOf(c.cfg.httpClient)}
	api.CheckRedirect = c.checkRedirect
	return &api
}

// newDownloadClient returns a client that knows no key and no total timeout.
func (c *Client) newDownloadClient() *http.Client {
	return &http.Client{
		Transport: unclosable{transportOf(c.cfg.httpClient)},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			req.Header.Del("Referer") // it holds the signed URL
			if len(via) >= maxRedirects || !secureEnough(req.URL, c.cfg.insecureHTTP) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

func transportOf(client *http.Client) http.RoundTripper {
	if client.Transport != nil {
		return client.Transport
	}
	return http.DefaultTransport
}

const maxRedirects = 10

// checkRedirect follows a redirect only if it asks the same thing of the same
// origin: another origin must not see the key, and a POST must not become a
// GET. What is not followed is the answer, and an error.
func (c *Client) checkRedirect(req *http.Request, via []*http.Request) error {
	first := via[0]
	if len(via) >= maxRedirects || !sameOrigin(req.URL, c.base) || req.Method != first.Method {
		return http.ErrUseLastResponse
	}
	return nil
}

func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Scheme, b.Scheme) && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if strings.EqualFold(u.Scheme, "https") {
		return "443"
	}
	return "80"
}

// requestHeader returns what every request to the service says. Its values have
// no room to append to, so that copies of the map can share them.
func (c *Client) requestHeader() http.Header {
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {c.agent}}
	for name, values := range c.cfg.header {
		header[name] = slices.Clip(slices.Clone(values))
	}
	return header
}

// userAgent is the caller's product, if any, and the SDK's.
func userAgent(product string) string {
	own := "mistralobs-go/" + Version + " (" + runtime.Version() + "; " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	return strings.TrimSpace(product + " " + own)
}

type operationKey struct{}

// OperationName returns the name of the operation that a request belongs to,
// such as "records.create", given the request's context; "" outside of one. A
// transport given by [WithHTTPClient] uses it to name spans and metrics.
func OperationName(ctx context.Context) string {
	if cl, ok := ctx.Value(operationKey{}).(*call); ok {
		return cl.req.name
	}
	return ""
}
