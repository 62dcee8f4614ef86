// Evaluate runs a judge on the records of a dataset and writes its answers into the property
// "score". It skips records that have a score, so a second run continues where the first one ended.
//
// It prints the mean score of each category. The first option of a judge that classifies scores 1.
//
//	go run ./examples/evaluate dataset judge.json|judge-id
package main

import (
	"context"
	"encoding/json"
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
	if len(os.Args) != 3 {
		log.Fatal("usage: evaluate dataset judge.json|judge-id")
	}
	ctx, dataset, source := context.Background(), os.Args[1], os.Args[2]
	client, err := mistralobs.NewClient()
	if err != nil {
		log.Fatal(err)
	}
	judge := &mistralobs.Judge{}
	if text, errFile := os.ReadFile(source); errFile == nil {
		err = json.Unmarshal(text, judge)
	} else {
		judge, err = client.Judges.Get(ctx, source)
	}
	if err != nil {
		log.Fatal(err)
	}
	records := make(chan *mistralobs.Record)
	var workers sync.WaitGroup
	var failed atomic.Bool
	for range 8 {
		workers.Go(func() {
			for record := range records {
				judgement, err := client.Records.Judge(ctx, record.ID, judge.JudgeDefinition)
				if err == nil {
					_, err = client.Records.Edit(ctx, record.ID, func(record *mistralobs.Record) (err error) {
						record.Properties, err = record.Properties.Set("score", judgement.Answer)
						return err
					})
				}
				if err != nil {
					log.Printf("record %s: %s", record.ID, err)
					failed.Store(true)
				}
			}
		})
	}
	for record, errList := range client.Records.All(ctx, dataset, mistralobs.ListParams{}) {
		if err = errList; err != nil {
			break
		}
		if _, found := record.Properties.Get("score"); !found {
			records <- record
		}
	}
	close(records)
	workers.Wait()
	if err != nil {
		log.Fatal(err)
	}
	sums, counts := map[string]float64{}, map[string]float64{}
	for record, err := range client.Records.All(ctx, dataset, mistralobs.ListParams{}) {
		if err != nil {
			log.Fatal(err)
		}
		category, _ := record.Properties.Text("category")
		score, ok := record.Properties.Float64("score")
		if options := judge.Output.Options; len(options) > 0 {
			var answer string
			if answer, ok = record.Properties.Text("score"); answer == options[0].Value {
				score = 1
			}
		}
		if ok {
			sums[category] += score
			counts[category]++
		}
	}
	for _, category := range slices.Sorted(maps.Keys(counts)) {
		n := counts[category]
		if _, err := fmt.Printf("%-20s score %.2f, records %.0f\n", category, sums[category]/n, n); err != nil {
			log.Fatal(err)
		}
	}
	if failed.Load() {
		os.Exit(1)
	}
}
