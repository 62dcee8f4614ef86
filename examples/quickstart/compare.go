package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/mistralobs/mistralobs-go"
)

const maxDifferences = 5

// digest stands for a record. It is equal for records that are equal as JSON: the order of names and white space do
// not count, numbers are compared as they are written.
type digest [16]byte

func digestOf(payload, properties mistralobs.Object) (digest, error) {
	p, err := payload.Map()
	if err != nil {
		return digest{}, err
	}
	q, err := properties.Map()
	if err != nil {
		return digest{}, err
	}
	text, err := json.Marshal([]any{p, q})
	sum := sha256.Sum256(text)
	return digest(sum[:16]), err
}

// records has the number of copies of each record. The order does not count: the service does not promise any. The
// memory that it takes does not depend on the size of the records.
type records map[digest]int

// count reads a file.
func count(ctx context.Context, file source) (records, error) {
	found := records{}
	for d, err := range file.records(ctx, "checking") {
		if err != nil {
			return nil, err
		}
		found[d.digest]++
	}
	if len(found) == 0 {
		return nil, errors.New("the file has no records")
	}
	return found, nil
}

// numbered is a record of a file and the number of its line.
type numbered struct {
	digest
	line int
}

// records reads a file record by record. The text what describes the activity.
func (s source) records(ctx context.Context, what string) iter.Seq2[numbered, error] {
	return func(yield func(numbered, error) bool) {
		file, err := s.open()
		if err != nil {
			yield(numbered{}, err)
			return
		}
		defer file.Close()
		for record, err := range mistralobs.ReadJSONL(s.line.Reader(what, file)) {
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(numbered{}, err)
				return
			}
			d, err := digestOf(record.Payload, record.Properties)
			if !yield(numbered{d, record.Line}, err) || err != nil {
				return
			}
		}
	}
}

func (r records) total() (sum int) {
	for _, n := range r {
		sum += n
	}
	return sum
}

func (r records) replace(before, after digest) error {
	if r[before] == 0 {
		return errors.New("the dataset has a record that is not in the file")
	}
	r[before]--
	r[after]++
	return nil
}

// compare returns an error that names the first lines of the export and of the input which differ. It removes from r
// what the export has.
func (r records) compare(ctx context.Context, export, input source) error {
	var differences []error
	add := func(format string, args ...any) {
		if len(differences) < maxDifferences {
			differences = append(differences, fmt.Errorf(format, args...))
		}
	}
	for record, err := range export.records(ctx, "verifying") {
		if err != nil {
			return err
		}
		if r[record.digest]--; r[record.digest] < 0 {
			add("line %d of the export is not in the input", record.line)
		}
	}
	for record, err := range input.records(ctx, "verifying the input") {
		if err != nil {
			return err
		}
		if r[record.digest] > 0 {
			r[record.digest]--
			add("line %d of the input is not in the export", record.line)
		}
	}
	for _, n := range r {
		if n > 0 {
			add("the edited record is not in the export")
		}
	}
	return errors.Join(differences...)
}
