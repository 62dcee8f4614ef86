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
	"slices"
	"strings"
)

// Export says where the JSONL file of an exported dataset is.
type Export struct {
	// FileURL is a presigned URL of the file. The service decides when it expires. It works without
	// an API key, so treat its query as a secret.
	FileURL string `json:"file_url"`
}

// Format prints the export without the query of its URL, for every verb.
func (e Export) Format(f fmt.State, _ rune) {
	url, _, _ := strings.Cut(e.FileURL, "?")
	fmt.Fprintf(f, "mistralobs.Export(%s)", url)
}

// LogValue returns the same text as Format.
func (e Export) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }

// ExportsService exports datasets as JSONL files. Use it as [Client].Exports.
type ExportsService struct{ client *Client }

// ToJSONL makes the service write a dataset to a file, and returns the URL of the file. It does not
// download the file; the other methods do both.
//
// The lines of the file have no ids of records. The service describes the operation as an export to
// its Files API, so a repeated export may leave a file there each time. How long the service keeps
// these files is not published.
//
// API: GET /v1/observability/datasets/{dataset_id}/exports/to-jsonl
//
// It returns an error that matches [ErrNotFound] if there is no such dataset.
func (s *ExportsService) ToJSONL(ctx context.Context, datasetID string, opts ...CallOption) (*Export, error) {
	return fetch[Export](ctx, s.client, request{
		name: "exports.to_jsonl", action: "export dataset",
		route: "GET /v1/observability/datasets/{dataset_id}/exports/to-jsonl", ids: ids{datasetID},
		required: []string{"file_url"},
	}, opts)
}

// Open exports a dataset and streams the file. Call Close when you are done. Close may be called by
// another goroutine, and ends a Read that blocks. When ctx ends, Read returns an error that matches
// that of ctx. Read calls options.OnProgress.
//
// If the connection breaks, Read resumes the download on a new connection, with a new URL if the
// old one has expired. The retry policy limits the attempts since the last byte that arrived. Read
// resumes only if the strong ETag of the storage server shows that the file is the same. Otherwise
// it returns an error that matches [ErrExportChanged].
//
// If the storage server sends neither a Content-Length nor a chunked body, a break of the
// connection looks like the end of the file. Read then accepts a file that ends with a line break,
// so it cannot notice a break between two lines. It accepts an empty file if the dataset has no
// records.
//
// opts hold for each request of the export and, as far as they set a timeout or retries, for the
// download. [WithResponse] stores the response that has the URL.
//
// It returns the errors of [ExportsService.ToJSONL]. Failures of the storage server are an [*Error]
// or a [*NetworkError] too. A file that is a web page or XML is an error that matches
// [ErrUnexpectedResponse]. No error shows the query of the URL.
func (s *ExportsService) Open(
	ctx context.Context, datasetID string, options TransferOptions, opts ...CallOption,
) (io.ReadCloser, error) {
	d, err := s.open(ctx, datasetID, options, opts)
	if err != nil {
		return nil, err
	}
	return d, nil
}

func (s *ExportsService) open(
	ctx context.Context, datasetID string, options TransferOptions, opts []CallOption,
) (*download, error) {
	export, err := s.ToJSONL(ctx, datasetID, opts...)
	if err != nil {
		return nil, err
	}
	settings, err := s.client.settings(opts)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	d := &download{
		client: s.client, settings: settings, opts: opts, options: options, ctx: ctx, cancel: cancel,
		file: storedFile{datasetID: datasetID, url: export.FileURL, size: -1},
	}
	if err := d.connect(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// hasNoRecords reports whether the dataset has no records, so that an empty file is complete.
func (d *download) hasNoRecords() bool {
	opts := append(slices.Clip(d.opts), withoutResponse)
	page, err := d.client.Records.List(d.ctx, d.file.datasetID, ListParams{PageSize: 1}, opts...)
	return err == nil && page.Total == 0 && len(page.Items) == 0
}

// Download exports a dataset, writes the file to w, and returns the number of bytes written. After
// an error, w may hold the beginning of the file.
//
// opts are as in [ExportsService.Open]. It returns the errors of Open, and any error of w.
func (s *ExportsService) Download(
	ctx context.Context, datasetID string, w io.Writer, options TransferOptions, opts ...CallOption,
) (int64, error) {
	if w == nil {
		return 0, attempted(downloadAction, invalid("w", "it is nil"))
	}
	d, err := s.open(ctx, datasetID, options, opts)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	return d.copyTo(w)
}

func (d *download) copyTo(w io.Writer) (int64, error) {
	return io.CopyBuffer(exportWriter{w}, d, make([]byte, copyBuffer))
}

// copyBuffer is how much is copied at once. A larger one slows downloads down, a smaller one writes
// to files.
const copyBuffer = 64 << 10

// exportWriter marks errors as those of the writer. It also prevents io.Copy from using a ReadFrom
// method, whose buffer may be smaller.
type exportWriter struct{ w io.Writer }

func (e exportWriter) Write(p []byte) (int, error) {
	n, err := e.w.Write(p)
	if err != nil {
		err = fmt.Errorf("mistralobs: download export: writing: %w", err)
	}
	return n, err
}

// Save exports a dataset into the file at path and returns the size of the file. It writes a
// temporary file in the same folder, syncs it, and renames it to path. So path never holds a part
// of a file. If Save fails, an existing file is unchanged and the temporary file is removed.
//
// If path is a symbolic link, Save writes the target of the link, which need not exist. The new
// file gets the mode of the file that it replaces. If a download cannot be resumed, Save starts it
// again, at most three times; then it returns an error that matches [ErrExportChanged].
//
// opts are as in [ExportsService.Open]. It returns an error that matches [ErrInvalidParams] if path
// is empty or exists and is not a regular file, such as /dev/stdout or a pipe: use
// [ExportsService.Download] for these. It also returns the errors of Open and of the file system.
func (s *ExportsService) Save(
	ctx context.Context, datasetID, path string, options TransferOptions, opts ...CallOption,
) (int64, error) {
	file, err := newReplacement(path)
	if err != nil {
		return 0, attempted("save export", err)
	}
	defer file.discard() // also if OnProgress panics
	for restarts := 0; ; restarts++ {
		n, err := s.saveOnce(ctx, datasetID, file.temp, options, opts)
		if err == nil {
			return n, saveError(file.commit())
		}
		if !errors.Is(err, ErrExportChanged) || restarts == maxRestarts {
			return 0, err
		}
	}
}

// maxRestarts is how often Save starts again after a download that cannot be resumed.
const maxRestarts = 3

// saveOnce replaces the content of the file with a complete download.
func (s *ExportsService) saveOnce(
	ctx context.Context, datasetID string, file *os.File, options TransferOptions, opts []CallOption,
) (int64, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return 0, saveError(err)
	}
	if err := file.Truncate(0); err != nil {
		return 0, saveError(err)
	}
	d, err := s.open(ctx, datasetID, options, opts)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	return d.copyTo(file)
}

func saveError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("mistralobs: save export: %w", err)
}

// replacement is a temporary file that will replace another file.
type replacement struct {
	temp   *os.File
	target string
}

// newReplacement creates a temporary file in the folder of the file that path leads to.
func newReplacement(path string) (*replacement, error) {
	if path == "" {
		return nil, invalid("path", "it is empty")
	}
	switch old, err := os.Stat(path); {
	case err == nil && old.IsDir():
		return nil, invalid("path", "%q is a folder", path)
	case err == nil && !old.Mode().IsRegular():
		return nil, invalid("path", "%q is not a regular file but %s; use Download to write to it", path, fileKind(old))
	}
	target, err := followLinks(path)
	if err != nil {
		return nil, err
	}
	folder, name := filepath.Split(target)
	// The name of the target may be as long as names can be.
	name = strings.ToValidUTF8(name[:min(len(name), maxNamePart)], "")
	name = fmt.Sprintf("%s.%s.%016x.part", folder, name, rand.Uint64())
	// os.CreateTemp makes files that only their owner can read. A new file should get the usual
	// mode.
	temp, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		if failure := new(os.PathError); errors.As(err, &failure) {
			failure.Path = target // the caller knows no other name
		}
		return nil, saveError(err)
	}
	return &replacement{temp, target}, nil
}

// fileKind names the type of a file that is neither a regular one nor a folder.
func fileKind(info os.FileInfo) string {
	switch mode := info.Mode(); {
	case mode&os.ModeNamedPipe != 0:
		return "a pipe"
	case mode&os.ModeDevice != 0:
		return "a device"
	case mode&os.ModeSocket != 0:
		return "a socket"
	}
	return "something else"
}

// isOpenFile reports whether a path names an open file of a process, such as the standard output.
// It may be redirected to a file that others write to, and that must not be replaced.
func isOpenFile(path string) bool {
	path = filepath.Clean(path)
	return path == "/dev/stdout" || path == "/dev/stderr" || strings.HasPrefix(path, "/dev/fd/") ||
		strings.HasPrefix(path, "/proc/")
}

// maxNamePart is how much of the target's name the temporary file has in its own name.
const maxNamePart = 100

// maxLinks is how many links are followed, as by Linux.
const maxLinks = 40

// followLinks returns the path that a symbolic link leads to. The file need not exist.
func followLinks(path string) (string, error) {
	for range maxLinks {
		if isOpenFile(path) {
			return "", invalid("path", "%q is an open file of a process; use Download to write to it", path)
		}
		info, err := os.Lstat(path)
		if err != nil || info.Mode()&os.ModeSymlink == 0 {
			return path, nil // if the folder does not exist either, creating the file fails
		}
		link, err := os.Readlink(path)
		if err != nil {
			return "", saveError(err)
		}
		if !filepath.IsAbs(link) {
			folder, _ := filepath.Split(path)
			link = folder + link // not cleaned: a ".." after a linked folder leads elsewhere
		}
		path = link
	}
	return "", invalid("path", "it leads through more than %d symbolic links", maxLinks)
}

// commit puts the temporary file in the place of the target, with the mode of the old file.
func (r *replacement) commit() error {
	if old, err := os.Stat(r.target); err == nil {
		if err := r.temp.Chmod(old.Mode().Perm()); err != nil && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	if err := r.temp.Sync(); err != nil {
		return err
	}
	if err := r.temp.Close(); err != nil {
		return err
	}
	if err := os.Rename(r.temp.Name(), r.target); err != nil {
		return err
	}
	r.target = ""
	return nil
}

// discard removes the temporary file unless it was committed.
func (r *replacement) discard() {
	if r.target != "" {
		r.temp.Close() // fails harmlessly if commit has closed it
		os.Remove(r.temp.Name())
	}
}

// Records exports a dataset and yields its records while they arrive, in the order of the file. The
// records have no ids, since the lines of the file have none. One record is in memory at a time. If
// ctx ends, the loop gets no further record. Ranging over it again exports again.
//
// opts are as in [ExportsService.Open]. It yields at most one error, at the end: an error of Open,
// or a [*LineError].
func (s *ExportsService) Records(
	ctx context.Context, datasetID string, options TransferOptions, opts ...CallOption,
) iter.Seq2[*JSONLRecord, error] {
	return func(yield func(*JSONLRecord, error) bool) {
		file, err := s.open(ctx, datasetID, options, opts)
		if err != nil {
			yield(nil, err)
			return
		}
		defer file.Close()
		for record, err := range ReadJSONL(file) {
			if ended := ctx.Err(); ended != nil {
				yield(nil, file.failed(ended))
				return
			}
			if !yield(record, err) {
				return
			}
		}
	}
}
