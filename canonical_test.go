package mistralobs

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

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
