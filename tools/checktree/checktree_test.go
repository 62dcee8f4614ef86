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
		"characters, not bytes": {"a.md", strings.Repeat("ü", 120) + "\n", nil},
		"too wide":              {"a.md", "\n" + wide + "\n", []string{"a.md:2: 121 columns, at most 120"}},
		"a table":               {"a.md", "|" + wide + "\n", nil},
		"a table is no Go":      {"a_test.go", "|" + wide + "\n", []string{"a_test.go:1: 122 columns, at most 120"}},
		"a URL":                 {"a.md", "https://example.com/" + wide + "\n", nil},
		"a long function":       {"a.go", long, []string{"a.go:3: f has 41 lines, at most 40"}},
		"a long test":           {"a_test.go", long, nil},
		"a long file":           {"a.go", "package p\n" + strings.Repeat("\n", 400), []string{"a.go: 401 lines, at most 400"}},
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
		"io": true, "encoding/json": true, module: true, module + "/internal/jsonscan": true, "golang.org/x/sync/errgroup": true,
		module + "/internal/transport": false, "golang.org/x/time/rate": false, "github.com/stretchr/testify/assert": false,
	} {
		assert.Equal(t, want, mayImport(path), path)
	}
}
