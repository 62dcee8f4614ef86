package datasetsync

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mistralobs/mistralobs-go"
)

// digest identifies the meaning of a JSON value: two values have the same digest if and only if they
// are equal. The order of members, white space, escapes and the form of numbers make no difference.
// Numbers are not rounded. If a name is repeated in an object, the last value counts.
//
// A digest is the first 16 bytes of a SHA-256 over a letter for the kind of the value and
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

// digestOf returns the digest of a value. What is not JSON, or is nested more than 10,000 levels deep, counts as it is
// written.
func digestOf(raw []byte) digest {
	d, err := checkedDigest(raw)
	if err != nil {
		sum := sha256.Sum256(append([]byte{'!'}, raw...))
		return digest(sum[:len(d)])
	}
	return d
}

// checkedDigest returns the digest of a value, or an error if raw is not one JSON value.
func checkedDigest(raw []byte) (digest, error) {
	h := hashers.Get().(*hasher)
	defer hashers.Put(h)
	h.tokens.Reset(bytes.NewBuffer(raw), lenient)
	d, err := h.value()
	if err != nil {
		return digest{}, err
	}
	if _, err := h.tokens.ReadToken(); err != io.EOF {
		return digest{}, cmp.Or(err, errMoreData)
	}
	return d, nil
}

var errMoreData = errors.New("there is data after the value")

// lenient accepts whatever the service may send.
var lenient = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

var hashers = sync.Pool{New: func() any {
	return &hasher{tokens: jsontext.NewDecoder(new(bytes.Buffer)), sha: sha256.New()}
}}

// hasher computes digests. It is not safe for concurrent use.
type hasher struct {
	tokens *jsontext.Decoder
	sha    hash.Hash
	text   []byte // the decoded string or number
	sum    []byte
}

// hash returns the digest of a kind and its content.
func (h *hasher) hash(kind byte, content []byte) digest {
	h.sha.Reset()
	h.sha.Write([]byte{kind})
	h.sha.Write(content)
	h.sum = h.sha.Sum(h.sum[:0])
	return digest(h.sum[:len(digest{})])
}

func (h *hasher) value() (digest, error) {
	switch h.tokens.PeekKind() {
	case '{':
		return h.object()
	case '[':
		return h.array()
	}
	raw, err := h.tokens.ReadValue()
	switch {
	case err != nil:
		return digest{}, err
	case raw.Kind() == '"':
		return h.string(raw), nil
	case raw.Kind() == '0':
		h.text = appendNumber(h.text[:0], string(raw))
		return h.hash('n', h.text), nil
	}
	return h.hash(raw[0], nil), nil // true, false or null
}

// string returns the digest of a string. Text that is not Unicode has no decoded form: it counts as
// it is written.
func (h *hasher) string(raw []byte) digest {
	var err error
	h.text, err = jsontext.AppendUnquote(h.text[:0], raw)
	switch {
	case err == nil:
		return h.hash('s', h.text)
	case utf8.Valid(raw): // it contains half of a surrogate pair
		h.text = appendHalves(h.text[:0], raw)
		return h.hash('h', h.text)
	}
	return h.hash('u', raw)
}

func (h *hasher) array() (digest, error) {
	if _, err := h.tokens.ReadToken(); err != nil {
		return digest{}, err
	}
	var elements []byte
	for h.tokens.PeekKind() != ']' {
		element, err := h.value()
		if err != nil {
			return digest{}, err
		}
		elements = append(elements, element[:]...)
	}
	_, err := h.tokens.ReadToken()
	return h.hash('a', elements), err
}

func (h *hasher) object() (digest, error) {
	if _, err := h.tokens.ReadToken(); err != nil {
		return digest{}, err
	}
	type member struct{ name, value digest }
	var members []member
	for h.tokens.PeekKind() != '}' {
		name, err := h.value()
		if err != nil {
			return digest{}, err
		}
		value, err := h.value()
		if err != nil {
			return digest{}, err
		}
		members = append(members, member{name, value})
	}
	_, err := h.tokens.ReadToken()
	slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.name[:], b.name[:]) })
	content := make([]byte, 0, len(members)*2*len(digest{}))
	for i, m := range members {
		if i+1 < len(members) && members[i+1].name == m.name {
			continue // the last value counts
		}
		content = append(append(content, m.name[:]...), m.value[:]...)
	}
	return h.hash('o', content), err
}

// appendHalves appends the text of a string. It marks halves of surrogate pairs, which are not Unicode.
func appendHalves(dst, raw []byte) []byte {
	for raw = raw[1 : len(raw)-1]; len(raw) > 0; {
		n := 1
		if raw[0] != '\\' {
			dst = append(dst, raw[0])
		} else {
			dst, n = appendEscape(dst, raw)
		}
		raw = raw[n:]
	}
	return dst
}

// appendEscape decodes the escape, or both escapes of a pair, at the start of raw.
func appendEscape(dst, raw []byte) (decoded []byte, n int) {
	for _, n := range []int{len(`\ud83d\ude00`), len(`\u00e9`), len(`\n`)} {
		if n <= len(raw) {
			if text, err := jsontext.AppendUnquote(nil, slices.Concat([]byte{'"'}, raw[:n], []byte{'"'})); err == nil {
				return append(dst, text...), n
			}
		}
	}
	half := raw[:len(`\ud83d`)]
	return append(append(dst, 0xff), bytes.ToLower(half)...), len(half)
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

// maxExponent is the number of digits of the longest exponent to calculate with. A longer one counts as it is written,
// because calculating would take more time than reading.
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

// contentOf returns the content of a record. Absent properties count as {}.
func contentOf(payload, properties mistralobs.Object) content {
	return content{digestOf(payload), digestOf(orEmpty(properties))}
}

// both returns one digest of both parts.
func (c content) both() digest {
	sum := sha256.Sum256(append(c.payload[:], c.properties[:]...))
	return digest(sum[:len(digest{})])
}

func orEmpty(properties mistralobs.Object) mistralobs.Object {
	if len(properties) == 0 {
		return mistralobs.Object("{}")
	}
	return properties
}

// isObject reports whether raw is one valid JSON object.
func isObject(raw []byte) bool {
	_, err := checkedDigest(raw)
	return err == nil && startsObject(raw)
}

// startsObject reports whether raw is an object. raw must be valid JSON or empty.
func startsObject(raw []byte) bool { return jsontext.Value(raw).Kind() == '{' }

// recordKey is the value of the key property. It is the zero recordKey if the property is absent or null.
type recordKey struct {
	digest digest
	raw    jsontext.Value // as written
}

// keyOf returns a property as a key. If the name is repeated, the last value counts.
func keyOf(properties mistralobs.Object, name string) (key recordKey) {
	if name == "" || !startsObject(properties) {
		return key
	}
	tokens := jsontext.NewDecoder(bytes.NewBuffer(properties), lenient)
	_, _ = tokens.ReadToken()
	for tokens.PeekKind() == '"' {
		token, err := tokens.ReadToken()
		if err != nil {
			return recordKey{}
		}
		found := token.String() == name
		value, err := tokens.ReadValue()
		if err != nil {
			return recordKey{}
		}
		if found {
			key.raw = value.Clone()
		}
	}
	if key.raw == nil || key.raw.Kind() == 'n' {
		return recordKey{}
	}
	key.digest = digestOf(key.raw)
	return key
}

func (k recordKey) absent() bool { return k.raw == nil }

// text returns the key as readable text: a string without quotes, another value as JSON.
func (k recordKey) text() string {
	if k.raw.Kind() == '"' {
		if text, err := jsontext.AppendUnquote(nil, k.raw); err == nil {
			return string(text)
		}
	}
	return string(k.raw)
}
