package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"text/tabwriter"

	"github.com/mistralobs/mistralobs-go"
)

// evaluation runs a judge on the records of a dataset.
type evaluation struct {
	*tool
	judge           mistralobs.JudgeDefinition
	write, by, pass string
	workers         int

	mu       sync.Mutex
	groups   map[string]*group // by the value of the property that by names
	judged   int
	unscored int
}

// group has the sum of the scores of records.
type group struct {
	records int
	sum     float64
}

func evaluate(t *tool, flags *flag.FlagSet) func(context.Context) error {
	e := &evaluation{tool: t, groups: map[string]*group{}}
	source := flags.String("judge", "",
		"a `file` with the definition of a judge as JSON, or the ID of a judge (required)")
	flags.StringVar(&e.write, "write", "",
		"write answers to this `property`; records that have it are not judged again")
	flags.StringVar(&e.by, "by", "", "show a result for each value of this `property`")
	flags.StringVar(&e.pass, "pass", "",
		"the `answer` that passes, if the judge chooses one (default: its first option)")
	flags.IntVar(&e.workers, "workers", 8, "judge this `number` of records at once")
	flags.BoolVar(&t.asJSON, "json", false, "print each judgement as JSON, one per line, instead of the table")
	t.check = func() error {
		switch {
		case *source == "":
			return usagef("-judge is required")
		case e.workers < 1:
			return usagef("-workers must be positive, got %d", e.workers)
		}
		return nil
	}
	return func(ctx context.Context) error {
		if err := e.findJudge(ctx, *source); err != nil {
			return err
		}
		dataset, err := t.dataset(ctx)
		if err != nil {
			return err
		}
		if err := e.judgeAll(ctx, dataset.ID); err != nil {
			return fmt.Errorf("%w (judged: %s)", err, counted(int64(e.judged), "record"))
		}
		if !t.asJSON {
			err = e.printTable()
		}
		if e.unscored > 0 {
			err = errors.Join(err, fmt.Errorf("records without a score: %d", e.unscored))
		}
		return err
	}
}

// findJudge reads the file, or gets the judge of the workspace if there is no such file.
func (e *evaluation) findJudge(ctx context.Context, source string) error {
	text, err := os.ReadFile(source)
	switch {
	case errors.Is(err, os.ErrNotExist):
		judge, err := e.client.Judges.Get(ctx, source)
		if err != nil {
			return fmt.Errorf("there is no file %q, and no judge: %w", source, err)
		}
		e.judge = judge.JudgeDefinition
	case err != nil:
		return err
	default:
		if err := json.Unmarshal(text, &e.judge); err != nil {
			return fmt.Errorf("%s: %w", source, err)
		}
	}
	if options := e.judge.Output.Options; len(options) > 0 {
		e.pass = cmp.Or(e.pass, options[0].Value)
	}
	return nil
}

// judgeAll stops at the first error, except for records that a judge cannot read.
func (e *evaluation) judgeAll(ctx context.Context, datasetID string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	records := make(chan *mistralobs.Record)
	var workers sync.WaitGroup
	for range e.workers {
		workers.Go(func() {
			for record := range records {
				if err := e.judgeRecord(ctx, record); err != nil {
					stop(err) // the first cause counts
				}
			}
		})
	}
	for record, err := range e.client.Records.All(ctx, datasetID, mistralobs.ListParams{}) {
		if err != nil {
			stop(err)
			break
		}
		select {
		case records <- record:
		case <-ctx.Done():
		}
	}
	close(records)
	workers.Wait()
	return context.Cause(ctx)
}

func (e *evaluation) judgeRecord(ctx context.Context, record *mistralobs.Record) error {
	if answer, found := record.Properties.Get(e.write); found && e.write != "" {
		return e.count(record, &mistralobs.Judgement{Answer: mistralobs.Answer(answer)}, false)
	}
	judgement, err := e.client.Records.Judge(ctx, record.ID, e.judge)
	failure, ok := errors.AsType[*mistralobs.Error](err)
	if ok && failure.Code == mistralobs.CodeJudgeConversationFormat {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.leaveOut(record, err)
		return nil
	}
	if err == nil && e.write != "" {
		_, err = e.client.Records.Edit(ctx, record.ID, func(record *mistralobs.Record) (err error) {
			record.Properties, err = record.Properties.Set(e.write, judgement.Answer)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("record %s: %w", record.ID, err)
	}
	return e.count(record, judgement, true)
}

// leaveOut reports a record that has no score. The caller holds mu.
func (e *evaluation) leaveOut(record *mistralobs.Record, why error) {
	e.unscored++
	e.message("record %s: %s", record.ID, why)
}

// score returns an answer as a number or, for a classification, 1 for a pass and otherwise 0.
func (e *evaluation) score(answer mistralobs.Answer) (float64, error) {
	switch {
	case e.judge.Output.Type != mistralobs.OutputClassification:
		return answer.Float64()
	case answer.String() == e.pass:
		return 1, nil
	}
	return 0, nil
}

// groupOf names the group of a record.
func (e *evaluation) groupOf(record *mistralobs.Record) string {
	if e.by == "" {
		return "all"
	}
	if text, ok := record.Properties.Text(e.by); ok {
		return text
	}
	value, _ := record.Properties.Get(e.by)
	return cmp.Or(string(value), "none")
}

// count adds an answer to the group of its record. An answer without a score, such as a string that
// another program stored in the property, is reported and left out.
func (e *evaluation) count(record *mistralobs.Record, judgement *mistralobs.Judgement, judged bool) error {
	score, err := e.score(judgement.Answer)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil {
		e.leaveOut(record, err)
	} else {
		name := e.groupOf(record)
		g := e.groups[name]
		if g == nil {
			g = &group{}
			e.groups[name] = g
		}
		g.records++
		g.sum += score
	}
	if !judged {
		return nil
	}
	e.judged++
	e.progress.show("judging", int64(e.judged), 0, "records")
	if !e.asJSON {
		return nil
	}
	return e.printJSON(struct {
		ID string `json:"record_id"`
		*mistralobs.Judgement
	}{record.ID, judgement})
}

// printTable prints the mean of each group, or the share of records that pass.
func (e *evaluation) printTable() error {
	e.progress.clear()
	classifies := e.judge.Output.Type == mistralobs.OutputClassification
	title := "MEAN"
	if classifies {
		title = fmt.Sprintf("PASS (%s)", e.pass)
	}
	table := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%s\tRECORDS\t%s\n", printable(cmp.Or(e.by, "GROUP")), printable(title))
	for _, name := range slices.Sorted(maps.Keys(e.groups)) {
		g := e.groups[name]
		result := fmt.Sprintf("%.2f", g.sum/float64(g.records))
		if classifies {
			result = fmt.Sprintf("%.0f %%", 100*g.sum/float64(g.records))
		}
		fmt.Fprintf(table, "%s\t%d\t%s\n", printable(name), g.records, result)
	}
	return table.Flush()
}
