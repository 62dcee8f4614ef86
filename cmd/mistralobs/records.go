package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/stream"
)

func records(t *tool, flags *flag.FlagSet) func(context.Context) error {
	flags.BoolVar(&t.asJSON, "json", false, "print all fields of the records")
	type line struct {
		ID         string            `json:"id"`
		Payload    mistralobs.Object `json:"payload"`
		Properties mistralobs.Object `json:"properties"`
	}
	return func(ctx context.Context) error {
		dataset, err := t.dataset(ctx)
		if err != nil {
			return err
		}
		for record, err := range t.client.Records.All(ctx, dataset.ID, mistralobs.ListParams{}) {
			if err != nil {
				return err
			}
			var value any = line{record.ID, record.Payload, record.Properties}
			if t.asJSON {
				value = record
			}
			if err := t.printJSON(value); err != nil {
				return err
			}
		}
		return nil
	}
}

func get(t *tool, flags *flag.FlagSet) func(context.Context) error {
	flags.BoolVar(&t.asJSON, "json", false, "print one record per line, not indented")
	return func(ctx context.Context) error {
		for _, id := range t.args {
			record, err := t.client.Records.Get(ctx, id)
			if err != nil {
				return err
			}
			var text bytes.Buffer
			if err := json.Indent(&text, []byte(record.String()), "", "  "); err != nil {
				return err
			}
			if err := t.print(record, text.String()); err != nil {
				return err
			}
		}
		return nil
	}
}

func edit(t *tool, flags *flag.FlagSet) func(context.Context) error {
	flags.BoolVar(&t.asJSON, "json", false, "print the changed record as JSON")
	var set func(*mistralobs.Record) error
	t.check = func() (err error) {
		set, err = assignments(t.args[1:])
		return err
	}
	return func(ctx context.Context) error {
		record, err := t.client.Records.Edit(ctx, t.args[0], set)
		if err != nil {
			return err
		}
		if t.asJSON {
			return t.printJSON(record)
		}
		return nil
	}
}

// assignments returns a function that sets the properties that arguments such as score=0.5 name.
func assignments(args []string) (func(*mistralobs.Record) error, error) {
	for _, arg := range args {
		name, value, found := strings.Cut(arg, "=")
		if !found || name == "" {
			return nil, usagef("%q is not NAME=JSON", arg)
		}
		if !json.Valid([]byte(value)) {
			return nil, usagef(`the value of %q is not JSON; a string needs quotes, such as '%s="text"'`, arg, name)
		}
	}
	return func(record *mistralobs.Record) (err error) {
		for _, arg := range args {
			name, value, _ := strings.Cut(arg, "=")
			if record.Properties, err = record.Properties.Set(name, json.RawMessage(value)); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func deleteAll(t *tool, flags *flag.FlagSet) func(context.Context) error {
	datasets := flags.Bool("datasets", false, "delete the datasets that the arguments name, with their records")
	return func(ctx context.Context) error {
		if !*datasets {
			return t.client.Records.DeleteAll(ctx, t.args)
		}
		var ids []string // found before any is deleted
		for _, name := range t.args {
			dataset, err := t.find(ctx, name)
			if err != nil {
				return err
			}
			ids = append(ids, dataset.ID)
		}
		for _, id := range ids {
			if err := t.client.Datasets.Delete(ctx, id); err != nil {
				return err
			}
		}
		return nil
	}
}

func add(t *tool, flags *flag.FlagSet) func(context.Context) error {
	flags.BoolVar(&t.asJSON, "json", false, "print the new records as JSON, one per line, instead of their IDs")
	return func(ctx context.Context) error {
		dataset, err := t.dataset(ctx)
		if err != nil {
			return err
		}
		input, err := t.open(ctx)
		if err != nil {
			return err
		}
		defer input.Close()
		file, err := seekable(input)
		if err != nil {
			return err
		}
		defer file.Close()
		return t.add(ctx, dataset.ID, file)
	}
}

// seekable copies an input that cannot be read twice into a temporary file.
func seekable(input io.Reader) (io.ReadSeekCloser, error) {
	if file, ok := input.(*os.File); ok {
		return file, nil
	}
	file, err := stream.NewTempFile("mistralobs-*.jsonl")
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(file, input)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// add checks all records, then creates them one after the other.
func (t *tool) add(ctx context.Context, datasetID string, file io.ReadSeeker) error {
	start, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	total, added := int64(0), int64(0)
	for _, err := range mistralobs.NewRecords(mistralobs.ReadJSONL(file)) {
		if err = errors.Join(err, ctx.Err()); err != nil {
			return fmt.Errorf("%w; nothing was added", err)
		}
		total++
		t.progress.show("checking", total, 0, "records")
	}
	if total == 0 {
		return errors.New("the input has no records")
	}
	if _, err := file.Seek(start, io.SeekStart); err != nil {
		return err
	}
	input := mistralobs.NewRecords(mistralobs.ReadJSONL(file))
	inOrder := mistralobs.BulkOptions{Concurrency: 1}
	for record, err := range t.client.Records.CreateAll(ctx, datasetID, input, inOrder) {
		if err != nil {
			return fmt.Errorf("%w; %d of %s added", err, added, counted(total, "record"))
		}
		added++
		if err := t.print(record, record.ID); err != nil {
			return fmt.Errorf("%w; %d of %s added", err, added, counted(total, "record"))
		}
		t.progress.show("adding", added, total, "records")
	}
	return nil
}
