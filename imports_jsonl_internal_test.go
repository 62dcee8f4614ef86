package mistralobs

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An upload has exactly the lines that are records, in parts that are not too large.
func FuzzImportParts(f *testing.F) {
	for _, seed := range []string{
		"", "\n", `{"payload":{}}`, `{"payload":[]}`, "\uFEFF" + `{"payload":{}}`,
		"x\n" + `{"payload":{}}` + "\r\n\n[]\n" + `{"messages":[]}`,
	} {
		f.Add([]byte(seed), int64(40))
	}
	f.Fuzz(func(t *testing.T, text []byte, limit int64) {
		if limit < 1 || limit > MaxUploadBytes {
			return
		}
		skipped := 0
		parts, err := newImportParts(t.Context(), bytes.NewReader(text), JSONLImportOptions{
			MaxFileBytes: limit, OnError: func(*LineError) error { skipped++; return nil },
		})
		var got []byte
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidParams)
			parts = &importParts{}
		} else {
			defer parts.file.Close()
		}
		for _, part := range parts.list {
			content, err := io.ReadAll(iotest.HalfReader(parts.content(part).open()))
			require.NoError(t, err)
			assert.LessOrEqual(t, part.size, limit)
			assert.Equal(t, part.records, bytes.Count(content, []byte("\n")))
			got = append(got, content...)
		}
		var want []byte
		bad := 0
		for _, padded := range bytes.Split(bytes.TrimPrefix(text, []byte("\uFEFF")), []byte("\n")) {
			line := bytes.TrimSpace(padded)
			switch {
			case int64(len(padded)) > limit && int64(len(line)) < limit:
				return // white space made the line too long, or not: that depends on how it was read
			case len(line) == 0:
			case checkLine(line) != nil || int64(len(line)) >= limit:
				bad++
			default:
				want = append(append(want, line...), '\n')
			}
		}
		assert.Equal(t, string(want), string(got))
		assert.Equal(t, bad, skipped)
	})
}
