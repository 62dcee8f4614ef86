package datasetsync

import "iter"

// parallel calls work for each item, in at most n goroutines, and yields the items and results as
// they come. The loop runs in the caller's goroutine. After the loop has ended, or stop returns
// true, parallel starts no more work, but it waits for the work that is in flight.
func parallel[T, R any](items []T, n int, stop func() bool, work func(T) R) iter.Seq2[T, R] {
	return func(yield func(T, R) bool) {
		type result struct {
			item  T
			value R
		}
		results := make(chan result)
		flying := 0
		defer func() { // also after a panic of the loop
			for ; flying > 0; flying-- {
				<-results
			}
		}()
		for len(items) > 0 || flying > 0 {
			for ; len(items) > 0 && flying < n && !stop(); flying++ {
				item := items[0]
				items = items[1:]
				go func() { results <- result{item, work(item)} }()
			}
			if flying == 0 {
				return
			}
			r := <-results
			flying--
			if !yield(r.item, r.value) {
				return
			}
		}
	}
}
