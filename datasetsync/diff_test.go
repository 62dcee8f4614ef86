package datasetsync_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestDiffByKey(t *testing.T) {
	have := []string{ticket("same", "yes"), ticket("edited", "no"), ticket("gone", "yes"),
		`{"payload":{"n":1},"properties":{"id":"tagged"}}`, `{"payload":{"no":"key"},"properties":{}}`}
	want := []string{
		ticket("new", "yes"),
		`{"properties":{"id":"same"}, "payload":{ "answer" : "yes" }}`,
		ticket("edited", "yes"),
		`{"payload":{"n":1.0},"properties":{"id":"tagged","tag":{"a":[1,2]}}}`,
	}
	inWorld(t, have, func(w world) {
		plan := w.diff(byID, want...)
		assert.Equal(t, strings.NewReplacer("DATASET", w.dataset, "KEYLESS", keyless(w)).Replace(
			`dataset "Support tickets" (DATASET): 1 to create, 2 to update, 2 to delete, 1 equal
+ "new"
~ "edited"
    payload.answer: "no" -> "yes"
~ "tagged"
    properties.tag: nothing -> {"a":[1,2]}
- "gone"
- record KEYLESS`), plan.String())
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
		assert.Contains(t, kept.String(), "2 not wanted but kept")
	})
}

func keyless(w world) string {
	records := w.server.Records(w.dataset)
	return records[len(records)-1].ID
}

// The same content twice in the input is two records.
func TestSyncByContentCounts(t *testing.T) {
	twice := `{"payload":{"a":1,"b":[true,null]},"properties":{}}`
	inWorld(t, []string{twice, twice, twice, `{"payload":{"old":1}}`}, func(w world) {
		report, err := w.sync(datasetsync.Options{Delete: true}, `{"payload":{"b":[true,null],"a":1e0}}`, twice,
			`{"payload":{"new":1}}`, `{"payload":{"new":1}}`)
		require.NoError(t, err)
		assert.Equal(t, []int{2, 0, 2, 2}, []int{report.Created, report.Updated, report.Deleted, report.Equal})
		assert.Len(t, w.holds(), 4)
	})
}

// Errors about keys name the lines of the file, or the IDs of the records.
func TestDiffRefusesWhatIsAmbiguous(t *testing.T) {
	for name, test := range map[string]struct {
		have, want []string
		kind       error
		says       []string
	}{
		"two of the input": {
			want: []string{ticket("a", "1"), "", ticket("b", "1"), ticket("a", "2")},
			kind: datasetsync.ErrDuplicateKeys, says: []string{"line 1 and line 4", `: "a"`},
		},
		"two of the input that the dataset has": {
			have: []string{ticket("a", "1")}, want: []string{ticket("a", "1"), ticket("b", "1"), ticket("a", "2")},
			kind: datasetsync.ErrDuplicateKeys, says: []string{"line 1 and line 3", `: "a"`},
		},
		"1 and 1.0": {
			want: []string{`{"payload":{},"properties":{"id":1}}`, `{"payload":{},"properties":{"id":1.0}}`},
			kind: datasetsync.ErrDuplicateKeys, says: []string{"line 1 and line 2"},
		},
		"two of the dataset": {
			have: []string{ticket("a", "1"), ticket("b", "1"), ticket("a", "2"), ticket("a", "3")},
			want: []string{ticket("b", "1")},
			kind: datasetsync.ErrDuplicateKeys, says: []string{`: "a" (`, "KeepOldest"},
		},
		"no key": {
			want: []string{ticket("a", "1"), "", `{"payload":{}}`}, kind: datasetsync.ErrNoKey, says: []string{"line 3",
				"property id"},
		},
		"a null key": {want: []string{`{"payload":{},"properties":{"id":null}}`}, kind: datasetsync.ErrNoKey,
			says: []string{"line 1"}},
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

// Differences of long values are shortened to the part around the first difference. With Full they
// are complete.
func TestDifferencesOfAPlan(t *testing.T) {
	same := strings.Repeat("same ", 100)
	line := func(n int, answer string) string {
		return fmt.Sprintf(`{"payload":{"text":"%s%s","a":%q,"b":%q,"c":%q},"properties":{"id":%d}}`, same, answer,
			answer, answer, answer, n)
	}
	var have, want []string
	for n := range 30 {
		have, want = append(have, line(n, "old")), append(want, line(n, "new"))
	}
	inWorld(t, have, func(w world) {
		plan := w.diff(byID, want...)
		assert.Equal(t, []datasetsync.Difference{
			{Path: "payload.a", Old: `"old"`, New: `"new"`}, {Path: "payload.b", Old: `"old"`, New: `"new"`},
			{Path: "payload.c", Old: `"old"`, New: `"new"`},
		}, plan.Update[19].Differences)
		assert.Equal(t, 1, plan.Update[19].MoreDifferences)
		assert.Empty(t, plan.Update[20].Differences, "it is not printed")
		assert.Contains(t, plan.String(), "\n    … and 1 more difference\n")
		assert.Contains(t, plan.String(), "\n~ … and 10 more")
		assert.Equal(t, 2, w.requests()[mistralobstest.RecordsList], "a walk takes fewer requests than 20 records")

		options := byID
		options.Full = true
		full := w.diff(options, want...)
		assert.Equal(t, datasetsync.Difference{Path: "payload.text", Old: `"` + same + `old"`, New: `"` + same + `new"`},
			full.Update[29].Differences[3])
		assert.NotContains(t, full.String(), "…")
		assert.Equal(t, 120, strings.Count(full.String(), " -> "))
	})
}

// Payload and Properties return what an item would write.
func TestItemBodies(t *testing.T) {
	have := []string{`{"payload":{"n":1},"properties":{"id":1}}`}
	inWorld(t, have, func(w world) {
		plan := w.diff(byID, `{"payload":{"n":1},"properties":{"id":1,"new": true}}`,
			`{"payload":{"n": 2},"properties":{"id":2}}`)
		update, creation := plan.Update[0], plan.Create[0]
		payload, err := update.Payload()
		require.NoError(t, err)
		assert.Nil(t, payload)
		properties, err := update.Properties()
		require.NoError(t, err)
		assert.Equal(t, `{"id":1,"new": true}`, properties.String())
		payload, err = creation.Payload()
		require.NoError(t, err)
		assert.Equal(t, `{"n": 2}`, payload.String())
		assert.Equal(t, []int{2, 2}, []int{creation.Index, creation.Line})
		require.NoError(t, plan.Close())
		_, err = creation.Payload()
		require.ErrorContains(t, err, "closed")
	})
}

// The text of a plan quotes keys and paths with unprintable characters.
func TestPlansPrintNoEscapeSequences(t *testing.T) {
	line := func(id, name string) string {
		return fmt.Sprintf(`{"payload":{"\u001b[2J":%q},"properties":{"id":"\u001b[31m%s"}}`, name, id)
	}
	inWorld(t, []string{line("a", "old"), line("b", "x")}, func(w world) {
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 422,
			Body: `{"detail":"bad \u001b[31m"}`})
		plan := w.diff(byID, line("a", "new"), line("c", "\u009b"))
		report, err := w.apply(plan, byID)
		require.Error(t, err)
		for _, text := range []string{plan.String(), report.String(), err.Error()} {
			assert.NotContains(t, text, "\x1b")
			assert.NotContains(t, text, "\u009b")
			assert.Contains(t, text, `"\x1b[31mc"`)
		}
		assert.Contains(t, plan.String(), `payload["\x1b[2J"]`)
	})
}

// A plan has the ID of the dataset, even if Diff was given a slug.
func TestDiffBySlug(t *testing.T) {
	inWorld(t, tickets(1, 3), func(w world) {
		slug := w.server.Datasets()[0].Slug
		require.NotEmpty(t, slug)
		plan, err := datasetsync.Diff(w.t.Context(), w.client, slug, wanted(tickets(1, 4)...), byID)
		require.NoError(t, err)
		assert.Equal(t, w.dataset, plan.DatasetID)
		report, err := w.apply(plan, byID)
		require.NoError(t, err)
		assert.Equal(t, []any{w.dataset, 1, 3}, []any{report.DatasetID, report.Created, report.Equal})
		_, err = datasetsync.Diff(w.t.Context(), w.client, "no-such-dataset", wanted(tickets(1, 4)...), byID)
		require.ErrorIs(t, err, mistralobs.ErrNotFound)
	})
}
