package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

func syncDataset(t *tool, flags *flag.FlagSet) func(context.Context) error {
	var options datasetsync.Options
	flags.StringVar(&options.Key, "key", "id", "`property` that identifies a record; \"\" compares contents")
	flags.Func("keep", "leave this `property` as it is, such as a score (may be repeated)", func(name string) error {
		if name == "" || strings.Contains(name, ",") {
			return errors.New("it takes one property; repeat -keep for more")
		}
		options.KeepProperties = append(options.KeepProperties, name)
		return nil
	})
	flags.BoolVar(&options.Delete, "delete", false, "delete the records that are not in the file")
	flags.IntVar(&options.MaxDeletes, "max-deletes", 0, "change nothing if there are more deletions; 0 means no limit")
	flags.BoolVar(&options.AllowEmpty, "allow-empty", false, "let -delete empty the dataset if the file has no records")
	flags.Func("duplicates", "the `policy` if records of the dataset have the same key:\n"+
		"refuse (the default), or keep-oldest, which deletes the others", func(value string) error {
		policy, ok := map[string]datasetsync.DuplicatePolicy{
			"refuse": datasetsync.RefuseDuplicates, "keep-oldest": datasetsync.KeepOldest,
		}[value]
		if !ok {
			return errors.New("it must be refuse or keep-oldest")
		}
		options.Duplicates = policy
		return nil
	})
	dryRun := flags.Bool("dry-run", false, "only show the changes; the exit status is 3 if there are any")
	flags.BoolVar(&options.Full, "full", false, "show all changes and all differences, in full")
	flags.BoolVar(&t.asJSON, "json", false, "print the plan of a dry run, or the report, as JSON")
	t.check = func() error {
		switch {
		case options.MaxDeletes < 0:
			return usagef("-max-deletes must not be negative, got %d", options.MaxDeletes)
		case options.Key != "" && slices.Contains(options.KeepProperties, options.Key):
			return usagef("-keep must not be %s, the property that identifies a record", options.Key)
		}
		return nil
	}
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
		if options.Delete && !options.AllowEmpty {
			const text = "-allow-empty lets -delete empty the dataset if the file has no records"
			t.hints = append(t.hints, hint{mistralobs.ErrInvalidParams, text})
		}
		options.OnProgress = func(p datasetsync.Progress) {
			t.progress.show(string(p.Phase), int64(p.Done), int64(p.Total), "records")
		}
		plan, err := datasetsync.Diff(ctx, t.client, dataset.ID, mistralobs.ReadJSONL(input), options)
		if err != nil {
			return err
		}
		defer plan.Close()
		t.progress.clear()
		if *dryRun {
			if err := t.print(plan, plan.String()); err != nil || plan.InSync() {
				return err
			}
			return errDiffers
		}
		fmt.Fprintln(t.stderr, printable(plan.String()))
		report, err := plan.Apply(ctx, t.client, options)
		t.progress.clear()
		if report != nil {
			err = errors.Join(err, t.print(report, report.String()))
		}
		return err
	}
}
