package demo_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// The tests are not parallel: they set the environment.

func TestDemoStartsAServerEvenIfThereIsAKey(t *testing.T) {
	t.Setenv("MISTRAL_API_KEY", "a-real-key")
	t.Setenv("MISTRAL_BASE_URL", "http://127.0.0.1:1")
	var messages strings.Builder
	client, done, err := demo.Client(true, &messages)
	require.NoError(t, err)
	defer done()

	page, err := client.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
	require.NoError(t, err)
	require.Len(t, page.Items, 1)
	assert.Equal(t, "Support tickets", page.Items[0].Name)
	assert.Equal(t, "-demo: using an in-memory server with demo data.\n", messages.String())
}

func TestWithoutDemoTheServiceIsUsed(t *testing.T) {
	server := mistralobstest.NewServer()
	defer server.Close()
	t.Setenv("MISTRAL_API_KEY", server.APIKey)
	t.Setenv("MISTRAL_BASE_URL", server.URL)
	var messages strings.Builder
	client, done, err := demo.Client(false, &messages)
	require.NoError(t, err)
	defer done()

	_, err = client.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Real data"})
	require.NoError(t, err)
	assert.Len(t, server.Requests(), 1)
	assert.Empty(t, messages.String())
}

func TestAMissingKeyIsAnError(t *testing.T) {
	t.Setenv("MISTRAL_API_KEY", "")
	t.Setenv("MISTRAL_SA_TOKEN_PATH", "")
	_, _, err := demo.Client(false, &strings.Builder{})
	assert.EqualError(t, err,
		"there is no API key: set MISTRAL_API_KEY, or try the program with -demo on an in-memory server")
}

func TestInvalidOptionsAreReported(t *testing.T) {
	t.Setenv("MISTRAL_API_KEY", "test-key")
	for name, useDemo := range map[string]bool{"service": false, "demo": true} {
		t.Run(name, func(t *testing.T) {
			_, _, err := demo.Client(useDemo, &strings.Builder{}, mistralobs.WithTimeout(-1))
			assert.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		})
	}
}

func TestDataset(t *testing.T) {
	for name, row := range map[string]struct {
		useDemo bool
		value   string
		want    string
		err     string
	}{
		"a value":              {value: "tickets-2", want: "tickets-2"},
		"a value with -demo":   {useDemo: true, value: "tickets-2", want: "tickets-2"},
		"no value with -demo":  {useDemo: true, want: "Support tickets"},
		"no value is an error": {err: "no dataset is given: see -h"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := demo.Dataset(row.useDemo, row.value)
			assert.Equal(t, row.want, got)
			if row.err != "" {
				assert.EqualError(t, err, row.err)
			} else {
				assert.NoError(t, err)
			}
		})
	}
}
