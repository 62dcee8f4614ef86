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

// Difference is a value of a record that differs from the value in the wanted record. Without [Options.Full], long
// values are shortened to the part around their first difference.
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

// maxDifferences is the largest number of differences of a payload, or of properties, without Options.Full.
const maxDifferences = 3

// comparison collects the differences between two objects.
type comparison struct {
	digests *digester
	full    bool
	found   []Difference
	more    int // the number of differences that were left out
}

// differences returns the differences between two objects that differ, and how many it left out.
func (d *digester) differences(path string, before, after mistralobs.Object, full bool) ([]Difference, int) {
	c := comparison{digests: d, full: full}
	var a, b any
	if before.Decode(&a) == nil && after.Decode(&b) == nil {
		c.compare(path, a, b)
	}
	if len(c.found) == 0 { // they differ in what decoding hides, such as strings that are not valid Unicode
		c.add(path, compact(before), compact(after))
	}
	return c.found, c.more
}

func (c *comparison) add(path, before, after string) {
	if len(c.found) >= maxDifferences && !c.full {
		c.more++
		return
	}
	if !c.full {
		before, after = window(before, after)
	}
	c.found = append(c.found, Difference{path, before, after})
}

func (c *comparison) compare(path string, a, b any) {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			for _, name := range namesOf(x, y) {
				c.compare(path+step(name), valueOf(x, name), valueOf(y, name))
			}
			return
		}
	case []any:
		if y, ok := b.([]any); ok {
			for i := range max(len(x), len(y)) {
				c.compare(fmt.Sprintf("%s[%d]", path, i), element(x, i), element(y, i))
			}
			return
		}
	}
	before, after := jsonString(a), jsonString(b)
	if before != after && (before == "" || after == "" || !c.digests.equal([]byte(before), []byte(after))) {
		c.add(path, before, after)
	}
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

// absent is the value on the side that does not have the member or element.
type absent struct{}

func valueOf(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return absent{}
}

func element(list []any, i int) any {
	if i < len(list) {
		return list[i]
	}
	return absent{}
}

func namesOf(a, b map[string]any) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// jsonString returns a decoded value as JSON, and an absent one as "".
func jsonString(v any) string {
	if _, ok := v.(absent); ok {
		return ""
	}
	raw, err := marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

// marshal is json.Marshal without the escaping of <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

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
