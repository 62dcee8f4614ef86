package datasetsync

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The digests of two numbers are equal if and only if the numbers are.
func TestNumbers(t *testing.T) {
	t.Parallel()
	nines, zeros := strings.Repeat("9", 40), strings.Repeat("0", 40)
	seen := map[digest]string{}
	for _, equal := range [][]string{
		{"0", "-0", "0.0", "-0.000e7", "0e99", "-0e-99999999999999999999"}, {"1", "1.0", "1e0", "10e-1", "0.1E+1", "100e-02"},
		{"-1", "-1.00"}, {"10", "1e1"}, {"0.1", "1e-1"}, {"-120", "-12e1"}, {"0.00120", "12e-4"}, {"12.50E+3", "125e2"},
		{"9007199254740992"}, {"9007199254740993", "9007199254740993.0"},
		{"123456789012345678", "123456789012345678000e-3", "0.00123456789012345678e20"},
		{"1234567890123456789", "123456789012345678.9e1"}, {"-1234567890123456789"},
		{"1234567890123456780", "123456789012345678e1"}, {"12345678901234567809"}, {"1234567890123456789" + zeros + "1"},
		{"1" + zeros + "1"}, {"1" + zeros[1:] + "1"}, {"1" + zeros, "0." + zeros + "1e81"},
		{"1." + zeros + "1", "1" + zeros + "1e-41"}, {nines, nines + ".0", "0." + nines + "e40"}, {nines[1:]},
		{nines + "8"}, {"1" + zeros[:17] + "05"}, {"1" + zeros[:17] + "5"},
		{"1e400", "10e399"}, {"1e401"}, {"1e-400"}, {"-1e400"},
		{"1e1000000000", "0.1e1000000001"}, {"1e1000000001", "10e1000000000"}, {"-1e1000000001"}, {"1e-1000000001"},
		{"1e-1000000000", "100e-1000000002"}, {"12e1000000001"}, {nines + "e1000000001"},
		{"1e9223372036854775808", "10e9223372036854775807", "0.1e+009223372036854775809"}, {"1e9223372036854775807"},
		{"1e999999999999999999", "0.1e1000000000000000000"}, {"1e-999999999999999999", "10e-1000000000000000000"},
		{"1e1" + zeros, "10e" + nines, "1000e" + nines[:39] + "7"}, {"1e" + nines},
		{"1e-" + nines, "0.1e-" + nines[:39] + "8"}, {"1e-9" + zeros[1:] + "1", "0.1e-9" + zeros},
	} {
		d := digestOf([]byte(equal[0]))
		assert.Empty(t, seen[d], equal[0])
		seen[d] = equal[0]
		for _, number := range equal {
			assert.Equal(t, d, digestOf([]byte(number)), "%s and %s", equal[0], number)
			assert.Equal(t, canonicalNumber(equal[0]), canonicalNumber(number))
		}
	}
}

// canonicalNumber returns a number in the one form that all equal numbers have.
func canonicalNumber(number string) string {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(number), "e")
	digits, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	digits = strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return "0"
	}
	trimmed := strings.TrimRight(digits, "0")
	sum, _ := new(big.Int).SetString("0"+exponent, 10)
	if sum == nil { // it has a sign
		sum, _ = new(big.Int).SetString(exponent, 10)
	}
	sum.Add(sum, big.NewInt(int64(len(digits)-len(trimmed)-len(fraction))))
	if negative {
		trimmed = "-" + trimmed
	}
	return trimmed + "e" + sum.String()
}

func FuzzNumber(f *testing.F) {
	for _, pair := range [][2]string{{"1", "1.0"}, {"-0", "0"}, {"12.50", "1250e-2"}, {"1e3", "1000"},
		{"0.001", "1e-3"}, {"9007199254740993", "9007199254740992"}, {"1234567890123456789e2", "123456789012345678900"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := rational(a), rational(b)
		if x == nil || y == nil {
			return
		}
		assert.Equal(t, x.Cmp(y) == 0, canonicalNumber(a) == canonicalNumber(b), "%s and %s", a, b)
		assert.Equal(t, x.Cmp(y) == 0, digestOf([]byte(a)) == digestOf([]byte(b)), "%s and %s", a, b)
	})
}

// An exponent may have up to maxExponent digits.
func FuzzExponent(f *testing.F) {
	f.Add("999999999999999999", int64(1))
	f.Add("-1000000000000000000", int64(1))
	f.Add("1000000000000000000", int64(-1))
	f.Add("+00099999999999999999999999999999999", int64(999))
	f.Fuzz(func(t *testing.T, exponent string, shift int64) {
		want, ok := new(big.Int).SetString(exponent, 10)
		if shift %= 1e9; !ok || strings.Contains(exponent, "_") || len(exponent) > maxExponent {
			return
		}
		want.Add(want, big.NewInt(shift))
		assert.Equal(t, want.String(), string(appendSum(nil, exponent, shift)))
	})
}

// rational returns nil for text that is not a JSON number, and for numbers that are too large to
// calculate with.
func rational(text string) *big.Rat {
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if e, _ := strconv.Atoi(exponent); len(text) > 100 || len(exponent) > 4 || e > 999 || e < -999 {
		return nil
	}
	if c := append([]byte(text), ' ')[0]; !valid(text) || c != '-' && (c < '0' || c > '9') {
		return nil
	}
	number, _ := new(big.Rat).SetString(text)
	return number
}
