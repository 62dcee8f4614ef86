package mistralobs_test

import (
	"strconv"
	"testing"

	"github.com/jarcoal/httpmock"
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
		mock.RegisterResponder("GET", baseURL+"/v1/observability/datasets/Support", httpmock.NewStringResponder(status, ""))
		mock.RegisterResponder("GET", baseURL+"/v1/observability/datasets?page=1&page_size=100",
			httpmock.NewStringResponder(200, `{"datasets":{"results":[`+datasetJSON+`],"count":1}}`))

		dataset, err := newMockClient(t, mock).Datasets.Find(t.Context(), "Support")

		require.NoError(t, err)
		assert.Equal(t, &wantDataset, mistralobs.WithoutRaw(dataset))
	}
}
