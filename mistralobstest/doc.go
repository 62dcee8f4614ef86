// Package mistralobstest is an in-memory server of the Mistral Observability
// Datasets API. It is for tests of programs that call the API, in any language.
//
//	func TestImport(t *testing.T) {
//		server := mistralobstest.NewServer()
//		defer server.Close()
//		client := server.Client(t) // a *mistralobs.Client
//
//		server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 503})
//		// … run the program with client, or with server.URL and server.APIKey …
//		// … then assert on server.Records(datasetID) and server.Requests().
//	}
//
// The server implements every operation, validates requests as the service
// does, and returns errors in the service's shapes. An import is a task that
// runs for a settable time ([WithTaskDuration]). An exported file is behind a
// signed link that expires ([WithExportTTL]). A [Fault] makes chosen calls
// fail, and the choice is repeatable. With [WithInMemoryNetwork] a server works
// inside a [testing/synctest] bubble, where its delays take no real time.
//
// # Data to work with
//
// The Seed methods add data that the API itself cannot create, or creates slowly.
// [Server.SeedDataset] and [Server.SeedRecords] add records, up to millions.
// [Server.SeedSpan] and [Server.SeedSpanEvaluation] add telemetry, which searches
// then find and imports from spans use:
//
//	span := server.SeedSpan(mistralobstest.Span{
//		SpanName:      "chat",
//		RequestModel:  "mistral-small-latest",
//		InputMessages: `[{"role":"user","content":"Hi"}]`,
//	})
//	server.SeedSpanEvaluation(mistralobstest.SpanEvaluation{
//		TraceID: span.TraceID, SpanID: span.SpanID, EvaluationName: "helpfulness", ScoreValue: 0.2,
//	})
//
// [Server.SeedDemo] adds a dataset and the telemetry of a small chat service.
//
// # Differences from the service
//
// The service's reference leaves much open. The server then does what is most
// likely, and a test should not depend on it. These are the guesses:
//
//   - There is one workspace, one owner and one API key.
//   - Campaigns, explorer events and playground conversations exist only if a
//     Seed method added them.
//   - The judge is not a model. A classification returns the option that the
//     record's properties name, else the option that shares most words with the
//     last answer. A regression returns the share of the words of
//     expected_output that the last answer contains.
//   - Lists are in the order of creation. The form of the next and previous
//     links, and the texts of messages, are invented.
//   - A bulk deletion ignores ids that do not exist.
//   - An import of an unknown file, event, conversation or record is a task
//     that fails. An unknown campaign is a 404 at once.
//   - All records of an import appear when its task completes, not before.
//   - Validation errors have the API's own shape, as its description says. The
//     web framework's shape has been seen too; a Fault can return it.
//   - A slug is the name in lower case, with a hyphen for each run of other
//     characters than ASCII letters and digits, and with a number if another
//     dataset has it. A rename keeps the slug.
//   - An import from spans puts trace_id and span_id into the properties. A JSON
//     array that is empty leaves its target out; the text null does not. Empty
//     lists and repeated references are accepted, and the last mapping of a
//     target counts. A reference to an unknown or expired span is skipped.
//   - Searches return the newest item first, and the spans of a trace the oldest
//     first. The parameter from is inclusive, to is exclusive. Feeds continue by
//     cursor ([WithFeedNext] changes that). A page size of 0 gives an empty feed.
//   - Spans and evaluations expire 30 days after their time.
//   - In a search expression, two single quotes in a string stand for one. LIKE,
//     CONTAINS and comparisons respect case. A missing key of a map is an empty
//     text. A value that is unknown makes every comparison false. A field EXISTS
//     if it is not empty, zero or null. A wrong expression is a 400.
//   - An evaluation search knows the fields of evaluations only. The latest
//     evaluation is the newest of each span and evaluation name.
//   - An unknown field has no options: 400 with FIELDS_BAD_REQUEST. The
//     operators, groups and labels of fields are invented.
//   - The text search for datasets ignores case and searches names and
//     descriptions.
package mistralobstest
