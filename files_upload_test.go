package mistralobs_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
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
		"a strings.Reader":              {name: "n", body: strings.NewReader(content)},
		"a bytes.Buffer":                {name: "n", body: bytes.NewBufferString(content)},
		"a file from its position":      {body: opened(), want: "disk.jsonl"},
		"a file with another name":      {name: "n", body: opened()},
		"a seeker without ReadAt":       {name: "n", body: onlySeeker{strings.NewReader(content)}},
		"a reader":                      {name: "n", body: onlyReader{strings.NewReader(content)}},
		"a reader of known size":        {name: "n", body: onlyReader{strings.NewReader(content)}, size: 7},
		"a reader longer than its size": {name: "n", body: onlyReader{strings.NewReader("content and more")}, size: 7},
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
	t.Run("a body that can be rewound", func(t *testing.T) {
		t.Parallel()
		service := &fileService{refuse: busyOnce()}
		err := uploadFrom(t.Context(), service.start(t), onlySeeker{strings.NewReader("content")}, 0)
		require.NoError(t, err)
		assert.Equal(t, "content", service.uploads[0].Content)
	})
	t.Run("not a body that cannot", func(t *testing.T) {
		t.Parallel()
		service := &fileService{refuse: busyOnce()}
		err := uploadFrom(t.Context(), service.start(t), onlyReader{strings.NewReader("content")}, 7)
		require.ErrorIs(t, err, mistralobs.ErrRateLimited)
		require.ErrorContains(t, err, "it was not sent again: the upload body cannot be rewound")
		assert.Empty(t, service.uploads)
	})
	t.Run("nor after a connection that was not made", func(t *testing.T) {
		t.Parallel()
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}))
		err := uploadFrom(t.Context(), client, onlyReader{strings.NewReader("content")}, 7)
		require.ErrorIs(t, err, syscall.ECONNREFUSED)
		require.ErrorContains(t, err, "the upload body cannot be rewound")
	})
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

// A redirect that repeats the request needs the body again. Nothing of a body that cannot be rewound is
// sent to the new place, and the service has processed nothing.
func TestUploadIsRedirected(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		for name, body := range map[string]io.Reader{
			"a body that can be rewound": strings.NewReader("content"),
			"a body that cannot":         onlyReader{strings.NewReader("content")},
		} {
			t.Run(fmt.Sprintf("%d, %s", status, name), func(t *testing.T) {
				t.Parallel()
				var paths, contents []string
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					paths = append(paths, r.URL.Path)
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

				err = uploadFrom(t.Context(), client, body, int64(len("content")))

				server.Close()
				if _, rewindable := body.(io.Seeker); rewindable {
					require.NoError(t, err)
					assert.Equal(t, []string{"content"}, contents)
					return
				}
				assert.Equal(t, set("unexpected"), kindsOf(err))
				require.ErrorContains(t, err, "a redirect is not followed, since the upload body cannot be rewound")
				assert.Equal(t, []string{"/v1/files"}, paths)
			})
		}
	}
}

func TestUploadReportsAShortBody(t *testing.T) {
	t.Parallel()
	err := uploadFrom(t.Context(), (&fileService{}).start(t), onlyReader{strings.NewReader("short")}, 10)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.ErrorContains(t, err, "the Body is 5 bytes shorter than its Size")
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

// If the response arrives before the body was read, nobody reads the caller's source after the call,
// or reports the progress of two attempts at once.
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
