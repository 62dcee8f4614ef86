package examples_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// A program that streams a file needs an amount of memory that does not depend on the size of the file.
func TestLargeFilesNeedLittleMemory(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it moves 32 MB several times")
	}
	const recordSize, size = 16 << 10, 32 << 20
	file := filepath.Join(t.TempDir(), "large.jsonl")
	writeRecords(t, file, recordSize, size)
	for program, row := range map[string]struct {
		args   []string
		mostMB int
	}{
		"add-records": {args: []string{"-dataset", "Support tickets", "-file", file}, mostMB: 40},
		"quickstart":  {args: []string{"-file", file}, mostMB: 64},
	} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			peak := peakMemory(t, exec.CommandContext(t.Context(), build(t, program), row.args...))
			assert.LessOrEqual(t, peak>>20, row.mostMB, "peak of the resident memory in MB")
			t.Logf("%d MB", peak>>20)
		})
	}
}

func writeRecords(t *testing.T, path string, recordSize, size int) {
	t.Helper()
	file, err := os.Create(path)
	require.NoError(t, err)
	writer := bufio.NewWriter(file)
	text := strings.Repeat("x", recordSize)
	for i := range size / recordSize {
		fmt.Fprintf(writer, `{"payload":{"n":%d,"text":"%s"},"properties":{}}`+"\n", i, text)
	}
	require.NoError(t, writer.Flush())
	require.NoError(t, file.Close())
}

// peakMemory runs a program against a server with demo data, and returns the peak of its resident memory at its latest
// request. The peak that the kernel reports after the end would include the memory of this process before the exec.
func peakMemory(t *testing.T, cmd *exec.Cmd) (peak int) {
	t.Helper()
	server := mistralobstest.NewUnstartedServer(mistralobstest.WithRequestLog(0), mistralobstest.WithTaskDuration(0))
	t.Cleanup(server.Close)
	server.SeedDemo()
	var pid atomic.Int64
	var mu sync.Mutex
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := pid.Load(); id > 0 {
			mu.Lock()
			peak = max(peak, highWaterMark(id))
			mu.Unlock()
		}
		server.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	cmd.Env = append(cleanEnv(t), "MISTRAL_BASE_URL="+front.URL, "MISTRAL_API_KEY="+server.APIKey)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start())
	pid.Store(int64(cmd.Process.Pid))
	require.NoError(t, cmd.Wait(), "%s", &output)
	mu.Lock()
	defer mu.Unlock()
	require.Positive(t, peak)
	return peak
}

// highWaterMark returns the peak of the resident memory of a process in bytes.
func highWaterMark(pid int64) (size int) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &size); err == nil {
			return size << 10
		}
	}
	return 0
}
