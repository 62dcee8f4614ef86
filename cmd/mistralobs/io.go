package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/stream"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// cleanUpTime limits the clean-up after a failure or a signal.
const cleanUpTime = 30 * time.Second

// errNoDataset marks the failure to find a dataset that an argument names.
var errNoDataset = errors.New("no such dataset")

// marked is an error that also matches another one. Its text is the same.
type marked struct {
	error
	as error
}

func (m marked) Unwrap() []error { return []error{m.error, m.as} }

// errOutputClosed means that the reader of standard output has closed the pipe.
var errOutputClosed = errors.New("standard output is closed")

// output is standard output. It reports a closed pipe as errOutputClosed, to distinguish it from a
// broken connection of the client.
type output struct{ file *os.File }

func (o output) Write(p []byte) (int, error) {
	n, err := o.file.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		err = errOutputClosed
	}
	return n, err
}

// connect makes the client: of the service or, with -demo, of a server in this process.
func (t *tool) connect() (done func(), err error) {
	options := t.options
	if !t.demo {
		t.client, err = mistralobs.NewClient(options...)
		if err != nil {
			return nil, err
		}
		return t.client.CloseIdleConnections, nil
	}
	server := mistralobstest.NewServer()
	server.SeedDemo()
	t.hints = append(t.hints, hint{mistralobs.ErrNotFound,
		"-demo starts a new server each time, with new IDs; mistralobs emulator keeps running"})
	options = append(options, mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	t.client, err = mistralobs.NewClient(options...)
	if err != nil {
		server.Close()
		return nil, err
	}
	return func() { t.client.CloseIdleConnections(); server.Close() }, nil
}

// dataset finds the dataset that the first argument names.
func (t *tool) dataset(ctx context.Context) (*mistralobs.Dataset, error) {
	return t.find(ctx, t.args[0])
}

func (t *tool) find(ctx context.Context, name string) (*mistralobs.Dataset, error) {
	dataset, err := t.client.Datasets.Find(ctx, name)
	if errors.Is(err, mistralobs.ErrNotFound) {
		err = marked{err, errNoDataset}
	}
	return dataset, err
}

// open opens the file that the second argument names. "-" or no argument is standard input, whose
// reads end with ctx.
func (t *tool) open(ctx context.Context) (io.ReadCloser, error) {
	input := t.stdin
	if len(t.args) > 1 && t.args[1] != "-" {
		file, err := os.Open(t.args[1])
		if err != nil {
			return nil, err
		}
		input = file
	}
	file, ok := input.(*os.File)
	if ok && isTerminal(file) {
		fmt.Fprintln(t.stderr, "Waiting for JSONL on standard input; Ctrl-D ends it.")
	}
	if ok && isRegular(file) {
		return file, nil // it can seek, and reading it does not block
	}
	return io.NopCloser(stream.NewInterruptible(ctx, input)), nil
}

func isTerminal(file *os.File) bool {
	stat, err := file.Stat()
	if err != nil || stat.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull) // a character device too
	return err != nil || !os.SameFile(stat, null)
}

func isRegular(file *os.File) bool {
	stat, err := file.Stat()
	return err == nil && stat.Mode().IsRegular()
}

// printJSON prints a value as one line.
func (t *tool) printJSON(value any) error {
	t.progress.clear()
	encoder := json.NewEncoder(t.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}

// print prints a value as one line of JSON with -json, otherwise the text.
func (t *tool) print(value any, text string) error {
	if t.asJSON {
		return t.printJSON(value)
	}
	t.progress.clear()
	_, err := fmt.Fprintln(t.stdout, printable(text))
	return err
}

// printable escapes characters that are not printable, except line breaks, because names and errors
// may hold control sequences for a terminal.
func printable(text string) string {
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

// counted returns a number with its noun, such as "1 record" and "2 records".
func counted(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return strconv.FormatInt(n, 10) + " " + noun
}
