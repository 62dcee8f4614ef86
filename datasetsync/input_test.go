package datasetsync_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// A canceled context ends the reading of the input before the next record.
func TestTheContextEndsTheInput(t *testing.T) {
	inWorld(t, nil, func(w world) {
		ctx, cancel := context.WithCancel(w.t.Context())
		defer cancel()
		read := 0
		_, err := datasetsync.Diff(ctx, w.client, w.dataset, func(yield func(*mistralobs.JSONLRecord, error) bool) {
			for {
				if read++; read == 1000 {
					cancel()
				}
				if !yield(&mistralobs.JSONLRecord{Payload: mistralobs.Object(`{}`)}, nil) {
					return
				}
			}
		}, datasetsync.Options{})
		require.ErrorIs(t, err, context.Canceled)
		assert.LessOrEqual(t, read, 1002)
	})
}

func TestACanceledContextReadsNothing(t *testing.T) {
	inWorld(t, nil, func(w world) {
		ctx, cancel := context.WithCancel(w.t.Context())
		cancel()
		_, err := datasetsync.Diff(ctx, w.client, w.dataset, wanted(tickets(1, 10)...), datasetsync.Options{})
		require.ErrorIs(t, err, context.Canceled)
		assert.Empty(t, w.server.Requests())
	})
}

// An input without records is refused before anything is sent, because Delete would delete
// everything.
func TestAnEmptyInputDeletesNothing(t *testing.T) {
	for name, lines := range map[string][]string{"an empty file": nil, "a byte-order mark": {"\ufeff"},
		"blank lines": {"", " ", ""}} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, tickets(1, 3), func(w world) {
				_, err := w.sync(byID, lines...)
				require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
				require.ErrorContains(t, err, "AllowEmpty")
				assert.Empty(t, w.server.Requests())

				report, err := w.sync(datasetsync.Options{Key: "id"}, lines...)
				require.NoError(t, err)
				assert.Equal(t, 3, report.Extra)

				options := byID
				options.AllowEmpty = true
				report, err = w.sync(options, lines...)
				require.NoError(t, err)
				assert.Equal(t, 3, report.Deleted)
				assert.Equal(t, map[string]int{mistralobstest.RecordsDeleteAll: 1}, w.writes())
			})
		})
	}
}
