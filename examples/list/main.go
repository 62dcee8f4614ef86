// List prints the datasets of a workspace as a table, or as JSON with one object per line.
//
//	go run ./examples/list [-q text] [-json]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"text/tabwriter"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

func main() {
	log.SetFlags(0)
	query := flag.String("q", "", "list only the datasets that match this text")
	asJSON := flag.Bool("json", false, "print one JSON object per line instead of a table")
	flag.Parse()
	if err := list(context.Background(), os.Stdout, *query, *asJSON); err != nil {
		log.Fatal(err)
	}
}

func list(ctx context.Context, w io.Writer, query string, asJSON bool) error {
	client, err := mistralobs.NewClient()
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tNAME\tCREATED")
	for dataset, err := range client.Datasets.All(ctx, mistralobs.ListDatasetsParams{Query: query}) {
		if err != nil {
			return err
		}
		if asJSON {
			if err := json.NewEncoder(w).Encode(dataset); err != nil {
				return err
			}
			continue
		}
		created := dataset.CreatedAt.Local().Format(time.DateTime)
		fmt.Fprintf(table, "%s\t%q\t%s\n", dataset.ID, dataset.Name, created)
	}
	if asJSON {
		return nil
	}
	return table.Flush() // returns the errors of all writes
}
