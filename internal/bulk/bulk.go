// Package bulk sends one request for each element of a sequence, many at a time, and yields the
// results in the order of the sequence. It knows nothing of the API.
package bulk

import (
	"context"
	"errors"
	"iter"
	"sync"
	"sync/atomic"
)

// Options says how to send the requests.
type Options[In, Out any] struct {
	// Concurrency is the number of requests in flight; 0 adapts it, see [window].
	Concurrency int
	// Refusals returns how often the service has refused a request so far because of overload.
	Refusals func() int
	// OnError decides about an element that failed. If it returns nil, the element is skipped. If it
	// returns an error, the run ends with that error. If OnError is nil, the first failure ends the
	// run, with the error that Wrap returns.
	OnError func(index int, in In, err error) error
	// Wrap adds the index to the error of an element.
	Wrap func(index int, err error) error
	// Ended returns the error of a run that the context ended before any element failed.
	Ended func(error) error
	// OnResult is told about each element that was started, before its result is yielded.
	OnResult func(index int, out Out, err error)
	// Marked reports whether an error must not be lost behind others.
	Marked func(error) bool
}

// Run returns the results of send for the elements of input. The loop over the results reads the
// input: it reads an element when there is room for another request. It calls OnError and OnResult,
// in the order of the input.
//
// After a failure that ends the run, or an error of the input, no request is started. Those in flight
// are waited for, their results are yielded, and the error is yielded last. If the loop breaks or the
// context ends, the requests in flight are canceled.
func Run[In, Out any](
	ctx context.Context, input iter.Seq2[In, error], send func(context.Context, In) (Out, error), options Options[In, Out],
) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		r := &run[In, Out]{
			ctx: ctx, cancel: cancel, send: send, options: options, yield: yield,
			window: newWindow(options.Concurrency, options.Refusals()),
		}
		defer r.running.Wait()
		defer cancel()
		r.all(input)
	}
}

// run is one loop over the results.
type run[In, Out any] struct {
	ctx      context.Context
	cancel   context.CancelFunc
	send     func(context.Context, In) (Out, error)
	options  Options[In, Out]
	yield    func(Out, error) bool
	window   *window
	queue    []*job[In, Out] // in flight, or done and not yet yielded, in input order
	running  sync.WaitGroup
	failed   error       // ends the run
	stopping atomic.Bool // a job behind the first one in the queue has ended the run
	broken   bool        // the loop over the results has ended
}

// job is one element and its request. out and err may be read once done is closed.
type job[In, Out any] struct {
	index int
	in    In
	out   Out
	err   error
	done  chan struct{}
}

func (r *run[In, Out]) all(input iter.Seq2[In, error]) {
	index := 0
	for in, err := range input {
		if err != nil {
			r.fail(err)
			break
		}
		if r.over() {
			break
		}
		r.start(&job[In, Out]{index: index, in: in, done: make(chan struct{})})
		index++
		// The next element is read only when there is room for it.
		if r.deliver(r.window.size() - 1); r.over() {
			break
		}
	}
	r.deliver(0)
	if r.broken {
		r.abandon()
		return
	}
	if r.failed == nil && r.ctx.Err() != nil {
		r.failed = r.options.Ended(r.ctx.Err())
	}
	if r.failed != nil {
		var none Out
		r.yield(none, r.failed)
	}
}

// abandon cancels the requests in flight after the loop has ended, and reports what became of them.
func (r *run[In, Out]) abandon() {
	r.cancel()
	for _, j := range r.queue {
		<-j.done
		if r.options.OnResult != nil {
			r.options.OnResult(j.index, j.out, j.err)
		}
	}
}

func (r *run[In, Out]) over() bool {
	return r.failed != nil || r.stopping.Load() || r.broken || r.ctx.Err() != nil
}

func (r *run[In, Out]) start(j *job[In, Out]) {
	r.queue = append(r.queue, j)
	r.running.Go(func() {
		defer close(j.done)
		j.out, j.err = r.send(r.ctx, j.in)
		if j.err != nil && r.options.OnError == nil {
			r.stopping.Store(true)
		}
	})
}

// deliver yields the results that are there, and waits until at most n jobs are left.
func (r *run[In, Out]) deliver(n int) {
	for len(r.queue) > 0 && !r.broken {
		first := r.queue[0]
		if len(r.queue) <= n && !first.isDone() {
			return
		}
		<-first.done
		r.queue = r.queue[1:]
		r.window.record(r.options.Refusals())
		r.finish(first)
	}
}

func (j *job[In, Out]) isDone() bool {
	select {
	case <-j.done:
		return true
	default:
		return false
	}
}

// finish reports the result of a job.
func (r *run[In, Out]) finish(j *job[In, Out]) {
	if r.options.OnResult != nil {
		r.options.OnResult(j.index, j.out, j.err)
	}
	switch ended := r.ctx.Err(); {
	case j.err == nil:
		r.broken = !r.yield(j.out, nil)
	case ended != nil && errors.Is(j.err, ended):
		// The element did not fail, the run has ended. All jobs in flight end with the same error,
		// of which one is enough, unless another one is marked.
		if !errors.Is(r.failed, ended) || r.options.Marked(j.err) && !r.options.Marked(r.failed) {
			r.fail(j.err)
		}
	case r.options.OnError == nil:
		r.fail(r.options.Wrap(j.index, j.err))
	default:
		r.fail(r.options.OnError(j.index, j.in, j.err))
	}
}

// fail ends the run, unless err is nil.
func (r *run[In, Out]) fail(err error) {
	if r.failed == nil {
		r.failed = err
	} else if err != nil {
		r.failed = errors.Join(r.failed, err)
	}
}
