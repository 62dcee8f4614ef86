package mistralobs

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A file name cannot change the form that it is sent in.
func FuzzUploadName(f *testing.F) {
	for _, seed := range []string{
		"", "a.jsonl", `a".jsonl`, `a\`, `a\"`, `"; name="purpose`, "a\r\nX-Injected: yes",
		"a\nb", "ü.jsonl", "\xff", "\u0085", "\u2028", "a;b=c",
		"a%22", "UTF-8''x", " ", "../a", "a/b", strings.Repeat("x", 300),
	} {
		f.Add(seed, "evaluation")
		f.Add("a.jsonl", seed)
	}
	f.Fuzz(func(t *testing.T, name, purpose string) {
		params := UploadParams{Name: name, Body: strings.NewReader("content"), Purpose: FilePurpose(purpose)}
		if err := params.check(); err != nil {
			require.ErrorIs(t, err, ErrInvalidParams)
			return
		}
		content, err := newContent(t.Context(), params.Body)
		require.NoError(t, err)
		upload := newUploadBody(params, content, TransferOptions{})
		body, err := upload.open()
		require.NoError(t, err)
		sent, err := io.ReadAll(body)
		require.NoError(t, err)
		assert.EqualValues(t, upload.size, len(sent), "the announced length")

		_, media, err := mime.ParseMediaType(upload.contentType)
		require.NoError(t, err)
		form := multipart.NewReader(bytes.NewReader(sent), media["boundary"])
		if purpose != "" {
			part, err := form.NextRawPart()
			require.NoError(t, err)
			value, err := io.ReadAll(part)
			require.NoError(t, err)
			assert.Equal(t, "purpose", part.FormName())
			assert.Empty(t, part.FileName())
			assert.Len(t, part.Header, 1)
			assert.Equal(t, purpose, string(value))
		}
		part, err := form.NextRawPart()
		require.NoError(t, err)
		received, err := io.ReadAll(part)
		require.NoError(t, err)
		assert.Equal(t, "file", part.FormName())
		assert.Equal(t, filepath.Base(name), part.FileName(), "%q", part.Header)
		assert.Len(t, part.Header, 2, "its disposition and its type")
		assert.Equal(t, "application/octet-stream", part.Header.Get("Content-Type"))
		assert.Equal(t, "content", string(received))
		_, err = form.NextRawPart()
		assert.Equal(t, io.EOF, err)
	})
}
