package stream

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestPanic(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		f    func()
		want any // what the other goroutine recovers
		ends bool
	}{
		"none":     {f: func() {}, ends: true},
		"a panic":  {f: func() { panic("oh") }, want: "oh"},
		"a goexit": {f: runtime.Goexit},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p Panic
			in(func() { p.Guard(test.f) })
			assert.Equal(t, !test.ends, p.Happened())
			var recovered any
			ended := false
			in(func() {
				defer func() { recovered = recover() }()
				p.Raise()
				ended = true
			})
			assert.Equal(t, []any{test.want, test.ends}, []any{recovered, ended})
		})
	}
}

// in calls f in a goroutine and waits for the end of that.
func in(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
}
