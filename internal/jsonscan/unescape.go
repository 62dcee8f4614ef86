package jsonscan

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// surrogateMark precedes half of a surrogate pair in the result of unescape. Valid UTF-8 does not contain this byte.
const surrogateMark = 0xFF

// unescape appends the decoded bytes of a string to dst. b is the string without its first quote, and what follows. n
// is the length of the string with its last quote, or 0 if it has no end. broken reports whether the string contains
// half of a surrogate pair. Invalid UTF-8 is appended as it is. If the string is not valid JSON, the result means
// nothing.
func unescape(dst, b []byte) (decoded []byte, n int, broken bool) {
	for n < len(b) {
		if n <= len(b)-8 {
			word := binary.LittleEndian.Uint64(b[n:])
			dst = binary.LittleEndian.AppendUint64(dst, word)
			found := stops(word)
			if found == 0 {
				n += 8
				continue
			}
			plain := bits.TrailingZeros64(found) / 8
			dst = dst[:len(dst)-8+plain]
			n += plain
		}
		switch c := b[n]; c {
		case '"':
			return dst, n + 1, broken
		case '\\':
			var length int
			var half bool
			dst, length, half = unescapeOne(dst, b[n:])
			n += length
			broken = broken || half
		default: // one of the last seven bytes
			dst = append(dst, c)
			n++
		}
	}
	return dst, 0, broken
}

// unescapeOne decodes the escape at the start of b, or both escapes of a surrogate pair.
func unescapeOne(dst, b []byte) (decoded []byte, n int, half bool) {
	if len(b) < len(`\n`) {
		return dst, len(b), false
	}
	if b[1] != 'u' {
		return append(dst, unescapeByte(b[1])), 2, false
	}
	const length = len(`\u0000`)
	r, ok := hexRune(b)
	if !ok {
		return dst, len(b), false
	}
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(dst, r), length, false
	}
	if low, ok := hexRune(b[length:]); ok {
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return utf8.AppendRune(dst, pair), 2 * length, false
		}
	}
	return append(dst, surrogateMark, byte(r>>8), byte(r)), length, true
}

func unescapeByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // a quote, a backslash or a slash
}

// hexRune returns the value of an escape such as \u00e9, if b begins with one. The digits must be hexadecimal.
func hexRune(b []byte) (r rune, ok bool) {
	if len(b) < len(`\u0000`) || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		r = r<<4 | rune(c&15+c>>6*9) // letters have the bit 6, and their lower bits count from 1
	}
	return r, true
}
