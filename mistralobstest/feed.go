package mistralobstest

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	mistralobs "github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest/internal/query"
)

// WithFeedNext makes searches for spans and evaluations return the cursor of the next page in the
// field "next", and null in "cursor". By default it is the other way round. The API reference does
// not say which field continues a search. A client sends either value as the query parameter cursor
// of the next request.
func WithFeedNext() Option {
	return func(o *options) { o.feedNext = true }
}

// search is a request for one page of a feed.
type search struct {
	from, to   time.Time // zero for no limit; to is exclusive
	pageSize   int
	after      *position // nil for the first page
	expression *query.Expression
}

// position is the place of an item in a feed.
type position struct {
	at  time.Time
	seq int
}

func (p position) compare(q position) int {
	return cmp.Or(p.at.Compare(q.at), cmp.Compare(p.seq, q.seq))
}

// cursor returns the position as an opaque string.
func (p position) cursor() string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d.%d", p.at.UnixNano(), p.seq))
}

func parseCursor(cursor string) (*position, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	nanos, seq, _ := strings.Cut(string(raw), ".")
	at, errAt := strconv.ParseInt(nanos, 10, 64)
	n, errSeq := strconv.Atoi(seq)
	return &position{at: time.Unix(0, at), seq: n}, err == nil && errAt == nil && errSeq == nil
}

// search reads the query parameters of a search.
func (c *checker) search() search {
	q := search{pageSize: c.queryInt("page_size", defaultPageSize, 0, maxPageSize)}
	q.from, q.to = c.timeRange()
	if cursor := c.r.URL.Query().Get("cursor"); cursor != "" {
		after, valid := parseCursor(cursor)
		if !valid {
			c.complain("value_error", "Input should be the cursor of an earlier page", cursor, "query", "cursor")
		}
		q.after = after
	}
	return q
}

func (c *checker) timeRange() (from, to time.Time) {
	return c.queryTime("from"), c.queryTime("to")
}

// queryTime returns a time from the query, or the zero time if it is absent.
func (c *checker) queryTime(name string) time.Time {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		c.complain("datetime_from_date_parsing", "Input should be a valid datetime", text, "query", name)
	}
	return t
}

// readSearch reads a search request: query parameters and body.
func (s *Server) readSearch(r *http.Request, schema *fieldSet) (search, error) {
	c := check(r)
	q := c.search()
	c.readBody()
	text := c.text("search_expression", false, 0, -1)
	if err := c.failed(); err != nil {
		return search{}, err
	}
	if text == nil {
		text = new(string)
	}
	expression, err := query.Parse(*text, schema.kinds)
	if err != nil {
		message := "search_expression: " + err.Error()
		return search{}, apiError(http.StatusBadRequest, "TRACES_FILTER_QUERY_PARSE_ERROR", message)
	}
	q.expression = expression
	return q, nil
}

// feedItem is an item of a feed with its position.
type feedItem struct {
	position
	fields query.Row
	json   func() []byte
}

// itemsOf returns the items of a list that keep accepts. The position of an item stays valid,
// because nothing is ever removed from the list.
func itemsOf[T any](set *fieldSet, list []*T, at func(*T) time.Time, keep func(*T) bool) []feedItem {
	var items []feedItem
	for i, item := range list {
		if keep(item) {
			items = append(items, feedItem{
				position: position{at: at(item), seq: i},
				fields:   set.row(item),
				json:     func() []byte { return toJSON(item) },
			})
		}
	}
	return items
}

func spanTime(sp *mistralobs.Span) time.Time                { return sp.StartTime }
func evaluationTime(e *mistralobs.SpanEvaluation) time.Time { return e.Timestamp }

// within reports whether from <= t < to. A zero limit is no limit.
func within(t, from, to time.Time) bool {
	return !t.Before(from) && (to.IsZero() || t.Before(to))
}

// filter returns the items of all pages that match the search.
func (q search) filter(items []feedItem) []feedItem {
	return slices.DeleteFunc(items, func(item feedItem) bool {
		return !within(item.at, q.from, q.to) || q.expression != nil && !q.expression.Match(item.fields)
	})
}

func oldestFirst(items []feedItem) orderedFeed {
	return orderedFeed{items, func(a, b position) int { return a.compare(b) }}
}

func newestFirst(items []feedItem) orderedFeed {
	return orderedFeed{items, func(a, b position) int { return b.compare(a) }}
}

type orderedFeed struct {
	items []feedItem
	order func(a, b position) int
}

// page returns the items of the requested page, and whether more follow.
func (f orderedFeed) page(q search) (items []feedItem, more bool) {
	items = f.items
	if q.after != nil {
		items = slices.DeleteFunc(items, func(item feedItem) bool { return f.order(item.position, *q.after) <= 0 })
	}
	slices.SortFunc(items, func(a, b feedItem) int { return f.order(a.position, b.position) })
	if q.pageSize < len(items) {
		return items[:q.pageSize], q.pageSize > 0
	}
	return items, false
}

// feed writes one page of a feed in its envelope.
func (s *Server) feed(envelope string, q search, found orderedFeed) answer {
	items, more := found.page(q)
	var next, cursor any
	if more {
		token := items[len(items)-1].cursor()
		if s.options.feedNext {
			next = token
		} else {
			cursor = token
		}
	}
	results := jsonArray(items, func(item feedItem) []byte { return item.json() })
	body := new(object).raw("results", results).set("next", next).set("cursor", cursor).bytes()
	return answer{http.StatusOK, new(object).raw(envelope, body).bytes()}
}
