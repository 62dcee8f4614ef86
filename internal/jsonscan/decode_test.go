package jsonscan

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type inner struct {
	ID string `json:"id"`
}

type document struct {
	Text    string            `json:"text"`
	Next    string            `json:"next" scan:"text"`
	Int     int               `json:"int"`
	Percent *int              `json:"percent"`
	Size    *int64            `json:"size"`
	Flag    bool              `json:"flag"`
	Float   float64           `json:"float"`
	At      time.Time         `json:"at"`
	Gone    *time.Time        `json:"gone"`
	Raw     json.RawMessage   `json:"raw"`
	One     *inner            `json:"one"`
	Many    []inner           `json:"many" scan:"limited"`
	Names   []string          `json:"names"`
	Structs []inner           `json:"structs"`
	Map     map[string]string `json:"map"`
	Hidden  string            `json:"-"`
	//lint:ignore U1000 The decoder must not touch it.
	private string
}

func TestDecode(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 10, 20, 30, 123_000_000, time.UTC)
	number, size := 50, int64(1)<<40
	for _, test := range []struct {
		raw  string
		want document
	}{
		{raw: ` {} `},
		{raw: `{"text":"a","next":"n","int":5,"percent":50,"size":1099511627776,"flag":true,"float":0.5,` +
			`"at":"2026-05-04T10:20:30.123Z","gone":"2026-05-04T10:20:30.123Z","raw":[null, 1],"one":{"id":"x","new":1},` +
			`"many":[{"id":"y"}],"names":["b"],"map":{"k":"v"},"Hidden":"h","private":"p","-":"m","tomorrow":{"a":[]}}`,
			want: document{
				Text: "a", Next: "n", Int: 5, Percent: &number, Size: &size, Flag: true, Float: 0.5, At: at, Gone: &at,
				Raw: json.RawMessage(`[null, 1]`), One: &inner{"x"}, Many: []inner{{ID: "y"}}, Names: []string{"b"},
				Map: map[string]string{"k": "v"},
			}},
		// Values of other types leave the field zero.
		{raw: `{"text":1,"next":2,"int":"5","percent":50.5,"size":"1","flag":"true","float":"1","at":"yesterday",` +
			`"gone":true,` +
			`"one":[],"names":"b","map":[],"int2":1}`, want: document{Next: "2"}},
		{raw: `{"text":null,"next":null,"int":null,"percent":null,"at":null,"gone":null,"raw":null,"one":null,"many":null}`},
		{raw: `{"names":["a",5],"map":{"a":5},"gone":"soon","text":"a"}`, want: document{Text: "a"}},
		// Other forms of the documented types.
		{raw: `{"int":50.0,"percent":5e1,"at":1777890030.123}`, want: document{Int: 50, Percent: &number, At: at}},
		{raw: `{"t\u0065xt":"\u0061\ud800","next":{"page": 2}}`, want: document{Text: "a\uFFFD", Next: `{"page": 2}`}},
		{raw: `{"int":9223372036854775808,"at":1e300}`},
		// Of repeated names the last value counts.
		{raw: `{"text":"a","text":"b","one":{"id":"x"},"one":{},"many":[{"id":"x"}],"many":[{}]}`,
			want: document{Text: "b", One: &inner{}, Many: []inner{{}}}},
	} {
		var got document
		decoder := Decoder{MaxItems: 3}
		require.NoError(t, decoder.Decode([]byte(test.raw), &got), test.raw)
		test.want.At, got.At = test.want.At.Round(time.Millisecond), got.At.Round(time.Millisecond)
		assert.Equal(t, test.want, got, test.raw)
	}
}

var errNoID = errors.New("id")

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	items := 0
	decoder := Decoder{MaxItems: 3, MaxOthers: 4, End: func(v any) error {
		if item, ok := v.(*inner); ok {
			if items++; item.ID == "" {
				return errNoID
			}
		}
		return nil
	}}
	for _, test := range []struct {
		raw, want string
		items     int
	}{
		{raw: ``, want: "invalid JSON"},
		{raw: `{"a":1}}`, want: "invalid JSON"},
		{raw: `{"text":"a"`, want: "invalid JSON"},
		{raw: `{"many":{}}`, want: "many: not an array"},
		{raw: `{"many":[{"id":"a"},{}` + strings.Repeat(",{}", 1000) + `]}`, want: "many[1].id", items: 2},
		{raw: `{"many":[{"id":"a"},null]}`, want: "many[1].id", items: 2},
		{raw: `{"many":[5]}`, want: "many[0].id", items: 1},
		{raw: `{"many":[{"id":"a"},{"id":"a"},{"id":"a"},{"id":"a"}]}`, want: "many: more than 3 items", items: 3},
		{raw: `{"names":["","","","",""]}`, want: "names: the lists and maps of the document have more than 4 items"},
		{raw: `{"names":["",""],"map":{"a":"","b":"","a":""}}`,
			want: "map: the lists and maps of the document have more than 4 items"},
		{raw: `{"names":[""],"structs":[{"id":"a"},{"id":"a"},{"id":"a"},{"id":"a"}]}`, items: 3,
			want: "structs: the lists and maps of the document have more than 4 items"},
		{raw: `{"one":{"id":5}}`, want: "one.id", items: 1},
	} {
		items = 0
		require.EqualError(t, decoder.Decode([]byte(test.raw), &document{}), test.want, test.raw)
		assert.Equal(t, test.items, items, "nothing is decoded after the error")
	}
}

// The fields share the memory of the copy that Begin makes, and otherwise none.
func TestDecodeCopies(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		var kept []byte
		decoder := Decoder{}
		if keep {
			decoder.Begin = func(_ any, raw []byte) []byte {
				kept = append([]byte{}, raw...)
				return kept
			}
		}
		var got document
		raw := []byte(`{"raw":{"a":1}}`)
		require.NoError(t, decoder.Decode(raw, &got))
		clear(raw)
		assert.JSONEq(t, `{"a":1}`, string(got.Raw))
		assert.Equal(t, len(got.Raw), cap(got.Raw))
		clear(kept)
		assert.Equal(t, keep, got.Raw[0] == 0)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{``, `null`, `[]`, `{}`,
		`{"many":[{"id":"a"},{"id":1}],"at":1e9,"one":{"id":"x"},"raw":[1]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		decoder := Decoder{MaxItems: math.MaxInt}
		err := decoder.Decode(raw, &document{})
		s := New(raw)
		assert.Equal(t, !s.Skip() || !s.End(), err == ErrSyntax)
	})
}
