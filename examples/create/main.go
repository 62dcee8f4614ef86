// Create makes an empty dataset and prints its id, for a script to go on with.
//
//	go run ./examples/create [-name name] [-description text] [-json]
//
// With MISTRAL_API_KEY set it talks to the service; without, to an in-memory
// server that ends with the program, and the dataset with it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func main() {
	var params mistralobs.CreateDatasetParams
	flag.StringVar(&params.Name, "name", "New dataset", "what to call it, 5 to 50 characters")
	flag.StringVar(&params.Description, "description", "", "what it is for, up to 200 characters")
	asJSON := flag.Bool("json", false, "print the whole dataset as JSON instead of its id")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "create: unexpected argument %q; a name with spaces needs quotes: -name \"My dataset\"\n", flag.Arg(0))
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, params, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "create:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, params mistralobs.CreateDatasetParams, asJSON bool) error {
	client, done, err := mistralobstest.ClientOrDemo(os.Stderr)
	if err != nil {
		return err
	}
	defer done()
	dataset, err := client.Datasets.Create(ctx, params)
	if errors.Is(err, mistralobs.ErrMaybeApplied) {
		// Names need not be unique: a second try would leave two.
		return fmt.Errorf("%w (go run ./examples/list -q %q shows whether it is there)", err, params.Name)
	}
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(dataset)
	}
	_, err = fmt.Println(dataset.ID)
	return err
}
