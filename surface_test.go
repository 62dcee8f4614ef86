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
	files, err := filepath.Glob("example*_test.go")
	require.NoError(t, err)
	var examples strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		examples.Write(text)
	}
	names := regexp.MustCompile(`(?m)^pkg mistralobs, (?:type|func) (\w+)`).FindAllStringSubmatch(string(surface), -1)
	require.NotEmpty(t, names)
	for _, match := range names {
		name := match[1]
		shown := regexp.MustCompile(`\b(mistralobs\.` + name + `|Example` + name + `(_\w+)?\()`)
		assert.True(t, shown.MatchString(examples.String()), "%s is in no example", name)
	}
}
