package jsonscan

import (
	"bytes"
	"encoding/binary"
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
	d, shift, n := h.digits(rest)
	rest = rest[n:]
	text := exponentText(rest)
	h.scanner.pos = len(h.scanner.data) - len(rest) + len(text)
	if d.count == 0 {
		return element{hi: markNumber << markShift} // zero, with any sign
	}
	last.hi |= d.count << 32
	last.lo = d.chunk
	exponent, ok := smallExponent(text)
	if exponent += shift; ok && -maxExponent <= exponent && exponent <= maxExponent {
		last.hi |= uint64(uint32(exponent))
		return d.sum.plus(last)
	}
	last.hi |= 1 << 41
	h.scratch = appendExponent(h.scratch[:0], text, shift)
	return h.text.hash(d.sum.plusTimes(last, h.text.t), h.scratch, markExponent)
}

// chunkDigits is the number of digits that are hashed at once: those that fit into a word, in steps of eight.
const chunkDigits = 16

// digits are the digits of a number, without zeros at either end.
type digits struct {
	sum   element // the hash of all chunks before the last, times the key
	chunk uint64  // the last digits
	count uint64  // how many they are; 0 if the number is zero
}

// plus returns the digits with one or eight more.
func (d digits) plus(value, scale, count uint64, key element) digits {
	if d.count == chunkDigits {
		d.sum = d.sum.plusTimes(element{fullBlock, d.chunk}, key)
		d.chunk, d.count = 0, 0
	}
	return digits{d.sum, d.chunk*scale + value, d.count + count}
}

// digits reads n bytes of a number, up to its exponent. The last digit counts 10^shift.
func (h *Hasher) digits(b []byte) (d digits, shift int64, n int) {
	zeros, point := 0, 0 // zeros count if another digit follows
	for ; n < len(b); n++ {
		if d.count%8 == 0 && zeros == 0 && n+8 <= len(b) && b[n+7]-'1' < 9 {
			if eight, ok := eightDigits(b[n:]); ok {
				d = d.plus(eight, 1e8, 8, h.text.t)
				n += 7
				continue
			}
		}
		switch digit := uint64(b[n] - '0'); {
		case digit-1 < 9 && zeros == 0 && d.count < chunkDigits: // nearly all digits
			d.chunk, d.count = d.chunk*10+digit, d.count+1
		case digit == 0:
			zeros++
		case digit < 10:
			for ; zeros > 0 && d.count > 0; zeros-- {
				d = d.plus(0, 10, 1, h.text.t)
			}
			zeros = 0
			d = d.plus(digit, 10, 1, h.text.t)
		case b[n] == '.':
			point = n + 1
		default:
			return d, shiftOf(n, point, zeros), n
		}
	}
	return d, shiftOf(n, point, zeros), n
}

// shiftOf returns the exponent of ten of the last digit before zeros, in a number of n bytes.
func shiftOf(n, point, zeros int) int64 {
	if point == 0 {
		return int64(zeros)
	}
	return int64(zeros + point - n)
}

// eightDigits returns the number that the first eight bytes of b are. It returns false if it begins with zero, or if
// they are not digits.
func eightDigits(b []byte) (uint64, bool) {
	word := binary.LittleEndian.Uint64(b)
	if b[0] == '0' || word&(0xF0*ones) != '0'*ones || (word+6*ones)&(0xF0*ones) != '0'*ones {
		return 0, false
	}
	word -= '0' * ones // the first digit is in the lowest byte
	word = word*10 + word>>8
	word = word&0x00FF00FF00FF00FF*100 + word>>16&0x00FF00FF00FF00FF
	return word&0xFFFF*10_000 + word>>32&0xFFFF, true
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
