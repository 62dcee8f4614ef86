package mistralobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/mistralobs/mistralobs-go/internal/bulk"
)

// MaxBulkDelete is the largest number of records that the service deletes in one request.
// [RecordsService.DeleteAll] splits longer input.
const MaxBulkDelete = 500

// maxConcurrentDeletes is the largest number of requests of [RecordsService.DeleteAll] in flight.
const maxConcurrentDeletes = 8

// BulkOptions says how [RecordsService.CreateAll] and [RecordsService.UpdateAll] send their
// requests. Its zero value is a sensible default.
type BulkOptions struct {
	// Concurrency is the largest number of requests in flight. 0 means adaptive: it starts at 8,
	// doubles up to 32 while the service refuses nothing, and is halved after a 429 or 503.
	Concurrency int
	// OnError is called for each element that cannot be encoded or whose request failed, but not if
	// the end of the context canceled the request. index is the position of the element in the
	// input, from 0. If OnError returns nil, the element is skipped. If it returns an error, no
	// more requests are started, and that error is yielded last. If OnError is nil, the first
	// failure stops the call in the same way. Failures of requests that were already in flight are
	// joined to that error.
	OnError func(index int, err error) error
	// OnResult is called for each element whose result is known, before OnError and before the
	// result is yielded. index is the position of the element in the input, from 0. recordID is ""
	// if a creation failed. err is nil if the request succeeded. Calls do not overlap, and are in
	// the order of the input. OnResult can match results to elements even if others were skipped or
	// canceled.
	OnResult func(index int, recordID string, err error)
}

const leastInFlight, mostInFlight = 8, 32

func (o BulkOptions) ramp(refusals func() int) *bulk.Ramp {
	if o.Concurrency > 0 {
		return bulk.NewRamp(o.Concurrency, o.Concurrency, refusals)
	}
	return bulk.NewRamp(leastInFlight, mostInFlight, refusals)
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
// may not exist. The context is checked between two elements of the input.
//
// CreateAll reads the input, encodes each element before it reads the next, and calls the functions
// of options in the goroutine of the loop. So the input may reuse its values, and a panic reaches
// the caller. An input that waits for a result of the loop blocks forever.
//
// If the input can be read twice, a second range over the sequence creates all records again. The
// errors are those of [RecordsService.Create], and one that matches [ErrInvalidParams] if opts has
// a [WithResponse].
func (s *RecordsService) CreateAll(
	ctx context.Context, datasetID string, records iter.Seq2[CreateRecordParams, error], options BulkOptions,
	opts ...CallOption,
) iter.Seq2[*Record, error] {
	prepare := func(params CreateRecordParams) bulk.Task[*Record] {
		req := params.request(datasetID)
		return func(ctx context.Context) (*Record, error) { return fetch[Record](ctx, s.client, req, opts) }
	}
	id := func(r *Record) string {
		if r == nil {
			return ""
		}
		return r.ID
	}
	run := bulkRun[CreateRecordParams, *Record]{s.client, "create records", options, opts, prepare, id}
	return run.results(ctx, records)
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

// RecordUpdate is one element of the input of [RecordsService.UpdateAll]. Payload and Properties
// can be anything that [NewObject] accepts.
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
// An update overwrites changes that another program has made since the record was read: to keep
// them, use [RecordsService.Edit].
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
	prepare := func(update RecordUpdate) bulk.Task[string] {
		parts, err := update.encode()
		return func(ctx context.Context) (string, error) {
			if err != nil {
				return update.ID, attempted("update record", err)
			}
			return update.ID, s.update(ctx, update.ID, parts, opts)
		}
	}
	id := func(id string) string { return id }
	run := bulkRun[RecordUpdate, string]{s.client, "update records", options, opts, prepare, id}
	return run.results(ctx, updates)
}

// encodedUpdate holds the parts of an update. A nil part stays as it is.
type encodedUpdate struct{ payload, properties Object }

func (u RecordUpdate) encode() (parts encodedUpdate, err error) {
	if parts.payload, err = optionalObject("Payload", u.Payload); err != nil {
		return parts, err
	}
	if parts.properties, err = optionalObject("Properties", u.Properties); err != nil {
		return parts, err
	}
	if parts.payload == nil && parts.properties == nil {
		err = invalid("RecordUpdate", "it changes neither Payload nor Properties")
	}
	return parts, err
}

// update replaces the parts of a record that are set.
func (s *RecordsService) update(ctx context.Context, id string, parts encodedUpdate, opts []CallOption) error {
	if parts.payload != nil {
		if err := s.UpdatePayload(ctx, id, parts.payload, opts...); err != nil {
			return err
		}
	}
	if parts.properties != nil {
		return s.UpdateProperties(ctx, id, parts.properties, opts...)
	}
	return nil
}

// bulkRun sends a request for each element of an input.
type bulkRun[In, Out any] struct {
	client  *Client
	action  string
	options BulkOptions
	opts    []CallOption
	prepare func(In) bulk.Task[Out] // encodes an element, which is not used afterwards
	id      func(Out) string
}

// results yields the results of the successful requests in the order of the input, and at most one
// error, last. The input, the options and the loop run in the caller's goroutine.
func (b bulkRun[In, Out]) results(ctx context.Context, input iter.Seq2[In, error]) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		var none Out
		if err := b.check(ctx, input == nil); err != nil {
			yield(none, attempted(b.action, err))
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		state := bulkState{ctx: ctx, action: b.action}
		broken := false
		over := func() bool { return broken || state.failed != nil || state.stopping.Load() || ctx.Err() != nil }
		tasks := func(start func(bulk.Task[Out]) bool) {
			for in, err := range input {
				if err != nil {
					state.fail(err)
					return
				}
				if over() || !start(b.task(in, &state.stopping)) || over() {
					return
				}
			}
		}
		for result := range bulk.Run(ctx, tasks, b.options.ramp(b.client.cfg.pacer.Refusals)) {
			if b.options.OnResult != nil {
				b.options.OnResult(result.Index, b.id(result.Value), result.Err)
			}
			switch {
			case broken: // the requests in flight are canceled
			case result.Err == nil:
				if broken = !yield(result.Value, nil); broken {
					cancel()
				}
			default:
				state.failedElement(result.Index, result.Err, b.options.OnError)
			}
		}
		if err := state.end(); err != nil && !broken {
			yield(none, err)
		}
	}
}

func (b bulkRun[In, Out]) check(ctx context.Context, noInput bool) error {
	err := b.client.checkBulk(b.opts)
	if noInput {
		err = invalid("input", "the sequence is nil")
	}
	return cmp.Or(checkContext(ctx), b.options.check(), err)
}

// task encodes an element. An encoding error is reported in the order of the input, like that of a
// request.
func (b bulkRun[In, Out]) task(in In, stopping *atomic.Bool) bulk.Task[Out] {
	task := b.prepare(in)
	return func(ctx context.Context) (Out, error) {
		out, err := task(ctx)
		if err != nil && b.options.OnError == nil {
			stopping.Store(true) // start nothing more, even before this result is yielded
		}
		return out, err
	}
}

// bulkState is the state of a bulk call.
type bulkState struct {
	ctx      context.Context
	action   string      // for error texts
	failed   error       // ends the call
	stopping atomic.Bool // an element has failed, so that nothing more is started
}

func (s *bulkState) fail(err error) {
	if s.failed == nil {
		s.failed = err
	} else if err != nil {
		s.failed = errors.Join(s.failed, err)
	}
}

// failedElement handles the error of an element.
func (s *bulkState) failedElement(index int, err error, onError func(int, error) error) {
	marked := func(err error) bool { return errors.Is(err, ErrMaybeApplied) }
	switch ended := s.ctx.Err(); {
	case ended != nil && errors.Is(err, ended):
		// All requests in flight end with the error of the context. One such error is enough,
		// unless another one matches ErrMaybeApplied.
		if !errors.Is(s.failed, ended) || marked(err) && !marked(s.failed) {
			s.fail(err)
		}
	case onError == nil:
		s.fail(fmt.Errorf("mistralobs: %s: record %d of the input: %w", s.action, index, bare(err)))
	default:
		s.fail(onError(index, err))
	}
}

// end returns the error of the call.
func (s *bulkState) end() error {
	if s.failed == nil && s.ctx.Err() != nil {
		return fmt.Errorf("mistralobs: %s: %w", s.action, s.ctx.Err())
	}
	return s.failed
}

// DeleteAll deletes any number of records, up to [MaxBulkDelete] per request. The first request is
// sent alone. Then up to 8 are in flight, fewer after a 429 or 503. After a failure, DeleteAll
// starts no further request and waits for those in flight. Then some of the records are deleted and
// others are not, and the error joins all failures, which are those of [RecordsService.Delete].
//
// API: POST /v1/observability/dataset-records/bulk-delete
//
// If there are no IDs, it sends nothing and returns nil. It returns an error that matches
// [ErrInvalidParams], and deletes nothing, if an ID is empty or opts has a [WithResponse].
func (s *RecordsService) DeleteAll(ctx context.Context, recordIDs []string, opts ...CallOption) error {
	err := cmp.Or(checkContext(ctx), checkIDs("recordIDs", recordIDs, 0, len(recordIDs)), s.client.checkBulk(opts))
	if err != nil {
		return attempted("delete records", err)
	}
	var failed atomic.Bool
	batches := func(start func(bulk.Task[struct{}]) bool) {
		for batch := range slices.Chunk(recordIDs, MaxBulkDelete) {
			task := func(ctx context.Context) (_ struct{}, err error) {
				if err = s.deleteBatch(ctx, batch, opts); err != nil {
					failed.Store(true)
				}
				return
			}
			if failed.Load() || !start(task) {
				return
			}
		}
	}
	var errs []error
	for result := range bulk.Run(ctx, batches, bulk.NewRamp(1, maxConcurrentDeletes, s.client.cfg.pacer.Refusals)) {
		errs = append(errs, result.Err)
	}
	return errors.Join(errs...)
}

func (s *RecordsService) deleteBatch(ctx context.Context, recordIDs []string, opts []CallOption) error {
	body, err := encode(recordIDList{recordIDs})
	err = exec(ctx, s.client, request{
		name: "records.delete_all", action: "delete records",
		route: "POST /v1/observability/dataset-records/bulk-delete", body: body, err: err,
	}, opts)
	var e *Error
	if errors.As(err, &e) && e.StatusCode == http.StatusNotFound && e.ambiguous {
		// An attempt whose response was lost may have deleted the records. Deleting them one by one
		// shows whether it has.
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
