package stream

import "runtime"

// Panic carries a panic, or a [runtime.Goexit], from the goroutine that it happens in to another
// one. Its zero value carries none.
type Panic struct {
	value  any
	goexit bool
}

// Guard calls f and keeps its panic. After a Goexit of f, Guard does not return: the goroutine
// ends.
func (p *Panic) Guard(f func()) {
	returned := false
	defer func() {
		if returned {
			return
		}
		p.value = recover()
		p.goexit = p.value == nil
	}()
	f()
	returned = true
}

// Happened reports whether there is a panic to raise.
func (p *Panic) Happened() bool { return p.goexit || p.value != nil }

// Raise repeats the panic or Goexit of the other goroutine, if there was one.
func (p *Panic) Raise() {
	switch {
	case p.goexit:
		runtime.Goexit()
	case p.value != nil:
		panic(p.value)
	}
}
