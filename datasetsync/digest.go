package datasetsync

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mistralobs/mistralobs-go"
)

// digest identifies the meaning of a JSON value: two values have the same digest if and only if
// they are equal. The order of members, white space, escapes and the form of numbers make no
// difference. Numbers are not rounded. If a name is repeated in an object, the last value counts.
//
// A digest is the first 16 bytes of a SHA-256 (see hashOf) over a letter for the kind of the value
// and
//
//	string  its text
//	number  its digits without zeros at either end, and the exponent of ten of the last digit
//	array   the digests of its elements, in order
//	object  the digests of its names and values, sorted by name
type digest [16]byte

// MarshalText returns the digest in hexadecimal.
func (d digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText returns.
func (d *digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("a digest has %d hexadecimal digits", hex.EncodedLen(len(d)))
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// digestOf returns the digest of a value. What is not JSON, or is nested more than 10,000 levels
// deep, counts as it is written.
func digestOf(raw []byte) digest {
	d, err := checkedDigest(raw, false)
	if err != nil {
		return hashOf(append([]byte{'!'}, raw...))
	}
	return d
}

// checkedDigest returns the digest of a value. It returns an error if raw is not one JSON value. If
// strict is set, it also returns an error if raw is not UTF-8, or is nested more than maxDepth
// levels deep.
func checkedDigest(raw []byte, strict bool) (digest, error) {
	h := hashers.Get().(*hasher)
	defer hashers.Put(h)
	h.tokens.Reset(bytes.NewBuffer(raw), lenient)
	h.strict, h.members = strict, h.members[:0]
	d, err := h.value()
	if err != nil {
		return digest{}, err
	}
	if _, err := h.tokens.ReadToken(); err != io.EOF {
		return digest{}, cmp.Or(err, errors.New("there is data after the value"))
	}
	return d, nil
}

// maxDepth is how deep a payload or properties may be nested. In a plan's JSON, they are nested
// three levels deeper.
const maxDepth = 10_000 - 3

// lenient accepts whatever the service may send.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

var hashers = sync.Pool{New: func() any { return &hasher{tokens: jsontext.NewDecoder(new(bytes.Buffer))} }}

// hasher computes digests. It is not safe for concurrent use.
type hasher struct {
	tokens  *jsontext.Decoder
	strict  bool
	text    []byte   // the kind and the content of what is hashed next
	members []member // of all arrays and objects that are being read, the innermost last
}

// member is a name and a value of an object, or an element of an array.
type member struct{ name, value digest }

// hashOf returns the digest of a kind and its content. If both are short, they are their own
// digest.
func hashOf(content []byte) (d digest) {
	if len(content) < len(d) {
		d[0] = byte(len(content))
		copy(d[1:], content)
		return d
	}
	sum := sha256.Sum256(content)
	copy(d[:], sum[:])
	d[0] |= 0x80 // unlike that of short content
	return d
}

func (h *hasher) value() (digest, error) {
	switch kind := h.tokens.PeekKind(); kind {
	case '{', '[':
		return h.list(kind)
	case '"':
		raw, err := h.tokens.ReadValue()
		if err != nil {
			return digest{}, err
		}
		if h.text = appendText(h.text[:0], raw); h.text[0] == 'u' && h.strict {
			return digest{}, errors.New("it is not UTF-8")
		}
		return hashOf(h.text), nil
	}
	raw, err := h.tokens.ReadValue()
	switch {
	case err != nil:
		return digest{}, err
	case raw.Kind() == '0':
		h.text = appendNumber(append(h.text[:0], 'n'), string(raw))
		return hashOf(h.text), nil
	}
	return hashOf(raw[:1]), nil // of true, false and null
}

// list returns the digest of an array or an object.
func (h *hasher) list(kind jsontext.Kind) (digest, error) {
	if _, err := h.tokens.ReadToken(); err != nil {
		return digest{}, err
	}
	if h.strict && h.tokens.StackDepth() > maxDepth {
		return digest{}, fmt.Errorf("it is nested more than %d levels deep", maxDepth)
	}
	outer := len(h.members)
	for h.tokens.PeekKind() != kind+2 { // ']' and '}' are two characters behind '[' and '{'
		var m member
		var err error
		if kind == '{' {
			m.name, err = h.value()
		}
		if err == nil {
			m.value, err = h.value()
		}
		if err != nil {
			return digest{}, err
		}
		h.members = append(h.members, m)
	}
	if _, err := h.tokens.ReadToken(); err != nil {
		return digest{}, err
	}
	members := h.members[outer:]
	h.members = h.members[:outer]
	h.text = append(h.text[:0], byte(kind))
	if kind == '{' {
		slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.name[:], b.name[:]) })
	}
	for i, m := range members {
		switch {
		case kind == '[':
			h.text = append(h.text, m.value[:]...)
		case i+1 == len(members) || members[i+1].name != m.name: // of a repeated name, the last value counts
			h.text = append(append(h.text, m.name[:]...), m.value[:]...)
		}
	}
	return hashOf(h.text), nil
}

// appendText appends a letter and the text of a string. Text that is not UTF-8 is appended as it is
// written.
func appendText(dst, raw []byte) []byte {
	if !utf8.Valid(raw) {
		return append(append(dst, 'u'), raw...)
	}
	dst = append(dst, 's')
	for raw = raw[1 : len(raw)-1]; ; {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return append(dst, raw...)
		}
		dst, raw = appendEscape(append(dst, raw[:i]...), raw[i:])
	}
}

// appendEscape appends the character that is escaped at the start of raw, and returns the rest of
// raw. Half of a surrogate pair, which is not Unicode, gets a byte before it that UTF-8 does not
// have.
func appendEscape(dst, raw []byte) (text, rest []byte) {
	const length = len(`\u00e9`)
	c := raw[1]
	if c != 'u' {
		if i := strings.IndexByte("bfnrt", c); i >= 0 {
			c = "\b\f\n\r\t"[i]
		}
		return append(dst, c), raw[2:]
	}
	r := hexRune(raw)
	if len(raw) >= 2*length && raw[length] == '\\' && raw[length+1] == 'u' {
		if pair := utf16.DecodeRune(r, hexRune(raw[length:])); pair != utf8.RuneError {
			return utf8.AppendRune(dst, pair), raw[2*length:]
		}
	}
	if utf16.IsSurrogate(r) {
		return append(dst, 0xff, byte(r>>8), byte(r)), raw[length:]
	}
	return utf8.AppendRune(dst, r), raw[length:]
}

// hexRune returns the number in an escape such as \u00e9.
func hexRune(raw []byte) rune {
	n, _ := strconv.ParseUint(string(raw[2:6]), 16, 16) // the decoder has checked the digits
	return rune(n)
}

// appendNumber appends the one form that all equal numbers have, such as -12e3.
func appendNumber(dst []byte, number string) []byte {
	mantissa, exponent := number, "0"
	if i := strings.IndexAny(number, "eE"); i >= 0 {
		mantissa, exponent = number[:i], number[i+1:]
	}
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return append(dst, '0')
	}
	if negative {
		dst = append(dst, '-')
	}
	dst = append(append(dst, trimmed...), 'e')
	return appendSum(dst, exponent, int64(len(digits)-len(trimmed)-len(fraction)))
}

// maxExponent is the number of digits of the longest exponent to calculate with. A longer one
// counts as it is written, because calculating would take more time than reading.
const maxExponent = 1000

// appendSum appends the sum of an exponent, which may have any number of digits, and n.
func appendSum(dst []byte, exponent string, n int64) []byte {
	if small, err := strconv.ParseInt(exponent, 10, 32); err == nil {
		return strconv.AppendInt(dst, small+n, 10)
	}
	if len(exponent) > maxExponent {
		return fmt.Appendf(dst, "%s+%d", exponent, n)
	}
	sum, _ := new(big.Int).SetString(exponent, 10) // it is a number
	return sum.Add(sum, big.NewInt(n)).Append(dst, 10)
}

// content identifies a payload and properties.
type content struct{ payload, properties digest }

// contentOf returns the content of a record without the properties to keep. Absent properties count
// as {}.
func contentOf(payload, properties mistralobs.Object, keep []string) content {
	return content{digestOf(payload), digestOf(without(properties, keep))}
}

// without returns properties without those that are kept. It leaves alone what is not an object.
func without(properties mistralobs.Object, keep []string) mistralobs.Object {
	properties = orEmpty(properties)
	for _, name := range keep {
		if rest, err := properties.Delete(name); err == nil {
			properties = rest
		}
	}
	return properties
}

// withKept returns the wanted properties, with those to keep as the record has them.
func withKept(wanted, record mistralobs.Object, keep []string) (_ mistralobs.Object, err error) {
	for _, name := range keep {
		if value, found := record.Get(name); found {
			wanted, err = wanted.Set(name, value)
		} else {
			wanted, err = wanted.Delete(name)
		}
		if err != nil {
			return nil, fmt.Errorf("the record's property %s cannot be kept: %w", display(name), err)
		}
	}
	return wanted, nil
}

// both returns one digest of both parts.
func (c content) both() digest { return hashOf(append(c.payload[:], c.properties[:]...)) }

func orEmpty(properties mistralobs.Object) mistralobs.Object {
	if len(properties) == 0 {
		return mistralobs.Object("{}")
	}
	return properties
}

// isObject reports whether raw, which is valid JSON or empty, is an object.
func isObject(raw []byte) bool { return jsontext.Value(raw).Kind() == '{' }

// recordKey is the value of the key property.
type recordKey struct {
	digest digest // zero if the property is absent or null
	label  label
}

func (k recordKey) absent() bool { return k.digest == digest{} }

// keyOf returns a property as a key. If the name is repeated, the last value counts.
func keyOf(properties mistralobs.Object, name string) recordKey {
	if name == "" || !isObject(properties) {
		return recordKey{}
	}
	value, ok := properties.Get(name)
	if !ok || jsontext.Value(value).Kind() == 'n' {
		return recordKey{}
	}
	return recordKey{digestOf(value), labelOf(jsontext.Value(value))}
}
