package stream

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadAheadReadsEverything(t *testing.T) {
	t.Parallel()
	content := make([]byte, 5*aheadBytes+123)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	broken := errors.New("broken")
	tests := map[string]struct {
		source  io.Reader
		consume func(io.Reader) io.Reader
		want    error
	}{
		"whole reads":       {source: bytes.NewReader(content)},
		"short reads":       {source: iotest.HalfReader(bytes.NewReader(content))},
		"data with the end": {source: iotest.DataErrReader(bytes.NewReader(content))},
		"an error":          {source: io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), want: broken},
		"odd reads":         {source: odd(bytes.NewReader(content))},
		"odd consumer":      {source: bytes.NewReader(content), consume: odd},
		"odd on both sides": {source: odd(bytes.NewReader(content)), consume: odd},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := NewReadAhead(io.NopCloser(test.source))
			defer a.Close()
			var r io.Reader = a
			if test.consume != nil {
				r = test.consume(a)
			}
			got, err := io.ReadAll(r)
			require.ErrorIs(t, err, test.want)
			assert.True(t, bytes.Equal(content, got))
		})
	}
}

func odd(r io.Reader) io.Reader { return &oddReader{r: r} }

// oddReader reads a random number of bytes at a time.
type oddReader struct{ r io.Reader }

func (o *oddReader) Read(p []byte) (int, error) {
	return o.r.Read(p[:min(len(p), 1+rand.IntN(100_000))])
}

// What is read ahead is bounded, and Close ends the goroutine wherever it is.
func TestReadAheadIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &endless{}
		a := NewReadAhead(source)
		synctest.Wait()
		assert.Equal(t, aheadBytes, source.read)
		_, err := io.ReadFull(a, make([]byte, aheadBytes/2-1))
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, aheadBytes, source.read, "it is not yet half empty")
		_, err = io.ReadFull(a, make([]byte, 1))
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, aheadBytes+aheadBytes/2, source.read)
		require.NoError(t, a.Close())
	})
}

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func (e *endless) Close() error { return nil }

// Close ends a read of the source.
func TestReadAheadCloseEndsARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		a := NewReadAhead(r)
		go func() { _, _ = w.Write([]byte("first")) }()
		got := make([]byte, 5)
		_, err := io.ReadFull(a, got) // what has arrived does not wait for more
		require.NoError(t, err)
		assert.Equal(t, "first", string(got))
		require.NoError(t, a.Close())
		_, err = a.Read(got)
		require.Error(t, err)
	})
}
