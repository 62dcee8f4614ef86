// Create creates an empty dataset and prints its id, which a script can pass on.
//
//	go run ./examples/create -name name [-description text] [-json] [-demo]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/examples/internal/cli"
	"github.com/mistralobs/mistralobs-go/examples/internal/demo"
)

const about = `
Create creates an empty dataset and prints its id, which a script can pass on.` + demo.Environment

func main() {
	var params mistralobs.CreateDatasetParams
	flag.StringVar(&params.Name, "name", "", "name of the dataset, 5 to 50 characters (required)")
	flag.StringVar(&params.Description, "description", "", "description of the dataset, at most 200 characters")
	asJSON := flag.Bool("json", false, "print the whole dataset as JSON instead of its id")
	useDemo := flag.Bool("demo", false, demo.FlagText)
	cli.Main(about, func(ctx context.Context) error {
		client, done, err := demo.Client(*useDemo, os.Stderr)
		if err != nil {
			return err
		}
		defer done()
		return create(ctx, client, params, *asJSON)
	})
}

func create(ctx context.Context, client *mistralobs.Client, params mistralobs.CreateDatasetParams, asJSON bool) error {
	dataset, err := client.Datasets.Create(ctx, params)
	if err != nil {
		// Several datasets can have the same name, so a blind second try could create another one.
		hint := fmt.Sprintf("go run ./examples/list -q %q shows whether the dataset exists", params.Name)
		return cli.Hint(err, mistralobs.ErrMaybeApplied, hint)
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(dataset)
	}
	_, err = fmt.Println(dataset.ID)
	return err
}
