package mistralobs_test

import (
	"bytes"
	"errors"
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
	tests := map[string]struct {
		params mistralobs.UploadParams
		want   string // file name
	}{
		"a strings.Reader":              {mistralobs.UploadParams{Name: "n", Body: strings.NewReader("content")}, "n"},
		"a bytes.Buffer":                {mistralobs.UploadParams{Name: "n", Body: bytes.NewBufferString("content")}, "n"},
		"a file from its position":      {mistralobs.UploadParams{Body: opened()}, "disk.jsonl"},
		"a file with another name":      {mistralobs.UploadParams{Name: "n", Body: opened()}, "n"},
		"a seeker without ReadAt":       {mistralobs.UploadParams{Name: "n", Body: onlySeeker{strings.NewReader("content")}}, "n"},
		"a reader":                      {mistralobs.UploadParams{Name: "n", Body: onlyReader{strings.NewReader("content")}}, "n"},
		"a reader of known size":        {mistralobs.UploadParams{Name: "n", Body: onlyReader{strings.NewReader("content")}, Size: 7}, "n"},
		"a reader longer than its size": {mistralobs.UploadParams{Name: "n", Body: onlyReader{strings.NewReader("content and more")}, Size: 7}, "n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &fileService{}
			var moved []int64
			file, err := service.start(t).Files.Upload(t.Context(), test.params, mistralobs.TransferOptions{OnProgress: func(done, total int64) {
				moved = []int64{done, total}
			}})
			require.NoError(t, err)
			assert.Equal(t, "file-1", file.ID)
			require.Len(t, service.uploads, 1)
			assert.Positive(t, service.uploads[0].Length, "the length is known")
			service.uploads[0].Length = 0
			assert.Equal(t, []upload{{Name: test.want, Content: "content"}}, service.uploads)
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
		"Body: the service accepts at most 536870912 bytes": {Name: "n", Body: io.NewSectionReader(nil, 0, mistralobs.MaxUploadBytes+1)},
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

// An upload is sent again only when the service cannot have acted, from its start.
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
	t.Run("what can be rewound", func(t *testing.T) {
		t.Parallel()
		service := &fileService{refuse: busyOnce()}
		_, err := service.start(t).Files.Upload(t.Context(), mistralobs.UploadParams{Name: "n", Body: onlySeeker{strings.NewReader("content")}}, mistralobs.TransferOptions{})
		require.NoError(t, err)
		assert.Equal(t, "content", service.uploads[0].Content)
	})
	t.Run("not what cannot", func(t *testing.T) {
		t.Parallel()
		service := &fileService{refuse: busyOnce()}
		_, err := service.start(t).Files.Upload(t.Context(), mistralobs.UploadParams{Name: "n", Body: onlyReader{strings.NewReader("content")}, Size: 7}, mistralobs.TransferOptions{})
		require.ErrorIs(t, err, mistralobs.ErrRateLimited)
		require.ErrorContains(t, err, "it was not sent again: the upload body cannot be rewound")
		assert.Empty(t, service.uploads)
	})
	t.Run("nor after a dial that failed", func(t *testing.T) {
		t.Parallel()
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
		}))
		_, err := client.Files.Upload(t.Context(), mistralobs.UploadParams{Name: "n", Body: onlyReader{strings.NewReader("content")}, Size: 7}, mistralobs.TransferOptions{})
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
		client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(baseURL), mistralobs.WithHTTPClient(&http.Client{Transport: transport}))
		require.NoError(t, err)
		_, err = client.Files.Upload(t.Context(), mistralobs.UploadParams{Name: "n", Body: strings.NewReader("content")}, mistralobs.TransferOptions{})
		require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
		assert.Equal(t, 1, requests)
	})
}

func TestUploadReportsAShortBody(t *testing.T) {
	t.Parallel()
	_, err := (&fileService{}).start(t).Files.Upload(t.Context(), mistralobs.UploadParams{Name: "n", Body: onlyReader{strings.NewReader("short")}, Size: 10}, mistralobs.TransferOptions{})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.ErrorContains(t, err, "the Body is 5 bytes shorter than its Size")
}

// An upload may take longer than the timeout as long as bytes move.
func TestUploadTimeout(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		every time.Duration // between reads of the body by the network
		want  error
	}{
		"slow":    {50 * time.Second, nil},
		"stalled": {70 * time.Second, mistralobs.ErrTimeout},
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
				client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(baseURL), mistralobs.WithHTTPClient(&http.Client{Transport: transport}))
				require.NoError(t, err)
				start := time.Now()
				_, err = client.Files.Upload(t.Context(), mistralobs.UploadParams{Name: "n", Body: strings.NewReader(strings.Repeat("x", 1000))}, mistralobs.TransferOptions{})
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

// When the answer comes before the body was read, nobody reads the caller's
// source after the call, or reports the progress of two attempts at once.
func TestUploadIsOverWhenItReturns(t *testing.T) {
	t.Parallel()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1)%4 != 0 {
			w.WriteHeader(http.StatusTooManyRequests)
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
		_, err := client.Files.Upload(t.Context(), mistralobs.UploadParams{Name: "a", Body: content}, mistralobs.TransferOptions{OnProgress: func(int64, int64) {
			assert.EqualValues(t, 1, inside.Add(1), "calls overlap")
			inside.Add(-1)
		}})
		require.NoError(t, err)
		content.Reset()
		content.Write(make([]byte, 4<<20)) // a data race if somebody still reads
	}
}

// A body that net/http sends again on another connection is watched like the first.
func TestUploadIsWatchedWhenItIsReplayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var read int64
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			body, err := req.GetBody()
			require.NoError(t, err)
			for buf := make([]byte, 100); err == nil; {
				time.Sleep(900 * time.Millisecond) // a slow connection, but not a dead one
				var n int
				n, err = body.Read(buf)
				read += int64(n)
			}
			if ended := req.Context().Err(); ended != nil {
				return nil, ended
			}
			return reply(req, 200, `{"id":"f"}`), nil
		}), mistralobs.WithTimeout(time.Second))
		_, err := client.Files.Upload(t.Context(), mistralobs.UploadParams{Name: "a", Body: strings.NewReader(strings.Repeat("x", 1000))}, mistralobs.TransferOptions{})
		require.NoError(t, err)
		assert.Greater(t, read, int64(1000))
	})
}
