package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
)

// DefaultBulkConcurrency is how many records [RecordsService.CreateAll] creates at once.
const DefaultBulkConcurrency = 8

// BulkOptions says how to create many records. Its zero value is a sensible default.
type BulkOptions struct {
	// Concurrency is how many records are being created at once; 0 is [DefaultBulkConcurrency].
	Concurrency int
	// OnError decides about a record that could not be created, the index-th of
	// the input, counted from 0. Nil as a result leaves it out and goes on; an
	// error ends the creation with that error. Without OnError the first
	// failure ends it. It is called in input order, from the ranging goroutine.
	OnError func(index int, params CreateRecordParams, err error) error
}

// CreateAll creates records concurrently and yields them in the order of the
// input. It reads the input only as fast as records are created, from the
// ranging goroutine, and holds at most Concurrency of them. While the input makes
// it wait, nothing is yielded: so the input must not wait for what is yielded.
//
// When a record fails for good (and OnError, asked in input order, does not
// leave it out), no further one is started, those in flight are waited for and
// yielded if they succeed, and the error comes last: so everything that was
// created has been yielded, but for records whose failure matches
// [ErrMaybeApplied]; the failures of those in flight are joined to the error.
// When the caller breaks off or the context ends, the requests in flight are
// canceled, and their records may or may not exist. The errors are those of
// [RecordsService.Create].
//
// The sequence can be ranged over again only if the input can, and creates the records again.
func (s *RecordsService) CreateAll(ctx context.Context, datasetID string, records iter.Seq[CreateRecordParams], options BulkOptions) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		endsAtOnce := options.OnError == nil // nobody decides otherwise
		if err := options.fill(); err != nil {
			yield(nil, err)
			return
		}
		if ctx == nil {
			yield(nil, errNilContext)
			return
		}
		if records == nil {
			yield(nil, invalid("records", "the sequence is nil"))
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		b := &bulk{service: s, datasetID: datasetID, options: options, endsAtOnce: endsAtOnce, ctx: ctx, yield: yield}
		defer b.running.Wait()
		defer cancel()
		b.run(records)
	}
}

func (o *BulkOptions) fill() error {
	if o.Concurrency == 0 {
		o.Concurrency = DefaultBulkConcurrency
	}
	if o.Concurrency < 0 {
		return invalid("Concurrency", "it must not be negative, got %d", o.Concurrency)
	}
	if o.OnError == nil {
		o.OnError = func(index int, _ CreateRecordParams, err error) error {
			return fmt.Errorf("record %d of the input: %w", index, err)
		}
	}
	return nil
}

// bulk is one run of CreateAll.
type bulk struct {
	service    *RecordsService
	datasetID  string
	options    BulkOptions
	endsAtOnce bool // with the first failure, whichever it is
	ctx        context.Context
	yield      func(*Record, error) bool
	queue      []*creation // in flight or done, in input order
	running    sync.WaitGroup
	failed     error       // ends the run
	failing    atomic.Bool // a creation behind the first in flight has ended it
	broken     bool        // the caller wants no more
}

// creation is a record being created; record and err may be read once done is closed.
type creation struct {
	index  int
	params CreateRecordParams
	record *Record
	err    error
	done   chan struct{}
}

func (b *bulk) run(records iter.Seq[CreateRecordParams]) {
	index := 0
	for params := range records {
		b.start(&creation{index: index, params: params, done: make(chan struct{})})
		index++
		// The next one is read only when there is room for it.
		if b.settle(b.options.Concurrency - 1); b.over() {
			break
		}
	}
	b.settle(0)
	if b.failed == nil && b.ctx.Err() != nil {
		b.failed = fmt.Errorf("mistralobs: create records: %w", b.ctx.Err())
	}
	if b.failed != nil && !b.broken {
		b.yield(nil, b.failed)
	}
}

func (b *bulk) over() bool {
	return b.failed != nil || b.failing.Load() || b.broken || b.ctx.Err() != nil
}

func (b *bulk) start(c *creation) {
	b.queue = append(b.queue, c)
	b.running.Go(func() {
		defer close(c.done)
		c.record, c.err = b.service.Create(b.ctx, b.datasetID, c.params)
		if c.err != nil && b.endsAtOnce {
			b.failing.Store(true)
		}
	})
}

// settle hands out what is done, and waits until at most n are left.
func (b *bulk) settle(n int) {
	for len(b.queue) > 0 && !b.broken {
		first := b.queue[0]
		if len(b.queue) <= n && !first.isDone() {
			return
		}
		<-first.done
		b.queue = b.queue[1:]
		b.deliver(first)
	}
}

func (c *creation) isDone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (b *bulk) deliver(c *creation) {
	if c.err == nil {
		b.broken = !b.yield(c.record, nil)
		return
	}
	if ended := b.ctx.Err(); ended != nil && errors.Is(c.err, ended) {
		if b.failed == nil { // the others end alike
			b.failed = c.err
		}
		return // not asked about: this is no failure of the record
	}
	if err := b.options.OnError(c.index, c.params, c.err); b.failed == nil {
		b.failed = err
	} else if err != nil {
		b.failed = errors.Join(b.failed, err)
	}
}
