package datasetsync

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

// findCreated finds the creations that were made after the comparison: by their key, or by the number of records with
// the same content.
func (r *run) findCreated(ctx context.Context) error {
	if len(r.creations) == 0 {
		return nil
	}
	if r.plan.Key == "" {
		return r.findCreatedByContent(ctx)
	}
	return r.findCreatedByKey(ctx)
}

func (r *run) findCreatedByContent(ctx context.Context) error {
	planned := map[content]bool{}
	for _, c := range r.creations {
		planned[c.item.want] = true
	}
	var count map[content]int
	err := r.readNow(ctx, func() func(*mistralobs.Record) {
		count = map[content]int{}
		return func(record *mistralobs.Record) {
			if now, ok := contentNow(record); ok && planned[now] {
				count[now]++
			}
		}
	})
	if err != nil {
		return err
	}
	for _, c := range r.creations {
		if count[c.item.want] > c.item.same {
			count[c.item.want]--
			c.result.Outcome = OutcomeAlreadyDone
		}
	}
	return nil
}

// readNow reads the current records of the dataset.
func (r *run) readNow(ctx context.Context, begin func() func(*mistralobs.Record)) error {
	return r.readWhole(ctx, func(*idSet) func(*mistralobs.Record) error {
		visit := begin()
		return func(record *mistralobs.Record) error {
			visit(record)
			return nil
		}
	})
}

// found is a record of the dataset that has the key of a creation.
type found struct {
	id  string
	now content
	odd bool // its payload or properties are not objects
}

func (r *run) findCreatedByKey(ctx context.Context) error {
	keys, planned, err := r.plannedKeys()
	if err != nil {
		return err
	}
	var there map[digest]found
	err = r.readNow(ctx, func() func(*mistralobs.Record) {
		there = map[digest]found{}
		return func(record *mistralobs.Record) {
			key := keyOf(record.Properties, r.plan.Key)
			if now, ok := contentNow(record); planned[key.digest] {
				there[key.digest] = found{record.ID, now, !ok}
			}
		}
	})
	if err != nil {
		return err
	}
	for i, c := range r.creations {
		if other, ok := there[keys[i]]; ok {
			r.foundCreated(c, other)
		}
	}
	return nil
}

// plannedKeys returns the keys of the creations, in order and as a set.
func (r *run) plannedKeys() (keys []digest, planned map[digest]bool, err error) {
	planned = map[digest]bool{}
	for _, c := range r.creations {
		properties, err := c.item.Properties()
		if err != nil {
			return nil, nil, err
		}
		key := keyOf(properties, r.plan.Key)
		if key.absent() {
			return nil, nil, fmt.Errorf("datasetsync: %s: %w", nameOf(c.item.Key, "", c.item.Line, c.item.Index), ErrNoKey)
		}
		keys = append(keys, key.digest)
		planned[key.digest] = true
	}
	return keys, planned, nil
}

// foundCreated sets the outcome of a creation whose key the dataset has.
func (r *run) foundCreated(c change, other found) {
	c.result.RecordID = other.id
	switch {
	case !other.odd && other.now == c.item.want:
		c.result.Outcome = OutcomeAlreadyDone
	case r.options.Force && !other.odd:
		c.result.Action = ActionUpdate
	default:
		c.result.Outcome, c.result.Err = OutcomeLeftAlone, ErrRecordChanged
	}
}

// create creates records in the order of the plan.
func (r *run) create(ctx context.Context, todo []change) {
	if !r.startPhase(ctx, PhaseCreate, len(todo)) {
		return
	}
	if r.options.ImportAbove >= 0 && len(todo) > r.options.ImportAbove {
		r.importAll(ctx, todo)
		return
	}
	for _, c := range todo {
		if r.isAborted(ctx) {
			return
		}
		record, err := r.createOne(ctx, c.item)
		if err == nil {
			c.result.RecordID = record.ID
			r.record(OutcomeDone, nil, c)
			continue
		}
		r.recordError(ctx, err, c)
		if errors.Is(err, mistralobs.ErrNotFound) { // there is no such dataset
			r.abort(err)
		}
	}
}

func (r *run) createOne(ctx context.Context, item *Item) (*mistralobs.Record, error) {
	payload, err := item.Payload()
	if err != nil {
		return nil, err
	}
	properties, err := item.Properties()
	if err != nil {
		return nil, err
	}
	params := mistralobs.CreateRecordParams{Payload: payload, Properties: properties}
	return r.client.Records.Create(ctx, r.plan.DatasetID, params)
}

// importAll imports records as files that each fit into one upload. It waits for each file, so that the order is kept.
func (r *run) importAll(ctx context.Context, todo []change) {
	for batch := range importBatches(todo, mistralobs.MaxUploadBytes) {
		if r.isAborted(ctx) {
			return
		}
		if err := r.importBatch(ctx, batch); err != nil {
			r.recordError(ctx, err, batch...)
			return // the next sync would create the records of this batch after later ones
		}
		r.record(OutcomeDone, nil, batch...)
	}
}

// lineOverhead is the largest number of bytes of a line beside the payload and the properties.
const lineOverhead = int64(len(`{"payload":,"properties":}` + "\n"))

// importBatches splits creations into files of at most limit bytes.
func importBatches(todo []change, limit int64) iter.Seq[[]change] {
	return func(yield func([]change) bool) {
		start, size := 0, int64(0)
		for i, c := range todo {
			line := lineOverhead + int64(c.item.payload.size) + int64(c.item.properties.size)
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

// importBatch imports creations that fit into one file. It deletes the file, unless a task may still read it.
func (r *run) importBatch(ctx context.Context, batch []change) error {
	params := mistralobs.UploadParams{
		Name: "sync.jsonl", Purpose: mistralobs.PurposeEvaluation, Body: &lineReader{batch: batch},
	}
	file, err := r.client.Files.Upload(ctx, params, mistralobs.TransferOptions{
		OnProgress: func(done, total int64) { r.estimate(batch, float64(done)/float64(total)/2) },
	})
	if err != nil {
		return &ImportError{Records: len(batch), Err: &notStartedError{err}}
	}
	failed := r.importFile(ctx, file.ID, batch)
	if failed.mayGoOn() || r.client.Files.Delete(ctx, file.ID) != nil {
		r.uploads = append(r.uploads, file.ID)
	}
	if failed != nil {
		return failed
	}
	return nil
}

// importFile imports an uploaded file. It returns nil if all records were imported.
func (r *run) importFile(ctx context.Context, fileID string, batch []change) *ImportError {
	task, err := r.client.Imports.FromFile(ctx, r.plan.DatasetID, fileID)
	if err != nil {
		return &ImportError{Records: len(batch), Err: err}
	}
	for _, c := range batch {
		c.result.TaskID = task.ID
	}
	return r.awaitImport(ctx, task.ID, batch)
}

// awaitImport waits for the task of an import. It returns nil if all records were imported.
func (r *run) awaitImport(ctx context.Context, taskID string, batch []change) *ImportError {
	onUpdate := func(task *mistralobs.ImportTask) {
		if task.Progress != nil {
			r.estimate(batch, 0.5+float64(*task.Progress)/200)
		}
	}
	task, err := r.waitForTask(ctx, taskID, time.Now().Add(r.options.MaxTaskWait), onUpdate)
	var failed *mistralobs.TaskError
	switch {
	case errors.As(err, &failed) && failed.Task.Status.Done():
		return &ImportError{TaskID: taskID, Records: len(batch), Err: err}
	case err != nil:
		return &ImportError{TaskID: taskID, Records: len(batch), Running: true, Err: err}
	case task.Result != nil && task.Result.Skipped > 0: // the service does not say which records it skipped
		err = fmt.Errorf("import task %s skipped %d of them: %w", taskID, task.Result.Skipped, mistralobs.ErrMaybeApplied)
		return &ImportError{TaskID: taskID, Records: len(batch), Err: err}
	}
	return nil
}

// notStartedError is the failure of an upload. Unlike its cause, it does not match [mistralobs.ErrMaybeApplied]: the
// service may have stored the file, but no import reads it.
type notStartedError struct{ err error }

// Error leaves out the hint that the upload may have been applied. It would suggest that records may still appear.
func (e *notStartedError) Error() string {
	text, _, _ := strings.Cut(e.err.Error(), "; "+mistralobs.ErrMaybeApplied.Error())
	return "no import was started: " + text
}

func (e *notStartedError) Is(target error) bool {
	return target != mistralobs.ErrMaybeApplied && errors.Is(e.err, target)
}

func (e *notStartedError) As(target any) bool { return errors.As(e.err, target) }

// lineReader reads the creations as a JSONL file.
type lineReader struct {
	batch []change
	line  bytes.Buffer
}

func (l *lineReader) Read(p []byte) (int, error) {
	for l.line.Len() == 0 {
		if len(l.batch) == 0 {
			return 0, io.EOF
		}
		item := l.batch[0].item
		l.batch = l.batch[1:]
		payload, err := item.Payload()
		if err != nil {
			return 0, err
		}
		properties, err := item.Properties()
		if err != nil {
			return 0, err
		}
		w := mistralobs.NewJSONLWriter(&l.line)
		if err := errors.Join(w.Write(payload, properties), w.Flush()); err != nil {
			return 0, err
		}
	}
	return l.line.Read(p)
}
