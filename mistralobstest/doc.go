// Package mistralobstest provides an in-memory server of the Mistral Observability Datasets API,
// for tests of programs in any language.
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
// The server implements every operation. It validates requests by the rules that the service
// documents, and returns errors in the service's formats. An import is a task that runs for a
// settable time ([WithTaskDuration]). An exported file has a signed URL that expires
// ([WithExportTTL]). A [Fault] makes selected calls fail. The same [Fault].Seed selects the same
// calls, if they arrive in the same order. [WithInMemoryNetwork] lets a server run inside a
// [testing/synctest] bubble, where its delays take no real time.
//
// # Data to work with
//
// The Seed methods add data that the API itself cannot create, or creates slowly.
// [Server.SeedDataset] and [Server.SeedRecords] add records, up to millions. [Server.SeedSpan] and
// [Server.SeedSpanEvaluation] add telemetry. A client can then search for it, and import the spans:
//
//	span := server.SeedSpan(mistralobs.Span{
//		SpanName:      "chat",
//		RequestModel:  "mistral-small-latest",
//		InputMessagesJSON: `[{"role":"user","content":"Hi"}]`,
//	})
//	server.SeedSpanEvaluation(mistralobs.SpanEvaluation{
//		TraceID: span.TraceID, SpanID: span.SpanID, EvaluationName: "helpfulness", ScoreValue: 0.2,
//	})
//
// [Server.SeedDemo] adds a dataset and the telemetry of a small chat service.
//
// # Differences from the service
//
// The server has one workspace, one owner and one API key. Campaigns, explorer events and
// playground conversations exist only if a Seed method added them.
//
// The judge is not a model: it searches for words in the answer, which is the last message of the
// assistant, or the whole payload if it is not a chat. A classification returns the option whose
// value is the property category or expected_output. If there is none, it returns the option whose
// value and description have the largest share of their words in the answer. A regression returns
// Min if the answer contains no word of expected_output, Max if it contains all of them, and a
// number between them in proportion.
//
// The API reference does not define everything. Where it does not, the server guesses. A test
// should not depend on these guesses:
//
//   - Lists are in the order of creation. The format of the next and previous
//     links, and the texts of messages, are made up.
//   - A bulk deletion ignores the IDs of records that do not exist.
//   - If a file, event, conversation or record to import does not exist, the task
//     of the import fails. If a campaign does not exist, the response is 404.
//   - All records of an import appear when its task completes, not before. An import that ends
//     otherwise adds none ([WithPartialImports] changes that).
//   - Validation errors have the format of the API reference. The service has also
//     returned the format of its web framework; a Fault can return that.
//   - A regression judge whose min is above its max is refused.
//   - An update of a judge keeps its ID, and makes no revision that can be read. One that changes
//     nothing gets a 409 with JUDGE_DID_NOT_CHANGE.
//   - A slug is the name in lower case, with a hyphen for each run of characters
//     that are not ASCII letters or digits. If another dataset has the slug, a
//     number is appended. A rename keeps the slug.
//   - An import from spans puts trace_id and span_id into the properties. An
//     attribute that is an empty JSON array does not fill its target; the text null
//     does. An empty list of spans or mappings is accepted, and so are repeated
//     spans. If mappings have the same target, the last one is used.
//     A span that does not exist or has expired is skipped.
//   - Searches return the newest item first, and the spans of a trace the oldest
//     first. The parameter from is inclusive, to is exclusive. The field cursor
//     continues a search ([WithFeedNext] changes that to next). A page size of 0
//     returns no items and ends the search.
//   - Spans and evaluations expire 30 days after their time.
//   - In a string of a search expression, two single quotes stand for one. LIKE,
//     CONTAINS and comparisons are case-sensitive. The value of a missing map key
//     is empty. A comparison with a null value is false. EXISTS is true for a field
//     that is not empty, zero or null, and for a map key that is present. An invalid
//     expression gets a 400.
//   - A search for evaluations accepts only the fields of evaluations. The latest
//     evaluations are the newest ones for each span and evaluation name.
//   - A request for the options of an unknown field gets a 400 with
//     FIELDS_BAD_REQUEST. The operators, groups and labels of fields are made up.
//   - The text search for datasets ignores case and searches names and
//     descriptions.
package mistralobstest
