package mistralobs

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// digest stands for what a JSON value means: values that differ in the order of
// names, in white space, in escapes or in how a number is written (1, 1.0, 10e-1)
// have the same one. Numbers are not rounded. Names that stand twice count twice.
type digest [sha256.Size]byte

// digestOf returns the digest of valid JSON.
func digestOf(raw []byte) digest {
	s := scanner{data: raw}
	return sha256.Sum256(s.appendMeaning(nil))
}

// appendMeaning reads a value and appends an encoding of its meaning: equal
// meanings are equal bytes, and no two values' bytes can be mistaken for each other.
func (s *scanner) appendMeaning(dst []byte) []byte {
	switch c := s.peek(); {
	case c == '{':
		return s.appendObject(dst)
	case c == '[':
		dst = append(dst, '[')
		s.array(func() bool {
			dst = s.appendMeaning(dst)
			return true
		})
		return append(dst, ']')
	case c == '"':
		raw, _ := s.raw()
		return appendText(dst, raw)
	case c == '-' || isDigit(c):
		raw, _ := s.raw()
		return appendSized(append(dst, '0'), canonicalNumber(string(raw)))
	}
	raw, _ := s.raw()
	return append(dst, raw[:min(1, len(raw))]...) // t, f or n
}

// appendObject appends the members in the order of their names, whatever it was.
func (s *scanner) appendObject(dst []byte) []byte {
	dst = append(dst, '{')
	start := len(dst)
	var ends []int // of each member, in dst
	s.list('{', '}', func() bool {
		s.space()
		from := s.pos
		s.quoted()
		dst = appendText(dst, s.data[from:s.pos])
		s.take(':')
		dst = s.appendMeaning(dst)
		ends = append(ends, len(dst))
		return true
	})
	members := make([][]byte, len(ends))
	for i, end := range ends {
		members[i] = dst[start:end]
		start = end
	}
	if !slices.IsSortedFunc(members, bytes.Compare) {
		slices.SortStableFunc(members, bytes.Compare)
		sorted := slices.Concat(members...)
		copy(dst[len(dst)-len(sorted):], sorted)
	}
	return append(dst, '}')
}

// appendText appends what a string says. One that is no Unicode says what it is written as.
func appendText(dst, quoted []byte) []byte {
	if inner := quoted[1 : len(quoted)-1]; isLiteral(inner) {
		return appendSized(append(dst, '"'), inner)
	}
	text, err := jsontext.AppendUnquote(nil, quoted)
	if err != nil {
		return appendSized(append(dst, '\''), quoted)
	}
	return appendSized(append(dst, '"'), text)
}

func appendSized[T string | []byte](dst []byte, content T) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(content))), content...)
}

// canonicalNumber writes a JSON number in the one way that all equal ones are
// written: its digits without zeros at the ends, and an exponent.
func canonicalNumber(text string) string {
	mantissa, exponentText, _ := strings.Cut(strings.ToLower(text), "e")
	exponent, err := strconv.ParseInt(cmp.Or(exponentText, "0"), 10, 64)
	if err != nil {
		return text // an exponent of more than 63 bits: equal only to itself
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	trimmed := strings.TrimRight(digits, "0")
	if trimmed == "" {
		return "0"
	}
	exponent += int64(len(digits)-len(trimmed)) - int64(len(fraction))
	sign := ""
	if negative {
		sign = "-"
	}
	return sign + trimmed + "e" + strconv.FormatInt(exponent, 10)
}

// SyncDifference is a place where a record differs from what is wanted.
type SyncDifference struct {
	Path string `json:"path"`          // such as payload.messages[0].content
	Old  string `json:"old,omitempty"` // JSON, shortened if it is long; "" if there was nothing
	New  string `json:"new,omitempty"` // likewise; "" if there will be nothing
}

// String returns the difference as "path: old -> new".
func (d SyncDifference) String() string {
	return fmt.Sprintf("%s: %s -> %s", d.Path, cmp.Or(d.Old, "nothing"), cmp.Or(d.New, "nothing"))
}

// maxDifferences is how many are told of one record.
const maxDifferences = 3

// differences returns the first differences between two objects that differ.
func differences(path string, before, after Object) []SyncDifference {
	var a, b any
	if before.Decode(&a) != nil || after.Decode(&b) != nil {
		a, b = before.String(), after.String() // not to be decoded: shown as they are
	}
	found := compare(nil, path, a, b)
	if len(found) == 0 { // in names that stand twice, or text that is no Unicode
		found = []SyncDifference{{path, shortened(before), shortened(after)}}
	}
	return found
}

// compare appends the differences between two decoded values, up to maxDifferences.
func compare(found []SyncDifference, path string, a, b any) []SyncDifference {
	if len(found) >= maxDifferences {
		return found
	}
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			for _, name := range slices.Sorted(maps.Keys(union(x, y))) {
				found = compare(found, path+"."+name, valueOf(x, name), valueOf(y, name))
			}
			return found
		}
	case []any:
		if y, ok := b.([]any); ok {
			for i := range max(len(x), len(y)) {
				found = compare(found, fmt.Sprintf("%s[%d]", path, i), element(x, i), element(y, i))
			}
			return found
		}
	}
	if old, now := jsonText(a), jsonText(b); old == "" || now == "" || digestOf([]byte(old)) != digestOf([]byte(now)) {
		if old != now {
			found = append(found, SyncDifference{path, shortened([]byte(old)), shortened([]byte(now))})
		}
	}
	return found
}

// nothing is what stands where only the other side has a value.
type nothing struct{}

func valueOf(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return nothing{}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return nothing{}
}

func union(a, b map[string]any) map[string]any {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// jsonText returns a decoded value as JSON, and nothing as "".
func jsonText(v any) string {
	if _, absent := v.(nothing); absent {
		return ""
	}
	raw, err := marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

// maxShown is how much of a value is shown.
const maxShown = 60

func shortened(raw []byte) string {
	var compact bytes.Buffer
	if json.Compact(&compact, raw) == nil {
		raw = compact.Bytes()
	}
	runes := []rune(strings.ToValidUTF8(string(raw), "\uFFFD"))
	if len(runes) <= maxShown {
		return string(runes)
	}
	return string(runes[:maxShown]) + "…"
}
