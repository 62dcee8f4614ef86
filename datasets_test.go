package mistralobs_test

import (
	"strconv"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/optest"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestFindDataset(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	t.Cleanup(server.Close)
	client := server.Client(t)
	one := server.SeedDataset("One dataset", "")
	first, second := server.SeedDataset("Twice there", ""), server.SeedDataset("Twice there", "")
	server.SeedDataset(one, "its name is the ID of another")
	tests := map[string]struct {
		text     string
		want     string // ID
		err      error
		requests []string
	}{
		"slug": {text: "one-dataset", want: one, requests: []string{mistralobstest.DatasetsGet}},
		"ID":   {text: one, want: one, requests: []string{mistralobstest.DatasetsGet}},
		"name": {text: "One dataset", want: one, requests: []string{mistralobstest.DatasetsList}},
		"case of letters": {
			text: "one dataset", err: mistralobs.ErrNotFound, requests: []string{mistralobstest.DatasetsList},
		},
		"unknown": {
			text: "one", err: mistralobs.ErrNotFound,
			requests: []string{mistralobstest.DatasetsGet, mistralobstest.DatasetsList},
		},
		"ambiguous": {
			text: "Twice there", err: mistralobs.ErrAmbiguousName,
			requests: []string{mistralobstest.DatasetsList},
		},
		"dots": {text: "..", err: mistralobs.ErrNotFound, requests: []string{mistralobstest.DatasetsList}},
	}
	for name, test := range tests { // one after the other: they share the server's requests
		server.ResetRequests()

		dataset, err := client.Datasets.Find(t.Context(), test.text)

		require.ErrorIs(t, err, test.err, name)
		if test.err == nil {
			assert.Equal(t, test.want, dataset.ID, name)
		} else {
			assert.ErrorContains(t, err, strconv.Quote(test.text), name)
			require.NotErrorIs(t, err, mistralobs.ErrInvalidParams, name)
		}
		var requests []string
		for _, request := range server.Requests() {
			requests = append(requests, request.Operation)
		}
		assert.Equal(t, test.requests, requests, name)
	}
	_, err := client.Datasets.Find(t.Context(), "Twice there")
	assert.ErrorContains(t, err, first+", "+second)
}

// Errors that do not mean "no such dataset" end the search.
func TestFindDatasetReportsErrors(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{mistralobstest.DatasetsGet, mistralobstest.DatasetsList} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			server := mistralobstest.NewServer()
			t.Cleanup(server.Close)
			server.Inject(mistralobstest.Fault{Operation: operation, Status: 403})
			_, err := server.Client(t).Datasets.Find(t.Context(), "some-slug")
			require.ErrorIs(t, err, mistralobs.ErrForbidden)
		})
	}
}

// A service without slugs refuses anything but a UUID in the path.
func TestFindDatasetWithoutSlugs(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 404, 422} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("GET", baseURL+"/v1/observability/datasets/Support",
			httpmock.NewStringResponder(status, ""))
		mock.RegisterResponder("GET", baseURL+"/v1/observability/datasets?page=1&page_size=100",
			httpmock.NewStringResponder(200, `{"datasets":{"results":[`+datasetJSON+`],"count":1}}`))

		dataset, err := newMockClient(t, mock).Datasets.Find(t.Context(), "Support")

		require.NoError(t, err)
		assert.Equal(t, &optest.Dataset, mistralobs.WithoutRaw(dataset))
	}
}

// A deleted dataset is not found by its name, and does not make it ambiguous.
func TestFindLeavesDeletedDatasetsAlone(t *testing.T) {
	t.Parallel()
	deleted := `{"id":"gone","name":"Support","deleted_at":"2026-05-04T10:20:30Z"}`
	for body, want := range map[string]string{
		deleted + `,` + datasetJSON: optest.Dataset.ID, deleted: "",
	} {
		mock := httpmock.NewMockTransport()
		mock.RegisterResponder("GET", baseURL+"/v1/observability/datasets/Support",
			httpmock.NewStringResponder(200, deleted))
		mock.RegisterResponder("GET", baseURL+"/v1/observability/datasets?page=1&page_size=100",
			httpmock.NewStringResponder(200, `{"datasets":{"results":[`+body+`]}}`))
		dataset, err := newMockClient(t, mock).Datasets.Find(t.Context(), "Support")
		if want == "" {
			require.ErrorIs(t, err, mistralobs.ErrNotFound)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, want, dataset.ID)
	}
}

func TestFindOrCreate(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	defer server.Close()
	client := server.Client(t)
	params := mistralobs.CreateDatasetParams{Name: "Support tickets", Description: "March"}
	first, created, err := client.Datasets.FindOrCreate(t.Context(), params)
	require.NoError(t, err)
	assert.True(t, created)
	again, created, err := client.Datasets.FindOrCreate(t.Context(), params)
	require.NoError(t, err)
	assert.False(t, created)
	assert.Equal(t, first.ID, again.ID)
	_, created, err = client.Datasets.FindOrCreate(t.Context(), mistralobs.CreateDatasetParams{Name: first.Slug})
	require.NoError(t, err, "a slug is not a name")
	assert.True(t, created)

	server.SeedDataset("Support tickets", "")
	dataset, created, err := client.Datasets.FindOrCreate(t.Context(), params)
	require.ErrorIs(t, err, mistralobs.ErrAmbiguousName)
	require.ErrorContains(t, err, "mistralobs: find or create dataset: ")
	assert.Nil(t, dataset)
	assert.False(t, created)
	server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsCreate, Break: mistralobstest.ResetUnanswered})
	_, created, err = client.Datasets.FindOrCreate(t.Context(), mistralobs.CreateDatasetParams{Name: "Another one"})
	require.ErrorIs(t, err, mistralobs.ErrMaybeApplied)
	assert.False(t, created)

	server.ResetRequests()
	_, _, err = client.Datasets.FindOrCreate(t.Context(), mistralobs.CreateDatasetParams{Name: "Caf\xe9 tickets"})
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	assert.Empty(t, server.Requests(), "nothing is sent")
}
