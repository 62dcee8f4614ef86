package datasetsync_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// If the record to keep is gone, its duplicates stay, because nothing else may be left of the key.
func TestKeepOldestKeepsOne(t *testing.T) {
	have := []string{ticket("a", "1"), ticket("a", "2"), ticket("a", "3"), ticket("b", "1")}
	rename := func(w world) {
		require.NoError(t, w.other.Records.UpdateProperties(w.t.Context(), w.record("a").ID, map[string]string{"id": "z"}))
	}
	for name, test := range map[string]struct {
		change func(world)
		force  bool
		reread bool // the plan passes through JSON
		want   []string
	}{
		"deleted":         {change: func(w world) { w.remove("a") }, want: have[1:]},
		"deleted, forced": {change: func(w world) { w.remove("a") }, force: true, want: have[1:]},
		"deleted, JSON":   {change: func(w world) { w.remove("a") }, reread: true, want: have[1:]},
		"another key":     {change: rename, want: append([]string{ticket("z", "1")}, have[1:]...)},
		"edited":          {change: func(w world) { w.edit("a", "mine") }, want: []string{ticket("a", "mine"), have[3]}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				options := datasetsync.Options{Key: "id", Duplicates: datasetsync.KeepOldest, Force: test.force}
				plan := w.diff(options, ticket("b", "1"))
				require.Len(t, plan.Delete, 2)
				if test.reread {
					plan = reread(t, plan)
				}
				test.change(w)
				report, err := w.apply(plan, options)
				assert.Equal(t, test.want, w.inOrder())
				if report.Deleted == 2 {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, datasetsync.ErrRecordChanged)
				require.ErrorContains(t, err, "which the plan keeps in its place, is gone or has another key")
				assert.Equal(t, datasetsync.OutcomeLeftAlone, report.Results[1].Outcome)
			})
		})
	}
}

// Whatever a second writer deletes between Diff and Apply, each key that has a record before Apply
// has one after.
func TestKeepOldestLosesNoKey(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 2))
			var have []string
			keys := 1 + random.IntN(60)
			for range 1 + random.IntN(250) { // up to three pages, so that some runs walk and others do not
				have = append(have, ticket(fmt.Sprint("k-", random.IntN(keys)), "yes"))
			}
			inWorld(t, have, func(w world) {
				options := datasetsync.Options{Key: "id", Duplicates: datasetsync.KeepOldest, Force: random.IntN(2) == 0}
				plan := w.diff(options, ticket("k-0", "yes"))
				for _, record := range w.server.Records(w.dataset) {
					if random.IntN(4) == 0 {
						require.NoError(t, w.other.Records.Delete(w.t.Context(), record.ID))
					}
				}
				before := slices.Compact(w.holds())
				_, err := w.apply(plan, options)
				if err != nil {
					require.ErrorIs(t, err, datasetsync.ErrRecordChanged)
				}
				assert.Subset(t, w.holds(), before)
			})
		})
	}
}

func reread(t *testing.T, plan *datasetsync.Plan) *datasetsync.Plan {
	t.Helper()
	var b bytes.Buffer
	_, err := plan.WriteTo(&b)
	require.NoError(t, err)
	read, err := datasetsync.ReadPlan(&b)
	require.NoError(t, err)
	return read
}

// With Delete, a key that is not wanted goes with all its duplicates.
func TestUnwantedDuplicatesAreAllDeleted(t *testing.T) {
	inWorld(t, []string{ticket("a", "1"), ticket("a", "2"), ticket("b", "1")}, func(w world) {
		options := byID
		options.Duplicates = datasetsync.KeepOldest
		plan := w.diff(options, ticket("b", "1"))
		w.remove("a")
		_, err := w.apply(plan, options)
		require.NoError(t, err)
		assert.Equal(t, []string{ticket("b", "1")}, w.inOrder())
	})
}

// Few deletions are read in small batches, each right before it is deleted, and not all at the
// start.
func TestDeletionsAreReadRightBefore(t *testing.T) {
	inWorld(t, tickets(1, 2000), func(w world) { // 20 pages, so 20 deletions are read one by one
		options := byID
		options.Concurrency = 4
		plan := w.diff(options, tickets(21, 2000)...)
		require.Len(t, plan.Delete, 20)
		n := 0
		w.before(http.MethodGet, "/dataset-records/", func() bool {
			if n++; n == 5 { // the second batch is about to be read
				assert.Equal(t, 1, w.writes()[mistralobstest.RecordsDeleteAll])
				w.edit("t-0020", "mine")
			}
			return n == 5
		})
		report, err := w.apply(plan, options)
		require.ErrorIs(t, err, datasetsync.ErrRecordChanged)
		assert.Contains(t, w.holds(), ticket("t-0020", "mine"))
		assert.Equal(t, 19, report.Deleted)
		assert.Equal(t, 20, w.requests()[mistralobstest.RecordsGet])
	})
}

// If a bulk deletion fails, the records are read again before the next one.
func TestDeletionsAreReadAgain(t *testing.T) {
	for name, test := range map[string]struct {
		fault    mistralobstest.Fault
		edit     bool
		deleted  int
		requests int // for deletions
		err      error
	}{
		"a record is gone": {fault: mistralobstest.Fault{Status: 404}, edit: true, deleted: 9, requests: 2,
			err: datasetsync.ErrRecordChanged},
		"a failure":       {fault: mistralobstest.Fault{Status: 503}, deleted: 10, requests: 2},
		"two failures":    {fault: mistralobstest.Fault{Status: 503, Times: 2}, deleted: 10, requests: 3},
		"a lost response": {fault: mistralobstest.Fault{Status: 500, Apply: true}, deleted: 10, requests: 1},
		"a failure and an edit": {fault: mistralobstest.Fault{Status: 503}, edit: true, deleted: 9, requests: 2,
			err: datasetsync.ErrRecordChanged},
		"a refusal": {fault: mistralobstest.Fault{Status: 400}, requests: 1, err: mistralobs.ErrBadRequest},
		"no key":    {fault: mistralobstest.Fault{Status: 401, Times: -1}, requests: 1, err: mistralobs.ErrUnauthorized},
		"failures that do not end": {fault: mistralobstest.Fault{Status: 503, Times: -1}, requests: 5,
			err: mistralobs.ErrServer},
		"a Retry-After that is too long": {
			fault: mistralobstest.Fault{Status: 503, Header: http.Header{"Retry-After": {"3600"}}}, requests: 1,
			err: mistralobs.ErrServer,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, tickets(1, 50), func(w world) {
				test.fault.Operation = mistralobstest.RecordsDeleteAll
				w.server.Inject(test.fault)
				w.before(http.MethodPost, "/bulk-delete", func() bool {
					if test.edit {
						w.edit("t-0010", "mine")
					}
					return true
				})
				options := byID
				options.Concurrency = 10
				report, err := w.sync(options, tickets(11, 50)...)
				require.ErrorIs(t, err, test.err)
				assert.Equal(t, test.deleted, report.Deleted)
				assert.Equal(t, test.requests, w.requests()[mistralobstest.RecordsDeleteAll])
				if test.edit {
					assert.Contains(t, w.holds(), ticket("t-0010", "mine"))
				}
			})
		})
	}
}
