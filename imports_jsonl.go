package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"path/filepath"
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
	// MaxFileBytes is the size above which the file is split at the end of a line. The default, and
	// the largest value, is [MaxUploadBytes].
	MaxFileBytes int64
	Expiry       time.Duration  // as in [UploadParams]
	Visibility   FileVisibility // as in [UploadParams]
	// OnError is called for each line that cannot be imported. If it returns nil, the line is
	// skipped. If it returns an error, FromJSONL returns that error and imports nothing. If OnError
	// is nil, FromJSONL returns the *LineError of the first such line.
	OnError func(*LineError) error
	// OnUpload is called for each uploaded file. Delete the file after its task has ended;
	// otherwise the service keeps it until the file expires. If FromJSONL fails, it deletes the
	// uploaded files that no task reads.
	OnUpload func(*File)
	// OnProgress is called as in [TransferOptions]. done and total count the bytes of all parts.
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

// FromJSONL imports a JSONL file in the forms that [ReadJSONL] accepts. It checks every line first,
// then uploads the file and starts the import. It splits a file larger than options.MaxFileBytes
// and returns one task for each part, in order. Wait for them with [TasksService.WaitAll].
//
// The memory that FromJSONL needs does not grow with the file. If r is an [io.Seeker], such as an
// *os.File, it reads r twice, from its current position: once to check it and once to upload it. If
// the content changes in between, it returns an error. It copies any other r to a temporary file.
//
// If a line is not a record, FromJSONL returns a [*LineError] and imports nothing, unless
// options.OnError skips the line. If no records are left, it returns an error that matches
// [ErrInvalidParams]. If an upload fails, it deletes the files uploaded before and imports nothing.
// If starting an import fails, it returns the tasks that it has started together with the error,
// and deletes the files that no task reads. Its other errors are those of [FilesService.Upload] and
// [ImportsService.FromFile].
//
// FromJSONL ends when ctx ends, even while a read of r blocks; the goroutine of that read stays
// until the read returns. Before FromJSONL returns, it spends at most two more seconds on deleting
// uploaded files.
func (s *ImportsService) FromJSONL(
	ctx context.Context, datasetID string, r io.Reader, options JSONLImportOptions,
) ([]*ImportTask, error) {
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
	if err := checkID("datasetID", datasetID); err != nil {
		return nil, err
	}
	source, err := newImportSource(ctx, r, options.MaxFileBytes)
	if err != nil {
		return nil, err
	}
	defer source.close()
	parts, err := source.check(options.OnError)
	if err != nil {
		return nil, err
	}
	return s.importParts(ctx, datasetID, source, parts, options)
}

// importParts uploads the parts, and starts the imports when all are uploaded.
func (s *ImportsService) importParts(
	ctx context.Context, datasetID string, source *importSource, parts []importPart, options JSONLImportOptions,
) ([]*ImportTask, error) {
	files, err := s.uploadParts(ctx, source, parts, options)
	if err != nil {
		return nil, errors.Join(err, s.deleteFiles(ctx, files))
	}
	tasks, err := s.importFiles(ctx, datasetID, files)
	if err != nil {
		unread := files[len(tasks):]
		if errors.Is(err, ErrMaybeApplied) { // a task may read the first one
			unread = unread[1:]
		}
		return tasks, errors.Join(err, s.deleteFiles(ctx, unread))
	}
	return tasks, nil
}

// uploadParts returns the files that it has uploaded, also beside an error.
func (s *ImportsService) uploadParts(
	ctx context.Context, source *importSource, parts []importPart, options JSONLImportOptions,
) (files []*File, err error) {
	var done, total int64
	for _, part := range parts {
		total += part.size
	}
	for i, part := range parts {
		file, err := s.client.Files.upload(ctx, UploadParams{
			Name: partName(options.Name, i, len(parts)), Purpose: options.Purpose,
			Expiry: options.Expiry, Visibility: options.Visibility,
		}, source.content(part), partProgress(options.OnProgress, done, total))
		if err != nil {
			return files, err
		}
		done += part.size
		files = append(files, file)
		options.OnUpload(file)
	}
	return files, nil
}

// partName puts a number before the extension if there are several parts.
func partName(name string, i, n int) string {
	if n == 1 {
		return name
	}
	ext := filepath.Ext(name)
	return fmt.Sprintf("%s-%03d%s", strings.TrimSuffix(name, ext), i+1, ext)
}

// partProgress reports the progress of a part as that of the whole.
func partProgress(report func(done, total int64), before, total int64) TransferOptions {
	if report == nil {
		return TransferOptions{}
	}
	return TransferOptions{OnProgress: func(done, _ int64) { report(before+done, total) }}
}

// importFiles starts the imports, and returns the tasks that it has started, also beside an error.
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

// Deleting uploaded files takes at most cleanupTimeout, and ends cleanupGrace after the end of the
// caller's context.
const (
	cleanupTimeout = 10 * time.Second
	cleanupGrace   = 2 * time.Second
)

// deleteFiles deletes files that no task reads. Its error names those that it could not delete.
func (s *ImportsService) deleteFiles(ctx context.Context, files []*File) error {
	if len(files) == 0 {
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
		if err := s.client.Files.Delete(cleanup, file.ID); err != nil {
			errs = append(errs, fmt.Errorf("uploaded file %s is left behind: %w", file.ID, err))
		}
	}
	return errors.Join(errs...)
}

// importSource is a file that is read twice: to be checked, and to be uploaded.
type importSource struct {
	at    io.ReaderAt
	input io.Reader        // for the first time
	seed  maphash.Seed     // of the sums of parts
	limit int64            // of the size of a part
	temp  *stream.TempFile // has a copy of input, or is nil
}

// importPart is a part of a source: some lines that are uploaded as a file of their own.
type importPart struct {
	start   int64   // of the first line, in the source
	size    int64   // of the uploaded file
	skipped []int64 // where lines begin that are left out
	sum     uint64  // of the lines
}

func newImportSource(ctx context.Context, r io.Reader, limit int64) (*importSource, error) {
	source := &importSource{seed: maphash.MakeSeed(), limit: limit}
	at, size, ok := readerAt(r)
	if ok {
		source.at, source.input = at, io.NewSectionReader(at, 0, size)
		if !mayBlock(at) {
			source.input = stream.WithContext(ctx, source.input)
			return source, nil
		}
		r = source.input
	}
	source.input = stream.NewInterruptible(ctx, r)
	if !ok {
		temp, err := stream.NewTempFile("mistralobs-import-*.jsonl")
		if err != nil {
			return nil, fmt.Errorf("mistralobs: import JSONL: %w", err)
		}
		source.at, source.temp = temp, temp
		source.input = io.TeeReader(source.input, tempWriter{temp})
	}
	return source, nil
}

func (s *importSource) close() {
	if s.temp != nil {
		s.temp.Close()
	}
}

// check reads all lines and returns the parts that they make.
func (s *importSource) check(onError func(*LineError) error) ([]importPart, error) {
	var parts []importPart
	lines := stream.NewLineReader(s.input, int(s.limit))
	for {
		line, err := lines.Next()
		switch {
		case err == io.EOF && len(parts) == 0:
			return nil, invalid("r", "it holds no record")
		case err == io.EOF:
			return parts, nil
		case err != nil && err != stream.ErrLineTooLong:
			return nil, lineReadError(line.Number, err)
		}
		if err == nil {
			err = s.checkLine(line.Text)
		} else {
			err = fmt.Errorf("it is longer than the %d bytes that a file may have", s.limit)
		}
		if err == nil {
			parts = s.add(parts, line)
			continue
		}
		if err := onError(&LineError{Line: line.Number, Err: err}); err != nil {
			return nil, err
		}
		if n := len(parts); n > 0 {
			parts[n-1].skipped = append(parts[n-1].skipped, line.Offset)
		}
	}
}

func (s *importSource) checkLine(text []byte) error {
	if size := int64(len(text)) + 1; size > s.limit {
		return fmt.Errorf("its %d bytes do not fit into a file of at most %d", size, s.limit)
	}
	return checkLine(text)
}

// add puts a line into the last part, or into a new one if that would become too large.
func (s *importSource) add(parts []importPart, line stream.Line) []importPart {
	size := int64(len(line.Text)) + 1
	if n := len(parts); n == 0 || parts[n-1].size+size > s.limit {
		parts = append(parts, importPart{start: line.Offset})
	}
	last := &parts[len(parts)-1]
	last.size += size
	last.sum = s.addTo(last.sum, line.Text)
	return parts
}

// addTo adds a line to the sum of a part. It depends on the order of the lines.
func (s *importSource) addTo(sum uint64, line []byte) uint64 {
	const odd = 0x9e3779b97f4a7c15
	return sum*odd + maphash.Bytes(s.seed, line)
}

// content returns the lines of a part, each with a line break.
func (s *importSource) content(part importPart) *fileContent {
	return &fileContent{size: part.size, blocking: mayBlock(s.at), open: func() (io.Reader, error) {
		const toEnd = 1<<63 - 1
		r := io.NewSectionReader(s.at, part.start, toEnd-part.start)
		return &partReader{source: s, part: part, left: part.size, lines: stream.NewLineReader(r, int(s.limit))}, nil
	}}
}

// partReader reads the lines of a part again. It fails if they are not the lines that were checked.
type partReader struct {
	source *importSource
	part   importPart
	lines  *stream.LineReader
	left   int64  // to read
	sum    uint64 // of the lines read
	rest   []byte // of the current line
	within bool   // the current line still needs its line break
}

var errImportChanged = errors.New("the file changed while it was imported")

func (p *partReader) Read(buf []byte) (n int, err error) {
	for n < len(buf) {
		switch {
		case len(p.rest) > 0:
			copied := copy(buf[n:], p.rest)
			p.rest = p.rest[copied:]
			n += copied
		case p.within:
			buf[n] = '\n'
			p.within = false
			n++
		default:
			if err := p.next(); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// next reads the next line that is not left out. It returns [io.EOF] at the end of the part.
func (p *partReader) next() error {
	if p.left == 0 {
		if p.sum != p.part.sum {
			return errImportChanged
		}
		return io.EOF
	}
	for {
		line, err := p.lines.Next()
		offset := p.part.start + line.Offset
		if skipped := p.part.skipped; len(skipped) > 0 && offset == skipped[0] {
			p.part.skipped = skipped[1:]
			continue
		}
		if p.left -= int64(len(line.Text)) + 1; err == io.EOF || err == stream.ErrLineTooLong || err == nil && p.left < 0 {
			return errImportChanged
		}
		p.rest, p.within, p.sum = line.Text, true, p.source.addTo(p.sum, line.Text)
		return err
	}
}

// tempWriter says in its errors that writing the temporary file failed.
type tempWriter struct{ w io.Writer }

func (t tempWriter) Write(p []byte) (int, error) {
	n, err := t.w.Write(p)
	if err != nil {
		err = fmt.Errorf("writing a temporary file: %w", err)
	}
	return n, err
}
