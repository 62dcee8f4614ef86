//go:build unix

package mistralobs_test

import (
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// Opening a pipe blocks until somebody writes to it, so a call would outlive its context.
func TestAPIKeyFileThatIsAPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	client, err := mistralobs.NewClient(mistralobs.WithAPIKeyFile(path), mistralobs.WithBaseURL(baseURL))
	require.NoError(t, err)

	_, err = client.Datasets.Get(t.Context(), datasetID)

	require.ErrorIs(t, err, mistralobs.ErrNoAPIKey)
	require.ErrorContains(t, err, path+": it is not a regular file")
	assert.Zero(t, attemptsOf(t, err))
}

// Kubernetes mounts a secret as a link to a file in a linked folder.
func TestAPIKeyFileThatIsALink(t *testing.T) {
	t.Parallel()
	dir := filepath.Dir(writeFile(t, "key"))
	require.NoError(t, os.Symlink(dir, filepath.Join(dir, "..data")))
	path := filepath.Join(dir, "token")
	require.NoError(t, os.Symlink(filepath.Join("..data", "file"), path))
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		assert.Equal(t, "Bearer key", req.Header.Get("Authorization"))
		return reply(req, 200, datasetJSON), nil
	}), mistralobs.WithAPIKeyFile(path))

	_, err := client.Datasets.Get(t.Context(), datasetID)

	require.NoError(t, err)
}
