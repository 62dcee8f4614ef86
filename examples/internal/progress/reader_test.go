package progress

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReaderOfAFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, []byte(strings.Repeat("x", 1000)), 0o600))
		file, err := os.Open(path)
		require.NoError(t, err)
		defer file.Close()
		var screen strings.Builder
		reader := (&Line{out: &screen, terminal: true}).Reader("checking", file)

		_, err = io.ReadFull(reader, make([]byte, 500))
		require.NoError(t, err)
		time.Sleep(time.Second)
		_, err = reader.ReadAt(make([]byte, 100), 800)
		require.NoError(t, err)
		position, err := reader.Seek(0, io.SeekStart)
		require.NoError(t, err)
		assert.Zero(t, position)
		reader.Quiet()
		content, err := io.ReadAll(reader)
		require.NoError(t, err)
		assert.Len(t, content, 1000)
		assert.Equal(t, []string{
			"checking  500 B of 1.0 kB  50 %", "checking  900 B of 1.0 kB  90 %  400 B/s  0s left",
		}, visible(screen.String()))
	})
}

func TestReaderOfAPipe(t *testing.T) {
	t.Parallel()
	var screen strings.Builder
	reader := (&Line{out: &screen, terminal: true}).Reader("checking", strings.NewReader("abc"))
	_, err := reader.Seek(0, io.SeekCurrent)
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	_, err = reader.ReadAt(nil, 0)
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	content, err := io.ReadAll(reader)
	require.NoError(t, err)
	assert.Equal(t, "abc", string(content))
	assert.Equal(t, []string{"checking  3 B"}, visible(screen.String()))
}
