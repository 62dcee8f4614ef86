package jsonscan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Digest identifies the meaning of a JSON value. Values have the same digest if they differ only in the order of names,
// in white space, in escapes or in the form of numbers (1, 1.0, 10e-1). Numbers are not rounded.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a value, which must be valid JSON.
func DigestOf(raw []byte) Digest { return sha256.Sum256(AppendMeaning(nil, raw)) }

// AppendMeaning appends an encoding of a value's meaning to dst. Values with the same digest have the same encoding,
// and all others have different ones. The value must be valid JSON.
func AppendMeaning(dst, raw []byte) []byte {
	s := New(raw)
	return s.appendMeaning(dst)
}

// appendMeaning reads one value. No encoding is a prefix of another.
func (s *Scanner) appendMeaning(dst []byte) []byte {
	switch c := s.Peek(); {
	case c == '{':
		return s.appendObject(dst)
	case c == '[':
		dst = append(dst, '[')
		s.Array(func() bool {
			dst = s.appendMeaning(dst)
			return true
		})
		return append(dst, ']')
	case c == '"':
		raw, _ := s.Raw()
		return appendString(dst, raw)
	case c == '-' || isDigit(c):
		raw, _ := s.Raw()
		return appendSized(append(dst, '0'), canonicalNumber(string(raw)))
	}
	raw, _ := s.Raw()
	return append(dst, raw[:min(1, len(raw))]...) // t, f or n
}

// appendObject appends the members sorted by name.
func (s *Scanner) appendObject(dst []byte) []byte {
	dst = append(dst, '{')
	start := len(dst)
	var ends []int // of each member, in dst
	s.list('{', '}', func() bool {
		s.space()
		from := s.pos
		s.quoted()
		dst = appendString(dst, s.data[from:s.pos])
		s.accept(':')
		dst = s.appendMeaning(dst)
		ends = append(ends, len(dst))
		return true
	})
	members := make([][]byte, len(ends))
	for i, end := range ends {
		members[i] = dst[start:end]
		start = end
	}
	if !slices.IsSortedFunc(members, bytes.Compare) {
		slices.SortStableFunc(members, bytes.Compare)
		sorted := slices.Concat(members...)
		copy(dst[len(dst)-len(sorted):], sorted)
	}
	return append(dst, '}')
}

// appendString appends the decoded string. A string that is not valid Unicode is appended as written.
func appendString(dst, quoted []byte) []byte {
	if inner := quoted[1 : len(quoted)-1]; isLiteral(inner) {
		return appendSized(append(dst, '"'), inner)
	}
	decoded, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return appendSized(append(dst, '\''), quoted)
	}
	return appendSized(append(dst, '"'), decoded)
}

func appendSized[T string | []byte](dst []byte, content T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(content))), content...)
}

// canonicalNumber returns the same text for equal numbers: the digits without leading and trailing zeros, and an
// exponent.
func canonicalNumber(number string) string {
	mantissa, exponentText, _ := strings.Cut(strings.ToLower(number), "e")
	exponent, err := strconv.ParseInt(cmp.Or(exponentText, "0"), 10, 64)
	if err != nil {
		return number // an exponent of more than 63 bits: equal only to itself
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0"
	}
	exponent += int64(len(digits)-len(trimmed)) - int64(len(fraction))
	sign := ""
	if negative {
		sign = "-"
	}
	return sign + trimmed + "e" + strconv.FormatInt(exponent, 10)
}
