package mistralobs_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestSourceOfNewRecords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		source, want mistralobs.RecordSource
		body         string
	}{
		"unset": {want: mistralobs.SourceDirectInput, body: `{"payload":{},"properties":{}}`},
		"telemetry span": {
			source: mistralobs.SourceTelemetrySpan, want: mistralobs.SourceTelemetrySpan,
			body: `{"payload":{},"properties":{},"source":"TELEMETRY_SPAN"}`,
		},
		"with characters": {source: `a"<`, body: `{"payload":{},"properties":{},"source":"a\"<"}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mistralobstest.NewServer()
			t.Cleanup(server.Close)
			datasetID := server.SeedDataset("Sources", "")
			record, err := server.Client(t).Records.Create(t.Context(), datasetID, mistralobs.CreateRecordParams{
				Payload: map[string]any{}, Source: test.source,
			})
			if test.want == "" {
				require.ErrorIs(t, err, mistralobs.ErrValidation)
			} else {
				require.NoError(t, err)
				assert.Equal(t, test.want, record.Source)
			}
			assert.Equal(t, test.body, string(server.Requests()[0].Body))
		})
	}
}

// A dataset's slug works wherever its ID does.
func TestSlugs(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	t.Cleanup(server.Close)
	client := server.Client(t)
	datasetID := server.SeedDataset("Golden set", "")
	dataset, err := client.Datasets.Get(t.Context(), "golden-set")
	require.NoError(t, err)
	assert.Equal(t, datasetID, dataset.ID)
	assert.Equal(t, "golden-set", dataset.Slug)
	_, err = client.Records.Create(t.Context(), dataset.Slug, mistralobs.CreateRecordParams{Payload: map[string]any{}})
	require.NoError(t, err)
	n, err := count(client.Records.All(t.Context(), dataset.Slug, mistralobs.ListParams{}))
	require.NoError(t, err)
	assert.Equal(t, 1, n)
}
