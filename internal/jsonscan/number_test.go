package jsonscan

import (
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAppendNumber(t *testing.T) {
	t.Parallel()
	zeros := strings.Repeat("0", 30)
	for _, test := range []struct{ number, want string }{
		{number: "0", want: "0"},
		{number: "-0.00e7", want: "0"},
		{number: "1", want: "1e0"},
		{number: "-120", want: "-12e1"},
		{number: "0.00120", want: "12e-4"},
		{number: "12.50E+3", want: "125e2"},
		{number: "9007199254740993", want: "9007199254740993e0"},
		{number: "1e-7", want: "1e-7"},
		{number: "1000e999999999999999998", want: "1e1000000000000000001"},
		{number: "0.1e1000000000000000000", want: "1e999999999999999999"},
		{number: "10e9" + zeros, want: "1e9" + zeros[1:] + "1"},
		{number: "0.1e-9" + zeros, want: "1e-9" + zeros[1:] + "1"},
		{number: "10e" + strings.Repeat("9", 30), want: "1e1" + zeros},
	} {
		assert.Equal(t, test.want, string(appendNumber(nil, []byte(test.number))), test.number)
	}
}

// The canonical forms of two numbers are equal if and only if the numbers are.
func FuzzCanonicalNumber(f *testing.F) {
	for _, pair := range [][2]string{{"1", "1.0"}, {"-0", "0"}, {"12.50", "1250e-2"}, {"1e3", "1000"},
		{"0.001", "1e-3"}, {"9007199254740993", "9007199254740992"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := rational(a), rational(b)
		if x == nil || y == nil {
			return
		}
		c, d := string(appendNumber(nil, []byte(a))), string(appendNumber(nil, []byte(b)))
		assert.Equal(t, x.Cmp(y) == 0, c == d, "%s is %s, %s is %s", a, c, b, d)
	})
}

// An exponent may have any number of digits.
func FuzzExponent(f *testing.F) {
	f.Add("999999999999999999", int64(1))
	f.Add("-1000000000000000000", int64(1))
	f.Add("1000000000000000000", int64(-1))
	f.Add("+00099999999999999999999999999999999", int64(999))
	f.Fuzz(func(t *testing.T, exponent string, shift int64) {
		want, ok := new(big.Int).SetString(exponent, 10)
		if shift %= 1e9; !ok || strings.Contains(exponent, "_") {
			return
		}
		want.Add(want, big.NewInt(shift))
		assert.Equal(t, want.String(), string(appendExponent(nil, []byte(exponent), int(shift))))
	})
}

// rational returns nil for text that is not a JSON number, and for numbers that are too large to calculate with.
func rational(text string) *big.Rat {
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if e, _ := strconv.Atoi(exponent); len(text) > 100 || len(exponent) > 4 || e > 999 || e < -999 {
		return nil
	}
	if c := append([]byte(text), ' ')[0]; !Valid([]byte(text)) || c != '-' && !isDigit(c) {
		return nil
	}
	number, _ := new(big.Rat).SetString(text)
	return number
}
