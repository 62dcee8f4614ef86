// Sync-dataset makes a dataset equal to a JSONL file.
//
//	go run ./examples/sync-dataset -dataset dataset -file records.jsonl|- [-key property] [-delete] [-max-deletes n]
//	    [-allow-empty] [-duplicates keep-oldest] [-dry-run] [-full] [-json] [-demo]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
	"github.com/mistralobs/mistralobs-go/examples/internal/progress"
)

const about = `
Sync-dataset makes a dataset equal to a JSONL file.

It shows which records it creates, updates and deletes, and does that.
With -dry-run it changes nothing, and exits with status 2 if there is
something to do. In CI, build it first: go run turns every failure into
status 1.` + demo.Environment

// demoRecords are the default of -file with -demo: the first changes a demo record, the second is new.
const demoRecords = `{"payload":{"messages":[{"role":"user","content":"Where is my parcel?"},` +
	`{"role":"assistant","content":"On its way."}]},"properties":{"id":"ticket-01","category":"shipping"}}
{"payload":{"messages":[{"role":"user","content":"Do you ship to Malta?"},` +
	`{"role":"assistant","content":"Yes."}]},"properties":{"id":"ticket-13","category":"shipping"}}
`

// differs is the exit status of a dry run with changes.
const differs = cli.StatusError(2)

type settings struct {
	file, dataset        string
	dryRun, asJSON, demo bool
	options              datasetsync.Options
}

// flagNames replaces the names of options in errors by those of the flags.
var flagNames = strings.NewReplacer(
	"want: it holds no records, so Delete would", "the file holds no records, so -delete would",
	"AllowEmpty allows that", "-allow-empty allows that",
	"and MaxDeletes is", "and -max-deletes is",
	" MaxDeletes:", " -max-deletes:",
	"set Duplicates to KeepOldest to delete", "use -duplicates keep-oldest to delete",
	" (MaxTaskWait)", "",
)

// flagError is an error whose text names flags.
type flagError struct{ error }

func (e flagError) Error() string { return flagNames.Replace(e.error.Error()) }

func (e flagError) Unwrap() error { return e.error }

func main() {
	var s settings
	flag.StringVar(&s.file, "file", "", `JSONL file; "-" is standard input; -demo has two records by default`)
	flag.StringVar(&s.dataset, "dataset", "", demo.DatasetText)
	flag.StringVar(&s.options.Key, "key", "id", `property that identifies a record; "" compares contents`)
	flag.BoolVar(&s.options.Delete, "delete", false, "delete records that are not in the file")
	flag.IntVar(&s.options.MaxDeletes, "max-deletes", 0, "change nothing if there are more deletions; 0 is no limit")
	flag.BoolVar(&s.options.AllowEmpty, "allow-empty", false, "let -delete empty the dataset if the file has no records")
	flag.Func("duplicates", `what to do about several records with one key: "refuse" or "keep-oldest"`, s.setDuplicates)
	flag.BoolVar(&s.dryRun, "dry-run", false, "only show the changes; exit with status 2 if there are any")
	flag.BoolVar(&s.options.Full, "full", false, "show all changes and all differences, uncut")
	flag.BoolVar(&s.asJSON, "json", false, "print the plan of a dry run, or the report, as JSON")
	flag.BoolVar(&s.demo, "demo", false, demo.FlagText)
	cli.Main(about, s.run)
}

func (s *settings) setDuplicates(value string) error {
	policies := map[string]datasetsync.DuplicatePolicy{
		"refuse": datasetsync.RefuseDuplicates, "keep-oldest": datasetsync.KeepOldest,
	}
	policy, ok := policies[value]
	if !ok {
		return errors.New(`it must be "refuse" or "keep-oldest"`)
	}
	s.options.Duplicates = policy
	return nil
}

func (s *settings) run(ctx context.Context) error {
	client, done, err := demo.Client(s.demo, os.Stderr)
	if err != nil {
		return err
	}
	defer done()
	name, err := demo.Dataset(s.demo, s.dataset)
	if err != nil {
		return err
	}
	input, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer input.Close()
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return cli.Hint(err, mistralobs.ErrNotFound, "go run ./examples/list shows all datasets")
	}
	err = s.sync(ctx, client, dataset.ID, input)
	if err == nil || errors.Is(err, differs) {
		return err
	}
	return cli.Hint(flagError{err}, datasetsync.ErrNoKey, `-key names another property; -key "" compares contents`)
}

func (s *settings) open(ctx context.Context) (io.ReadCloser, error) {
	switch {
	case s.file != "":
		return cli.Open(ctx, s.file, os.Stderr)
	case s.demo:
		return io.NopCloser(strings.NewReader(demoRecords)), nil
	}
	return nil, errors.New("give the file with -file")
}

func (s *settings) sync(ctx context.Context, client *mistralobs.Client, datasetID string, input io.Reader) error {
	line := progress.New(os.Stderr)
	defer line.Clear()
	s.options.OnProgress = func(p datasetsync.Progress) { line.Records(string(p.Phase), int64(p.Done), int64(p.Total)) }
	plan, err := datasetsync.Diff(ctx, client, datasetID, mistralobs.ReadJSONL(input), s.options)
	if err != nil {
		return err
	}
	defer plan.Close()
	line.Clear()
	if s.dryRun {
		if err := s.print(plan); err != nil || plan.InSync() {
			return err
		}
		return differs
	}
	fmt.Fprintln(os.Stderr, plan)
	report, err := plan.Apply(ctx, client, s.options)
	line.Clear()
	if report != nil {
		err = errors.Join(err, s.print(report))
	}
	return err
}

// print prints a plan or a report.
func (s *settings) print(result any) error {
	if s.asJSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(result)
	}
	_, err := fmt.Println(result)
	return err
}
