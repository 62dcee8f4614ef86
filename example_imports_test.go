package mistralobs_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

func ExampleImportsService_FromJSONL() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	file := strings.NewReader(`{"messages":[{"role":"user","content":"Capital of Peru?"}],"properties":{}}
{"payload":{"sentence":"Hola"},"properties":{}}
`)
	result, err := client.Imports.FromJSONL(ctx, datasetID, file, mistralobs.JSONLImportOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result.Records, result.Tasks[0].Status)
	// Output: 2 COMPLETED
}

func ExampleLineError() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	file := "{\"payload\":{\"a\":1}}\n{\"payload\":[]}\n{\"payload\":{\"a\":2}}\n"
	result, err := client.Imports.FromJSONL(ctx, datasetID, strings.NewReader(file), mistralobs.JSONLImportOptions{
		OnError: func(bad *mistralobs.LineError) error { // if it returns nil, the line is skipped
			fmt.Println("skipped: line", bad.Line)
			return nil
		},
	})
	fmt.Println(result.Records, err)
	// Output:
	// skipped: line 2
	// 2 <nil>
}

func ExampleTasksService_Wait() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	task, err := client.Imports.FromFile(ctx, datasetID, "no-such-file")
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.Tasks.Wait(ctx, datasetID, task.ID, mistralobs.WaitOptions{
		OnUpdate: func(task *mistralobs.ImportTask) { fmt.Println(task.Status) },
	})
	var failed *mistralobs.TaskError
	if errors.As(err, &failed) {
		fmt.Println("because:", *failed.Task.Message)
	}
	// Output:
	// FAILED
	// because: file no-such-file not found
}

func ExampleTasksService_WaitAll() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	file := strings.NewReader(`{"messages":[{"role":"user","content":"Hello"}]}`)
	started, err := client.Imports.FromJSONL(ctx, datasetID, file, mistralobs.JSONLImportOptions{NoWait: true})
	if err != nil {
		log.Fatal(err)
	}
	var last mistralobs.TaskStatus
	options := mistralobs.WaitOptions{
		MinPoll: 100 * time.Millisecond, MaxPoll: 10 * time.Second,
		OnUpdate: func(task *mistralobs.ImportTask) { last = task.Status },
	}
	if _, err := client.Tasks.WaitAll(ctx, started.Tasks, options); err != nil {
		var failed *mistralobs.TaskError
		if errors.As(err, &failed) && failed.Task.Status == mistralobs.StatusFailed {
			log.Fatal("the import failed: ", failed)
		}
		log.Fatal(err)
	}
	fmt.Println(last, last.Done(), last.Succeeded())
	// Output: COMPLETED true true
}
