// Mistralobs works with the observability datasets of Mistral from a shell or in CI.
//
// Install it with "go install github.com/mistralobs/mistralobs-go/cmd/mistralobs@latest". The
// command "mistralobs -h" lists its commands.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

// The exit statuses besides 0.
const (
	statusFailed      = 1
	statusUsage       = 2
	statusDiffers     = 3
	statusInterrupted = 130 // as shells use it for a program that SIGINT ended
)

// errDiffers ends a dry run that found differences.
var errDiffers = errors.New("the dataset differs from the file")

// usageError is a mistake in the arguments or flags.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

func usagef(format string, values ...any) error { return usageError{fmt.Sprintf(format, values...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), endingSignals()...)
	context.AfterFunc(ctx, stop)   // a second signal ends the program at once
	signal.Ignore(syscall.SIGPIPE) // so that writing to a closed pipe is an error, and the clean-up runs
	t := &tool{stdin: os.Stdin, stdout: output{os.Stdout}, stderr: os.Stderr}
	os.Exit(t.main(ctx, os.Args[1:]))
}

func endingSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // nohup ignores it
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// tool is one run of the program.
type tool struct {
	stdin   io.Reader
	stdout  io.Writer // for data
	stderr  io.Writer // for everything else
	options []mistralobs.Option

	name     string // of the command
	args     []string
	demo     bool
	asJSON   bool
	client   *mistralobs.Client
	progress *progress
	hints    []hint       // of the command
	check    func() error // checks the arguments and flags; may be nil
}

// main runs a command and returns the exit status.
func (t *tool) main(ctx context.Context, args []string) int {
	t.progress = newProgress(t.stderr)
	err := t.run(ctx, args)
	t.progress.clear()
	return t.report(err, ctx.Err() != nil)
}

func (t *tool) run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return usagef("no command is given; mistralobs -h lists them")
	}
	switch args[0] {
	case "-h", "-help", "--help", "help":
		return t.help(args[1:])
	case "-version", "--version":
		_, err := fmt.Fprintln(t.stdout, mistralobs.Version)
		return err
	}
	c := findCommand(args[0])
	if c == nil {
		return usagef("there is no command %q; mistralobs -h lists them", args[0])
	}
	t.name = c.name
	flags, run := c.flags(t)
	var err error
	t.args, err = parse(flags, args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return c.help(t.stdout, flags)
	case err != nil:
		return usageError{err.Error()}
	case len(t.args) < c.min:
		return usagef("an argument is missing: %s", c.usage())
	case c.max >= 0 && len(t.args) > c.max:
		return usagef("unexpected argument %q: %s", t.args[c.max], c.usage())
	}
	if t.check != nil {
		if err := t.check(); err != nil {
			return err
		}
	}
	if c.offline {
		return run(ctx)
	}
	done, err := t.connect()
	if err != nil {
		return err
	}
	defer done()
	return run(ctx)
}

// parse parses flags that may stand after arguments, and returns the arguments. After "--" there
// are no flags.
func parse(flags *flag.FlagSet, args []string) (arguments []string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		rest := flags.Args()
		if parsed := len(args) - len(rest); len(rest) == 0 || parsed > 0 && args[parsed-1] == "--" {
			return append(arguments, rest...), nil
		}
		arguments, args = append(arguments, rest[0]), rest[1:]
	}
}

// hint says how to solve an error.
type hint struct {
	target error
	text   string
}

var commonHints = []hint{
	{mistralobs.ErrNoAPIKey, "with -demo, the command runs on an in-memory server and needs no key"},
	{errNoDataset, "mistralobs datasets lists all datasets"},
	{datasetsync.ErrNoKey, `-key names another property; -key "" compares contents`},
	{datasetsync.ErrDuplicateKeys, "in the dataset, -duplicates keep-oldest deletes all but the oldest; " +
		"a file must have each key once"},
	{datasetsync.ErrTooManyDeletes, "-max-deletes sets how many records may be deleted"},
}

// report prints an error with its hints, and returns the exit status.
func (t *tool) report(err error, interrupted bool) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errDiffers):
		return statusDiffers
	case interrupted:
		t.message("interrupted: %s", err)
		return statusInterrupted
	case errors.As(err, &usage):
		t.message("%s", err)
		if t.name != "" {
			fmt.Fprintf(t.stderr, "mistralobs %s -h explains the command.\n", t.name)
		}
		return statusUsage
	case errors.Is(err, errOutputClosed):
		return statusFailed // the reader, such as head, wants no more
	}
	t.message("%s", err)
	for _, h := range slices.Concat(t.hints, commonHints) {
		if errors.Is(err, h.target) {
			t.message("%s", h.text)
		}
	}
	return statusFailed
}

// message prints a message with the name of the command, in the place of the progress.
func (t *tool) message(format string, values ...any) {
	t.progress.clear()
	name := strings.TrimSpace("mistralobs " + t.name)
	fmt.Fprintf(t.stderr, "%s: %s\n", name, printable(fmt.Sprintf(format, values...)))
}
