package datasetsync

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An overflowFile returns what was added, from memory or from a file, and leaves no file behind.
func TestOverflowFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sizes  []int
		inFile bool
	}{
		"in memory":     {sizes: []int{100, 0, 100, 100}},
		"in a file":     {sizes: []int{overflowLimit / 2, overflowLimit / 2, 100, 100}, inFile: true},
		"one too large": {sizes: []int{100, overflowLimit + 1, 100, 100}, inFile: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &overflowFile{}
			var added [][]byte
			var spans []span
			for i, size := range test.sizes {
				data := bytes.Repeat([]byte(strconv.Itoa(i)), size)
				s, err := f.add(data)
				require.NoError(t, err)
				added, spans = append(added, data), append(spans, s)
			}
			var readers sync.WaitGroup
			for i, s := range spans {
				readers.Go(func() {
					data, err := f.get(s)
					assert.NoError(t, err)
					assert.True(t, bytes.Equal(added[i], data))
				})
			}
			readers.Wait()
			assert.Equal(t, test.inFile, f.file != nil)
			path := ""
			if f.file != nil {
				path = f.file.Name()
			}
			require.NoError(t, f.close())
			require.NoError(t, f.close())
			_, err := f.get(spans[0])
			require.ErrorIs(t, err, errClosed)
			_, err = f.add(nil)
			require.ErrorIs(t, err, errClosed)
			if path != "" {
				_, err := os.Stat(path)
				assert.ErrorIs(t, err, os.ErrNotExist)
			}
		})
	}
}
