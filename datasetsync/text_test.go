package datasetsync

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// No text contains a character that controls a terminal.
func TestDisplay(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ticket-01": "ticket-01", "Straße 7": "Straße 7", "": `""`, " a": `" a"`, `a"b`: `"a\"b"`,
		"\x1b[31mred": `"\x1b[31mred"`, "a\nb": `"a\nb"`, "\xff": `"\xff"`, "\u202eabc": `"\u202eabc"`, "\u009b": `"\u009b"`,
	} {
		assert.Equal(t, want, display(text))
	}
	assert.Equal(t, strings.Repeat("ä", 200)+"…", display(strings.Repeat("ä", 1<<20)))
	for text, want := range map[string]string{
		"plain ä": "plain ä", "\x1b[0m\n": `\x1b[0m\n`, "\U000e0001": `\U000e0001`, "\xff": `\xff`,
	} {
		assert.Equal(t, want, visible(text))
	}
}
