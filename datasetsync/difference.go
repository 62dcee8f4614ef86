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
	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// Difference is a value of a record that differs from the value in the wanted record. Without [Options.Full], long
// values are shortened to the part around their first difference. Bytes that are not UTF-8 are written as \xff.
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
	path    []string // the parts of the path of the values that are compared
	found   []Difference
	more    int // the number of differences that were left out
}

// differences returns the differences between two objects that differ, and how many it left out.
func (d *digester) differences(path string, before, after mistralobs.Object, full bool) ([]Difference, int) {
	c := comparison{digests: d, full: full, path: []string{path}}
	a, okA := jsonscan.ParseTree(before)
	b, okB := jsonscan.ParseTree(after)
	if okA && okB {
		c.compare(a, b)
	}
	if len(c.found) == 0 { // nested too deep, too large, or without a difference that the comparison sees
		c.add(compact(before), compact(after))
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

// compare compares two values. An absent one is nil.
func (c *comparison) compare(a, b *jsonscan.Tree) {
	switch {
	case a != nil && b != nil && a.Members != nil && b.Members != nil:
		for _, name := range namesOf(a.Members, b.Members) {
			c.compareAt(step(name), a.Members[name], b.Members[name])
		}
	case a != nil && b != nil && a.Elements != nil && b.Elements != nil:
		for i := range max(len(a.Elements), len(b.Elements)) {
			c.compareAt(fmt.Sprintf("[%d]", i), a.Element(i), b.Element(i))
		}
	case a == nil || b == nil || !c.digests.equal(a.Raw, b.Raw):
		c.add(c.text(a), c.text(b))
	}
}

// compareAt compares two values whose path has one more part.
func (c *comparison) compareAt(part string, a, b *jsonscan.Tree) {
	c.path = append(c.path, part)
	c.compare(a, b)
	c.path = c.path[:len(c.path)-1]
}

// text returns a value as JSON, and an absent one as "". It writes strings without needless escapes, unless decoding
// would hide a part of them.
func (c *comparison) text(t *jsonscan.Tree) string {
	if t == nil {
		return ""
	}
	var decoded any
	if mistralobs.Object(t.Raw).Decode(&decoded) == nil {
		if plain, err := marshal(decoded); err == nil && c.digests.equal(plain, t.Raw) {
			return string(plain)
		}
	}
	return compact(t.Raw)
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

func namesOf(a, b map[string]*jsonscan.Tree) []string {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return slices.Sorted(maps.Keys(all))
}

// marshal is json.Marshal without the escaping of <, > and &.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// compact returns JSON without white space. It writes bytes that are not UTF-8 as \xff.
func compact(raw []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) == nil {
		raw = b.Bytes()
	}
	return escapeInvalid(string(raw))
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
