package mistralobs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestFindDataset(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	t.Cleanup(server.Close)
	client := server.Client(t)
	one := server.SeedDataset("One dataset", "")
	first, second := server.SeedDataset("Twice there", ""), server.SeedDataset("Twice there", "")
	named := server.SeedDataset(one, "its name is the id of another")

	for _, idOrName := range []string{one, "One dataset"} {
		dataset, err := client.Datasets.Find(t.Context(), idOrName)
		require.NoError(t, err)
		assert.Equal(t, one, dataset.ID, "an id counts before a name: %s", named)
	}
	_, err := client.Datasets.Find(t.Context(), "one dataset")
	require.ErrorIs(t, err, mistralobs.ErrNotFound)
	_, err = client.Datasets.Find(t.Context(), "Twice there")
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	assert.ErrorContains(t, err, first+", "+second)

	server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsList, Status: 403})
	_, err = client.Datasets.Find(t.Context(), one)
	require.ErrorIs(t, err, mistralobs.ErrForbidden)
}
