package bench_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

// wantedFile is a JSONL file of the records that the server has, in their order. Each
// changedEvery-th has other properties; 0 means that none has.
type wantedFile struct {
	records, changedEvery int

	n    int
	rest []byte
	line bytes.Buffer
}

func (f *wantedFile) Read(p []byte) (int, error) {
	if len(f.rest) == 0 {
		if f.n == f.records {
			return 0, io.EOF
		}
		properties := benchProperties(f.n)
		if f.changedEvery > 0 && f.n%f.changedEvery == 0 {
			properties = fmt.Sprintf(`{"id":"ticket-%06d","category":"refunds"}`, f.n)
		}
		f.line.Reset()
		fmt.Fprintf(&f.line, `{"payload":%s,"properties":%s}`+"\n", benchPayload(f.n, 2000), properties)
		f.rest = f.line.Bytes()
		f.n++
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}

// diff compares a dataset with a file of as many records, and checks the number of differences.
func diff(b *testing.B, client *mistralobs.Client, records, changedEvery int) (*datasetsync.Plan, error) {
	file := &wantedFile{records: records, changedEvery: changedEvery}
	options := datasetsync.Options{Key: "id", Delete: true}
	plan, err := datasetsync.Diff(b.Context(), client, benchDataset, mistralobs.ReadJSONL(file), options)
	if err != nil {
		return nil, err
	}
	changed := 0
	if changedEvery > 0 {
		changed = (records + changedEvery - 1) / changedEvery
	}
	return plan, errors.Join(want(len(plan.Update), changed, nil), want(plan.Equal, records-changed, nil))
}

// BenchmarkDiff compares datasets with files of as many records of 2 KB. The baseline only reads
// both sides.
func BenchmarkDiff(b *testing.B) {
	for _, shape := range []struct{ records, changedEvery int }{
		{records: 100_000, changedEvery: 0},
		{records: 100_000, changedEvery: 100},
		{records: 100_000, changedEvery: 10},
		{records: 100_000, changedEvery: 2},
		{records: 1_000_000, changedEvery: 0},
	} {
		name := fmt.Sprintf("records=%d/every=%d/", shape.records, shape.changedEvery)
		client := benchClient(b, benchServer(b, 0, shape.records/100))
		b.Run(name+"by=sdk", func(b *testing.B) {
			measured(b, func() error {
				plan, err := diff(b, client, shape.records, shape.changedEvery)
				if err != nil {
					return err
				}
				return plan.Close()
			})
		})
		if shape.changedEvery > 0 {
			continue
		}
		b.Run(name+"by=read", func(b *testing.B) {
			measured(b, func() error {
				n, err := count(client.Records.All(b.Context(), benchDataset, mistralobs.ListParams{}))
				if err := want(n, shape.records, err); err != nil {
					return err
				}
				n, err = count(mistralobs.ReadJSONL(&wantedFile{records: shape.records}))
				return want(n, shape.records, err)
			})
		})
	}
}

// BenchmarkSync also writes the changes: one record in a hundred.
func BenchmarkSync(b *testing.B) {
	const records = 100_000
	client := benchClient(b, benchServer(b, 0, records/100))
	measured(b, func() error {
		plan, err := diff(b, client, records, 100)
		if err != nil {
			return err
		}
		defer plan.Close()
		report, err := plan.Apply(b.Context(), client, datasetsync.Options{})
		if err != nil {
			return err
		}
		return want(report.Updated, records/100, nil)
	})
}
