package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckFile(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("ü", 121)
	long := "package p\n\nfunc f() {\n" + strings.Repeat("\tf()\n", 39) + "}\n"
	for name, test := range map[string]struct {
		file, text string
		want       []string
	}{
		"characters, not bytes": {file: "a.md", text: strings.Repeat("ü", 120) + "\n", want: nil},
		"too wide":              {file: "a.md", text: "\n" + wide + "\n", want: []string{"a.md:2: 121 columns, at most 120"}},
		"a table":               {file: "a.md", text: "|" + wide + "\n", want: nil},
		"a table is no Go": {
			file: "a_test.go", text: "|" + wide + "\n", want: []string{"a_test.go:1: 122 columns, at most 120"},
		},
		"a URL":           {file: "a.md", text: "https://example.com/" + wide + "\n", want: nil},
		"a long function": {file: "a.go", text: long, want: []string{"a.go:3: f has 41 lines, at most 40"}},
		"a long test":     {file: "a_test.go", text: long, want: nil},
		"a long file": {
			file: "a.go", text: "package p\n" + strings.Repeat("\n", 400), want: []string{"a.go: 401 lines, at most 400"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := checkFile(test.file, test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestMayImport(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		"io": true, "encoding/json": true, module: true, module + "/internal/jsonscan": true,
		"golang.org/x/sync/errgroup":   true,
		module + "/internal/transport": false, "golang.org/x/time/rate": false, "github.com/stretchr/testify/assert": false,
	} {
		assert.Equal(t, want, mayImport(path), path)
	}
}
