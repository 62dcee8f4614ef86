package datasetsync

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"

	"github.com/mistralobs/mistralobs-go"
)

// findCreated reads the dataset, and finds the creations that were made after the comparison.
func (r *run) findCreated(ctx context.Context) error {
	if len(r.creations) == 0 {
		return nil
	}
	keys := make([]digest, len(r.creations)) // or contents, if the plan has no key
	seen := make(map[digest]bool, len(r.creations))
	for i, c := range r.creations {
		parts, err := c.item.parts()
		if err != nil {
			return err
		}
		if r.plan.Key == "" {
			keys[i] = contentOf(parts[0], parts[1], r.plan.KeepProperties).both()
			continue
		}
		key := keyOf(parts[1], r.plan.Key)
		if key.absent() {
			return r.errorf("%s: %w", c.result.name(), ErrNoKey)
		}
		if seen[key.digest] {
			return r.errorf("the plan creates %s twice: %w", c.result.name(), ErrDuplicateKeys)
		}
		keys[i], seen[key.digest] = key.digest, true
	}
	now, err := r.readSnapshot(ctx, r.plan)
	if err != nil {
		return err
	}
	defer now.close()
	if r.plan.Key == "" {
		r.findByContent(now, keys)
		return nil
	}
	return r.findByKey(now, keys)
}

// findByContent finds creations by the number of records with their content.
func (r *run) findByContent(now *snapshot, contents []digest) {
	made := map[digest]int{} // the number of records that were created since the comparison
	for i, c := range r.creations {
		n, counted := made[contents[i]]
		if !counted {
			n = len(now.all(contents[i])) - c.item.known().same
		}
		if n > 0 {
			c.result.Outcome = OutcomeAlreadyDone
		}
		made[contents[i]] = n - 1
	}
}

// findByKey finds creations whose key the dataset has.
func (r *run) findByKey(now *snapshot, keys []digest) error {
	for i, c := range r.creations {
		position, ok := now.find(keys[i])
		if !ok {
			continue
		}
		parts, err := c.item.parts()
		if err != nil {
			return err
		}
		c.result.RecordID = now.id(position)
		switch {
		case contentOf(parts[0], parts[1], r.plan.KeepProperties) == now.entries[position].content:
			c.result.Outcome = OutcomeAlreadyDone
		case r.options.Force:
			c.result.Action = ActionUpdate
		default:
			c.result.Outcome, c.result.Err = OutcomeLeftAlone, ErrRecordChanged
		}
	}
	return nil
}

// create creates records in the order of the plan.
func (r *run) create(ctx context.Context, todo []change) {
	if !r.startPhase(ctx, PhaseCreate, len(todo)) {
		return
	}
	if r.options.ImportAbove >= 0 && len(todo) > r.options.ImportAbove {
		for batch := range importBatches(todo, maxImportBytes) {
			if r.isAborted(ctx) || !r.importBatch(ctx, batch) {
				return // otherwise the next sync would create the records of this batch after later ones
			}
		}
		return
	}
	for _, c := range todo {
		if r.isAborted(ctx) {
			return
		}
		record, err := r.createOne(ctx, c.item)
		if err != nil {
			r.recordError(ctx, err, c)
			continue
		}
		c.result.RecordID = record.ID
		r.record(OutcomeDone, nil, c)
	}
}

func (r *run) createOne(ctx context.Context, item *Item) (*mistralobs.Record, error) {
	parts, err := item.parts()
	if err != nil {
		return nil, err
	}
	params := mistralobs.CreateRecordParams{Payload: parts[0], Properties: parts[1]}
	return r.client.Records.Create(ctx, r.plan.DatasetID, params)
}

const (
	// maxImportBytes is the size up to which FromJSONL does not split a file by default.
	maxImportBytes = 511_000_000
	// lineOverhead is the largest number of bytes of a line besides the payload and the properties.
	lineOverhead = int64(len(`{"payload":,"properties":}` + "\n"))
)

// importBatches splits creations into files of at most limit bytes.
func importBatches(todo []change, limit int64) iter.Seq[[]change] {
	return func(yield func([]change) bool) {
		start, size := 0, int64(0)
		for i, c := range todo {
			line := lineOverhead + int64(c.item.body.size)
			if i > start && size+line > limit {
				if !yield(todo[start:i]) {
					return
				}
				start, size = i, 0
			}
			size += line
		}
		yield(todo[start:])
	}
}

// importBatch imports creations that fit into one file. It returns false if not all of them were
// imported.
func (r *run) importBatch(ctx context.Context, batch []change) bool {
	limit := newTaskLimit(ctx, r.options.MaxTaskWait)
	defer limit.stop()
	options := mistralobs.JSONLImportOptions{Name: "sync.jsonl"}
	options.OnProgress = func(done, total int64) {
		if done == total {
			limit.start()
		}
		r.estimate(len(batch), float64(done)/float64(total)/2)
	}
	options.Wait.OnUpdate = func(task *mistralobs.ImportTask) {
		if task.Progress != nil {
			r.estimate(len(batch), 0.5+float64(*task.Progress)/200)
		}
	}
	lines := &lineReader{batch: batch}
	made, err := r.client.Imports.FromJSONL(limit.ctx, r.plan.DatasetID, lines, options)
	if made == nil { // nothing was uploaded
		made = &mistralobs.JSONLImport{}
	}
	task := &mistralobs.ImportTask{}
	for _, task = range made.Tasks { // there is at most one
		for _, c := range batch {
			c.result.TaskID = task.ID
		}
	}
	whole := task.Result == nil || task.Result.Skipped == 0 && task.Result.Imported >= len(batch)
	if task.Status.Succeeded() && whole {
		if err != nil { // only the file could not be deleted
			r.keepUploads(made)
		}
		r.record(OutcomeDone, nil, batch...)
		return true
	}
	e := newImportError(limit.explain(err, task), task, len(batch))
	r.imported += e.Created
	if e.mayGoOn() {
		r.keepUploads(made)
	}
	r.recordError(ctx, e, batch...)
	return false
}

// newImportError returns the error of an import of n records. If no task was started, the task has
// no ID.
func newImportError(err error, task *mistralobs.ImportTask, n int) *ImportError {
	e := &ImportError{TaskID: task.ID, Records: n, Err: err}
	switch {
	case task.Result != nil && counts(task):
		e.Created = min(task.Result.Imported, n)
	case task.ID == "":
		e.unknown = errors.Is(err, mistralobs.ErrMaybeApplied)
	default:
		e.Running, e.unknown = !task.Status.Done(), true
	}
	return e
}

// counts reports whether the result of a task says how many records were imported.
func counts(task *mistralobs.ImportTask) bool {
	result, _ := task.Raw().Get("result")
	imported, known := mistralobs.Object(result).Float64("imported_record_count")
	return known && imported >= 0
}

func (r *run) keepUploads(made *mistralobs.JSONLImport) {
	for _, file := range made.Files {
		r.uploads = append(r.uploads, file.ID)
	}
}

// lineReader reads the creations as a JSONL file.
type lineReader struct {
	batch []change
	line  bytes.Buffer
	w     *mistralobs.JSONLWriter // writes into line
}

func (l *lineReader) Read(p []byte) (int, error) {
	for l.line.Len() == 0 {
		if len(l.batch) == 0 {
			return 0, io.EOF
		}
		parts, err := l.batch[0].item.parts()
		if err != nil {
			return 0, err
		}
		l.batch = l.batch[1:]
		if l.w == nil {
			l.w = mistralobs.NewJSONLWriter(&l.line)
		}
		if err := errors.Join(l.w.Write(parts[0], parts[1]), l.w.Flush()); err != nil {
			return 0, err
		}
	}
	return l.line.Read(p)
}
