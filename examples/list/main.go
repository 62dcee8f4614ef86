// List shows the datasets of the workspace as a table, or as JSON for scripts.
//
//	go run ./examples/list [-q text] [-counts] [-json]
//
// With MISTRAL_API_KEY set it talks to the service; without, to an in-memory
// server with demo data.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func main() {
	query := flag.String("q", "", "show only the datasets that the service finds for this text")
	counts := flag.Bool("counts", false, "also show how many records each dataset has, which is one more request each")
	asJSON := flag.Bool("json", false, "print a JSON object a line instead of a table")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "list: unexpected argument %q; to search, use -q\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *query, *counts, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "list:", err)
		os.Exit(1)
	}
}

// row is a dataset and, if they were asked for, the number of its records.
type row struct {
	*mistralobs.Dataset
	Records *int `json:"records,omitempty"`
}

func run(ctx context.Context, query string, counts, asJSON bool) error {
	client, done, err := mistralobstest.ClientOrDemo(os.Stderr)
	if err != nil {
		return err
	}
	defer done()
	var rows []row
	for dataset, err := range client.Datasets.All(ctx, mistralobs.ListDatasetsParams{Query: query}) {
		if err != nil {
			return err
		}
		rows = append(rows, row{Dataset: dataset})
	}
	if len(rows) == 0 {
		fmt.Fprintln(os.Stderr, "No dataset was found; go run ./examples/create makes one.")
		return nil
	}
	if counts {
		if err := countRecords(ctx, client, rows); err != nil {
			return err
		}
	}
	if asJSON {
		return printJSON(os.Stdout, rows)
	}
	return printTable(os.Stdout, rows)
}

// countRecords asks for the smallest page of each, since every page tells the total.
func countRecords(ctx context.Context, client *mistralobs.Client, rows []row) error {
	for i := range rows {
		page, err := client.Records.List(ctx, rows[i].ID, mistralobs.ListParams{PageSize: 1})
		if err != nil {
			return err
		}
		rows[i].Records = &page.Total
	}
	return nil
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

// printTable leaves a column out that was not asked for.
func printTable(w io.Writer, rows []row) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0) // its errors come from Flush
	if rows[0].Records == nil {
		fmt.Fprintln(table, "ID\tNAME\tCREATED")
	} else {
		fmt.Fprintln(table, "ID\tNAME\tRECORDS\tCREATED")
	}
	for _, r := range rows {
		name := r.Name
		if r.Records != nil {
			name += "\t" + strconv.Itoa(*r.Records)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", r.ID, name, r.CreatedAt.Local().Format(time.DateTime))
	}
	return table.Flush()
}
