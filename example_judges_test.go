package mistralobs_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// The evaluation loop: eight workers judge the records of a dataset and store the scores in the
// properties.
func ExampleRecordsService_Edit() {
	server := mistralobstest.NewServer() // or the service: leave out both options
	defer server.Close()
	demo := server.SeedDemo()
	client, err := mistralobs.NewClient(mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey))
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	judge, err := client.Judges.Get(ctx, demo.JudgeID)
	if err != nil {
		log.Fatal(err)
	}
	var mu sync.Mutex // guards scores and failed
	scores := map[string][]float64{}
	var failed error
	evaluate := func(record *mistralobs.Record) error {
		judgement, err := client.Records.Judge(ctx, record.ID, judge.JudgeDefinition)
		if err != nil {
			return err
		}
		score, err := judgement.Answer.Float64()
		if err != nil {
			return err
		}
		edited, err := client.Records.Edit(ctx, record.ID, func(r *mistralobs.Record) (err error) {
			r.Properties, err = r.Properties.Set("score", score)
			return err
		})
		if err != nil {
			return err
		}
		category, _ := edited.Properties.Text("category")
		mu.Lock()
		defer mu.Unlock()
		scores[category] = append(scores[category], score)
		return nil
	}
	records := make(chan *mistralobs.Record)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for record := range records {
				if err := evaluate(record); err != nil {
					mu.Lock()
					failed = errors.Join(failed, fmt.Errorf("record %s: %w", record.ID, err))
					mu.Unlock()
				}
			}
		})
	}
	for record, err := range client.Records.All(ctx, demo.DatasetID, mistralobs.ListParams{}) {
		if err != nil {
			log.Fatal(err)
		}
		if _, done := record.Properties.Get("score"); !done { // so that a second run goes on where this one ended
			records <- record
		}
	}
	close(records)
	workers.Wait()
	if failed != nil {
		log.Fatal(failed)
	}
	for category, list := range scores {
		sum := 0.0
		for _, score := range list {
			sum += score
		}
		fmt.Printf("%s: %d records, mean score %.2f\n", category, len(list), sum/float64(len(list)))
	}
	// Unordered output:
	// account: 2 records, mean score 1.00
	// billing: 3 records, mean score 1.00
	// refunds: 3 records, mean score 1.00
	// shipping: 4 records, mean score 1.00
}

// Judge an answer that a model has just given, and store the score.
func ExampleJudgesService_Run() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	judge, err := client.Judges.Create(ctx, mistralobs.JudgeDefinition{
		Name: "correctness", ModelName: "mistral-medium-latest", Instructions: "Is the answer as expected?",
		Output: mistralobs.RegressionOutput(mistralobs.RegressionScale{
			Max: 1, MinDescription: "wrong", MaxDescription: "right",
		}),
	})
	if err != nil {
		log.Fatal(err)
	}
	page, err := client.Records.List(ctx, datasetID, mistralobs.ListParams{PageSize: 1})
	if err != nil {
		log.Fatal(err)
	}
	record := page.Items[0]
	chat, err := record.Payload.Conversation()
	if err != nil {
		log.Fatal(err)
	}
	answer := mistralobs.Assistant("It is Paris.") // call your model with chat.Messages
	judgement, err := client.Judges.Run(ctx, judge.ID, mistralobs.RunJudgeParams{
		Messages:   append(chat.Messages, answer),
		Properties: map[string]string{"expected_output": "Paris"},
	})
	if err != nil {
		log.Fatal(err)
	}
	edited, err := client.Records.Edit(ctx, record.ID, func(r *mistralobs.Record) (err error) {
		r.Properties, err = r.Properties.Set("score", judgement.Answer)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(edited.Properties)
	// Output: {"difficulty":"easy","score":1}
}
