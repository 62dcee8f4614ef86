package mistralobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

func TestDownloadIsWhole(t *testing.T) {
	t.Parallel()
	s := &storage{content: jsonlContent(5000), etag: `"v1"`}
	var got bytes.Buffer
	var last, total int64

	n, err := s.client(t).Exports.Download(t.Context(), datasetID, &got, mistralobs.TransferOptions{
		OnProgress: func(done, of int64) { last, total = done, of },
	})

	require.NoError(t, err)
	assert.Equal(t, int64(len(s.content)), n)
	assert.True(t, bytes.Equal(s.content, got.Bytes()))
	assert.Equal(t, [2]int64{n, n}, [2]int64{last, total})
	assert.Len(t, s.requests, 1)
	assert.Equal(t, "exports.download", mistralobs.OperationName(s.requests[0].Context()))
}

func TestSave(t *testing.T) {
	t.Parallel()
	content := jsonlContent(100)
	const strong = `"v1"`
	breaks := func(int) response { return response{after: 1000} }
	down := func(int) response { return response{status: 500} }
	tests := map[string]struct {
		respond func(int) response
		etag    string
		noRange bool
		old     string // content of the file before; "" if there is none
		want    error
	}{
		"a new file":                    {etag: strong},
		"an old file":                   {etag: strong, old: "old"},
		"a server that cannot continue": {respond: brokenThen(response{}), etag: strong, noRange: true, old: "old"},
		"a server without ETags":        {respond: brokenThen(response{}), old: "old"},
		"a server that always breaks":   {respond: breaks, old: "old", want: mistralobs.ErrExportChanged},
		"a server that cuts a body without framing": {
			respond: func(int) response { return response{unframed: true, after: 1001, cut: true} },
			old:     "old", want: mistralobs.ErrExportChanged,
		},
		"a server that sends nothing, without framing": {
			respond: func(int) response { return response{status: 200} }, old: "old", want: io.ErrUnexpectedEOF,
		},
		"a server that is down":                {respond: down, old: "old", want: mistralobs.ErrServer},
		"a new file and a server that is down": {respond: down, want: mistralobs.ErrServer},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &storage{content: content, etag: test.etag, noRange: test.noRange, respond: test.respond}
				dir := t.TempDir()
				path := filepath.Join(dir, "out.jsonl")
				if test.old != "" {
					require.NoError(t, os.WriteFile(path, []byte(test.old), 0o600))
				}

				n, err := s.client(t).Exports.Save(t.Context(), datasetID, path, mistralobs.TransferOptions{})

				require.ErrorIs(t, err, test.want)
				got, readErr := os.ReadFile(path)
				switch {
				case test.want == nil:
					assert.Equal(t, int64(len(content)), n)
					assert.Equal(t, string(content), string(got))
				case test.old != "":
					assert.Equal(t, test.old, string(got), "the old file is whole")
				default:
					assert.ErrorIs(t, readErr, os.ErrNotExist)
				}
				entries, err := os.ReadDir(dir)
				require.NoError(t, err)
				assert.LessOrEqual(t, len(entries), 1, "no temporary file is left")
				if test.old != "" {
					info, err := os.Stat(path)
					require.NoError(t, err)
					assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the mode is kept")
				}
			})
		})
	}
}

func TestSaveRefusesBadPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loop := filepath.Join(dir, "loop")
	require.NoError(t, os.Symlink(loop, loop))
	// path returns the name of an open file, as /dev/stdout leads to it.
	path := func(file *os.File, err error) string {
		require.NoError(t, err)
		t.Cleanup(func() { file.Close() })
		return fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	}
	r, w, err := os.Pipe()
	output, pipe := path(os.Create(filepath.Join(dir, "output"))), path(w, err)
	defer r.Close()
	tests := map[string]struct {
		path string
		want error
		text string
	}{
		"empty": {path: "", want: mistralobs.ErrInvalidParams,
			text: "mistralobs: save export: path: it is empty"},
		"a folder":         {path: dir, want: mistralobs.ErrInvalidParams, text: "is a folder"},
		"a device":         {path: os.DevNull, want: mistralobs.ErrInvalidParams, text: "but a device; use Download"},
		"an open file":     {path: output, want: mistralobs.ErrInvalidParams, text: "an open file of a process"},
		"an open pipe":     {path: pipe, want: mistralobs.ErrInvalidParams, text: "but a pipe; use Download"},
		"a link in a loop": {path: loop, want: mistralobs.ErrInvalidParams, text: "more than 40 symbolic links"},
		"in no folder": {path: dir + "/no/file", want: os.ErrNotExist,
			text: "save export: open " + dir + "/no/file: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.HasPrefix(test.path, "/proc/") && runtime.GOOS != "linux" {
				t.Skip("there is no /proc")
			}
			s := &storage{content: jsonlContent(1)}
			_, err := s.client(t).Exports.Save(t.Context(), datasetID, test.path, mistralobs.TransferOptions{})
			require.ErrorIs(t, err, test.want)
			require.ErrorContains(t, err, test.text)
			assert.Zero(t, s.urls, "nothing was sent")
		})
	}
}

// A link stays a link, also if the file that it leads to does not exist yet.
func TestSaveFollowsLinks(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		old  string            // content of data/target before; "" if there is none
		link map[string]string // name to target, in the order of their names
	}{
		"to a file":            {old: "old", link: map[string]string{"link": "data/target"}},
		"to no file":           {link: map[string]string{"link": "data/target"}},
		"absolute":             {link: map[string]string{"link": "/data/target"}},
		"to a link to no file": {link: map[string]string{"link": "data/next", "data/next": "target"}},
		"through the parent of a linked folder": {link: map[string]string{"folder": "data/deep",
			"link": "folder/../target"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			target := filepath.Join(dir, "data", "target")
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "data", "deep"), 0o700))
			if test.old != "" {
				require.NoError(t, os.WriteFile(target, []byte(test.old), 0o600))
			}
			for name, to := range test.link {
				if filepath.IsAbs(to) {
					to = dir + to
				}
				require.NoError(t, os.Symlink(to, filepath.Join(dir, name)))
			}
			s := &storage{content: jsonlContent(1)}
			link := filepath.Join(dir, "link")

			_, err := s.client(t).Exports.Save(t.Context(), datasetID, link, mistralobs.TransferOptions{})

			require.NoError(t, err)
			got, err := os.ReadFile(target)
			require.NoError(t, err)
			assert.Equal(t, string(s.content), string(got))
			for name := range test.link {
				info, err := os.Lstat(filepath.Join(dir, name))
				require.NoError(t, err)
				assert.NotZero(t, info.Mode()&os.ModeSymlink, "%s is still a link", name)
			}
		})
	}
}

// A name may be as long as the file system allows, in whatever script.
func TestSaveTakesLongNames(t *testing.T) {
	t.Parallel()
	names := []string{strings.Repeat("x", 255), "x" + strings.Repeat("ü", 127), strings.Repeat("x", 240) + ".jsonl"}
	for _, name := range names {
		s := &storage{content: jsonlContent(1)}
		path := filepath.Join(t.TempDir(), name)
		_, err := s.client(t).Exports.Save(t.Context(), datasetID, path, mistralobs.TransferOptions{})
		require.NoError(t, err)
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, string(s.content), string(got))
	}
}

// A web page of a proxy does not replace a good file. Any other type and beginning is accepted.
func TestSaveRefusesWebPages(t *testing.T) {
	t.Parallel()
	jsonl := string(jsonlContent(3))
	tests := map[string]struct {
		contentType, body string
		piece             int // the body arrives in pieces of this size; 0: at once
		ok                bool
	}{
		"HTML":                    {contentType: "text/html; charset=utf-8", body: jsonl},
		"XHTML":                   {contentType: "application/xhtml+xml", body: jsonl},
		"XML":                     {contentType: "Application/XML", body: jsonl},
		"a tag":                   {contentType: "application/octet-stream", body: "<html>Sign in</html>"},
		"a tag without a type":    {body: "<!doctype html>"},
		"a tag after a mark":      {body: "\uFEFF<?xml version='1.0'?>"},
		"a tag after space":       {body: strings.Repeat("\r\n\t ", 100_000) + "<Error/>"},
		"a tag in pieces":         {body: "\uFEFF\n\n<Error/>", piece: 1},
		"a tag in UTF-16":         {body: "\xFF\xFE<\x00h\x00"},
		"JSONL":                   {contentType: "application/jsonl", body: jsonl, ok: true},
		"JSONL of another type":   {contentType: "text/plain", body: jsonl, ok: true},
		"JSONL without a type":    {body: jsonl, ok: true},
		"JSONL after a mark":      {body: "\uFEFF\n" + jsonl, piece: 1, ok: true},
		"nothing but white space": {body: "\n\n", ok: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				if strings.HasSuffix(req.URL.Path, "/to-jsonl") {
					return reply(req, 200, `{"file_url":"https://storage.example.com/x?sig=s"}`), nil
				}
				header := http.Header{}
				if test.contentType != "" {
					header.Set("Content-Type", test.contentType)
				}
				var body io.Reader = strings.NewReader(test.body)
				if test.piece > 0 {
					body = &trickle{body, test.piece}
				}
				return answer(req, 200, header, body, int64(len(test.body))), nil
			}))
			path := filepath.Join(t.TempDir(), "out.jsonl")
			require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
			_, err := client.Exports.Save(t.Context(), datasetID, path, mistralobs.TransferOptions{})
			got, readErr := os.ReadFile(path)
			require.NoError(t, readErr)
			if test.ok {
				require.NoError(t, err)
				assert.Equal(t, test.body, string(got))
				return
			}
			require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
			require.ErrorContains(t, err, "a web page or XML")
			assert.Equal(t, "old", string(got))
			_, err = client.Exports.Download(t.Context(), datasetID, io.Discard, mistralobs.TransferOptions{})
			require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
			_, err = count(client.Exports.Records(t.Context(), datasetID, mistralobs.TransferOptions{}))
			require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
		})
	}
}

// The options of a call hold for the export and its download. WithResponse gets the export's
// response, also if the download asks for other things.
func TestExportOptions(t *testing.T) {
	t.Parallel()
	calls := map[string]func(*mistralobs.Client, mistralobs.TransferOptions, ...mistralobs.CallOption) error{
		"Open": func(c *mistralobs.Client, options mistralobs.TransferOptions, opts ...mistralobs.CallOption) error {
			file, err := c.Exports.Open(t.Context(), datasetID, options, opts...)
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = io.Copy(io.Discard, file)
			return err
		},
		"Download": func(c *mistralobs.Client, options mistralobs.TransferOptions, opts ...mistralobs.CallOption) error {
			_, err := c.Exports.Download(t.Context(), datasetID, io.Discard, options, opts...)
			return err
		},
		"Save": func(c *mistralobs.Client, options mistralobs.TransferOptions, opts ...mistralobs.CallOption) error {
			_, err := c.Exports.Save(t.Context(), datasetID, filepath.Join(t.TempDir(), "x"), options, opts...)
			return err
		},
		"Records": func(c *mistralobs.Client, options mistralobs.TransferOptions, opts ...mistralobs.CallOption) error {
			_, err := count(c.Exports.Records(t.Context(), datasetID, options, opts...))
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &storage{respond: func(int) response { return response{unframed: true} }} // an empty export
			var got mistralobs.Response
			header := mistralobs.WithHeader("X-Team", "evals")
			require.NoError(t, call(s.client(t), mistralobs.TransferOptions{}, mistralobs.WithResponse(&got), header))
			assert.Contains(t, string(got.Body), "file_url")

			s = &storage{content: jsonlContent(100), etag: `"v1"`, respond: sequence(response{status: 503})}
			var done, total int64
			progress := mistralobs.TransferOptions{OnProgress: func(d, of int64) { done, total = d, of }}
			once := mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1})
			require.ErrorIs(t, call(s.client(t), progress, once), mistralobs.ErrServer)
			assert.Len(t, s.requests, 1)
			require.NoError(t, call(s.client(t), progress, once))
			size := int64(len(s.content))
			assert.Equal(t, []int64{size, size}, []int64{done, total})
		})
	}
}

func TestDownloadReportsTheWriter(t *testing.T) {
	t.Parallel()
	s := &storage{content: jsonlContent(1)}
	full := errors.New("disk full")
	_, err := s.client(t).Exports.Download(t.Context(), datasetID, brokenWriter{full}, mistralobs.TransferOptions{})
	require.ErrorIs(t, err, full)
	assert.EqualError(t, err, "mistralobs: download export: writing: disk full")
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// A record is yielded when it has arrived, whether more arrives or not. A loop that breaks leaves
// no goroutine behind, also if a read blocks.
func TestExportRecordsDoNotWaitForMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &storage{content: jsonlContent(100), etag: `"v1"`, respond: sequence(response{after: 1000, stall: true})}
		want, err := count(mistralobs.ReadJSONL(bytes.NewReader(s.content[:bytes.LastIndexByte(s.content[:1000], '\n')])))
		require.NoError(t, err)
		start, got := time.Now(), 0
		for _, err := range s.client(t).Exports.Records(t.Context(), datasetID, mistralobs.TransferOptions{}) {
			require.NoError(t, err)
			if got++; got == want {
				break
			}
		}
		assert.Equal(t, want, got)
		assert.Zero(t, time.Since(start))
	})
}

// The end of the context ends the loop at the next record, although more records have arrived.
func TestExportRecordsEndWithTheContext(t *testing.T) {
	t.Parallel()
	s := &storage{content: jsonlContent(1000)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	records, failures := 0, 0
	for record, err := range s.client(t).Exports.Records(ctx, datasetID, mistralobs.TransferOptions{}) {
		if err != nil {
			assert.Nil(t, record)
			require.ErrorIs(t, err, context.Canceled)
			var network *mistralobs.NetworkError
			require.ErrorAs(t, err, &network)
			assert.Equal(t, "exports.download", network.Operation)
			assert.Equal(t, 1, network.Attempts)
			failures++
			continue
		}
		if records++; records == 3 {
			cancel()
		}
	}
	assert.Equal(t, []int{3, 1}, []int{records, failures})
}

// All records that arrived are yielded in order, and then the error.
func TestExportRecordsPrecedeTheError(t *testing.T) {
	t.Parallel()
	const after = 500_000
	s := &storage{content: jsonlContent(10_000), respond: sequence(response{after: after})} // it cannot be continued
	want := bytes.Count(s.content[:after], []byte("\n"))
	line := 0
	var last error
	for record, err := range s.client(t).Exports.Records(t.Context(), datasetID, mistralobs.TransferOptions{}) {
		require.NoError(t, last, "the error is the last item")
		if last = err; err == nil {
			line++
			require.Equal(t, line, record.Line)
		}
	}
	assert.Equal(t, want, line)
	require.ErrorIs(t, last, mistralobs.ErrExportChanged)
	require.ErrorContains(t, last, fmt.Sprintf("reading line %d: ", want+1))
}

func TestExportRecords(t *testing.T) {
	t.Parallel()
	s := &storage{content: []byte(`{"payload":{"a":1},"properties":{"b": 2},"id":"x"}
{"messages":[],"model":"m","properties":{}}
rubbish
`)}
	records := s.client(t).Exports.Records(t.Context(), datasetID, mistralobs.TransferOptions{})
	for range 2 { // it can be ranged over again
		var got []mistralobs.JSONLRecord
		var last error
		for record, err := range records {
			if err != nil {
				last = err
				continue
			}
			got = append(got, *record)
		}
		assert.Equal(t, []mistralobs.JSONLRecord{
			{
				Payload: mistralobs.Object(`{"a":1}`), Properties: mistralobs.Object(`{"b": 2}`),
				Extra: mistralobs.Object(`{"id":"x"}`), Line: 1,
			},
			{Payload: mistralobs.Object(`{"messages":[],"model":"m"}`), Properties: mistralobs.Object(`{}`), Line: 2},
		}, got)
		var lineError *mistralobs.LineError
		require.ErrorAs(t, last, &lineError)
		assert.Equal(t, 3, lineError.Line)
	}
	assert.Equal(t, 2, s.urls)
	for range records {
		break
	}
	assert.Equal(t, 3, s.urls)
}

// Printing an export does not show the query of its URL.
func TestExportHidesItsQuery(t *testing.T) {
	t.Parallel()
	export := &mistralobs.Export{FileURL: "https://blob.example.net/file.jsonl?sig=SECRET"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		for _, value := range []any{export, *export} {
			assert.Equal(t, "mistralobs.Export(https://blob.example.net/file.jsonl)", fmt.Sprintf(verb, value))
		}
	}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("exported", "export", export)
	assert.NotContains(t, out.String(), "SECRET")
}

func TestSaveLeavesNothingBehindWhenACallbackPanics(t *testing.T) {
	t.Parallel()
	service := &storage{content: jsonlContent(1), etag: `"1"`}
	folder := t.TempDir()
	assert.Panics(t, func() {
		_, _ = service.client(t).Exports.Save(t.Context(), datasetID, filepath.Join(folder, "x"), mistralobs.TransferOptions{
			OnProgress: func(int64, int64) { panic("no") },
		})
	})
	left, err := os.ReadDir(folder)
	require.NoError(t, err)
	assert.Empty(t, left)
}
