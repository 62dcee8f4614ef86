package datasetsync_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

// A plan with Full shows and carries whole records, also through JSON.
func TestAFullPlanShowsWholeRecords(t *testing.T) {
	have := []string{ticket("edited", "1"), `{"payload":{"answer":"\u001b"},"properties":{"id":"gone"}}`}
	want := []string{ticket("edited", "2"), `{"payload":{"answer": "new"},"properties":{"id":7}}`}
	inWorld(t, have, func(w world) {
		options := byID
		options.Full = true
		plan := w.diff(options, want...)
		for _, p := range []*datasetsync.Plan{plan, reread(t, plan)} {
			assert.Equal(t, fmt.Sprintf(`dataset "Support tickets" (%s): 1 to create, 1 to update, 1 to delete, 0 equal
+ 7
    payload: {"answer":"new"}
    properties: {"id":7}
~ "edited"
    payload.answer: "1" -> "2"
- "gone"
    payload: {"answer":"\u001b"}
    properties: {"id":"gone"}`, w.dataset), p.String())
			payload, err := p.Delete[0].Payload()
			require.NoError(t, err)
			assert.Equal(t, `{"answer":"\u001b"}`, payload.String())
			assert.Equal(t, []any{false, false}, []any{p.Delete[0].ChangesPayload, p.Delete[0].ChangesProperties})
			assert.Equal(t, "Support tickets", p.DatasetName)
		}
		_, err := w.apply(reread(t, plan), options)
		require.NoError(t, err)
		assert.Len(t, w.holds(), 2)
	})
}

// Keys that are strings print in quotes, so that "1" and 1 are told apart.
func TestKeysPrintAsTheyAre(t *testing.T) {
	line := func(key string) string { return `{"payload":{},"properties":{"id":` + key + `}}` }
	inWorld(t, nil, func(w world) {
		plan := w.diff(byID, line(`"1"`), line(`1`), line(`"1.0"`), line(`[1, 2]`), line(`""`), line(`"record 1"`),
			line(`{"a":"b"}`))
		for _, p := range []*datasetsync.Plan{plan, reread(t, plan)} {
			_, list, _ := strings.Cut(p.String(), "\n")
			assert.Equal(t, "+ \"1\"\n+ 1\n+ \"1.0\"\n+ [1, 2]\n+ line 5\n+ \"record 1\"\n+ {\"a\":\"b\"}", list)
			assert.Equal(t, "1", p.Create[0].Key)
		}
		report, err := w.apply(plan, byID)
		require.NoError(t, err)
		assert.False(t, strings.HasSuffix(report.String(), "\n"))
	})
}

// Records that are left alone have their keys, whether or not Delete is set.
func TestLeftAloneHasItsKeys(t *testing.T) {
	for _, options := range []datasetsync.Options{{Key: "id"}, byID} {
		t.Run(fmt.Sprint(options.Delete), func(t *testing.T) {
			inWorld(t, []string{ticket("odd", "odd"), ticket("a", "1")}, func(w world) {
				w.client = w.answering(func(_ *http.Request, body string) string {
					return strings.ReplaceAll(body, `{"answer":"odd"}`, `[1]`)
				})
				plan := w.diff(options, ticket("a", "1"))
				require.Len(t, plan.LeftAlone, 1)
				assert.Equal(t, "odd", plan.LeftAlone[0].Key)
				assert.Equal(t, "odd", reread(t, plan).LeftAlone[0].Key)
			})
		})
	}
}

// Nil plans and reports, and copies of them, neither panic nor lose data in silence.
func TestNilAndCopies(t *testing.T) {
	inWorld(t, tickets(1, 3), func(w world) {
		var none *datasetsync.Plan
		assert.Equal(t, "no plan", none.String())
		assert.True(t, none.InSync())
		assert.Zero(t, none.Changes())
		require.NoError(t, none.Close())
		_, err := none.WriteTo(io.Discard)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		raw, err := json.Marshal(none)
		require.NoError(t, err)
		assert.Equal(t, "null", string(raw))
		var empty datasetsync.Plan
		_, err = json.Marshal(empty)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		require.NoError(t, empty.Close())
		_, err = (&empty).Apply(w.t.Context(), w.client, byID)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		_, err = datasetsync.Item{ChangesPayload: true}.Payload()
		require.ErrorContains(t, err, "closed")
		var noReport *datasetsync.Report
		assert.Equal(t, "no report", noReport.String())

		plan := w.diff(byID, tickets(2, 5)...)
		pointer, err := json.Marshal(plan)
		require.NoError(t, err)
		value, err := json.Marshal(*plan)
		require.NoError(t, err)
		assert.JSONEq(t, string(pointer), string(value))
		report, err := w.apply(plan, byID)
		require.NoError(t, err)
		pointer, err = json.Marshal(report)
		require.NoError(t, err)
		value, err = json.Marshal(*report)
		require.NoError(t, err)
		assert.JSONEq(t, string(pointer), string(value))

		copied := *plan
		require.NoError(t, plan.Close())
		_, err = json.Marshal(copied)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	})
}

// WriteTo refuses a plan that ReadPlan would refuse.
func TestWhatIsWrittenCanBeRead(t *testing.T) {
	inWorld(t, tickets(1, 3), func(w world) {
		plan := w.diff(byID, ticket("t-0001", "new"), ticket("new", "1"))
		for name, change := range map[string]func(*datasetsync.Plan){
			"no dataset":          func(p *datasetsync.Plan) { p.DatasetID = "" },
			"a deletion twice":    func(p *datasetsync.Plan) { p.Delete = append(p.Delete, p.Delete[0]) },
			"an update deleted":   func(p *datasetsync.Plan) { p.Delete[0].RecordID = p.Update[0].RecordID },
			"an ID of a creation": func(p *datasetsync.Plan) { p.Create[0].RecordID = "r" },
			"a deletion created":  func(p *datasetsync.Plan) { p.Create = append(p.Create, p.Delete[0]) },
			"a negative count":    func(p *datasetsync.Plan) { p.Equal = -1 },
		} {
			changed := *plan
			changed.Create, changed.Update = slices.Clone(plan.Create), slices.Clone(plan.Update)
			changed.Delete = slices.Clone(plan.Delete)
			change(&changed)
			_, err := changed.WriteTo(io.Discard)
			require.ErrorContains(t, err, "datasetsync: writing a plan: ", name)
		}
		plan.Delete = plan.Delete[:1] // somebody approves only a part
		assert.Len(t, reread(t, plan).Delete, 1)
	})
}

// A wanted record that is nested too deep for a plan's JSON, or is not UTF-8, is refused with its
// line.
func TestWhatCannotBeSentIsRefused(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 9_998) + "1" + strings.Repeat("}", 9_998)
	inWorld(t, nil, func(w world) {
		for name, test := range map[string]struct{ line, says string }{
			"too deep":              {`{"payload":` + deep + `,"properties":{"id":1}}`, "nested more than 9997 levels"},
			"Latin-1":               {"{\"payload\":{\"a\":\"caf\xe9\"},\"properties\":{\"id\":1}}", "not UTF-8"},
			"Latin-1 in a name":     {"{\"payload\":{\"\xe9\":1},\"properties\":{\"id\":1}}", "not UTF-8"},
			"Latin-1 in properties": {"{\"payload\":{},\"properties\":{\"id\":\"\xe9\"}}", "not UTF-8"},
		} {
			_, err := w.sync(byID, ticket("a", "1"), test.line)
			require.ErrorContains(t, err, "line 2", name)
			require.ErrorContains(t, err, test.says, name)
		}
		assert.Empty(t, w.writes())
	})
}
