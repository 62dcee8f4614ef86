package jsonscan

import (
	"encoding/binary"
	"math/bits"
)

// element is an integer modulo the prime 2^127-1. It is at most the prime, so zero has two forms.
type element struct{ hi, lo uint64 }

// keyBits is the number of random bits of an element that is a key. The product of such a key and any 128-bit number
// is less than 2^252, which leaves room for sums that are not reduced.
const keyBits = 124

const low63 = 1<<63 - 1

// fold returns a number below 2^128-1 modulo the prime, to which 2^127 is 1.
func fold(hi, lo uint64) element {
	lo, carry := bits.Add64(lo, hi>>63, 0)
	return element{hi&low63 + carry, lo}
}

func (a element) plus(b element) element {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return fold(a.hi+b.hi+carry, lo)
}

// plusTimes returns (a+b)·key.
func (a element) plusTimes(b, key element) element {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return fold(multiply(a.hi+b.hi+carry, lo, key))
}

func (a element) times(b element) element { return fold(multiply(a.hi, a.lo, b)) }

// multiply returns a number that is the product of a and b modulo the prime. The product must be less than 2^254. If
// it is less than 2^252, the result is less than 2^127 + 2^125.
func multiply(hi, lo uint64, b element) (uint64, uint64) {
	r1, r0 := bits.Mul64(lo, b.lo)
	r3, r2 := bits.Mul64(hi, b.hi)
	h, l := bits.Mul64(lo, b.hi)
	r1, carry := bits.Add64(r1, l, 0)
	r2, carry = bits.Add64(r2, h, carry)
	r3 += carry
	h, l = bits.Mul64(hi, b.lo)
	r1, carry = bits.Add64(r1, l, 0)
	r2, carry = bits.Add64(r2, h, carry)
	r3 += carry
	lo, carry = bits.Add64(r0, r2<<1|r1>>63, 0) // the lowest 127 bits and the others
	return r1&low63 + (r3<<1 | r2>>63) + carry, lo
}

// bytes returns the same bytes for both forms of zero.
func (a element) bytes() (b [16]byte) {
	if a == (element{low63, 1<<64 - 1}) {
		a = element{}
	}
	binary.BigEndian.PutUint64(b[:], a.hi)
	binary.BigEndian.PutUint64(b[8:], a.lo)
	return b
}
