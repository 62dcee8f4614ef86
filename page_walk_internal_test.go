package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

func TestWalkFeed(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for _, test := range []struct {
		name  string
		feeds map[string]Feed[string] // by cursor
		items string
		asked []string
		err   error
	}{
		{
			name: "one page", feeds: map[string]Feed[string]{"": {Items: []string{"a", "b"}}}, items: "a b",
			asked: []string{""},
		},
		{name: "nothing", feeds: map[string]Feed[string]{"": {}}, asked: []string{""}},
		{
			name: "an empty last page that names itself", items: "a", asked: []string{"", "1"},
			feeds: map[string]Feed[string]{"": {Items: []string{"a"}, NextCursor: "1"}, "1": {NextCursor: "1"}},
		}, {
			name: "two pages", items: "a b", asked: []string{"", "1"},
			feeds: map[string]Feed[string]{"": {Items: []string{"a"}, NextCursor: "1"}, "1": {Items: []string{"b"}}},
		}, {
			name: "an empty page in the middle", items: "a b", asked: []string{"", "1", "2"},
			feeds: map[string]Feed[string]{
				"": {Items: []string{"a"}, NextCursor: "1"}, "1": {NextCursor: "2"}, "2": {Items: []string{"b"}},
			},
		}, {
			name: "one cursor for different pages", items: "a b c", asked: []string{"", "s", "s"},
			feeds: map[string]Feed[string]{
				"": {Items: []string{"a"}, NextCursor: "s"}, "s#1": {Items: []string{"b"}, NextCursor: "s"},
				"s#2": {Items: []string{"c"}},
			},
		}, {
			name: "the same page again", items: "a b", asked: []string{"", "1", "1"}, err: ErrNoProgress,
			feeds: map[string]Feed[string]{
				"": {Items: []string{"a"}, NextCursor: "1"}, "1": {Items: []string{"b"}, NextCursor: "1"},
			},
		}, {
			name: "a failure", items: "a", asked: []string{"", "gone"}, err: broken,
			feeds: map[string]Feed[string]{"": {Items: []string{"a"}, NextCursor: "gone"}},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			fetch := func(_ context.Context, cursor string) (*Feed[string], error) {
				asked = append(asked, cursor)
				if feed, ok := test.feeds[fmt.Sprintf("%s#%d", cursor, len(asked)-1)]; ok {
					return &feed, nil
				}
				if feed, ok := test.feeds[cursor]; ok {
					return &feed, nil
				}
				return nil, broken
			}
			var items []string
			var last error
			for item, err := range walkFeed(t.Context(), "search spans", "", fetch, func(s *string) string { return *s }) {
				require.NoError(t, last, "an error is the last")
				if last = err; err == nil {
					items = append(items, *item)
				}
			}
			assert.ErrorIs(t, last, test.err)
			assert.Equal(t, test.items, strings.Join(items, " "))
			assert.Equal(t, test.asked, asked)
		})
	}
}

// A search that only has empty pages does not go on without end.
func TestWalkFeedWithoutEnd(t *testing.T) {
	t.Parallel()
	requests := 0
	fetch := func(context.Context, string) (*Feed[string], error) {
		requests++
		return &Feed[string]{NextCursor: fmt.Sprint(requests)}, nil
	}
	for _, err := range walkFeed(t.Context(), "search spans", "", fetch, func(s *string) string { return *s }) {
		require.ErrorIs(t, err, ErrNoProgress)
		require.ErrorContains(t, err, "mistralobs: search spans: ")
	}
	assert.Equal(t, maxEmptyPages, requests)
}

func TestWalkFeedStopsWithItsCaller(t *testing.T) {
	t.Parallel()
	requests := 0
	fetch := func(context.Context, string) (*Feed[string], error) {
		requests++
		return &Feed[string]{Items: []string{"a", "b"}, NextCursor: "more"}, nil
	}
	for range walkFeed(t.Context(), "search spans", "", fetch, func(s *string) string { return *s }) {
		break
	}
	assert.Equal(t, 1, requests)
}

// Every page that is consumed whole doubles the pages in flight, and a 429 halves them.
func TestReadAheadShrinksAfterARefusal(t *testing.T) {
	t.Parallel()
	pacer := transport.NewPacer()
	ahead := newReadAhead(0, pacer.Refusals)
	window := []int{ahead.whileConsuming()}
	for range 5 {
		window = append(window, ahead.afterConsuming())
	}
	for range 4 {
		pacer.Limited(time.Now(), 0)
		window = append(window, ahead.afterConsuming())
	}
	window = append(window, ahead.afterConsuming())
	assert.Equal(t, []int{0, 2, 4, 8, 8, 8, 4, 2, 1, 1, 2}, window)
}
