package datasetsync

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName is the number of characters of a key, an ID or a path that are shown.
const maxName = 200

// shorten cuts a long text.
func shorten(text string) string {
	shown := 0
	for i := range text {
		if shown == maxName {
			return text[:i] + "…"
		}
		shown++
	}
	return text
}

// display returns a key or an ID for a terminal. It quotes text with characters that are not printable, so that no
// escape sequence of a record reaches the terminal. It cuts a long text.
func display(text string) string {
	text = shorten(text)
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
	for _, r := range escapeInvalid(text) {
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

// escapeInvalid writes bytes that are not UTF-8 as \xff.
func escapeInvalid(text string) string {
	if utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, text[0])
		} else {
			b.WriteString(text[:size])
		}
		text = text[size:]
	}
	return b.String()
}
