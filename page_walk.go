package mistralobs

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"sync"

	"github.com/mistralobs/mistralobs-go/internal/bulk"
)

// maxReadAhead is the largest number of pages in flight if the number adapts. With 8 in flight a
// walk is about 8 times as fast as one page at a time, and holds at most 800 items in memory.
const maxReadAhead = 8

// walk is one list with the parameters of a walk over it. Every All method of a list is a walk.
type walk[T any] struct {
	client *Client
	params ListParams
	opts   []CallOption
	fetch  func(context.Context, ListParams, []CallOption) (*Page[T], error)
	id     func(*T) string // tells whether two pages are the same
}

// newWalk returns a walk that requests the largest pages, unless params says otherwise.
func newWalk[T any](
	client *Client, params ListParams, opts []CallOption,
	fetch func(context.Context, ListParams, []CallOption) (*Page[T], error), id func(*T) string,
) walk[T] {
	if params.PageSize == 0 {
		params.PageSize = MaxPageSize
	}
	return walk[T]{client, params, opts, fetch, id}
}

// items yields the items of all pages, and at most one error, last.
func (w walk[T]) items(ctx context.Context) iter.Seq2[*T, error] {
	return itemsOf(func(yield func([]T, error) bool) {
		for page, err := range w.pages(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(page.Items, nil) {
				return
			}
		}
	})
}

// itemsOf yields the items of pages one by one.
func itemsOf[T any](pages iter.Seq2[[]T, error]) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for page, err := range pages {
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page {
				// item is a copy, so keeping one item does not keep its whole page in memory.
				if !yield(&item, nil) {
					return
				}
			}
		}
	}
}

// pages yields pages in order and keeps later ones in flight. It requests pages by number, so
// that no request has to wait for the page before. Nothing is in flight after it returns.
func (w walk[T]) pages(ctx context.Context) iter.Seq2[*Page[T], error] {
	return func(yield func(*Page[T], error) bool) {
		settings, err := w.check(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		ctx, cancel := context.WithCancel(ctx)
		ahead := prefetch[T]{ctx: ctx, walk: w, number: max(1, w.params.Page), response: settings.response}
		defer ahead.running.Wait()
		defer cancel()
		window := newReadAhead(w.params.ReadAhead, w.client.cfg.pacer.Refusals)
		seen := newSeenPages[T]()
		for {
			page, err := ahead.next()
			if err == nil {
				err = seen.add(page.Items, page.Next, w.id)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			ahead.start(w.rest(page, window.whileConsuming()))
			if !yield(page, nil) || !page.HasNext() {
				return
			}
			ahead.start(w.rest(page, window.afterConsuming()))
		}
	}
}

// check returns the settings of the walk's requests.
func (w walk[T]) check(ctx context.Context) (*callSettings, error) {
	if ctx == nil {
		return nil, errNilContext
	}
	if err := w.params.check(); err != nil {
		return nil, err
	}
	return w.client.settings(w.opts)
}

// rest returns how many of the n pages after this one to request. Total only avoids requests
// beyond the end. Once a page exceeds Total, Total is ignored.
func (w walk[T]) rest(page *Page[T], n int) int {
	if !page.HasNext() {
		return 0
	}
	last := (page.Total + w.params.PageSize - 1) / w.params.PageSize
	if page.Total <= 0 || page.Number >= last {
		return n
	}
	return min(n, last-page.Number)
}

// readAhead decides how many pages are in flight.
type readAhead struct {
	fixed int // pages while the caller consumes one, or -1 if the number adapts
	first bool
	ramp  *bulk.Ramp
}

func newReadAhead(setting int, refusals func() int) *readAhead {
	r := &readAhead{fixed: setting, first: true, ramp: bulk.NewRamp(1, maxReadAhead, refusals)}
	switch setting {
	case NoReadAhead:
		r.fixed = 0
	case 0:
		r.fixed = -1
	}
	return r
}

// whileConsuming returns the pages to have in flight while the caller consumes a page. A caller
// that breaks within the first page causes one request.
func (r *readAhead) whileConsuming() int {
	switch {
	case r.fixed >= 0:
		return r.fixed
	case r.first:
		return 0
	}
	return r.ramp.Size()
}

// afterConsuming returns the pages to have in flight after the caller has consumed a page whole.
func (r *readAhead) afterConsuming() int {
	if r.fixed >= 0 {
		return r.fixed
	}
	r.first = false
	r.ramp.Step()
	return r.ramp.Size()
}

// prefetch requests pages ahead of their use.
type prefetch[T any] struct {
	ctx      context.Context
	walk     walk[T]
	number   int // of the next page to request
	response *Response
	queue    []chan fetched[T] // requested and not yet used, in order
	running  sync.WaitGroup
}

// fetched is the result of one request for a page.
type fetched[T any] struct {
	page     *Page[T]
	response *Response
	err      error
}

// start requests pages until n are in flight.
func (p *prefetch[T]) start(n int) {
	for len(p.queue) < n {
		params := p.walk.params
		params.Page = p.number
		p.number++
		result := make(chan fetched[T], 1)
		p.queue = append(p.queue, result)
		p.running.Go(func() { result <- p.fetch(params) })
	}
}

// fetch requests one page. Requests in flight must not share the caller's Response, so each has its own.
func (p *prefetch[T]) fetch(params ListParams) fetched[T] {
	opts, response := p.walk.opts, p.response
	if response != nil {
		response = &Response{}
		opts = append(opts[:len(opts):len(opts)], WithResponse(response))
	}
	page, err := p.walk.fetch(p.ctx, params, opts)
	return fetched[T]{page, response, err}
}

// next returns the next page in order.
func (p *prefetch[T]) next() (*Page[T], error) {
	p.start(1)
	first := <-p.queue[0]
	p.queue = p.queue[1:]
	if p.response != nil {
		*p.response = *first.response
	}
	return first.page, first.err
}

// walkFeed yields the items of a search, from cursor on, and at most one error, last. fetch
// returns the page at a cursor.
func walkFeed[T any](
	ctx context.Context, cursor string,
	fetch func(ctx context.Context, cursor string) (*Feed[T], error), id func(*T) string,
) iter.Seq2[*T, error] {
	return itemsOf(func(yield func([]T, error) bool) {
		if ctx == nil {
			yield(nil, errNilContext)
			return
		}
		seen, cursor := newSeenPages[T](), cursor
		for {
			feed, err := fetch(ctx, cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			next := feed.NextCursor
			if len(feed.Items) == 0 && next == cursor {
				return // the last page names itself
			}
			if err := seen.add(feed.Items, next, id); err != nil {
				yield(nil, err)
				return
			}
			if len(feed.Items) > 0 && !yield(feed.Items, nil) || next == "" {
				return
			}
			cursor = next
		}
	})
}

// Limits of a walk that makes no progress. Empty pages in the middle happen. A page can come
// twice if as many items are added in front of it as it holds.
const (
	maxEmptyPages = 100
	maxSeenPages  = 3
)

// seenPages ends a walk over a list that never ends.
type seenPages[T any] struct {
	seed   maphash.Seed
	hashes map[uint64]bool // of the ids of each page so far
	number int             // pages so far
	last   uint64          // hash of the last page
	next   string          // of the last page
	empty  int             // empty pages in a row
	again  int             // pages in a row that had come before
}

func newSeenPages[T any]() *seenPages[T] {
	return &seenPages[T]{seed: maphash.MakeSeed(), hashes: map[uint64]bool{}}
}

// add returns an error that matches [ErrNoProgress] if pages bring nothing new and do not end.
func (s *seenPages[T]) add(items []T, next string, id func(*T) string) error {
	hash := s.hash(items, id)
	stuck := false
	switch {
	case len(items) == 0:
		s.empty, s.again = s.empty+1, 0
	case s.hashes[hash]:
		stuck = hash == s.last && next == s.next
		s.empty, s.again = 0, s.again+1
	default:
		s.empty, s.again = 0, 0
	}
	s.number++
	s.hashes[hash], s.last, s.next = true, hash, next
	if next != "" && (stuck || s.again >= maxSeenPages || s.empty >= maxEmptyPages) {
		return fmt.Errorf("mistralobs: %w: page %d of the walk holds nothing new, and another one is said to follow",
			ErrNoProgress, s.number)
	}
	return nil
}

func (s *seenPages[T]) hash(items []T, id func(*T) string) uint64 {
	var h maphash.Hash
	h.SetSeed(s.seed)
	for i := range items {
		h.WriteString(id(&items[i]))
		h.WriteByte(0)
	}
	return h.Sum64()
}
