package mistralobs

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// Edit changes a record while other programs may change it too, for example to write a score back
// to it. It reads the record, calls edit, and sends the payload and the properties, each only if
// edit has changed its bytes. It returns the record as edited.
//
//	record, err := client.Records.Edit(ctx, id, func(r *mistralobs.Record) (err error) {
//		r.Properties, err = r.Properties.Set("score", 0.9)
//		return err
//	})
//
// Each part is sent once. After a transient failure, Edit reads the record again and repeats the
// edit, as often and for as long as the retry policy allows. It does not send a part again that the
// service has stored. So edit may run several times, also on its own result, and must be
// idempotent: set a value, do not append to it.
//
// The service has no conditional writes. If another program changes the same part between the read
// and the write, its change is lost. All other changes are kept.
//
// Edit calls [RecordsService.Get], [RecordsService.UpdatePayload] and
// [RecordsService.UpdateProperties], and returns their errors. It returns the error of edit, and
// then sends nothing. It returns an error that matches [ErrInvalidParams] if edit is nil or makes a
// part that is not a JSON object.
func (s *RecordsService) Edit(
	ctx context.Context, recordID string, edit func(*Record) error, opts ...CallOption,
) (*Record, error) {
	settings, err := s.client.settings(opts)
	if edit == nil {
		err = invalid("edit", "it is nil")
	}
	if err != nil {
		return nil, attempted("edit record", err)
	}
	policy := settings.retry
	once := policy
	once.MaxAttempts = 1
	e := recordEdit{service: s, id: recordID, edit: edit, opts: opts, once: append(slices.Clip(opts), WithRetry(once))}
	started := time.Now()
	var failed error // of the previous write
	for failures := 1; ; failures++ {
		left := policy // for the read: the policy limits all rounds together
		left.MaxAttempts = policy.MaxAttempts - failures + 1
		left.MaxElapsed = max(1, policy.MaxElapsed-time.Since(started))
		record, err := e.try(ctx, WithRetry(left))
		if err != nil && !e.writing && failed != nil {
			err = fmt.Errorf("%w; before that: %w", err, bare(failed))
		}
		if err == nil || !e.writing || !IsTransient(err) || failures >= policy.MaxAttempts {
			return record, err
		}
		failed = err
		pause, again := policy.pause(ctx, failures, retryAfterOf(err), time.Since(started))
		if !again {
			return nil, err
		}
		if ended := transport.Sleep(ctx, pause); ended != nil {
			return nil, fmt.Errorf("mistralobs: edit record: %w, while waiting to try again after: %w",
				ended, bare(err))
		}
	}
}

// recordEdit is one call of Edit.
type recordEdit struct {
	service *RecordsService
	id      string
	edit    func(*Record) error
	opts    []CallOption
	once    []CallOption // for a write
	writing bool         // the last try failed at a write, not at the read or in edit
	sent    encodedUpdate
}

// try reads the record, edits it and writes what has changed.
func (e *recordEdit) try(ctx context.Context, reading CallOption) (*Record, error) {
	e.writing = false
	record, err := e.service.Get(ctx, e.id, append(slices.Clip(e.opts), reading)...)
	if err != nil {
		return nil, err
	}
	before := encodedUpdate{slices.Clone(record.Payload), slices.Clone(record.Properties)}
	if err := e.edit(record); err != nil {
		return nil, err
	}
	change, err := e.changes(before, record)
	if err != nil {
		return nil, attempted("edit record", err)
	}
	e.writing = true
	if change.payload != nil {
		e.sent.payload = change.payload
	}
	if change.properties != nil {
		e.sent.properties = change.properties
	}
	if err := e.service.update(ctx, e.id, change, e.once); err != nil {
		return nil, err
	}
	return record, nil
}

// changes returns the parts that edit has changed. If a part reads back as it was sent, it is done:
// changes then undoes a further change by edit.
func (e *recordEdit) changes(before encodedUpdate, record *Record) (change encodedUpdate, err error) {
	if isSent(e.sent.payload, before.payload) {
		record.Payload = before.payload
	}
	if isSent(e.sent.properties, before.properties) {
		record.Properties = before.properties
	}
	if !bytes.Equal(before.payload, record.Payload) {
		if change.payload, err = newObject("Payload", record.Payload); err != nil {
			return change, err
		}
	}
	if !bytes.Equal(before.properties, record.Properties) {
		change.properties, err = propertiesObject("Properties", record.Properties)
	}
	return change, err
}

// isSent reports whether a part reads back as it was sent.
func isSent(sent, read Object) bool { return sent != nil && bytes.Equal(sent, read) }
