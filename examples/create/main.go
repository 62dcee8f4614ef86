// Create creates an empty dataset and prints its ID, which a script can pass on.
//
//	go run ./examples/create -name name [-description text]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"

	"github.com/mistralobs/mistralobs-go"
)

func main() {
	log.SetFlags(0)
	var params mistralobs.CreateDatasetParams
	flag.StringVar(&params.Name, "name", "", "name of the dataset, 5 to 50 characters")
	flag.StringVar(&params.Description, "description", "", "description of the dataset, at most 200 characters")
	flag.Parse()
	if err := create(context.Background(), params); err != nil {
		log.Fatal(err)
	}
}

func create(ctx context.Context, params mistralobs.CreateDatasetParams) error {
	client, err := mistralobs.NewClient()
	if err != nil {
		return err
	}
	dataset, err := client.Datasets.Create(ctx, params)
	if errors.Is(err, mistralobs.ErrMaybeApplied) {
		// The SDK does not retry this: a second request could create a second dataset of the same
		// name.
		return fmt.Errorf("%w: list the datasets before you try again", err)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Println(dataset.ID)
	return err
}
