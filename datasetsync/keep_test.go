package datasetsync_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

// scored is a line with properties that come after its key.
func scored(id, answer, properties string) string {
	return strings.TrimSuffix(ticket(id, answer), "}}") + properties + "}}"
}

var keepScores = datasetsync.Options{Key: "id", Delete: true, KeepProperties: []string{"score", "why"}}

// A sync leaves the kept properties of a record as they are, whatever the wanted record says of them.
func TestKeptPropertiesAreLeftAlone(t *testing.T) {
	have := []string{
		scored("equal", "1", `,"score":1,"why":"a"`), scored("payload", "1", `,"score":2`),
		scored("property", "1", `,"topic":"x","score":9007199254740993`), scored("unscored", "1", `,"topic":"x"`),
		scored("gone", "1", `,"score":5`),
	}
	want := []string{
		ticket("equal", "1"), ticket("payload", "2"), scored("property", "1", `,"topic":"y","why":"no"`),
		scored("unscored", "1", `,"score":0,"topic":"y"`), scored("new", "1", `,"score":0`),
	}
	holds := []string{
		scored("equal", "1", `,"score":1,"why":"a"`), scored("payload", "2", `,"score":2`),
		scored("property", "1", `,"topic":"y","score":9007199254740993`), scored("unscored", "1", `,"topic":"y"`),
		scored("new", "1", `,"score":0`),
	}
	for name, run := range map[string]func(w world) error{
		"sync": func(w world) error {
			_, err := w.sync(keepScores, want...)
			return err
		},
		"a plan that another process applies": func(w world) error {
			plan := w.diff(keepScores, want...)
			assert.NotContains(w.t, plan.String(), "properties.score")
			properties, err := plan.Update[2].Properties()
			require.NoError(w.t, err)
			assert.Equal(w.t, `{"id":"unscored","topic":"y"}`, properties.String(), "the plan decides nothing else")
			var saved bytes.Buffer
			_, err = plan.WriteTo(&saved)
			require.NoError(w.t, err)
			read, err := datasetsync.ReadPlan(&saved)
			require.NoError(w.t, err)
			assert.Equal(w.t, keepScores.KeepProperties, read.KeepProperties)
			_, err = w.apply(read, datasetsync.Options{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				require.NoError(t, run(w))
				assert.ElementsMatch(t, holds, w.holds())
				plan := w.diff(keepScores, want...)
				assert.True(t, plan.InSync(), "%v", plan)
			})
		})
	}
}

// A score that is written between the comparison and the change is no change by others, and stays.
func TestScoresAreWrittenMeanwhile(t *testing.T) {
	have := []string{ticket("a", "1"), ticket("gone", "1")}
	want := []string{scored("a", "1", `,"topic":"x"`)}
	inWorld(t, have, func(w world) {
		plan := w.diff(keepScores, want...)
		for _, id := range []string{"a", "gone"} {
			_, err := w.other.Records.Edit(w.t.Context(), w.record(id).ID, func(r *mistralobs.Record) (err error) {
				r.Properties, err = r.Properties.Set("score", 1)
				return err
			})
			require.NoError(t, err)
		}
		report, err := w.apply(plan, datasetsync.Options{})
		require.NoError(t, err, "%v", report)
		assert.Equal(t, []string{scored("a", "1", `,"topic":"x","score":1`)}, w.holds())
	})
}

// Without a key, records that differ only in the kept properties are equal.
func TestKeptPropertiesDoNotCountAsContent(t *testing.T) {
	inWorld(t, []string{scored("a", "1", `,"score":1`)}, func(w world) {
		options := keepScores
		options.Key = ""
		plan := w.diff(options, scored("a", "1", `,"score":2`), ticket("b", "1"))
		assert.Equal(t, 1, plan.Equal)
		require.Len(t, plan.Create, 1)
		for range 2 { // the second time there is nothing to do
			_, err := plan.Apply(w.t.Context(), w.client, options)
			require.NoError(t, err)
			assert.Equal(t, []string{scored("a", "1", `,"score":1`), ticket("b", "1")}, w.inOrder())
		}
		require.NoError(t, plan.Close())
	})
}

// A forced update of a record that somebody else has created keeps its scores too.
func TestForceKeepsProperties(t *testing.T) {
	inWorld(t, nil, func(w world) {
		plan := w.diff(keepScores, ticket("a", "2"))
		_, err := w.other.Records.Create(w.t.Context(), w.dataset, mistralobs.CreateRecordParams{
			Payload: map[string]string{"answer": "1"}, Properties: map[string]any{"id": "a", "score": 1},
		})
		require.NoError(t, err)
		_, err = w.apply(plan, datasetsync.Options{Force: true})
		require.NoError(t, err)
		assert.Equal(t, []string{scored("a", "2", `,"score":1`)}, w.holds())
	})
}
