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
	tasks, err := client.Imports.FromJSONL(ctx, datasetID, file, mistralobs.JSONLImportOptions{})
	if err != nil {
		log.Fatal(err)
	}
	ended, err := client.Tasks.WaitAll(ctx, tasks, mistralobs.WaitOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(ended[0].Status)
	// Output: COMPLETED
}

func ExampleLineError() {
	client, datasetID, done := exampleClient()
	defer done()
	ctx := context.Background()
	file := "{\"payload\":{\"a\":1}}\n{\"payload\":[]}\n{\"payload\":{\"a\":2}}\n"
	tasks, err := client.Imports.FromJSONL(ctx, datasetID, strings.NewReader(file), mistralobs.JSONLImportOptions{
		OnError: func(bad *mistralobs.LineError) error { // if it returns nil, the line is skipped
			fmt.Println("skipped: line", bad.Line)
			return nil
		},
	})
	fmt.Println(len(tasks), err)
	// Output:
	// skipped: line 2
	// 1 <nil>
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
	tasks, err := client.Imports.FromJSONL(
		ctx, datasetID, strings.NewReader(`{"messages":[{"role":"user","content":"Hello"}]}`),
		mistralobs.JSONLImportOptions{},
	)
	if err != nil {
		log.Fatal(err)
	}
	var last mistralobs.TaskStatus
	options := mistralobs.WaitOptions{
		MinPoll: 100 * time.Millisecond, MaxPoll: 10 * time.Second,
		OnUpdate: func(task *mistralobs.ImportTask) { last = task.Status },
	}
	if _, err := client.Tasks.WaitAll(ctx, tasks, options); err != nil {
		var failed *mistralobs.TaskError
		if errors.As(err, &failed) && failed.Task.Status == mistralobs.StatusFailed {
			log.Fatal("the import failed: ", failed)
		}
		log.Fatal(err)
	}
	fmt.Println(last, last.Done(), last.Succeeded())
	// Output: COMPLETED true true
}
