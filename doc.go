// Package mistralobs is a client for the Mistral Observability Datasets API:
// datasets of conversations, their records, the imports that fill them, and
// their export as JSONL.
//
// # First steps
//
// Make a [Client] once and share it. It takes the API key from MISTRAL_API_KEY:
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
// The operations are methods of six services: [DatasetsService],
// [RecordsService], [ImportsService], [TasksService], [ExportsService] and
// [FilesService]. The comment of each names the HTTP operation that it wraps.
//
// # Payloads and properties
//
// What a record holds is the caller's own JSON. It comes back as an [Object],
// undecoded and byte for byte, so that nothing is lost in a read-modify-write;
// [Object.Map], [Object.Decode] and [Object.Conversation] look inside. Where
// one is given, anything that marshals to a JSON object will do: an Object, a
// map, a struct, a [Conversation].
//
// # Lists
//
// The All methods walk a whole list and fetch pages as they go:
//
//	for record, err := range client.Records.All(ctx, dataset.ID, mistralobs.ListParams{ReadAhead: 2}) {
//		if err != nil {
//			return err // at most one, last
//		}
//		fmt.Println(record.ID, record.Properties)
//	}
//
// The List methods return a single [Page]. ReadAhead keeps later pages in flight,
// in order, to hide the round trips: where each takes 20 ms, 8 make a walk seven
// times faster. It is 0 unless set: then nothing is asked for that is not consumed.
// A record does not keep its page in memory: what it holds is a copy.
//
// [RecordsService.CreateAll] and [RecordsService.DeleteAll] do what one request
// cannot, with many in flight.
//
// # Imports and waiting
//
// An import is a task that the service runs on its own time. Start it, then wait:
//
//	tasks, err := client.Imports.FromJSONL(ctx, dataset.ID, file, mistralobs.JSONLImportOptions{})
//	if err != nil {
//		return err // a *LineError names a bad line; nothing was imported
//	}
//	_, err = client.Tasks.WaitAll(ctx, tasks) // a *TaskError if one failed
//
// A task of up to an hour is looked at 40 times at most, more often when its
// progress says that its end is near: see [TasksService.Wait]. [OnTaskUpdate]
// tells how it goes, [WithPollInterval] bounds the pauses, and the context ends
// the wait.
//
// # Exports
//
// [ExportsService.Save] writes a dataset to a file, whole or not at all;
// [ExportsService.Records] yields its records as they arrive. A download whose
// connection breaks goes on where it was. [FilesService] uploads what imports
// read; both hold a constant amount of memory whatever the size, and
// [TransferOptions] can report their progress.
//
// # Datasets as code
//
// [RecordsService.Sync] makes a dataset equal to a file that is kept elsewhere,
// such as in version control:
//
//	report, err := client.Records.Sync(ctx, dataset.ID, mistralobs.ReadJSONL(file),
//		mistralobs.SyncOptions{Key: "id", Delete: true})
//
// [RecordsService.Diff] returns the plan of that, to be shown or kept as JSON, and
// [RecordsService.Apply] carries it out. Either can be run again at any time.
//
// # Errors
//
// An answer of the service that is no success is an [*Error]; a request that
// got no answer is a [*NetworkError]. Match kinds with errors.Is:
//
//	switch {
//	case errors.Is(err, mistralobs.ErrNotFound): // 404
//	case errors.Is(err, mistralobs.ErrInvalidParams): // refused before it was sent
//	case errors.Is(err, mistralobs.ErrMaybeApplied): // look before you repeat it
//	}
//
// # Retries
//
// Requests that do no harm twice are repeated after failures that may pass:
// reads, deletions, replacements and the judge. Those that create something are
// repeated only when the service cannot have acted, since it knows no
// idempotency keys; otherwise their error matches [ErrMaybeApplied]. See
// [RetryPolicy] for the rules and [WithRetry] for the numbers. The context
// bounds a call as a whole, [WithTimeout] each attempt.
//
// # Testing
//
// Package mistralobstest is an in-memory server of this API, with faults to
// inject, for tests of programs that use this package:
//
//	server := mistralobstest.NewServer()
//	defer server.Close()
//	server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 503})
//	client := server.Client(t)
//
// With its WithInMemoryNetwork it lives inside of a testing/synctest bubble, where
// retries and waits take no time.
//
// The API is in beta: enumerations grow, so unknown values are passed on as they
// are, and unknown fields are ignored.
package mistralobs
