package mistralobs

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

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
	if old, now := jsonText(a), jsonText(b); old == "" || now == "" || jsonscan.DigestOf([]byte(old)) != jsonscan.DigestOf([]byte(now)) {
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
