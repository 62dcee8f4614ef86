package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/mistralobs/mistralobs-go/internal/bulk"
)

// MaxBulkDelete is the largest number of records that the service deletes in one request.
// [RecordsService.DeleteAll] splits longer input.
const MaxBulkDelete = 500

// maxConcurrentDeletes is the number of requests of [RecordsService.DeleteAll] in flight.
const maxConcurrentDeletes = 8

// BulkOptions says how [RecordsService.CreateAll] and [RecordsService.UpdateAll] send their requests.
// Its zero value is a sensible default.
type BulkOptions struct {
	// Concurrency is the largest number of requests in flight. 0 means adaptive: it starts at 8,
	// grows up to 32 while the throughput rises, and shrinks after a 429 or 503.
	Concurrency int
	// OnError is called for each element whose request failed, but not if the end of the context
	// canceled the request. index is the position of the element in the input, from 0. params has
	// the payload and the properties that were to be written. If OnError returns nil, the element
	// is skipped. If it returns an error, no more requests are started, and that error is yielded
	// last. If OnError is nil, the first failure is yielded last.
	OnError func(index int, params CreateRecordParams, err error) error
	// OnResult is called for each element whose request was started. index is the position of the
	// element in the input, from 0. recordID is "" if a creation failed. err is nil if the request
	// succeeded. Calls do not overlap. They are in the order of the input, before OnError and
	// before the result is yielded. So OnResult can match results to elements even if others were
	// skipped or canceled.
	OnResult func(index int, recordID string, err error)
}

func (o BulkOptions) check() error {
	if o.Concurrency < 0 {
		return invalid("Concurrency", "it must not be negative, got %d", o.Concurrency)
	}
	return nil
}

// CreateAll creates records concurrently, with one request for each, and yields them in the order
// of the input. The input is usually the result of [NewRecords]. CreateAll reads it only as fast as
// it creates records.
//
// Unless options.Concurrency is 1, the service may create the records in another order than that of
// the input, because requests in flight overtake each other.
//
// After a failure that options.OnError does not skip, or an error of the input, CreateAll starts no
// more requests. It waits for those in flight, yields their records, and yields the error last. So
// a loop that does not break sees every record that was created, except those whose failure matches
// [ErrMaybeApplied].
//
// If the loop breaks or the context ends, the requests in flight are canceled. Their records may or
// may not exist. The context is checked between two elements of the input. CreateAll reads the
// input in the goroutine of the loop. So an input that waits for a result of the loop blocks
// forever.
//
// If the input can be read twice, a second range over the sequence creates all records again. The
// errors are those of [RecordsService.Create], and one that matches [ErrInvalidParams] if opts has a
// [WithResponse].
func (s *RecordsService) CreateAll(
	ctx context.Context, datasetID string, records iter.Seq2[CreateRecordParams, error], options BulkOptions,
	opts ...CallOption,
) iter.Seq2[*Record, error] {
	create := func(ctx context.Context, params CreateRecordParams) (*Record, error) {
		return s.Create(ctx, datasetID, params, opts...)
	}
	params := func(p CreateRecordParams) CreateRecordParams { return p }
	id := func(r *Record) string {
		if r == nil {
			return ""
		}
		return r.ID
	}
	return runBulk(ctx, s.client, "create records", "records", records, create, params, id, options, opts)
}

// NoErrors pairs each element with a nil error. It turns a sequence without errors, such as
// slices.Values(params), into an input for [RecordsService.CreateAll] and
// [RecordsService.UpdateAll].
func NoErrors[T any](elements iter.Seq[T]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for element := range elements {
			if !yield(element, nil) {
				return
			}
		}
	}
}

// RecordUpdate is one element of the input of [RecordsService.UpdateAll]. Payload and Properties can be
// anything that [NewObject] accepts.
type RecordUpdate struct {
	ID         string // of the record; required
	Payload    any    // replaces the payload; nil leaves it as it is
	Properties any    // replaces all of the properties; nil leaves them as they are
}

// UpdateAll replaces payloads and properties of records concurrently, and yields the IDs of the
// updated records in the order of the input. It sends one request for a Payload and then one for
// Properties, and none for a field that is nil. It reads the input only as fast as it updates
// records.
//
// A failed update may have replaced the payload but not the properties. It is harmless to repeat;
// options.OnResult tells which updates failed. Two updates of one record in the same input may be
// applied in any order, unless options.Concurrency is 1.
//
// UpdateAll treats failures, a break of the loop and the end of the context as
// [RecordsService.CreateAll] does. The errors are those of [RecordsService.UpdatePayload] and
// [RecordsService.UpdateProperties]. An update whose Payload and Properties are both nil fails with
// an error that matches [ErrInvalidParams], as does a [WithResponse] in opts.
func (s *RecordsService) UpdateAll(
	ctx context.Context, updates iter.Seq2[RecordUpdate, error], options BulkOptions, opts ...CallOption,
) iter.Seq2[string, error] {
	params := func(u RecordUpdate) CreateRecordParams {
		return CreateRecordParams{Payload: u.Payload, Properties: u.Properties}
	}
	id := func(id string) string { return id }
	update := func(ctx context.Context, u RecordUpdate) (string, error) { return s.update(ctx, u, opts) }
	return runBulk(ctx, s.client, "update records", "updates", updates, update, params, id, options, opts)
}

// update replaces the parts of a record that are set. It returns the record's ID, even with an
// error.
func (s *RecordsService) update(ctx context.Context, update RecordUpdate, opts []CallOption) (string, error) {
	payload, err := optionalObject("Payload", update.Payload)
	if err != nil {
		return update.ID, err
	}
	properties, err := optionalObject("Properties", update.Properties)
	if err != nil {
		return update.ID, err
	}
	if payload == nil && properties == nil {
		return update.ID, invalid("RecordUpdate", "it changes neither Payload nor Properties")
	}
	if payload != nil {
		if err := s.UpdatePayload(ctx, update.ID, payload, opts...); err != nil {
			return update.ID, err
		}
	}
	if properties != nil {
		return update.ID, s.UpdateProperties(ctx, update.ID, properties, opts...)
	}
	return update.ID, nil
}

// runBulk sends a request for each element of the input. params and id are what the options are told
// of an element and of a result. name is the parameter that holds the input.
func runBulk[In, Out any](
	ctx context.Context,
	c *Client,
	action, name string,
	input iter.Seq2[In, error],
	send func(context.Context, In) (Out, error),
	params func(In) CreateRecordParams,
	id func(Out) string,
	options BulkOptions,
	opts []CallOption,
) iter.Seq2[Out, error] {
	err := options.check()
	if err == nil {
		_, err = c.bulkSettings(opts)
	}
	switch {
	case ctx == nil:
		err = errNilContext
	case input == nil:
		err = invalid(name, "the sequence is nil")
	}
	if err != nil {
		return func(yield func(Out, error) bool) {
			var none Out
			yield(none, err)
		}
	}
	run := bulk.Options[In, Out]{
		Concurrency: options.Concurrency,
		Refusals:    c.cfg.pacer.Refusals,
		Wrap:        func(index int, err error) error { return fmt.Errorf("record %d of the input: %w", index, err) },
		Ended:       func(err error) error { return fmt.Errorf("mistralobs: %s: %w", action, err) },
		Marked:      func(err error) bool { return errors.Is(err, ErrMaybeApplied) },
	}
	if options.OnError != nil {
		run.OnError = func(index int, in In, err error) error { return options.OnError(index, params(in), err) }
	}
	if options.OnResult != nil {
		run.OnResult = func(index int, out Out, err error) { options.OnResult(index, id(out), err) }
	}
	return bulk.Run(ctx, input, send, run)
}

// DeleteAll deletes any number of records, up to [MaxBulkDelete] per request. Up to 8 requests are
// in flight. After a failure no further request is started, and those in flight are waited for.
// Then some of the records are deleted and others are not, and the error joins all failures, which
// are those of [RecordsService.Delete].
//
// API: POST /v1/observability/dataset-records/bulk-delete
//
// If there are no IDs, it sends nothing and returns nil. It returns an error that matches
// [ErrInvalidParams], and deletes nothing, if an ID is empty or opts has a [WithResponse].
func (s *RecordsService) DeleteAll(ctx context.Context, recordIDs []string, opts ...CallOption) error {
	if err := checkIDs("recordIDs", recordIDs, 0, len(recordIDs)); err != nil {
		return err
	}
	if _, err := s.client.bulkSettings(opts); err != nil {
		return err
	}
	batches := slices.Collect(slices.Chunk(recordIDs, MaxBulkDelete))
	errs := make([]error, len(batches))
	var group errgroup.Group // without a context, which would cancel the requests in flight
	// A few requests gain little by concurrency, and one after the other they stop sooner.
	group.SetLimit(max(1, min(len(batches)/4, maxConcurrentDeletes)))
	var failed atomic.Bool
	for i, batch := range batches {
		group.Go(func() error {
			if !failed.Load() {
				errs[i] = s.deleteBatch(ctx, batch, opts)
				failed.CompareAndSwap(false, errs[i] != nil)
			}
			return nil
		})
	}
	_ = group.Wait() // always nil
	return errors.Join(errs...)
}

func (s *RecordsService) deleteBatch(ctx context.Context, recordIDs []string, opts []CallOption) error {
	body, err := encode(recordIDList{recordIDs})
	if err != nil {
		return err
	}
	err = exec(ctx, s.client, request{
		name: "records.delete_all", action: "delete records",
		route: "POST /v1/observability/dataset-records/bulk-delete", body: body,
	}, opts)
	var e *Error
	if errors.As(err, &e) && e.StatusCode == http.StatusNotFound && e.ambiguous {
		// An attempt whose response was lost may have deleted the records. Deleting them one by one
		// finds out.
		return s.deleteEach(ctx, recordIDs, opts)
	}
	return err
}

func (s *RecordsService) deleteEach(ctx context.Context, recordIDs []string, opts []CallOption) error {
	for _, id := range recordIDs {
		if err := s.Delete(ctx, id, opts...); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}
