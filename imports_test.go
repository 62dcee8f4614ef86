package mistralobs_test

//lint:file-ignore SA1019 deprecated imports are tested as long as they exist

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// Spans that were found become records of a dataset, and the task says how many.
func TestImportFromSpans(t *testing.T) {
	t.Parallel()
	server, references := spansServer(t)
	client := server.Client(t)
	dataset, err := client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "From traffic"})
	require.NoError(t, err)
	spans := []mistralobs.SpanReference{
		{TraceID: strings.ToUpper(references[0].TraceID), SpanID: strings.ToUpper(references[0].SpanID)},
		{TraceID: traceID, SpanID: spanID}, // unknown
		references[1],
	}

	task, err := client.Imports.FromSpans(t.Context(), dataset.Slug, spans, []mistralobs.SpanMapping{
		mistralobs.SpanAttribute("messages", "gen_ai.input.messages"),
		mistralobs.ResourceAttribute("service", "service.name"),
	})
	require.NoError(t, err)
	task, err = client.Tasks.Wait(t.Context(), dataset.Slug, task.ID, mistralobs.WaitOptions{})

	require.NoError(t, err)
	assert.Equal(t, &mistralobs.ImportResult{Requested: 3, Imported: 2, Skipped: 1}, task.Result)
	var payloads []string
	for record, err := range client.Records.All(t.Context(), dataset.Slug, mistralobs.ListParams{}) {
		require.NoError(t, err)
		assert.Equal(t, mistralobs.SourceTelemetrySpan, record.Source)
		payloads = append(payloads, record.Payload.String())
	}
	assert.Equal(t, []string{
		`{"messages":[{"role":"user","content":"Question 0"}],"service":"shop"}`,
		`{"messages":[{"role":"user","content":"Question 1"}],"service":"shop"}`,
	}, payloads)
}

// An import creates records, so it is not sent again if the service may have started it.
func TestImportFromSpansIsNotRepeated(t *testing.T) {
	t.Parallel()
	server, references := spansServer(t)
	datasetID := server.SeedDataset("From traffic", "")
	server.Inject(mistralobstest.Fault{Operation: mistralobstest.ImportsFromSpans, Status: 502, Apply: true})
	server.ResetRequests()

	_, err := server.Client(t).Imports.FromSpans(t.Context(), datasetID, references, []mistralobs.SpanMapping{
		mistralobs.SpanAttribute("messages", "gen_ai.input.messages"),
	})

	require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
	assert.Len(t, server.Requests(), 1)
}

// An import of nothing, or of records without a payload, is refused before it is sent.
func TestImportFromSpansRefusesNothing(t *testing.T) {
	t.Parallel()
	server, references := spansServer(t)
	server.ResetRequests()
	mappings := []mistralobs.SpanMapping{mistralobs.SpanAttribute("messages", "gen_ai.input.messages")}
	_, err := server.Client(t).Imports.FromSpans(t.Context(), datasetID, nil, mappings)
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	require.ErrorContains(t, err, "spans: it holds no span")
	_, err = server.Client(t).Imports.FromSpans(t.Context(), datasetID, references, nil)
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	require.ErrorContains(t, err, "mappings: it holds no mapping")
	assert.Empty(t, server.Requests())
}

// Imports of nothing that the service allows send an empty list.
func TestImportOfNothing(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	t.Cleanup(server.Close)
	dataset, client := server.SeedDataset("Nothing", ""), server.Client(t)
	_, err := client.Imports.FromPlayground(t.Context(), dataset, nil)
	require.NoError(t, err)
	_, err = client.Imports.FromExplorer(t.Context(), dataset, nil)
	require.NoError(t, err)
	assert.JSONEq(t, `{"conversation_ids":[]}`, string(server.Requests()[0].Body))
	assert.JSONEq(t, `{"completion_event_ids":[]}`, string(server.Requests()[1].Body))
}
