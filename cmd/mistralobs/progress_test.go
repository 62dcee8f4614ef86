package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &progress{out: &out}
		p.clear() // there is no line yet
		p.show("uploading", 0, 24e6, "MB")
		p.show("uploading", 1e6, 24e6, "MB") // too soon
		time.Sleep(100 * time.Millisecond)   // of the bubble
		p.show("uploading", 12e6, 24e6, "MB")
		p.show("reading", 5, 0, "records") // something else is shown at once
		p.clear()
		var shown []string
		for part := range strings.SplitSeq(out.String(), "\r") {
			shown = append(shown, strings.TrimSpace(part))
		}
		assert.Equal(t, []string{
			"", "uploading  0.0 of 24.0 MB  0 %", "uploading  12.0 of 24.0 MB  50 %", "reading  5 records", "", "",
		}, shown)
	})
}

func TestProgressNeedsATerminal(t *testing.T) {
	t.Parallel()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	p := newProgress(null)
	p.show("reading", 1, 2, "records")
	p.clear()
	assert.Nil(t, p.out)
}

func TestCounted(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "0 records, 1 record, 2 records",
		strings.Join([]string{counted(0, "record"), counted(1, "record"), counted(2, "record")}, ", "))
}
