package mistralobs

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Whatever the file, what is uploaded is the lines that hold records, in parts that are not too large.
func FuzzImportSource(f *testing.F) {
	for _, seed := range []string{
		"", "\n", `{"payload":{}}`, `{"payload":[]}`, "\uFEFF" + `{"payload":{}}`,
		"x\n" + `{"payload":{}}` + "\r\n\n[]\n" + `{"messages":[]}`,
		` {"payload":{"a":1}} ` + "\n" + strings.Repeat("x", 100) + "\n" + `{"messages":[{}],"properties":{}}` + "\n\n",
	} {
		f.Add([]byte(seed), int64(40))
	}
	f.Fuzz(func(t *testing.T, text []byte, limit int64) {
		if limit < 1 || limit > MaxUploadBytes {
			return
		}
		source, err := newImportSource(t.Context(), bytes.NewReader(text), limit)
		require.NoError(t, err)
		defer source.close()
		skipped := 0
		parts, err := source.check(func(*LineError) error {
			skipped++
			return nil
		})
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidParams)
			require.Empty(t, parts)
		}

		var got []byte
		for _, part := range parts {
			r, err := source.content(part).open()
			require.NoError(t, err)
			content, err := io.ReadAll(iotest.HalfReader(r))
			require.NoError(t, err)
			assert.Len(t, content, int(part.size))
			assert.LessOrEqual(t, part.size, limit)
			got = append(got, content...)
		}
		var want []byte
		bad := 0
		for _, padded := range bytes.Split(bytes.TrimPrefix(text, []byte("\uFEFF")), []byte("\n")) {
			line := bytes.TrimSpace(padded)
			if int64(len(padded)) > limit && int64(len(line)) < limit {
				return // white space made the line too long, or not: that depends on how it was read
			}
			if len(line) == 0 {
				continue
			}
			if err := checkLine(line); err != nil || int64(len(line)) >= limit {
				bad++
				continue
			}
			want = append(append(want, line...), '\n')
		}
		assert.Equal(t, string(want), string(got))
		assert.Equal(t, bad, skipped)
	})
}
