package mistralobs

import (
	"cmp"
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

// downloadName is the name of downloads for instrumentation, downloadAction that for error texts.
const (
	downloadName   = "exports.download"
	downloadAction = "download export"
)

// download reads a file from storage, and resumes after a broken connection. It is an
// io.ReadCloser. Close may be called by another goroutine than Read.
type download struct {
	reading  sync.Mutex // held by Read; Close ends a Read before it takes it
	client   *Client
	settings *callSettings // of the caller's opts
	opts     []CallOption
	options  TransferOptions
	ctx      context.Context
	cancel   context.CancelFunc
	file     storedFile
	conn     connection // its body is nil if there is none
	offset   int64      // of the next byte
	failures failures
	ended    error // result of all further reads, nil while there is more to read
}

// storedFile identifies the file that is downloaded.
type storedFile struct {
	datasetID string
	url       string // presigned
	etag      string // strong, or ""
	size      int64  // -1 if it is unknown
	begun     bool   // the first byte of a line has arrived
}

// failures are those since the last byte arrived.
type failures struct {
	count   int
	first   time.Time
	renewed bool // a new URL was requested
}

// connection is an open response of the storage.
type connection struct {
	body   io.ReadCloser
	timer  *transport.IdleTimer
	framed bool  // the end of the body proves that the body is complete
	last   byte  // the last byte received
	err    error // the end of the body
}

// Read returns the next bytes, from a new connection if the old one broke.
func (d *download) Read(p []byte) (int, error) {
	n, err := d.read(p)
	if n > 0 && d.options.OnProgress != nil {
		d.options.OnProgress(d.offset, d.file.size)
	}
	return n, err
}

func (d *download) read(p []byte) (int, error) {
	d.reading.Lock()
	defer d.reading.Unlock()
	for d.ended == nil {
		if d.ended = d.connect(); d.ended != nil {
			break
		}
		n, err := d.conn.read(p)
		if first, found := firstByte(p[:n]); found && !d.file.begun {
			d.file.begun = true
			if first == '<' { // a line of JSONL begins with a brace
				d.ended = errWebPage
				break
			}
		}
		if n > 0 {
			d.offset += int64(n)
			d.failures = failures{}
		}
		d.conn.err = err
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, d.ended
}

var errWebPage = fmt.Errorf("mistralobs: download export: %w: it is a web page or XML instead of the file",
	ErrUnexpectedResponse)

// connect makes sure that there is a connection to read from. It returns [io.EOF] at the end of the
// file.
func (d *download) connect() error {
	for d.conn.body == nil || d.conn.err != nil {
		var err error
		if d.conn.body != nil {
			err = d.finish()
		} else {
			err = d.request()
		}
		if err != nil {
			if err = d.recover(err); err != nil {
				return err
			}
		}
	}
	return nil
}

// Close ends the download and a Read of another goroutine. It returns nil.
func (d *download) Close() error {
	d.cancel()
	d.reading.Lock()
	defer d.reading.Unlock()
	if d.ended == nil {
		d.ended = errors.New("mistralobs: download export: read after Close")
	}
	d.conn.close()
	return nil
}

// read returns bytes of the body. The time that the caller spends between reads does not count.
func (c *connection) read(p []byte) (int, error) {
	c.timer.Resume()
	n, err := c.body.Read(p)
	c.timer.Pause()
	if n > 0 {
		c.last = p[n-1]
	}
	if err == nil || err == io.EOF && c.timer.Ended() == nil {
		return n, err
	}
	// Some servers end the body properly when the end of the context closes the connection.
	return n, c.timer.Explain(cmp.Or(c.timer.Ended(), err))
}

func (c *connection) close() {
	if c.body != nil {
		c.body.Close()
		c.timer.Stop()
	}
	*c = connection{}
}

// finish closes a connection whose body has ended. It returns [io.EOF] if the file is complete.
func (d *download) finish() error {
	conn := d.conn
	d.conn.close()
	switch {
	case d.offset == d.file.size:
		return io.EOF
	case conn.err != io.EOF:
		return &transport.Error{Reach: transport.MayHaveArrived, Err: transport.NewRedactor(d.file.url).Error(conn.err)}
	case d.file.size < 0 && (conn.framed || conn.last == '\n'):
		return io.EOF
	case d.file.size >= 0 && d.offset > d.file.size:
		return d.cannotContinue("the server sent more than the file's length")
	case d.file.size < 0 && d.offset == 0 && d.hasNoRecords():
		return io.EOF
	}
	return &transport.Error{Reach: transport.MayHaveArrived, Err: io.ErrUnexpectedEOF}
}

// request requests the rest of the file.
func (d *download) request() error {
	ctx := transport.WithOperation(d.ctx, transport.Operation{Name: downloadName, Attempt: d.failures.count + 1})
	ctx, timer := transport.NewIdleTimer(ctx, d.settings.timeout)
	resp, err := d.send(ctx)
	if err == nil {
		err = d.accept(resp)
	}
	if err != nil {
		var response *Error // it came in time
		if explained := timer.Explain(err); explained != err && !errors.As(err, &response) {
			err = &transport.Error{Reach: transport.MayHaveArrived, Err: explained}
		}
		timer.Stop()
		return err
	}
	timer.Pause()
	d.conn = connection{body: resp.Body, timer: timer, framed: transport.IsFramed(resp)}
	return nil
}

func (d *download) send(ctx context.Context) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.file.url, nil)
	if err != nil || req.URL.Host == "" { // the text of err would show the URL
		return nil, errors.New("the file_url of the service is not a URL")
	}
	if !transport.Secure(req.URL, d.client.cfg.allowsHTTP()) {
		return nil, fmt.Errorf("the file_url must be https, or http to a loopback host, got %s://%s",
			req.URL.Scheme, req.URL.Host)
	}
	req.Header.Set("User-Agent", d.client.agent)
	// Ranges count the bytes of the stored file, not those of a compressed form.
	req.Header.Set("Accept-Encoding", "identity")
	if d.offset > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(d.offset, 10)+"-")
		req.Header.Set("If-Match", d.file.etag)
	}
	resp, err := d.client.downloads.Do(req)
	if err != nil {
		return nil, d.sendError(err)
	}
	return resp, nil
}

// sendError returns an error of net/http without URLs. An error that does not come from the
// transport is about an invalid Location, which its text shows.
func (d *download) sendError(err error) error {
	var network *transport.Error
	if !errors.As(err, &network) {
		return errors.New("the storage sent a redirect whose Location is not a valid URL")
	}
	requested := ""
	if outer := new(url.Error); errors.As(err, &outer) {
		requested = outer.URL // of the last redirect
	}
	return transport.NewRedactor(d.file.url, requested).Error(network)
}

// accept checks that a response continues the same file. It returns [io.EOF] if the file has ended.
func (d *download) accept(resp *http.Response) error {
	err := d.check(resp)
	if err != nil {
		resp.Body.Close()
	}
	return err
}

func (d *download) check(resp *http.Response) error {
	encoding := resp.Header.Get("Content-Encoding")
	switch {
	case resp.StatusCode < 300 && encoding != "" && !strings.EqualFold(encoding, "identity"):
		return fmt.Errorf("mistralobs: download export: %w: the storage sent the file compressed (%.20q), "+
			"although the request forbids that", ErrUnexpectedResponse, encoding)
	case resp.StatusCode == http.StatusOK && isMarkupType(resp.Header.Get("Content-Type")):
		return errWebPage
	case resp.StatusCode == http.StatusOK && d.offset == 0:
		d.file.etag, d.file.size = transport.StrongETag(resp.Header), resp.ContentLength
		return nil
	case resp.StatusCode == http.StatusOK:
		return d.cannotContinue("the server sent the whole file again instead of the rest")
	case resp.StatusCode == http.StatusPartialContent && d.offset > 0:
		return d.checkRest(resp.Header)
	case resp.StatusCode == http.StatusPreconditionFailed:
		return d.cannotContinue("the file has changed")
	case resp.StatusCode == http.StatusRequestedRangeNotSatisfiable && d.offset > 0:
		return d.checkEnd(resp.Header)
	}
	return d.refused(resp)
}

// checkRest compares a 206 with what is known of the file.
func (d *download) checkRest(header http.Header) error {
	start, size, ok := transport.ContentRange(header)
	switch {
	case !ok || start != d.offset:
		return d.cannotContinue("the server sent another part than the requested one")
	case size != d.file.size && size >= 0 && d.file.size >= 0:
		return d.cannotContinue("the file's length has changed")
	case header.Get("ETag") != d.file.etag:
		return d.cannotContinue("the server did not confirm by the ETag that the file is the same")
	}
	d.file.size = max(d.file.size, size) // the first response may not have known it
	return nil
}

// checkEnd handles a 416: the file ends where the rest was requested, or before.
func (d *download) checkEnd(header http.Header) error {
	if size, ok := transport.UnsatisfiedRange(header); ok && d.file.size < 0 && size == d.offset {
		return io.EOF
	}
	return d.cannotContinue("the file has become shorter")
}

func (d *download) cannotContinue(why string) error {
	return fmt.Errorf("mistralobs: download export: %w after %d bytes: %s", ErrExportChanged, d.offset, why)
}

// maxStorageError is the number of bytes that are kept of the body of an error.
const maxStorageError = 1 << 20

// refused returns an *Error for a response of the storage that is not the file.
func (d *download) refused(resp *http.Response) error {
	requested := ""
	if resp.Request != nil {
		requested = resp.Request.URL.String()
	}
	redactor := transport.NewRedactor(d.file.url, requested)
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxStorageError))
	after, _ := transport.RetryAfter(resp.Header, time.Now())
	host, path := d.location()
	e := &Error{
		StatusCode: resp.StatusCode, RequestID: token(resp.Header.Get("X-Ms-Request-Id")), RetryAfter: after,
		Header:    hideInHeader(resp.Header, redactor.Text),
		Operation: downloadName, Method: http.MethodGet, Host: host, Path: path,
		Body: []byte(redactor.Text(string(body))), Attempts: d.failures.count + 1, action: downloadAction,
	}
	if e.StatusCode < 400 {
		e.Message = d.unexpectedStatus(resp)
		return e
	}
	e.parseBody(body, redactor.Text)
	return e
}

// unexpectedStatus says what is wrong with a response that is neither the file nor an error. It
// shows nothing of the body, which is a link if the response is a redirect.
func (d *download) unexpectedStatus(resp *http.Response) string {
	switch {
	case resp.StatusCode == http.StatusPartialContent:
		return "the storage sent a part of the file instead of the whole file"
	case resp.StatusCode < 300:
		return "the storage did not send the file as it is stored"
	}
	target, err := resp.Location()
	switch {
	case err != nil || target.Host == "":
		return "a redirect without a valid Location is not followed"
	case transport.Secure(target, d.client.cfg.allowsHTTP()):
		return fmt.Sprintf("the redirects did not end after %d", maxRedirects)
	}
	return fmt.Sprintf("a redirect to %s://%s is not followed: it must be https, or http to a loopback host",
		target.Scheme, target.Host)
}

// recover handles a failure. It pauses and returns nil if the download can go on. Otherwise it
// returns the error of the download.
func (d *download) recover(err error) error {
	if d.failures.count == 0 {
		d.failures.first = time.Now()
	}
	d.failures.count++
	if timeout := new(transport.TimeoutError); d.client.attempts.CloseIdle != nil && errors.As(err, &timeout) {
		d.client.attempts.CloseIdle() // other connections may be dead too
	}
	policy := d.settings.retry
	switch {
	case err == io.EOF:
		return err
	case d.ctx.Err() != nil:
		return d.failed(d.ctx.Err())
	case errors.Is(err, ErrExportChanged), errors.Is(err, ErrUnexpectedResponse):
		return err
	case d.offset > 0 && d.file.etag == "":
		changed := d.cannotContinue("the server sent no strong ETag")
		return fmt.Errorf("%w: %w", changed, bare(d.failed(err)))
	case errors.Is(err, ErrForbidden) && !d.failures.renewed:
		return d.renew()
	case !IsTransient(err) || d.failures.count >= policy.MaxAttempts:
		return d.failed(err)
	}
	pause, again := policy.pause(d.ctx, d.failures.count, retryAfterOf(err), time.Since(d.failures.first))
	if !again {
		return d.failed(err)
	}
	d.client.cfg.logger.WarnContext(d.ctx, "mistralobs: download interrupted, continuing",
		"operation", downloadName, "offset", d.offset, "error", err.Error(), "wait", pause)
	if err := transport.Sleep(d.ctx, pause); err != nil {
		return d.failed(err)
	}
	return nil
}

// renew exports the dataset again to get a new URL. It is called once, since an expired URL and a
// forbidden one get the same response.
func (d *download) renew() error {
	export, err := d.client.Exports.ToJSONL(d.ctx, d.file.datasetID, d.opts...)
	if err != nil {
		return err
	}
	d.file.url, d.failures.renewed = export.FileURL, true
	return nil
}

// failed returns the error that ends the download.
func (d *download) failed(err error) error {
	var response *Error
	if errors.As(err, &response) {
		return err
	}
	host, path := d.location()
	return &NetworkError{
		Operation: downloadName, Method: http.MethodGet, Host: host, Path: path, Attempts: max(1, d.failures.count),
		Err: err, action: downloadAction,
	}
}

// location returns the parts of the URL that are no secret.
func (d *download) location() (host, path string) {
	u, err := url.Parse(d.file.url)
	if err != nil {
		return "", ""
	}
	return u.Host, u.Path
}
