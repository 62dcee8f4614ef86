package datasetsync

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An idSet returns the IDs that were added, in their order, whatever their form.
func TestIDSet(t *testing.T) {
	t.Parallel()
	const n = 3*chunkSize + 7
	ids := make([]string, n)
	set := newIDSet()
	for i := range ids {
		switch i % 4 {
		case 0:
			ids[i] = fmt.Sprintf("record-%d", i)
		case 1:
			ids[i] = fmt.Sprintf("0000000A-0000-4000-8000-%012x", i)
		default:
			ids[i] = fmt.Sprintf("%08x-0000-4000-8000-%012x", i, i)
		}
		require.True(t, set.add(ids[i]))
	}
	for i, id := range ids {
		require.Equal(t, id, set.at(i))
		require.False(t, set.add(id))
	}
	assert.Equal(t, n, set.len())
	assert.LessOrEqual(t, len(set.table.slots), 4*n)
}

func TestParseUUID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"01234567-89ab-cdef-0123-456789abcdef":  true,
		"01234567-89AB-cdef-0123-456789abcdef":  false, // formatUUID would return it in lower case
		"01234567-89ab-cdef-0123-456789abcdeg":  false,
		"01234567-89ab-cdef-0123-456789abcde":   false,
		"01234567-89ab-cdef-0123-456789abcdef0": false,
		"0123456789ab-cdef-0123-456789abcdef00": false,
		"-------------------------------------": false,
		"01234567--9ab-cdef-0123-456789abcdef":  false,
		"":                                      false,
	} {
		u, ok := parseUUID(id)
		assert.Equal(t, want, ok, id)
		if ok {
			assert.Equal(t, id, formatUUID(u))
		}
	}
}
