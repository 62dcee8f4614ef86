package mistralobs

import (
	"context"
	"fmt"
	"net/url"
	"strconv"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// MaxPageSize is the largest page the service returns, and what the All methods ask for.
const MaxPageSize = 100

// Page is one page of a list. Pages are cut from the list at the time of each
// request: what is added or removed during a walk shifts the later ones.
type Page[T any] struct {
	Items    []T    `json:"results"`
	Total    int    `json:"count"`    // over all pages, as far as the service knows
	Number   int    `json:"-"`        // of this page, from 1
	Next     string `json:"next"`     // set if there is a page after this one; not to be interpreted
	Previous string `json:"previous"` // set if there is a page before this one
}

// HasNext tells whether there is a page after this one; it may be empty all the same.
func (p *Page[T]) HasNext() bool { return p.Next != "" }

// ListParams says which part of a list to return. Its zero value is the service's default.
type ListParams struct {
	Page     int // number of the (first) page, from 1; 0 is the first
	PageSize int // items a page, at most [MaxPageSize]; 0 is the service's default of 50, or MaxPageSize in All methods
	// ReadAhead is how many later pages the All methods keep in flight while
	// one is consumed, to hide the round trips; 0 asks for a page when it is
	// needed. They are all held in memory. Items come in the same order
	// whatever it is. List ignores it.
	ReadAhead int
}

func (p ListParams) check() error {
	switch {
	case p.Page < 0:
		return invalid("Page", "it must be at least 1, or 0 for the first, got %d", p.Page)
	case p.PageSize < 0 || p.PageSize > MaxPageSize:
		return invalid("PageSize", "it must be 0 to %d, got %d", MaxPageSize, p.PageSize)
	case p.ReadAhead < 0:
		return invalid("ReadAhead", "it must not be negative, got %d", p.ReadAhead)
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

// listing is an answer that holds a page under the name of what it lists.
type listing[T any] interface {
	identified
	page() *Page[T]
}

// fetchPage sends a list request and returns its page. L is the wire's envelope.
func fetchPage[T any, L any, P interface {
	*L
	listing[T]
}](ctx context.Context, c *Client, params ListParams, req request, opts []CallOption) (*Page[T], error) {
	if err := params.check(); err != nil {
		return nil, err
	}
	if req.query == nil {
		req.query = params.query()
	}
	envelope, err := fetch[L](ctx, c, req, opts)
	if err != nil {
		return nil, err
	}
	page := P(envelope).page()
	page.Number = max(1, params.Page)
	return page, nil
}

// leastItem is about what an item without content takes, to tell how many a page may hold.
const leastItem = 256

// scan reads a page; item reads what is next into an item.
func (p *Page[T]) scan(s *jsonscan.Scanner, item func(*T) bool) bool {
	return s.Object(func(name []byte) bool {
		switch string(name) {
		case "results":
			if p.Items != nil {
				return false // a second time
			}
			p.Items = make([]T, 0, min(MaxPageSize, s.Len()/leastItem))
			return s.Array(func() bool {
				p.Items = append(p.Items, *new(T))
				return item(&p.Items[len(p.Items)-1])
			})
		case "count":
			return s.Int(&p.Total)
		case "next":
			return s.NullableString(&p.Next)
		case "previous":
			return s.NullableString(&p.Previous)
		}
		return s.Skip()
	})
}

// missingItem tells whether a page holds what is no item of its list.
func missingItem[T any, P interface {
	*T
	identified
}](envelope string, page *Page[T]) string {
	if page == nil {
		return envelope
	}
	for i := range page.Items {
		if field := P(&page.Items[i]).missing(); field != "" {
			return fmt.Sprintf("%s.results[%d].%s", envelope, i, field)
		}
	}
	return ""
}
