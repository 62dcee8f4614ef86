// Package cli does what the main function of every example repeats: it parses the flags, handles Ctrl-C, prints the
// error and sets the exit status.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/mistralobs/mistralobs-go/examples/internal/progress"
)

// The exit statuses of an example, besides 0.
const (
	statusFailed      = 1
	statusUsage       = 2
	statusInterrupted = 130 // what shells use for a program that Ctrl-C ended
)

// StatusError is an error that ends the program with this exit status and prints nothing.
type StatusError int

func (s StatusError) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// Main parses the flags of [flag.CommandLine], runs the program and exits. The flag -h prints about and the flags.
// The context of run ends with the first Ctrl-C or SIGTERM; a second one ends the program at once.
//
// The exit status is 0, 1 after an error, 2 after a wrong flag or argument, and 130 after an interrupted run that
// returned an error.
func Main(about string, run func(context.Context) error) {
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe")
	flag.Usage = func() {
		fmt.Fprintf(os.Stderr, "%s\n\nUsage of %s:\n", strings.TrimSpace(about), name)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() > 0 {
		const text = "%s: unexpected argument %q: every value needs its flag, and quotes if it has spaces (see -h)\n"
		fmt.Fprintf(os.Stderr, text, name, flag.Arg(0))
		os.Exit(statusUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	os.Exit(report(os.Stderr, name, run(ctx), ctx.Err() != nil))
}

// report prints the error and returns the exit status.
func report(messages io.Writer, name string, err error, interrupted bool) int {
	if err == nil {
		return 0
	}
	if status, ok := err.(StatusError); ok { //nolint:errorlint // an error that wraps it is printed
		return int(status)
	}
	if interrupted {
		fmt.Fprintf(messages, "%s: interrupted: %s\n", name, Printable(err.Error()))
		return statusInterrupted
	}
	fmt.Fprintf(messages, "%s: %s\n", name, Printable(err.Error()))
	return statusFailed
}

// Hint adds a hint to an error that matches target, and returns every other error as it is.
func Hint(err, target error, hint string) error {
	if errors.Is(err, target) {
		return fmt.Errorf("%w (%s)", err, hint)
	}
	return err
}

// Printable returns a text that controls no terminal: it escapes characters that are not printable, except line breaks.
// Names and errors may hold whatever somebody has stored.
func Printable(text string) string {
	var b strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		shown := text[:size]
		if r != '\n' && (!unicode.IsPrint(r) || !utf8.ValidString(shown)) {
			quoted := strconv.Quote(shown)
			shown = quoted[1 : len(quoted)-1]
		}
		b.WriteString(shown)
		text = text[size:]
	}
	return b.String()
}

// Open opens a file, or standard input if the name is empty or "-". Reads of standard input fail when ctx ends. If
// standard input is a terminal, Open says on messages that the program waits.
func Open(ctx context.Context, name string, messages io.Writer) (io.ReadCloser, error) {
	if name != "" && name != "-" {
		return os.Open(name)
	}
	if stat, err := os.Stdin.Stat(); err == nil && stat.Mode().IsRegular() {
		return os.Stdin, nil // its reads do not block, and it can seek
	}
	if progress.IsTerminal(os.Stdin) {
		fmt.Fprintln(messages, "Waiting for JSONL on standard input; Ctrl-D ends it.")
	}
	return interruptible(ctx, os.Stdin), nil
}

// interruptible returns the contents of r. Its reads fail when ctx ends, even while a read of r blocks.
func interruptible(ctx context.Context, r io.Reader) io.ReadCloser {
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { writer.CloseWithError(ctx.Err()) })
	go func() {
		_, err := io.Copy(writer, r)
		writer.CloseWithError(err)
	}()
	return reader
}
