package datasetsync_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

func TestPlanLivesThroughJSON(t *testing.T) {
	have := []string{ticket("a", "1"), ticket("b", "1"), ticket("c", "1")}
	want := []string{ticket("a", "2"), ticket("b", "1"), `{"payload":{"big":9007199254740993,"html":"<&>"},"properties":{"id":"d"}}`}
	inWorld(t, have, func(w world) {
		plan := w.diff(byID, want...)
		var raw bytes.Buffer
		enc := json.NewEncoder(&raw)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(plan))
		require.NoError(t, plan.Close())
		_, err := json.Marshal(plan)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)

		var read datasetsync.Plan
		require.NoError(t, json.Unmarshal(raw.Bytes(), &read))
		assert.Equal(t, plan.String(), read.String())
		for range 2 { // the second time there is nothing to do
			_, err = read.Apply(w.t.Context(), w.client, datasetsync.Options{})
			require.NoError(t, err)
			assert.ElementsMatch(t, want, w.holds())
		}
		again, err := json.Marshal(&read)
		require.NoError(t, err)
		assert.JSONEq(t, raw.String(), string(again))
	})
}
