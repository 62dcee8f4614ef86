// Package bulk sends requests concurrently, and yields their results in order.
package bulk

import (
	"context"
	"iter"
	"sync"
)

// Task sends one request.
type Task[T any] func(context.Context) (T, error)

// Result is the result of a task.
type Result[T any] struct {
	Index int // of the task, from 0
	Value T
	Err   error
}

// Run runs tasks, each in a goroutine of its own, and yields their results in the order of the
// tasks. It ranges over the tasks in the caller's goroutine, and takes one only when the ramp has
// room for it. It runs every task that it has taken. If the loop over the results breaks, Run
// cancels the tasks in flight. When Run returns, none is in flight.
func Run[T any](ctx context.Context, tasks iter.Seq[Task[T]], ramp *Ramp) iter.Seq[Result[T]] {
	return func(yield func(Result[T]) bool) {
		ctx, cancel := context.WithCancel(ctx)
		r := &run[T]{ramp: ramp, yield: yield}
		defer r.running.Wait()
		defer cancel() // before the wait, also after a panic of the loop or of the tasks
		index := 0
		for task := range tasks {
			r.start(ctx, index, task)
			index++
			if !r.deliver(ramp.Size() - 1) {
				return
			}
		}
		r.deliver(0)
	}
}

type run[T any] struct {
	ramp    *Ramp
	yield   func(Result[T]) bool
	queue   []chan Result[T] // of the tasks in flight, or done and not yet yielded, in order
	done    int              // results since the last step of the ramp
	running sync.WaitGroup
}

func (r *run[T]) start(ctx context.Context, index int, task Task[T]) {
	done := make(chan Result[T], 1)
	r.queue = append(r.queue, done)
	r.running.Go(func() {
		value, err := task(ctx)
		done <- Result[T]{index, value, err}
	})
}

// deliver yields results until at most n tasks are left, and those that are done already. It
// reports whether the loop goes on.
func (r *run[T]) deliver(n int) bool {
	for len(r.queue) > 0 {
		var result Result[T]
		if len(r.queue) > n {
			result = <-r.queue[0]
		} else {
			select {
			case result = <-r.queue[0]:
			default:
				return true
			}
		}
		r.queue = r.queue[1:]
		if r.done++; r.done >= r.ramp.Size() {
			r.ramp.Step()
			r.done = 0
		}
		if !r.yield(result) {
			return false
		}
	}
	return true
}
