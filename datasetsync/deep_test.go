package datasetsync_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

// A record that is as deep as the service takes it passes through all operations, byte for byte.
func TestADeepRecordPassesThrough(t *testing.T) {
	deep := func(inner string) mistralobs.Object {
		const depth = 9_997
		return mistralobs.Object(strings.Repeat(`{"a":`, depth-1) + `{"b":` + inner + strings.Repeat("}", depth))
	}
	inWorld(t, nil, func(w world) {
		ctx := w.t.Context()
		line := `{"payload":` + string(deep("1")) + `,"properties":{"id":"deep"}}`
		created, err := w.client.Records.Create(ctx, w.dataset, mistralobs.CreateRecordParams{
			Payload: deep("1"), Properties: map[string]string{"id": "deep"},
		})
		require.NoError(t, err)
		got, err := w.client.Records.Get(ctx, created.ID)
		require.NoError(t, err)
		assert.Equal(t, deep("1"), got.Payload)
		page, err := w.client.Records.List(ctx, w.dataset, mistralobs.ListParams{})
		require.NoError(t, err)
		require.Len(t, page.Items, 1)
		assert.Equal(t, deep("1"), page.Items[0].Payload)

		var exported strings.Builder
		_, err = w.client.Exports.Download(ctx, w.dataset, &exported, mistralobs.TransferOptions{})
		require.NoError(t, err)
		assert.Contains(t, exported.String(), string(deep("1")))
		w.remove("deep")
		_, err = w.client.Imports.FromJSONL(ctx, w.dataset, strings.NewReader(exported.String()),
			mistralobs.JSONLImportOptions{})
		require.NoError(t, err)
		assert.Equal(t, []string{line}, w.holds())

		assert.True(t, w.diff(byID, line).InSync())
		changed := strings.Replace(line, `{"b":1}`, `{"b":2}`, 1)
		plan := reread(t, w.diff(byID, changed))
		require.Len(t, plan.Update, 1)
		require.Len(t, plan.Update[0].Differences, 1)
		assert.Equal(t, []string{"1", "2"}, []string{plan.Update[0].Differences[0].Old, plan.Update[0].Differences[0].New})
		_, err = w.apply(plan, byID)
		require.NoError(t, err)
		assert.Equal(t, []string{changed}, w.holds())
		report, err := w.sync(byID, changed)
		require.NoError(t, err)
		assert.Equal(t, 1, report.Equal)
		_, err = w.sync(datasetsync.Options{Key: "id", ImportAbove: 1}, changed, strings.Replace(line, `"deep"`, `"more"`, 1),
			strings.Replace(line, `"deep"`, `"most"`, 1))
		require.NoError(t, err)
		assert.Len(t, w.holds(), 3)
	})
}
