// Package mistralobstest is an in-memory server of the Mistral Observability
// Datasets API, for tests of programs that use the API, with whatever client.
//
//	func TestImport(t *testing.T) {
//		server := mistralobstest.NewServer()
//		defer server.Close()
//		client := server.Client(t) // a *mistralobs.Client
//
//		server.Inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 503})
//		// … run the program against client, or against server.URL and server.APIKey …
//		// … then look at server.Records(datasetID) and server.Requests().
//	}
//
// It carries out all operations, validates as the service does, and answers in
// the service's error shapes. Imports run as tasks over a time that can be set
// ([WithTaskDuration]); exported files are behind links that expire. Faults of
// every kind can be injected ([Fault]), always for stated calls, so that a test
// is repeatable. With [WithInMemoryNetwork] a server lives inside a
// [testing/synctest] bubble, where its delays take no time.
//
// # Where it differs from the service
//
//   - There is one workspace, one owner and one key.
//   - Campaigns, explorer events and playground conversations are what the
//     Seed methods put there.
//   - The judge is no model: a classification takes the option that the
//     record's properties name or whose words are most in the last answer, a
//     regression tells how many words of expected_output are in it.
//   - The texts of messages, the order of lists (by creation), the form of the
//     next and previous links, and what happens on a bulk deletion of ids that
//     do not exist (nothing) are guesses: the service's reference does not say.
//   - An import of an unknown file, event, conversation or record is a task
//     that fails; an unknown campaign is a 404 at once.
//   - A record is in its dataset at the end of its import, not little by little.
//   - What validation finds comes in the API's own error shape, as the API's
//     description says, not in the web framework's, which has been seen too; a
//     Fault can answer with that one.
//   - The search for datasets looks for the text in names and descriptions,
//     without regard to case.
package mistralobstest
