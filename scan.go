package mistralobs

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// scanner reads JSON once, from front to back, where its volume is: pages of
// records and lines of exports, most of whose bytes are payloads to be passed on
// unread. It checks the syntax as the JSON library does, but finds the end of a
// string eight bytes at a time (see BENCHMARKS.md). All it says of what it
// does not like is false: why is for the JSON library to tell, which then reads
// the same bytes.
type scanner struct {
	data  []byte
	pos   int
	depth int
	words []string // what repeated has read
}

// maxDepth is how deep values may be nested, as in the JSON library.
const maxDepth = 10_000

// isJSON tells whether raw is one JSON value, with white space around it or not.
func isJSON(raw []byte) bool {
	s := scanner{data: raw}
	return s.skip() && s.end()
}

// end tells whether nothing but white space is left.
func (s *scanner) end() bool {
	s.space()
	return s.pos == len(s.data)
}

func (s *scanner) space() {
	for s.pos < len(s.data) && isSpace(s.data[s.pos]) {
		s.pos++
	}
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// peek returns the next byte that is no white space, 0 at the end.
func (s *scanner) peek() byte {
	s.space()
	if s.pos == len(s.data) {
		return 0
	}
	return s.data[s.pos]
}

// take moves behind c if that comes next.
func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.pos == len(s.data) {
		return false
	}
	s.pos++
	return true
}

// object reads an object whose names need no decoding; member is called with
// each, to read the value.
func (s *scanner) object(member func(name []byte) bool) bool {
	return s.list('{', '}', func() bool {
		name, ok := s.quoted()
		return ok && isLiteral(name) && s.take(':') && member(name)
	})
}

// member reads a name and its value.
func (s *scanner) member() (m member, ok bool) {
	s.space()
	start := s.pos
	name, ok := s.quoted()
	if !ok {
		return m, false
	}
	m.name, m.nameJSON = name, s.data[start:s.pos]
	if !isLiteral(name) {
		// It is valid but for broken UTF-8, which is replaced.
		m.name, _ = jsontext.AppendUnquote(nil, m.nameJSON)
	}
	if !s.take(':') {
		return m, false
	}
	m.value, ok = s.raw()
	return m, ok
}

// array reads an array; element is called to read each of its values.
func (s *scanner) array(element func() bool) bool { return s.list('[', ']', element) }

func (s *scanner) list(open, end byte, element func() bool) bool {
	if s.depth == maxDepth || !s.take(open) {
		return false
	}
	s.depth++
	for first := true; !s.take(end); first = false {
		if !first && !s.take(',') || !element() {
			return false
		}
	}
	s.depth--
	return true
}

// raw reads any value and returns it as it was written.
func (s *scanner) raw() ([]byte, bool) {
	s.space()
	start := s.pos
	ok := s.skip()
	return s.data[start:s.pos:s.pos], ok
}

// skip reads any value.
func (s *scanner) skip() bool {
	switch c := s.peek(); {
	case c == '"':
		_, ok := s.quoted()
		return ok
	case c == '{':
		return s.list('{', '}', s.skipMember)
	case c == '[':
		return s.list('[', ']', s.skip)
	case c == '-' || isDigit(c):
		return s.skipNumber()
	}
	return s.literal("true") || s.literal("false") || s.literal("null")
}

func (s *scanner) skipMember() bool {
	_, ok := s.quoted()
	return ok && s.take(':') && s.skip()
}

// literal moves behind the word if that comes next.
func (s *scanner) literal(word string) bool {
	s.space()
	if rest := s.data[s.pos:]; len(rest) < len(word) || string(rest[:len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (s *scanner) skipNumber() bool {
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

// optional moves behind the next byte if it is one of those, without skipping white space.
func (s *scanner) optional(oneOf string) bool {
	for i := range len(oneOf) {
		if s.pos < len(s.data) && s.data[s.pos] == oneOf[i] {
			s.pos++
			return true
		}
	}
	return false
}

// digits moves behind digits, of which there must be one.
func (s *scanner) digits() bool {
	start := s.pos
	for s.pos < len(s.data) && isDigit(s.data[s.pos]) {
		s.pos++
	}
	return s.pos > start
}

// quoted reads a string and returns what is between its quotes, as it was written.
func (s *scanner) quoted() ([]byte, bool) {
	if !s.take('"') {
		return nil, false
	}
	start := s.pos
	for {
		s.pos += plainBytes(s.data[s.pos:])
		if s.pos == len(s.data) {
			return nil, false
		}
		switch s.data[s.pos] {
		case '"':
			s.pos++
			return s.data[start : s.pos-1], true
		case '\\':
			if !s.skipEscape() {
				return nil, false
			}
		default: // a control character
			return nil, false
		}
	}
}

func (s *scanner) skipEscape() bool {
	s.pos++
	if s.optional(`"\/bfnrt`) {
		return true
	}
	if !s.optional("u") {
		return false
	}
	for range 4 {
		if !s.optional("0123456789abcdefABCDEF") {
			return false
		}
	}
	return true
}

// Eight bytes of the same value, for arithmetic on eight bytes at once.
const (
	ones   = 0x0101010101010101
	highs  = 0x80 * ones
	quotes = '"' * ones
	slopes = '\\' * ones
	spaces = ' ' * ones
)

// stops marks the bytes of a word that are a quote, a backslash or a control
// character by their highest bit. The lowest mark is exact; those above it may be
// due to a borrow.
func stops(word uint64) uint64 {
	quote, slope := word^quotes, word^slopes
	return ((word-spaces)&^word | (quote-ones)&^quote | (slope-ones)&^slope) & highs
}

// plainBytes tells how many bytes there are before a quote, a backslash or a
// control character.
func plainBytes(b []byte) int {
	n := 0
	for ; len(b)-n >= 8; n += 8 {
		if found := stops(binary.LittleEndian.Uint64(b[n:])); found != 0 {
			return n + bits.TrailingZeros64(found)/8
		}
	}
	for ; n < len(b); n++ {
		if c := b[n]; c == '"' || c == '\\' || c < ' ' {
			break
		}
	}
	return n
}

// The following read a value of the expected kind into a field. A field that is
// set already is a name that stands twice: whether that is right, and which
// counts, is for the JSON library to say.

// text reads a string that says what it means: one without escapes, in UTF-8.
func (s *scanner) text(to *string) bool {
	raw, ok := s.quoted()
	if !ok || *to != "" || !isLiteral(raw) {
		return false
	}
	*to = string(raw)
	return true
}

// isLiteral tells whether what stands between quotes means itself.
func isLiteral(raw []byte) bool { return bytes.IndexByte(raw, '\\') < 0 && utf8.Valid(raw) }

// maxWords bounds what repeated compares with.
const maxWords = 4

// repeated is text for what stands in many records, which then share the string.
func (s *scanner) repeated(to *string) bool {
	start := s.pos
	raw, ok := s.quoted()
	if i := slices.Index(s.words, string(raw)); ok && i >= 0 && *to == "" {
		*to = s.words[i]
		return true
	}
	s.pos = start
	if !s.text(to) {
		return false
	}
	if len(s.words) < maxWords {
		s.words = append(s.words, *to)
	}
	return true
}

// time reads a time.
func (s *scanner) time(to *time.Time) bool {
	raw, ok := s.quoted()
	return ok && to.IsZero() && to.UnmarshalText(raw) == nil
}

// timeOrNull reads a time or a null.
func (s *scanner) timeOrNull(to **time.Time) bool {
	if *to != nil || s.peek() == 'n' {
		return *to == nil && s.literal("null")
	}
	*to = new(time.Time)
	return s.time(*to)
}

// textOrNull reads a string, or a null, which is "".
func (s *scanner) textOrNull(to *string) bool {
	if s.peek() == 'n' {
		return *to == "" && s.literal("null")
	}
	return s.text(to)
}

// integer reads a number that is a small integer.
func (s *scanner) integer(to *int) bool {
	raw, ok := s.raw()
	n, err := strconv.Atoi(string(raw))
	if !ok || err != nil || *to != 0 {
		return false
	}
	*to = n
	return true
}

// rawObject reads an object, whatever is in it, without copying it, or a null, which is nil.
func (s *scanner) rawObject(to *[]byte) bool {
	if *to != nil {
		return false
	}
	if s.peek() != '{' {
		return s.literal("null")
	}
	raw, ok := s.raw()
	*to = raw
	return ok
}
