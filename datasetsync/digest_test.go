package datasetsync

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDigest(t *testing.T) {
	t.Parallel()
	seen := map[digest][]string{}
	for _, equal := range [][]string{ // the digests are equal within a group, and different between groups
		{`{"a":1,"b":2}`, ` { "b" : 2 , "a" : 1.0 } `, `{"\u0061":1e0,"b":20e-1}`, `{"a":1,"a":1,"b":2}`,
			`{"a":{"x":[]},"b":2,"\u0061":1}`},
		{`{"a":2,"b":1}`}, {`{"a":1}`, `{"a":2,"a":1}`}, {`{"a":2}`, `{"a":1,"a":2}`}, {`{"a":1,"b":2,"c":null}`},
		{`[1,2]`, `[ 1 , 2 ]`}, {`[2,1]`}, {`[[1],2]`}, {`[1,[2]]`}, {`[]`}, {`{}`}, {`[[]]`}, {`[{}]`},
		{`null`}, {`true`}, {`false`}, {`[null]`}, {`[true]`}, {`["t"]`},
		{`"é"`, `"\u00e9"`, `"\u00E9"`}, {`"e"`}, {`"1"`}, {`""`}, {`"\/"`, `"/"`}, {`"\ud83d\ude00"`, `"😀"`},
		{`"\b\f\n\r\t\"\\"`, `"\u0008\u000c\u000a\u000d\u0009\u0022\u005c"`},
		{`"\ud800"`, `"\uD800"`}, {`"\ud801"`}, {`"\udc00\ud800"`}, {`"\ud800\ud800"`},
		{`"\ud800\n"`, `"\uD800\u000a"`}, {`"\ud8000"`},
		{`"` + "\uFFFD" + `"`, `"\ufffd"`}, {"\"\xff\""}, {"\"\xfe\""}, {"\"\xed\xa0\x80\""},
		{"\"\xff\xd8\x80\""}, {`"\ud880"`}, {"\"\xff\\ud800\""}, {"\"\\ud800\xff\""},
		{`1`, `1.0`}, {`-1`}, {`0`, `-0`}, {`10`, `1e1`},
		{`{"a":"b","c":"d"}`, `{"c":"d","a":"b"}`}, {`{"a":"bc","d":""}`}, {`{"a":{"b":1},"c":2}`},
		{`{"a":{"b":1,"c":2}}`}, {`{"a":[1],"b":2}`}, {`{"a":[1,2]}`}, {`{"a":[1,"b",2]}`}, {`[{"a":1},{"b":2}]`},
		{`{"x":1,"y":2}`}, {`{"x":2,"y":1}`}, {`{"x":"y"}`}, {`{"y":"x"}`}, {`["x","y"]`}, {`["y","x"]`},
		{`{"a":{"b":{}}}`}, {`{"b":{"a":{}}}`}, {`{"a":{},"b":{}}`}, {`{"":{}}`}, {`[[],[]]`}, {`[[[]]]`}, {`[[],[[]]]`},
		{`{"":""}`}, {`[""]`}, {`["",""]`}, {`["\u0000"]`}, {`"\u0000"`}, {`"\u0000\u0000"`}, {`"null"`}, {`"{}"`},
		{`"` + zeros(15) + `"`}, {`"` + zeros(16) + `"`}, {`"` + zeros(30) + `"`}, {`"` + zeros(31) + `"`},
		{`"` + long("x") + `"`, `"\u0078` + long("x")[1:] + `"`}, {`"` + long("y") + `"`},
		{`"\ud800` + long("x") + `"`, `"\uD800` + long("x") + `"`},
		{`{"` + long("x") + `":1,"b":2}`, `{"b":2,"` + long("x") + `":1}`},
		{`{"a":[` + long("1") + `,"x"],"b":2}`, `{"b":2,"a":[` + long("1") + `.0,"\u0078"]}`},
	} {
		for _, other := range equal {
			require.True(t, valid(other), other)
			assert.Equal(t, digestOf([]byte(equal[0])), digestOf([]byte(other)), "%s and %s", equal[0], other)
		}
		d := digestOf([]byte(equal[0]))
		seen[d] = append(seen[d], equal[0])
	}
	for _, same := range seen {
		assert.Len(t, same, 1)
	}
}

func zeros(n int) string { return strings.Repeat(`\u0000`, n) }

func long(c string) string { return strings.Repeat(c, 1000) }

// The order of names does not matter, whatever the width. Of a repeated name the last value counts,
// wherever it stands.
func TestDigestOfWideObjects(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	of := func(members ...string) digest { return digestOf([]byte("{" + strings.Join(members, ",") + "}")) }
	for _, width := range []int{2, 3, 20, 300, 5_000} {
		members := make([]string, width)
		for i := range members {
			members[i] = fmt.Sprintf(`"name-%d":{"longer than a block":%d}`, i, i)
		}
		want := of(members...)
		random.Shuffle(width, func(i, j int) { members[i], members[j] = members[j], members[i] })
		require.Equal(t, want, of(members...))
		for range min(width, 20) {
			at, copies := random.IntN(width), 1+random.IntN(3)
			name, _, _ := strings.Cut(members[at], ":")
			repeated := members
			for i := range copies {
				repeated = slices.Insert(slices.Clone(repeated), random.IntN(at+1), fmt.Sprintf("%s:%d", name, i))
				at++
			}
			require.Equal(t, want, of(repeated...))
			require.NotEqual(t, want, of(append(repeated, name+":0")...))
		}
		first, value, _ := strings.Cut(members[0], ":")
		second, other, _ := strings.Cut(members[1], ":")
		members[0], members[1] = first+":"+other, second+":"+value
		require.NotEqual(t, want, of(members...))
	}
}

// Every process computes the same digests: plans are written by one and read by another.
func TestDigestIsStable(t *testing.T) {
	t.Parallel()
	value := `{"messages":[{"role":"user","content":"Hi \u00e9\n"}],"n":[1.50,-0,true,null],"long":"` + long("x") + `"}`
	text, err := digestOf([]byte(value)).MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "a4631607a42f8288b260cbc0d4cacd98", string(text))
}

// Values that are not JSON, or too deep, are told apart too, and do not disturb those after them.
func TestDigestOfInvalidJSON(t *testing.T) {
	t.Parallel()
	const maxDepth = 10_000
	seen := map[digest]bool{}
	for _, value := range []string{
		`{"a":{"b":{"c":[1]`, `{"a":1,"a`, `"\u12`, `-`, `{"a":1} 2`, `{"a":1}`, ``, ` `, `[1]`, `[1,]`, `nul`,
		strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth),
		strings.Repeat(`{"a":`, maxDepth) + "1" + strings.Repeat("}", maxDepth), strings.Repeat("[", maxDepth+100),
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
	} {
		d := digestOf([]byte(value))
		assert.False(t, seen[d], "%.20s", value)
		seen[d] = true
		_, err := checkedDigest([]byte(value), false)
		assert.Equal(t, valid(value), err == nil, "%.20s", value)
	}
}

// Digests of random values, written in random ways, are equal if and only if the values are.
func TestDigestIsTheMeaning(t *testing.T) {
	t.Parallel()
	w := writer{rand.New(rand.NewPCG(3, 4))}
	digests, meanings := map[string]digest{}, map[digest]string{}
	for range 5_000 {
		raw := w.value(3)
		require.True(t, valid(raw), raw)
		encoded, err := json.Marshal(decoded(t, []byte(raw)))
		require.NoError(t, err)
		meaning, d := string(encoded), digestOf([]byte(raw))
		if _, ok := digests[meaning]; !ok {
			digests[meaning] = d
		}
		require.Equal(t, digests[meaning], d, "%s and %s", raw, meaning)
		if _, ok := meanings[d]; !ok {
			meanings[d] = meaning
		}
		require.Equal(t, meanings[d], meaning, raw)
	}
	assert.Greater(t, len(meanings), 1_000)
	assert.Less(t, len(meanings), 4_000)
}

// writer writes random values of a small range in one of their forms.
type writer struct{ *rand.Rand }

func (w writer) oneOf(forms ...string) string { return forms[w.IntN(len(forms))] }

func (w writer) value(depth int) string {
	n := w.IntN(8)
	if depth == 0 {
		n = w.IntN(4)
	}
	space := w.oneOf("", "", " ", "\n\t")
	switch n {
	case 0:
		return space + w.oneOf("true", "false", "null", `""`, "[]", "{}", "[ ]", "{ }")
	case 1:
		return w.oneOf("1", "1.0", "10e-1", "-1", "-10E-1", "0", "-0.0", "2", "20e-001", "12345678901234567890",
			"1234567890123456789e1", "1234567890123456789e001", "1e99", "0.1e100") + space
	case 2, 3:
		return w.text() + space
	case 4, 5:
		return "[" + w.list(func() string { return w.value(depth - 1) }) + "]" + space
	}
	return space + "{" + w.list(func() string { return w.text() + space + ":" + w.value(depth-1) }) + "}"
}

func (w writer) text() string {
	return w.oneOf(`"a"`, `"\u0061"`, `"b"`, `"1"`, `"\u0031"`, `"a long text, longer than a block"`, `"\/"`, `"/"`,
		`"a long text, \u006conger than a block"`, `"fifteen letters"`, `"sixteen letters!"`, `"sixteen letters\u0021"`)
}

func (w writer) list(item func() string) string {
	items := make([]string, w.IntN(4))
	for i := range items {
		items[i] = item()
	}
	return strings.Join(items, ",")
}

// Digests of any two JSON texts are equal if and only if the decoded values are.
func FuzzDigest(f *testing.F) {
	for _, seed := range []string{
		`{"b":[1,2.0,{"a":null}],"a":"\u00e9\ud800"}`, ` [ { } , [ ] , "\"" ] `, "\"\xff\"",
		`{"a":1,"a":{"z":0,"y":1}}`, `-0.0e+00`, `1e99999999999999999999`,
		`{"` + long("x") + `":"` + long("y") + `","a":[` + long("1") + `]}`,
	} {
		f.Add([]byte(seed), []byte(seed))
	}
	f.Add([]byte(`{"a":[1],"b":"x"}`), []byte(`{"b":"\u0078","a":[1.0]}`))
	f.Fuzz(func(t *testing.T, raw, other []byte) {
		d := digestOf(raw) // does not panic, whatever it is
		if !valid(string(raw)) {
			return
		}
		var compact, indented bytes.Buffer
		require.NoError(t, json.Compact(&compact, raw))
		require.NoError(t, json.Indent(&indented, raw, "", " "))
		assert.Equal(t, d, digestOf(compact.Bytes()))
		assert.Equal(t, d, digestOf(indented.Bytes()))
		if !valid(string(other)) || !jsontext.Value(raw).IsValid() || !jsontext.Value(other).IsValid() {
			return // repeated names or invalid Unicode: decoding loses differences
		}
		a, b := decoded(t, raw), decoded(t, other)
		reencoded, err := json.Marshal(a)
		require.NoError(t, err)
		assert.Equal(t, d, digestOf(reencoded), "%s and %s", raw, reencoded)
		assert.Equal(t, reflect.DeepEqual(a, b), d == digestOf(other), "%s and %s", raw, other)
	})
}

// decoded returns a value whose numbers are in canonical form.
func decoded(t *testing.T, raw []byte) any {
	var v any
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&v))
	return canonicalNumbers(v)
}

func canonicalNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return json.Number(canonicalNumber(v.String()))
	case []any:
		for i := range v {
			v[i] = canonicalNumbers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = canonicalNumbers(v[name])
		}
	}
	return v
}

// valid reports whether raw is one JSON value, with whatever names and text.
func valid(raw string) bool { return jsontext.Value(raw).IsValid(lenient) }

// The time to compute a digest is proportional to the size of the value, at any depth and width.
func BenchmarkDigest(b *testing.B) {
	values := benchValues()
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.Run(name, func(b *testing.B) {
			raw := []byte(values[name])
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				digestOf(raw)
			}
		})
	}
}

func benchValues() map[string]string {
	messages := `{"role":"user","content":"Line one\nLine \"two\" with 1 < 2, and caf\u00e9. ` +
		strings.Repeat("Some text. ", 20) + `"}`
	values := map[string]string{
		"text":   `{"a":"` + strings.Repeat("plain text of a message, ", 40_000) + `"}`,
		"chat":   `{"messages":[` + messages + strings.Repeat(","+messages, 5) + `]}`,
		"words":  `{"a":"` + strings.Repeat(`é\n`, 100_000) + `"}`,
		"number": `[` + strings.Repeat("-12.50e3,", 100_000) + `0]`,
		"floats": `[` + strings.Repeat("0.1234567891234567,", 50_000) + `0]`,
		"digits": `[` + strings.Repeat("1234567890123456789012345,", 40_000) + `0]`,
		"repeat": `{` + strings.Repeat(`"name":1,`, 100_000) + `"a":0}`,
	}
	for _, depth := range []int{1, 10, 100, 1_000, 5_000} {
		objects := strings.Repeat(`{"b":1,"a":`, depth) + `"x"` + strings.Repeat("}", depth)
		values[fmt.Sprintf("depth%d", depth)] = objects
		values[fmt.Sprintf("lists%d", depth)] = strings.Repeat(`[`, depth) + `"x"` + strings.Repeat("]", depth)
	}
	for _, width := range []int{1, 10, 100, 10_000, 1_000_000} {
		names := make([]string, width)
		for i := range names {
			names[i] = fmt.Sprintf(`"name%d":%d`, (i*7919)%width, i)
		}
		values[fmt.Sprintf("width%d", width)] = "{" + strings.Join(names, ",") + "}"
	}
	return values
}
