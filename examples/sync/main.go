// Sync makes a dataset equal to a JSONL file: it shows what it creates, updates and
// deletes, and does it. Without MISTRAL_API_KEY it works in an in-memory server with
// demo data.
//
//	go run ./examples/sync [-file f.jsonl] [-dataset name|id] [-key property] [-delete] [-dry-run] [-json]
//
// A dry run changes nothing, and exits with status 2 if there is something to do.
// (go run itself turns any status into 1: in CI, go build it and run that.)
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// demo is synced without a -file: of the demo data it edits one record and adds one.
const demo = `{"payload":{"messages":[{"role":"user","content":"Where is my parcel?"},{"role":"assistant","content":"On its way."}]},"properties":{"id":"ticket-01","category":"shipping"}}
{"payload":{"messages":[{"role":"user","content":"Do you ship to Malta?"},{"role":"assistant","content":"Yes."}]},"properties":{"id":"ticket-13","category":"shipping"}}
`

var errDiffers = errors.New("the dataset differs from the file")

func main() {
	file := flag.String("file", "", `JSONL file; "-" is standard input (default: two lines for the demo data)`)
	dataset := flag.String("dataset", "Support tickets", "name or id of the dataset")
	key := flag.String("key", "id", `property that tells which record is which; "" compares contents`)
	remove := flag.Bool("delete", false, "delete records that are not in the file")
	dryRun := flag.Bool("dry-run", false, "only show what would be done; exit with status 2 if that is anything")
	asJSON := flag.Bool("json", false, "print the plan of a dry run, or the report, as JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	options := mistralobs.SyncOptions{Key: *key, Delete: *remove, OnProgress: showProgress}
	switch err := run(ctx, *file, *dataset, options, *dryRun, *asJSON); {
	case errors.Is(err, errDiffers):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "sync:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file, name string, options mistralobs.SyncOptions, dryRun, asJSON bool) error {
	input, err := open(file)
	if err != nil {
		return err
	}
	defer input.Close()
	client, done, err := mistralobstest.ClientOrDemo(os.Stderr)
	if err != nil {
		return err
	}
	defer done()
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return fmt.Errorf("%w (go run ./examples/list shows all)", err)
	}
	plan, err := client.Records.Diff(ctx, dataset.ID, mistralobs.ReadJSONL(input), options)
	if err != nil {
		return err
	}
	defer plan.Close()
	switch {
	case dryRun && plan.InSync():
		return show(plan, asJSON)
	case dryRun:
		return errors.Join(show(plan, asJSON), errDiffers)
	}
	fmt.Fprint(os.Stderr, plan)
	report, err := client.Records.Apply(ctx, dataset.ID, plan, options)
	if report != nil {
		err = errors.Join(err, show(report, asJSON))
	}
	return err
}

func open(file string) (io.ReadCloser, error) {
	switch {
	case file == "-":
		return os.Stdin, nil
	case file == "" && os.Getenv("MISTRAL_API_KEY") != "":
		return nil, errors.New("which file? Give it with -file")
	case file == "":
		return io.NopCloser(strings.NewReader(demo)), nil
	}
	return os.Open(file)
}

func show(result any, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(result)
	}
	_, err := fmt.Print(result)
	return err
}

// showProgress rewrites one line on a terminal, and is silent in a pipe or a log.
func showProgress(p mistralobs.SyncProgress) {
	if stderr, err := os.Stderr.Stat(); err == nil && stderr.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, "%-72s\r", fmt.Sprintf("%s: %d records", p.Phase, p.Done)) // what comes next overwrites it
	}
}
