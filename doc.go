// Package mistralobs is an unofficial client for the Mistral Observability Datasets API. It manages
// datasets and their records, imports records and telemetry, exports datasets as JSONL files, and
// searches telemetry. It also runs judges: models that classify or grade a record.
//
// Datasets are in public preview for organizations of the Enterprise tier. For others, calls fail
// with an error that matches [ErrForbidden].
//
// # First steps
//
// Create a [Client] once and share it. By default it takes the API key from the environment
// variable MISTRAL_API_KEY. If MISTRAL_SA_TOKEN_PATH names a file, each attempt uses the token of a
// service account in that file instead.
//
//	client, err := mistralobs.NewClient()
//	if err != nil {
//		return err
//	}
//	dataset, err := client.Datasets.Create(ctx, mistralobs.CreateDatasetParams{
//		Name:        "Support tickets",
//		Description: "March, with expected answers",
//	})
//
// The operations are methods of the client's fields: Datasets ([DatasetsService]), Records
// ([RecordsService]), Judges ([JudgesService]), Imports ([ImportsService]), Tasks ([TasksService]),
// Exports ([ExportsService]), Files ([FilesService]) and Spans ([SpansService]). In the comment of
// a method, the line that begins with "API:" names the HTTP operation that it sends. A method
// without this line calls other methods, which its comment names. [Client.Do] sends any other
// operation.
//
// # Parameters and options
//
// A Params struct holds what the client sends to the service. An Options struct says how the client
// works, such as how many requests it sends at once. The zero value of an Options struct, and of
// every optional field of a Params struct, is a sensible default. A [CallOption] changes a setting
// of the client for one call:
//
//	record, err := client.Records.Get(ctx, id, mistralobs.WithTimeout(5*time.Second))
//
// # Payloads and properties
//
// The payload and the properties of a record may be any JSON objects. The client returns them as an
// [Object]: the bytes that the service sent, not decoded. If you change a part and write the object
// back, nothing else changes. [Object.Map], [Object.Decode] and [Object.Conversation] decode an
// object; [Object.Get] and [Object.Set] access a single member. Methods that send a payload accept
// anything that encoding/json marshals to an object: an Object, a map, a struct, a [Conversation].
//
// # Lists
//
// The All methods iterate over a whole list. They request the pages while the loop runs:
//
//	for record, err := range client.Records.All(ctx, dataset.ID, mistralobs.ListParams{}) {
//		if err != nil {
//			return err // an error ends the loop
//		}
//		fmt.Println(record.ID, record.Properties)
//	}
//
// The first page is requested alone. Each time the loop has consumed a page, the iterator doubles
// the number of pages that it requests ahead, up to 8. A long loop then does not wait for round
// trips. Set [ListParams].ReadAhead to change that. The List methods return a single [Page].
//
// [RecordsService.CreateAll], [RecordsService.UpdateAll] and [RecordsService.DeleteAll] send many
// requests concurrently.
//
// # Imports and waiting
//
// [ImportsService.FromJSONL] uploads a file, imports it and waits for the end:
//
//	result, err := client.Imports.FromJSONL(ctx, dataset.ID, file, mistralobs.JSONLImportOptions{})
//	if err != nil {
//		return err // a *LineError says which line is invalid; then nothing is imported
//	}
//	fmt.Println(result.Records, "records imported")
//
// The other imports start a task that the service runs in the background. [TasksService.Wait] and
// [TasksService.WaitAll] wait for it. Give the context a deadline, because nothing else limits the
// wait.
//
// # Exports
//
// [ExportsService.Save] writes a dataset to a file. If it fails, it leaves an existing file as it
// was. [ExportsService.Records] yields the records while they arrive. If the connection of a
// download breaks, the client resumes the download where it stopped, if the storage supports that.
// The memory for downloads and uploads does not grow with the size of the file.
//
// # Datasets as code
//
// The package datasetsync makes a dataset equal to a file, such as one under version control:
//
//	report, err := datasetsync.Sync(ctx, client, dataset.ID, mistralobs.ReadJSONL(file),
//		datasetsync.Options{Key: "id", Delete: true})
//
// Its function Diff returns a plan. You can print it, save it as JSON, and apply it later.
//
// # Errors
//
// If the service responds with an error, a method returns an [*Error]. If there is no complete
// response, it returns a [*NetworkError]. Use errors.Is to find out what happened:
//
//	switch {
//	case errors.Is(err, mistralobs.ErrNotFound): // 404
//	case errors.Is(err, mistralobs.ErrInvalidParams): // nothing was sent
//	case errors.Is(err, mistralobs.ErrMaybeApplied): // check whether it exists before you send it again
//	}
//
// # Retries
//
// After a transient failure, the client retries requests that are harmless to repeat: reads,
// searches, deletions, replacements and judge runs. The service has no idempotency keys. So the
// client retries a request that creates something only if the service cannot have processed it. If
// such a request fails and the service may have processed it, the error matches [ErrMaybeApplied].
// [RetryPolicy] has the rules.
//
// To bound the time of calls, for a client or for one call:
//
//   - [WithTimeout] limits each attempt, by default to 60 seconds.
//   - [WithRetry] limits the attempts, the pauses between them, and the time in which attempts
//     start. MaxAttempts 1 turns retries off.
//   - The context limits the whole call, also a wait for a task, a walk over a list, and a
//     transfer.
//
// # Testing
//
// Package mistralobstest is an in-memory server of this API for tests. It can make calls fail:
//
//	server := mistralobstest.NewServer()
//	defer server.Close()
//	server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 503})
//	client := server.Client(t) // its first Records.Create fails with ErrMaybeApplied
//
// With the option WithInMemoryNetwork the server works inside a testing/synctest bubble, where
// retries and waits take no real time.
//
// # If you come from openai-go or go-github
//
//   - ListAutoPaging and ListOptions: the All methods with for and range, and [ListParams].
//   - option.WithMaxRetries and WithRequestTimeout: [WithRetry] and [WithTimeout], for a client or
//     for a call. RetryPolicy.MaxElapsed limits the retries, and the context the whole call.
//   - The response as a second result: [WithResponse]. The details of a failure are in [Error].
//   - RawJSON: the Raw methods. A debug log: [WithDebugWriter].
//
// # Changes in the API
//
// The API is in beta. If the service sends an unknown value of an enumeration, the client returns
// it unchanged. The Raw methods of Dataset, Record, Judge, ImportTask, File and Span return the
// JSON that the service sent, including unknown fields.
package mistralobs
