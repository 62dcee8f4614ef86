package mistralobs

import (
	"cmp"
	"context"
	"maps"
	"net/url"
	"strconv"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// MaxPageSize is the largest page that the service returns. By default the All methods request
// pages of this size.
const MaxPageSize = 100

// defaultPageSize is the service's page size if a request has none.
const defaultPageSize = 50

// NoReadAhead is a value for [ListParams].ReadAhead. An All method then requests a page only when
// the loop needs it.
const NoReadAhead = -1

// Page is one page of a list. The service computes each page when it is requested. If items are
// added or removed in the meantime, later pages shift: an item can appear twice or not at all.
type Page[T any] struct {
	Items    []T    `json:"results"`
	Total    int    `json:"count"`    // the number of items on all pages, as the service reports it
	Size     int    `json:"-"`        // how many items the page was requested with; the last page may have fewer
	Number   int    `json:"-"`        // the number of this page, from 1
	Next     string `json:"next"`     // set if another page follows: request page Number+1
	Previous string `json:"previous"` // set if a page precedes this one
}

// HasNext reports whether another page follows. That page may be empty, for example if its items
// were deleted.
func (p *Page[T]) HasNext() bool { return p.Next != "" }

// ListParams selects a part of a list. Its zero value selects the first page in List methods, and
// all pages in All methods.
type ListParams struct {
	Page int // the number of the (first) page, from 1; 0 means 1
	// PageSize is how many items a page has, at most [MaxPageSize]. 0 means 50 in List methods. In
	// All methods it means MaxPageSize, or fewer if the items are large: a page aims at no more
	// than 8 MiB.
	PageSize int
	// ReadAhead is how many pages an All method requests before the loop needs them. More pages in
	// flight are faster and take more memory. Items keep their order.
	//
	// 0 means adaptive. The first page is requested alone. Each page that the loop finishes doubles
	// the number of pages in flight, up to 8, and a 429 halves it. [NoReadAhead] requests one page
	// at a time. List methods ignore ReadAhead. If PageSize is 0, the pages ahead hold at most 32
	// MiB.
	ReadAhead int
}

func (p ListParams) check() error {
	switch {
	case p.Page < 0:
		return invalid("Page", "it must be at least 1, or 0 for the first page, got %d", p.Page)
	case p.PageSize < 0 || p.PageSize > MaxPageSize:
		return invalid("PageSize", "it must be 0 to %d, got %d", MaxPageSize, p.PageSize)
	case p.ReadAhead < NoReadAhead:
		return invalid("ReadAhead", "it must be NoReadAhead or at least 0, got %d", p.ReadAhead)
	}
	return nil
}

func (p ListParams) query() url.Values {
	query := url.Values{}
	if p.Page > 0 {
		query.Set("page", strconv.Itoa(p.Page))
	}
	if p.PageSize > 0 {
		query.Set("page_size", strconv.Itoa(p.PageSize))
	}
	return query
}

// list is what List, All and Pages of a service have in common.
type list[T any] struct {
	client *Client
	params ListParams
	opts   []CallOption
	req    request         // without the parameters of a page
	id     func(*T) string // of an item, to recognize a repeated page
}

// page requests the page that the parameters name.
func (l list[T]) page(ctx context.Context) (*Page[T], error) { return l.fetch(ctx, l.params, l.opts) }

// fetch requests a page.
func (l list[T]) fetch(ctx context.Context, params ListParams, opts []CallOption) (*Page[T], error) {
	req := l.req
	req.query, req.err = params.query(), params.check()
	maps.Copy(req.query, l.req.query)
	page, err := fetch[Page[T]](ctx, l.client, req, opts)
	if err != nil {
		return nil, err
	}
	page.Number, page.Size = max(1, params.Page), cmp.Or(params.PageSize, defaultPageSize)
	return page, nil
}

func (p *Page[T]) decode(d *resultDecoder, s *jsonscan.Scanner, path string) (err error) {
	*p = Page[T]{}
	p.Items, err = decodeItems[T](d, s, path, func(name, value []byte) {
		switch string(name) {
		case "count":
			p.Total = intOf(value)
		case "next":
			p.Next = continuation(value)
		case "previous":
			p.Previous = continuation(value)
		}
	})
	return err
}
