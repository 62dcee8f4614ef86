package datasetsync

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxName is the number of characters of a key, an ID or a path that are kept and shown.
const maxName = 200

// shorten cuts a long text.
func shorten(text string) string {
	shown := 0
	for i := range text {
		if shown == maxName {
			return strings.Clone(text[:i]) + "…"
		}
		shown++
	}
	return text
}

// label is a key as text. It is cut after maxName characters.
type label struct {
	text  string // a string without its quotes, another value as JSON; "" if there is no key
	plain bool   // the key is not a string, so it is shown without quotes
}

func labelOf(key jsontext.Value) label {
	if key.Kind() == '"' {
		if text, err := jsontext.AppendUnquote(nil, key); err == nil {
			return label{shorten(string(text)), false}
		}
	}
	return label{shorten(string(key)), true}
}

// encode returns what decodeLabel reads.
func (l label) encode() []byte {
	if l.plain {
		return []byte("p" + l.text)
	}
	return []byte("s" + l.text)
}

// decodeLabel returns the label that was encoded, and no label for no text.
func decodeLabel(encoded []byte) label {
	if len(encoded) == 0 {
		return label{}
	}
	return label{string(encoded[1:]), encoded[0] == 'p'}
}

// name names a record by its key, its ID, or its place in the input.
func (l label) name(recordID string, line, index int) string {
	switch {
	case l.plain:
		return visible(l.text)
	case l.text != "":
		return strconv.Quote(l.text)
	case recordID != "":
		return "record " + display(recordID)
	}
	return place(line, index)
}

// counted returns a number with its noun, such as "1 record" and "2 records".
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.Itoa(n) + " " + noun
}

// place names a record of the input by its line, or by its index if it has no line.
func place(line, index int) string {
	if line > 0 {
		return fmt.Sprintf("line %d", line)
	}
	return fmt.Sprintf("record %d of the input", index)
}

// display returns an ID or a name for a terminal. It quotes text with characters that are not
// printable, so that no escape sequence of a record reaches the terminal. It cuts a long text.
func display(text string) string {
	text = shorten(text)
	if text == "" || strings.TrimSpace(text) != text || visible(text) != text || strings.ContainsAny(text, `"\`) {
		return strconv.Quote(text)
	}
	return text
}

// visible escapes the characters of a text that are not printable, and bytes that are not UTF-8.
func visible(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		char := text[:size]
		if !unicode.IsPrint(r) || r == utf8.RuneError && size == 1 {
			quoted := strconv.Quote(char)
			char = quoted[1 : len(quoted)-1]
		}
		b.WriteString(char)
		text = text[size:]
	}
	return b.String()
}
