package jsonscan

import (
	"slices"
	"strconv"
	"time"
)

// The methods of this file read a value of one type into a variable. They return false for any other type. They also
// return false if the variable is set already: then a name stands twice in an object.

// String reads a string without escapes that is valid UTF-8.
func (s *Scanner) String(to *string) bool {
	raw, ok := s.quoted()
	if !ok || *to != "" || !isLiteral(raw) {
		return false
	}
	*to = string(raw)
	return true
}

// maxShared is how many strings SharedString keeps.
const maxShared = 4

// SharedString is [Scanner.String] for values that many items have in common. These items then share one string.
func (s *Scanner) SharedString(to *string) bool {
	start := s.pos
	raw, ok := s.quoted()
	if i := slices.Index(s.shared, string(raw)); ok && i >= 0 && *to == "" {
		*to = s.shared[i]
		return true
	}
	s.pos = start
	if !s.String(to) {
		return false
	}
	if len(s.shared) < maxShared {
		s.shared = append(s.shared, *to)
	}
	return true
}

// NullableString reads a string, or a null as "".
func (s *Scanner) NullableString(to *string) bool {
	if s.Peek() == 'n' {
		return *to == "" && s.Literal("null")
	}
	return s.String(to)
}

// Time reads an RFC 3339 time.
func (s *Scanner) Time(to *time.Time) bool {
	raw, ok := s.quoted()
	return ok && to.IsZero() && to.UnmarshalText(raw) == nil
}

// NullableTime reads an RFC 3339 time, or a null as nil.
func (s *Scanner) NullableTime(to **time.Time) bool {
	if *to != nil || s.Peek() == 'n' {
		return *to == nil && s.Literal("null")
	}
	*to = new(time.Time)
	return s.Time(*to)
}

// Int reads a number that is an integer in the range of int.
func (s *Scanner) Int(to *int) bool {
	raw, ok := s.Raw()
	n, err := strconv.Atoi(string(raw))
	if !ok || err != nil || *to != 0 {
		return false
	}
	*to = n
	return true
}
