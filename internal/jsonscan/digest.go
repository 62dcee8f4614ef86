package jsonscan

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"math/bits"
	"slices"
	"sync"
)

// Digest identifies the meaning of a JSON value. Values have the same digest if they differ only in the order of names,
// in white space, in escapes or in the form of numbers (1, 1.0, 10e-1). Numbers are not rounded, and -0 equals 0. If a
// name stands twice in an object, the last value counts.
//
// A digest is the first half of a SHA-256 hash, so every process computes the same one and nobody can construct two
// values that share it in fewer than about 2^64 attempts. The probability that any two of n unrelated values share a
// digest is about n²/2^129: less than 10^-25 for ten million values.
type Digest [16]byte

// DigestOf returns the digest of a value, which must be valid JSON. It takes time and memory that are proportional to
// the length of the value, whatever its shape.
func DigestOf(raw []byte) Digest {
	e := encoders.Get().(*encoder)
	defer e.release()
	e.scanner = New(raw)
	e.value()
	sum := sha256.Sum256(e.out)
	return Digest(sum[:len(Digest{})])
}

// AppendMeaning appends an encoding of a value's meaning to dst. Two values have the same encoding if and only if
// they have the same digest. The encoding has at most 520 bytes. The value must be valid JSON.
func AppendMeaning(dst, raw []byte) []byte {
	e := encoders.Get().(*encoder)
	defer e.release()
	e.scanner = New(raw)
	e.value()
	return append(dst, e.out...)
}

// maxEncoding is the length in bytes above which the encoding of a part is replaced by its hash. Without this limit,
// each level of nesting would copy all bytes inside it again.
const maxEncoding = 512

// The first byte of an encoding determines how to read the rest, so no encoding is a prefix of another. The literals
// true, false and null are encoded as their first letter.
const (
	tagObject     = '{' // members, sorted, then '}'
	tagArray      = '[' // elements, then ']'
	tagNumber     = '0' // canonical number, then ';'
	tagText       = '"' // length, then the decoded bytes
	tagBroken     = '?' // like tagText, for a string that contains half of a surrogate pair
	tagHash       = '#' // hash of a long object, array or number
	tagTextHash   = '$' // hash of a long tagText
	tagBrokenHash = '%' // hash of a long tagBroken
)

// encoder writes the encoding of one value.
type encoder struct {
	scanner Scanner
	out     []byte
	members []encodedMember // of every object that is being read, the innermost last
	scratch []byte
}

var encoders = sync.Pool{New: func() any { return new(encoder) }}

// maxKept bounds the memory in bytes that an unused encoder keeps.
const maxKept = 1 << 20

func (e *encoder) release() {
	if cap(e.out)+cap(e.scratch)+24*cap(e.members) > maxKept {
		return
	}
	*e = encoder{out: e.out[:0], members: e.members[:0], scratch: e.scratch[:0]}
	encoders.Put(e)
}

// value reads a value and appends its encoding. It returns false if the value is not valid JSON.
func (e *encoder) value() bool {
	s, start, ok := &e.scanner, len(e.out), false
	switch c := s.Peek(); {
	case c == '"':
		return e.text()
	case c == '{':
		ok = e.object()
	case c == '[':
		ok = e.array()
	case c == '-' || isDigit(c):
		from := s.pos
		ok = s.skipNumber()
		e.out = append(appendNumber(append(e.out, tagNumber), s.data[from:s.pos]), ';')
	default:
		e.out = append(e.out, c)
		return s.Skip()
	}
	if encoding := e.out[start:]; len(encoding) > maxEncoding {
		e.out = appendHash(e.out[:start], tagHash, encoding)
	}
	return ok
}

func appendHash(dst []byte, tag byte, content []byte) []byte {
	sum := sha256.Sum256(content)
	return append(append(dst, tag), sum[:]...)
}

func (e *encoder) array() bool {
	s := &e.scanner
	e.out = append(e.out, tagArray)
	if !s.open('[') {
		return false
	}
	for first := true; !s.close(']'); first = false {
		if !first && !s.accept(',') || !e.value() {
			return false
		}
	}
	e.out = append(e.out, ']')
	return true
}

// encodedMember is the place of a member in the output.
type encodedMember struct {
	hash         uint64 // of the name
	start        int
	name, length uint16 // lengths of the name and of the whole; both are encoded, so they are small
}

func (e *encoder) object() bool {
	s, outer := &e.scanner, len(e.members)
	e.out = append(e.out, tagObject)
	if !s.open('{') {
		return false
	}
	for !s.close('}') {
		if len(e.members) > outer && !s.accept(',') {
			return false
		}
		start := len(e.out)
		if !e.text() {
			return false
		}
		name := e.out[start:]
		m := encodedMember{hash: hashName(name), start: start, name: uint16(len(name))}
		if !s.accept(':') || !e.value() {
			return false
		}
		m.length = uint16(len(e.out) - start)
		e.members = append(e.members, m)
	}
	e.sortMembers(e.members[outer:])
	e.members = e.members[:outer]
	e.out = append(e.out, '}')
	return true
}

// sortMembers puts the members at the end of the output in the order of their hashes, which is the same for every
// order of the input. Of members with the same name, it keeps the last.
func (e *encoder) sortMembers(members []encodedMember) {
	if len(members) < 2 {
		return
	}
	start := members[0].start
	for bucket := range buckets(members) {
		slices.SortFunc(bucket, e.compare)
	}
	e.scratch = e.scratch[:0]
	for i, m := range members {
		if i+1 == len(members) || m.hash != members[i+1].hash || !bytes.Equal(e.name(m), e.name(members[i+1])) {
			e.scratch = append(e.scratch, e.out[m.start:m.start+int(m.length)]...)
		}
	}
	e.out = append(e.out[:start], e.scratch...)
}

func (e *encoder) compare(a, b encodedMember) int {
	if a.hash != b.hash {
		return cmp.Compare(a.hash, b.hash)
	}
	return cmp.Or(bytes.Compare(e.name(a), e.name(b)), cmp.Compare(a.start, b.start))
}

func (e *encoder) name(m encodedMember) []byte { return e.out[m.start : m.start+int(m.name)] }

// bucketSize is about how many members of a large object are sorted at once.
const bucketSize = 8

// buckets yields parts of members that only have to be sorted by themselves. It distributes a large number of members
// by the highest bits of their hashes, so that sorting takes time proportional to their number.
func buckets(members []encodedMember) iter.Seq[[]encodedMember] {
	return func(yield func([]encodedMember) bool) {
		if len(members) <= 4*bucketSize {
			yield(members)
			return
		}
		shift := bits.LeadingZeros64(uint64(len(members) / bucketSize))
		ends := make([]int, len(members)/bucketSize*2+1)
		for _, m := range members {
			ends[m.hash>>shift]++
		}
		sum := 0
		for i, n := range ends {
			ends[i] = sum // start of the bucket
			sum += n
		}
		sorted := make([]encodedMember, len(members))
		for _, m := range members {
			sorted[ends[m.hash>>shift]] = m
			ends[m.hash>>shift]++
		}
		copy(members, sorted)
		start := 0
		for _, end := range ends {
			if end-start > 1 && !yield(members[start:end]) {
				return
			}
			start = end
		}
	}
}

// hashName returns a hash that is the same in every process. Names with equal hashes cost time, nothing else.
func hashName(name []byte) uint64 {
	const prime = 0x9E3779B97F4A7C15
	h := uint64(len(name))
	for ; len(name) >= 8; name = name[8:] {
		h = bits.RotateLeft64((h^binary.LittleEndian.Uint64(name))*prime, 29)
	}
	for _, c := range name {
		h = (h ^ uint64(c)) * prime
	}
	return h ^ h>>32
}

// text reads a string and appends its encoding.
func (e *encoder) text() bool {
	content, ok := e.scanner.quoted()
	if !ok {
		return false
	}
	tag, hashTag := byte(tagText), byte(tagTextHash)
	if bytes.IndexByte(content, '\\') >= 0 {
		var broken bool
		e.scratch, broken = unescape(e.scratch[:0], content)
		if broken {
			tag, hashTag = tagBroken, tagBrokenHash
			marked := bytes.ReplaceAll(content, []byte{surrogateMark}, []byte{surrogateMark, surrogateMark})
			e.scratch, _ = unescape(e.scratch[:0], marked)
		}
		content = e.scratch
	}
	if len(content) > maxEncoding {
		e.out = appendHash(e.out, hashTag, content)
		return true
	}
	e.out = binary.AppendUvarint(append(e.out, tag), uint64(len(content)))
	e.out = append(e.out, content...)
	return true
}
