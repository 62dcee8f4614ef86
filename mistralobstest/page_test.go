package mistralobstest_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPaging(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, _ := a.dataset(`{"n":0}`, `{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`)
	next := datasets + "/" + id + "/records?page_size=2"
	var seen []any
	for n := 1; ; n++ {
		r := a.do("GET", next, "")
		assert.EqualValues(t, "5", r.json(t, "records.count"))
		results := r.json(t, "records.results").([]any)
		for i := range results {
			seen = append(seen, r.json(t, fmt.Sprintf("records.results.%d.payload.n", i)))
		}
		assert.Equal(t, n == 1, r.json(t, "records.previous") == nil)
		link := r.json(t, "records.next")
		if link == nil {
			assert.Equal(t, 3, n)
			break
		}
		next = link.(string)
	}
	assert.Equal(t,
		[]any{json.Number("0"), json.Number("1"), json.Number("2"), json.Number("3"), json.Number("4")}, seen)
	for _, query := range []string{"?page=9", "?page=2147483647&page_size=100", "?page_size=0"} {
		r := a.do("GET", datasets+"/"+id+"/records"+query, "")
		assert.Empty(t, r.json(t, "records.results"), query)
		assert.Nil(t, r.json(t, "records.next"), query)
	}
}
