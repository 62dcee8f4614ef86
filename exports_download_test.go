package mistralobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// storage is a service with one export: a file behind presigned URLs, of which
// a test says how each request for it ends.
type storage struct {
	content  []byte
	etag     string
	noRange  bool                 // the whole file is always sent
	respond  func(n int) response // to the n-th download, from 0; nil: whole
	urls     int                  // handed out
	requests []*http.Request      // downloads
}

// response is what happens to a download.
type response struct {
	status int    // instead of the file
	body   string // with the status
	after  int    // breaks after so many bytes; 0: not
	stall  bool   // nothing more comes after that, instead of an error
	header http.Header
}

func (s *storage) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/exports/to-jsonl") {
		s.urls++
		body := fmt.Sprintf(`{"file_url":"https://blob.example.net/file.jsonl?sig=SECRET%d"}`, s.urls)
		return answer(req, 200, nil, strings.NewReader(body), -1), nil
	}
	n := len(s.requests)
	s.requests = append(s.requests, req)
	var r response
	if s.respond != nil {
		r = s.respond(n)
	}
	if r.status != 0 {
		return answer(req, r.status, r.header, strings.NewReader(r.body), -1), nil
	}
	return s.serve(req, r), nil
}

func (s *storage) serve(req *http.Request, r response) *http.Response {
	header := http.Header{}
	if s.etag != "" {
		header.Set("ETag", s.etag)
	}
	status, start := 200, 0
	if span := req.Header.Get("Range"); span != "" && !s.noRange {
		if req.Header.Get("If-Match") != s.etag {
			return answer(req, 412, header, strings.NewReader(""), -1)
		}
		_, err := fmt.Sscanf(span, "bytes=%d-", &start)
		if err != nil {
			panic(err)
		}
		status = 206
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(s.content)-1, len(s.content)))
	}
	rest := s.content[start:]
	var body io.Reader = bytes.NewReader(rest)
	if r.after > 0 && r.after < len(rest) {
		var end io.Reader = failing{errors.New("connection reset by peer")}
		if r.stall {
			end = stalled{req.Context()}
		}
		body = io.MultiReader(bytes.NewReader(rest[:r.after]), end)
	}
	return answer(req, status, header, body, int64(len(rest)))
}

func answer(req *http.Request, status int, header http.Header, body io.Reader, length int64) *http.Response {
	if header == nil {
		header = http.Header{}
	}
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Header: header, Request: req, Body: io.NopCloser(body), ContentLength: length,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
}

// failing is a connection that broke.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// stalled is a connection on which nothing comes any more.
type stalled struct{ ctx context.Context }

func (s stalled) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (s *storage) client(t *testing.T, opts ...mistralobs.Option) *mistralobs.Client {
	t.Helper()
	opts = append([]mistralobs.Option{
		mistralobs.WithAPIKey("secret-key"), mistralobs.WithBaseURL(baseURL), mistralobs.WithHTTPClient(&http.Client{Transport: s}),
	}, opts...)
	client, err := mistralobs.NewClient(opts...)
	require.NoError(t, err)
	return client
}

func jsonlContent(lines int) []byte {
	var buf bytes.Buffer
	for i := range lines {
		fmt.Fprintf(&buf, `{"payload":{"messages":[{"role":"user","content":"question %d"}]},"properties":{"n":%d}}`+"\n", i, i)
	}
	return buf.Bytes()
}

// What must not reach the storage: the key, a Referer, a compressed form.
func TestDownloadRequest(t *testing.T) {
	t.Parallel()
	s := &storage{content: jsonlContent(1), etag: `"v1"`}
	_, err := s.client(t, mistralobs.WithHeader("X-Team", "evals")).Exports.Download(t.Context(), datasetID, io.Discard, mistralobs.TransferOptions{})
	require.NoError(t, err)
	header := s.requests[0].Header.Clone()
	assert.Regexp(t, "^mistralobs-go/", header.Get("User-Agent"))
	header.Del("User-Agent")
	assert.Equal(t, http.Header{"Accept-Encoding": {"identity"}}, header)
}

// However often and wherever it breaks, the bytes are the original ones.
func TestDownloadResumes(t *testing.T) {
	t.Parallel()
	content := jsonlContent(40)
	for _, step := range []int{1, 7, 100, len(content) - 1} {
		t.Run(fmt.Sprintf("broken every %d bytes", step), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &storage{content: content, etag: `"v1"`, respond: func(int) response { return response{after: step} }}
				var got bytes.Buffer

				n, err := s.client(t).Exports.Download(t.Context(), datasetID, &got, mistralobs.TransferOptions{})

				require.NoError(t, err)
				assert.Equal(t, int64(len(content)), n)
				assert.True(t, bytes.Equal(content, got.Bytes()))
				assert.Len(t, s.requests, (len(content)+step-1)/step)
				assert.Equal(t, `"v1"`, s.requests[1].Header.Get("If-Match"))
				assert.Equal(t, fmt.Sprintf("bytes=%d-", step), s.requests[1].Header.Get("Range"))
				assert.Equal(t, 1, s.urls)
			})
		})
	}
}

func TestDownloadSurvives(t *testing.T) {
	t.Parallel()
	content := jsonlContent(100)
	expired := response{status: 403, body: `<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code></Error>`}
	tests := map[string]struct {
		respond  func(n int) response
		requests int
		urls     int
	}{
		"a 503 before the first byte": {func(n int) response {
			if n == 0 {
				return response{status: 503}
			}
			return response{}
		}, 2, 1},
		"a URL that has expired before the first byte": {func(n int) response {
			if n == 0 {
				return expired
			}
			return response{}
		}, 2, 2},
		"a URL that expires in the middle": {func(n int) response {
			switch n {
			case 0:
				return response{after: 1000}
			case 1:
				return expired
			}
			return response{}
		}, 3, 2},
		"a body that stalls": {func(n int) response {
			if n == 0 {
				return response{after: 1000, stall: true}
			}
			return response{}
		}, 2, 1},
		"four failures in a row, twice": {func(n int) response {
			if n == 4 {
				return response{after: 1000}
			} else if n < 8 {
				return response{status: 500}
			}
			return response{}
		}, 9, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &storage{content: content, etag: `"v1"`, respond: test.respond}
				var got bytes.Buffer
				_, err := s.client(t).Exports.Download(t.Context(), datasetID, &got, mistralobs.TransferOptions{})
				require.NoError(t, err)
				assert.True(t, bytes.Equal(content, got.Bytes()))
				assert.Len(t, s.requests, test.requests)
				assert.Equal(t, test.urls, s.urls)
			})
		})
	}
}

func TestDownloadFails(t *testing.T) {
	t.Parallel()
	content := jsonlContent(100)
	broken := func(then response) func(int) response {
		return func(n int) response {
			if n == 0 {
				return response{after: 1000}
			}
			return then
		}
	}
	tests := map[string]struct {
		storage storage
		want    error
		text    string
		written int64
	}{
		"the file changed":               {storage{respond: broken(response{status: 412}), etag: `"v1"`}, mistralobs.ErrExportChanged, "the file has changed after 1000 bytes", 1000},
		"the file became shorter":        {storage{respond: broken(response{status: 416}), etag: `"v1"`}, mistralobs.ErrExportChanged, "shorter", 1000},
		"the server cannot continue":     {storage{respond: broken(response{}), etag: `"v1"`, noRange: true}, mistralobs.ErrExportChanged, "the whole file again", 1000},
		"no ETag":                        {storage{respond: broken(response{})}, mistralobs.ErrExportChanged, "no strong ETag", 1000},
		"a weak ETag":                    {storage{respond: broken(response{}), etag: `W/"v1"`}, mistralobs.ErrExportChanged, "no strong ETag", 1000},
		"another part than asked":        {storage{respond: broken(response{status: 206, header: http.Header{"Content-Range": {"bytes 0-9/10"}}}), etag: `"v1"`}, mistralobs.ErrExportChanged, "another part", 1000},
		"forbidden again with a new URL": {storage{respond: broken(response{status: 403, body: "<Error/>"}), etag: `"v1"`}, mistralobs.ErrForbidden, "403", 1000},
		"gone":                           {storage{respond: broken(response{status: 404}), etag: `"v1"`}, mistralobs.ErrNotFound, "404", 1000},
		"down for good":                  {storage{respond: broken(response{status: 503}), etag: `"v1"`}, mistralobs.ErrServer, "503", 1000},
		"told to come back in an hour":   {storage{respond: broken(response{status: 503, header: http.Header{"Retry-After": {"3600"}}}), etag: `"v1"`}, mistralobs.ErrServer, "1h0m0s", 1000},
		"forbidden from the start":       {storage{respond: func(int) response { return response{status: 403} }}, mistralobs.ErrForbidden, "403", 0},
		"redirected to plain http": {storage{respond: func(int) response {
			return response{status: 302, header: http.Header{"Location": {"http://evil.example/"}}}
		}}, mistralobs.ErrUnexpectedResponse, "302", 0},
		"stalling for ever without an ETag": {storage{respond: func(int) response { return response{after: 1000, stall: true} }}, mistralobs.ErrTimeout, "no byte was transferred for 1m0s", 1000},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &test.storage
				s.content = content
				var got bytes.Buffer

				n, err := s.client(t).Exports.Download(t.Context(), datasetID, &got, mistralobs.TransferOptions{})

				require.ErrorIs(t, err, test.want)
				require.ErrorContains(t, err, test.text)
				assert.NotContains(t, fmt.Sprintf("%+v %#v", err, err), "SECRET")
				assert.Equal(t, test.written, n)
				assert.Equal(t, string(content[:n]), got.String())
				assert.LessOrEqual(t, len(s.requests), 6)
			})
		})
	}
}

func TestDownloadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storage{content: jsonlContent(100), etag: `"v1"`, respond: func(int) response { return response{after: 1000, stall: true} }}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.client(t).Exports.Download(ctx, datasetID, io.Discard, mistralobs.TransferOptions{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

// A caller that takes its time over the bytes is not a connection that stalls.
func TestOpenWaitsForASlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storage{content: jsonlContent(100), etag: `"v1"`}
		file, err := s.client(t).Exports.Open(t.Context(), datasetID)
		require.NoError(t, err)
		defer file.Close()
		var got bytes.Buffer
		buf := make([]byte, 1000)
		for {
			n, err := file.Read(buf)
			got.Write(buf[:n])
			if err == io.EOF {
				break
			}
			require.NoError(t, err)
			time.Sleep(time.Hour) // fake
		}
		assert.True(t, bytes.Equal(s.content, got.Bytes()))
		assert.Len(t, s.requests, 1)
		require.NoError(t, file.Close())
		_, err = file.Read(buf)
		assert.ErrorIs(t, err, io.EOF)
	})
}

// The service's file_url is not trusted to be one.
func TestDownloadRefusesBadURLs(t *testing.T) {
	t.Parallel()
	for name, fileURL := range map[string]string{
		"plain http": "http://blob.example.net/x?sig=SECRET", "no URL": "::SECRET", "a path": "/x?sig=SECRET", "a file": "file:///etc/passwd?SECRET",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			transport := roundTripFunc(func(req *http.Request) (*http.Response, error) {
				require.Equal(t, "api.example.com", req.URL.Host)
				return answer(req, 200, nil, strings.NewReader(fmt.Sprintf(`{"file_url":%q}`, fileURL)), -1), nil
			})
			client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(baseURL), mistralobs.WithHTTPClient(&http.Client{Transport: transport}))
			require.NoError(t, err)
			_, err = client.Exports.Open(t.Context(), datasetID)
			require.Error(t, err)
			assert.NotContains(t, fmt.Sprintf("%+v", err), "SECRET")
		})
	}
}

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// The length that only a 206 tells counts as well.
func TestDownloadOfUnknownLengthEndsWhole(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("0123456789"), 100)
	requests := 0
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		if strings.HasSuffix(req.URL.Path, "/to-jsonl") {
			return reply(req, 200, `{"file_url":"https://storage.example.com/x?sig=s"}`), nil
		}
		header := http.Header{"Etag": {`"e"`}}
		if requests++; requests == 1 {
			return answer(req, 200, header, io.MultiReader(bytes.NewReader(content[:100]), failing{errors.New("reset")}), -1), nil
		}
		var from int
		_, err := fmt.Sscanf(req.Header.Get("Range"), "bytes=%d-", &from)
		require.NoError(t, err)
		part := content[from:min(from+300, len(content))]
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+len(part)-1, len(content)))
		return answer(req, 206, header, bytes.NewReader(part), int64(len(part))), nil
	}), mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: 1, MaxWait: 1}))
	var out bytes.Buffer
	_, err := client.Exports.Download(t.Context(), datasetID, &out, mistralobs.TransferOptions{})
	require.NoError(t, err)
	assert.Equal(t, content, out.Bytes())
}

// A storage that asks to wait beyond the deadline is not waited for.
func TestDownloadDoesNotWaitInVain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/to-jsonl") {
				return reply(req, 200, `{"file_url":"https://storage.example.com/x?sig=s"}`), nil
			}
			return reply(req, 503, "", "Retry-After", "20"), nil
		}))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := client.Exports.Open(ctx, datasetID)
		var answer *mistralobs.Error
		require.ErrorAs(t, err, &answer)
		assert.Equal(t, []any{503, 20 * time.Second}, []any{answer.StatusCode, answer.RetryAfter})
		assert.Zero(t, time.Since(start))
	})
}

// Close ends a Read that another goroutine is in.
func TestCloseEndsARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/to-jsonl") {
				return reply(req, 200, `{"file_url":"https://storage.example.com/x?sig=s"}`), nil
			}
			return answer(req, 200, nil, stalled{req.Context()}, -1), nil
		}))
		file, err := client.Exports.Open(t.Context(), datasetID)
		require.NoError(t, err)
		go func() {
			time.Sleep(time.Second)
			assert.NoError(t, file.Close())
		}()
		start := time.Now()
		_, err = file.Read(make([]byte, 10))
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, time.Second, time.Since(start))
	})
}
