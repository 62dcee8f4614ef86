package mistralobs_test

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// The file is read for every request, so that a token that was replaced is used at once.
func TestAPIKeyFileIsReadForEveryRequest(t *testing.T) {
	t.Parallel()
	path := writeFile(t, "first")
	var keys []string
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		keys = append(keys, req.Header.Get("Authorization"))
		return reply(req, 200, datasetJSON), nil
	}), mistralobs.WithAPIKeyFile(path))

	_, err := client.Datasets.Get(t.Context(), datasetID)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, []byte("Bearer second\n"), 0o600))
	_, err = client.Datasets.Get(t.Context(), datasetID)
	require.NoError(t, err)

	assert.Equal(t, []string{"Bearer first", "Bearer second"}, keys)
}

// A file that cannot be used is an error before anything is sent. Another key is not tried.
func TestAPIKeyFileThatCannotBeUsed(t *testing.T) {
	t.Setenv("MISTRAL_API_KEY", "of another account")
	for _, test := range []struct {
		name string
		path string
		want error
	}{
		{name: "blank", path: writeFile(t, " \n"), want: mistralobs.ErrNoAPIKey},
		{name: "missing", path: filepath.Join(t.TempDir(), "missing"), want: fs.ErrNotExist},
		{name: "two words", path: writeFile(t, "a b"), want: mistralobs.ErrInvalidParams},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("MISTRAL_SA_TOKEN_PATH", test.path)
			client, err := mistralobs.NewClient(
				mistralobs.WithBaseURL(baseURL),
				mistralobs.WithHTTPClient(
					&http.Client{Transport: roundTripFunc(func(*http.Request) (*http.Response, error) {
						panic("a request was sent")
					})},
				),
			)
			require.NoError(t, err)

			_, err = client.Datasets.Get(t.Context(), datasetID)

			require.ErrorIs(t, err, test.want)
			assert.Zero(t, attemptsOf(t, err))
		})
	}
	_, err := mistralobs.NewClient(mistralobs.WithAPIKeyFile(""))
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
}
