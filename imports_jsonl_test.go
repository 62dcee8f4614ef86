package mistralobs_test

import (
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
)

// fileService takes uploads, and imports that complete at once.
type fileService struct {
	mu      sync.Mutex
	uploads []upload
	imports []string                           // file ids
	deleted []string                           // file ids
	task    func(n int) string                 // the JSON of the n-th task, from 1; nil: it has imported all
	refuse  func(req *http.Request, n int) int // status instead, after n uploads or imports; nil or 0: none
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
	case req.Method == http.MethodGet:
		var n int
		_, _ = fmt.Sscanf(filepath.Base(req.URL.Path), "task-%d", &n)
		lines := strings.Count(s.uploads[n-1].Content, "\n")
		const completed = `"status":"COMPLETED","result":{"requested_record_count":%d,"imported_record_count":%[1]d}`
		task := fmt.Sprintf(completed, lines)
		if s.task != nil {
			task = s.task(n)
		}
		fmt.Fprintf(w, `{"id":"task-%d","dataset_id":%q,%s}`, n, datasetID, task)
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
	if s.refuse == nil || req.Method == http.MethodGet {
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

// readers are the kinds of files that an import reads.
var readers = map[string]func(string) io.Reader{
	"a file":      func(text string) io.Reader { return strings.NewReader(text) },
	"a pipe":      func(text string) io.Reader { return onlyReader{strings.NewReader(text)} },
	"a slow pipe": func(text string) io.Reader { return &trickle{strings.NewReader(text), max(1, len(text)/1000)} },
	"a file's middle": func(text string) io.Reader {
		r := strings.NewReader("rubbish\n" + text)
		_, _ = r.Seek(int64(len("rubbish\n")), io.SeekStart)
		return r
	},
}

// trickle is a stream that comes in small pieces.
type trickle struct {
	r     io.Reader
	piece int
}

func (t *trickle) Read(p []byte) (int, error) { return t.r.Read(p[:min(len(p), t.piece)]) }

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
			want: []upload{{Name: "dataset.jsonl", Purpose: "evaluation",
				Content: huge + "\n" + line1 + "\n" + huge + "\n"}},
		},
	}
	for name, test := range tests {
		for kind, reader := range readers {
			t.Run(name+" from "+kind, func(t *testing.T) {
				t.Parallel()
				service := &fileService{}
				options := test.options
				var done, total int64
				options.OnProgress = func(d, of int64) { done, total = d, of }

				result, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, reader(test.input), options)

				require.NoError(t, err)
				var size int64
				lines := 0
				for i := range service.uploads {
					service.uploads[i].Length = 0
					size += int64(len(service.uploads[i].Content))
					lines += strings.Count(service.uploads[i].Content, "\n")
				}
				assert.Equal(t, test.want, service.uploads)
				assert.Equal(t, lines, result.Records)
				assert.Len(t, result.Tasks, len(test.want))
				assert.Equal(t, &mistralobs.ImportResult{Requested: lines, Imported: lines}, result.Result)
				var files []string
				for _, file := range result.Files {
					files = append(files, file.ID)
				}
				assert.Equal(t, files, service.imports)
				assert.Equal(t, files, service.deleted)
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
	const three = line1 + "\n" + line2 + "\n" + line1 + "\n" // three parts
	refuse := func(path string, at, status int) func(*http.Request, int) int {
		return func(req *http.Request, n int) int {
			if strings.HasSuffix(req.URL.Path, path) && n == at {
				return status
			}
			return 0
		}
	}
	// secondTask is what becomes of the second of the tasks.
	secondTask := func(task string) func(int) string {
		return func(n int) string {
			if n == 2 {
				return task
			}
			return `"status":"COMPLETED","result":{"requested_record_count":1,"imported_record_count":1}`
		}
	}
	noThanks := errors.New("no thanks")
	all := []string{"file-1", "file-2", "file-3"}
	tests := map[string]struct {
		input   io.Reader                     // default: three
		options mistralobs.JSONLImportOptions // MaxFileBytes: default 100
		refuse  func(*http.Request, int) int
		task    func(int) string
		want    error
		text    string
		maybe   bool // it matches ErrMaybeApplied
		deleted []string
		tasks   int
	}{
		"no record":     {input: strings.NewReader("\n\n"), want: mistralobs.ErrInvalidParams, text: "no record"},
		"an empty file": {input: strings.NewReader(""), want: mistralobs.ErrInvalidParams, text: "no record"},
		"a limit too large": {
			options: mistralobs.JSONLImportOptions{MaxFileBytes: mistralobs.MaxUploadBytes + 1},
			want:    mistralobs.ErrInvalidParams, text: "MaxFileBytes",
		},
		"a name that no upload may have": {
			options: mistralobs.JSONLImportOptions{Name: "a\nb"}, want: mistralobs.ErrInvalidParams,
			text: "Name: it must",
		},
		"a negative expiry": {
			options: mistralobs.JSONLImportOptions{Expiry: -1}, want: mistralobs.ErrInvalidParams,
			text: "Expiry: it must",
		},
		"bad bounds of polls": {
			options: mistralobs.JSONLImportOptions{Wait: mistralobs.WaitOptions{MinPoll: -1}},
			want:    mistralobs.ErrInvalidParams, text: "MinPoll",
		},
		"a broken reader": {
			input: io.MultiReader(strings.NewReader(line1), failing{io.ErrClosedPipe}),
			want:  io.ErrClosedPipe, text: "line 1",
		},
		"a refused bad line": {
			input:   strings.NewReader("x\n"),
			options: mistralobs.JSONLImportOptions{OnError: func(*mistralobs.LineError) error { return noThanks }},
			want:    noThanks, text: "no thanks",
		},
		"the second upload": {
			refuse: refuse("/v1/files", 1, 403), want: mistralobs.ErrForbidden, text: "upload", deleted: all[:1],
		},
		"the second upload, but kept": {
			options: mistralobs.JSONLImportOptions{KeepFiles: true},
			refuse:  refuse("/v1/files", 1, 403), want: mistralobs.ErrForbidden, text: "upload",
		},
		"an upload that may have been stored": {
			refuse: refuse("/v1/files", 1, 500), want: mistralobs.ErrServer, text: "upload", deleted: all[:1],
		},
		"the first import": {
			refuse: refuse("from-file", 0, 403), want: mistralobs.ErrForbidden, text: "uploaded file file-1 (1 of 3)",
			deleted: all,
		},
		"the first import, perhaps": {
			refuse: refuse("from-file", 0, 500), want: mistralobs.ErrServer, text: "uploaded file file-1 (1 of 3)",
			maybe: true, deleted: all[1:],
		},
		"the second import": {
			refuse: refuse("from-file", 1, 403), want: mistralobs.ErrForbidden, text: "uploaded file file-2 (2 of 3)",
			maybe: true, deleted: all, tasks: 1,
		},
		"the second import, perhaps": {
			refuse: refuse("from-file", 1, 500), want: mistralobs.ErrServer, text: "uploaded file file-2 (2 of 3)",
			maybe: true, deleted: []string{"file-1", "file-3"}, tasks: 1,
		},
		"the second import, without waiting": {
			options: mistralobs.JSONLImportOptions{NoWait: true},
			refuse:  refuse("from-file", 1, 403), want: mistralobs.ErrForbidden, text: "uploaded file file-2 (2 of 3)",
			maybe: true, deleted: all[1:], tasks: 1,
		},
		"the second task": {
			task: secondTask(`"status":"FAILED","message":"bad file"`), text: "task-2 ended as FAILED: bad file",
			maybe: true, deleted: all, tasks: 2,
		},
		"the second task, before it imported anything": {
			task: func(int) string {
				return `"status":"FAILED","result":{"requested_record_count":1,"imported_record_count":0}`
			},
			text: "task-1 ended as FAILED", deleted: all, tasks: 1,
		},
		"skipped records": {
			task: secondTask(`"status":"COMPLETED",` +
				`"result":{"requested_record_count":1,"imported_record_count":0,"skipped_record_count":1}`),
			want: mistralobs.ErrRecordsSkipped, text: "2 of 3 records were imported", deleted: all, tasks: 3,
		},
		"skipped records beside a part without a result": {
			task: func(n int) string {
				if n == 2 {
					return `"status":"COMPLETED","result":{"requested_record_count":1,"imported_record_count":0}`
				}
				return `"status":"COMPLETED"`
			},
			want: mistralobs.ErrRecordsSkipped, text: "0 of 1 records were imported", deleted: all, tasks: 3,
		},
		"skipped records and a file that cannot be deleted": {
			task:   secondTask(`"status":"COMPLETED","result":{"requested_record_count":1,"imported_record_count":0}`),
			refuse: refuse("file-1", 3, 403),
			want:   mistralobs.ErrRecordsSkipped, text: "uploaded file file-1 is left behind",
			maybe: true, deleted: all[1:], tasks: 3,
		},
		"fewer records than lines": {
			task: secondTask(`"status":"COMPLETED","result":{"requested_record_count":0,"imported_record_count":0}`),
			want: mistralobs.ErrRecordsSkipped, text: "2 of 3 records were imported", deleted: all, tasks: 3,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &fileService{refuse: test.refuse, task: test.task}
			test.options.MaxFileBytes = cmp.Or(test.options.MaxFileBytes, 100)
			if test.input == nil {
				test.input = strings.NewReader(three)
			}
			result, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, test.input, test.options)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			require.ErrorContains(t, err, test.text)
			assert.Equal(t, test.maybe, errors.Is(err, mistralobs.ErrMaybeApplied))
			assert.ElementsMatch(t, test.deleted, service.deleted, "no upload is left that no task reads")
			if len(service.uploads) == 0 {
				assert.Nil(t, result)
				return
			}
			assert.Len(t, result.Tasks, test.tasks)
			assert.Len(t, result.Files, len(service.uploads))
		})
	}
}

// NoWait starts the imports of all parts, and keeps the files that they need.
func TestFromJSONLWithoutWaiting(t *testing.T) {
	t.Parallel()
	service := &fileService{}
	input, options := strings.NewReader(line1+"\n"+line2), mistralobs.JSONLImportOptions{MaxFileBytes: 100, NoWait: true}
	result, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, input, options)
	require.NoError(t, err)
	assert.Equal(t, []string{"file-1", "file-2"}, service.imports)
	assert.Empty(t, service.deleted)
	assert.Len(t, result.Files, 2)
	require.Len(t, result.Tasks, 2)
	assert.Equal(t, mistralobs.StatusRunning, result.Tasks[1].Status)
	assert.Nil(t, result.Result)
}

// A panic of the caller's reader or callbacks is raised in the caller's goroutine.
func TestFromJSONLRaisesPanics(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		input   io.Reader
		options mistralobs.JSONLImportOptions
	}{
		"reader": {input: panicking{}},
		"OnError": {input: strings.NewReader("x"),
			options: mistralobs.JSONLImportOptions{OnError: func(*mistralobs.LineError) error { panic("oh") }}},
		"OnProgress": {options: mistralobs.JSONLImportOptions{OnProgress: func(int64, int64) { panic("oh") }}},
		"OnUpdate": {options: mistralobs.JSONLImportOptions{Wait: mistralobs.WaitOptions{
			OnUpdate: func(*mistralobs.ImportTask) { panic("oh") },
		}}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.input == nil {
				test.input = strings.NewReader(line1)
			}
			client := (&fileService{}).start(t)
			assert.PanicsWithValue(t, "oh", func() {
				_, _ = client.Imports.FromJSONL(t.Context(), datasetID, test.input, test.options)
			})
		})
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("oh") }

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

// Temporary files are removed and closed whatever happens. Not parallel: it changes TMPDIR.
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
	assert.Panics(t, func() { _ = upload(t.Context(), panicking{}) })
	assert.Panics(t, func() {
		_, _ = client.Imports.FromJSONL(t.Context(), datasetID, panicking{}, mistralobs.JSONLImportOptions{})
	})

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		assert.NotContains(t, entry.Name(), "mistralobs")
	}
	const open = "/proc/self/fd" // of Linux; a file there may have lost its name
	entries, _ = os.ReadDir(open)
	for _, entry := range entries {
		target, _ := os.Readlink(filepath.Join(open, entry.Name()))
		assert.NotContains(t, target, dir, "it is closed")
	}
}
