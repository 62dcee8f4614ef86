package mistralobs_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

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
	cut := func(n int) response {
		if n == 0 {
			return response{after: 1000}
		}
		return response{}
	}
	tests := map[string]struct {
		storage storage
		old     string // content of the file before; "" if there is none
		want    error
	}{
		"a new file":                           {storage{etag: `"v1"`}, "", nil},
		"an old file":                          {storage{etag: `"v1"`}, "old", nil},
		"a server that cannot continue":        {storage{respond: cut, etag: `"v1"`, noRange: true}, "old", nil},
		"a server without ETags":               {storage{respond: cut}, "old", nil},
		"a server that never gets to the end":  {storage{respond: func(int) response { return response{after: 1000} }}, "old", mistralobs.ErrExportChanged},
		"a server that is down":                {storage{respond: func(int) response { return response{status: 500} }}, "old", mistralobs.ErrServer},
		"a new file and a server that is down": {storage{respond: func(int) response { return response{status: 500} }}, "", mistralobs.ErrServer},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &test.storage
				s.content = content
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
	s := &storage{content: jsonlContent(1)}
	dir := t.TempDir()
	for name, path := range map[string]string{"empty": "", "a folder": dir, "in no folder": filepath.Join(dir, "no", "file")} {
		_, err := s.client(t).Exports.Save(t.Context(), datasetID, path, mistralobs.TransferOptions{})
		require.Error(t, err, name)
	}
	assert.Zero(t, s.urls, "nothing was asked of the service")
}

func TestSaveFollowsALink(t *testing.T) {
	t.Parallel()
	s := &storage{content: jsonlContent(1)}
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(target, []byte("old"), 0o644))
	if err := os.Symlink(target, link); err != nil {
		t.Logf("no links here: %v", err)
		return
	}
	_, err := s.client(t).Exports.Save(t.Context(), datasetID, link, mistralobs.TransferOptions{})
	require.NoError(t, err)
	got, err := os.ReadFile(target)
	require.NoError(t, err)
	assert.Equal(t, string(s.content), string(got))
	info, err := os.Lstat(link)
	require.NoError(t, err)
	assert.NotZero(t, info.Mode()&os.ModeSymlink, "the link is still one")
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

func TestExportRecords(t *testing.T) {
	t.Parallel()
	s := &storage{content: []byte(`{"payload":{"a":1},"properties":{"b": 2},"id":"x"}` + "\n" + `{"messages":[],"model":"m","properties":{}}` + "\n" + "rubbish\n")}
	records := s.client(t).Exports.Records(t.Context(), datasetID)
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
			{Payload: mistralobs.Object(`{"a":1}`), Properties: mistralobs.Object(`{"b": 2}`), Extra: mistralobs.Object(`{"id":"x"}`), Line: 1},
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

// Whoever prints an export does not publish it.
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

// Only a file, or nothing, is replaced.
func TestSaveReplacesOnlyFiles(t *testing.T) {
	t.Parallel()
	service := &storage{content: jsonlContent(1), etag: `"1"`}
	_, err := service.client(t).Exports.Save(t.Context(), datasetID, os.DevNull, mistralobs.TransferOptions{})
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	assert.ErrorContains(t, err, "no regular file")
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
