package datasetsync

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// display returns a key or an ID for a terminal. It quotes text with characters that are not printable, so that no
// escape sequence of a record reaches the terminal.
func display(text string) string {
	unsafe := func(r rune) bool { return !unicode.IsPrint(r) || r == '"' || r == '\\' }
	if text == "" || strings.TrimSpace(text) != text || !utf8.ValidString(text) || strings.ContainsFunc(text, unsafe) {
		return strconv.Quote(text)
	}
	return text
}

// visible escapes the characters of a text that are not printable.
func visible(text string) string {
	if utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
