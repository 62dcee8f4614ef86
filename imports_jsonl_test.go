package mistralobs_test

import (
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

func TestFromJSONL(t *testing.T) {
	t.Parallel()
	big := `{"payload":{"text":"` + strings.Repeat("x", 300) + `"}}`
	tests := map[string]struct {
		input   string
		options mistralobs.JSONLImportOptions
		want    []upload
	}{
		"one file": {
			"\uFEFF" + line1 + "\r\n\n  \n" + line2, mistralobs.JSONLImportOptions{},
			[]upload{{Name: "dataset.jsonl", Purpose: "evaluation", Content: line1 + "\n" + line2 + "\n"}},
		},
		"another name and purpose": {
			line1 + "\n", mistralobs.JSONLImportOptions{Name: "a.json", Purpose: "batch"},
			[]upload{{Name: "a.json", Purpose: "batch", Content: line1 + "\n"}},
		},
		"split at line ends": {
			line1 + "\n" + big + "\n" + line2 + "\n" + line2 + "\n", mistralobs.JSONLImportOptions{MaxFileBytes: 350},
			[]upload{
				{Name: "dataset-001.jsonl", Purpose: "evaluation", Content: line1 + "\n"},
				{Name: "dataset-002.jsonl", Purpose: "evaluation", Content: big + "\n"},
				{Name: "dataset-003.jsonl", Purpose: "evaluation", Content: line2 + "\n" + line2 + "\n"},
			},
		},
		"bad lines left out": {
			"rubbish\n" + line1 + "\n[]\n" + big + "\n", mistralobs.JSONLImportOptions{MaxFileBytes: 200, OnError: func(*mistralobs.LineError) error { return nil }},
			[]upload{{Name: "dataset.jsonl", Purpose: "evaluation", Content: line1 + "\n"}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &fileService{}
			var uploaded []string
			test.options.OnUpload = func(f *mistralobs.File) { uploaded = append(uploaded, f.ID) }
			var done, total int64
			test.options.OnProgress = func(d, of int64) { done, total = d, of }

			tasks, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, onlyReader{strings.NewReader(test.input)}, test.options)

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

// A bad line is named, and nothing is sent.
func TestFromJSONLChecksEveryLine(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // line to what is wrong with it
		"rubbish":                        "invalid character",
		`{"messages":[]`:                 "unexpected EOF",
		`[]`:                             "it must be a JSON object, got an array",
		`{}`:                             `it has neither "payload" nor "messages"`,
		`{"messages":{}}`:                `"messages" must be an array, got an object`,
		`{"messages":["hi"]}`:            `"messages" must hold objects, got a string`,
		`{"payload":"text"}`:             `"payload" must be`,
		`{"payload":{},"properties":[]}`: `"properties" must be`,
		`{"payload":{}} {"payload":{}}`:  "after the object",
		`{"payload":` + strings.Repeat(`{"a":`, 20_000): "depth",
	}
	for line, want := range tests {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			service := &fileService{}
			_, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, strings.NewReader(line1+"\n\n"+line+"\n"+line1), mistralobs.JSONLImportOptions{})
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
	split := mistralobs.JSONLImportOptions{MaxFileBytes: 100}
	two := line1 + "\n" + line2 + "\n"
	refuse := func(path string, at int) func(*http.Request, int) int {
		return func(req *http.Request, n int) int {
			if strings.HasSuffix(req.URL.Path, path) && n == at {
				return http.StatusForbidden
			}
			return 0
		}
	}
	tests := map[string]struct {
		input   io.Reader
		options mistralobs.JSONLImportOptions
		refuse  func(*http.Request, int) int
		want    error
		text    string
		deleted []string
		tasks   int
	}{
		"no record":          {strings.NewReader("\n\n"), split, nil, mistralobs.ErrInvalidParams, "no record", nil, 0},
		"no reader":          {nil, split, nil, mistralobs.ErrInvalidParams, "nil", nil, 0},
		"a limit too large":  {strings.NewReader(two), mistralobs.JSONLImportOptions{MaxFileBytes: mistralobs.MaxUploadBytes + 1}, nil, mistralobs.ErrInvalidParams, "MaxFileBytes", nil, 0},
		"a broken reader":    {io.MultiReader(strings.NewReader(line1), failing{io.ErrClosedPipe}), split, nil, io.ErrClosedPipe, "line 1", nil, 0},
		"the second upload":  {strings.NewReader(two), split, refuse("/v1/files", 1), mistralobs.ErrForbidden, "upload", []string{"file-1"}, 0},
		"the second import":  {strings.NewReader(two), split, refuse("from-file", 1), mistralobs.ErrForbidden, "uploaded file file-2 (2 of 2)", []string{"file-2"}, 1},
		"a refused bad line": {strings.NewReader("x\n"), mistralobs.JSONLImportOptions{OnError: func(*mistralobs.LineError) error { return errors.New("no thanks") }}, nil, nil, "no thanks", nil, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			service := &fileService{refuse: test.refuse}
			tasks, err := service.start(t).Imports.FromJSONL(t.Context(), datasetID, test.input, test.options)
			if test.want != nil {
				require.ErrorIs(t, err, test.want)
			}
			require.ErrorContains(t, err, test.text)
			assert.Equal(t, test.deleted, service.deleted, "no upload is left that nothing reads")
			assert.Len(t, tasks, test.tasks)
		})
	}
}

// Temporary files are gone whatever happens. Not parallel: it changes TMPDIR.
func TestTemporaryFilesAreRemoved(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	service := &fileService{}
	client := service.start(t)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := client.Imports.FromJSONL(t.Context(), datasetID, strings.NewReader(line1), mistralobs.JSONLImportOptions{})
	require.NoError(t, err)
	_, err = client.Imports.FromJSONL(t.Context(), datasetID, strings.NewReader(line1+"\nrubbish"), mistralobs.JSONLImportOptions{})
	require.Error(t, err)
	_, err = client.Imports.FromJSONL(canceled, datasetID, strings.NewReader(line1), mistralobs.JSONLImportOptions{})
	require.ErrorIs(t, err, context.Canceled)
	_, err = client.Files.Upload(t.Context(), mistralobs.UploadParams{Name: "n", Body: onlyReader{strings.NewReader("content")}}, mistralobs.TransferOptions{})
	require.NoError(t, err)
	_, err = client.Files.Upload(t.Context(), mistralobs.UploadParams{Name: "n", Body: onlyReader{failing{io.ErrClosedPipe}}}, mistralobs.TransferOptions{})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	_, err = client.Files.Upload(canceled, mistralobs.UploadParams{Name: "n", Body: onlyReader{strings.NewReader("content")}}, mistralobs.TransferOptions{})
	require.ErrorIs(t, err, context.Canceled)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		assert.NotContains(t, entry.Name(), "mistralobs")
	}
}

// After an import that cannot be started, the files that none will read are gone.
func TestFromJSONLLeavesNoFilesBehind(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fault   mistralobstest.Fault
		deleted int // of three
	}{
		"refused":       {mistralobstest.Fault{Status: 400, Skip: 1}, 2},
		"perhaps begun": {mistralobstest.Fault{Break: mistralobstest.ResetUnanswered, Skip: 1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mistralobstest.NewServer()
			t.Cleanup(server.Close)
			dataset := server.SeedDataset("Support tickets", "")
			test.fault.Operation = mistralobstest.ImportsFromFile
			server.Inject(test.fault)
			tasks, err := server.Client(t).Imports.FromJSONL(t.Context(), dataset, joined(tickets(1, 3)), mistralobs.JSONLImportOptions{MaxFileBytes: 70})
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
