package jsonscan

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"slices"
)

// Digest identifies the meaning of a JSON value. Values have the same digest under the same [Key] if they differ only
// in the order of names, in white space, in escapes or in the form of numbers (1, 1.0, 10e-1). Numbers are not rounded,
// and -0 equals 0. If a name stands twice in an object, the last value counts.
type Digest [16]byte

// Key selects the function from values to digests. It must be random, and chosen independently of the values.
type Key [32]byte

// Hasher computes digests. It keeps memory in proportion to the longest value. It is not safe for concurrent use.
//
// Digests are universal hashes modulo the prime p = 2^127-1. Numbers, literals and texts of up to 15 bytes are numbers
// below p by themselves, the same under every key. Other values are polynomials in keys below 2^124:
//
//	text      c1·t^k + c2·t^(k-1) + … + ck           the blocks c, the key t
//	array     y^(k+1) + v1·y^k + … + vk·y            the elements v
//	object    x·((n1+x)·y + v1)·((n2+x)·y + v2)·…    the names n and their values v, in any order
//
// Each depth has its own x and y, so that v is independent of the keys it is combined with. Different values have
// different polynomials: only those of objects have x, and only those of arrays and objects have y. The factors of an
// object are x + n + v/y, times y. For all but one y, different pairs of n and v have different factors.
//
// Different polynomials of degree k have the same value for at most k of the 2^124 keys. For values that have n blocks,
// elements and members in all, the sum over all pairs is less than n²/2^122. This bounds the probability that any two
// different values have the same digest: it is 2^-58 for n = 2^32. It holds for any values, if whoever chooses them
// does not know the key.
type Hasher struct {
	key     Key
	text    textKey
	levels  []levelKeys // by depth
	scanner Scanner
	members []member // of all objects that are being read, the innermost last
	names   nameSet
	scratch []byte
}

type levelKeys struct{ x, y element }

// NewHasher returns a Hasher. All hashers with the same key compute the same digests, in every process.
func NewHasher(key Key) *Hasher {
	h := &Hasher{key: key}
	h.text.t = h.level(0).y // no value has depth 0
	for i := range h.text.words {
		h.text.words[i] = h.random(-1 - i)[0]
	}
	return h
}

// Digest returns the digest of a value, which must be valid JSON. It takes time and memory that are proportional to the
// length of the value, whatever its shape.
func (h *Hasher) Digest(raw []byte) Digest {
	h.scanner, h.members = New(raw), h.members[:0]
	e, _ := h.value()
	return e.bytes()
}

// level returns the keys of a depth.
func (h *Hasher) level(depth int) levelKeys {
	for len(h.levels) <= depth {
		r := h.random(len(h.levels))
		h.levels = append(h.levels, levelKeys{
			x: element{r[0] >> (128 - keyBits), r[1]},
			y: element{r[2] >> (128 - keyBits), r[3]},
		})
	}
	return h.levels[depth]
}

// random returns random numbers that depend only on the key and n.
func (h *Hasher) random(n int) (words [4]uint64) {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(h.key[:], uint64(n)))
	for i := range words {
		words[i] = binary.BigEndian.Uint64(sum[8*i:])
	}
	return words
}

// The marks of values that are not arrays or objects. A text or number of at most blockSize bytes has its length added.
const (
	markText     = 16
	markBroken   = 32 // a text that contains half of a surrogate pair
	markNumber   = 48
	markExponent = 64 // the exponent of a number, if it is not small
	markLiteral  = 80 // true, false or null as its first letter
)

// value reads a value and returns its hash. It returns false if it sees that the value is not valid JSON.
func (h *Hasher) value() (element, bool) {
	switch c := h.scanner.Peek(); {
	case c == '"':
		return h.quoted()
	case c == '{':
		return h.object()
	case c == '[':
		return h.array()
	case c == '-' || isDigit(c):
		return h.number(), true
	default:
		return element{markLiteral << markShift, uint64(c)}, h.scanner.Skip()
	}
}

func (h *Hasher) quoted() (element, bool) {
	s := &h.scanner
	if s.Peek() != '"' {
		return element{}, false
	}
	rest := s.data[s.pos+1:]
	if n := plainEnd(rest); n >= 0 {
		s.pos += n + 2
		return h.text.hash(element{}, rest[:n], markText), true
	}
	var n int
	var broken bool
	h.scratch, n, broken = unescape(h.scratch[:0], rest)
	s.pos += n + 1
	mark := byte(markText)
	if broken {
		mark = markBroken
		if bytes.IndexByte(rest[:n], surrogateMark) >= 0 { // also as itself, from which the mark has to differ
			marked := bytes.ReplaceAll(rest[:n], []byte{surrogateMark}, []byte{surrogateMark, surrogateMark})
			h.scratch, _, _ = unescape(h.scratch[:0], marked)
		}
	}
	return h.text.hash(element{}, h.scratch, mark), n > 0
}

// plainEnd returns the length of a string without escapes, or -1. b is the string and what follows, without the first
// quote.
func plainEnd(b []byte) int {
	for n := 0; n < 32 && n <= len(b)-8; n += 8 { // IndexByte is faster only if the string is longer
		if found := stops(binary.LittleEndian.Uint64(b[n:])); found != 0 {
			if n += bits.TrailingZeros64(found) / 8; b[n] == '"' {
				return n
			}
			return -1
		}
	}
	n := bytes.IndexByte(b, '"')
	if n >= 0 && bytes.IndexByte(b[:n], '\\') >= 0 {
		return -1
	}
	return n
}

func (h *Hasher) array() (element, bool) {
	s := &h.scanner
	if !s.open('[') {
		return element{}, false
	}
	y := h.level(s.depth).y
	if s.close(']') {
		return y, true
	}
	for sum := y; ; {
		value, ok := h.value()
		if !ok {
			return element{}, false
		}
		sum = sum.plusTimes(value, y)
		if !s.accept(',') {
			return sum, s.close(']')
		}
	}
}

func (h *Hasher) object() (element, bool) {
	s, outer := &h.scanner, len(h.members)
	if !s.open('{') {
		return element{}, false
	}
	key := h.level(s.depth)
	if s.close('}') {
		return key.x, true
	}
	for {
		name, ok := h.quoted()
		if !ok || !s.accept(':') {
			return element{}, false
		}
		value, ok := h.value()
		if !ok {
			return element{}, false
		}
		if len(h.members) == cap(h.members) {
			h.members = slices.Grow(h.members, len(h.members)+8) // append would copy large slices more often
		}
		h.members = append(h.members, member{name.plusTimes(key.x, key.y), value})
		if !s.accept(',') {
			break
		}
	}
	product := h.multiplyMembers(key.x, h.members[outer:])
	h.members = h.members[:outer]
	return product, s.close('}')
}
