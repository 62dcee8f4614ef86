// Package mistralobs is a client for the Mistral Observability Datasets API: datasets of
// conversations, their records, the imports that fill them, their export as JSONL, and searches over
// the telemetry that imports take.
//
// # First steps
//
// Create a [Client] once and share it. By default it reads the token file that
// MISTRAL_SA_TOKEN_PATH names, or else the API key in MISTRAL_API_KEY:
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
// The operations are methods of seven services: [DatasetsService], [RecordsService],
// [ImportsService], [TasksService], [ExportsService], [FilesService] and [SpansService]. The
// comment of each method that wraps a single HTTP operation names it in a line that begins with
// "API:". [Client.Do] sends any other operation.
//
// # Parameters and options
//
// A Params struct is what is sent to the service. An Options struct is how the SDK goes about it.
// The zero value of both is a sensible default. A [CallOption] changes a setting of the client for
// one call:
//
//	record, err := client.Records.Get(ctx, id, mistralobs.WithTimeout(5*time.Second))
//
// # Payloads and properties
//
// The content of a record is JSON of the caller's. It is returned as an [Object]: not decoded, and
// byte for byte as the service sent it, so that a read-modify-write loses nothing. [Object.Map],
// [Object.Decode] and [Object.Conversation] decode it, [Object.Get] and [Object.Set] access a single
// member. Methods that send a payload accept anything that encoding/json marshals to an object: an
// Object, a map, a struct, a [Conversation].
//
// # Lists
//
// The All methods walk over a whole list and request its pages as they go:
//
//	for record, err := range client.Records.All(ctx, dataset.ID, mistralobs.ListParams{}) {
//		if err != nil {
//			return err // at most one, last
//		}
//		fmt.Println(record.ID, record.Properties)
//	}
//
// The first page is requested alone. Each page that is consumed whole doubles the number of pages
// that are requested ahead, up to 8, so that a long walk does not wait for round trips. The List
// methods return a single [Page].
//
// [RecordsService.CreateAll], [RecordsService.UpdateAll] and [RecordsService.DeleteAll] send many
// requests concurrently.
//
// # Imports and waiting
//
// An import is a task that the service runs in the background. Start it, then wait for it:
//
//	tasks, err := client.Imports.FromJSONL(ctx, dataset.ID, file, mistralobs.JSONLImportOptions{})
//	if err != nil {
//		return err // a *LineError names an invalid line; then nothing was imported
//	}
//	_, err = client.Tasks.WaitAll(ctx, tasks, mistralobs.WaitOptions{}) // a *TaskError if one failed
//
// By default [TasksService.Wait] polls a task at most 40 times in the first hour. The progress of
// the task tells it when to poll again. The context ends the wait.
//
// # Exports
//
// [ExportsService.Save] writes a dataset to a file, whole or not at all. [ExportsService.Records]
// yields the records as they arrive. A download whose connection breaks is continued where it
// stopped. Downloads and uploads use a constant amount of memory, whatever the size of the file.
//
// # Datasets as code
//
// The package datasetsync makes a dataset equal to a file, such as one under version control:
//
//	report, err := datasetsync.Sync(ctx, client, dataset.ID, mistralobs.ReadJSONL(file),
//		datasetsync.Options{Key: "id", Delete: true})
//
// Its function Diff returns a plan, which can be shown, kept as JSON and applied later.
//
// # Errors
//
// A response that is not a success is an [*Error]. A request without a complete response is a
// [*NetworkError]. Match kinds of errors with errors.Is:
//
//	switch {
//	case errors.Is(err, mistralobs.ErrNotFound): // 404
//	case errors.Is(err, mistralobs.ErrInvalidParams): // nothing was sent
//	case errors.Is(err, mistralobs.ErrMaybeApplied): // check before you send it again
//	}
//
// # Retries
//
// The client sends a request again after a failure that may pass, if that is harmless: a read, a
// deletion, a replacement, a search or a judge. The service has no idempotency keys. So a request
// that creates something is sent again only if the service cannot have processed it. Any other
// failure of such a request matches [ErrMaybeApplied]. [RetryPolicy] has the rules and [WithRetry]
// sets the numbers. [WithTimeout] bounds each attempt, the context bounds the whole call.
//
// # Testing
//
// Package mistralobstest is an in-memory server of this API for tests. It can inject faults:
//
//	server := mistralobstest.NewServer()
//	defer server.Close()
//	server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 503})
//	client := server.Client(t)
//
// With its option WithInMemoryNetwork it works inside a testing/synctest bubble, where retries and
// waits take no time.
//
// # Changes of the service
//
// The API is in beta. Unknown values of enumerations are passed on as they are. Unknown fields stay
// readable: Dataset, Record, ImportTask, File and Span have a Raw method.
package mistralobs
