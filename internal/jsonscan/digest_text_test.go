package jsonscan

import (
	"encoding/binary"
	"math/big"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The hash of a text is the polynomial that the comments describe.
func TestTextKey(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 8))
	k := textKey{t: element{random.Uint64() >> (128 - keyBits), random.Uint64()}}
	for i := range k.words {
		k.words[i] = random.Uint64()
	}
	for n := range 700 {
		content := make([]byte, n)
		for i := range content {
			content[i] = byte(random.Uint32() >> bits.Len(uint(i))) // also many zeros
		}
		if n%3 == 0 {
			content = slices.Repeat([]byte{0xFF}, n)
		}
		before := fold(random.Uint64(), random.Uint64())
		want, rest := before.integer(), content
		add := func(coefficient *big.Int) { want.Add(want, coefficient).Mul(want, k.t.integer()) }
		if n >= minLong {
			add(new(big.Int).Add(integer(longText, 0), big.NewInt(int64(n))))
			for ; len(rest) >= 32; rest = rest[min(len(rest)/32*32, 256):] {
				group := rest[:min(len(rest)/32*32, 256)]
				add(innerProduct(group, k.words[:]))
				add(innerProduct(group, k.words[2:]))
			}
		}
		for ; len(rest) > blockSize; rest = rest[blockSize:] {
			add(markedBlock(rest[:blockSize], 1))
		}
		want.Add(want, markedBlock(rest, byte(markText+len(rest))))
		hash := k.hash(before, content, markText).bytes()
		assert.Equal(t, want.Mod(want, prime).FillBytes(make([]byte, 16)), hash[:])
	}
}

// innerProduct returns the sum of (w1+k1)·(w2+k2) for the pairs of words in content, modulo 2^128.
func innerProduct(content []byte, keys []uint64) *big.Int {
	sum := new(big.Int)
	for i := 0; i < len(content)/8; i += 2 {
		x := binary.LittleEndian.Uint64(content[8*i:]) + keys[i]
		y := binary.LittleEndian.Uint64(content[8*i+8:]) + keys[i+1]
		sum.Add(sum, new(big.Int).Mul(integer(0, x), integer(0, y)))
	}
	return sum.Mod(sum, integer(1<<63, 0).Lsh(integer(1<<63, 0), 1))
}

// markedBlock returns the number whose highest byte is the mark, before the bytes of the block in reverse.
func markedBlock(block []byte, mark byte) *big.Int {
	digits := slices.Clone(block)
	digits = append(digits, make([]byte, blockSize-len(block))...)
	digits = append(digits, mark)
	slices.Reverse(digits)
	return new(big.Int).SetBytes(digits)
}
