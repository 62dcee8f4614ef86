// Evaluate runs a judge on all records of a dataset and writes the answers into their properties.
// It skips records that have an answer, so a second run continues where the first one ended.
//
// It prints the mean score of each category. If the judge chooses an answer, its first one scores
// 1.
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

	"github.com/mistralobs/mistralobs-go"
)

var (
	name   = flag.String("dataset", "", "ID, slug or name of the dataset")
	source = flag.String("judge", "", "JSON file with the definition of a judge, or the ID of a judge")
	write  = flag.String("write", "score", "property to write the answer to")
	by     = flag.String("by", "category", "property to group by")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if err := evaluate(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func evaluate(ctx context.Context) error {
	client, err := mistralobs.NewClient()
	if err != nil {
		return err
	}
	dataset, err := client.Datasets.Find(ctx, *name)
	if err != nil {
		return err
	}
	judge, err := findJudge(ctx, client)
	if err != nil {
		return err
	}
	records := make(chan *mistralobs.Record)
	var mu sync.Mutex // guards scores and failed
	scores := map[string][]float64{}
	var failed error
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for record := range records {
				answer, err := answer(ctx, client, record, judge)
				score, _ := answer.Float64() // 0 if the answer is a string
				if options := judge.Output.Options; len(options) > 0 && answer.String() == options[0].Value {
					score = 1
				}
				group, _ := record.Properties.Text(*by)
				mu.Lock()
				if err != nil {
					failed = errors.Join(failed, fmt.Errorf("record %s: %w", record.ID, err))
				} else {
					scores[group] = append(scores[group], score)
				}
				mu.Unlock()
			}
		})
	}
	for record, errAll := range client.Records.All(ctx, dataset.ID, mistralobs.ListParams{}) {
		if err = errAll; err == nil {
			records <- record
		}
	}
	close(records)
	workers.Wait()
	for _, group := range slices.Sorted(maps.Keys(scores)) {
		n, sum := len(scores[group]), 0.0
		for _, score := range scores[group] {
			sum += score
		}
		_, errPrint := fmt.Printf("%-20s score %.2f, records %d\n", group, sum/float64(n), n)
		failed = errors.Join(failed, errPrint)
	}
	return errors.Join(err, failed)
}

func findJudge(ctx context.Context, client *mistralobs.Client) (*mistralobs.Judge, error) {
	text, err := os.ReadFile(*source)
	if errors.Is(err, os.ErrNotExist) {
		return client.Judges.Get(ctx, *source)
	}
	if err != nil {
		return nil, err
	}
	judge := &mistralobs.Judge{}
	return judge, json.Unmarshal(text, judge)
}

// answer returns the answer that the record has, or runs the judge and stores its answer.
func answer(
	ctx context.Context, client *mistralobs.Client, record *mistralobs.Record, judge *mistralobs.Judge,
) (mistralobs.Answer, error) {
	if stored, found := record.Properties.Get(*write); found {
		return mistralobs.Answer(stored), nil
	}
	judgement, err := client.Records.Judge(ctx, record.ID, judge.JudgeDefinition)
	if err != nil {
		return nil, err
	}
	_, err = client.Records.Edit(ctx, record.ID, func(record *mistralobs.Record) (err error) {
		record.Properties, err = record.Properties.Set(*write, judgement.Answer)
		return err
	})
	return judgement.Answer, err
}
