package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// blockSize is how many bytes an element holds beside its mark.
const blockSize = 15

const markShift = 56 // in the higher half of an element

const (
	fullBlock  = 1 << markShift // the mark of a block that is followed by others
	longText   = 2 << markShift // the mark of the length of a long text
	minLong    = 128            // the length from which a text is long
	groupWords = 32             // at most, in a group of a long text
)

// textKey is the key of texts.
type textKey struct {
	t     element
	words [groupWords + 2]uint64
}

// hash returns the hash of bytes as a polynomial in the key t. It begins with the element before. Its coefficients are
// the blocks of the content, each with a mark: that of a fullBlock, or for the last block last plus the number of its
// bytes. So different contents, and contents with different values of last, have different polynomials. A long text has
// its length as the first coefficient, and two coefficients for each group of up to 256 bytes.
func (k *textKey) hash(before element, content []byte, last byte) element {
	if len(content) >= minLong {
		before = before.plusTimes(element{longText, uint64(len(content))}, k.t)
		for len(content) >= 32 {
			n := min(len(content)&^31, 8*groupWords)
			a, b := k.group(content[:n])
			before = before.plusTimes(a, k.t).plusTimes(b, k.t)
			content = content[n:]
		}
	}
	hi, lo := before.hi, before.lo // less than 2^127 + 2^125, to which any block can be added
	for ; len(content) > blockSize; content = content[blockSize:] {
		var carry uint64
		lo, carry = bits.Add64(lo, binary.LittleEndian.Uint64(content), 0)
		hi += binary.LittleEndian.Uint64(content[8:])&(fullBlock-1) | fullBlock + carry
		hi, lo = multiply(hi, lo, k.t)
	}
	mark := uint64(last+byte(len(content))) << markShift
	return fold(hi, lo).plus(lastBlock(content, mark))
}

// group returns two hashes of bytes, whose number is a multiple of 32. Each is the sum of (w1+k1)·(w2+k2) for the pairs
// of words w, where the keys k of the second hash are those of the next pair. This is the function NH of UMAC: for two
// contents of the same length, both sums are the same modulo 2^128 with probability 2^-128. Modulo the prime there are
// five differences that count as zero, so that probability is 25/2^128.
func (k *textKey) group(content []byte) (a, b element) {
	for i := 0; len(content) >= 32; i, content = i+4, content[32:] {
		keys := (*[6]uint64)(k.words[i:])
		w0, w1 := binary.LittleEndian.Uint64(content), binary.LittleEndian.Uint64(content[8:])
		w2, w3 := binary.LittleEndian.Uint64(content[16:]), binary.LittleEndian.Uint64(content[24:])
		a = addProduct(a, w0+keys[0], w1+keys[1])
		b = addProduct(b, w0+keys[2], w1+keys[3])
		a = addProduct(a, w2+keys[2], w3+keys[3])
		b = addProduct(b, w2+keys[4], w3+keys[5])
	}
	return fold(a.hi, a.lo), fold(b.hi, b.lo)
}

// addProduct returns a number plus x·y, modulo 2^128.
func addProduct(sum element, x, y uint64) element {
	hi, lo := bits.Mul64(x, y)
	lo, carry := bits.Add64(sum.lo, lo, 0)
	return element{sum.hi + hi + carry, lo}
}

// lastBlock returns at most blockSize bytes with a mark.
func lastBlock(content []byte, mark uint64) (e element) {
	e.hi = mark
	switch n := len(content); {
	case n >= 8:
		e.lo = binary.LittleEndian.Uint64(content)
		e.hi |= binary.LittleEndian.Uint64(content[n-8:]) >> (8 * (16 - n))
	case n >= 4:
		e.lo = uint64(binary.LittleEndian.Uint32(content))
		e.lo |= uint64(binary.LittleEndian.Uint32(content[n-4:])) << (8 * (n - 4))
	case n > 0: // the first, the middle and the last byte, which may be the same
		e.lo = uint64(content[0]) | uint64(content[n/2])<<(8*(n/2)) | uint64(content[n-1])<<(8*(n-1))
	}
	return e
}
