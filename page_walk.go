package mistralobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
	"sync"

	"github.com/mistralobs/mistralobs-go/internal/bulk"
)

// maxReadAhead is the largest number of pages in flight if the number adapts. With 8 in flight a
// walk is about 8 times as fast as one page at a time, and holds at most 800 items in memory.
const maxReadAhead = 8

// Limits of the responses of a walk whose page size adapts. A larger page is requested again in
// parts, so a walk over large items needs little memory.
const (
	maxPageBytes  = 8 << 20
	maxAheadBytes = 32 << 20 // of the pages ahead; up to half more while their number grows
	// A larger page is not requested ahead: until it is decoded it takes several times its size.
	largePageBytes = maxAheadBytes / maxReadAhead
)

// partSizes are the sizes of the parts of a page that was refused. Each divides the one before, so
// offsets stay aligned.
var partSizes = []int{50, 25, 5, 1}

// walk is a walk over a list. It requests the largest pages, unless the parameters say otherwise.
type walk[T any] struct {
	list[T]
	settings *callSettings
	adapts   bool // the page size follows the size of the items
}

// items yields the items of all pages, and at most one error, last.
func (l list[T]) items(ctx context.Context) iter.Seq2[*T, error] {
	return itemsOf(func(yield func([]T, error) bool) {
		for page, err := range l.pages(ctx) {
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

// pages yields pages in order. Nothing is in flight after it returns.
func (l list[T]) pages(ctx context.Context) iter.Seq2[*Page[T], error] {
	return func(yield func(*Page[T], error) bool) {
		settings, err := l.check(ctx)
		if err != nil {
			yield(nil, attempted(l.req.action, err))
			return
		}
		w := walk[T]{l, settings, l.params.PageSize == 0}
		w.params.PageSize = cmp.Or(l.params.PageSize, MaxPageSize)
		seen := newSeenPages[T](l.req.action)
		check := func(page *Page[T], err error) bool { // yields the page; reports whether to continue
			if err == nil {
				err = seen.add(page.Items, page.Next, l.id)
			}
			if err != nil {
				yield(nil, err)
				return false
			}
			return yield(page, nil) && page.HasNext()
		}
		number, more := max(1, w.params.Page), true
		for more {
			first, size := number, MaxPageSize
			if number, more = w.ahead(ctx, number, check); more {
				if number == first { // it was refused although it was not requested ahead
					size = partSizes[0]
				}
				number, more = w.parts(ctx, number, size, check)
			}
		}
	}
}

// ahead yields pages from a number on and keeps later ones in flight. It requests pages by number,
// so that no request has to wait for the page before. If a page is too large for that, it returns
// the number of the page to go on with, and true.
func (w walk[T]) ahead(
	ctx context.Context, number int, yield func(*Page[T], error) bool,
) (next int, large bool) {
	ctx, cancel := context.WithCancel(ctx)
	ahead := prefetch[T]{ctx: ctx, walk: w, number: number}
	defer ahead.running.Wait()
	defer cancel()
	window := newReadAhead(w.params.ReadAhead, w.client.cfg.pacer.Refusals)
	for ; ; number++ {
		page, err := ahead.next()
		if w.adapts && errors.Is(err, ErrResponseTooLarge) {
			return number, true
		}
		if err == nil {
			ahead.start(w.rest(page, window.whileConsuming()), true)
		}
		if !yield(page, err) {
			return 0, false
		}
		ahead.start(w.rest(page, window.afterConsuming()), true)
	}
}

// parts yields the pages from a number on in parts, one request at a time, until pages are small
// again. size is that of the first part. It returns the number of the page to go on with, and
// whether there is one.
func (w walk[T]) parts(
	ctx context.Context, number, size int, yield func(*Page[T], error) bool,
) (next int, more bool) {
	offset := (number - 1) * MaxPageSize
	limit := int(min(maxPageBytes, w.settings.maxResponse))
	for {
		params := w.params
		params.Page, params.PageSize = offset/size+1, size
		page, err := w.fetch(ctx, params, w.limited(size, maxPageBytes))
		if errors.Is(err, ErrResponseTooLarge) && size > 1 {
			size = partSizes[slices.IndexFunc(partSizes, func(part int) bool { return part < size })]
			continue
		}
		if !yield(page, err) {
			return 0, false
		}
		offset += size
		item := weight(page) / max(1, len(page.Items))
		if offset%MaxPageSize == 0 && item*MaxPageSize <= limit {
			return offset/MaxPageSize + 1, true
		}
		size = MaxPageSize
		for size > 1 && (MaxPageSize%size != 0 || offset%size != 0 || size*item > limit) {
			size--
		}
	}
}

// limited returns the options of a request for a page of some size. A page of one item may be as
// large as the settings allow.
func (w walk[T]) limited(size int, limit int64) []CallOption {
	if !w.adapts || size == 1 || w.settings.maxResponse <= limit {
		return w.opts
	}
	return append(slices.Clip(w.opts), WithMaxResponseBytes(limit))
}

// weight returns the size of the items of a page in JSON.
func weight[T any](page *Page[T]) (bytes int) {
	for i := range page.Items {
		if item, ok := any(&page.Items[i]).(interface{ Raw() Object }); ok {
			bytes += len(item.Raw())
		}
	}
	return bytes
}

// check returns the settings of the walk's requests.
func (l list[T]) check(ctx context.Context) (*callSettings, error) {
	settings, err := l.client.settings(l.opts)
	return settings, cmp.Or(checkContext(ctx), l.params.check(), err)
}

// rest returns how many of the n pages after this one to request. Total only prevents requests
// beyond the end. Once a page exceeds Total, Total is ignored.
func (w walk[T]) rest(page *Page[T], n int) int {
	bytes := weight(page)
	switch {
	case !page.HasNext(), w.adapts && bytes > largePageBytes:
		return 0
	case w.adapts: // a page may be twice as large as the one before
		n = min(n, maxAheadBytes/max(1, 2*bytes))
	}
	last := (page.Total + w.params.PageSize - 1) / w.params.PageSize
	if page.Total <= 0 || page.Number >= last {
		return n
	}
	return min(n, last-page.Number)
}

// readAhead decides how many pages are in flight.
type readAhead struct {
	setting  int  // as in [ListParams].ReadAhead
	consumed bool // the first page
	ramp     *bulk.Ramp
}

func newReadAhead(setting int, refusals func() int) *readAhead {
	return &readAhead{setting: setting, ramp: bulk.NewRamp(1, maxReadAhead, refusals)}
}

// whileConsuming returns the number of pages to have in flight while the caller consumes a page. A
// caller that breaks within the first page causes one request.
func (r *readAhead) whileConsuming() int {
	switch {
	case r.setting > 0:
		return r.setting
	case r.setting == NoReadAhead || !r.consumed:
		return 0
	}
	return r.ramp.Size()
}

// afterConsuming returns the number of pages to have in flight after the caller has consumed a
// page.
func (r *readAhead) afterConsuming() int {
	r.consumed = true
	r.ramp.Step()
	return r.whileConsuming()
}

// prefetch requests pages ahead of their use.
type prefetch[T any] struct {
	ctx     context.Context
	walk    walk[T]
	number  int               // of the next page to request
	queue   []chan fetched[T] // requested and not yet used, in order
	running sync.WaitGroup
}

// fetched is the result of one request for a page.
type fetched[T any] struct {
	page     *Page[T]
	response *Response
	err      error
}

// start requests pages until n are in flight. ahead means that the loop does not need them yet.
func (p *prefetch[T]) start(n int, ahead bool) {
	limit := int64(maxPageBytes)
	if ahead {
		limit = min(limit, int64(maxAheadBytes/max(1, n)))
	}
	for len(p.queue) < n {
		params := p.walk.params
		params.Page = p.number
		p.number++
		result := make(chan fetched[T], 1)
		p.queue = append(p.queue, result)
		p.running.Go(func() { result <- p.fetch(params, limit) })
	}
}

// fetch requests one page. Requests in flight must not share the caller's Response, so each has its
// own.
func (p *prefetch[T]) fetch(params ListParams, limit int64) fetched[T] {
	opts := p.walk.limited(params.PageSize, limit)
	response := p.walk.settings.response
	if response != nil {
		response = &Response{}
		opts = append(slices.Clip(opts), WithResponse(response))
	}
	page, err := p.walk.fetch(p.ctx, params, opts)
	return fetched[T]{page, response, err}
}

// next returns the next page in order.
func (p *prefetch[T]) next() (*Page[T], error) {
	p.start(1, false)
	first := <-p.queue[0]
	p.queue = p.queue[1:]
	if to := p.walk.settings.response; to != nil {
		*to = *first.response
	}
	return first.page, first.err
}

// walkFeed yields the items of a search, from cursor on, and at most one error, last. fetch
// returns the page at a cursor.
func walkFeed[T any](
	ctx context.Context, action, cursor string,
	fetch func(ctx context.Context, cursor string) (*Feed[T], error), id func(*T) string,
) iter.Seq2[*T, error] {
	return itemsOf(func(yield func([]T, error) bool) {
		seen, cursor := newSeenPages[T](action), cursor
		for {
			feed, err := fetch(ctx, cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			next := feed.NextCursor
			if len(feed.Items) == 0 && next == cursor {
				return // the last page has its own cursor
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

// Limits of a walk that makes no progress. A few empty pages are normal, and a page comes twice if
// a whole page of items is inserted before it.
const (
	maxEmptyPages = 100
	maxSeenPages  = 3
)

// seenPages ends a walk over a list that never ends.
type seenPages[T any] struct {
	action string // for error texts
	seed   maphash.Seed
	hashes map[uint64]bool // of the ids of each page so far
	number int             // pages so far
	last   uint64          // hash of the last page
	next   string          // of the last page
	empty  int             // empty pages in a row
	again  int             // pages in a row that repeat an earlier one
}

func newSeenPages[T any](action string) *seenPages[T] {
	return &seenPages[T]{action: action, seed: maphash.MakeSeed(), hashes: map[uint64]bool{}}
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
		return fmt.Errorf("mistralobs: %s: %w: page %d brings nothing new, but has a next page",
			s.action, ErrNoProgress, s.number)
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
