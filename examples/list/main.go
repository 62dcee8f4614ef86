// List shows the datasets of a workspace as a table, or as JSON for scripts.
//
//	go run ./examples/list [-q text] [-counts] [-json] [-demo]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
)

const about = `
List shows the datasets of a workspace as a table, or as JSON for scripts.` + demo.Environment

func main() {
	query := flag.String("q", "", "show only the datasets that match this text")
	counts := flag.Bool("counts", false, "show the number of records too; this takes one more request for each dataset")
	asJSON := flag.Bool("json", false, "print one JSON object a line instead of a table")
	useDemo := flag.Bool("demo", false, demo.FlagText)
	cli.Main(about, func(ctx context.Context) error {
		client, done, err := demo.Client(*useDemo, os.Stderr)
		if err != nil {
			return err
		}
		defer done()
		rows, err := find(ctx, client, *query, *counts)
		if err != nil {
			return err
		}
		return show(rows, *asJSON)
	})
}

// row is a dataset with the number of its records, which is nil without -counts.
type row struct {
	*mistralobs.Dataset
	Records *int `json:"records,omitempty"`
}

func find(ctx context.Context, client *mistralobs.Client, query string, counts bool) ([]row, error) {
	var rows []row
	for dataset, err := range client.Datasets.All(ctx, mistralobs.ListDatasetsParams{Query: query}) {
		if err != nil {
			return nil, err
		}
		r := row{Dataset: dataset}
		if counts {
			// Every page has the total number of records, so the smallest page is enough.
			page, err := client.Records.List(ctx, dataset.ID, mistralobs.ListParams{PageSize: 1})
			if err != nil {
				return nil, err
			}
			r.Records = &page.Total
		}
		rows = append(rows, r)
	}
	return rows, nil
}

func show(rows []row, asJSON bool) error {
	switch {
	case asJSON:
		return printJSON(os.Stdout, rows)
	case len(rows) == 0:
		fmt.Fprintln(os.Stderr, "No dataset was found; go run ./examples/create makes one.")
		return nil
	}
	return printTable(os.Stdout, rows)
}

func printJSON(w io.Writer, rows []row) error {
	encoder := json.NewEncoder(w)
	for _, r := range rows {
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func printTable(w io.Writer, rows []row) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	title, withCounts := "ID\tSLUG\tNAME\tCREATED", rows[0].Records != nil
	if withCounts {
		title = "ID\tSLUG\tNAME\tRECORDS\tCREATED"
	}
	fmt.Fprintln(table, title)
	for _, r := range rows {
		name := cli.Printable(r.Name)
		if withCounts {
			name += "\t" + strconv.Itoa(*r.Records)
		}
		created := r.CreatedAt.Local().Format(time.DateTime)
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", cli.Printable(r.ID), cli.Printable(r.Slug), name, created)
	}
	return table.Flush() // it returns the errors of all writes
}
