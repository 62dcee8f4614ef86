// Package progress shows on a terminal how far a program is.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
)

const (
	redrawAfter = 100 * time.Millisecond
	rateAfter   = time.Second // before, a rate would say little
	width       = 72
)

// Line is one line of a terminal, which each report overwrites. It prints nothing if the output is not a terminal.
// It is safe for concurrent use.
type Line struct {
	mu       sync.Mutex
	out      io.Writer
	terminal bool
	what     string
	start    time.Time // of what
	first    int64     // the amount done at the start
	drawn    time.Time
	visible  bool
}

// New returns a line at the end of out, which is usually [os.Stderr].
func New(out *os.File) *Line {
	return &Line{out: out, terminal: IsTerminal(out)}
}

// IsTerminal reports whether the file is a terminal.
func IsTerminal(file *os.File) bool {
	stat, err := file.Stat()
	if err != nil || stat.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too
	return err != nil || !os.SameFile(stat, null)
}

// Records shows a number of records. A total of 0 or less is unknown.
func (l *Line) Records(what string, done, total int64) {
	l.show(what, done, total, records)
}

// Bytes shows a number of bytes. A total of 0 or less is unknown.
func (l *Line) Bytes(what string, done, total int64) {
	l.show(what, done, total, bytes)
}

// Percent shows a percentage.
func (l *Line) Percent(what string, percentage int) {
	l.show(what, int64(percentage), 100, percent)
}

// Println clears the line and prints a message in its place, also if the output is not a terminal.
func (l *Line) Println(message ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	fmt.Fprintln(l.out, message...)
}

// Clear clears the line. The next report shows it again.
func (l *Line) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
}

func (l *Line) clear() {
	if l.visible {
		fmt.Fprintf(l.out, "\r%*s\r", width, "")
	}
	l.visible, l.drawn = false, time.Time{}
}

// show draws the line if it is a new activity or if the last drawing is old enough. A new activity restarts the clock.
func (l *Line) show(what string, done, total int64, format unit) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.terminal {
		return
	}
	now := time.Now()
	if what != l.what {
		l.what, l.start, l.first, l.drawn = what, now, done, time.Time{}
	}
	if now.Sub(l.drawn) < redrawAfter {
		return
	}
	l.drawn, l.visible = now, true
	fmt.Fprintf(l.out, "\r%-*.*s", width, width, l.text(done, total, now.Sub(l.start), format))
}

// text describes the activity, for example "uploading  12.0 MB of 24.0 MB  50 %  6.0 MB/s  2s left".
func (l *Line) text(done, total int64, elapsed time.Duration, format unit) string {
	parts := []string{l.what}
	if format.amount != nil {
		parts = append(parts, amountOf(done, total, format))
	}
	if total > 0 {
		parts = append(parts, fmt.Sprintf("%d %%", done*100/total))
	}
	if perSecond := float64(done-l.first) / elapsed.Seconds(); elapsed >= rateAfter && perSecond > 0 {
		if format.amount != nil {
			parts = append(parts, format.amount(perSecond)+"/s")
		}
		if total > done {
			left := time.Duration(float64(total-done) / perSecond * float64(time.Second))
			parts = append(parts, left.Round(time.Second).String()+" left")
		}
	}
	return strings.Join(parts, "  ")
}

func amountOf(done, total int64, format unit) string {
	amount := format.amount(float64(done))
	if total > 0 {
		amount += " of " + format.amount(float64(total))
	}
	return amount + format.suffix
}

// unit formats an amount.
type unit struct {
	amount func(float64) string
	suffix string
}

var (
	records = unit{amount: formatCount, suffix: " records"}
	bytes   = unit{amount: formatBytes}
	percent = unit{}
)

func formatCount(n float64) string {
	if n < 10 && n != float64(int(n)) {
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.0f", n)
}

func formatBytes(n float64) string {
	switch {
	case n < 1e3:
		return fmt.Sprintf("%.0f B", n)
	case n < 1e6:
		return fmt.Sprintf("%.1f kB", n/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.1f MB", n/1e6)
	}
	return fmt.Sprintf("%.1f GB", n/1e9)
}
