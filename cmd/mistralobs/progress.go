package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// progress is a line on a terminal that shows how far the tool is. If the output is not a terminal,
// it shows nothing.
type progress struct {
	mu    sync.Mutex
	out   io.Writer // nil if it is not a terminal
	drawn time.Time
	what  string
}

func newProgress(out io.Writer) *progress {
	if file, ok := out.(*os.File); ok && isTerminal(file) {
		return &progress{out: out}
	}
	return &progress{}
}

// show draws the line, at most ten times a second. A total of 0 or less is unknown. A unit of "MB"
// means bytes.
func (p *progress) show(what string, done, total int64, unit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil || what == p.what && time.Since(p.drawn) < 100*time.Millisecond {
		return
	}
	p.what, p.drawn = what, time.Now()
	amount := func(n int64) string { return fmt.Sprint(n) }
	if unit == "MB" {
		amount = func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e6) }
	}
	text := what + "  " + amount(done)
	if total > 0 {
		text += fmt.Sprintf(" of %s %s  %d %%", amount(total), unit, done*100/total)
	} else {
		text += " " + unit
	}
	fmt.Fprintf(p.out, "\r%-72.72s", text)
}

// clear removes the line.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.what != "" {
		fmt.Fprintf(p.out, "\r%72s\r", "")
	}
	p.what = ""
}
