package jsonscan

import (
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestUnescape(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		inner, want string
		broken      bool
	}{
		{inner: ``, want: ``},
		{inner: `a\"\\\/\b\f\n\r\tz`, want: "a\"\\/\b\f\n\r\tz"},
		{inner: `\u0041\u00E9\u20ac`, want: "Aé€"},
		{inner: `\uD83D\ude00!`, want: "😀!"},
		{inner: `\ud83d!`, want: "\xff\xd8\x3d!", broken: true},
		{inner: `\ude00\ud83d\u0041`, want: "\xff\xde\x00\xff\xd8\x3dA", broken: true},
		{inner: "\xfe\\n", want: "\xfe\n"},
	} {
		got, n, broken := unescape([]byte("before "), []byte(test.inner+`", "behind"`))
		assert.Equal(t, "before "+test.want, string(got), test.inner)
		assert.Equal(t, len(test.inner)+1, n, test.inner)
		assert.Equal(t, test.broken, broken, test.inner)
	}
}

// The result is that of the JSON library, if that can represent it.
func FuzzUnescape(f *testing.F) {
	for _, seed := range []string{``, `a\n\u00e9`, `\ud83d\ude00`, `\ud83d\ud83d`, `\\u0041`, "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, inner string) {
		quoted := jsontext.Value(`"` + inner + `"`)
		got, n, broken := unescape(nil, []byte(quoted[1:])) // does not panic, whatever it is
		if !Valid(quoted) {
			return
		}
		assert.Equal(t, len(inner)+1, n)
		assert.Equal(t, utf8.ValidString(inner) && !broken, quoted.IsValid())
		if !quoted.IsValid() {
			return
		}
		want, err := jsontext.AppendUnquote(nil, quoted)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got))
	})
}
