//go:build !linux

package bench_test

import "time"

// Elsewhere the CPU time and the memory of a process are not measured.

func cpuTime() time.Duration { return 0 }

type memory struct{}

func startMemory() memory { return memory{} }

func (memory) peak() (bytes int64, known bool) { return 0, false }
