package jsonscan

import (
	"bytes"
	"slices"
	"strconv"
)

// maxExponent is the largest absolute exponent of ten that is hashed with the last digits.
const maxExponent = 1e9

// number reads a number and returns its hash: that of its digits without zeros at either end, its sign, and the
// exponent of ten of the last digit.
func (h *Hasher) number() element {
	rest := h.scanner.data[h.scanner.pos:]
	last := element{hi: markNumber << markShift}
	if rest[0] == '-' {
		last.hi |= 1 << 40
		rest = rest[1:]
	}
	sum, chunk, count, shift, n := h.digits(rest)
	rest = rest[n:]
	text := exponentText(rest)
	h.scanner.pos = len(h.scanner.data) - len(rest) + len(text)
	if count == 0 {
		return element{hi: markNumber << markShift} // zero, with any sign
	}
	last.hi |= count << 32
	last.lo = chunk
	exponent, ok := smallExponent(text)
	if exponent += shift; ok && -maxExponent <= exponent && exponent <= maxExponent {
		last.hi |= uint64(uint32(exponent))
		return sum.plus(last)
	}
	last.hi |= 1 << 41
	h.scratch = appendExponent(h.scratch[:0], text, shift)
	return h.text.hash(sum.plusTimes(last, h.text.t), h.scratch, markExponent)
}

// chunkDigits is the number of digits that are hashed at once.
const chunkDigits = 18

// digits reads n bytes of a number, up to its exponent. The last chunk has count digits, and no zero at its end. count
// is 0 if the number is zero. sum is the hash of all digits before, times the key. The last digit counts 10^shift.
func (h *Hasher) digits(b []byte) (sum element, chunk, count uint64, shift int64, n int) {
	zeros, point := 0, 0
	for ; n < len(b); n++ {
		if c := b[n]; c == '0' {
			zeros++ // they count if another digit follows
		} else if isDigit(c) {
			if count == 0 {
				zeros = 0
			}
			for zeros++; zeros > 0; zeros-- {
				if count == chunkDigits {
					sum = sum.plusTimes(element{fullBlock, chunk}, h.text.t)
					chunk, count = 0, 0
				}
				chunk *= 10
				count++
			}
			chunk += uint64(c - '0')
		} else if c == '.' {
			point = n + 1
		} else {
			break
		}
	}
	if point > 0 {
		shift = int64(point - n)
	}
	return sum, chunk, count, shift + int64(zeros), n
}

// exponentText returns the exponent of a number, with its e, of which b is the rest. It returns nil if there is none.
func exponentText(b []byte) []byte {
	if len(b) == 0 || b[0] != 'e' && b[0] != 'E' {
		return nil
	}
	n := 1
	for n < len(b) && (isDigit(b[n]) || b[n] == '-' || b[n] == '+') {
		n++
	}
	return b[:n]
}

// maxSmallExponent is a number of digits that fit into an int64, with room for an addition.
const maxSmallExponent = 18

// smallExponent returns an exponent as a number, and false if it has too many digits.
func smallExponent(text []byte) (n int64, ok bool) {
	digits, negative := exponentDigits(text)
	if len(digits) > maxSmallExponent {
		return 0, false
	}
	for _, c := range digits {
		n = n*10 + int64(c-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// exponentDigits returns the digits of an exponent, without zeros at the start.
func exponentDigits(text []byte) (digits []byte, negative bool) {
	for i, c := range text {
		if negative = negative || c == '-'; '1' <= c && c <= '9' {
			return text[i:], negative
		}
	}
	return nil, false
}

// appendExponent appends the sum of an exponent, which may have any number of digits, and shift.
func appendExponent(dst, text []byte, shift int64) []byte {
	if n, ok := smallExponent(text); ok {
		return strconv.AppendInt(dst, n+shift, 10)
	}
	digits, negative := exponentDigits(text)
	if negative {
		return appendSum(append(dst, '-'), digits, int(-shift))
	}
	return appendSum(dst, digits, int(shift))
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
