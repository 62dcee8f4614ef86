package jsonscan

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseTree(t *testing.T) {
	t.Parallel()
	tree, ok := ParseTree([]byte(` {"a" : [1.0, "\ud800"], "\u0062":{}, "a\ud800":null, "` + "\xff" + `":true, "b":[ ]} `))
	require.True(t, ok)
	assert.Equal(t, map[string]*Tree{
		"a": {Raw: []byte(`[1.0, "\ud800"]`), Elements: []*Tree{{Raw: []byte("1.0")}, {Raw: []byte(`"\ud800"`)}}},
		"b": {Raw: []byte(`[ ]`), Elements: []*Tree{}}, `a\ud800`: {Raw: []byte("null")}, "\xff": {Raw: []byte("true")},
	}, tree.Members)
	assert.Nil(t, tree.Members["b"].Element(0))
	for _, invalid := range []string{"", "{", `{"a"}`, `{"a":1,}`, "[1 2]", "[1]]", `{"a":tru}`} {
		_, ok := ParseTree([]byte(invalid))
		assert.False(t, ok, invalid)
	}
}

// The deepest value that the SDK accepts takes no more time than a flat one.
func TestParseDeepTree(t *testing.T) {
	t.Parallel()
	tree, ok := ParseTree([]byte(strings.Repeat(`{"a":`, MaxDepth) + "1" + strings.Repeat("}", MaxDepth)))
	require.True(t, ok)
	depth := 0
	for ; tree.Members != nil; tree = tree.Members["a"] {
		depth++
	}
	assert.Equal(t, MaxDepth, depth)
}

func TestParseLargeTree(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		raw string
		ok  bool
	}{
		"the largest": {raw: "[0" + strings.Repeat(",0", maxTreeValues-2) + "]", ok: true},
		"one more":    {raw: "[0" + strings.Repeat(",0", maxTreeValues-1) + "]"},
		"members":     {raw: `{"a":0` + strings.Repeat(`,"a":0`, maxTreeValues-1) + "}"},
		"deeper":      {raw: "[[]" + strings.Repeat(",[]", maxTreeValues/2) + strings.Repeat(",{}", maxTreeValues/2) + "]"},
	} {
		_, ok := ParseTree([]byte(test.raw))
		assert.Equal(t, test.ok, ok, name)
	}
}
