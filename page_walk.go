package mistralobs

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"
)

// walk is a walk over a list: what every All method is.
type walk[T any] struct {
	params ListParams
	fetch  func(context.Context, ListParams) (*Page[T], error)
	id     func(*T) string // tells a page from the one before
}

// walkAll returns a walk over a list in the largest pages, unless params says otherwise.
func walkAll[T any](ctx context.Context, params ListParams, fetch func(context.Context, ListParams) (*Page[T], error), id func(*T) string) iter.Seq2[*T, error] {
	return newWalk(params, fetch, id).items(ctx)
}

func newWalk[T any](params ListParams, fetch func(context.Context, ListParams) (*Page[T], error), id func(*T) string) walk[T] {
	if params.PageSize == 0 {
		params.PageSize = MaxPageSize
	}
	return walk[T]{params, fetch, id}
}

// items yields the items of all pages, and at most one error, last.
func (w walk[T]) items(ctx context.Context) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for page, err := range w.pages(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page.Items {
				// A copy of its own, so that who keeps one item does not keep its whole page.
				if !yield(&item, nil) {
					return
				}
			}
		}
	}
}

// pages yields pages in order, keeping up to ReadAhead later ones in flight.
// They are asked for by number, so that one need not wait for the other. When
// it returns, nothing is in flight any more.
func (w walk[T]) pages(ctx context.Context) iter.Seq2[*Page[T], error] {
	return func(yield func(*Page[T], error) bool) {
		if ctx == nil {
			yield(nil, errNilContext)
			return
		}
		if err := w.params.check(); err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		flight := flight[T]{ctx: ctx, walk: w, next: max(1, w.params.Page)}
		defer flight.done.Wait()
		defer cancel()
		progress := newProgress[T]()
		for {
			page, err := flight.land()
			if err == nil {
				err = progress.check(page, w.id)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if page.HasNext() {
				flight.launch(w.ahead(page))
			}
			if !yield(page, nil) || !page.HasNext() {
				return
			}
		}
	}
}

// ahead tells how many pages behind this one to ask for. The count only keeps it
// from asking for pages beyond the end: once there is a page that there should
// not be, it does not count any more.
func (w walk[T]) ahead(page *Page[T]) int {
	last := (page.Total + w.params.PageSize - 1) / w.params.PageSize
	if page.Total <= 0 || page.Number >= last {
		return w.params.ReadAhead
	}
	return min(w.params.ReadAhead, last-page.Number)
}

// flight is the pages that were asked for and not yet consumed, in order.
type flight[T any] struct {
	ctx   context.Context
	walk  walk[T]
	next  int // number of the next page to ask for
	queue []chan landed[T]
	done  sync.WaitGroup
}

type landed[T any] struct {
	page *Page[T]
	err  error
}

// launch asks for pages until n are in flight.
func (f *flight[T]) launch(n int) {
	for len(f.queue) < n {
		params := f.walk.params
		params.Page = f.next
		f.next++
		landing := make(chan landed[T], 1)
		f.queue = append(f.queue, landing)
		f.done.Go(func() {
			page, err := f.walk.fetch(f.ctx, params)
			landing <- landed[T]{page, err}
		})
	}
}

// land waits for the next page in order.
func (f *flight[T]) land() (*Page[T], error) {
	f.launch(1)
	first := <-f.queue[0]
	f.queue = f.queue[1:]
	return first.page, first.err
}

// Limits of a walk that stands still. Empty pages in the middle happen, and a
// page may come twice when as many items are added in front of it as it holds.
const (
	maxEmptyPages = 100
	maxSeenPages  = 3
)

// progress ends a walk over a list that never ends.
type progress[T any] struct {
	seed  maphash.Seed
	pages map[uint64]bool // that have come, by a hash of their ids
	last  uint64          // page
	next  string          // of the last page
	empty int             // pages in a row
	seen  int             // pages in a row that had come before
}

func newProgress[T any]() *progress[T] {
	return &progress[T]{seed: maphash.MakeSeed(), pages: map[uint64]bool{}}
}

func (p *progress[T]) check(page *Page[T], id func(*T) string) error {
	hash := p.hash(page, id)
	stuck := false
	switch {
	case len(page.Items) == 0:
		p.empty, p.seen = p.empty+1, 0
	case p.pages[hash]:
		stuck = hash == p.last && page.Next == p.next
		p.empty, p.seen = 0, p.seen+1
	default:
		p.empty, p.seen = 0, 0
	}
	p.pages[hash], p.last, p.next = true, hash, page.Next
	if page.HasNext() && (stuck || p.seen >= maxSeenPages || p.empty >= maxEmptyPages) {
		return fmt.Errorf("mistralobs: %w: page %d brought nothing new and says that there is another", ErrNoProgress, page.Number)
	}
	return nil
}

func (p *progress[T]) hash(page *Page[T], id func(*T) string) uint64 {
	var h maphash.Hash
	h.SetSeed(p.seed)
	for i := range page.Items {
		h.WriteString(id(&page.Items[i]))
		h.WriteByte(0)
	}
	return h.Sum64()
}
