package mistralobs_test

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// walks are the All methods, as sequences of ids.
var walks = []struct {
	name string // of the envelope too
	path string
	all  func(context.Context, *mistralobs.Client, mistralobs.ListParams) iter.Seq2[string, error]
}{
	{name: "datasets", path: "/v1/observability/datasets", all: func(
		ctx context.Context, c *mistralobs.Client, p mistralobs.ListParams,
	) iter.Seq2[string, error] {
		all := c.Datasets.All(
			ctx, mistralobs.ListDatasetsParams{Page: p.Page, PageSize: p.PageSize, ReadAhead: p.ReadAhead},
		)
		return idsIn(all, func(d *mistralobs.Dataset) string { return d.ID })
	}},
	{name: "records", path: "/v1/observability/datasets/" + datasetID + "/records", all: func(
		ctx context.Context, c *mistralobs.Client, p mistralobs.ListParams,
	) iter.Seq2[string, error] {
		return idsIn(c.Records.All(ctx, datasetID, p), func(r *mistralobs.Record) string { return r.ID })
	}},
	{name: "records", path: "/v1/observability/datasets/" + datasetID + "/records", all: recordPages},
	{name: "tasks", path: "/v1/observability/datasets/" + datasetID + "/tasks", all: func(
		ctx context.Context, c *mistralobs.Client, p mistralobs.ListParams,
	) iter.Seq2[string, error] {
		return idsIn(c.Tasks.All(ctx, datasetID, p), func(t *mistralobs.ImportTask) string { return t.ID })
	}},
}

func recordPages(ctx context.Context, c *mistralobs.Client, p mistralobs.ListParams) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for page, err := range c.Records.Pages(ctx, datasetID, p) {
			if err != nil {
				yield("", err)
				return
			}
			for _, record := range page.Items {
				if !yield(record.ID, nil) {
					return
				}
			}
		}
	}
}

func idsIn[T any](all iter.Seq2[*T, error], id func(*T) string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for item, err := range all {
			if item == nil && !yield("", err) || item != nil && !yield(id(item), err) {
				return
			}
		}
	}
}

// walked ranges over a walk to its end. It fails if anything follows an error.
func walked(t *testing.T, all iter.Seq2[string, error]) (ids []string, last error) {
	t.Helper()
	for id, err := range all {
		require.NoError(t, last, "an error is the last")
		if last = err; err == nil {
			ids = append(ids, id)
		}
	}
	return ids, last
}

// listPage is a response to a request for a page.
type listPage struct {
	ids    string // one a letter
	next   string // "": null
	status int    // instead of the page
	body   string // instead of the page
}

// listService answers lists in pages.
type listService struct {
	envelope string
	page     func(number int) listPage
	count    int                            // 0: 87
	took     func(number int) time.Duration // nil: no time

	mu       sync.Mutex
	asked    []int
	queries  []string
	paths    map[string]bool
	inFlight int
}

func (s *listService) RoundTrip(req *http.Request) (*http.Response, error) {
	number, err := strconv.Atoi(req.URL.Query().Get("page"))
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.paths == nil {
		s.paths = map[string]bool{}
	}
	s.asked, s.queries = append(s.asked, number), append(s.queries, req.URL.RawQuery)
	s.paths[req.Method+" "+req.URL.Path] = true
	s.inFlight++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if s.took != nil {
		select {
		case <-time.After(s.took(number)):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	page := s.page(number)
	switch {
	case page.status != 0:
		return reply(req, page.status, ""), nil
	case page.body != "":
		return reply(req, 200, page.body), nil
	}
	var items []string
	for _, id := range page.ids {
		items = append(items, fmt.Sprintf(`{"id":"%c"}`, id))
	}
	next := "null"
	if page.next != "" {
		next = strconv.Quote(page.next)
	}
	return reply(
		req, 200,
		fmt.Sprintf(
			`{%q:{"results":[%s],"count":%d,"next":%s,"previous":null}}`, s.envelope, strings.Join(items, ","),
			cmp.Or(s.count, 87), next,
		),
	), nil
}

func (s *listService) snapshot() (asked []int, inFlight int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]int(nil), s.asked...), s.inFlight
}

// pagesOf is a list of these pages; there is nothing after them.
func pagesOf(pages ...listPage) func(int) listPage {
	return func(number int) listPage {
		if number > len(pages) {
			return listPage{}
		}
		return pages[number-1]
	}
}

// alphabet is the list of the 26 letters, two a page.
func alphabet(number int) listPage {
	const letters = "abcdefghijklmnopqrstuvwxyz"
	start := min(26, 2*(number-1))
	page := listPage{ids: letters[start:min(26, start+2)]}
	if start+2 < 26 {
		page.next = strconv.Itoa(number + 1)
	}
	return page
}

// inEveryEnvelope returns a response that holds page for whatever is listed.
func inEveryEnvelope(page string) string {
	return fmt.Sprintf(`{"datasets":%[1]s,"records":%[1]s,"tasks":%[1]s}`, page)
}

func TestAll(t *testing.T) {
	t.Parallel()
	whole := strings.Split("abcdefghijklmnopqrstuvwxyz", "")
	for _, test := range []struct {
		name    string
		params  mistralobs.ListParams
		page    func(int) listPage
		ids     []string
		queries []string
		kinds   map[string]bool // of the error; nil: none
	}{
		{
			name: "one page", page: pagesOf(listPage{ids: "ab"}), ids: []string{"a", "b"},
			queries: []string{"page=1&page_size=100"},
		},
		{name: "an empty list", page: pagesOf(listPage{}), queries: []string{"page=1&page_size=100"}},
		{
			name: "from page 12 on, in pages of 2", params: mistralobs.ListParams{Page: 12, PageSize: 2},
			page: alphabet, ids: whole[22:], queries: []string{"page=12&page_size=2", "page=13&page_size=2"},
		},
		{
			name: "from page 3 on", params: mistralobs.ListParams{Page: 3},
			page: pagesOf(
				listPage{status: 500}, listPage{status: 500}, listPage{ids: "e", next: "x"}, listPage{ids: "g"},
			),
			ids: []string{"e", "g"}, queries: []string{"page=3&page_size=100", "page=4&page_size=100"},
		},
		{
			name: "past the end", params: mistralobs.ListParams{Page: 99}, page: alphabet,
			queries: []string{"page=99&page_size=100"},
		},
		{
			name: "an empty page in the middle",
			page: pagesOf(
				listPage{ids: "ab", next: "2"}, listPage{next: "3"}, listPage{next: "4"}, listPage{ids: "c"},
			),
			ids: []string{"a", "b", "c"},
			queries: []string{
				"page=1&page_size=100", "page=2&page_size=100", "page=3&page_size=100", "page=4&page_size=100",
			},
		},
		{
			name: "an empty page at the end", page: pagesOf(listPage{ids: "ab", next: "2"}, listPage{}),
			ids: []string{"a", "b"}, queries: []string{"page=1&page_size=100", "page=2&page_size=100"},
		},
		{
			name: "the same next on different pages",
			page: pagesOf(
				listPage{ids: "ab", next: "more"}, listPage{ids: "cd", next: "more"}, listPage{ids: "e"},
			),
			ids:     []string{"a", "b", "c", "d", "e"},
			queries: []string{"page=1&page_size=100", "page=2&page_size=100", "page=3&page_size=100"},
		},
		{
			name:    "a page that comes twice, with another next",
			page:    pagesOf(listPage{ids: "ab", next: "2"}, listPage{ids: "ab", next: "3"}, listPage{ids: "c"}),
			ids:     []string{"a", "b", "a", "b", "c"},
			queries: []string{"page=1&page_size=100", "page=2&page_size=100", "page=3&page_size=100"},
		},
		{
			name: "a last page that comes twice",
			page: pagesOf(listPage{ids: "ab", next: "2"}, listPage{ids: "ab"}), ids: []string{"a", "b", "a", "b"},
			queries: []string{"page=1&page_size=100", "page=2&page_size=100"},
		},
		{
			name: "a failure in the middle",
			page: pagesOf(listPage{ids: "ab", next: "2"}, listPage{status: 403}, listPage{ids: "c"}),
			ids:  []string{"a", "b"}, queries: []string{"page=1&page_size=100", "page=2&page_size=100"},
			kinds: set("forbidden"),
		},
		{
			name: "a failure at once", page: pagesOf(listPage{status: 404}),
			queries: []string{"page=1&page_size=100"}, kinds: set("not found"),
		},
		{
			name: "another document in the middle",
			page: pagesOf(listPage{ids: "ab", next: "2"}, listPage{body: `{"data":[]}`}), ids: []string{"a", "b"},
			queries: []string{"page=1&page_size=100", "page=2&page_size=100"}, kinds: set("unexpected"),
		},
		{
			name: "an item without an id",
			page: pagesOf(
				listPage{ids: "ab", next: "2"},
				listPage{
					body: inEveryEnvelope(`{"results":[{"name":"n"}]}`),
				},
			),
			ids: []string{"a", "b"}, queries: []string{"page=1&page_size=100", "page=2&page_size=100"},
			kinds: set("unexpected"),
		},
		{
			name: "results that are absent",
			page: pagesOf(
				listPage{body: `{"datasets":{"count":87},"records":{"count":87},"tasks":{"count":87}}`},
			),
			queries: []string{"page=1&page_size=100"},
		},
		{
			name: "results that are null",
			page: pagesOf(
				listPage{
					body: inEveryEnvelope(`{"results":null,"next":"2"}`),
				},
				listPage{ids: "a"},
			),
			ids: []string{"a"}, queries: []string{"page=1&page_size=100", "page=2&page_size=100"},
		},
		{
			name: "an envelope that is missing", page: pagesOf(listPage{body: `{}`}),
			queries: []string{"page=1&page_size=100"}, kinds: set("unexpected"),
		},
		{
			name:    "an envelope that is null",
			page:    pagesOf(listPage{body: `{"datasets":null,"records":null,"tasks":null}`}),
			queries: []string{"page=1&page_size=100"}, kinds: set("unexpected"),
		},
		{name: "a negative page", params: mistralobs.ListParams{Page: -1}, page: alphabet, kinds: set("params")},
		{
			name: "a page that is too large", params: mistralobs.ListParams{PageSize: 101}, page: alphabet,
			kinds: set("params"),
		},
		{
			name: "a negative page size", params: mistralobs.ListParams{PageSize: -1}, page: alphabet,
			kinds: set("params"),
		},
		{
			name: "a negative read-ahead", params: mistralobs.ListParams{ReadAhead: -2}, page: alphabet,
			kinds: set("params"),
		},
	} {
		for _, walk := range walks {
			t.Run(walk.name+"/"+test.name, func(t *testing.T) {
				t.Parallel()
				service := &listService{envelope: walk.name, page: test.page}
				client := clientOver(t, service, mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
				params := test.params
				if params.ReadAhead == 0 {
					params.ReadAhead = mistralobs.NoReadAhead
				}
				all := walk.all(t.Context(), client, params)
				for range 2 { // ranging again asks again
					service.queries = nil
					ids, err := walked(t, all)
					assert.Equal(t, test.ids, ids)
					assert.Equal(t, test.queries, service.queries)
					if test.kinds == nil {
						assert.NoError(t, err)
					} else {
						assert.Equal(t, test.kinds, kindsOf(err), "%v", err)
					}
				}
				if test.queries != nil {
					assert.Equal(t, map[string]bool{"GET " + walk.path: true}, service.paths)
				}
			})
		}
	}
}

func TestAllDatasetsThatMatch(t *testing.T) {
	t.Parallel()
	service := &listService{envelope: "datasets", page: alphabet}
	params := mistralobs.ListDatasetsParams{Query: "a&b", Page: 12, PageSize: 2, ReadAhead: mistralobs.NoReadAhead}
	for _, err := range clientOver(t, service).Datasets.All(t.Context(), params) {
		require.NoError(t, err)
	}
	assert.Equal(t, []string{"page=12&page_size=2&q=a%26b", "page=13&page_size=2&q=a%26b"}, service.queries)
}

func TestReadAhead(t *testing.T) {
	t.Parallel()
	const pages = 13
	for name, took := range map[string]func(int) time.Duration{
		"no time":           nil,
		"all alike":         func(int) time.Duration { return time.Second },
		"later pages first": func(number int) time.Duration { return time.Duration(30-number) * time.Second },
		"in any order":      func(number int) time.Duration { return time.Duration(number*7919%13) * time.Second },
	} {
		for _, readAhead := range []int{mistralobs.NoReadAhead, 1, 8, 64} {
			t.Run(fmt.Sprintf("%s/%d", name, readAhead), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					service := &listService{envelope: "records", page: alphabet, took: took}
					var ids strings.Builder
					for record, err := range clientOver(t, service).Records.All(
						t.Context(), datasetID, mistralobs.ListParams{ReadAhead: readAhead},
					) {
						require.NoError(t, err)
						number := ids.Len()/2 + 1
						ids.WriteString(record.ID)
						synctest.Wait()
						asked, inFlight := service.snapshot()
						ahead := 0
						for _, other := range asked {
							ahead = max(ahead, other-number)
						}
						if number < pages {
							assert.Equal(t, max(0, readAhead), ahead, "page %d", number)
						}
						assert.LessOrEqual(t, inFlight, max(0, readAhead))
						time.Sleep(500 * time.Millisecond) // the consumer's work
					}
					assert.Equal(t, "abcdefghijklmnopqrstuvwxyz", ids.String())
					asked, inFlight := service.snapshot()
					assert.Zero(t, inFlight)
					assert.Len(t, asked, max(pages, pages-1+readAhead), "each page once")
				})
			})
		}
	}
}

func TestReadAheadHidesRoundTrips(t *testing.T) {
	t.Parallel()
	for readAhead, want := range map[int]time.Duration{mistralobs.NoReadAhead: 13, 1: 13, 2: 7, 4: 4, 12: 2} {
		t.Run(strconv.Itoa(readAhead), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := &listService{
					envelope: "records", page: alphabet, took: func(int) time.Duration { return time.Second },
				}
				start := time.Now()
				for _, err := range clientOver(t, service).Records.All(
					t.Context(), datasetID, mistralobs.ListParams{ReadAhead: readAhead},
				) {
					require.NoError(t, err)
				}
				assert.Equal(t, want*time.Second, time.Since(start))
			})
		})
	}
}

// The number of pages in flight adapts: none ahead of the first page, then twice as many with each
// page, up to eight, and never beyond the end that the count shows.
func TestReadAheadAdapts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const pages = 20
		took := func(int) time.Duration { return time.Second }
		service := &listService{envelope: "records", count: pages, took: took, page: func(n int) listPage {
			page := listPage{ids: string(rune('A' + n))}
			if n < pages {
				page.next = "more"
			}
			return page
		}}
		var ahead []int
		for _, err := range clientOver(t, service).Records.All(
			t.Context(), datasetID, mistralobs.ListParams{PageSize: 1},
		) {
			require.NoError(t, err)
			time.Sleep(time.Minute)
			asked, _ := service.snapshot()
			ahead = append(ahead, len(asked)-len(ahead)-1)
		}
		assert.Equal(t, []int{0, 2, 4, 8, 8, 8, 8, 8, 8, 8, 8, 8, 7, 6, 5, 4, 3, 2, 1, 0}, ahead)
		assert.Len(t, service.asked, pages)
	})
}

// A caller that breaks within the first page causes one request.
func TestAllOfWhichOnlyTheFirstPageIsUsed(t *testing.T) {
	t.Parallel()
	for _, walk := range walks {
		t.Run(walk.name, func(t *testing.T) {
			t.Parallel()
			service := &listService{envelope: walk.name, page: alphabet}
			for _, err := range walk.all(t.Context(), clientOver(t, service), mistralobs.ListParams{}) {
				require.NoError(t, err)
				break
			}
			assert.Equal(t, []int{1}, service.asked)
		})
	}
}

// WithResponse shows the response of the page that is being consumed, whatever is in flight.
func TestAllWithResponse(t *testing.T) {
	t.Parallel()
	for _, readAhead := range []int{mistralobs.NoReadAhead, 0, 8} {
		t.Run(strconv.Itoa(readAhead), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := &listService{
					envelope: "records", page: alphabet,
					took: func(n int) time.Duration { return time.Duration(40-n) * time.Second },
				}
				var response mistralobs.Response
				all := clientOver(t, service).Records.All(
					t.Context(), datasetID, mistralobs.ListParams{ReadAhead: readAhead},
					mistralobs.WithResponse(&response),
				)
				for record, err := range all {
					require.NoError(t, err)
					assert.Equal(t, 200, response.StatusCode)
					assert.Contains(t, string(response.Body), `{"id":"`+record.ID+`"}`)
				}
			})
		})
	}
}

func TestAllBreak(t *testing.T) {
	t.Parallel()
	for _, readAhead := range []int{mistralobs.NoReadAhead, 0, 1, 8} {
		for _, walk := range walks {
			t.Run(fmt.Sprintf("%s/%d", walk.name, readAhead), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					service := &listService{
						envelope: walk.name, page: alphabet,
						took: func(number int) time.Duration { return time.Duration(number) * time.Second },
					}
					start := time.Now()
					received := 0
					for _, err := range walk.all(
						t.Context(), clientOver(t, service), mistralobs.ListParams{ReadAhead: readAhead},
					) {
						require.NoError(t, err)
						if received++; received == 3 {
							break // on the second page
						}
					}
					asked, inFlight := service.snapshot()
					assert.Zero(t, inFlight, "what was in flight has been canceled")
					atMost := map[int]int{mistralobs.NoReadAhead: 2, 0: 4, 1: 3, 8: 10}
					assert.LessOrEqual(t, len(asked), atMost[readAhead])
					assert.Equal(t, 3*time.Second, time.Since(start), "at once")
				})
			})
		}
	}
}

func TestAllFailsWithPagesInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := &listService{
			envelope: "records",
			took:     func(number int) time.Duration { return time.Duration(number) * time.Second },
			page: func(number int) listPage {
				if number > 2 {
					return listPage{status: 403 + number%2}
				}
				return alphabet(number)
			},
		}
		start := time.Now()
		ids, err := walked(t, walks[1].all(t.Context(), clientOver(t, service), mistralobs.ListParams{ReadAhead: 8}))
		assert.Equal(t, []string{"a", "b", "c", "d"}, ids)
		assert.Equal(t, set("not found"), kindsOf(err), "that of page 3: %v", err)
		_, inFlight := service.snapshot()
		assert.Zero(t, inFlight)
		assert.Equal(t, 4*time.Second, time.Since(start), "the others are not waited for")
	})
}

func TestListsWithoutEnd(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		page     func(number int) listPage
		requests int // at most
	}{
		{name: "the same page again and again",
			page: func(int) listPage { return listPage{ids: "ab", next: "2"} }, requests: 4},
		{
			name: "the same items with a next that advances",
			page: func(number int) listPage { return listPage{ids: "ab", next: strconv.Itoa(number + 1)} }, requests: 8,
		},
		{name: "empty for ever", page: func(int) listPage { return listPage{next: "2"} }, requests: 200},
		{
			name: "empty for ever with a next that advances",
			page: func(number int) listPage { return listPage{next: strconv.Itoa(number + 1)} }, requests: 200,
		},
		{name: "a good start", page: func(number int) listPage {
			if number < 5 {
				return alphabet(number)
			}
			return listPage{ids: "yz", next: "x"}
		}, requests: 10},
	} {
		for _, readAhead := range []int{mistralobs.NoReadAhead, 0, 8} {
			for _, walk := range walks {
				t.Run(fmt.Sprintf("%s/%s/%d", walk.name, test.name, readAhead), func(t *testing.T) {
					t.Parallel()
					service := &listService{envelope: walk.name, page: test.page}
					_, err := walked(
						t, walk.all(t.Context(), clientOver(t, service), mistralobs.ListParams{ReadAhead: readAhead}),
					)
					require.ErrorIs(t, err, mistralobs.ErrNoProgress)
					require.ErrorContains(t, err, "mistralobs: list ")
					asked, inFlight := service.snapshot()
					assert.LessOrEqual(t, len(asked), test.requests+8)
					assert.Zero(t, inFlight)
				})
			}
		}
	}
}

func TestAllEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		cancel time.Duration
		ids    []string
	}{
		{name: "before", cancel: 0, ids: nil},
		{name: "during the first page", cancel: 500 * time.Millisecond, ids: nil},
		{name: "during the second page", cancel: 1500 * time.Millisecond, ids: []string{"a", "b"}},
	} {
		for _, readAhead := range []int{mistralobs.NoReadAhead, 0, 8} {
			t.Run(fmt.Sprintf("%s/%d", test.name, readAhead), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if test.cancel == 0 {
						cancel()
					}
					time.AfterFunc(test.cancel, cancel)
					service := &listService{
						envelope: "records", page: alphabet, took: func(int) time.Duration { return time.Second },
					}
					start := time.Now()
					ids, err := walked(
						t, walks[1].all(ctx, clientOver(t, service), mistralobs.ListParams{ReadAhead: readAhead}),
					)
					assert.Equal(t, set("canceled"), kindsOf(err), "%v", err)
					assert.Equal(t, test.ids, ids)
					assert.Equal(t, test.cancel, time.Since(start))
				})
			})
		}
	}
}

func TestAllCanceledByItsConsumer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	service := &listService{envelope: "records", page: alphabet}
	var ids []string
	var last error
	for id, err := range walks[1].all(ctx, clientOver(t, service), mistralobs.ListParams{}) {
		if last = err; err == nil {
			ids = append(ids, id)
			cancel()
		}
	}
	require.ErrorIs(t, last, context.Canceled)
	assert.Equal(t, []string{"a", "b"}, ids, "the page that is there is not lost")
	assert.Equal(t, []int{1}, service.asked)
}

func TestAllWithoutContext(t *testing.T) {
	t.Parallel()
	var none context.Context
	for _, walk := range walks {
		ids, err := walked(t, walk.all(none, clientOver(t, &listService{}), mistralobs.ListParams{}))
		assert.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		assert.Empty(t, ids)
	}
}

func TestItemsStayValid(t *testing.T) {
	t.Parallel()
	service := &listService{envelope: "records", page: alphabet}
	var kept []*mistralobs.Record
	for record, err := range clientOver(t, service).Records.All(t.Context(), datasetID, mistralobs.ListParams{}) {
		require.NoError(t, err)
		kept = append(kept, record)
		record.Source = mistralobs.RecordSource("mine " + record.ID)
	}
	different := map[*mistralobs.Record]bool{}
	for i, record := range kept {
		different[record] = true
		id := string(rune('a' + i))
		assert.Equal(
			t, &mistralobs.Record{ID: id, Source: mistralobs.RecordSource("mine " + id)}, mistralobs.WithoutRaw(record),
		)
	}
	assert.Len(t, different, 26)
}

func TestAllIsRepeatedLikeAnyRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		failed := map[int]bool{}
		service := &listService{envelope: "records", page: func(number int) listPage {
			if !failed[number] {
				failed[number] = true
				return listPage{status: 503}
			}
			return alphabet(number)
		}}
		ids, err := walked(t, walks[1].all(t.Context(), clientOver(t, service), mistralobs.ListParams{}))
		require.NoError(t, err)
		assert.Len(t, ids, 26)
		assert.Len(t, service.asked, 26)
	})
}

// A walk requests no page beyond the count. A wrong count hides no page.
func TestReadAheadGoesByTheCountOnlyToSave(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ count, most int }{
		"right": {count: 20, most: 10}, "none": {count: 0, most: 19}, "too high": {
			count: 1000, most: 19,
		}, "too low": {count: 5, most: 19},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var requests, running, most atomic.Int32
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					requests.Add(1)
					most.Store(max(most.Load(), running.Add(1)))
					defer running.Add(-1)
					time.Sleep(time.Second)
					n, _ := strconv.Atoi(req.URL.Query().Get("page"))
					next := "null"
					if n < 10 {
						next = `"more"`
					}
					items := ""
					if n <= 10 {
						items = fmt.Sprintf(`{"id":"%d"},{"id":"%d"}`, 2*n, 2*n+1)
					}
					return reply(
						req, 200,
						fmt.Sprintf(`{"records":{"results":[%s],"count":%d,"next":%s}}`, items, test.count, next),
					), nil
				}))
				items, err := count(
					client.Records.All(t.Context(), datasetID, mistralobs.ListParams{PageSize: 2, ReadAhead: 9}),
				)
				require.NoError(t, err)
				assert.Equal(t, 20, items)
				assert.LessOrEqual(t, int(requests.Load()), test.most)
				assert.GreaterOrEqual(t, int(most.Load()), 7, "pages are in flight")
			})
		})
	}
}

// Records that are too large for a page are requested in parts, and small ones in whole pages
// again.
func TestAllReadsLargeRecords(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	defer server.Close()
	dataset := server.SeedDataset("Test data", "")
	sizes := func(i int) int { // in bytes
		switch {
		case i < 50:
			return 900_000 // a page of 45 MB is larger than a response may be
		case i >= 100 && i < 200:
			return 60_000 // a page of 6 MB
		}
		return 100
	}
	const n = 850
	server.SeedRecords(dataset, func(yield func(mistralobstest.RecordSeed) bool) {
		for i := range n {
			payload := fmt.Sprintf(`{"n":%d,"text":"%s"}`, i, strings.Repeat("x", sizes(i)))
			if !yield(mistralobstest.RecordSeed{Payload: []byte(payload)}) {
				return
			}
		}
	})
	for _, readAhead := range []int{0, mistralobs.NoReadAhead} {
		next := 0
		pages := map[int]int{} // by size
		client := server.Client(t)
		for page, err := range client.Records.Pages(t.Context(), dataset, mistralobs.ListParams{ReadAhead: readAhead}) {
			require.NoError(t, err)
			pages[page.Size]++
			require.Equal(t, (page.Number-1)*page.Size, next)
			for _, record := range page.Items {
				number, _ := record.Payload.Float64("n")
				require.InDelta(t, next, number, 0)
				next++
			}
		}
		assert.Equal(t, n, next)
		assert.Equal(t, map[int]int{5: 12, 20: 2, mistralobs.MaxPageSize: 8}, pages)
	}
	limited := server.Client(t, mistralobs.WithMaxResponseBytes(16<<20))
	_, err := limited.Records.List(t.Context(), dataset, mistralobs.ListParams{PageSize: 100})
	require.ErrorIs(t, err, mistralobs.ErrResponseTooLarge, "a page size of the caller's is kept")
	_, err = count(limited.Records.All(t.Context(), dataset, mistralobs.ListParams{PageSize: 100}))
	require.ErrorIs(t, err, mistralobs.ErrResponseTooLarge)
}
