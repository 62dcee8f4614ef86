package bench_test

import (
	"os"
	"regexp"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"
)

// cpuTime is what this process has used, in user and kernel mode.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// memory is the resident set at the start of a measurement.
type memory struct{ idle int64 }

func startMemory() memory {
	debug.FreeOSMemory()
	_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) // the peak counts from now on
	return memory{status("VmRSS")}
}

// peak is how far the resident set has risen at most.
func (m memory) peak() (bytes int64, known bool) {
	return status("VmHWM") - m.idle, m.idle > 0
}

func status(name string) int64 {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	match := regexp.MustCompile(name + `:\s+(\d+) kB`).FindSubmatch(text)
	if match == nil {
		return 0
	}
	kilobytes, _ := strconv.ParseInt(string(match[1]), 10, 64)
	return kilobytes << 10
}
