package datasetsync

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An overflowFile returns what was added, from memory or from a file, and leaves no file behind.
func TestOverflowFile(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		size   int
		inFile bool
	}{
		"in memory": {size: 100}, "in a file": {size: overflowLimit / 3, inFile: true},
		"one too large": {size: overflowLimit + 1, inFile: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &overflowFile{}
			var spans []span
			for i := range 4 {
				s, err := f.add([]byte(strings.Repeat(strconv.Itoa(i), test.size)))
				require.NoError(t, err)
				spans = append(spans, s)
			}
			var readers sync.WaitGroup
			for i, s := range spans {
				readers.Go(func() {
					data, err := f.get(s)
					assert.NoError(t, err)
					assert.True(t, string(data) == strings.Repeat(strconv.Itoa(i), test.size))
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
