package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestOperationsHaveUniqueNames(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range mistralobstest.Operations() {
		assert.False(t, seen[name], name)
		seen[name] = true
	}
	assert.NotEmpty(t, seen)
}
