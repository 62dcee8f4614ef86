package jsonscan

import (
	"bytes"
	"slices"
	"strconv"
)

// appendNumber appends a JSON number in the one form that all equal numbers have: the digits without zeros at either
// end, and an exponent. It appends "0" for zero.
func appendNumber(dst, number []byte) []byte {
	start := len(dst)
	if number[0] == '-' {
		dst, number = append(dst, '-'), number[1:]
	}
	first, shift, fraction := len(dst), 0, false
	var exponent []byte
	for i, c := range number {
		if c == '.' {
			fraction = true
			continue
		}
		if c == 'e' || c == 'E' {
			exponent = number[i+1:]
			break
		}
		if fraction {
			shift--
		}
		if c != '0' || len(dst) > first {
			dst = append(dst, c)
		}
	}
	if len(dst) == first {
		return append(dst[:start], '0')
	}
	for ; dst[len(dst)-1] == '0'; dst = dst[:len(dst)-1] {
		shift++
	}
	return appendExponent(append(dst, 'e'), exponent, shift)
}

// maxSmallExponent is a number of digits that fit into an int64, with room for an addition.
const maxSmallExponent = 18

// appendExponent appends the sum of exponent, which may have any number of digits, and shift.
func appendExponent(dst, exponent []byte, shift int) []byte {
	if len(exponent) == 0 {
		return strconv.AppendInt(dst, int64(shift), 10)
	}
	digits, negative := bytes.CutPrefix(bytes.TrimPrefix(exponent, []byte{'+'}), []byte{'-'})
	digits = bytes.TrimLeft(digits, "0")
	if len(digits) > maxSmallExponent {
		if negative {
			return appendSum(append(dst, '-'), digits, -shift)
		}
		return appendSum(dst, digits, shift)
	}
	n := int64(0)
	for _, c := range digits {
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return strconv.AppendInt(dst, n+int64(shift), 10)
}

// appendSum appends the sum of a decimal number and a much smaller one, which may be negative.
func appendSum(dst, digits []byte, carry int) []byte {
	start := len(dst)
	dst = append(dst, digits...)
	for i := len(dst) - 1; i >= start && carry != 0; i-- {
		sum := int(dst[i]-'0') + carry
		digit := (sum%10 + 10) % 10
		dst[i] = byte('0' + digit)
		carry = (sum - digit) / 10
	}
	if carry > 0 {
		return slices.Insert(dst, start, '1')
	}
	return append(dst[:start], bytes.TrimLeft(dst[start:], "0")...)
}
