package mistralobs_test

import (
	"io"
	"iter"
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

func TestRecordsOf(t *testing.T) {
	t.Parallel()
	type question struct {
		Text string `json:"text"`
	}
	records := func(payloads ...string) iter.Seq2[*mistralobs.Record, error] {
		return func(yield func(*mistralobs.Record, error) bool) {
			for _, payload := range payloads {
				if !yield(&mistralobs.Record{ID: "r", Payload: mistralobs.Object(payload)}, nil) {
					return
				}
			}
			yield(nil, io.ErrUnexpectedEOF)
		}
	}
	var got []question
	var last error
	for record, err := range mistralobs.RecordsOf[question](records(`{"text":"a"}`, `{"text":"b","more":1}`)) {
		require.NoError(t, last, "the error is the last item")
		if last = err; err == nil {
			assert.Equal(t, "r", record.ID)
			got = append(got, record.Value)
		}
	}
	assert.Equal(t, []question{{"a"}, {"b"}}, got)
	require.ErrorIs(t, last, io.ErrUnexpectedEOF)

	for _, err := range mistralobs.RecordsOf[question](records(`[null]`, `{}`)) {
		require.ErrorContains(t, err, "record r: mistralobs: decoding an object: ")
	}
	for _, err := range mistralobs.RecordsOf[question](nil) {
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	}
	for range mistralobs.RecordsOf[question](records(`{}`)) {
		break // without a panic
	}
}
