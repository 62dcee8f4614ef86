package mistralobs

import (
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDigestIsOfWhatJSONMeans(t *testing.T) {
	t.Parallel()
	seen := map[digest][]string{}
	for _, group := range [][]string{ // the same within a group, different between groups
		{`{"a":1,"b":2}`, ` { "b" : 2 , "a" : 1.0 } `, `{"\u0061":1e0,"b":20e-1}`},
		{`{"a":2,"b":1}`}, {`{"a":1}`}, {`{"a":1,"b":2,"c":null}`}, {`{"a":1,"a":1,"b":2}`},
		{`[1,2]`, `[ 1 , 2 ]`}, {`[2,1]`}, {`[[1],2]`}, {`[1,[2]]`}, {`[]`}, {`{}`}, {`[[]]`}, {`[{}]`}, {`null`}, {`true`}, {`false`}, {`[null]`},
		{`"é"`, `"\u00e9"`}, {`"e"`}, {`"1"`}, {`""`}, {`"\/"`, `"/"`}, {`"\ud83d\ude00"`, `"😀"`},
		{`"\ud800"`}, {`"\ud801"`}, {`"` + "\uFFFD" + `"`}, {"\"\xff\""}, {"\"\xfe\""},
		{`1`, `1.0`, `1e0`, `10e-1`, `0.1E+1`, `100e-02`}, {`-1`, `-1.00`}, {`0`, `-0`, `0.0`, `0e99`}, {`10`, `1e1`}, {`0.1`, `1e-1`},
		{`9007199254740992`}, {`9007199254740993`, `9007199254740993.0`}, {`1e99999999999999999999`}, {`1e400`, `10e399`}, {`1e401`},
		{`{"a":"b","c":"d"}`, `{"c":"d","a":"b"}`}, {`{"a":"bc","d":""}`}, {`{"a":{"b":1},"c":2}`}, {`{"a":{"b":1,"c":2}}`},
	} {
		for _, other := range group {
			assert.Equal(t, digestOf([]byte(group[0])), digestOf([]byte(other)), "%s and %s", group[0], other)
		}
		seen[digestOf([]byte(group[0]))] = append(seen[digestOf([]byte(group[0]))], group[0])
	}
	for _, same := range seen {
		assert.Len(t, same, 1)
	}
}

// Numbers are the same when they are exactly equal.
func FuzzCanonicalNumber(f *testing.F) {
	for _, pair := range [][2]string{{"1", "1.0"}, {"-0", "0"}, {"12.50", "1250e-2"}, {"1e3", "1000"}, {"0.001", "1e-3"}, {"9007199254740993", "9007199254740992"}} {
		f.Add(pair[0], pair[1])
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := rational(a), rational(b)
		if x == nil || y == nil {
			return
		}
		assert.Equal(t, x.Cmp(y) == 0, canonicalNumber(a) == canonicalNumber(b), "%s is %s, %s is %s", a, canonicalNumber(a), b, canonicalNumber(b))
	})
}

// White space does not change what JSON means, whatever is in it.
func FuzzDigest(f *testing.F) {
	for _, seed := range []string{
		`{"b":[1,2.0,{"a":null}],"a":"\u00e9\ud800"}`, ` [ { } , [ ] , "\"" ] `, "\"\xff\"", `{"a":1,"a":{"z":0,"y":1}}`, `-0.0e+00`, `1e99999999999999999999`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !isJSON(raw) {
			return
		}
		var compact, indented bytes.Buffer
		require.NoError(t, json.Compact(&compact, raw))
		require.NoError(t, json.Indent(&indented, raw, "", " "))
		assert.Equal(t, digestOf(raw), digestOf(compact.Bytes()))
		assert.Equal(t, digestOf(raw), digestOf(indented.Bytes()))
	})
}

// rational returns nil for what is no JSON number, or one that is too large to work with.
func rational(text string) *big.Rat {
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if e, _ := strconv.Atoi(exponent); len(text) > 100 || len(exponent) > 4 || e > 999 || e < -999 {
		return nil
	}
	if c := append([]byte(text), ' ')[0]; !isJSON([]byte(text)) || c != '-' && !isDigit(c) {
		return nil
	}
	number, _ := new(big.Rat).SetString(text)
	return number
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ä", 100)
	for name, test := range map[string]struct {
		before, after string
		want          []string
	}{
		"a changed value":      {`{"a":1,"b":"x"}`, `{"a":1,"b":"y"}`, []string{`p.b: "x" -> "y"`}},
		"a new and a gone one": {`{"a":null}`, `{"b":false}`, []string{`p.a: null -> nothing`, `p.b: nothing -> false`}},
		"inside of a list":     {`{"m":[{"c":"x"},{"c":"y"}]}`, `{"m":[{"c":"x"},{"c":"z"},3]}`, []string{`p.m[1].c: "y" -> "z"`, `p.m[2]: nothing -> 3`}},
		"a shorter list":       {`{"m":[1,2]}`, `{"m":[1]}`, []string{`p.m[1]: 2 -> nothing`}},
		"another kind":         {`{"m":[1]}`, `{"m":{"a":1}}`, []string{`p.m: [1] -> {"a":1}`}},
		"equal numbers":        {`{"a":1.0,"b":[1e2],"c":1}`, `{"a":1,"b":[100],"c":2}`, []string{`p.c: 1 -> 2`}},
		"a large integer":      {`{"a":9007199254740993}`, `{"a":9007199254740992}`, []string{`p.a: 9007199254740993 -> 9007199254740992`}},
		"at most three":        {`{"a":1,"b":1,"c":1,"d":1}`, `{"a":2,"b":2,"c":2,"d":2}`, []string{`p.a: 1 -> 2`, `p.b: 1 -> 2`, `p.c: 1 -> 2`}},
		"long values are cut":  {`{"a":"` + long + `"}`, `{}`, []string{`p.a: "` + long[:2*59] + `… -> nothing`}},
		"names that repeat":    {`{"a":1,"a":2}`, `{"a":2}`, []string{`p: {"a":1,"a":2} -> {"a":2}`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, difference := range differences("p", Object(test.before), Object(test.after)) {
				got = append(got, difference.String())
			}
			assert.Equal(t, test.want, got)
		})
	}
}

// A spill gives back what was put into it, whether it is in memory or in a file, and leaves nothing behind.
func TestSpill(t *testing.T) {
	t.Parallel()
	for _, size := range []int{100, spillAbove / 3} {
		var s spill
		var places []place
		for i := range 5 {
			p, err := s.add([]byte(strings.Repeat(strconv.Itoa(i), size)))
			require.NoError(t, err)
			places = append(places, p)
		}
		for i, p := range places {
			text, err := s.get(p)
			require.NoError(t, err)
			assert.True(t, string(text) == strings.Repeat(strconv.Itoa(i), size))
		}
		assert.Equal(t, size == 100, s.file == nil)
		name := ""
		if s.file != nil {
			name = s.file.Name()
		}
		require.NoError(t, s.close())
		if name != "" {
			_, err := os.Stat(name)
			assert.ErrorIs(t, err, os.ErrNotExist)
		}
	}
}
