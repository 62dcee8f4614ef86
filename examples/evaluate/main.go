// Evaluate runs a judge on all records of a dataset, writes the scores into their properties, and
// prints the mean score of each category.
//
// It skips records that have a score, so a second run goes on where the first one ended.
//
//	go run ./examples/evaluate -dataset dataset -judge id [-write score] [-by category]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"sync"
	"sync/atomic"

	"github.com/mistralobs/mistralobs-go"
)

func main() {
	log.SetFlags(0)
	dataset := flag.String("dataset", "", "ID, slug or name of the dataset")
	judge := flag.String("judge", "", "ID of a judge whose answers are numbers")
	write := flag.String("write", "score", "property to write the score to")
	by := flag.String("by", "category", "property to group by")
	flag.Parse()
	if err := evaluate(context.Background(), *dataset, *judge, *write, *by); err != nil {
		log.Fatal(err)
	}
}

func evaluate(ctx context.Context, name, judgeID, write, by string) error {
	client, err := mistralobs.NewClient()
	if err != nil {
		return err
	}
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return err
	}
	judge, err := client.Judges.Get(ctx, judgeID)
	if err != nil {
		return err
	}
	records := make(chan *mistralobs.Record)
	var workers sync.WaitGroup
	var failed atomic.Int32
	for range 8 {
		workers.Go(func() {
			for record := range records {
				if err := judgeRecord(ctx, client, record.ID, judge.JudgeDefinition, write); err != nil {
					log.Printf("record %s: %v", record.ID, err) // a second run tries it again
					failed.Add(1)
				}
			}
		})
	}
	for record, errAll := range client.Records.All(ctx, dataset.ID, mistralobs.ListParams{}) {
		if err = errAll; err != nil {
			break
		}
		if _, found := record.Properties.Get(write); !found {
			records <- record
		}
	}
	close(records)
	workers.Wait()
	if n := failed.Load(); n > 0 {
		err = errors.Join(err, fmt.Errorf("%d records were not judged", n))
	}
	return errors.Join(err, printMeans(ctx, client, dataset.ID, write, by))
}

func judgeRecord(
	ctx context.Context, client *mistralobs.Client, id string, judge mistralobs.JudgeDefinition, write string,
) error {
	judgement, err := client.Records.Judge(ctx, id, judge)
	if err != nil {
		return err
	}
	_, err = client.Records.Edit(ctx, id, func(record *mistralobs.Record) (err error) {
		record.Properties, err = record.Properties.Set(write, judgement.Answer)
		return err
	})
	return err
}

func printMeans(ctx context.Context, client *mistralobs.Client, datasetID, write, by string) error {
	sums, counts := map[string]float64{}, map[string]int{}
	for record, err := range client.Records.All(ctx, datasetID, mistralobs.ListParams{}) {
		if err != nil {
			return err
		}
		group, _ := record.Properties.Text(by)
		if score, found := record.Properties.Float64(write); found {
			sums[group] += score
			counts[group]++
		}
	}
	for group, count := range counts {
		fmt.Printf("%-20s %4d records, mean %.2f\n", group, count, sums[group]/float64(count))
	}
	return nil
}
