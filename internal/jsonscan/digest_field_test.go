package jsonscan

import (
	"math/big"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

var prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 127), big.NewInt(1))

func integer(hi, lo uint64) *big.Int {
	n := new(big.Int).SetUint64(hi)
	return n.Lsh(n, 64).Or(n, new(big.Int).SetUint64(lo))
}

func (a element) integer() *big.Int { return integer(a.hi, a.lo) }

// edges are 128-bit numbers near the places where a carry may be lost, and some random ones.
func edges() (numbers []element) {
	random := rand.New(rand.NewPCG(5, 6))
	words := []uint64{0, 1, low63 - 1, low63, low63 + 1, 1<<64 - 2, 1<<64 - 1, 1 << 61, random.Uint64(), random.Uint64()}
	for _, hi := range words {
		for _, lo := range words {
			if hi&lo < 1<<64-1 { // fold does not take 2^128-1
				numbers = append(numbers, element{hi, lo})
			}
		}
	}
	return numbers
}

// Sums and products are those of integers modulo the prime, and in range.
func TestElements(t *testing.T) {
	t.Parallel()
	residue := func(e element, bits int) *big.Int {
		n := e.integer()
		require.LessOrEqual(t, n.BitLen(), bits)
		return n.Mod(n, prime)
	}
	reduced := func(n *big.Int) *big.Int { return n.Mod(n, prime) }
	for _, a := range edges() {
		folded := fold(a.hi, a.lo)
		require.Equal(t, reduced(a.integer()), residue(folded, 127))
		bytes := folded.bytes()
		require.Equal(t, reduced(a.integer()).FillBytes(make([]byte, 16)), bytes[:])
		for _, b := range edges() {
			x, y := fold(a.hi, a.lo), fold(b.hi, b.lo)
			require.Equal(t, reduced(new(big.Int).Add(x.integer(), y.integer())), residue(x.plus(y), 127))
			require.Equal(t, reduced(new(big.Int).Mul(x.integer(), y.integer())), residue(x.times(y), 127))
			key := element{b.hi >> (128 - keyBits), b.lo}
			hi, lo := multiply(a.hi, a.lo, key)
			require.Equal(t, reduced(new(big.Int).Mul(a.integer(), key.integer())), residue(element{hi, lo}, 128))
			bound := new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 127), new(big.Int).Lsh(big.NewInt(1), 125))
			require.Negative(t, integer(hi, lo).Cmp(bound))
		}
	}
}
