package datasetsync

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// Difference is a value of a record that differs from the value in the wanted record. Without
// [Options.Full], long values are shortened to the part around their first difference.
type Difference struct {
	Path string `json:"path"`          // such as payload.messages[0].content
	Old  string `json:"old,omitempty"` // the value in the dataset as JSON, "" if there is none
	New  string `json:"new,omitempty"` // the wanted value as JSON, "" if there is none
}

// String returns the difference as "path: old -> new".
func (d Difference) String() string {
	before, after := cmp.Or(d.Old, "nothing"), cmp.Or(d.New, "nothing")
	return fmt.Sprintf("%s: %s -> %s", visible(d.Path), visible(before), visible(after))
}

// maxDifferences is the largest number of differences of a payload, or of properties, without
// Options.Full.
const maxDifferences = 3

// comparison collects the differences between two objects.
type comparison struct {
	full  bool
	path  []string // the parts of the path of the values that are compared
	found []Difference
	more  int // the number of differences that were left out
}

// none stands for a value that is absent.
type none struct{}

// differences returns the differences between two objects that differ, and how many it left out. It
// compares decoded values, in which text that is not Unicode has lost its difference. If there is
// no other, it returns both objects.
func differences(path string, before, after mistralobs.Object, full bool) ([]Difference, int) {
	c := comparison{full: full, path: []string{path}}
	var a, b any
	if before.Decode(&a) == nil && after.Decode(&b) == nil {
		c.compare(a, b)
	}
	if len(c.found) == 0 {
		c.add(visible(compact(before)), visible(compact(after)))
	}
	return c.found, c.more
}

func (c *comparison) add(before, after string) {
	if len(c.found) >= maxDifferences && !c.full {
		c.more++
		return
	}
	path := strings.Join(c.path, "")
	if !c.full {
		path = shorten(path)
		before, after = window(before, after)
	}
	c.found = append(c.found, Difference{path, before, after})
}

func (c *comparison) compare(before, after any) {
	switch a := before.(type) {
	case map[string]any:
		if b, ok := after.(map[string]any); ok {
			c.compareMembers(a, b)
			return
		}
	case []any:
		if b, ok := after.([]any); ok {
			for i := range max(len(a), len(b)) {
				c.compareAt(fmt.Sprintf("[%d]", i), elementOf(a, i), elementOf(b, i))
			}
			return
		}
	case json.Number:
		b, ok := after.(json.Number)
		if ok && string(appendNumber(nil, a.String())) == string(appendNumber(nil, b.String())) {
			return
		}
	default:
		if a == after {
			return
		}
	}
	c.add(textOf(before), textOf(after))
}

func (c *comparison) compareMembers(a, b map[string]any) {
	all := maps.Clone(a)
	maps.Copy(all, b)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c.compareAt(step(name), memberOf(a, name), memberOf(b, name))
	}
}

// compareAt compares two values whose path has one more part.
func (c *comparison) compareAt(part string, a, b any) {
	c.path = append(c.path, part)
	c.compare(a, b)
	c.path = c.path[:len(c.path)-1]
}

func memberOf(object map[string]any, name string) any {
	if value, ok := object[name]; ok {
		return value
	}
	return none{}
}

func elementOf(array []any, i int) any {
	if i < len(array) {
		return array[i]
	}
	return none{}
}

// textOf returns a value as JSON, and an absent one as "".
func textOf(value any) string {
	if value == (none{}) {
		return ""
	}
	text, err := marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// step returns the part of a path that a name adds. It quotes names that are not plain words.
func step(name string) string {
	special := func(r rune) bool {
		return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if name != "" && !strings.ContainsFunc(name, special) {
		return "." + name
	}
	return "[" + strconv.Quote(name) + "]"
}

// marshal is json.Marshal without the escaping of <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// compact returns JSON without white space.
func compact(raw []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) == nil {
		raw = b.Bytes()
	}
	return string(raw)
}

// The size of the part of a long value that is shown, in characters.
const (
	maxShown      = 60
	shownInCommon = 20 // before the first difference
)

// window returns the parts of two values around their first difference.
func window(before, after string) (string, string) {
	a, b := []rune(before), []rune(after)
	common := 0
	for common < min(len(a), len(b)) && a[common] == b[common] {
		common++
	}
	start := 0
	if max(len(a), len(b)) > maxShown {
		start = max(0, common-shownInCommon)
	}
	return cut(a, start), cut(b, start)
}

func cut(text []rune, start int) string {
	if len(text) == 0 {
		return ""
	}
	start = min(start, len(text)-1)
	end := min(len(text), start+maxShown)
	var b strings.Builder
	if start > 0 {
		b.WriteString("…")
	}
	b.WriteString(string(text[start:end]))
	if end < len(text) {
		b.WriteString("…")
	}
	return b.String()
}
