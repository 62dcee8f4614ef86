package datasetsync

import (
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
	return escape(text, func(char string, r rune) bool { return utf8.ValidString(char) && unicode.IsPrint(r) })
}

// escapeInvalid writes bytes that are not UTF-8 as \xff.
func escapeInvalid(text string) string {
	return escape(text, func(char string, _ rune) bool { return utf8.ValidString(char) })
}

// escape writes the characters that are not to be kept as they are in a string of Go.
func escape(text string, keep func(char string, r rune) bool) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		char := text[:size]
		if !keep(char, r) {
			quoted := strconv.Quote(char)
			char = quoted[1 : len(quoted)-1]
		}
		b.WriteString(char)
		text = text[size:]
	}
	return b.String()
}
