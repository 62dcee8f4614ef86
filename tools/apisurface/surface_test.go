package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSurface(t *testing.T) {
	t.Parallel()
	lines, err := load("testdata", "./named")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"pkg p, const Kind Name = \"kind\"",
		"pkg p, const Limit untyped int = 5",
		"pkg p, func (*Pair[K, V]) Swap(func(K, V) bool) (Pair[K, V], error)",
		"pkg p, func F(int, map[string]func(int)) error",
		"pkg p, func Map[T any, U any](iter.Seq2[T, error], func(T) U) iter.Seq[U]",
		"pkg p, type Callback func(int64, int64)",
		"pkg p, type Doer interface",
		"pkg p, type Doer interface, Do(string, ...int) error",
		"pkg p, type Name string",
		"pkg p, type Pair[K comparable, V any] struct",
		"pkg p, type Pair[K comparable, V any] struct, Key K `json:\"key\"`",
		"pkg p, type Pair[K comparable, V any] struct, Value V",
		"pkg p, type Pair[K comparable, V any] struct, io.Reader",
		"pkg p, type Text = Name",
		"pkg p, var ErrX error",
	}, lines)
}

func TestParameterNamesAreNotAPI(t *testing.T) {
	t.Parallel()
	named, err := load("testdata", "./named")
	require.NoError(t, err)
	unnamed, err := load("testdata", "./unnamed")
	require.NoError(t, err)
	assert.Equal(t, named, unnamed)
}

func TestCompare(t *testing.T) {
	t.Parallel()
	assert.NoError(t, compare([]string{"a", "b"}, []string{"a", "b"}))
	assert.ErrorContains(t, compare([]string{"a", "b"}, []string{"b", "c"}), "- a\n+ c\n")
}
