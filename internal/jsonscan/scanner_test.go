package jsonscan

import (
	"bytes"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lenient are the options with which the JSON library accepts the same documents.
var lenient = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// The scanner and the JSON library agree on what JSON is.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		``, ` `, `null`, `nul`, `nullx`, `true false`, `"`, `""`, `"\u00e9\n\/"`, `"\u00g0"`, `"\ud800"`,
		`"\x"`, "\"a\tb\"", "\"12345678\xff\"",
		"\"1234567\x1f\"", "\"\x7f\"", `0`, `-0`, `-`, `01`, `1.`, `1.5e`, `1E+9`, `-1.5e-9`, `.5`, `+1`,
		`[]`, `[1,]`, `[,1]`, `[1 2]`, `{}`, `{"a"}`,
		`{"a":1,}`, `{"a":1 "b":2}`, `{"a":1,"a":2}`, `{a:1}`, ` { "a" : [ 1 , { } ] } `, `{"a":1}}`,
		"\ufeff{}", "[\v1]",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		assert.Equal(t, jsontext.Value(raw).IsValid(lenient), Valid(raw))
	})
}

// Values may be nested as deep as the JSON library allows, and no deeper. A document that contains
// such a value, for instance a page, can be read too.
func TestDepth(t *testing.T) {
	t.Parallel()
	for _, depth := range []int{MaxDepth, MaxDepth + 1} {
		for _, value := range []string{
			strings.Repeat("[", depth) + strings.Repeat("]", depth),
			strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth),
		} {
			assert.Equal(t, depth == MaxDepth, Valid([]byte(value)))
			assert.Equal(t, depth == MaxDepth, jsontext.Value(value).IsValid(lenient))
			s := New([]byte(`{"records":{"results":[{"payload":` + value + `}]}}`))
			assert.True(t, s.Skip() && s.End())
		}
	}
}

// The byte that ends a string, or makes it invalid, is found at any offset.
func TestStringsEnd(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for n := range 20 {
			text := append(append([]byte{'"'}, bytes.Repeat([]byte{0xc3}, n)...), byte(c))
			s := New(append(text, `plain text behind"`...))
			ok := s.Skip()
			switch {
			case c == '"':
				require.True(t, ok)
				require.Equal(t, text, s.Since(0))
			case c == '\\' || c < ' ': // \p is no escape
				require.False(t, ok, "%q", text)
			default:
				require.True(t, ok && s.End(), "%q", text)
			}
		}
	}
}
