package datasetsync

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPackID(t *testing.T) {
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
		packed, ok := packID(id)
		assert.Equal(t, want, ok, id)
		if ok {
			assert.Equal(t, id, formatUUID(packed))
		}
	}
}
