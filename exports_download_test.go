package mistralobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// storage is a service with one export: a file behind presigned URLs. A test says how each request
// for the file ends.
type storage struct {
	content  []byte
	etag     string
	noRange  bool                 // the whole file is always sent
	respond  func(n int) response // to request n for the file, from 0; nil sends the whole file
	urls     int                  // handed out
	requests []*http.Request      // for the file
}

// response is how a request for the file ends.
type response struct {
	status   int    // instead of the file
	body     string // with the status
	header   http.Header
	after    int    // the body ends after so many bytes; 0: it does not
	stall    bool   // nothing arrives after these bytes, instead of an error
	cut      bool   // the connection is closed after these bytes, instead of an error
	unframed bool   // neither a length nor chunks
	etag     string // instead of the file's
}

const signature = "SECRET-SIGNATURE"

func (s *storage) RoundTrip(req *http.Request) (*http.Response, error) {
	if strings.HasSuffix(req.URL.Path, "/exports/to-jsonl") {
		s.urls++
		body := fmt.Sprintf(`{"file_url":"https://blob.example.net/file.jsonl?sp=r&sig=%s%%2B%d"}`, signature, s.urls)
		return answer(req, 200, nil, strings.NewReader(body), -1), nil
	}
	if strings.HasSuffix(req.URL.Path, "/records") {
		body := fmt.Sprintf(`{"records":{"results":[],"count":%d}}`, bytes.Count(s.content, []byte("\n")))
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
		if _, err := fmt.Sscanf(span, "bytes=%d-", &start); err != nil {
			panic(err)
		}
		if start == len(s.content) {
			header.Set("Content-Range", fmt.Sprintf("bytes */%d", len(s.content)))
			return answer(req, 416, header, strings.NewReader(""), -1)
		}
		status = 206
		header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(s.content)-1, len(s.content)))
	}
	switch r.etag {
	case "":
	case "none":
		header.Del("ETag")
	default:
		header.Set("ETag", r.etag)
	}
	rest := s.content[start:]
	length := int64(len(rest))
	if r.unframed {
		length = -1
	}
	return answer(req, status, header, r.limit(req, rest), length)
}

// limit returns a body that ends as r says.
func (r response) limit(req *http.Request, rest []byte) io.Reader {
	if r.after == 0 || r.after >= len(rest) {
		return bytes.NewReader(rest)
	}
	var end io.Reader = failing{errors.New("connection reset by peer")}
	switch {
	case r.stall:
		end = stalled{req.Context()}
	case r.cut:
		end = strings.NewReader("")
	}
	return io.MultiReader(bytes.NewReader(rest[:r.after]), end)
}

func (s *storage) client(t *testing.T, opts ...mistralobs.Option) *mistralobs.Client {
	t.Helper()
	return clientOver(t, s, opts...)
}

func jsonlContent(lines int) []byte {
	var buf bytes.Buffer
	for i := range lines {
		const line = `{"payload":{"messages":[{"role":"user","content":"question %d"}]},"properties":{"n":%[1]d}}` + "\n"
		fmt.Fprintf(&buf, line, i)
	}
	return buf.Bytes()
}

// sequence returns the responses one after another, and the rest of the file after that.
func sequence(responses ...response) func(int) response {
	return func(n int) response {
		if n < len(responses) {
			return responses[n]
		}
		return response{}
	}
}

// brokenThen returns the same response to every request but the first, which breaks after 1000
// bytes.
func brokenThen(then response) func(int) response {
	return func(n int) response {
		if n == 0 {
			return response{after: 1000}
		}
		return then
	}
}

// The storage must not see the API key, a Referer or a request for a compressed file.
func TestDownloadRequest(t *testing.T) {
	t.Parallel()
	s := &storage{content: jsonlContent(1), etag: `"v1"`}
	client := s.client(t, mistralobs.WithHeader("X-Team", "evals"))
	_, err := client.Exports.Download(t.Context(), datasetID, io.Discard, mistralobs.TransferOptions{})
	require.NoError(t, err)
	header := s.requests[0].Header.Clone()
	assert.Regexp(t, "^mistralobs-go/", header.Get("User-Agent"))
	header.Del("User-Agent")
	assert.Equal(t, http.Header{"Accept-Encoding": {"identity"}}, header)
}

// However often and wherever the connection breaks, the bytes are the original ones.
func TestDownloadResumes(t *testing.T) {
	t.Parallel()
	content := jsonlContent(40)
	for _, step := range []int{1, 7, 100, len(content) - 1} {
		t.Run(fmt.Sprintf("broken every %d bytes", step), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &storage{content: content, etag: `"v1"`,
					respond: func(int) response { return response{after: step} }}
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
	lines := jsonlContent(100)
	noLineEnd := bytes.TrimSpace(lines)
	expired := response{status: 403, body: `<?xml version="1.0"?><Error><Code>AuthenticationFailed</Code></Error>`}
	down := response{status: 500}
	tests := map[string]struct {
		content  []byte // default: lines
		respond  func(n int) response
		requests int
		urls     int
	}{
		"a 503 before the first byte": {respond: sequence(response{status: 503}),
			requests: 2, urls: 1},
		"a URL that has expired before the first byte": {respond: sequence(expired), requests: 2, urls: 2},
		"a URL that expires in the middle": {
			respond: sequence(response{after: 1000}, expired), requests: 3, urls: 2,
		},
		"a body that stalls": {respond: sequence(response{after: 1000, stall: true}), requests: 2, urls: 1},
		"a body that is cut": {respond: sequence(response{after: 1000, cut: true}), requests: 2, urls: 1},
		"four failures in a row, twice": {
			respond:  sequence(down, down, down, down, response{after: 1000}, down, down, down),
			requests: 9, urls: 1,
		},
		"a body without framing": {
			respond: func(int) response { return response{unframed: true} }, requests: 1, urls: 1,
		},
		"a body without framing that is cut inside a line": {
			respond: sequence(response{unframed: true, after: 1001, cut: true}), requests: 2, urls: 1,
		},
		"a body without framing and last line break": {
			content: noLineEnd, respond: func(int) response { return response{unframed: true} }, requests: 2, urls: 1,
		},
		"a body without framing that is cut before the first byte": {
			respond: sequence(response{status: 200}), requests: 2, urls: 1,
		},
		"an export of no records without framing": {
			content: []byte{}, respond: func(int) response { return response{unframed: true} }, requests: 1, urls: 1,
		},
		"a file that says it is not compressed": {
			respond: sequence(response{status: 200, body: string(lines),
				header: http.Header{"Content-Encoding": {"Identity"}}}),
			requests: 1, urls: 1,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				if test.content == nil {
					test.content = lines
				}
				s := &storage{content: test.content, etag: `"v1"`, respond: test.respond}
				var got bytes.Buffer
				_, err := s.client(t).Exports.Download(t.Context(), datasetID, &got, mistralobs.TransferOptions{})
				require.NoError(t, err)
				assert.True(t, bytes.Equal(test.content, got.Bytes()))
				assert.Len(t, s.requests, test.requests)
				assert.Equal(t, test.urls, s.urls)
			})
		})
	}
}

func TestDownloadFails(t *testing.T) {
	t.Parallel()
	content := jsonlContent(100)
	always := func(r response) func(int) response { return func(int) response { return r } }
	redirect := func(to string) func(int) response {
		return always(response{status: 302, header: http.Header{"Location": {to}}})
	}
	const strong = `"v1"`
	tests := map[string]struct {
		respond func(int) response
		etag    string
		noRange bool
		want    error
		text    string
		written int
	}{
		"the file changed": {
			respond: brokenThen(response{status: 412}), etag: strong,
			want: mistralobs.ErrExportChanged, text: "after 1000 bytes: the file has changed", written: 1000,
		},
		"the file became shorter": {
			respond: brokenThen(response{status: 416}), etag: strong,
			want: mistralobs.ErrExportChanged, text: "shorter", written: 1000,
		},
		"the server cannot continue": {
			respond: brokenThen(response{}), etag: strong, noRange: true,
			want: mistralobs.ErrExportChanged, text: "the whole file again", written: 1000,
		},
		"no ETag": {
			respond: brokenThen(response{}),
			want:    mistralobs.ErrExportChanged, text: "no strong ETag", written: 1000,
		},
		"a weak ETag": {
			respond: brokenThen(response{}), etag: `W/"v1"`,
			want: mistralobs.ErrExportChanged, text: "no strong ETag", written: 1000,
		},
		"a rest without an ETag": {
			respond: brokenThen(response{etag: "none"}), etag: strong,
			want: mistralobs.ErrExportChanged, text: "did not confirm", written: 1000,
		},
		"a rest with another ETag": {
			respond: brokenThen(response{etag: `"v2"`}), etag: strong,
			want: mistralobs.ErrExportChanged, text: "did not confirm", written: 1000,
		},
		"a rest with a weak ETag": {
			respond: brokenThen(response{etag: `W/"v1"`}), etag: strong,
			want: mistralobs.ErrExportChanged, text: "did not confirm", written: 1000,
		},
		"another part than requested": {
			respond: brokenThen(response{status: 206,
				header: http.Header{"Content-Range": {"bytes 0-9/10"}}}), etag: strong,
			want: mistralobs.ErrExportChanged, text: "another part", written: 1000,
		},
		"cut inside a line, without framing and ETag": {
			respond: always(response{unframed: true, after: 1001, cut: true}),
			want:    mistralobs.ErrExportChanged, text: "unexpected EOF", written: 1001,
		},
		"cut before the first byte, without framing": {
			respond: always(response{status: 200}),
			want:    io.ErrUnexpectedEOF, text: "5 attempts",
		},
		"forbidden again with a new URL": {
			respond: brokenThen(response{status: 403, body: "<Error/>"}), etag: strong,
			want: mistralobs.ErrForbidden, text: "403", written: 1000,
		},
		"gone": {
			respond: brokenThen(response{status: 404}), etag: strong,
			want: mistralobs.ErrNotFound, text: "404", written: 1000,
		},
		"down for good": {
			respond: brokenThen(response{status: 503}), etag: strong,
			want: mistralobs.ErrServer, text: "503", written: 1000,
		},
		"told to come back in an hour": {
			respond: brokenThen(response{status: 503, header: http.Header{"Retry-After": {"3600"}}}), etag: strong,
			want: mistralobs.ErrServer, text: "1h0m0s", written: 1000,
		},
		"unauthorized": {
			respond: always(response{status: 401}), want: mistralobs.ErrUnauthorized,
			text: "mistralobs: download export: 401 Unauthorized (1 attempt)",
		},
		"forbidden from the start": {
			respond: always(response{status: 403}), want: mistralobs.ErrForbidden, text: "403",
		},
		"redirected to plain http": {
			respond: redirect("http://evil.example/?sig=" + signature), want: mistralobs.ErrUnexpectedResponse,
			text: "302 Found: a redirect to http://evil.example is not followed",
		},
		"redirected without a Location": {
			respond: always(response{status: 302}), want: mistralobs.ErrUnexpectedResponse,
			text: "a redirect without a valid Location is not followed",
		},
		"redirected to no URL": {
			respond: redirect("//storage.example.com:bad/x?sig=" + signature),
			text:    "the storage sent a redirect whose Location is not a valid URL (1 attempt)",
		},
		"redirected in circles": {
			respond: redirect("https://blob.example.net/file.jsonl?sig=" + signature),
			want:    mistralobs.ErrUnexpectedResponse, text: "the redirects did not end after 10",
		},
		"transformed on its way": {
			respond: always(response{status: 203, body: "{}\n"}), want: mistralobs.ErrUnexpectedResponse,
			text: "203 Non-Authoritative Information: the storage did not send the file as it is stored",
		},
		"no content": {
			respond: always(response{status: 204}), want: mistralobs.ErrUnexpectedResponse,
			text: "204 No Content: the storage did not send the file",
		},
		"a part though the whole was requested": {
			respond: always(response{status: 206, body: "{}\n"}), want: mistralobs.ErrUnexpectedResponse,
			text: "206 Partial Content: the storage sent a part of the file",
		},
		"compressed": {
			respond: always(response{status: 200, body: "x", header: http.Header{"Content-Encoding": {"gzip"}}}),
			want:    mistralobs.ErrUnexpectedResponse, text: `compressed ("gzip")`,
		},
		"stalling for ever without an ETag": {
			respond: always(response{after: 1000, stall: true}),
			want:    mistralobs.ErrTimeout, text: "no byte was transferred for 1m0s", written: 1000,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &storage{content: content, etag: test.etag, noRange: test.noRange, respond: test.respond}
				var got bytes.Buffer

				n, err := s.client(t).Exports.Download(t.Context(), datasetID, &got, mistralobs.TransferOptions{})

				require.Error(t, err)
				if test.want != nil {
					require.ErrorIs(t, err, test.want)
				}
				require.ErrorContains(t, err, test.text)
				assert.NotContains(t, err.Error(), "API key")
				assert.NotContains(t, fmt.Sprintf("%+v %#v", err, err), signature)
				assert.Equal(t, int64(test.written), n)
				assert.Equal(t, string(content[:n]), got.String())
				assert.LessOrEqual(t, len(s.requests), 11)
			})
		})
	}
}

func TestDownloadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storage{content: jsonlContent(100), etag: `"v1"`, respond: sequence(response{after: 1000, stall: true})}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err := s.client(t).Exports.Download(ctx, datasetID, io.Discard, mistralobs.TransferOptions{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

// The time that the caller spends between two reads is not the connection's.
func TestOpenWaitsForASlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storage{content: jsonlContent(100), etag: `"v1"`}
		file, err := s.client(t).Exports.Open(t.Context(), datasetID, mistralobs.TransferOptions{})
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

// Bytes that have arrived are returned before the pause after which the download continues.
func TestReadReturnsWhatHasArrived(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storage{content: jsonlContent(100), etag: `"v1"`, respond: sequence(response{after: 1000})}
		file, err := s.client(t).Exports.Open(t.Context(), datasetID, mistralobs.TransferOptions{})
		require.NoError(t, err)
		defer file.Close()
		start := time.Now()
		n, err := io.ReadFull(file, make([]byte, 1000))
		require.NoError(t, err)
		assert.Equal(t, 1000, n)
		assert.Zero(t, time.Since(start))
	})
}

// The file_url of the service need not be a URL, as in the example of the reference. That is an
// error only when the file is downloaded.
func TestDownloadRefusesBadURLs(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ fileURL, want string }{
		"plain http": {fileURL: "http://blob.example.net/x?sig=" + signature,
			want: "https, or http to a loopback host"},
		"no URL": {fileURL: "::" + signature, want: "the file_url of the service is not a URL"},
		"a text": {fileURL: "My file", want: "the file_url of the service is not a URL"},
		"a path": {fileURL: "/x?sig=" + signature, want: "the file_url of the service is not a URL"},
		"a file": {fileURL: "file:///etc/passwd?" + signature, want: "the file_url of the service is not a URL"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				require.Equal(t, "api.example.com", req.URL.Host)
				return reply(req, 200, fmt.Sprintf(`{"file_url":%q}`, test.fileURL)), nil
			}))
			export, err := client.Exports.ToJSONL(t.Context(), datasetID)
			require.NoError(t, err)
			assert.Equal(t, &mistralobs.Export{FileURL: test.fileURL}, export)
			_, err = client.Exports.Open(t.Context(), datasetID, mistralobs.TransferOptions{})
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, fmt.Sprintf("%+v", err), signature)
		})
	}
}

// A length that only a later response gives counts as well.
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
			body := io.MultiReader(bytes.NewReader(content[:100]), failing{errors.New("reset")})
			return answer(req, 200, header, body, -1), nil
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

// net/http itself does not notice that a body without a length and without chunks was cut.
func TestDownloadNoticesACutConnection(t *testing.T) {
	t.Parallel()
	content := jsonlContent(10)
	for name, test := range map[string]struct {
		sent int // bytes
		want error
	}{
		"whole":             {sent: len(content)},
		"cut inside a line": {sent: len(content) - 5, want: mistralobs.ErrExportChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var server *httptest.Server
			server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/to-jsonl") {
					fmt.Fprintf(w, `{"file_url":"%s/file?sig=s"}`, server.URL)
					return
				}
				conn, _, err := http.NewResponseController(w).Hijack()
				if assert.NoError(t, err) {
					defer conn.Close()
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s", content[:test.sent])
				}
			}))
			defer server.Close()
			client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(server.URL))
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			n, err := client.Exports.Download(t.Context(), datasetID, io.Discard, mistralobs.TransferOptions{})
			require.ErrorIs(t, err, test.want)
			assert.Equal(t, int64(test.sent), n)
		})
	}
}

// A pause that would outlast the deadline is not begun, whether the server or the client wants it.
func TestDownloadDoesNotPauseInVain(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		headers []string // of each response of the storage
		policy  mistralobs.RetryPolicy
		want    time.Duration // RetryAfter
	}{
		"a Retry-After": {headers: []string{"Retry-After", "20"}, want: 20 * time.Second},
		"a backoff":     {policy: mistralobs.RetryPolicy{MinWait: 20 * time.Second}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					if strings.HasSuffix(req.URL.Path, "/to-jsonl") {
						return reply(req, 200, `{"file_url":"https://storage.example.com/x?sig=s"}`), nil
					}
					return reply(req, 503, "", test.headers...), nil
				}), mistralobs.WithRetry(test.policy))
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				start := time.Now()
				_, err := client.Exports.Open(ctx, datasetID, mistralobs.TransferOptions{})
				var response *mistralobs.Error
				require.ErrorAs(t, err, &response)
				assert.Equal(t, []any{503, test.want}, []any{response.StatusCode, response.RetryAfter})
				assert.Zero(t, time.Since(start))
			})
		})
	}
}

// Each attempt of a download has its number.
func TestDownloadNumbersItsAttempts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storage{content: jsonlContent(100), etag: `"v1"`, respond: sequence(
			response{status: 500}, response{status: 500}, response{after: 1000}, response{status: 500},
		)}
		_, err := s.client(t).Exports.Download(t.Context(), datasetID, io.Discard, mistralobs.TransferOptions{})
		require.NoError(t, err)
		var got []int
		for _, req := range s.requests {
			assert.Equal(t, "exports.download", mistralobs.OperationName(req.Context()))
			got = append(got, mistralobs.Attempt(req.Context()))
		}
		assert.Equal(t, []int{1, 2, 3, 2, 3}, got)
	})
}

// Whatever text the storage, a proxy or a transport makes of the URL, no error and no log line
// shows its signature.
func TestDownloadHidesSignatures(t *testing.T) {
	t.Parallel()
	const plain, escaped = "SECRET/SIGNATURE+x=", "SECRET%2FSIGNATURE%2Bx%3D"
	fileURL := "https://storage.example.com/x.jsonl?sv=2022-11-02&sp=r&sig=" + escaped
	_, query, _ := strings.Cut(fileURL, "?")
	texts := map[string]string{
		"the URL":                fileURL,
		"without scheme":         "storage.example.com/x.jsonl?" + query,
		"the query":              query,
		"the query in HTML":      strings.ReplaceAll(query, "&", "&amp;"),
		"the query in JSON":      `{"message":"` + strings.ReplaceAll(query, "&", `\u0026`) + `"}`,
		"the value":              "signature " + escaped + " does not match",
		"the value unescaped":    "signature " + plain + " does not match",
		"the value as JSON":      `{"detail":"signature ` + plain + ` does not match"}`,
		"a complaint":            `{"detail":[{"loc":["query","` + plain + `"],"msg":"bad ` + escaped + `"}]}`,
		"the value twice":        escaped + escaped,
		"the URL escaped itself": "next=https%3A%2F%2Fstorage.example.com%2Fx.jsonl%3Fsig%3DSECRET%252FSIGNATURE%252Bx%253D",
	}
	for name, text := range texts {
		for _, kind := range []string{"response", "transport error", "body error"} {
			t.Run(name+" in a "+kind, func(t *testing.T) {
				t.Parallel()
				var log bytes.Buffer
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					switch {
					case strings.HasSuffix(req.URL.Path, "/to-jsonl"):
						return reply(req, 200, `{"file_url":"`+fileURL+`"}`), nil
					case kind == "response":
						return reply(req, 503, text), nil
					case kind == "body error":
						return answer(req, 200, nil, failing{errors.New(text)}, 10), nil
					}
					return nil, errors.New(text)
				}), mistralobs.WithLogger(slog.New(slog.NewTextHandler(&log,
					&slog.HandlerOptions{Level: slog.LevelDebug}))),
					mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2, MinWait: 1, MaxWait: 1}))
				_, err := client.Exports.Download(t.Context(), datasetID, io.Discard, mistralobs.TransferOptions{})
				require.Error(t, err)
				shown := log.String()
				assert.NotEmpty(t, shown)
				for ; err != nil; err = errors.Unwrap(err) {
					shown += fmt.Sprintf("%v %+v %s", err, err, err)
					if response, ok := err.(*mistralobs.Error); ok {
						shown += string(response.Body) + response.Message + fmt.Sprint(response.Fields)
					}
				}
				assert.NotContains(t, shown, "SECRET")
			})
		}
	}
}

// Close ends a Read of another goroutine.
func TestCloseEndsARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/to-jsonl") {
				return reply(req, 200, `{"file_url":"https://storage.example.com/x?sig=s"}`), nil
			}
			return answer(req, 200, nil, stalled{req.Context()}, -1), nil
		}))
		file, err := client.Exports.Open(t.Context(), datasetID, mistralobs.TransferOptions{})
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

// endsWithContext is a body that ends properly when the context ends, as some servers end it over
// TLS.
type endsWithContext struct {
	ctx  context.Context
	text io.Reader
}

func (b endsWithContext) Read(p []byte) (int, error) {
	if n, err := b.text.Read(p); err == nil {
		return n, nil
	}
	<-b.ctx.Done()
	return 0, io.EOF
}

func (endsWithContext) Close() error { return nil }

// A chunked response that ends with the context or the timeout is cut off, even if it ends
// properly.
func TestABodyThatEndsWithItsContextIsNotWhole(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		base := roundTripFunc(func(r *http.Request) (*http.Response, error) {
			resp := &http.Response{
				StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Request: r,
				ContentLength: -1, TransferEncoding: []string{"chunked"},
			}
			switch {
			case strings.Contains(r.URL.Path, "to-jsonl"):
				resp.Body = io.NopCloser(strings.NewReader(`{"file_url":"https://s.example/f?sig=abcdefgh"}`))
			case strings.Contains(r.URL.Path, "records"):
				resp.Body = endsWithContext{r.Context(), strings.NewReader(`{"records":{"count":1,"results":[`)}
			default:
				resp.Body = endsWithContext{r.Context(), strings.NewReader("{\"payload\":{\"n\":1}}\n")}
			}
			return resp, nil
		})
		client, err := mistralobs.NewClient(
			mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL("https://api.example"),
			mistralobs.WithHTTPClient(&http.Client{Transport: base}), mistralobs.WithTimeout(time.Minute),
			mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}),
		)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = client.Exports.Download(ctx, "d", io.Discard, mistralobs.TransferOptions{})
		require.ErrorIs(t, err, context.DeadlineExceeded, "a canceled download")
		_, err = client.Exports.Download(t.Context(), "d", io.Discard, mistralobs.TransferOptions{})
		require.Error(t, err, "a download that stalls")
		_, err = client.Records.List(t.Context(), "d", mistralobs.ListParams{})
		require.ErrorIs(t, err, mistralobs.ErrTimeout, "an API call that stalls")
	})
}

// A status is not hidden by a body that stalls.
func TestDownloadKeepsTheStatusOfAStalledError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if strings.HasSuffix(req.URL.Path, "/to-jsonl") {
				return reply(req, 200, `{"file_url":"https://storage.example.com/file"}`), nil
			}
			return answer(req, 404, nil, untilDone{req.Context()}, 100), nil
		}))
		_, err := client.Exports.Open(t.Context(), datasetID, mistralobs.TransferOptions{})
		require.ErrorIs(t, err, mistralobs.ErrNotFound)
	})
}

// untilDone is a body of which nothing comes until the context ends.
type untilDone struct{ ctx context.Context }

func (u untilDone) Read([]byte) (int, error) {
	<-u.ctx.Done()
	return 0, u.ctx.Err()
}

// After a connection to the storage went silent, the download does not try the other idle ones.
func TestDownloadLeavesSilentConnections(t *testing.T) {
	t.Parallel()
	const callers = 3
	var together sync.WaitGroup // so that each of the first downloads has its own connection
	together.Add(callers)
	var served, silent atomic.Int32
	storage := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if served.Add(1) <= callers {
			together.Done()
			together.Wait()
		}
		_, _ = io.WriteString(w, `{"payload":{}}`)
	}))
	storage.Listener = &muteListener{Listener: storage.Listener, until: &silent}
	storage.Start()
	defer storage.Close()
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"file_url":%q}`, storage.URL)
	}))
	defer service.Close()
	client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(service.URL),
		mistralobs.WithTimeout(500*time.Millisecond),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2, MinWait: time.Millisecond,
			MaxWait: time.Millisecond}))
	require.NoError(t, err)
	defer client.CloseIdleConnections()
	download := func() error {
		_, err := client.Exports.Download(t.Context(), datasetID, io.Discard, mistralobs.TransferOptions{})
		return err
	}
	var first sync.WaitGroup
	for range callers {
		first.Go(func() { assert.NoError(t, download()) })
	}
	first.Wait()
	silent.Store(callers)
	require.NoError(t, download())
}

// muteListener swallows what is written to its first connections, up to a number.
type muteListener struct {
	net.Listener
	accepted int32
	until    *atomic.Int32
}

func (l *muteListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	l.accepted++
	return &muteConn{conn, l.accepted, l.until}, err
}

type muteConn struct {
	net.Conn
	number int32
	until  *atomic.Int32
}

func (c *muteConn) Write(p []byte) (int, error) {
	if c.number <= c.until.Load() {
		return len(p), nil
	}
	return c.Conn.Write(p)
}
