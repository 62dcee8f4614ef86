package mistralobstest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestDemoCanBeImportedAndRead(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	t.Cleanup(server.Close)
	demo := server.SeedDemo()
	client := server.Client(t)

	task, err := client.Imports.FromCampaign(t.Context(), demo.DatasetID, demo.CampaignID)
	require.NoError(t, err)
	_, err = client.Tasks.Wait(t.Context(), demo.DatasetID, task.ID, mistralobs.WaitOptions{})
	require.NoError(t, err)

	page, err := client.Records.List(t.Context(), demo.DatasetID, mistralobs.ListParams{PageSize: 1})
	require.NoError(t, err)
	assert.Equal(t, 15, page.Total)
	chat, err := page.Items[0].Payload.Conversation()
	require.NoError(t, err)
	assert.Equal(t, "Where is my parcel?", chat.Messages[0].Text())
}

// Not parallel: it sets the environment.
func TestClientOrDemo(t *testing.T) {
	t.Run("without a key there is a server with data", func(t *testing.T) {
		t.Setenv("MISTRAL_API_KEY", "")
		var messages strings.Builder
		client, done, err := mistralobstest.ClientOrDemo(&messages)
		require.NoError(t, err)
		defer done()
		page, err := client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
		require.NoError(t, err)
		assert.Len(t, page.Items, 1)
		assert.Contains(t, messages.String(), "in-memory server")
	})
	t.Run("with a key the service is used", func(t *testing.T) {
		server := mistralobstest.NewServer()
		defer server.Close()
		t.Setenv("MISTRAL_API_KEY", server.APIKey)
		t.Setenv("MISTRAL_BASE_URL", server.URL)
		var messages strings.Builder
		client, done, err := mistralobstest.ClientOrDemo(&messages)
		require.NoError(t, err)
		defer done()
		defer client.CloseIdleConnections()
		_, err = client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Real data"})
		require.NoError(t, err)
		assert.Len(t, server.Requests(), 1)
		assert.Empty(t, messages.String())
	})
	t.Run("options that make no sense are reported", func(t *testing.T) {
		t.Setenv("MISTRAL_API_KEY", "")
		_, done, err := mistralobstest.ClientOrDemo(&strings.Builder{}, mistralobs.WithTimeout(-1))
		done()
		assert.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	})
}
