package mistralobs

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/stream"
	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// JSONLImportOptions says how to import a JSONL file. The zero value is a sensible default.
type JSONLImportOptions struct {
	// Name is the name of the uploaded file. The default is "dataset.jsonl". If the file is split,
	// each part gets a number before the extension.
	Name string
	// Purpose is the purpose of the uploaded file. The default is [PurposeEvaluation].
	Purpose FilePurpose
	// MaxFileBytes is the size above which the file is split at the end of a line. The default is
	// 511,000,000, since the service documents a limit of 512 MB. The largest value is
	// [MaxUploadBytes].
	MaxFileBytes int64
	Expiry       time.Duration  // as in [UploadParams]
	Visibility   FileVisibility // as in [UploadParams]
	// OnError is called for each line that cannot be imported. If it returns nil, the line is
	// skipped. If it returns an error, FromJSONL returns that error and imports nothing. If OnError
	// is nil, FromJSONL returns the *LineError of the first such line.
	OnError func(*LineError) error
	// OnProgress is called as in [TransferOptions]. done and total count the bytes of all parts.
	OnProgress func(done, total int64)
	// NoWait starts the imports of all parts and does not wait for them. The order of the records
	// is then not defined, and the uploaded files are kept, since the imports need them: delete the
	// files in [JSONLImport].Files after the tasks have ended.
	NoWait bool
	// KeepFiles keeps the uploaded files at the service, until they expire.
	KeepFiles bool
	// Wait says how FromJSONL waits for each import.
	Wait WaitOptions
}

const (
	defaultJSONLName  = "dataset.jsonl"
	defaultPartBytes  = 511_000_000
	importJSONLAction = "import JSONL"
)

func (o JSONLImportOptions) withDefaults() (JSONLImportOptions, error) {
	if o.Name == "" {
		o.Name = defaultJSONLName
	}
	if o.Purpose == "" {
		o.Purpose = PurposeEvaluation
	}
	if o.MaxFileBytes == 0 {
		o.MaxFileBytes = defaultPartBytes
	}
	if o.MaxFileBytes < 0 || o.MaxFileBytes > MaxUploadBytes {
		return o, invalid("MaxFileBytes", "it must be 0 to %d, got %d", MaxUploadBytes, o.MaxFileBytes)
	}
	if o.OnError == nil {
		o.OnError = func(err *LineError) error { return err }
	}
	if err := o.upload(o.Name).checkForm(); err != nil {
		return o, err
	}
	_, err := o.Wait.withDefaults()
	return o, err
}

// upload returns the parameters of an upload, without its content.
func (o JSONLImportOptions) upload(name string) UploadParams {
	return UploadParams{Name: name, Purpose: o.Purpose, Expiry: o.Expiry, Visibility: o.Visibility}
}

// JSONLImport is the result of [ImportsService.FromJSONL].
type JSONLImport struct {
	// Records is the number of lines that were uploaded. Skipped lines do not count.
	Records int
	// Tasks are the imports that were started, one for each part, as last seen.
	Tasks []*ImportTask
	// Files are the files that were uploaded, one for each part. Unless NoWait or KeepFiles is set,
	// they are deleted.
	Files []*File
	// Result is the sum of the results of all tasks. It is nil if a task has no result, and with
	// NoWait.
	Result *ImportResult
}

// FromJSONL imports a JSONL file in the forms that [ReadJSONL] accepts. It checks every line first,
// uploads the file, imports it, waits for the import and deletes the uploaded file. It splits a
// file that is larger than options.MaxFileBytes. It uploads all parts before it imports the first
// one. Then it imports one part after the other, so that the records keep their order.
//
// FromJSONL reads r once and copies the lines into a temporary file in [os.TempDir] (on Unix the
// value of TMPDIR, or else /tmp), which needs as much space as the lines. The memory that FromJSONL
// needs does not grow with the file.
//
// If a line is not a record, FromJSONL returns a [*LineError] and imports nothing, unless
// options.OnError skips the line. If no records are left, it returns an error that matches
// [ErrInvalidParams]. If an upload fails, it imports nothing. If an import fails, it does not start
// those of the parts that follow. If the service skipped records, it returns an error that matches
// [ErrRecordsSkipped]. Its other errors are those of [FilesService.Upload],
// [ImportsService.FromFile] and [TasksService.Wait].
//
// Once a file is uploaded, FromJSONL returns a [*JSONLImport], even with an error. An error matches
// [ErrMaybeApplied] if the dataset may have records of the file, so that a second call could import
// them again.
//
// After an error, FromJSONL deletes the files that no task reads, which takes at most two seconds
// after the end of ctx. It ends when ctx ends, even while a read of r blocks. The goroutine of that
// read stays until the read returns. A task that has started continues at the service.
func (s *ImportsService) FromJSONL(
	ctx context.Context, datasetID string, r io.Reader, options JSONLImportOptions, opts ...CallOption,
) (*JSONLImport, error) {
	options, err := options.withDefaults()
	_, optsErr := s.client.settings(opts)
	if r == nil {
		err = invalid("r", "it is nil")
	}
	err = cmp.Or(checkContext(ctx), checkID("datasetID", datasetID), err, optsErr)
	var parts *importParts
	if err == nil {
		parts, err = newImportParts(ctx, r, options)
	}
	if err != nil {
		return nil, attempted(importJSONLAction, err)
	}
	defer parts.file.Close()
	i := jsonlImport{client: s.client, datasetID: datasetID, parts: parts, options: options, opts: opts}
	err = i.run(ctx)
	if len(i.result.Files) == 0 {
		return nil, err
	}
	return &i.result, err
}

// jsonlImport is one call of FromJSONL.
type jsonlImport struct {
	client    *Client
	datasetID string
	parts     *importParts
	options   JSONLImportOptions
	opts      []CallOption
	result    JSONLImport
}

func (i *jsonlImport) run(ctx context.Context) error {
	if err := i.upload(ctx); err != nil {
		return errors.Join(err, i.deleteFiles(ctx, i.result.Files))
	}
	for n, file := range i.result.Files {
		needed, err := i.importPart(ctx, file)
		if err != nil {
			unread := slices.Clone(i.result.Files)
			if needed {
				unread = slices.Delete(unread, n, n+1)
			}
			if i.options.NoWait { // the tasks before may still run
				unread = unread[n:]
			}
			return i.failed(errors.Join(err, i.deleteFiles(ctx, unread)))
		}
	}
	if i.options.NoWait {
		return nil
	}
	err := i.checkResult()
	if left := i.deleteFiles(ctx, i.result.Files); left != nil {
		err = errors.Join(err, i.failed(left))
	}
	return err
}

// upload uploads all parts.
func (i *jsonlImport) upload(ctx context.Context) error {
	var done int64
	total := i.parts.size()
	for n, part := range i.parts.list {
		progress := TransferOptions{}
		if report := i.options.OnProgress; report != nil {
			before := done
			progress.OnProgress = func(done, _ int64) { report(before+done, total) }
		}
		params := i.options.upload(partName(i.options.Name, n, len(i.parts.list)))
		file, err := i.client.Files.upload(ctx, params, i.parts.content(part), progress, i.opts)
		if err != nil {
			return harmless(err)
		}
		done += part.size
		i.result.Files = append(i.result.Files, file)
		i.result.Records += part.records
	}
	return nil
}

// partName puts a number before the extension if there are several parts.
func partName(name string, i, n int) string {
	if n == 1 {
		return name
	}
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s-%03d%s", strings.TrimSuffix(name, ext), i+1, ext)
}

// harmless returns the error of an upload without the mark that it may have been applied: a file
// that no import reads makes no records.
func harmless(err error) error {
	var response *Error
	var network *NetworkError
	if errors.As(err, &network) { // it may wrap the response of an attempt before
		network.maybeApplied = false
	}
	if errors.As(err, &response) {
		response.maybeApplied = false
	}
	return err
}

// importPart imports the file of a part and waits for the end. If it fails, it reports whether a
// task may still need the file.
func (i *jsonlImport) importPart(ctx context.Context, file *File) (needed bool, err error) {
	n := len(i.result.Tasks)
	task, err := i.client.Imports.FromFile(ctx, i.datasetID, file.ID, i.opts...)
	if err != nil {
		err = fmt.Errorf("%w; it was for uploaded file %s (%d of %d)", err, token(file.ID), n+1, len(i.result.Files))
		return errors.Is(err, ErrMaybeApplied), err
	}
	i.result.Tasks = append(i.result.Tasks, task)
	if i.options.NoWait {
		return true, nil
	}
	ended, err := i.client.Tasks.Wait(ctx, i.datasetID, task.ID, i.options.Wait, i.opts...)
	if ended != nil {
		i.result.Tasks[n] = ended
		task = ended
	}
	if err != nil && !task.Status.Done() {
		err = fmt.Errorf("%w; the import continues at the service and needs uploaded file %s", err, token(file.ID))
	}
	return !task.Status.Done(), err
}

// failed marks an error if the dataset may have records of the file.
func (i *jsonlImport) failed(err error) error {
	for _, task := range i.result.Tasks {
		if task.maybeImported() {
			return &partlyImportedError{err}
		}
	}
	return err
}

// partlyImportedError matches [ErrMaybeApplied].
type partlyImportedError struct{ error }

func (e *partlyImportedError) Unwrap() error { return e.error }

func (e *partlyImportedError) Is(target error) bool { return target == ErrMaybeApplied }

// checkResult adds up the results of the tasks, and compares each with the number of its records.
func (i *jsonlImport) checkResult() error {
	var sum ImportResult
	records, known, whole := 0, true, true
	for n, task := range i.result.Tasks {
		if task.Result == nil {
			known = false
			continue
		}
		records += i.parts.list[n].records
		sum.Requested += task.Result.Requested
		sum.Imported += task.Result.Imported
		sum.Skipped += task.Result.Skipped
		whole = whole && task.Result.Skipped <= 0 && task.Result.Imported >= i.parts.list[n].records
	}
	if known {
		i.result.Result = &sum
	}
	if !whole {
		return fmt.Errorf("mistralobs: %s: %w: %d of %d records were imported",
			importJSONLAction, ErrRecordsSkipped, sum.Imported, records)
	}
	return nil
}

// Deleting uploaded files takes at most cleanupTimeout, and ends cleanupGrace after the end of the
// caller's context.
const (
	cleanupTimeout = 10 * time.Second
	cleanupGrace   = 2 * time.Second
)

// deleteFiles deletes files that no task reads, unless the caller wants to keep them. Its error
// names those that it could not delete.
func (i *jsonlImport) deleteFiles(ctx context.Context, files []*File) error {
	if len(files) == 0 || i.options.KeepFiles {
		return nil
	}
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() {
		_ = transport.Sleep(cleanup, cleanupGrace)
		cancel()
	})()
	var errs []error
	for _, file := range files {
		if err := i.client.Files.Delete(cleanup, file.ID, append(slices.Clip(i.opts), withoutResponse)...); err != nil {
			err = fmt.Errorf("mistralobs: %s: uploaded file %s is left behind: %w",
				importJSONLAction, token(file.ID), bare(err))
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// importParts are the lines to import, in a temporary file.
type importParts struct {
	file *stream.TempFile
	list []importPart
}

// importPart is some lines that are uploaded as a file of their own.
type importPart struct {
	start   int64 // in the temporary file
	size    int64
	records int
}

// size returns the number of bytes of all parts.
func (p *importParts) size() (size int64) {
	for _, part := range p.list {
		size += part.size
	}
	return size
}

func (p *importParts) content(part importPart) *fileContent {
	return &fileContent{ReaderAt: io.NewSectionReader(p.file, part.start, part.size), size: part.size, local: true}
}

// newImportParts reads r and copies its lines.
func newImportParts(ctx context.Context, r io.Reader, options JSONLImportOptions) (*importParts, error) {
	file, err := stream.NewTempFile("mistralobs-import-*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("mistralobs: %s: %w", importJSONLAction, err)
	}
	parts := &importParts{file: file}
	whole := false
	defer func() { // also if OnError or r panics
		if !whole {
			file.Close()
		}
	}()
	lines := stream.NewLineReader(stream.NewInterruptible(ctx, r), int(options.MaxFileBytes))
	if err := parts.copyLines(lines, options); err != nil {
		return nil, err
	}
	whole = true
	return parts, nil
}

// copyLines copies the lines that are records, each with a line break.
func (p *importParts) copyLines(lines *stream.LineReader, options JSONLImportOptions) error {
	w := bufio.NewWriterSize(p.file, copyBuffer)
	for {
		line, err := lines.Next()
		switch {
		case err == io.EOF && len(p.list) == 0:
			return invalid("r", "it holds no record")
		case err == io.EOF:
			return tempFileError(w.Flush())
		case err == nil:
			err = checkImportLine(line.Text, options.MaxFileBytes)
		case err == stream.ErrLineTooLong:
			err = fmt.Errorf("it is longer than the %d bytes that a file may have", options.MaxFileBytes)
		default:
			return lineReadError(line.Number, err)
		}
		if err != nil {
			if err := options.OnError(&LineError{Line: line.Number, Err: err}); err != nil {
				return err
			}
			continue
		}
		p.add(int64(len(line.Text))+1, options.MaxFileBytes)
		w.Write(line.Text) //nolint:errcheck // Flush returns the error too
		if err := w.WriteByte('\n'); err != nil {
			return tempFileError(err)
		}
	}
}

func checkImportLine(text []byte, limit int64) error {
	if size := int64(len(text)) + 1; size > limit {
		return fmt.Errorf("its %d bytes do not fit into a file of at most %d", size, limit)
	}
	return checkLine(text)
}

// add puts a line into the last part, or into a new one if that would become too large.
func (p *importParts) add(size, limit int64) {
	if len(p.list) == 0 {
		p.list = append(p.list, importPart{})
	}
	last := &p.list[len(p.list)-1]
	if last.size+size > limit {
		p.list = append(p.list, importPart{start: last.start + last.size})
		last = &p.list[len(p.list)-1]
	}
	last.size += size
	last.records++
}

func tempFileError(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("mistralobs: %s: writing a temporary file: %w", importJSONLAction, err)
}
