package datasetsync_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// game is a random dataset, wanted records, and edits of a second writer between Diff and Apply.
type game struct {
	world
	random *rand.Rand
	have   map[string]string // answers by key
	want   map[string]string
	mine   map[string]string // edits of the second writer; "" is a deletion
}

// Whatever a second writer does between Diff and Apply, none of it is lost or overwritten, and no
// record exists twice. The next sync makes the dataset as wanted.
func TestASecondWriterLosesNothing(t *testing.T) {
	seeds := uint64(60)
	if testing.Short() {
		seeds = 15
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			have := answers(random, 1+random.IntN(250))
			inWorld(t, linesOf(have), func(w world) {
				g := &game{w, random, have, answers(random, 1+random.IntN(250)), map[string]string{}}
				g.play()
			})
		})
	}
}

func answers(random *rand.Rand, n int) map[string]string {
	m := map[string]string{}
	for i := range n {
		if random.IntN(10) > 0 {
			m[fmt.Sprintf("t-%04d", i)] = fmt.Sprint("answer ", random.IntN(2))
		}
	}
	m["t-always"] = "answer"
	return m
}

func linesOf(m map[string]string) (lines []string) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		lines = append(lines, ticket(key, m[key]))
	}
	return lines
}

func (g *game) play() {
	options := datasetsync.Options{
		Key: "id", Delete: g.random.IntN(2) == 0, ImportAbove: []int{-1, 5}[g.random.IntN(2)],
		Concurrency: 1 + g.random.IntN(8),
	}
	plan := g.diff(options, linesOf(g.want)...)
	g.interfere()
	if g.random.IntN(2) == 0 {
		g.server.Inject(mistralobstest.Fault{Status: 500, Times: 5, Probability: 0.1, Seed: g.random.Uint64(), Apply: true})
	}
	_, _ = g.apply(plan, options) // the error only says which records were left alone
	g.server.ClearFaults()
	g.checkMine(options)

	for range 2 { // the second finds what the first created with a lost response
		report, err := g.sync(options, linesOf(g.want)...)
		require.NoError(g.t, err, "%v", report)
	}
	expected := map[string]string{}
	if !options.Delete {
		for _, m := range []map[string]string{g.have, g.mine} {
			for key, answer := range m {
				expected[key] = answer
			}
		}
	}
	for key, answer := range g.want {
		expected[key] = answer
	}
	for key, answer := range expected {
		if answer == "" {
			delete(expected, key)
		}
	}
	assert.ElementsMatch(g.t, linesOf(expected), g.holds())
}

// interfere makes edits, deletions and creations.
func (g *game) interfere() {
	for _, key := range slices.Sorted(maps.Keys(g.have)) {
		switch g.random.IntN(20) {
		case 0:
			g.mine[key] = "mine"
			g.edit(key, "mine")
		case 1:
			g.mine[key] = ""
			g.remove(key)
		}
	}
	for i := range g.random.IntN(5) {
		key := fmt.Sprintf("t-%04d", g.random.IntN(300))
		if g.have[key] == "" && g.mine[key] == "" {
			g.mine[key] = fmt.Sprint("mine ", i)
			g.add(key, g.mine[key])
		}
	}
}

// checkMine checks that each record that the second writer wrote exists once.
func (g *game) checkMine(options datasetsync.Options) {
	count := map[string]int{}
	for _, line := range g.holds() {
		count[line]++
		assert.Equal(g.t, 1, count[line], line)
	}
	for key, answer := range g.mine {
		if answer != "" {
			assert.Equal(g.t, 1, count[ticket(key, answer)], "%s, %+v", key, options)
		}
	}
}
