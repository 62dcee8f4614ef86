// Evaluate runs a judge on all records of a dataset, writes the scores into their properties, and
// prints the mean score of each category or, for a judge that chooses an answer, the share of records
// with its first answer.
//
// It skips records that have a score, so a second run goes on where the first one ended.
//
//	go run ./examples/evaluate -dataset dataset -judge file|id [-write score] [-by category]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/mistralobs/mistralobs-go"
)

func main() {
	log.SetFlags(0)
	dataset := flag.String("dataset", "", "ID, slug or name of the dataset")
	judge := flag.String("judge", "", "JSON file with the definition of a judge, or the ID of a judge")
	write := flag.String("write", "score", "property to write the score to")
	by := flag.String("by", "category", "property to group by")
	flag.Parse()
	if err := evaluate(context.Background(), *dataset, *judge, *write, *by); err != nil {
		log.Fatal(err)
	}
}

func evaluate(ctx context.Context, name, source, write, by string) error {
	client, err := mistralobs.NewClient()
	if err != nil {
		return err
	}
	dataset, err := client.Datasets.Find(ctx, name)
	if err != nil {
		return err
	}
	judge, err := findJudge(ctx, client, source)
	if err != nil {
		return err
	}
	records := make(chan *mistralobs.Record)
	var workers sync.WaitGroup
	var failed atomic.Int32
	for range 8 {
		workers.Go(func() {
			for record := range records {
				if err := judgeRecord(ctx, client, record.ID, judge, write); err != nil {
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
	return errors.Join(err, printMeans(ctx, client, dataset.ID, judge, write, by))
}

func findJudge(
	ctx context.Context, client *mistralobs.Client, source string,
) (definition mistralobs.JudgeDefinition, err error) {
	text, err := os.ReadFile(source)
	if errors.Is(err, os.ErrNotExist) {
		judge, err := client.Judges.Get(ctx, source)
		if err != nil {
			return definition, err
		}
		return judge.JudgeDefinition, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &definition)
	}
	return definition, err
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

func printMeans(
	ctx context.Context, client *mistralobs.Client, datasetID string, judge mistralobs.JudgeDefinition, write, by string,
) error {
	what := "mean"
	if len(judge.Output.Options) > 0 {
		what = "share with the first answer"
	}
	sums, counts := map[string]float64{}, map[string]int{}
	for record, err := range client.Records.All(ctx, datasetID, mistralobs.ListParams{}) {
		if err != nil {
			return err
		}
		score, found := record.Properties.Float64(write)
		if options := judge.Output.Options; len(options) > 0 { // answers are texts
			var answer string
			answer, found = record.Properties.Text(write)
			if score = 0; answer == options[0].Value {
				score = 1
			}
		}
		if found {
			group, _ := record.Properties.Text(by)
			sums[group] += score
			counts[group]++
		}
	}
	for _, group := range slices.Sorted(maps.Keys(counts)) {
		count := counts[group]
		if _, err := fmt.Printf("%-20s %4d records, %s %.2f\n", group, count, what, sums[group]/float64(count)); err != nil {
			return err
		}
	}
	return nil
}
