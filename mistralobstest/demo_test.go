package mistralobstest_test

//lint:file-ignore SA1019 deprecated imports are tested as long as they exist

import (
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
