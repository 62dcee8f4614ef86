package transport

import (
	"strings"
	"unicode"
)

// ValidHeaderName reports whether name can be the name of a header.
func ValidHeaderName(name string) bool {
	const separators = "()<>@,;:\\\"/[]?={} \t"
	for _, r := range name {
		if r <= ' ' || r >= unicode.MaxASCII || strings.ContainsRune(separators, r) {
			return false
		}
	}
	return name != ""
}

// ValidHeaderValue reports whether value can be the value of a header.
func ValidHeaderValue(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r != '\t' && unicode.IsControl(r) })
}
