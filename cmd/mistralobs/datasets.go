package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

func datasets(t *tool, flags *flag.FlagSet) func(context.Context) error {
	query := flags.String("q", "", "list only the datasets that match this `text`")
	flags.BoolVar(&t.asJSON, "json", false, "print one JSON object per line instead of a table")
	return func(ctx context.Context) error {
		table := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tSLUG\tNAME\tCREATED")
		for d, err := range t.client.Datasets.All(ctx, mistralobs.ListDatasetsParams{Query: *query}) {
			if err != nil {
				return err
			}
			if t.asJSON {
				if err := t.printJSON(d); err != nil {
					return err
				}
				continue
			}
			created := d.CreatedAt.Local().Format(time.DateTime)
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", printable(d.ID), printable(d.Slug), printable(d.Name), created)
		}
		if t.asJSON {
			return nil
		}
		return table.Flush() // returns the errors of all writes
	}
}

func create(t *tool, flags *flag.FlagSet) func(context.Context) error {
	var params mistralobs.CreateDatasetParams
	flags.StringVar(&params.Description, "description", "", "`text` that describes the dataset, at most 200 characters")
	orFind := flags.Bool("or-find", false, "if there is a dataset of this name, print its ID and create none")
	flags.BoolVar(&t.asJSON, "json", false, "print the dataset as JSON instead of its ID")
	t.hints = []hint{{mistralobs.ErrMaybeApplied, "mistralobs datasets -q NAME shows whether the dataset exists"}}
	return func(ctx context.Context) error {
		params.Name = t.args[0]
		var dataset *mistralobs.Dataset
		var err error
		if *orFind {
			dataset, _, err = t.client.Datasets.FindOrCreate(ctx, params)
		} else {
			dataset, err = t.client.Datasets.Create(ctx, params)
		}
		if err != nil {
			return err
		}
		return t.printDataset(dataset)
	}
}

// printDataset prints a new dataset. If standard output is full or closed, the ID goes to standard
// error, because the dataset exists.
func (t *tool) printDataset(dataset *mistralobs.Dataset) error {
	err := t.print(dataset, dataset.ID)
	if err != nil {
		t.message("the dataset is %s", dataset.ID)
	}
	return err
}

// copyDataset deletes the new dataset if it cannot fill it.
func copyDataset(t *tool, flags *flag.FlagSet) func(context.Context) error {
	flags.BoolVar(&t.asJSON, "json", false, "print the new dataset as JSON instead of its ID")
	t.hints = []hint{{mistralobs.ErrMaybeApplied, "mistralobs datasets -q NEW-NAME shows whether there is a copy; " +
		"delete it before you copy again"}}
	return func(ctx context.Context) error {
		source, err := t.dataset(ctx)
		if err != nil {
			return err
		}
		var ids []string
		for record, err := range t.client.Records.All(ctx, source.ID, mistralobs.ListParams{}) {
			if err != nil {
				return err
			}
			ids = append(ids, record.ID)
			t.progress.show("reading", int64(len(ids)), 0, "records")
		}
		target, created, err := t.client.Datasets.FindOrCreate(ctx, mistralobs.CreateDatasetParams{
			Name: t.args[1], Description: source.Description,
		})
		if err != nil {
			return err
		}
		if !created {
			return fmt.Errorf("there is a dataset named %q already; nothing was copied", target.Name)
		}
		if err := t.copyRecords(ctx, target.ID, ids); err != nil {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
			defer cancel()
			return errors.Join(err, t.client.Datasets.Delete(ctx, target.ID))
		}
		return t.printDataset(target)
	}
}

// copyRecords imports the records in batches, in their order.
func (t *tool) copyRecords(ctx context.Context, datasetID string, ids []string) error {
	copied := 0
	for batch := range slices.Chunk(ids, mistralobs.MaxDatasetImport) {
		t.progress.show("copying", int64(copied), int64(len(ids)), "records")
		task, err := t.client.Imports.FromDataset(ctx, datasetID, batch)
		if err != nil {
			return err
		}
		task, err = t.client.Tasks.Wait(ctx, datasetID, task.ID, mistralobs.WaitOptions{})
		if err != nil {
			return err
		}
		if task.Result != nil && task.Result.Skipped > 0 {
			return fmt.Errorf("%w: %d of %d", mistralobs.ErrRecordsSkipped, task.Result.Skipped, len(batch))
		}
		copied += len(batch)
	}
	return nil
}

func export(t *tool, flags *flag.FlagSet) func(context.Context) error {
	out := flags.String("o", "-", `write to this `+"`file`"+`, which is replaced once the export is complete`)
	return func(ctx context.Context) error {
		dataset, err := t.dataset(ctx)
		if err != nil {
			return err
		}
		options := mistralobs.TransferOptions{OnProgress: func(done, total int64) {
			t.progress.show("downloading", done, total, "MB")
		}}
		if *out == "-" {
			if o, ok := t.stdout.(output); ok && isTerminal(o.file) {
				options.OnProgress = nil // the records are on the screen
			}
			_, err = t.client.Exports.Download(ctx, dataset.ID, t.stdout, options)
			return err
		}
		size, err := t.client.Exports.Save(ctx, dataset.ID, *out, options)
		if err == nil {
			t.message("%s written to %s", counted(size, "byte"), *out)
		}
		return err
	}
}
