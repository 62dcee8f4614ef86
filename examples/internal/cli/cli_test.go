package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReport(t *testing.T) {
	t.Parallel()
	failure := errors.New("disk full")
	for name, row := range map[string]struct {
		err         error
		interrupted bool
		status      int
		message     string
	}{
		"success":              {status: 0},
		"success after Ctrl-C": {interrupted: true, status: 0},
		"error":                {err: failure, status: 1, message: "list: disk full\n"},
		"error after Ctrl-C": {
			err: failure, interrupted: true, status: 130, message: "list: interrupted: disk full\n",
		},
		"status": {err: StatusError(2), status: 2},
		"status beside an error": {
			err: errors.Join(failure, StatusError(2)), status: 1, message: "list: disk full\nexit status 2\n",
		},
		"context ended without a signal": {err: context.Canceled, status: 1, message: "list: context canceled\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var messages strings.Builder
			status := report(&messages, "list", row.err, row.interrupted)
			assert.Equal(t, row.status, status)
			assert.Equal(t, row.message, messages.String())
		})
	}
}

func TestHint(t *testing.T) {
	t.Parallel()
	err := Hint(fmt.Errorf("open: %w", os.ErrNotExist), os.ErrNotExist, "look elsewhere")
	assert.EqualError(t, err, "open: file does not exist (look elsewhere)")
	assert.ErrorIs(t, err, os.ErrNotExist)
	assert.Equal(t, io.EOF, Hint(io.EOF, os.ErrNotExist, "look elsewhere"))
	assert.NoError(t, Hint(nil, os.ErrNotExist, "look elsewhere"))
}

func TestOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "in.jsonl")
	require.NoError(t, os.WriteFile(path, []byte("{}\n"), 0o600))
	file, err := Open(t.Context(), path, io.Discard)
	require.NoError(t, err)
	defer file.Close()
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	assert.Equal(t, "{}\n", string(content))

	_, err = Open(t.Context(), path+".none", io.Discard)
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestInterruptible(t *testing.T) {
	t.Parallel()
	t.Run("it passes the contents on", func(t *testing.T) {
		t.Parallel()
		content, err := io.ReadAll(interruptible(t.Context(), strings.NewReader("a\nb\n")))
		require.NoError(t, err)
		assert.Equal(t, "a\nb\n", string(content))
	})
	t.Run("a read that blocks ends with the context", func(t *testing.T) {
		t.Parallel()
		source, writer := io.Pipe()
		defer writer.Close()
		ctx, cancel := context.WithCancel(t.Context())
		reader := interruptible(ctx, source)
		cancel()
		_, err := io.ReadAll(reader)
		assert.ErrorIs(t, err, context.Canceled)
	})
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Straße 7\nb": "Straße 7\nb", "\x1b[31m": `\x1b[31m`, "a\tb\r": `a\tb\r`, "\xff\u202e": `\xff\u202e`,
		"\ufffd": "\ufffd", "\U000e00011": `\U000e00011`, `"\`: `"\`,
	} {
		assert.Equal(t, want, Printable(text))
	}
}
