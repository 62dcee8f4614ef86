package mistralobs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/stream"
)

// JSONLImportOptions says how to import a JSONL file. Its zero value is a sensible default.
type JSONLImportOptions struct {
	Name    string      // of the uploaded file; "" is "dataset.jsonl". A file that is split gets a number before the extension
	Purpose FilePurpose // "" is [PurposeEvaluation]
	// MaxFileBytes is the size above which the file is split at a line end; 0
	// is [MaxUploadBytes], which is also the most.
	MaxFileBytes int64
	Expiry       time.Duration  // as in [UploadParams]
	Visibility   FileVisibility // as in [UploadParams]
	// OnError decides about a line that is no record. Nil as a result leaves the
	// line out and goes on; an error ends the import with that error. Without
	// OnError the first such line ends it, and nothing is imported.
	OnError func(*LineError) error
	// OnUpload is told of each uploaded file, to delete it when its task has
	// ended; the service keeps it until it expires. After an error, FromJSONL
	// has deleted those that no task reads.
	OnUpload func(*File)
	// OnProgress is told how many bytes of all files have been uploaded.
	OnProgress func(done, total int64)
}

const defaultJSONLName = "dataset.jsonl"

func (o JSONLImportOptions) withDefaults() (JSONLImportOptions, error) {
	if o.Name == "" {
		o.Name = defaultJSONLName
	}
	if o.Purpose == "" {
		o.Purpose = PurposeEvaluation
	}
	if o.MaxFileBytes == 0 {
		o.MaxFileBytes = MaxUploadBytes
	}
	if o.MaxFileBytes < 0 || o.MaxFileBytes > MaxUploadBytes {
		return o, invalid("MaxFileBytes", "it must be 0 to %d, got %d", MaxUploadBytes, o.MaxFileBytes)
	}
	if o.OnError == nil {
		o.OnError = func(err *LineError) error { return err }
	}
	if o.OnUpload == nil {
		o.OnUpload = func(*File) {}
	}
	return o, nil
}

// FromJSONL imports a dataset file in the shapes of [ReadJSONL]. It checks every
// line as it copies the file, with constant memory, to a temporary one, uploads
// that, and starts the import; the temporary file is removed whatever happens.
// A file above MaxFileBytes is split at line ends, which makes several tasks;
// they are returned in the order of the file. Wait for them with [TasksService.WaitAll].
//
// A line that is no record is a [*LineError], and nothing is imported, unless
// options.OnError says to leave it out. A file without any record is
// [ErrInvalidParams]. If an upload fails, the files uploaded before it are
// deleted and nothing is imported. If starting an import fails, the tasks
// started before it are returned beside the error, and the files that no import
// reads are deleted. The context ends the reading between two reads of r, not
// within one that blocks. The other errors are those of [FilesService.Upload]
// and [ImportsService.FromFile].
func (s *ImportsService) FromJSONL(ctx context.Context, datasetID string, r io.Reader, options JSONLImportOptions) ([]*ImportTask, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	switch {
	case ctx == nil:
		return nil, errNilContext
	case r == nil:
		return nil, errNilReader
	}
	if err := checkID("dataset_id", datasetID); err != nil {
		return nil, err
	}
	spool, err := newSpool(options.MaxFileBytes)
	if err != nil {
		return nil, err
	}
	defer spool.close()
	if err := spool.addLines(ctx, r, options.OnError); err != nil {
		return nil, err
	}
	files, err := s.uploadParts(ctx, spool, options)
	if err != nil {
		return nil, err
	}
	tasks, err := s.importFiles(ctx, datasetID, files)
	if err != nil {
		unread := files[len(tasks):]
		if errors.Is(err, ErrMaybeApplied) { // the first one may be read after all
			unread = unread[1:]
		}
		return tasks, errors.Join(err, s.deleteFiles(ctx, unread))
	}
	return tasks, nil
}

// uploadParts uploads all parts or none.
func (s *ImportsService) uploadParts(ctx context.Context, spool *jsonlSpool, options JSONLImportOptions) ([]*File, error) {
	var files []*File
	for i, part := range spool.parts {
		file, err := s.client.Files.Upload(ctx, UploadParams{
			Name: partName(options.Name, i, len(spool.parts)), Body: io.NewSectionReader(spool.file, part.start, part.size),
			Purpose: options.Purpose, Expiry: options.Expiry, Visibility: options.Visibility,
		}, partProgress(options.OnProgress, part.start, spool.size()))
		if err != nil {
			return nil, errors.Join(err, s.deleteFiles(ctx, files))
		}
		options.OnUpload(file)
		files = append(files, file)
	}
	return files, nil
}

// partProgress reports the progress of a part as that of the whole.
func partProgress(report func(done, total int64), start, total int64) TransferOptions {
	if report == nil {
		return TransferOptions{}
	}
	return TransferOptions{OnProgress: func(done, _ int64) { report(start+done, total) }}
}

// cleanupTimeout bounds what is put in order after a failure, which the ended
// context of the call must not prevent.
const cleanupTimeout = 10 * time.Second

// deleteFiles removes uploads that no import will read, and returns what it could not remove.
func (s *ImportsService) deleteFiles(ctx context.Context, files []*File) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	var errs []error
	for _, file := range files {
		if err := s.client.Files.Delete(ctx, file.ID); err != nil {
			errs = append(errs, fmt.Errorf("uploaded file %s is left behind: %w", file.ID, err))
		}
	}
	return errors.Join(errs...)
}

func (s *ImportsService) importFiles(ctx context.Context, datasetID string, files []*File) ([]*ImportTask, error) {
	var tasks []*ImportTask
	for _, file := range files {
		task, err := s.FromFile(ctx, datasetID, file.ID)
		if err != nil {
			return tasks, fmt.Errorf("importing uploaded file %s (%d of %d): %w", file.ID, len(tasks)+1, len(files), err)
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// partName puts a number before the extension if there are several parts.
func partName(name string, i, n int) string {
	if n == 1 {
		return name
	}
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s-%03d%s", strings.TrimSuffix(name, ext), i+1, ext)
}

// jsonlSpool is a temporary file of checked lines, cut into parts.
type jsonlSpool struct {
	file  *stream.TempFile
	w     *bufio.Writer
	limit int64 // of a part
	parts []part
}

type part struct{ start, size int64 }

func newSpool(limit int64) (*jsonlSpool, error) {
	file, err := stream.NewTempFile("mistralobs-import-*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("mistralobs: import JSONL: %w", err)
	}
	return &jsonlSpool{file: file, w: bufio.NewWriterSize(file, lineBuffer), limit: limit}, nil
}

func (s *jsonlSpool) close() {
	s.file.Close()
}

func (s *jsonlSpool) size() int64 {
	if len(s.parts) == 0 {
		return 0
	}
	last := s.parts[len(s.parts)-1]
	return last.start + last.size
}

// addLines copies the lines of r that are records; onError is asked about the others.
func (s *jsonlSpool) addLines(ctx context.Context, r io.Reader, onError func(*LineError) error) error {
	input := stream.NewInterruptible(ctx, r)
	for line, err := range readLines(input) {
		if err != nil {
			return err
		}
		if bad := s.check(line); bad != nil {
			err = onError(&LineError{Line: line.number, Err: bad})
		} else {
			err = s.add(line.text)
		}
		if err != nil {
			return err
		}
	}
	if len(s.parts) == 0 {
		return invalid("reader", "it holds no record")
	}
	return spoolError(s.w.Flush())
}

func (s *jsonlSpool) check(line line) error {
	if size := int64(len(line.text)) + 1; size > s.limit {
		return fmt.Errorf("its %d bytes do not fit into a file of at most %d", size, s.limit)
	}
	_, err := splitLine(line.text)
	return err
}

// add writes a line, in a new part if it would make the current one too large.
func (s *jsonlSpool) add(text []byte) error {
	size := int64(len(text)) + 1
	if n := len(s.parts); n == 0 || s.parts[n-1].size+size > s.limit {
		s.parts = append(s.parts, part{start: s.size()})
	}
	s.parts[len(s.parts)-1].size += size
	_, _ = s.w.Write(text) // an error stays, and Flush returns it
	return spoolError(s.w.WriteByte('\n'))
}

func spoolError(err error) error {
	if err != nil {
		return fmt.Errorf("mistralobs: import JSONL: writing a temporary file: %w", err)
	}
	return nil
}
