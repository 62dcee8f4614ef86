// Package jsonscan scans JSON whose values are mostly passed on undecoded.
//
// A [Scanner] reads a document once, from front to back. It checks the syntax as the JSON library
// does, but it finds the end of a string eight bytes at a time. Its methods return false for
// anything unexpected. The caller then uses the JSON library, which reports the error.
package jsonscan

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth is how deep a value may be nested. The JSON library has the same limit.
const MaxDepth = 10_000

// maxEnvelopeDepth is how deep a value of MaxDepth may itself be nested in a document, such as a
// page.
const maxEnvelopeDepth = 16

// Scanner reads one JSON document.
type Scanner struct {
	data  []byte
	pos   int
	depth int
}

// New returns a scanner of data, in which values of [MaxDepth] may be nested a few levels deep.
// Results of the scanner may share the memory of data.
func New(data []byte) Scanner { return Scanner{data: data} }

// Valid reports whether raw is one JSON value of at most MaxDepth, with or without white space
// around it.
func Valid(raw []byte) bool {
	s := Scanner{data: raw, depth: maxEnvelopeDepth}
	return s.Skip() && s.End()
}

// Member is one name and its value in a JSON object.
type Member struct {
	Name     []byte         // decoded
	NameJSON []byte         // as written, with its quotes
	Value    jsontext.Value // as written
}

// Len returns the length of the document.
func (s *Scanner) Len() int { return len(s.data) }

// Pos returns the offset of the next unread byte.
func (s *Scanner) Pos() int { return s.pos }

// Since returns the bytes from the offset start to the next unread byte.
func (s *Scanner) Since(start int) []byte { return s.data[start:s.pos] }

// End reports whether only white space is left.
func (s *Scanner) End() bool {
	s.space()
	return s.pos == len(s.data)
}

// Peek returns the next byte that is not white space, or 0 at the end.
func (s *Scanner) Peek() byte {
	s.space()
	if s.pos == len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

// Object reads an object. It calls member for each name, in order and including repeated names, to
// read the value. It stops when member returns false.
func (s *Scanner) Object(member func(name []byte) bool) bool {
	return s.list('{', '}', func() bool {
		name, _, ok := s.name()
		return ok && member(name)
	})
}

// name reads a name and the colon behind it. It returns the name decoded, and as written with its
// quotes.
func (s *Scanner) name() (name, asWritten []byte, ok bool) {
	s.space()
	start := s.pos
	name, ok = s.quoted()
	if !ok {
		return nil, nil, false
	}
	asWritten = s.data[start:s.pos]
	if !isLiteral(name) {
		// The only possible error is invalid UTF-8, which AppendUnquote replaces.
		name, _ = jsontext.AppendUnquote(nil, asWritten)
	}
	return name, asWritten, s.accept(':')
}

// Members reads an object and calls member for each of its members, in order and including repeated
// names. It stops when member returns false.
func (s *Scanner) Members(member func(Member) bool) bool {
	return s.list('{', '}', func() bool {
		name, asWritten, ok := s.name()
		if !ok {
			return false
		}
		value, ok := s.Raw()
		return ok && member(Member{Name: name, NameJSON: asWritten, Value: value})
	})
}

// Array reads an array. It calls element to read each of its values.
func (s *Scanner) Array(element func() bool) bool { return s.list('[', ']', element) }

func (s *Scanner) list(open, end byte, element func() bool) bool {
	if !s.open(open) {
		return false
	}
	if s.close(end) {
		return true
	}
	for element() {
		if !s.accept(',') {
			return s.close(end)
		}
	}
	return false
}

// open moves past the start of an object or array.
func (s *Scanner) open(c byte) bool {
	if s.depth >= MaxDepth+maxEnvelopeDepth || !s.accept(c) {
		return false
	}
	s.depth++
	return true
}

// close moves past the end of an object or array, if that is next.
func (s *Scanner) close(c byte) bool {
	if !s.accept(c) {
		return false
	}
	s.depth--
	return true
}

// Raw reads any value and returns it as written. The result shares the memory of the document.
func (s *Scanner) Raw() ([]byte, bool) {
	s.space()
	start := s.pos
	ok := s.Skip()
	return s.data[start:s.pos:s.pos], ok
}

// Skip reads any value.
func (s *Scanner) Skip() bool {
	switch c := s.Peek(); {
	case c == '"':
		s.pos++
		return s.skipString()
	case c == '{':
		return s.list('{', '}', s.skipMember)
	case c == '[':
		return s.list('[', ']', s.Skip)
	case c == '-' || isDigit(c):
		return s.skipNumber()
	}
	return s.Literal("true") || s.Literal("false") || s.Literal("null")
}

func (s *Scanner) skipMember() bool {
	return s.accept('"') && s.skipString() && s.accept(':') && s.Skip()
}

// Literal reads the word, such as null, and reports whether it was next.
func (s *Scanner) Literal(word string) bool {
	s.space()
	if rest := s.data[s.pos:]; len(rest) < len(word) || string(rest[:len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

// accept moves past c and reports whether it was next.
func (s *Scanner) accept(c byte) bool {
	if s.Peek() != c {
		return false
	}
	s.pos++
	return true
}

func (s *Scanner) space() {
	for s.pos < len(s.data) && isSpace(s.data[s.pos]) {
		s.pos++
	}
}

func isSpace(c byte) bool { return c <= ' ' && (c == ' ' || c == '\n' || c == '\t' || c == '\r') }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (s *Scanner) skipNumber() bool {
	s.optional("-")
	if !s.optional("0") && !s.digits() {
		return false
	}
	if s.optional(".") && !s.digits() {
		return false
	}
	if s.optional("eE") {
		s.optional("+-")
		return s.digits()
	}
	return true
}

// optional moves past the next byte if it is one of oneOf. It does not skip white space.
func (s *Scanner) optional(oneOf string) bool {
	for i := range len(oneOf) {
		if s.pos < len(s.data) && s.data[s.pos] == oneOf[i] {
			s.pos++
			return true
		}
	}
	return false
}

// digits moves past digits and reports whether there was at least one.
func (s *Scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && isDigit(s.data[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

// quoted reads a string and returns the bytes between its quotes, as written.
func (s *Scanner) quoted() ([]byte, bool) {
	if !s.accept('"') {
		return nil, false
	}
	start := s.pos
	if !s.skipString() {
		return nil, false
	}
	return s.data[start : s.pos-1], true
}

// skipString moves past the rest of a string, behind its first quote.
func (s *Scanner) skipString() bool {
	data, i := s.data, s.pos
	for {
		for ; i >= 0 && i <= len(data)-8; i += 8 { // these limits remove bounds checks
			if found := stops(binary.LittleEndian.Uint64(data[i : i+8])); found != 0 {
				i += bits.TrailingZeros64(found) / 8
				break
			}
		}
		if i >= len(data) {
			return false
		}
		switch c := data[i]; {
		case c == '"':
			s.pos = i + 1
			return true
		case c == '\\' && isShortEscape(data[i+1:]):
			i += 2
		case c == '\\' && isUnicodeEscape(data[i+1:]):
			i += 6
		case c == '\\' || c < ' ':
			return false
		default: // one of the last seven bytes
			i++
		}
	}
}

// ones is a word whose bytes are all 1. A byte times ones is a word that has the byte everywhere.
const ones = 0x0101010101010101

// stops sets the highest bit of each byte in word that is a quote, a backslash or a control
// character. Only the lowest of these bits is exact; a borrow may set higher ones.
func stops(word uint64) uint64 {
	// A quote differs from a space in one bit. Flipped, it is below 0x21 like the control
	// characters, and no other is.
	const flip, limit, backslash, high = ('"' ^ ' ') * ones, (' ' + 1) * ones, '\\' * ones, 0x80 * ones
	return (((word ^ flip) - limit) | ((word ^ backslash) - ones)) &^ word & high
}

// Bits of class.
const (
	shortEscape = 1 << iota
	hexDigit
)

// class says what a byte can be behind a backslash.
var class = func() (class [256]uint8) {
	for _, c := range []byte(`"\/bfnrt`) {
		class[c] |= shortEscape
	}
	for _, c := range []byte("0123456789abcdefABCDEF") {
		class[c] |= hexDigit
	}
	return class
}()

func isShortEscape(b []byte) bool { return len(b) > 0 && class[b[0]]&shortEscape != 0 }

func isUnicodeEscape(b []byte) bool {
	return len(b) > 4 && b[0] == 'u' && class[b[1]]&class[b[2]]&class[b[3]]&class[b[4]]&hexDigit != 0
}

// isLiteral reports whether the bytes between quotes are the decoded string.
func isLiteral(inner []byte) bool { return bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) }
