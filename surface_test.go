package mistralobs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every exported type and function stands in a runnable example.
func TestEveryNameHasAnExample(t *testing.T) {
	t.Parallel()
	surface, err := os.ReadFile("api.txt")
	require.NoError(t, err)
	for pkg, pattern := range map[string]string{"mistralobs": "example*_test.go", "mistralobstest": "mistralobstest/example*_test.go"} {
		examples := readAllFiles(t, pattern)
		names := regexp.MustCompile(`(?m)^pkg `+pkg+`, (?:type|func) (\w+)`).FindAllStringSubmatch(string(surface), -1)
		require.NotEmpty(t, names)
		for _, match := range names {
			name := match[1]
			shown := regexp.MustCompile(`\b(` + pkg + `\.` + name + `\b|Example` + name + `(_\w+)?\()`)
			assert.True(t, shown.MatchString(examples), "%s.%s is in no example", pkg, name)
		}
	}
}

func readAllFiles(t *testing.T, pattern string) string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	require.NoError(t, err)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all.Write(text)
	}
	return all.String()
}
