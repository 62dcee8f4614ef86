package stream

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lineOf is a line as a test writes it.
type lineOf struct {
	number int
	text   string
}

func linesOf(r io.Reader, limit int) (lines []lineOf, err error) {
	reader := NewLineReader(r, limit)
	for {
		line, err := reader.Next()
		switch {
		case err == io.EOF:
			return lines, nil
		case err == ErrLineTooLong:
			lines = append(lines, lineOf{line.Number, "too long"})
		case err != nil:
			return append(lines, lineOf{number: line.Number}), err
		default:
			lines = append(lines, lineOf{line.Number, string(line.Text)})
		}
	}
}

func TestLineReader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 3*lineBuffer)
	tests := map[string]struct {
		text string
		max  int // default: a megabyte
		want []lineOf
	}{
		"nothing":      {text: ""},
		"blank lines":  {text: "\n \r\n\t"},
		"one line":     {text: "a", want: []lineOf{{number: 1, text: "a"}}},
		"line ends":    {text: "a\r\n\nb\n", want: []lineOf{{number: 1, text: "a"}, {number: 3, text: "b"}}},
		"white space":  {text: " a \n", want: []lineOf{{number: 1, text: "a"}}},
		"a mark":       {text: "\uFEFFa\nb", want: []lineOf{{number: 1, text: "a"}, {number: 2, text: "b"}}},
		"a mark alone": {text: "\uFEFF\nb", want: []lineOf{{number: 2, text: "b"}}},
		"a mark further": {
			text: "a\n\uFEFFb", want: []lineOf{{number: 1, text: "a"}, {number: 2, text: "\uFEFFb"}},
		},
		"long lines": {
			text: "a\n" + long + "\nb",
			want: []lineOf{
				{number: 1, text: "a"}, {number: 2, text: long}, {number: 3, text: "b"},
			},
		},
		"too long lines": {
			text: "a\n" + long + "\n\nb\n" + long, max: lineBuffer,
			want: []lineOf{
				{number: 1, text: "a"}, {number: 2, text: "too long"},
				{number: 4, text: "b"}, {number: 5, text: "too long"},
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.max == 0 {
				test.max = 1 << 20
			}
			got, err := linesOf(strings.NewReader(test.text), test.max)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestLineReaderReturnsErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	got, err := linesOf(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(broken)), 10)
	require.ErrorIs(t, err, broken)
	assert.Equal(t, []lineOf{{number: 1, text: "a"}, {number: 2}}, got)
}

// A reader may return nothing for some time, but not forever.
func TestLineReaderEndsWithoutProgress(t *testing.T) {
	t.Parallel()
	_, err := linesOf(idleReader{}, 10)
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type idleReader struct{}

func (idleReader) Read([]byte) (int, error) { return 0, nil }

// Every line has its number, and nothing but white space is lost.
func FuzzLineReader(f *testing.F) {
	for _, seed := range []string{"", "a", "a\nb\n", "\r\n\n a\r\n", "\uFEFFa\n\uFEFF\n", "\u00a0a\u0085\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, err := linesOf(bytes.NewReader(text), 1<<20)
		require.NoError(t, err)
		inBytes, err := linesOf(iotest.OneByteReader(bytes.NewReader(text)), 1<<20)
		require.NoError(t, err)
		assert.Equal(t, lines, inBytes, "in parts of one byte")
		var want []lineOf
		for i, line := range bytes.Split(text, []byte("\n")) {
			if i == 0 {
				line = bytes.TrimPrefix(line, byteOrderMark)
			}
			if line = bytes.TrimSpace(line); len(line) > 0 {
				want = append(want, lineOf{i + 1, string(line)})
			}
		}
		assert.Equal(t, want, lines)
	})
}
