package jsonscan

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// surrogateMark precedes half of a surrogate pair in the result of unescape. Valid UTF-8 does not contain this byte.
const surrogateMark = 0xFF

// unescape appends a string's decoded bytes to dst and reports whether they contain half of a surrogate pair. inner is
// what a JSON string has between its quotes. Invalid UTF-8 is appended as it is.
func unescape(dst, inner []byte) (decoded []byte, broken bool) {
	for {
		n := bytes.IndexByte(inner, '\\')
		if n < 0 {
			return append(dst, inner...), broken
		}
		dst = append(dst, inner[:n]...)
		escape := inner[n+1]
		inner = inner[n+2:]
		if escape != 'u' {
			dst = append(dst, unescapeByte(escape))
			continue
		}
		r := hexRune(inner)
		inner = inner[4:]
		if utf16.IsSurrogate(r) {
			var low rune = utf8.RuneError
			if bytes.HasPrefix(inner, []byte(`\u`)) {
				low = hexRune(inner[2:])
			}
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				r, inner = pair, inner[6:]
			} else {
				dst, broken = append(dst, surrogateMark, byte(r>>8), byte(r)), true
				continue
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
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

// hexRune returns the value of the first four hexadecimal digits.
func hexRune(digits []byte) rune {
	n, _ := strconv.ParseUint(string(digits[:4]), 16, 32) // the scanner has checked the digits
	return rune(n)
}
