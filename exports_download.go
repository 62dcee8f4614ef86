package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// download reads a file behind a presigned URL, continuing where a connection
// broke. It is an io.ReadCloser; Close may come from another goroutine.
type download struct {
	reading   sync.Mutex // held by Read, and by Close when that has ended it
	exports   *ExportsService
	datasetID string
	ctx       context.Context
	cancel    context.CancelFunc

	url    string
	etag   string // strong, else ""
	total  int64  // of the whole file, -1 if unknown
	offset int64  // of the next byte

	body     io.ReadCloser
	watch    *transport.IdleTimer
	failures int   // in a row, without a byte between them
	renewed  bool  // the URL was asked for anew since the last byte
	ended    error // what every further Read returns
}

// downloadName is the operation's name for instrumentation.
const downloadName = "exports.download"

func newDownload(ctx context.Context, s *ExportsService, datasetID, fileURL string) *download {
	ctx = transport.WithOperation(ctx, transport.Operation{Name: downloadName, Attempt: 1})
	ctx, cancel := context.WithCancel(ctx)
	return &download{exports: s, datasetID: datasetID, ctx: ctx, cancel: cancel, url: fileURL, total: -1}
}

// start connects for the first time, so that Open fails rather than the first Read.
func (d *download) start() error {
	for d.body == nil {
		if err := d.connect(); err != nil {
			if err := d.recover(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// Read returns the next bytes, from a new connection if the old one broke.
func (d *download) Read(p []byte) (int, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	for d.ended == nil {
		if err := d.start(); err != nil {
			d.ended = err
			break
		}
		d.watch.Resume()
		n, err := d.body.Read(p)
		d.watch.Pause() // what the caller does with the bytes takes as long as it takes
		d.advance(n)
		if err != nil {
			d.ended = d.broken(err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, d.ended
}

func (d *download) advance(n int) {
	d.offset += int64(n)
	if n > 0 {
		d.failures, d.renewed = 0, false
	}
}

// broken handles the end of a body: nil if there is more of the file to read.
func (d *download) broken(err error) error {
	if err != io.EOF {
		err = &transport.Error{Reach: transport.MayHaveArrived, Err: d.watch.Explain(err)}
	}
	d.disconnect()
	if err == io.EOF {
		if d.total < 0 || d.offset == d.total {
			return io.EOF
		}
		err = &transport.Error{Reach: transport.MayHaveArrived, Err: io.ErrUnexpectedEOF}
	}
	return d.recover(err)
}

// Close ends the download, and a Read that is under way. It returns nil.
func (d *download) Close() error {
	d.cancel()
	d.reading.Lock()
	defer d.reading.Unlock()
	if d.ended == nil {
		d.ended = errors.New("mistralobs: download export: read after Close")
	}
	d.disconnect()
	return nil
}

func (d *download) disconnect() {
	if d.body != nil {
		d.body.Close()
		d.watch.Stop()
		d.body = nil
	}
}

// connect asks for what is left of the file.
func (d *download) connect() error {
	ctx, watch := transport.NewIdleTimer(d.ctx, d.exports.client.cfg.timeout)
	resp, err := d.request(ctx)
	if err == nil {
		err = d.accept(resp)
	}
	if err != nil {
		if explained := watch.Explain(err); explained != err {
			err = &transport.Error{Reach: transport.MayHaveArrived, Err: explained}
		}
		watch.Stop()
		return err
	}
	watch.Pause()
	d.body, d.watch = resp.Body, watch
	return nil
}

func (d *download) request(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.url, nil)
	if err != nil || req.URL.Host == "" {
		return nil, &transport.Error{Err: errors.New("the service's file_url is no URL")} // the text would show the URL
	}
	if !secureEnough(req.URL, d.exports.client.cfg.insecureHTTP) {
		return nil, &transport.Error{Err: fmt.Errorf("the file's URL must be https, or http to a loopback host, got %s://%s", req.URL.Scheme, req.URL.Host)}
	}
	req.Header.Set("User-Agent", d.exports.client.agent)
	// Ranges count the bytes that are stored, not those of a compressed form.
	req.Header.Set("Accept-Encoding", "identity")
	if d.offset > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(d.offset, 10)+"-")
		req.Header.Set("If-Match", d.etag)
	}
	resp, err := d.exports.client.downloads.Do(req)
	if err != nil {
		return nil, &transport.Error{Reach: transport.MayHaveArrived, Err: redacted(err)}
	}
	return resp, nil
}

// accept checks that the answer is what is left of the same file.
func (d *download) accept(resp *http.Response) error {
	var err error
	switch encoding := resp.Header.Get("Content-Encoding"); {
	case resp.StatusCode < 300 && encoding != "" && encoding != "identity":
		err = fmt.Errorf("mistralobs: download export: %w: the file came compressed (%.20q), which was not asked for", ErrUnexpectedResponse, encoding)
	case resp.StatusCode == http.StatusOK && d.offset == 0:
		d.etag, d.total = strongETag(resp.Header), resp.ContentLength
		return nil
	case resp.StatusCode == http.StatusOK:
		err = d.cannotContinue("the server sent the whole file again instead of the rest")
	case resp.StatusCode == http.StatusPartialContent && d.offset > 0:
		if err = d.checkRest(resp.Header); err == nil {
			return nil
		}
	case resp.StatusCode == http.StatusPreconditionFailed:
		err = d.cannotContinue("the file has changed")
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		err = d.cannotContinue("the file has become shorter")
	default:
		err = d.refused(resp)
	}
	resp.Body.Close()
	return err
}

// checkRest compares a 206 with what is known of the file.
func (d *download) checkRest(header http.Header) error {
	start, total, ok := parseContentRange(header.Get("Content-Range"))
	switch {
	case !ok || start != d.offset:
		return d.cannotContinue("the server sent another part than the one asked for")
	case total != d.total && total >= 0 && d.total >= 0:
		return d.cannotContinue("the file's length has changed")
	case header.Get("ETag") != "" && header.Get("ETag") != d.etag:
		return d.cannotContinue("the file has changed")
	}
	d.total = max(d.total, total) // the first answer may not have known it
	return nil
}

func (d *download) cannotContinue(why string) error {
	return fmt.Errorf("mistralobs: download export: %w: %s after %d bytes", ErrExportChanged, why, d.offset)
}

// refused returns an answer of the storage as an *Error, without the URL's query.
func (d *download) refused(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	after, _ := transport.RetryAfter(resp.Header, time.Now())
	e := &Error{
		StatusCode: resp.StatusCode, RequestID: resp.Header.Get("X-Ms-Request-Id"), RetryAfter: after,
		Operation: downloadName, Method: http.MethodGet, Host: d.host(), Path: d.path(), Body: body,
		Attempts: d.failures + 1, action: "download export",
	}
	if e.parseBody(); e.StatusCode < 400 {
		e.Message = "a redirect that is not followed" // its body is a link
	}
	e.Message = hideQueries(e.Message)
	return e
}

// recover returns nil if it makes sense to connect again, after the wait that is due.
func (d *download) recover(err error) error {
	d.failures++
	policy := d.exports.client.cfg.retry
	switch {
	case d.ctx.Err() != nil:
		return d.failed(d.ctx.Err())
	case errors.Is(err, ErrExportChanged), errors.Is(err, ErrUnexpectedResponse):
		return err
	case d.offset > 0 && d.etag == "":
		return fmt.Errorf("%w: %w", d.cannotContinue("the server gave no strong ETag to continue by"), d.failed(err))
	case errors.Is(err, ErrForbidden) && !d.renewed:
		return d.renew()
	case !d.passing(err) || d.failures >= policy.MaxAttempts:
		return d.failed(err)
	}
	pause, again := policy.pause(d.ctx, d.failures, retryAfterOf(err), 0)
	if !again {
		return d.failed(err)
	}
	d.exports.client.cfg.logger.WarnContext(d.ctx, "mistralobs: download interrupted, going on",
		"operation", downloadName, "offset", d.offset, "error", err.Error(), "wait", pause)
	if err := transport.Sleep(d.ctx, pause); err != nil {
		return d.failed(err)
	}
	return nil
}

func retryAfterOf(err error) time.Duration {
	var answer *Error
	if errors.As(err, &answer) {
		return answer.RetryAfter
	}
	return 0
}

// passing tells whether another attempt may fare better.
func (d *download) passing(err error) bool {
	var answer *Error
	if errors.As(err, &answer) {
		return retryableStatus(answer.StatusCode)
	}
	return !permanent(err)
}

// renew asks for a new URL of an export, once: an expired one and a forbidden
// one look alike.
func (d *download) renew() error {
	export, err := d.exports.ToJSONL(d.ctx, d.datasetID)
	if err != nil {
		return err
	}
	d.url, d.renewed = export.FileURL, true
	return nil
}

func (d *download) failed(err error) error {
	var answer *Error
	if errors.As(err, &answer) {
		return err
	}
	return &NetworkError{
		Operation: downloadName, Method: http.MethodGet, Host: d.host(), Path: d.path(), Attempts: d.failures, Err: err,
		action: "download export",
	}
}

// path is the URL's without what signs it.
func (d *download) path() string {
	u, err := url.Parse(d.url)
	if err != nil {
		return ""
	}
	return u.Path
}

// host is the host of the URL.
func (d *download) host() string {
	u, err := url.Parse(d.url)
	if err != nil {
		return ""
	}
	return u.Host
}

// redacted returns the cause of an error of net/http without the queries of URLs.
func redacted(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if !signedURL.MatchString(err.Error()) {
		return err
	}
	return &redactedError{err}
}

type redactedError struct{ err error }

func (e *redactedError) Error() string { return hideQueries(e.err.Error()) }
func (e *redactedError) Unwrap() error { return e.err }

// strongETag returns the ETag if equal ones mean equal bytes.
func strongETag(header http.Header) string {
	etag := header.Get("ETag")
	if strings.HasPrefix(etag, "W/") {
		return ""
	}
	return etag
}

// parseContentRange reads "bytes 5-9/10", whose total may be "*", which is -1.
func parseContentRange(value string) (start, total int64, ok bool) {
	rest, found := strings.CutPrefix(value, "bytes ")
	span, totalText, hasTotal := strings.Cut(rest, "/")
	startText, _, hasEnd := strings.Cut(span, "-")
	start, err := strconv.ParseInt(startText, 10, 64)
	if !found || !hasTotal || !hasEnd || err != nil {
		return 0, 0, false
	}
	if totalText == "*" {
		return start, -1, true
	}
	total, err = strconv.ParseInt(totalText, 10, 64)
	return start, total, err == nil
}
