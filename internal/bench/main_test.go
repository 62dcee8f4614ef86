package bench_test

import (
	"os"
	"testing"
)

// TestMain serves instead of testing if a benchmark has started this binary as its server.
func TestMain(m *testing.M) {
	if os.Getenv(benchServerEnv) != "" {
		serveBench()
		return
	}
	os.Exit(m.Run())
}
