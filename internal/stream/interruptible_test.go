package stream

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInterruptibleReadsEverything(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 20_000)
	broken := errors.New("broken")
	tests := map[string]struct {
		r    io.Reader
		want error
	}{
		"whole reads":       {r: strings.NewReader(content)},
		"half reads":        {r: iotest.HalfReader(strings.NewReader(content))},
		"data with the end": {r: iotest.DataErrReader(strings.NewReader(content))},
		"data, then an error": {r: io.MultiReader(strings.NewReader(content), iotest.ErrReader(broken)),
			want: broken},
		"data beside an error":  {r: &dataErrReader{content, broken}, want: broken},
		"reads of nothing also": {r: io.MultiReader(&emptyReader{n: 3}, strings.NewReader(content))},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := NewInterruptible(t.Context(), test.r)
			got, err := io.ReadAll(iotest.OneByteReader(r))
			require.ErrorIs(t, err, test.want)
			assert.Equal(t, content, string(got))
			n, err := r.Read(make([]byte, 1))
			assert.Zero(t, n)
			assert.Error(t, err, "the end stays")
		})
	}
}

// dataErrReader returns its content and its error together.
type dataErrReader struct {
	content string
	err     error
}

func (r *dataErrReader) Read(p []byte) (int, error) {
	n := copy(p, r.content)
	r.content = r.content[n:]
	if r.content == "" {
		return n, r.err
	}
	return n, nil
}

// emptyReader returns no bytes and no error, n times.
type emptyReader struct{ n int }

func (r *emptyReader) Read([]byte) (int, error) {
	if r.n--; r.n < 0 {
		return 0, io.EOF
	}
	return 0, nil
}

// The context ends a read that blocks. The goroutine stays until the blocked read returns.
func TestInterruptibleEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		input, feed := io.Pipe()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		r := NewInterruptible(ctx, input)
		go func() { _, _ = feed.Write([]byte("first")) }()
		buf := make([]byte, 10)
		n, err := r.Read(buf)
		require.NoError(t, err)
		assert.Equal(t, "first", string(buf[:n]))

		start := time.Now()
		_, err = r.Read(buf)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		require.NoError(t, feed.Close()) // ends the blocked read, and with it the goroutine
	})
}

// It reads only when asked to: nobody loses bytes that Read has not returned.
func TestInterruptibleDoesNotReadAhead(t *testing.T) {
	t.Parallel()
	input := strings.NewReader(strings.Repeat("x", 3*interruptibleBuffer))
	r := NewInterruptible(t.Context(), input)
	_, err := io.ReadFull(r, make([]byte, interruptibleBuffer))
	require.NoError(t, err)
	assert.Equal(t, 2*interruptibleBuffer, input.Len())
}
