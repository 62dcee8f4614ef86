package mistralobs_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/mistralobs/mistralobs-go"
)

func ExampleDatasetsService_All() {
	client, _, done := exampleClient()
	defer done()
	for dataset, err := range client.Datasets.All(context.Background(), mistralobs.ListDatasetsParams{Query: "cap"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(dataset.Name)
	}
	// Output: Capitals
}

func ExampleDatasetsService_Find() {
	client, _, done := exampleClient()
	defer done()
	dataset, err := client.Datasets.Find(context.Background(), "Capitals") // or its slug, or its ID
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(dataset.Name)
	_, err = client.Datasets.Find(context.Background(), "Rivers")
	fmt.Println(errors.Is(err, mistralobs.ErrNotFound))
	// Output:
	// Capitals
	// true
}

func ExampleDatasetsService_Update() {
	client, datasetID, done := exampleClient()
	defer done()
	name := "European capitals"
	dataset, err := client.Datasets.Update(context.Background(), datasetID, mistralobs.UpdateDatasetParams{Name: &name})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(dataset.Name)
	// Output: European capitals
}
