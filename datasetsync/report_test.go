package datasetsync_test

import (
	"encoding/json"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestSyncReportAsJSON(t *testing.T) {
	inWorld(t, []string{ticket("a", "1")}, func(w world) {
		w.server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 422,
			Body: `{"detail":"too sad"}`})
		options := byID
		options.Concurrency = 1
		report, err := w.sync(options, ticket("a", "1"), ticket("b", "1"), ticket("c", "1"))
		var answer *mistralobs.Error
		require.ErrorAs(t, err, &answer)
		assert.ErrorContains(t, err, `1 of 2 changes were not made: create "b": `)
		raw, err := json.Marshal(report)
		require.NoError(t, err)
		assert.JSONEq(t, fmt.Sprintf(`{"dataset_id":%q,"created":1,"updated":0,"deleted":0,"equal":1,"extra":0,"results":[
			{"action":"create","key":"b","index":2,"line":2,"outcome":"failed","error":%q},
			{"action":"create","key":"c","index":3,"line":3,"record_id":%q,"outcome":"done"}]}`,
			w.dataset, answer.Error(), w.record("c").ID), string(raw))
	})
}

func TestImportErrorCounts(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{1: "importing 1 record: EOF", 2: "importing 2 records: EOF"} {
		assert.EqualError(t, &datasetsync.ImportError{Records: n, Err: io.EOF}, want)
	}
}
