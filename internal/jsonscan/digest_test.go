package jsonscan

import (
	"bytes"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDigestIsOfWhatJSONMeans(t *testing.T) {
	t.Parallel()
	seen := map[Digest][]string{}
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
			assert.Equal(t, DigestOf([]byte(group[0])), DigestOf([]byte(other)), "%s and %s", group[0], other)
		}
		seen[DigestOf([]byte(group[0]))] = append(seen[DigestOf([]byte(group[0]))], group[0])
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
		if !Valid(raw) {
			return
		}
		var compact, indented bytes.Buffer
		require.NoError(t, json.Compact(&compact, raw))
		require.NoError(t, json.Indent(&indented, raw, "", " "))
		assert.Equal(t, DigestOf(raw), DigestOf(compact.Bytes()))
		assert.Equal(t, DigestOf(raw), DigestOf(indented.Bytes()))
	})
}

// rational returns nil for what is no JSON number, or one that is too large to work with.
func rational(text string) *big.Rat {
	_, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if e, _ := strconv.Atoi(exponent); len(text) > 100 || len(exponent) > 4 || e > 999 || e < -999 {
		return nil
	}
	if c := append([]byte(text), ' ')[0]; !Valid([]byte(text)) || c != '-' && !isDigit(c) {
		return nil
	}
	number, _ := new(big.Rat).SetString(text)
	return number
}
