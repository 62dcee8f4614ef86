package datasetsync_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/datasetsync"
)

func TestDiffByKey(t *testing.T) {
	have := []string{ticket("same", "yes"), ticket("edited", "no"), ticket("gone", "yes"), `{"payload":{"n":1},"properties":{"id":"tagged"}}`, `{"payload":{"no":"key"},"properties":{}}`}
	want := []string{
		ticket("new", "yes"),
		`{"properties":{"id":"same"}, "payload":{ "answer" : "yes" }}`,
		ticket("edited", "yes"),
		`{"payload":{"n":1.0},"properties":{"id":"tagged","tag":{"a":[1,2]}}}`,
	}
	inWorld(t, have, func(w world) {
		plan := w.diff(byID, want...)
		assert.Equal(t, strings.NewReplacer("DATASET", w.dataset, "KEYLESS", keyless(w)).Replace(
			`dataset DATASET: 1 to create, 2 to update, 2 to delete, 1 equal
+ new
~ edited
    payload.answer: "no" -> "yes"
~ tagged
    properties.tag: nothing -> {"a":[1,2]}
- gone
- record KEYLESS
`), plan.String())
		assert.False(t, plan.InSync())
		assert.Equal(t, 5, plan.Changes())
		assert.Equal(t, 1, plan.Equal)
		assert.Equal(t, []bool{true, false}, []bool{plan.Update[0].ChangesPayload, plan.Update[0].ChangesProperties})
		assert.Equal(t, []bool{false, true}, []bool{plan.Update[1].ChangesPayload, plan.Update[1].ChangesProperties})
		assert.Equal(t, 1, plan.Create[0].Index)
		assert.Empty(t, w.writes(), "a diff changes nothing")

		kept := w.diff(datasetsync.Options{Key: "id"}, want...)
		assert.Empty(t, kept.Delete)
		assert.Equal(t, 2, kept.Extra)
		assert.Contains(t, kept.String(), "2 not wanted but left alone")
	})
}

func keyless(w world) string {
	records := w.server.Records(w.dataset)
	return records[len(records)-1].ID
}

// Contents that stand twice in the input are two records.
func TestSyncByContentCounts(t *testing.T) {
	twice := `{"payload":{"a":1,"b":[true,null]},"properties":{}}`
	inWorld(t, []string{twice, twice, twice, `{"payload":{"old":1}}`}, func(w world) {
		report, err := w.sync(datasetsync.Options{Delete: true}, `{"payload":{"b":[true,null],"a":1e0}}`, twice, `{"payload":{"new":1}}`, `{"payload":{"new":1}}`)
		require.NoError(t, err)
		assert.Equal(t, []int{2, 0, 2, 2}, []int{report.Created, report.Updated, report.Deleted, report.Equal})
		assert.Len(t, w.holds(), 4)
	})
}

// Problems with keys name the lines of the file, or the ids of the dataset.
func TestDiffRefusesWhatIsAmbiguous(t *testing.T) {
	for name, test := range map[string]struct {
		have, want []string
		kind       error
		says       []string
	}{
		"two of the input": {
			want: []string{ticket("a", "1"), "", ticket("b", "1"), ticket("a", "2")},
			kind: datasetsync.ErrDuplicateKeys, says: []string{"line 1 and line 4", ": a"},
		},
		"two of the input that the dataset has": {
			have: []string{ticket("a", "1")}, want: []string{ticket("a", "1"), ticket("b", "1"), ticket("a", "2")},
			kind: datasetsync.ErrDuplicateKeys, says: []string{"line 1 and line 3", ": a"},
		},
		"1 and 1.0": {
			want: []string{`{"payload":{},"properties":{"id":1}}`, `{"payload":{},"properties":{"id":1.0}}`},
			kind: datasetsync.ErrDuplicateKeys, says: []string{"line 1 and line 2"},
		},
		"two of the dataset": {
			have: []string{ticket("a", "1"), ticket("b", "1"), ticket("a", "2"), ticket("a", "3")}, want: []string{ticket("b", "1")},
			kind: datasetsync.ErrDuplicateKeys, says: []string{": a (", "KeepOldest"},
		},
		"no key": {
			want: []string{ticket("a", "1"), "", `{"payload":{}}`}, kind: datasetsync.ErrNoKey, says: []string{"line 3", "property id"},
		},
		"a null key":  {want: []string{`{"payload":{},"properties":{"id":null}}`}, kind: datasetsync.ErrNoKey, says: []string{"line 1"}},
		"a bad input": {want: []string{ticket("a", "1"), `{`}, says: []string{"line 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, test.have, func(w world) {
				_, err := w.sync(byID, test.want...)
				require.Error(t, err)
				for _, text := range test.says {
					assert.ErrorContains(t, err, text)
				}
				if test.kind != nil {
					require.ErrorIs(t, err, test.kind)
				}
				if name == "two of the dataset" {
					for _, record := range w.server.Records(w.dataset) {
						isA := strings.Contains(string(record.Properties), `"a"`)
						assert.Equal(t, isA, strings.Contains(err.Error(), record.ID))
					}
				}
				assert.Empty(t, w.writes(), "nothing is changed")
			})
		})
	}
}

// A string and a number are different keys, and so are integers that a float64 cannot tell apart.
func TestSyncTellsKeysApart(t *testing.T) {
	lines := []string{
		`{"payload":{},"properties":{"id":"1"}}`, `{"payload":{},"properties":{"id":1}}`,
		`{"payload":{},"properties":{"id":9007199254740993}}`, `{"payload":{},"properties":{"id":9007199254740992}}`,
	}
	inWorld(t, lines, func(w world) {
		assert.Equal(t, 4, w.diff(byID, lines...).Equal)
	})
}
