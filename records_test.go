package mistralobs_test

import (
	"fmt"
	"io"
	"testing"

	"github.com/jarcoal/httpmock"
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

func TestDecodeRecords(t *testing.T) {
	t.Parallel()
	type question struct{ Text string }
	type scores struct{ Score *float64 }
	record := func(id, payload, properties string) *mistralobs.Record {
		return &mistralobs.Record{
			ID: id, Payload: mistralobs.Object(payload), Properties: mistralobs.Object(properties),
		}
	}
	whole, other := record("a", `{"text":"A","more":1}`, `{"score":0.5}`), record("b", `{"text":"B"}`, ``)
	oddPayload, oddProperties := record("c", `[null]`, `{"score":1}`), record("d", `{"text":"D"}`, `{"score":"x"}`)
	records := func(yield func(*mistralobs.Record, error) bool) {
		for _, r := range []*mistralobs.Record{whole, oddPayload, oddProperties, other} {
			if !yield(r, nil) {
				return
			}
		}
		if yield(nil, io.ErrUnexpectedEOF) {
			panic("the loop goes on after its input has failed")
		}
	}
	type row = mistralobs.DecodedRecord[question, scores]
	var got []row
	var errs []string
	for decoded, err := range mistralobs.DecodeRecords[question, scores](records) {
		got = append(got, decoded)
		errs = append(errs, fmt.Sprint(err))
	}
	assert.Equal(t, []row{
		{Record: whole, Payload: question{"A"}, Properties: scores{ptr(0.5)}},
		{Record: oddPayload},
		{Record: oddProperties},
		{Record: other, Payload: question{"B"}},
		{},
	}, got)
	require.Len(t, errs, 5)
	assert.Equal(t, []string{"<nil>", "<nil>", "unexpected EOF"}, []string{errs[0], errs[3], errs[4]})
	assert.Contains(t, errs[1], "mistralobs: decoding the payload of record c: json: cannot unmarshal array")
	assert.Contains(t, errs[2], "mistralobs: decoding the properties of record d: json: cannot unmarshal string")

	for decoded, err := range mistralobs.DecodeRecords[mistralobs.Conversation, map[string]any](records) {
		require.ErrorIs(t, err, mistralobs.ErrNotConversation)
		assert.Equal(t, whole, decoded.Record)
		break
	}
	for _, err := range mistralobs.DecodeRecords[question, any](nil) {
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	}
}

func TestRecordString(t *testing.T) {
	t.Parallel()
	const received = `{"id":"r","payload": {"a":1},"properties":null,"new":true}`
	for name, test := range map[string]struct {
		change func(*mistralobs.Record)
		want   string
	}{
		"unchanged": {change: func(*mistralobs.Record) {}, want: received},
		"changed": {
			change: func(r *mistralobs.Record) { r.Properties = mistralobs.Object(`{"score":1}`) },
			want:   `"payload":{"a":1},"properties":{"score":1}`,
		},
		"emptied": {change: func(r *mistralobs.Record) { r.Payload = nil }, want: `"payload":null,"properties":null`},
	} {
		transport := httpmock.NewMockTransport()
		transport.RegisterResponder("GET", "=~/dataset-records/r$", httpmock.NewStringResponder(200, received))
		record, err := newMockClient(t, transport).Records.Get(t.Context(), "r")
		require.NoError(t, err, name)
		test.change(record)
		assert.Contains(t, fmt.Sprint(record), test.want, name)
	}
}
