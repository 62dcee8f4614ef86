package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// Export is a dataset as a JSONL file.
type Export struct {
	// FileURL is where the file can be fetched for some time, without an API
	// key: who has the URL has the file, so its query is a secret like a key.
	FileURL string `json:"file_url"`
}

// Format prints the export without the query of its URL, whatever the verb.
func (e Export) Format(f fmt.State, _ rune) {
	place, _, _ := strings.Cut(e.FileURL, "?")
	fmt.Fprintf(f, "mistralobs.Export(%s)", place)
}

// LogValue is what a logger shows: the same as Format.
func (e Export) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }

func (e *Export) missing() string {
	if e.FileURL == "" {
		return "file_url"
	}
	return ""
}

// ExportsService is reached as [Client].Exports.
type ExportsService struct{ client *Client }

// ToJSONL makes the service write a dataset to a file, and returns where it is.
// [ExportsService.Open] and the methods after it also fetch it.
//
// API: GET /v1/observability/datasets/{dataset_id}/exports/to-jsonl
//
// It returns an error matching [ErrNotFound] if there is no such dataset.
func (s *ExportsService) ToJSONL(ctx context.Context, datasetID string, opts ...CallOption) (*Export, error) {
	return fetch[Export](ctx, s.client, request{
		name: "exports.to_jsonl", action: "export dataset",
		route: "GET /v1/observability/datasets/{dataset_id}/exports/to-jsonl", ids: ids{datasetID},
	}, opts)
}

// Open exports a dataset and returns the file's content as it arrives. Close it;
// that also ends a Read of another goroutine.
//
// If the connection breaks, reading goes on where it was, as often as it takes
// while bytes arrive in between, and with a new URL if the old one has expired.
// That needs the file to be the same one still (its ETag says so) and a server
// that can continue; otherwise Read returns an error matching
// [ErrExportChanged]. The context ends the reading too. The other errors are
// those of [ExportsService.ToJSONL], and those of the storage as [*Error] and [*NetworkError].
func (s *ExportsService) Open(ctx context.Context, datasetID string) (io.ReadCloser, error) {
	return s.open(ctx, datasetID)
}

func (s *ExportsService) open(ctx context.Context, datasetID string) (*download, error) {
	export, err := s.ToJSONL(ctx, datasetID)
	if err != nil {
		return nil, err
	}
	d := newDownload(ctx, s, datasetID, export.FileURL)
	if err := d.start(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Download exports a dataset, writes the file to w, and returns how many bytes
// it wrote. Its errors are those of [ExportsService.Open], and w's own.
func (s *ExportsService) Download(
	ctx context.Context, datasetID string, w io.Writer, options TransferOptions,
) (int64, error) {
	if w == nil {
		return 0, invalid("writer", "it is nil")
	}
	d, err := s.open(ctx, datasetID)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	return d.copyTo(w, options)
}

func (d *download) copyTo(w io.Writer, options TransferOptions) (int64, error) {
	return io.CopyBuffer(exportWriter{w}, options.reader(d, d.total), make([]byte, copyBuffer))
}

// copyBuffer is large enough that system calls do not show beside the network.
const copyBuffer = 256 << 10

// exportWriter says that it was the caller's writer that failed. It also keeps
// io.Copy from handing the download to a ReadFrom with a smaller buffer.
type exportWriter struct{ w io.Writer }

func (e exportWriter) Write(p []byte) (int, error) {
	n, err := e.w.Write(p)
	if err != nil {
		err = fmt.Errorf("mistralobs: download export: writing: %w", err)
	}
	return n, err
}

// Save exports a dataset into the file at path, replacing it, and returns its
// size. The file is written beside its target under another name, synced and
// then renamed: at any time path is the old file whole or the new one, and on
// failure it is the old one and nothing is left behind. Where the server cannot
// continue a broken download, or the file has changed, Save starts over.
//
// Its errors are those of [ExportsService.Open], and those of the file system.
func (s *ExportsService) Save(ctx context.Context, datasetID, path string, options TransferOptions) (int64, error) {
	temp, target, err := createBeside(path)
	if err != nil {
		return 0, saveError(err)
	}
	saved := false
	defer func() { // also if a progress callback panics
		if !saved {
			temp.Close() // a second time, if the rename failed, which does no harm
			os.Remove(temp.Name())
		}
	}()
	n, err := s.saveTo(ctx, datasetID, temp, target, options)
	if err != nil {
		return 0, err
	}
	saved = true
	return n, nil
}

func saveError(err error) error {
	if err != nil {
		return fmt.Errorf("mistralobs: save export: %w", err)
	}
	return nil
}

// createBeside makes a temporary file in the folder of path, and returns it and
// what path leads to, which is what must be replaced if it is a link.
func createBeside(path string) (temp *os.File, target string, err error) {
	if path == "" {
		return nil, "", invalid("path", "it is empty")
	}
	target = path
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		target = resolved
	}
	if old, err := os.Stat(target); err == nil && !old.Mode().IsRegular() { // a folder, a pipe, a device
		return nil, "", invalid("path", "%s is there and no regular file", path)
	}
	// Not os.CreateTemp, whose files are for their owner only: a file that is
	// new gets the mode that the process gives its files.
	name := filepath.Join(filepath.Dir(target), fmt.Sprintf(".%s.%016x.part", filepath.Base(target), rand.Uint64()))
	temp, err = os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	return temp, target, err
}

// maxRestarts is how often Save starts a download over that cannot be continued.
const maxRestarts = 3

func (s *ExportsService) saveTo(ctx context.Context, datasetID string, temp *os.File, path string, options TransferOptions) (n int64, err error) {
	for restarts := 0; ; restarts++ {
		n, err = s.saveOnce(ctx, datasetID, temp, options)
		if !errors.Is(err, ErrExportChanged) || restarts == maxRestarts {
			break
		}
	}
	if err != nil {
		return 0, err
	}
	return n, saveError(commit(temp, path))
}

// saveOnce writes one whole download into the file.
func (s *ExportsService) saveOnce(ctx context.Context, datasetID string, temp *os.File, options TransferOptions) (int64, error) {
	if _, err := temp.Seek(0, io.SeekStart); err != nil {
		return 0, saveError(err)
	}
	if err := temp.Truncate(0); err != nil {
		return 0, saveError(err)
	}
	d, err := s.open(ctx, datasetID)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	return d.copyTo(temp, options)
}

// commit makes the finished file the one at path, with the mode of the old one.
func commit(temp *os.File, path string) error {
	if old, err := os.Stat(path); err == nil {
		if err := temp.Chmod(old.Mode().Perm()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	if err := temp.Sync(); err != nil {
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}

// Records exports a dataset and yields its records as they arrive, in the order
// of the file. It can be ranged over again, which exports again. It yields at
// most one error, last: one of [ExportsService.Open]'s or a [*LineError].
func (s *ExportsService) Records(ctx context.Context, datasetID string) iter.Seq2[*JSONLRecord, error] {
	return func(yield func(*JSONLRecord, error) bool) {
		file, err := s.open(ctx, datasetID)
		if err != nil {
			yield(nil, err)
			return
		}
		defer file.Close()
		for record, err := range ReadJSONL(file) {
			if !yield(record, err) {
				return
			}
		}
	}
}
