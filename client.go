package mistralobs

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// Version is the version of the SDK. It is part of the User-Agent header.
const Version = "0.1.0"

// Client sends requests to the service. Create one with [NewClient] and share it: it is immutable
// and safe for concurrent use. The zero Client cannot be used.
type Client struct {
	Datasets *DatasetsService // create, find and change datasets
	Records  *RecordsService  // read, create, change, judge and delete records
	Judges   *JudgesService   // manage judges, and run them on conversations
	Imports  *ImportsService  // import data into datasets
	Tasks    *TasksService    // wait for imports
	Exports  *ExportsService  // export datasets as JSONL files
	Files    *FilesService    // upload files for imports
	Spans    *SpansService    // search the telemetry that imports can read

	cfg       config
	base      *url.URL
	baseText  string
	agent     string           // the User-Agent
	attempts  transport.Shared // shared by the attempts of all API calls
	downloads *http.Client     // for presigned URLs

	checkRedirect func(*http.Request, []*http.Request) error
}

// NewClient returns a Client. It sends nothing.
//
// Without options, the API key is the token in the file that MISTRAL_SA_TOKEN_PATH names. If that
// variable is not set, it is the value of MISTRAL_API_KEY. The base URL is the value of
// MISTRAL_BASE_URL, or else [BaseURL].
//
// It returns an error that matches [ErrNoAPIKey] if there is no API key. If options are invalid, it
// returns an error that matches [ErrInvalidParams] and names all of them.
func NewClient(opts ...Option) (*Client, error) {
	return newClient(defaultConfig(), opts)
}

// With returns a copy of the client with other settings. The copy shares the connections of the
// client unless opts set another HTTP client. It shares the rate limit set by [WithRateLimit]
// unless opts set another one, and what the client has learned from 429s unless opts set another
// key or base URL. The errors are those of [NewClient].
func (c *Client) With(opts ...Option) (*Client, error) {
	return newClient(c.cfg, opts)
}

func newClient(cfg config, opts []Option) (*Client, error) {
	invalidOptions := cfg.apply(opts)
	base, err := cfg.complete()
	next, invalidMiddleware := cfg.roundTripper()
	if err := errors.Join(invalidOptions, err, invalidMiddleware); err != nil {
		return nil, attempted("create client", err)
	}
	c := &Client{cfg: cfg, base: base, baseText: base.String(), agent: userAgent(cfg.userAgent)}
	c.attempts = transport.Shared{
		Next: next, Origin: base, Key: cfg.apiKey, Limiter: cfg.limiter,
		Pacer: cfg.pacer, Bodies: cfg.bodies, Protocol: cfg.protocol, Held: c.logHeldBack,
	}
	if cfg.ownTransport && cfg.httpClient.Transport != http.DefaultTransport {
		c.attempts.CloseIdle = cfg.httpClient.CloseIdleConnections
	}
	c.checkRedirect = redirectPolicy(base)
	c.downloads = c.newDownloadClient(next)
	c.Datasets = &DatasetsService{client: c}
	c.Records = &RecordsService{client: c}
	c.Judges = &JudgesService{client: c}
	c.Imports = &ImportsService{client: c}
	c.Tasks = &TasksService{client: c}
	c.Exports = &ExportsService{client: c}
	c.Files = &FilesService{client: c}
	c.Spans = &SpansService{client: c}
	return c, nil
}

// CloseIdleConnections closes the unused connections of the client and of all clients that share
// its transport. Call it when you no longer need the client and the program continues.
func (c *Client) CloseIdleConnections() { c.cfg.httpClient.CloseIdleConnections() }

// Format prints only the base URL, whatever the verb, so that no log line shows the key.
func (c Client) Format(f fmt.State, _ rune) {
	base := "unset"
	if c.base != nil {
		base = c.base.String()
	}
	fmt.Fprintf(f, "mistralobs.Client(%s)", base)
}

// OperationName returns the name of the operation that a request belongs to, such as
// "records.create". ctx is the context of the request. Outside a request of the SDK the name is "".
// A wrapper set by [WithMiddleware] can use it to name spans and metrics.
func OperationName(ctx context.Context) string { return transport.OperationOf(ctx).Name }

// Attempt returns the number of the current attempt, from 1. ctx is the context of the request, as
// for [OperationName]. Outside a request of the SDK the number is 0.
func Attempt(ctx context.Context) int { return transport.OperationOf(ctx).Attempt }

// Do sends a request to an operation of the service that the SDK has no method for. The request
// uses the key, the rate limit, the timeouts and the retries of the client, and fails with the same
// errors as other methods.
//
// method is GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS. path is escaped, such as "/v1/models",
// and may have a query, which is escaped too. in is the body: nil for none, a []byte or
// json.RawMessage that is sent as it is, or a value that encoding/json marshals. out receives the
// body of the response: nil to ignore it, a *[]byte or *json.RawMessage for the bytes, or a pointer
// that encoding/json unmarshals into. After a HEAD or a 204, which have no body, nothing is
// unmarshaled.
//
// Do retries a POST only if the service cannot have processed it, even if that POST only reads. It
// retries other requests as [RetryPolicy] says.
//
// It returns an error that matches [ErrInvalidParams] if nothing was sent because the request is
// invalid, and one that matches [ErrMaybeApplied] if a POST may have been processed.
func (c *Client) Do(ctx context.Context, method, path string, in, out any, opts ...CallOption) error {
	if err := checkDo(method, path, out); err != nil {
		return attempted("send request", err)
	}
	plain, _, _ := strings.Cut(path, "?")
	action := method + " " + plain
	body, err := rawBody(in)
	return c.send(ctx, request{
		name: "client.do", action: action, method: method, path: plain,
		rawQuery: strings.TrimPrefix(path[len(plain):], "?"), body: body, err: err, creates: method == http.MethodPost,
	}, out, opts)
}

// doMethods are the methods that [Client.Do] knows how to retry.
var doMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	http.MethodOptions,
}

// checkDo checks the parameters of [Client.Do] before anything is sent.
func checkDo(method, path string, out any) error {
	if !slices.Contains(doMethods, method) {
		return invalid("method", "it must be one of %s, got %q", strings.Join(doMethods, ", "), method)
	}
	if !strings.HasPrefix(path, "/") {
		return invalid("path", "it must begin with a slash, got %q", path)
	}
	if _, err := url.PathUnescape(path); err != nil || strings.ContainsFunc(path, needsEscape) {
		return invalid("path",
			"it must be escaped, with its query; use url.PathEscape and url.Values.Encode, got %q", path)
	}
	if out == nil {
		return nil
	}
	target := reflect.ValueOf(out)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return invalid("out", "it must be a pointer that is not nil, got %T", out)
	}
	_, decodes := out.(json.Unmarshaler)
	_, writes := out.(io.Writer)
	holder := target.Elem() // an interface with methods must hold a value to decode into
	empty := holder.Kind() == reflect.Interface && holder.NumMethod() > 0 && holder.IsNil()
	if !decodes && (writes || empty || !holdsJSON(target.Type())) {
		return invalid("out", "JSON cannot be decoded into a %T", out)
	}
	return nil
}

// holdsJSON reports whether JSON can be decoded into a type, or into what it points to or consists
// of. It does not look into structs.
func holdsJSON(t reflect.Type) bool {
	for range 10 { // a type may contain itself
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			if t.Implements(reflect.TypeFor[json.Unmarshaler]()) {
				return true
			}
			t = t.Elem()
		case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
			return false
		default:
			return true
		}
	}
	return true
}

// needsEscape reports whether r must be escaped in a URL.
func needsEscape(r rune) bool {
	return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}#", r)
}

// rawBody returns the body of a request made by [Client.Do]. It copies the caller's bytes, since
// net/http may still read them after an early response.
func rawBody(in any) ([]byte, error) {
	switch in := in.(type) {
	case nil:
		return nil, nil
	case []byte:
		return bytes.Clone(in), nil
	case json.RawMessage:
		return bytes.Clone(in), nil
	case io.Reader:
		if _, encodes := in.(json.Marshaler); !encodes { // encoding/json would send {}
			return nil, invalid("in", "a %T is not read; use io.ReadAll", in)
		}
	}
	body, err := marshal(in)
	if err != nil {
		return nil, invalid("in", "it cannot be marshaled to JSON: %v", err)
	}
	return body, nil
}

// ids fills the placeholders of a route, in order.
type ids [2]string

// request says what is particular to an operation.
type request struct {
	name      string // "records.create", for instrumentation
	action    string // "create record", for error texts
	route     string // method and path, as in the API reference: "GET /v1/files/{file_id}"
	ids       ids    // for the placeholders of the route
	query     url.Values
	body      []byte      // JSON, or nil
	err       error       // the first invalid parameter, which send reports with the action
	upload    *uploadBody // a stream instead of body, or nil
	envelope  string      // the member of the response that holds the result; "" for the response itself
	required  []string    // the fields that the result, or each item of a page, must have
	creates   bool        // a repeat would create a second object
	unchanged ErrorCode   // the code that a retry gets if an earlier attempt was applied, or ""
	method    string      // filled in from route
	path      string      // filled in from route and ids
	rawQuery  string      // filled in from query
}

// exec sends a request that has no result.
func exec(ctx context.Context, c *Client, req request, opts []CallOption) error {
	return c.send(ctx, req, nil, opts)
}

// fetch sends a request and decodes its result.
func fetch[T any](ctx context.Context, c *Client, req request, opts []CallOption) (*T, error) {
	v := new(T)
	if err := c.send(ctx, req, v, opts); err != nil {
		return nil, err
	}
	return v, nil
}

// send is the only way to the service. It sends a request as often as the retry policy allows, and
// stores the result in out. A retried DELETE that finds nothing is a success if an earlier attempt
// may have been applied.
func (c *Client) send(ctx context.Context, req request, out any, opts []CallOption) error {
	settings, err := c.settings(opts)
	if err = cmp.Or(checkContext(ctx), err); err != nil {
		return attempted(req.action, err)
	}
	if settings.response != nil {
		*settings.response = Response{}
	}
	if err := req.expand(); err != nil {
		return attempted(req.action, err)
	}
	cl := &call{client: c, settings: settings, req: req, started: time.Now()}
	resp, err := cl.do(ctx) //nolint:bodyclose // the attempt has read and closed the body
	if err != nil {
		return attempted(req.action, err)
	}
	return cl.readResult(resp, out)
}

func checkContext(ctx context.Context) error {
	if ctx == nil {
		return invalid("ctx", "it is nil; use context.Background")
	}
	return nil
}

// expand checks the parameters. It fills in the method, the path with each id escaped, and the
// query.
func (r *request) expand() error {
	if r.err != nil {
		return r.err
	}
	if r.route != "" {
		r.method, r.path, _ = strings.Cut(r.route, " ")
	}
	for _, id := range r.ids {
		before, rest, found := strings.Cut(r.path, "{")
		if !found {
			break
		}
		placeholder, after, _ := strings.Cut(rest, "}")
		if err := checkID(goNames[placeholder], id); err != nil {
			return err
		}
		r.path = before + url.PathEscape(id) + after
	}
	if len(r.query) > 0 {
		r.rawQuery = r.query.Encode()
	}
	return nil
}

// goNames are the names of the parameters that fill placeholders, for error texts.
var goNames = map[string]string{
	"dataset_id": "datasetID", "dataset_record_id": "recordID", "task_id": "taskID", "judge_id": "judgeID",
	"file_id":  "fileID",
	"trace_id": "TraceID", "span_id": "SpanID", "field_name": "name",
}

// checkID refuses an ID that would turn the path into that of another resource.
func checkID(name, id string) error {
	switch id {
	case "":
		return invalid(name, "it is empty")
	case ".", "..":
		return invalid(name, "%q is not an ID", id)
	}
	return nil
}

// encode returns params as a JSON body. It fails on text that is not UTF-8, which JSON cannot hold.
func encode(params any) ([]byte, error) {
	body, err := jsonv2.Marshal(params)
	if err != nil {
		return nil, invalid("request body", "%v", err)
	}
	return body, nil
}

// isMarkup reports whether a body is a web page or XML, as proxies and login forms send.
func isMarkup(header http.Header, body []byte) bool {
	first, _ := firstByte(body)
	return first == '<' || len(body) > 0 && isMarkupType(header.Get("Content-Type"))
}

// firstByte returns the first byte of a text that is neither white space nor part of a byte-order
// mark or of UTF-16. It returns false if there is none.
func firstByte(text []byte) (byte, bool) {
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n', '\v', '\f', 0, 0xEF, 0xBB, 0xBF, 0xFE, 0xFF:
		default:
			return c, true
		}
	}
	return 0, false
}

// isMarkupType reports whether a Content-Type is that of HTML or XML.
func isMarkupType(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == "text/html" || strings.HasSuffix(media, "/xml") || strings.HasSuffix(media, "+xml")
}

// newDownloadClient returns a client that has no key and no timeout of its own.
func (c *Client) newDownloadClient(next http.RoundTripper) *http.Client {
	return &http.Client{
		Transport: transport.Storage{Next: next},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			req.Header.Del("Referer") // it holds the signed URL
			if len(via) >= maxRedirects || !transport.Secure(req.URL, c.cfg.allowsHTTP()) {
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

// redirectPolicy returns a function that follows a redirect only if it repeats the request at the
// same origin: another origin must not see the key, and a POST must not become a GET. A redirect
// that is not followed becomes an [*Error].
func redirectPolicy(base *url.URL) func(*http.Request, []*http.Request) error {
	return func(req *http.Request, via []*http.Request) error {
		if len(via) >= maxRedirects || !transport.SameOrigin(req.URL, base) || req.Method != via[0].Method {
			return http.ErrUseLastResponse
		}
		return nil
	}
}

// userAgent returns the caller's product, if any, and the SDK's.
func userAgent(product string) string {
	own := "mistralobs-go/" + Version + " (" + runtime.Version() + "; " + runtime.GOOS + "/" + runtime.GOARCH + ")"
	return strings.TrimSpace(product + " " + own)
}

// logHeldBack logs that a request waits for the pace that the service allows.
func (c *Client) logHeldBack(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	c.cfg.logger.DebugContext(ctx, "mistralobs: request waits for the rate limit",
		"operation", OperationName(ctx), "wait", wait)
}
