package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestWhichCallsAreHit(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	statuses := func(n int) (got []int) {
		for range n {
			got = append(got, a.do("GET", datasets, "").status)
		}
		return got
	}
	a.server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsCreate, Status: 500, Times: -1})
	a.server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsList, Status: 501, Skip: 1, Times: 2})
	a.server.Inject(mistralobstest.Fault{Status: 502})
	assert.Equal(t, []int{502, 501, 501, 200, 200}, statuses(5))
	assert.Equal(t, 500, a.do("POST", datasets, `{}`).status)
	a.server.ClearFaults()

	draw := func() []int {
		a.server.Inject(mistralobstest.Fault{Status: 503, Times: -1, Probability: 0.2, Seed: 7})
		defer a.server.ClearFaults()
		return statuses(200)
	}
	first := draw()
	assert.Equal(t, first, draw(), "the same seed draws the same calls")
	hits := 0
	for _, status := range first {
		if status == 503 {
			hits++
		}
	}
	assert.InDelta(t, 40, hits, 25)
	assert.Panics(t, func() { a.server.Inject(mistralobstest.Fault{Operation: "nonsense"}) })
}

func TestInjectRefusesABadStatus(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	t.Cleanup(server.Close)
	for _, status := range []int{-1, 99, 101, 600} {
		assert.Panics(t, func() { server.Inject(mistralobstest.Fault{Status: status}) })
	}
}
