package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/mistralobs/mistralobs-go"
)

// record is a record in a form that is equal for equal JSON: names sorted,
// white space dropped, numbers as they were written.
type record string

func newRecord(payload, properties mistralobs.Object) (record, error) {
	p, err := payload.Map()
	if err != nil {
		return "", err
	}
	q, err := properties.Map()
	if err != nil {
		return "", err
	}
	text, err := json.Marshal([]any{p, q})
	return record(text), err
}

// records is a set of them, in which one can be more than once. The order does
// not count: the service does not promise any.
type records []record

func (r records) withEdit(e edit) (records, error) {
	for i := range r {
		if r[i] == e.before {
			r[i] = e.after
			return r, nil
		}
	}
	return nil, fmt.Errorf("the dataset holds a record that is not in the file: %.200s", e.before)
}

// compare tells every record that is only in one of the two.
func (r records) compare(got records) error {
	balance := map[record]int{}
	for _, rec := range r {
		balance[rec]++
	}
	var errs []error
	for _, rec := range got {
		if balance[rec]--; balance[rec] < 0 {
			errs = append(errs, fmt.Errorf("came back, but did not go in: %.200s", rec))
		}
	}
	for rec, n := range balance {
		if n > 0 {
			errs = append(errs, fmt.Errorf("went in, but did not come back: %.200s", rec))
		}
	}
	return errors.Join(errs...)
}
