package stream

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readParts returns all parts in one piece, and the error at their end unless that is io.EOF.
func readParts(parts Parts) (all []byte, err error) {
	for {
		part, err := parts.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, part...)
	}
}

func TestReadAheadReadsEverything(t *testing.T) {
	t.Parallel()
	content := make([]byte, 2*aheadBytes+123)
	_, _ = rand.NewChaCha8([32]byte{}).Read(content) // never fails
	broken := errors.New("broken")
	tests := map[string]struct {
		source io.Reader
		sized  bool
		want   error
	}{
		"whole reads":       {source: bytes.NewReader(content), want: io.EOF},
		"a known size":      {source: bytes.NewReader(content), sized: true, want: io.EOF},
		"short reads":       {source: iotest.HalfReader(bytes.NewReader(content)), want: io.EOF},
		"data with the end": {source: iotest.DataErrReader(bytes.NewReader(content)), want: io.EOF},
		"an error":          {source: io.MultiReader(bytes.NewReader(content), iotest.ErrReader(broken)), want: broken},
		"odd reads":         {source: odd(bytes.NewReader(content)), want: io.EOF},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			size := int64(-1)
			if test.sized {
				size = int64(len(content))
			}
			a := NewReadAhead(io.NopCloser(test.source), size)
			defer a.Close()
			rest := content
			var err error
			for part := []byte(nil); err == nil; part, err = a.Next() {
				require.True(t, bytes.HasPrefix(rest, part))
				rest = rest[len(part):]
			}
			require.ErrorIs(t, err, test.want)
			assert.Empty(t, rest)
		})
	}
}

func odd(r io.Reader) io.Reader { return &oddReader{r: r} }

// oddReader reads a random number of bytes at a time.
type oddReader struct{ r io.Reader }

func (o *oddReader) Read(p []byte) (int, error) {
	return o.r.Read(p[:min(len(p), 1+rand.IntN(100_000))])
}

// The goroutine reads a bounded number of bytes, and none that the consumer still has.
func TestReadAheadIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source := &endless{}
		a := NewReadAhead(source, -1)
		next := func() []byte {
			part, err := a.Next()
			require.NoError(t, err)
			synctest.Wait()
			return part
		}
		synctest.Wait()
		assert.Equal(t, aheadBytes, source.read)
		for range 4 {
			assert.Len(t, next(), aheadPart)
		}
		assert.Equal(t, aheadBytes, source.read, "it is not yet half empty: the consumer still has the fourth part")
		next()
		assert.Equal(t, aheadBytes+4*aheadPart, source.read, "four parts are free, the consumer has the fifth")
		require.NoError(t, a.Close())
	})
}

// A source of a known size needs no more memory than that.
func TestReadAheadOfASmallSource(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 1000} {
		content := bytes.Repeat([]byte("x"), size)
		a := NewReadAhead(io.NopCloser(bytes.NewReader(content)), int64(size))
		assert.Len(t, a.ring, size+1)
		got, err := readParts(a)
		require.NoError(t, err)
		assert.Equal(t, string(content), string(got))
		require.NoError(t, a.Close())
	}
}

// The announced size may be wrong: a server sets it.
func TestReadAheadOfAWrongSize(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{10, 1000, math.MaxInt64} {
		a := NewReadAhead(io.NopCloser(strings.NewReader("more than ten bytes")), size)
		got, err := readParts(a)
		require.NoError(t, err)
		assert.Equal(t, "more than ten bytes", string(got))
		require.NoError(t, a.Close())
	}
}

type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func (e *endless) Close() error { return nil }

// Close ends a read of the source, and a Next that waits for it.
func TestReadAheadCloseEndsARead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		a := NewReadAhead(r, -1)
		go func() { _, _ = w.Write([]byte("first")) }()
		got, err := a.Next() // what has arrived does not wait for more
		require.NoError(t, err)
		assert.Equal(t, "first", string(got))
		waiting := make(chan error)
		go func() {
			_, err := a.Next()
			waiting <- err
		}()
		synctest.Wait()
		require.NoError(t, a.Close())
		require.ErrorIs(t, <-waiting, io.ErrClosedPipe)
	})
}
