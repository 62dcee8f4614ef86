package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

// inputGrace is how long close waits for the sequence to return.
const inputGrace = 100 * time.Millisecond

// input reads the wanted records in a goroutine, so that a read can end with the context while the sequence blocks.
type input struct {
	entries chan inputEntry // closed at the end of the sequence
	stop    chan struct{}
	done    chan struct{}

	peeked *inputEntry // read ahead by peek
	index  int         // of the last record, from 1
}

type inputEntry struct {
	record *mistralobs.JSONLRecord
	err    error
}

func startInput(want iter.Seq2[*mistralobs.JSONLRecord, error]) *input {
	in := &input{entries: make(chan inputEntry), stop: make(chan struct{}), done: make(chan struct{})}
	go in.read(want)
	return in
}

func (in *input) read(want iter.Seq2[*mistralobs.JSONLRecord, error]) {
	defer close(in.done)
	whole := false
	defer func() {
		if !whole { // the sequence has ended its goroutine: what it would have yielded is not known
			in.send(inputEntry{err: errInputExited})
		}
		close(in.entries)
	}()
	for record, err := range want {
		if !in.send(inputEntry{record, err}) || err != nil {
			break
		}
	}
	whole = true
}

var errInputExited = errors.New("datasetsync: reading the input: the sequence ended its goroutine (runtime.Goexit)")

// send passes an entry on, and reports whether somebody took it.
func (in *input) send(entry inputEntry) bool {
	select {
	case in.entries <- entry:
		return true
	case <-in.stop:
		return false
	}
}

// peek waits for the first record, and reports whether there is one. The next call of next returns it.
func (in *input) peek(ctx context.Context) (bool, error) {
	entry, ok, err := in.receive(ctx)
	if ok {
		in.peeked = &entry
	}
	return ok, err
}

func (in *input) receive(ctx context.Context) (entry inputEntry, ok bool, err error) {
	if err := ctx.Err(); err != nil {
		return entry, false, inputEnded(err)
	}
	select {
	case entry, ok = <-in.entries:
		return entry, ok, entry.err
	case <-ctx.Done():
		return entry, false, inputEnded(ctx.Err())
	}
}

// next returns the next wanted record, or false at the end.
func (in *input) next(ctx context.Context) (w wanted, ok bool, err error) {
	entry := in.peeked
	in.peeked = nil
	if entry == nil {
		received, ok, err := in.receive(ctx)
		if !ok || err != nil {
			return w, false, err
		}
		entry = &received
	}
	in.index++
	w = wanted{record: entry.record, index: in.index}
	return w, true, w.check()
}

// close stops the goroutine. It waits for the sequence to return, but not longer than inputGrace. A goroutine that
// blocks longer ends when the sequence yields its next record.
func (in *input) close() {
	close(in.stop)
	timer := time.NewTimer(inputGrace)
	defer timer.Stop()
	select {
	case <-in.done:
	case <-timer.C:
	}
}

func inputEnded(err error) error { return fmt.Errorf("datasetsync: reading the input: %w", err) }

// wanted is a record that the dataset should have.
type wanted struct {
	record *mistralobs.JSONLRecord
	index  int
}

func (w wanted) check() error {
	switch {
	case w.record == nil:
		return fmt.Errorf("datasetsync: %s is nil", place(0, w.index))
	case !isObject(w.record.Payload):
		return fmt.Errorf("datasetsync: %s: its payload is not a JSON object", w.place())
	case len(w.record.Properties) > 0 && !isObject(w.record.Properties):
		return fmt.Errorf("datasetsync: %s: its properties are not a JSON object", w.place())
	}
	return nil
}

func (w wanted) place() string { return place(w.record.Line, w.index) }

// place names a record of the input by its line, or by its index if it has no line.
func place(line, index int) string {
	if line > 0 {
		return fmt.Sprintf("line %d", line)
	}
	return fmt.Sprintf("record %d of the input", index)
}
