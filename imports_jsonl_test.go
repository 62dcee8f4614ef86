package mistralobs_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// fileService takes uploads and starts imports.
type fileService struct {
	mu      sync.Mutex
	uploads []upload
	imports []string // file ids
	deleted []string
	refuse  func(req *http.Request, n int) int // status instead, to the n-th upload or import; nil or 0: none
}

type upload struct {
	Name, Purpose, Content string
	Length                 int64 // Content-Length
}

func (s *fileService) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	uploading := req.URL.Path == "/v1/files"
	n := len(s.imports)
	if uploading {
		n = len(s.uploads)
	}
	switch status := s.refusal(req, n); {
	case status != 0:
		http.Error(w, "refused", status)
	case req.Method == http.MethodDelete:
		s.deleted = append(s.deleted, filepath.Base(req.URL.Path))
		fmt.Fprintf(w, `{"id":"x","object":"file","deleted":true}`)
	case uploading:
		s.upload(w, req)
	default:
		var body struct {
			ID string `json:"file_id"`
		}
		_ = json.NewDecoder(req.Body).Decode(&body)
		s.imports = append(s.imports, body.ID)
		w.WriteHeader(202)
		fmt.Fprintf(w, `{"id":"task-%d","dataset_id":%q,"status":"RUNNING"}`, len(s.imports), datasetID)
	}
}

func (s *fileService) refusal(req *http.Request, n int) int {
	if s.refuse == nil || req.Method != http.MethodPost {
		return 0
	}
	return s.refuse(req, n)
}

func (s *fileService) upload(w http.ResponseWriter, req *http.Request) {
	file, header, err := req.FormFile("file")
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	content, _ := io.ReadAll(file)
	s.uploads = append(s.uploads, upload{header.Filename, req.FormValue("purpose"), string(content), req.ContentLength})
	fmt.Fprintf(w, `{"id":"file-%d"}`, len(s.uploads))
}

// start serves the service on a socket, since lengths and broken connections need a real one.
func (s *fileService) start(t *testing.T, opts ...mistralobs.Option) *mistralobs.Client {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	opts = append([]mistralobs.Option{
		mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(server.URL), mistralobs.WithHTTPClient(server.Client()),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: time.Millisecond, MaxWait: time.Millisecond}),
	}, opts...)
	client, err := mistralobs.NewClient(opts...)
	require.NoError(t, err)
	return client
}

const (
	line1 = `{"messages":[{"role":"user","content":"1"}],"properties":{"n":9007199254740993}}`
	line2 = `{"payload": {"any": "thing"}}`
)

// readers are the kinds of files that an import reads: the first one twice, the others through a copy
// or by seeking.
var readers = map[string]func(string) io.Reader{
	"a file":          func(text string) io.Reader { return strings.NewReader(text) },
	"a pipe":          func(text string) io.Reader { return onlyReader{strings.NewReader(text)} },
	"a slow pipe":     func(text string) io.Reader { return &trickle{strings.NewReader(text), max(1, len(text)/1000)} },
	"a seeker":        func(text string) io.Reader { return onlySeeker{strings.NewReader(text)} },
	"a buffer":        func(text string) io.Reader { return bytes.NewBufferString(text) },
	"a file's middle": fileFromItsMiddle,
}

// trickle is a stream that comes in small pieces.
type trickle struct {
	r     io.Reader
	piece int
}

func (t *trickle) Read(p []byte) (int, error) { return t.r.Read(p[:min(len(p), t.piece)]) }

func fileFromItsMiddle(text string) io.Reader {
	r := strings.NewReader("rubbish\n" + text)
	_, _ = r.Seek(int64(len("rubbish\n")), io.SeekStart)
	return r
}

func TestFromJSONL(t *testing.T) {
	t.Parallel()
	const big = `{"payload":{"text":"0123456789012345678901234567890123456789012345678901234567890123456789"}}`
	huge := `{"payload":{"text":"` + strings.Repeat("x", 200_000) + `"}}`
	skip := func(*mistralobs.LineError) error { return nil }
	tests := map[string]struct {
		input   string
		options mistralobs.JSONLImportOptions
		want    []upload
	}{
		"one file": {
			input: "\uFEFF" + line1 + "\r\n\n  \n" + line2,
			want:  []upload{{Name: "dataset.jsonl", Purpose: "evaluation", Content: line1 + "\n" + line2 + "\n"}},
		},
		"another name and purpose": {
			input:   line1 + "\n",
			options: mistralobs.JSONLImportOptions{Name: "a.json", Purpose: "batch"},
			want:    []upload{{Name: "a.json", Purpose: "batch", Content: line1 + "\n"}},
		},
		"split at line ends": {
			input:   "\n" + line1 + "\n" + big + "\n \n" + line2 + "\n" + line2 + "\n",
			options: mistralobs.JSONLImportOptions{MaxFileBytes: 100},
			want: []upload{
				{Name: "dataset-001.jsonl", Purpose: "evaluation", Content: line1 + "\n"},
				{Name: "dataset-002.jsonl", Purpose: "evaluation", Content: big + "\n"},
				{Name: "dataset-003.jsonl", Purpose: "evaluation", Content: line2 + "\n" + line2 + "\n"},
			},
		},
		"bad lines skipped": {
			input:   "rubbish\n" + line1 + "\n[]\n{}\n" + line2 + "\n" + huge + "\n\n" + big + "\nx\n" + line2 + "\n[]",
			options: mistralobs.JSONLImportOptions{MaxFileBytes: 150, OnError: skip},
			want: []upload{
				{Name: "dataset-001.jsonl", Purpose: "evaluation", Content: line1 + "\n" + line2 + "\n"},
				{Name: "dataset-002.jsonl", Purpose: "evaluation", Content: big + "\n" + line2 + "\n"},
			},
		},
		"long lines": {
			input: huge + "\r\n" + line1 + "\r\n" + huge,
			want:  []upload{{Name: "dataset.jsonl", Purpose: "evaluation", Content: huge + "\n" + line1 + "\n" + huge + "\n"}},
		},
	}
	for name, test := range tests {
		for kind, reader := range readers {
			t.Run(name+" from "+kind, func(t *testing.T) {
				t.Parallel()
				service := &fileService{}
				options := test.options
				var uploaded []string
				options.OnUpload = func(f *mistralobs.File) { uploaded = append(uploaded, f.ID) }
				var done, total int64
				options.OnProgress = func(d, of int64) { done, total = d, of }

				tasks, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, reader(test.input), options)

				require.NoError(t, err)
				var size int64
				for i := range service.uploads {
					service.uploads[i].Length = 0
					size += int64(len(service.uploads[i].Content))
				}
				assert.Equal(t, test.want, service.uploads)
				assert.Len(t, tasks, len(test.want))
				assert.Equal(t, uploaded, service.imports)
				assert.Equal(t, []int64{size, size}, []int64{done, total})
			})
		}
	}
}

// A bad line is named, and nothing is sent.
func TestFromJSONLChecksEveryLine(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // line to what is wrong with it
		"rubbish":                        "invalid character",
		`{"messages":[]`:                 "unexpected EOF",
		`[]`:                             "it must be a JSON object, got an array",
		`{}`:                             `it has neither "payload" nor "messages"`,
		`{"messages":{}}`:                `"messages" must be an array, got an object`,
		`{"messages":["hi"]}`:            `messages[0]: it must be a JSON object, got a string`,
		`{"payload":"text"}`:             `"payload" must be`,
		`{"payload":{},"properties":[]}`: `"properties" must be`,
		`{"payload":{}} {"payload":{}}`:  "after the object",
		`{"payload":` + strings.Repeat(`{"a":`, 20_000):            "depth",
		`{"payload":"` + strings.Repeat("x", 200_000) + `"}`:       "longer than the 150000 bytes",
		`{"payload":{"a":"` + strings.Repeat("x", 150_000) + `"}}`: "its 150021 bytes do not fit",
	}
	for line, want := range tests {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			service := &fileService{}
			input := strings.NewReader(line1 + "\n\n" + line + "\n" + line1)
			options := mistralobs.JSONLImportOptions{MaxFileBytes: 150_000}
			_, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, input, options)
			var lineError *mistralobs.LineError
			require.ErrorAs(t, err, &lineError)
			assert.Equal(t, 3, lineError.Line)
			require.ErrorContains(t, err, want)
			assert.Empty(t, service.uploads)
		})
	}
}

func TestFromJSONLFails(t *testing.T) {
	t.Parallel()
	const two = line1 + "\n" + line2 + "\n"
	refuse := func(path string, at int) func(*http.Request, int) int {
		return func(req *http.Request, n int) int {
			if strings.HasSuffix(req.URL.Path, path) && n == at {
				return http.StatusForbidden
			}
			return 0
		}
	}
	noThanks := errors.New("no thanks")
	tests := map[string]struct {
		input   io.Reader
		options mistralobs.JSONLImportOptions // MaxFileBytes: default 100
		refuse  func(*http.Request, int) int
		want    error
		text    string
		deleted []string
		tasks   int
	}{
		"no record":     {input: strings.NewReader("\n\n"), want: mistralobs.ErrInvalidParams, text: "no record"},
		"an empty file": {input: strings.NewReader(""), want: mistralobs.ErrInvalidParams, text: "no record"},
		"no reader":     {input: nil, want: mistralobs.ErrInvalidParams, text: "nil"},
		"a limit too large": {
			input:   strings.NewReader(two),
			options: mistralobs.JSONLImportOptions{MaxFileBytes: mistralobs.MaxUploadBytes + 1},
			want:    mistralobs.ErrInvalidParams, text: "MaxFileBytes",
		},
		"a broken reader": {
			input: io.MultiReader(strings.NewReader(line1), failing{io.ErrClosedPipe}),
			want:  io.ErrClosedPipe, text: "line 1",
		},
		"the second upload": {
			input: strings.NewReader(two), refuse: refuse("/v1/files", 1),
			want: mistralobs.ErrForbidden, text: "upload", deleted: []string{"file-1"},
		},
		"the second import": {
			input: strings.NewReader(two), refuse: refuse("from-file", 1),
			want: mistralobs.ErrForbidden, text: "uploaded file file-2 (2 of 2)", deleted: []string{"file-2"}, tasks: 1,
		},
		"a refused bad line": {
			input:   strings.NewReader("x\n"),
			options: mistralobs.JSONLImportOptions{OnError: func(*mistralobs.LineError) error { return noThanks }},
			want:    noThanks, text: "no thanks",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &fileService{refuse: test.refuse}
			test.options.MaxFileBytes = cmp.Or(test.options.MaxFileBytes, 100)
			tasks, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, test.input, test.options)
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.text)
			assert.Equal(t, test.deleted, service.deleted, "no upload is left that no task reads")
			assert.Len(t, tasks, test.tasks)
		})
	}
}

// A file that changes between the check and the upload is not imported, whatever the change is.
func TestFromJSONLNoticesChanges(t *testing.T) {
	t.Parallel()
	const three = line1 + "\n" + line2 + "\n" + line2 + "\n"
	tests := map[string]string{ // what the file becomes
		"a byte changes":       line1 + "\n" + line2 + "\n" + strings.Replace(line2, "any", "all", 1) + "\n",
		"lines are exchanged":  line2 + "\n" + line1 + "\n" + line2 + "\n",
		"it is cut":            line1 + "\n" + line2 + "\n",
		"it is cut in a line":  three[:len(three)-5],
		"it is empty":          "",
		"a line grows":         line1 + "\n" + line2 + "\n" + line2 + " {}\n",
		"a line has a comment": line1 + "\n# no record\n" + line2 + "\n" + line2 + "\n",
	}
	for name, changed := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "in.jsonl")
			require.NoError(t, os.WriteFile(path, []byte("x\n"+three), 0o600))
			file, err := os.Open(path)
			require.NoError(t, err)
			defer file.Close()
			service := &fileService{}
			changes := &changingFile{ReadSeeker: file, ReaderAt: file, size: int64(len("x\n" + three)), then: func() {
				assert.NoError(t, os.WriteFile(path, []byte("x\n"+changed), 0o600))
			}}

			tasks, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, changes, mistralobs.JSONLImportOptions{
				OnError: func(*mistralobs.LineError) error { return nil },
			})

			require.ErrorContains(t, err, "the file changed while it was imported")
			assert.Empty(t, tasks)
			assert.Empty(t, service.uploads)
			assert.Empty(t, service.imports)
		})
	}
}

// changingFile changes when it has been read to its end.
type changingFile struct {
	io.ReadSeeker
	io.ReaderAt
	size int64
	then func()
}

func (c *changingFile) ReadAt(p []byte, offset int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, offset)
	if offset+int64(n) == c.size && c.then != nil {
		c.then()
		c.then = nil
	}
	return n, err
}

// The context ends an import while a read of the input blocks, whatever the input is.
func TestFromJSONLEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := clientOver(t, roundTripFunc(func(*http.Request) (*http.Response, error) {
			assert.Fail(t, "nothing is sent")
			return nil, io.ErrUnexpectedEOF
		}))
		input, feed := io.Pipe()
		go func() { _, _ = io.WriteString(feed, line1+"\n") }()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		_, err := client.Imports.FromJSONL(ctx, datasetID, input, mistralobs.JSONLImportOptions{})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		require.NoError(t, feed.Close()) // the blocked read returns, and its goroutine ends
	})
}

// A file that does not block is not read any further once the context has ended.
func TestFromJSONLStopsReading(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	lines := 0
	_, err := clientOver(t, nil).Imports.FromJSONL(ctx, datasetID, strings.NewReader(strings.Repeat("x\n", 300_000)),
		mistralobs.JSONLImportOptions{OnError: func(*mistralobs.LineError) error {
			lines++
			cancel()
			return nil
		}})
	require.ErrorIs(t, err, context.Canceled)
	assert.Less(t, lines, 100_000)
}

// Deleting uploaded files ends soon after the context, even if the service does not respond.
func TestFromJSONLCleansUpInTime(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		cancelAfter time.Duration // of the context; 0: never
		want        time.Duration // of the call
	}{
		"the context ends in an upload":       {cancelAfter: time.Second, want: 3 * time.Second},
		"the context ends while it cleans up": {cancelAfter: 32 * time.Second, want: 34 * time.Second},
		"the context does not end":            {want: 40 * time.Second},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				uploads := 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					if req.Method == http.MethodPost {
						_, _ = io.Copy(io.Discard, req.Body)
						if uploads++; uploads == 1 {
							return reply(req, 200, `{"id":"file-1"}`), nil
						}
					}
					<-req.Context().Done()
					return nil, req.Context().Err()
				}), mistralobs.WithTimeout(30*time.Second))
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.cancelAfter > 0 {
					time.AfterFunc(test.cancelAfter, cancel)
				}
				start := time.Now()
				_, err := client.Imports.FromJSONL(ctx, datasetID, strings.NewReader(line1+"\n"+line2),
					mistralobs.JSONLImportOptions{MaxFileBytes: 100})
				require.ErrorContains(t, err, "uploaded file file-1 is left behind")
				assert.Equal(t, test.want, time.Since(start))
			})
		})
	}
}

// Temporary files are removed whatever happens. Not parallel: it changes TMPDIR.
func TestTemporaryFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	service := &fileService{}
	client := service.start(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	fromJSONL := func(ctx context.Context, text string) error {
		input := onlyReader{strings.NewReader(text)}
		_, err := client.Imports.FromJSONL(ctx, datasetID, input, mistralobs.JSONLImportOptions{})
		return err
	}
	upload := func(ctx context.Context, r io.Reader) error {
		params := mistralobs.UploadParams{Name: "n", Body: onlyReader{r}}
		_, err := client.Files.Upload(ctx, params, mistralobs.TransferOptions{})
		return err
	}

	require.NoError(t, fromJSONL(t.Context(), line1))
	require.Error(t, fromJSONL(t.Context(), line1+"\nrubbish"))
	require.ErrorIs(t, fromJSONL(canceled, line1), context.Canceled)
	require.NoError(t, upload(t.Context(), strings.NewReader("content")))
	require.ErrorIs(t, upload(t.Context(), failing{io.ErrClosedPipe}), io.ErrClosedPipe)
	require.ErrorIs(t, upload(canceled, strings.NewReader("content")), context.Canceled)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		assert.NotContains(t, entry.Name(), "mistralobs")
	}
}

const threeLines = `{"payload":{"answer":"yes"},"properties":{"id":"t-0001"}}
{"payload":{"answer":"yes"},"properties":{"id":"t-0002"}}
{"payload":{"answer":"yes"},"properties":{"id":"t-0003"}}`

// If an import cannot be started, the files that no task reads are deleted.
func TestFromJSONLLeavesNoFilesBehind(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   mistralobstest.Fault
		deleted int // of three
	}{
		"refused":       {fault: mistralobstest.Fault{Status: 400, Skip: 1}, deleted: 2},
		"maybe applied": {fault: mistralobstest.Fault{Break: mistralobstest.ResetUnanswered, Skip: 1}, deleted: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mistralobstest.NewServer()
			t.Cleanup(server.Close)
			dataset := server.SeedDataset("Support tickets", "")
			test.fault.Operation = mistralobstest.ImportsFromFile
			server.Inject(test.fault)
			input, options := strings.NewReader(threeLines), mistralobs.JSONLImportOptions{MaxFileBytes: 70}
			tasks, err := server.Client(t).Imports.FromJSONL(t.Context(), dataset, input, options)
			require.Error(t, err)
			assert.Len(t, tasks, 1)
			count := map[string]int{}
			for _, request := range server.Requests() {
				count[request.Operation]++
			}
			assert.Equal(t, 3, count[mistralobstest.FilesUpload])
			assert.Equal(t, test.deleted, count[mistralobstest.FilesDelete])
		})
	}
}
