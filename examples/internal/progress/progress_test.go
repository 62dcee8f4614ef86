package progress

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/examples/internal/ptytest"
)

func TestATerminalShowsProgress(t *testing.T) {
	t.Parallel()
	terminal, screen := ptytest.Open(t)
	assert.True(t, IsTerminal(terminal))

	line := New(terminal)
	line.Records("adding", 3, 12)
	line.Println("record 4 is left out")
	line.Clear()
	line.Bytes("uploading", 2e6, 0)
	line.Clear()
	require.NoError(t, terminal.Close())

	shown, _ := io.ReadAll(screen) // it ends with EIO when the terminal is closed
	want := []string{"adding  3 of 12 records  25 %", "record 4 is left out", "uploading  2.0 MB"}
	assert.Equal(t, want, visible(string(shown)))
}

// visible returns the texts between the control characters and the padding.
func visible(screen string) (texts []string) {
	for _, text := range strings.FieldsFunc(screen, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if text = strings.TrimRight(text, " "); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}

func TestAFileShowsMessagesOnly(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "log"))
	require.NoError(t, err)
	defer file.Close()
	line := New(file)
	line.Records("adding", 3, 12)
	line.Println("record 4 is left out")
	line.Clear()
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	assert.Equal(t, "record 4 is left out\n", string(text))
}

func TestIsTerminal(t *testing.T) {
	t.Parallel()
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	defer writer.Close()
	assert.False(t, IsTerminal(null))
	assert.False(t, IsTerminal(reader))
}

func TestRateAndTimeLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var screen strings.Builder
		line := &Line{out: &screen, terminal: true}
		line.Bytes("downloading", 0, 100e6)
		time.Sleep(10 * time.Millisecond)
		line.Bytes("downloading", 1e6, 100e6) // too soon to draw
		time.Sleep(1990 * time.Millisecond)
		line.Bytes("downloading", 20e6, 100e6)
		line.Records("adding", 100, 0) // a new activity restarts the clock
		time.Sleep(2 * time.Second)
		line.Records("adding", 101, 0)
		time.Sleep(3 * time.Second)
		line.Records("adding", 5100, 0)
		line.Percent("importing", 0)
		time.Sleep(90 * time.Second)
		line.Percent("importing", 50)
		assert.Equal(t, []string{
			"downloading  0 B of 100.0 MB  0 %",
			"downloading  20.0 MB of 100.0 MB  20 %  10.0 MB/s  8s left",
			"adding  100 records",
			"adding  101 records  0.5/s",
			"adding  5100 records  1000/s",
			"importing  0 %",
			"importing  50 %  1m30s left",
		}, visible(screen.String()))
	})
}

func TestALongLineIsCut(t *testing.T) {
	t.Parallel()
	var screen strings.Builder
	line := &Line{out: &screen, terminal: true}
	line.Percent(strings.Repeat("ä", 100), 1)
	assert.Equal(t, "\r"+strings.Repeat("ä", width), screen.String())
}
