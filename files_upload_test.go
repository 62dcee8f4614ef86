package mistralobs_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// onlyReader hides everything but Read.
type onlyReader struct{ io.Reader }

// onlySeeker hides ReadAt.
type onlySeeker struct{ io.ReadSeeker }

// uploadFrom uploads a file named "n".
func uploadFrom(ctx context.Context, client *mistralobs.Client, body io.Reader, size int64) error {
	params := mistralobs.UploadParams{Name: "n", Body: body, Size: size}
	_, err := client.Files.Upload(ctx, params, mistralobs.TransferOptions{})
	return err
}

func TestUploadTakesAnyBody(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "disk.jsonl")
	require.NoError(t, os.WriteFile(path, []byte("skipped content"), 0o600))
	opened := func() io.Reader {
		file, err := os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { file.Close() })
		_, err = file.Seek(int64(len("skipped ")), io.SeekStart)
		require.NoError(t, err)
		return file
	}
	const content = "content"
	tests := map[string]struct {
		name string
		body io.Reader
		size int64
		want string // the file's name; default: n
	}{
		"a strings.Reader":         {name: "n", body: strings.NewReader(content)},
		"a bytes.Buffer":           {name: "n", body: bytes.NewBufferString(content)},
		"a file from its position": {body: opened(), want: "disk.jsonl"},
		"a file with another name": {name: "n", body: opened()},
		"a seeker without ReadAt":  {name: "n", body: onlySeeker{strings.NewReader(content)}},
		"a reader":                 {name: "n", body: onlyReader{strings.NewReader(content)}},
		"a reader of known size":   {name: "n", body: onlyReader{strings.NewReader(content)}, size: 7},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &fileService{}
			var moved []int64
			params := mistralobs.UploadParams{Name: test.name, Body: test.body, Size: test.size}
			file, err := service.start(t).Files.Upload(t.Context(), params, mistralobs.TransferOptions{
				OnProgress: func(done, total int64) { moved = []int64{done, total} },
			})
			require.NoError(t, err)
			assert.Equal(t, "file-1", file.ID)
			require.Len(t, service.uploads, 1)
			assert.Positive(t, service.uploads[0].Length, "the length is known")
			service.uploads[0].Length = 0
			assert.Equal(t, []upload{{Name: cmp.Or(test.want, "n"), Content: content}}, service.uploads)
			assert.Equal(t, []int64{7, 7}, moved)
		})
	}
}

func TestUploadChecksItsParams(t *testing.T) {
	t.Parallel()
	tests := map[string]mistralobs.UploadParams{
		"Body: it is nil":   {Name: "n"},
		"Name: it is empty": {Body: strings.NewReader("")},
		"Name: it must":     {Name: "a\r\nX: y", Body: strings.NewReader("")},
		"Size: it must":     {Name: "n", Body: strings.NewReader(""), Size: mistralobs.MaxUploadBytes + 1},
		"Expiry: it must":   {Name: "n", Body: strings.NewReader(""), Expiry: -1},
		"Body: the service accepts at most 536870912 bytes": {
			Name: "n", Body: io.NewSectionReader(nil, 0, mistralobs.MaxUploadBytes+1),
		},
	}
	for want, params := range tests {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			_, err := newMockClient(t, mock).Files.Upload(t.Context(), params, mistralobs.TransferOptions{})
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
			require.ErrorContains(t, err, want)
			assert.Zero(t, mock.GetTotalCallCount())
		})
	}
}

// An upload is sent again from its start, and only if the service cannot have processed it.
func TestUploadRepeats(t *testing.T) {
	t.Parallel()
	busyOnce := func() func(*http.Request, int) int {
		refused := false
		return func(*http.Request, int) int {
			if refused {
				return 0
			}
			refused = true
			return http.StatusTooManyRequests
		}
	}
	for name, body := range map[string]io.Reader{
		"a seeker": onlySeeker{strings.NewReader("content")}, "a reader": onlyReader{strings.NewReader("content")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &fileService{refuse: busyOnce()}
			require.NoError(t, uploadFrom(t.Context(), service.start(t), body, 7))
			assert.Equal(t, "content", service.uploads[0].Content)
		})
	}
	t.Run("not after a connection that broke late", func(t *testing.T) {
		t.Parallel()
		var requests int
		transport := roundTripFunc(func(req *http.Request) (*http.Response, error) {
			requests++
			_, _ = io.Copy(io.Discard, req.Body)
			return nil, &net.OpError{Op: "read", Err: errors.New("connection reset by peer")}
		})
		client := clientOver(t, transport)
		err := uploadFrom(t.Context(), client, strings.NewReader("content"), 0)
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
		assert.Equal(t, 1, requests)
	})
}

// A redirect that repeats the request sends the body again.
func TestUploadIsRedirected(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		for name, body := range map[string]io.Reader{
			"a seeker": onlySeeker{strings.NewReader("content")}, "a reader": onlyReader{strings.NewReader("content")},
		} {
			t.Run(fmt.Sprintf("%d, %s", status, name), func(t *testing.T) {
				t.Parallel()
				var contents []string
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/v1/files" {
						_, _ = io.Copy(io.Discard, r.Body)
						http.Redirect(w, r, "/moved", status)
						return
					}
					file, _, err := r.FormFile("file")
					if err != nil {
						contents = append(contents, err.Error())
						return
					}
					content, _ := io.ReadAll(file)
					contents = append(contents, string(content))
					_, _ = io.WriteString(w, `{"id":"f"}`)
				}))
				client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(server.URL))
				require.NoError(t, err)
				t.Cleanup(client.CloseIdleConnections)

				err = uploadFrom(t.Context(), client, body, 7)

				server.Close()
				require.NoError(t, err)
				assert.Equal(t, []string{"content"}, contents)
			})
		}
	}
}

// oddSeeker is a body whose Seek and Read do not fit together.
type oddSeeker struct {
	text    string
	end     int64 // that Seek reports
	returns bool  // Seek leads back to the position
	at      int64
}

func (s *oddSeeker) Seek(offset int64, whence int) (int64, error) {
	switch {
	case whence == io.SeekCurrent:
		return s.at, nil
	case whence == io.SeekEnd:
		s.at = s.end
	case s.returns:
		s.at = offset
	}
	return s.at, nil
}

func (s *oddSeeker) Read(p []byte) (int, error) {
	n := copy(p, s.text[min(s.at, int64(len(s.text))):])
	if s.at += int64(n); n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// A Body of another size is never stored, not even in part, and the error does not match
// ErrMaybeApplied.
func TestUploadRefusesBodiesOfAnotherSize(t *testing.T) {
	t.Parallel()
	const content = "hello world"
	invalid := mistralobs.ErrInvalidParams
	behindItsEnd := func() io.Reader {
		r := strings.NewReader(content)
		_, _ = r.Seek(20, io.SeekStart)
		return r
	}
	cut := func(size int64) io.Reader { // a log that another program cuts
		path := filepath.Join(t.TempDir(), "log")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		file, err := os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { file.Close() })
		_, err = file.Seek(6, io.SeekStart)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, size))
		return file
	}
	tests := map[string]struct {
		body io.Reader
		size int64
		want error
		text string
	}{
		"a reader with more": {body: onlyReader{strings.NewReader(content)}, size: 5, want: invalid,
			text: "Size"},
		"a reader with fewer": {body: onlyReader{strings.NewReader(content)}, size: 12, want: invalid,
			text: "Size"},
		"a seeker with more":      {body: strings.NewReader(content), size: 5, want: invalid, text: "Size"},
		"a seeker with fewer":     {body: strings.NewReader(content), size: 12, want: invalid, text: "Size"},
		"a buffer with more":      {body: bytes.NewBufferString(content), size: 5, want: invalid, text: "Size"},
		"behind its end":          {body: behindItsEnd(), want: invalid, text: "position 20 is beyond its end 11"},
		"a file that was cut":     {body: cut(5), want: invalid, text: "position 6 is beyond its end 5"},
		"a file that was emptied": {body: cut(0), want: invalid, text: "position 6 is beyond its end 0"},
		"a seeker that stays away": {body: &oddSeeker{text: content, end: 11}, want: invalid,
			text: "seeking to 0 led to 11"},
		"a seeker that ends early": {
			body: &oddSeeker{text: content, end: 12, returns: true}, want: io.ErrUnexpectedEOF,
			text: "ends after 11 of 12 bytes",
		},
		"a seeker with a wrong end": {body: &oddSeeker{text: content, end: 5, returns: true},
			text: "more than the 5 bytes"},
		"a reader that fails": {body: failing{io.ErrClosedPipe}, want: io.ErrClosedPipe},
		"a seeker that fails": {body: failingSeeker{strings.NewReader(content)}, want: io.ErrClosedPipe},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &fileService{}
			err := uploadFrom(t.Context(), service.start(t), test.body, test.size)
			require.Error(t, err)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			require.ErrorContains(t, err, test.text)
			require.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
			assert.Empty(t, service.uploads)
		})
	}
}

// failingSeeker can seek, but not be read.
type failingSeeker struct{ io.ReadSeeker }

func (failingSeeker) Read([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A panic of OnProgress, or its Goexit, is raised in the caller's goroutine.
func TestUploadRaisesPanics(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]func() io.Reader{
		"a local body":          func() io.Reader { return strings.NewReader("content") },
		"a body that may block": func() io.Reader { return onlySeeker{strings.NewReader("content")} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := (&fileService{}).start(t)
			upload := func(onProgress func(int64, int64)) {
				params := mistralobs.UploadParams{Name: "n", Body: body()}
				_, _ = client.Files.Upload(t.Context(), params, mistralobs.TransferOptions{OnProgress: onProgress})
			}
			assert.PanicsWithValue(t, "oh", func() { upload(func(int64, int64) { panic("oh") }) })
			returned := false
			done := make(chan struct{})
			go func() {
				defer close(done)
				upload(func(int64, int64) { runtime.Goexit() })
				returned = true
			}()
			<-done
			assert.False(t, returned)
		})
	}
}

// An expiry is sent in hours, rounded up, however long it is.
func TestUploadExpiry(t *testing.T) {
	t.Parallel()
	for expiry, want := range map[time.Duration]string{
		1: "1", time.Hour: "1", time.Hour + 1: "2", math.MaxInt64: "2562048",
	} {
		var got string
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			got = req.FormValue("expiry")
			return reply(req, 200, `{"id":"f"}`), nil
		}))
		params := mistralobs.UploadParams{Name: "n", Body: strings.NewReader(""), Expiry: expiry}
		_, err := client.Files.Upload(t.Context(), params, mistralobs.TransferOptions{})
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

// An upload may take longer than the timeout while bytes move.
func TestUploadTimeout(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		every time.Duration // between reads of the body by the network
		want  error
	}{
		"slow":    {every: 50 * time.Second},
		"stalled": {every: 70 * time.Second, want: mistralobs.ErrTimeout},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				transport := roundTripFunc(func(req *http.Request) (*http.Response, error) {
					buf := make([]byte, 100)
					for {
						select {
						case <-req.Context().Done():
							return nil, req.Context().Err()
						case <-time.After(test.every):
						}
						if _, err := req.Body.Read(buf); err == io.EOF {
							return answer(req, 200, nil, strings.NewReader(`{"id":"f"}`), -1), nil
						}
					}
				})
				client := clientOver(t, transport)
				start := time.Now()
				err := uploadFrom(t.Context(), client, strings.NewReader(strings.Repeat("x", 1000)), 0)
				require.ErrorIs(t, err, test.want)
				if test.want == nil {
					assert.Greater(t, time.Since(start), 10*time.Minute)
				} else {
					assert.Equal(t, time.Minute, time.Since(start))
				}
			})
		})
	}
}

// If the response arrives before the body was read, nobody reads the caller's source after the
// call, or reports the progress of two attempts at once.
func TestUploadIsOverWhenItReturns(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1)%4 != 0 {
			w.Header().Set("Retry-After", "0") // a 429 would slow the client down
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"id":"f"}`)
	}))
	t.Cleanup(server.Close)
	client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(server.URL),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: 1, MaxWait: 1}))
	require.NoError(t, err)
	t.Cleanup(client.CloseIdleConnections)
	for range 5 {
		content := bytes.NewBuffer(make([]byte, 4<<20))
		var inside atomic.Int32
		params := mistralobs.UploadParams{Name: "a", Body: content}
		_, err := client.Files.Upload(t.Context(), params, mistralobs.TransferOptions{OnProgress: func(int64, int64) {
			assert.EqualValues(t, 1, inside.Add(1), "calls overlap")
			inside.Add(-1)
		}})
		require.NoError(t, err)
		content.Reset()
		content.Write(make([]byte, 4<<20)) // a data race if somebody still reads
	}
}

// A body that net/http sends again on another connection has an idle timer like the first one.
func TestUploadIsWatchedWhenItIsReplayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var read int64
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodGet {
				resp := reply(req, 200, `{}`)
				resp.ProtoMajor = 1 // only HTTP/1 connections send a body again
				return resp, nil
			}
			body, err := req.GetBody()
			require.NoError(t, err)
			for buf := make([]byte, 100); err == nil; {
				time.Sleep(900 * time.Millisecond) // slow, but not idle
				var n int
				n, err = body.Read(buf)
				read += int64(n)
			}
			if ended := req.Context().Err(); ended != nil {
				return nil, ended
			}
			return reply(req, 200, `{"id":"f"}`), nil
		}), mistralobs.WithTimeout(time.Second))
		require.NoError(t, client.Do(t.Context(), http.MethodGet, "/v1/models", nil, nil))
		err := uploadFrom(t.Context(), client, strings.NewReader(strings.Repeat("x", 1000)), 0)
		require.NoError(t, err)
		assert.Greater(t, read, int64(1000))
	})
}

// An upload ends with its context, also if a read of its body blocks.
func TestUploadEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]int64{"sent at once": 100, "copied first": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body, feed := io.Pipe()
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				_, _ = io.WriteString(feed, "begins") // returns when it has been read
				cancel()
			}()
			err := uploadFrom(ctx, (&fileService{}).start(t), onlyReader{body}, size)
			require.ErrorIs(t, err, context.Canceled)
			require.NoError(t, feed.Close()) // the blocked read returns, and its goroutine ends
		})
	}
}

// A response that comes before the request body was sent ends with its attempt over HTTP/2 too.
func TestACallOverHTTP2EndsWithItsContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200) // before the body is read, which never happens
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
		case <-time.After(5 * time.Second):
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(server.URL),
		mistralobs.WithHTTPClient(server.Client()), mistralobs.WithTimeout(300*time.Millisecond))
	require.NoError(t, err)
	large := strings.Repeat("a", 8<<20)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	start := time.Now()
	params := mistralobs.UploadParams{Name: "n", Body: strings.NewReader(large)}
	_, err = client.Files.Upload(ctx, params, mistralobs.TransferOptions{})
	assert.Error(t, err)
	assert.Less(t, time.Since(start), 3*time.Second, "%v", err)
}
