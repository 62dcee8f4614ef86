package jsonscan

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDigestOf(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 40)
	seen := map[Digest][]string{}
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
		{`1`, `1.0`, `1e0`, `10e-1`, `0.1E+1`, `100e-02`}, {`-1`, `-1.00`},
		{`0`, `-0`, `0.0`, `0e99`, `-0e99999999999999999999`}, {`10`, `1e1`}, {`0.1`, `1e-1`},
		{`9007199254740992`}, {`9007199254740993`, `9007199254740993.0`}, {`1e400`, `10e399`}, {`1e401`},
		{`1e9223372036854775808`, `10e9223372036854775807`, `0.1e+009223372036854775809`}, {`1e9223372036854775807`},
		{`1e1` + strings.Repeat("0", 40), `10e` + nines, `1000e` + nines[:39] + `7`}, {`1e` + nines},
		{`1e-` + nines, `0.1e-` + nines[:39] + `8`},
		{`1e999999999999999999`, `0.1e1000000000000000000`}, {`1e-999999999999999999`, `10e-1000000000000000000`},
		{`{"a":"b","c":"d"}`, `{"c":"d","a":"b"}`}, {`{"a":"bc","d":""}`}, {`{"a":{"b":1},"c":2}`},
		{`{"a":{"b":1,"c":2}}`},
		{`"` + long("x") + `"`, `"\u0078` + long("x")[1:] + `"`}, {`"` + long("y") + `"`},
		{`"\ud800` + long("x") + `"`, `"\uD800` + long("x") + `"`},
		{`{"` + long("x") + `":1,"b":2}`, `{"b":2,"` + long("x") + `":1}`},
		{`{"a":[` + long("1") + `,"x"],"b":2}`, `{"b":2,"a":[` + long("1") + `.0,"\u0078"]}`},
	} {
		for _, other := range equal {
			require.True(t, Valid([]byte(other)), other)
			assert.Equal(t, DigestOf([]byte(equal[0])), DigestOf([]byte(other)), "%s and %s", equal[0], other)
			assert.LessOrEqual(t, len(AppendMeaning(nil, []byte(other))), 520)
		}
		digest := DigestOf([]byte(equal[0]))
		seen[digest] = append(seen[digest], equal[0])
	}
	for _, same := range seen {
		assert.Len(t, same, 1)
	}
}

func long(c string) string { return strings.Repeat(c, 2*maxEncoding) }

// The order of names does not matter, whatever the width.
func TestDigestOfWideObjects(t *testing.T) {
	t.Parallel()
	for _, width := range []int{2, 3, 20, 300, 5_000} {
		members := make([]string, width)
		for i := range members {
			members[i] = fmt.Sprintf("%q:{%q:%d}", fmt.Sprintf("name-%d", i), long("n"), i)
		}
		digest := DigestOf([]byte("{" + strings.Join(members, ",") + "}"))
		rand.New(rand.NewPCG(1, 2)).Shuffle(width, func(i, j int) { members[i], members[j] = members[j], members[i] })
		assert.Equal(t, digest, DigestOf([]byte("{"+strings.Join(members, ",")+"}")))
		assert.Equal(t, digest, DigestOf([]byte("{"+strings.Join(append(members[:1:1], members...), ",")+"}")))
		members[0], members[1] = `"name-0":1`, `"name-1":0`
		assert.NotEqual(t, digest, DigestOf([]byte("{"+strings.Join(members, ",")+"}")))
	}
}

// The text of a digest never changes: plans are written by one process and read by another.
func TestDigestIsStable(t *testing.T) {
	t.Parallel()
	value := `{"messages":[{"role":"user","content":"Hi \u00e9\n"}],"n":[1.50,-0,true,null],"long":"` + long("x") + `"}`
	digest := DigestOf([]byte(value))
	assert.Equal(t, "7d19867ed27f321d688217f452affe38", hex.EncodeToString(digest[:]))
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
		digest := DigestOf(raw) // does not panic, whatever it is
		if !Valid(raw) {
			return
		}
		var compact, indented bytes.Buffer
		require.NoError(t, json.Compact(&compact, raw))
		require.NoError(t, json.Indent(&indented, raw, "", " "))
		assert.Equal(t, digest, DigestOf(compact.Bytes()))
		assert.Equal(t, digest, DigestOf(indented.Bytes()))
		if !Valid(other) || !jsontext.Value(raw).IsValid() || !jsontext.Value(other).IsValid() {
			return // repeated names or invalid Unicode: decoding loses differences
		}
		a, b := decoded(t, raw), decoded(t, other)
		reencoded, err := json.Marshal(a)
		require.NoError(t, err)
		assert.Equal(t, digest, DigestOf(reencoded), "%s and %s", raw, reencoded)
		assert.Equal(t, reflect.DeepEqual(a, b), digest == DigestOf(other), "%s and %s", raw, other)
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
		return json.Number(appendNumber(nil, []byte(v)))
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

// The digest of a value may take at most three times as long as checking that it is JSON, at any depth and width.
// The ratio is reported as the metric valid/op.
func BenchmarkDigest(b *testing.B) {
	messages := `{"role":"user","content":"Line one\nLine \"two\" with 1 < 2, and caf\u00e9. ` +
		strings.Repeat("Some text. ", 20) + `"}`
	values := map[string]string{
		"text":   `{"a":"` + strings.Repeat("plain text of a message, ", 40_000) + `"}`,
		"chat":   `{"messages":[` + messages + strings.Repeat(","+messages, 5) + `]}`,
		"words":  `{"a":"` + strings.Repeat(`é\n`, 100_000) + `"}`,
		"number": `[` + strings.Repeat("-12.50e3,", 100_000) + `0]`,
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
	for _, name := range slices.Sorted(maps.Keys(values)) {
		b.Run(name, func(b *testing.B) {
			raw := []byte(values[name])
			b.SetBytes(int64(len(raw)))
			valid, digest := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
			repeat := max(1, 10_000/len(raw))
			for b.Loop() { // interleaved, and the fastest of each, because other programs run
				valid = min(valid, timeOf(repeat, func() { Valid(raw) }))
				digest = min(digest, timeOf(repeat, func() { DigestOf(raw) }))
			}
			b.ReportMetric(float64(digest)/float64(valid), "valid/op")
		})
	}
}

func timeOf(n int, f func()) time.Duration {
	start := time.Now()
	for range n {
		f()
	}
	return time.Since(start)
}
