package datasetsync

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 100)
	for name, test := range map[string]struct {
		before, after string
		full          bool
		want          []string
		more          int
	}{
		"a changed value": {before: `{"a":1,"b":"x"}`, after: `{"a":1,"b":"y"}`, want: []string{`p.b: "x" -> "y"`}},
		"a new and a gone one": {before: `{"a":null}`, after: `{"b":false}`, want: []string{`p.a: null -> nothing`,
			`p.b: nothing -> false`}},
		"inside of a list": {
			before: `{"m":[{"c":"x"},{"c":"y"}]}`, after: `{"m":[{"c":"x"},{"c":"z"},3]}`,
			want: []string{`p.m[1].c: "y" -> "z"`, `p.m[2]: nothing -> 3`},
		},
		"a shorter list": {before: `{"m":[1,2]}`, after: `{"m":[1]}`, want: []string{`p.m[1]: 2 -> nothing`}},
		"another kind":   {before: `{"m":[1]}`, after: `{"m":{"a":1}}`, want: []string{`p.m: [1] -> {"a":1}`}},
		"equal numbers": {before: `{"a":1.0,"b":[1e2],"c":1}`, after: `{"a":1,"b":[100],"c":2}`,
			want: []string{`p.c: 1 -> 2`}},
		"a large integer": {
			before: `{"a":9007199254740993}`, after: `{"a":9007199254740992}`,
			want: []string{`p.a: 9007199254740993 -> 9007199254740992`},
		},
		"three, and the number of the others": {
			before: `{"a":1,"b":1,"c":1,"d":1,"e":1}`, after: `{"a":2,"b":2,"c":2,"d":2,"e":2}`,
			want: []string{`p.a: 1 -> 2`, `p.b: 1 -> 2`, `p.c: 1 -> 2`}, more: 2,
		},
		"all of them": {
			before: `{"a":1,"b":1,"c":1,"d":1}`, after: `{"a":2,"b":2,"c":2,"d":2}`, full: true,
			want: []string{`p.a: 1 -> 2`, `p.b: 1 -> 2`, `p.c: 1 -> 2`, `p.d: 1 -> 2`},
		},
		"long values are cut": {before: `{"a":"` + long + `"}`, after: `{}`,
			want: []string{`p.a: "` + long[:2*59] + `… -> nothing`}},
		"around the first difference": {
			before: `{"a":"` + long + `old` + long + `"}`, after: `{"a":"` + long + `new` + `"}`,
			want: []string{`p.a: …` + long[:40] + `old` + long[:74] + `… -> …` + long[:40] + `new"`},
		},
		"a longer one": {
			before: `{"a":"` + long + `"}`, after: `{"a":"` + long + `!"}`,
			want: []string{`p.a: …` + long[:40] + `" -> …` + long[:40] + `!"`},
		},
		"uncut": {before: `{"a":"` + long + `"}`, after: `{}`, full: true,
			want: []string{`p.a: "` + long + `" -> nothing`}},
		"names that repeat": {before: `{"a":1,"a":2}`, after: `{"a":2}`, want: []string{`p: {"a":1,"a":2} -> {"a":2}`}},
		"names that are not words": {
			before: `{"a b":1,"":1,"x\u001b[31m":1}`, after: `{}`,
			want: []string{`p[""]: 1 -> nothing`, `p["a b"]: 1 -> nothing`, `p["x\x1b[31m"]: 1 -> nothing`},
		},
		"lone surrogates": {before: `{"a":"\ud800"}`, after: `{"a":"\ud801"}`,
			want: []string{`p: {"a":"\ud800"} -> {"a":"\ud801"}`}},
		"bytes that are not UTF-8": {before: "{\"a\":\"x\xffy\"}", after: "{\"a\":\"x\xfey\"}",
			want: []string{`p: {"a":"x\xffy"} -> {"a":"x\xfey"}`}},
		"text that is not Unicode, beside another difference": {before: "{\"a\":\"x\xffy\",\"b\":1}",
			after: "{\"a\":\"x\xfey\",\"b\":2}", want: []string{`p.b: 1 -> 2`}},
		"escapes that are needless": {before: `{"a":"\u0061\/1"}`, after: `{"a":"\u0061\/2"}`,
			want: []string{`p.a: "a/1" -> "a/2"`}},
		"a long name": {before: `{"` + long + long + long + `":1}`, after: `{}`,
			want: []string{`p["` + long + long[:2*97] + `…: 1 -> nothing`}},
		"unprintable characters": {before: "{\"a\":\"\u009b31m\"}", after: "{\"a\":\"\u202e\"}",
			want: []string{`p.a: "\u009b31m" -> "\u202e"`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := mistralobs.Object(test.before), mistralobs.Object(test.after)
			found, more := differences("p", before, after, test.full)
			var got []string
			for _, difference := range found {
				got = append(got, difference.String())
			}
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.more, more)
		})
	}
}

// The paths of nested values take no more memory than the values.
func TestDifferencesOfADeepValue(t *testing.T) {
	const depth = 2000
	open, end := strings.Repeat(`{"`+strings.Repeat("n", 500)+`":`, depth), strings.Repeat("}", depth)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	found, _ := differences("p", []byte(open+"1"+end), []byte(open+"2"+end), false)
	runtime.ReadMemStats(&after)
	require.Len(t, found, 1)
	assert.Equal(t, "1", found[0].Old)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(20*len(open)))
}
