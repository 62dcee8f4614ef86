package mistralobs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

func TestListIsOnePage(t *testing.T) {
	t.Parallel()
	service := &listService{envelope: "records", page: alphabet}
	page, err := clientOver(t, service).Records.List(t.Context(), datasetID,
		mistralobs.ListParams{Page: 2, ReadAhead: 8})
	require.NoError(t, err)
	want := &mistralobs.Page[mistralobs.Record]{
		Items: []mistralobs.Record{{ID: "c"}, {ID: "d"}}, Total: 87, Number: 2, Size: 50, Next: "3",
	}
	assert.Equal(t, want, mistralobs.WithoutRaw(page))
	assert.True(t, page.HasNext())
	assert.Equal(t, []string{"page=2"}, service.queries)
}
