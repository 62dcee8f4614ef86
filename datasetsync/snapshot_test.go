package datasetsync_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// A record that somebody deletes during the reading shifts the later pages. Without a second
// reading, the first record of the second page would be missed and created again.
func TestSnapshotIsWhole(t *testing.T) {
	want := tickets(2, 250)
	for name, change := range map[string]func(world){
		"a deletion":                func(w world) { w.remove("t-0001") },
		"a deletion in the second":  func(w world) { w.remove("t-0101"); w.add("t-0101", "yes") },
		"a creation":                func(w world) { w.add("t-0251", "yes") },
		"both, with the same total": func(w world) { w.remove("t-0001"); w.add("t-0251", "yes") },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, tickets(1, 250), func(w world) {
				w.before(http.MethodGet, "page=2&", func() bool {
					change(w)
					return true
				})
				report, err := w.sync(datasetsync.Options{Key: "id"}, want...)
				require.NoError(t, err)
				assert.Zero(t, report.Created)
				assert.Equal(t, 249, report.Equal)
				keys := map[string]int{}
				for _, line := range w.holds() {
					keys[line]++
				}
				for line, n := range keys {
					assert.Equal(t, 1, n, line)
				}
			})
		})
	}
}

// Whichever later page is requested first, all later pages show the change. So no record appears
// twice, and only the total and the last record give it away.
func TestAShiftOfAllLaterPagesIsSeen(t *testing.T) {
	for name, change := range map[string]func(world){
		"a deletion":                func(w world) { w.remove("t-0001") },
		"both, with the same total": func(w world) { w.remove("t-0001"); w.add("t-0251", "yes") },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, tickets(1, 250), func(w world) {
				done := false
				w.hook.before = func(r *http.Request) {
					page := r.URL.Query().Get("page")
					if !done && (page == "2" || page == "3") {
						done = true
						change(w)
					}
				}
				report, err := w.sync(datasetsync.Options{Key: "id"}, tickets(2, 250)...)
				require.NoError(t, err)
				assert.Zero(t, report.Created)
			})
		})
	}
}

func TestDatasetThatNeverStops(t *testing.T) {
	inWorld(t, tickets(1, 250), func(w world) {
		n := 250
		w.before(http.MethodGet, "page=2&", func() bool {
			n++
			w.add(fmt.Sprintf("t-%04d", n), "yes")
			return false
		})
		_, err := w.sync(byID, tickets(1, 250)...)
		require.ErrorIs(t, err, datasetsync.ErrDatasetChanging)
		assert.Equal(t, 253, n, "it was read three times")
		assert.Equal(t, 3, w.writes()[mistralobstest.RecordsCreate], "by the second writer alone")
	})
}

func TestDuplicatesAreReducedToTheOldest(t *testing.T) {
	have := []string{ticket("a", "1"), ticket("b", "1"), ticket("a", "2"), ticket("a", "3"), ticket("b", "2"),
		ticket("c", "1")}
	for name, remove := range map[string]bool{"with Delete": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				options := datasetsync.Options{Key: "id", Delete: remove, Duplicates: datasetsync.KeepOldest}
				plan := w.diff(options, ticket("a", "1"), ticket("b", "new"))
				assert.Contains(t, plan.String(), "\n- \"a\"\n- \"a\"\n- \"b\"")
				report, err := w.apply(plan, options)
				require.NoError(t, err)
				want := []string{ticket("a", "1"), ticket("b", "new")}
				if !remove {
					want = append(want, ticket("c", "1"))
				}
				assert.Equal(t, want, w.inOrder())
				assert.Equal(t, 1, report.Updated)

				again := w.diff(datasetsync.Options{Key: "id"}, ticket("a", "1"), ticket("b", "new"))
				assert.True(t, again.InSync())
			})
		})
	}
}

// The oldest record is the one that was created first, wherever it is in the list.
func TestTheOldestIsByTime(t *testing.T) {
	inWorld(t, nil, func(w world) {
		var ids []string
		for range 3 {
			record, err := w.other.Records.Create(w.t.Context(), w.dataset, mistralobs.CreateRecordParams{
				Payload: map[string]int{"n": 1}, Properties: map[string]int{"id": 1},
			})
			require.NoError(t, err)
			ids = append(ids, record.ID)
		}
		options := datasetsync.Options{Key: "id", Duplicates: datasetsync.KeepOldest}
		plan := w.diff(options, `{"payload":{"n":1},"properties":{"id":1}}`)
		require.Len(t, plan.Delete, 2)
		assert.NotContains(t, []string{plan.Delete[0].RecordID, plan.Delete[1].RecordID}, ids[0])
	}, mistralobstest.WithLatency(1e9))
}
