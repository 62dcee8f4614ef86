package stream

import (
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Not parallel: it changes TMPDIR.
func TestTempFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	file, err := NewTempFile("mistralobs-*")
	require.NoError(t, err)
	_, err = io.WriteString(file, "content")
	require.NoError(t, err)
	content := make([]byte, 7)
	_, err = file.ReadAt(content, 0)
	require.NoError(t, err)
	assert.Equal(t, "content", string(content))
	require.NoError(t, file.Close())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left)

	t.Setenv("TMPDIR", "/no/such/folder")
	t.Setenv("TMP", "/no/such/folder")
	_, err = NewTempFile("mistralobs-*")
	require.ErrorIs(t, err, os.ErrNotExist)
}
