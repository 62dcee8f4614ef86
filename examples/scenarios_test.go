package examples_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

const (
	twoRecords = `{"messages":[{"role":"user","content":"One"}],"properties":{"n":1}}
{"payload":{"messages":[{"role":"user","content":"Two"}]}}
`
	badLine = `{"messages":[{"role":"user","content":"One"}]}
{"question":"Two"}
{"messages":[{"role":"user","content":"Three"}]}
`
	edited = `{"payload":{"messages":[{"role":"user","content":"Where is my parcel?"},{"role":"assistant","content":"On its way."}]},"properties":{"id":"ticket-01"}}
{"payload":{"messages":[{"role":"user","content":"Do you ship to Malta?"}]},"properties":{"id":"ticket-13"}}
`
	unknownID   = "00000000-0000-4000-8000-000000000000"
	notFound    = `.*none has the id or name .*go run ./examples/list.*`
	interrupted = `.*context canceled.*`
)

// flagScenarios hold for every example.
var flagScenarios = []scenario{
	{name: "-h tells the flags", args: []string{"-h"}, stderr: `.*Usage of .*`},
	{name: "an unknown flag is refused", args: []string{"-no-such-flag"}, exit: 2, stderr: `flag provided but not defined.*Usage of .*`},
}

// scenarios are what is done with each example, by the name of its folder.
var scenarios = map[string][]scenario{
	"add-records": {
		{name: "without a key it adds demo records", stdout: "2 of 2 records added to {id}\n"},
		{
			name: "it adds standard input", service: true, stdin: twoRecords,
			stdout: "2 of 2 records added to {dataset}\n", check: twoAdded,
		},
		{
			name: "it adds a file, one at a time, by the dataset's id", service: true, files: map[string]string{"in.jsonl": twoRecords},
			args:   []string{"-file", "{dir}/in.jsonl", "-dataset", "{dataset}", "-concurrency", "1"},
			stdout: "2 of 2 records added to {dataset}\n", check: twoAdded,
		},
		{
			name: "a bad line is named and nothing added", service: true, stdin: badLine,
			exit: 1, stderr: `add-records: .*line 2: .*nothing was added\n`, check: untouched,
		},
		{
			name: "a refused record is left out", service: true, stdin: twoRecords, args: []string{"-concurrency", "1"},
			prepare: inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 422, Body: `{"detail":"too sad"}`}),
			exit:    1, stdout: "1 of 2 records added to {dataset}\n", stderr: `record 1 is left out: .*too sad.*add-records: some records were left out.*`,
		},
		{
			name: "a service that is down ends it", service: true, stdin: twoRecords, args: []string{"-concurrency", "1"},
			prepare: inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 500}),
			exit:    1, stdout: "0 of 2 records added to {dataset}\n", stderr: `add-records: record 1: .*check before retrying.*`, check: untouched,
		},
		{name: "an unknown dataset", service: true, stdin: twoRecords, args: []string{"-dataset", "Nope"}, exit: 1, stderr: notFound, check: untouched},
		{
			name: "a name that two datasets have", service: true, stdin: twoRecords,
			prepare: func(s *mistralobstest.Server) { s.SeedDataset("Support tickets", "") },
			exit:    1, stderr: `.*2 datasets have the name "Support tickets", give an id: {dataset}, {id}.*`,
		},
		{name: "a file that is not there", args: []string{"-file", "{dir}/none"}, exit: 1, stderr: `add-records: open .*none.*`},
		{
			name: "a wrong key", service: true, stdin: twoRecords, env: []string{"MISTRAL_API_KEY=wrong"},
			exit: 1, stderr: `.*check the API key.*`, check: untouched,
		},
		{name: "Ctrl-C ends a wait for input", service: true, interrupt: onceItReads, exit: -1, check: untouched},
	},
	"copy-dataset": {
		{name: "without a key it copies all demo data", stdout: "{id}\n", stderr: "Copied 12 records to \"Copy of Support tickets\".\n"},
		{
			name: "it copies what has a property to a new dataset", service: true, args: []string{"-to", "Parcels", "-where", "category=shipping"},
			stdout: "{id}\n", stderr: "Copied 4 records .*",
			check: func(t *testing.T, run *finished) {
				target := run.dataset(t, "Parcels")
				assert.Equal(t, target+"\n", run.stdout)
				for _, record := range run.server.Records(target) {
					assert.Contains(t, string(record.Properties), `"category":"shipping"`)
				}
				assert.Len(t, run.server.Records(target), 4)
				assert.Len(t, run.server.Records(run.demo.DatasetID), 12)
			},
		},
		{
			name: "it copies to a dataset that is there", service: true, args: []string{"-from", "{dataset}", "-to", "Archive"},
			prepare: func(s *mistralobstest.Server) {
				s.SeedDataset("Archive", "", mistralobstest.Conversation{Payload: []byte(`{"old":1}`)})
			},
			stdout: "{id}\n", stderr: "Copied 12 records .*",
			check: func(t *testing.T, run *finished) {
				assert.Equal(t, append([]string{`{"old":1}`}, run.payloads(run.demo.DatasetID)...), run.payloads(run.dataset(t, "Archive")))
			},
		},
		{name: "nothing has the property", service: true, args: []string{"-where", "category=toys"}, exit: 1, stderr: `.*no such record.*`, check: untouched},
		{name: "a condition that is none", args: []string{"-where", "category"}, exit: 2, stderr: `.*must be key=value.*`},
		{name: "an unknown dataset", service: true, args: []string{"-from", "Nope"}, exit: 1, stderr: notFound, check: untouched},
		{name: "an unknown id is no name for a new one", service: true, args: []string{"-to", unknownID}, exit: 1, stderr: notFound, check: untouched},
		{
			name: "an import that fails", service: true, options: []mistralobstest.Option{failingTasks},
			exit: 1, stderr: `copy-dataset: .* ended as FAILED: disk full\n`,
		},
		{name: "Ctrl-C ends the wait", service: true, interrupt: onceItPolls, exit: 1, stderr: interrupted},
	},
	"create": {
		{name: "without a key", stdout: "{id}\n"},
		{
			name: "it makes a dataset", service: true, args: []string{"-name", "Refunds in May", "-description", "Until the 12th"}, stdout: "{id}\n",
			check: func(t *testing.T, run *finished) {
				made := mistralobstest.Dataset{ID: strings.TrimSpace(run.stdout), Slug: "refunds-in-may", Name: "Refunds in May", Description: "Until the 12th"}
				assert.Contains(t, run.server.Datasets(), made)
			},
		},
		{
			name: "it prints JSON", service: true, args: []string{"-json"}, stdout: anything,
			check: func(t *testing.T, run *finished) {
				assert.Equal(t, run.dataset(t, "New dataset"), jsonLines(t, run.stdout)[0]["id"])
			},
		},
		{name: "a name that is too short", service: true, args: []string{"-name", "Abc"}, exit: 1, stderr: `create: .*5 to 50 characters.*`, check: untouched},
		{
			name: "an answer that is lost", service: true, args: []string{"-name", "Lost and found"},
			prepare: inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsCreate, Break: mistralobstest.ResetUnanswered}),
			exit:    1, stderr: `create: .*list -q "Lost and found" shows.*`,
			check: func(t *testing.T, run *finished) { run.dataset(t, "Lost and found") },
		},
		{name: "a stray argument", args: []string{"Name"}, exit: 2, stderr: `create: unexpected argument "Name".*`},
	},
	"emulator": {
		{
			name: "it runs until Ctrl-C", args: []string{"-addr", "127.0.0.1:0"}, interrupt: onceItPrints, stdout: `{"url":"http://127\.0\.0\.1:\d+".*}\n`,
			check: func(t *testing.T, run *finished) {
				assert.Equal(t, mistralobstest.DefaultAPIKey, jsonLines(t, run.stdout)[0]["api_key"])
			},
		},
		{name: "an address that is none", args: []string{"-addr", "nowhere"}, exit: 1, stderr: `emulator: listen .*`},
	},
	"export": {
		{name: "without a key it prints demo data", stdout: `(?:{"payload":[^\n]*\n){12}`, stderr: "Exported [0-9]+ bytes.\n"},
		{
			name: "it saves a file", service: true, args: []string{"-out", "{dir}/out.jsonl", "-dataset", "{dataset}"}, stderr: "Exported [0-9]+ bytes.\n",
			check: func(t *testing.T, run *finished) {
				saved, err := os.ReadFile(filepath.Join(run.dir, "out.jsonl"))
				require.NoError(t, err)
				assert.Len(t, jsonLines(t, string(saved)), 12)
			},
		},
		{
			name: "it goes on after a break", service: true,
			prepare: inject(mistralobstest.Fault{Operation: mistralobstest.ExportsDownload, Break: mistralobstest.ResetBody, After: 100}),
			stdout:  `(?:{"payload":[^\n]*\n){12}`, stderr: "Exported [0-9]+ bytes.\n",
			check: func(t *testing.T, run *finished) {
				assert.Equal(t, 2, run.count(mistralobstest.ExportsDownload))
				assert.Len(t, jsonLines(t, run.stdout), 12)
			},
		},
		{
			name: "a file that cannot be written", args: []string{"-out", "{dir}/none/out.jsonl"},
			exit: 1, stderr: `export: .*save export: .*none.*`,
		},
		{name: "an unknown dataset", service: true, args: []string{"-dataset", "Nope"}, exit: 1, stderr: notFound},
		{name: "a stray argument", args: []string{"out.jsonl"}, exit: 2, stderr: `export: unexpected argument "out.jsonl".*-out\n`},
	},
	"import-jsonl": {
		{name: "without a key it imports demo records", stdout: "{id} COMPLETED\n"},
		{
			name: "it imports standard input", service: true, stdin: twoRecords, stdout: "{id} COMPLETED\n",
			check: func(t *testing.T, run *finished) {
				twoAdded(t, run)
				assert.Equal(t, 1, run.count(mistralobstest.FilesUpload))
				assert.Equal(t, 1, run.count(mistralobstest.FilesDelete))
			},
		},
		{
			name: "it imports a file and prints JSON", service: true, files: map[string]string{"in.jsonl": twoRecords},
			args: []string{"-file", "{dir}/in.jsonl", "-dataset", "{dataset}", "-json"}, stdout: anything,
			check: func(t *testing.T, run *finished) {
				twoAdded(t, run)
				tasks := jsonLines(t, run.stdout)
				require.Len(t, tasks, 1)
				assert.Equal(t, []any{"COMPLETED", run.demo.DatasetID}, []any{tasks[0]["status"], tasks[0]["dataset_id"]})
			},
		},
		{
			name: "a bad line is named and nothing imported", service: true, files: map[string]string{"in.jsonl": badLine},
			args: []string{"-file", "{dir}/in.jsonl"}, exit: 1, stderr: `import-jsonl: .*line 2: .*`, check: untouched,
		},
		{
			name: "an import that fails", service: true, stdin: twoRecords, options: []mistralobstest.Option{failingTasks},
			exit: 1, stdout: "{id} FAILED\n", stderr: `import-jsonl: .* ended as FAILED: disk full\n`,
			check: func(t *testing.T, run *finished) { assert.Equal(t, 1, run.count(mistralobstest.FilesDelete)) },
		},
		{name: "an unknown dataset", service: true, stdin: twoRecords, args: []string{"-dataset", "Nope"}, exit: 1, stderr: notFound, check: untouched},
		{name: "a file that is not there", args: []string{"-file", "{dir}/none"}, exit: 1, stderr: `import-jsonl: open .*none.*`},
		{name: "Ctrl-C ends a wait for input", service: true, interrupt: onceItReads, exit: 1, stderr: interrupted, check: untouched},
		{
			name: "Ctrl-C ends a wait for the import, which still needs its file", service: true, interrupt: onceItPolls,
			files: map[string]string{"in.jsonl": twoRecords}, args: []string{"-file", "{dir}/in.jsonl"},
			exit: 1, stdout: "{id} [A-Z]+\n", stderr: `.*context canceled.*goes on at the service.*`,
			check: func(t *testing.T, run *finished) { assert.Zero(t, run.count(mistralobstest.FilesDelete)) },
		},
	},
	"judge": {
		{name: "without a key it judges a demo record", stdout: "category: shipping \\(.*\nhelpfulness: 10 \\(.*\n"},
		{
			name: "it judges a record and prints JSON", service: true, args: []string{"-record", "{record}", "-json"}, stdout: anything,
			check: func(t *testing.T, run *finished) {
				verdicts := jsonLines(t, run.stdout)
				require.Len(t, verdicts, 2)
				assert.Equal(t, []any{"shipping", 10.0}, []any{verdicts[0]["answer"], verdicts[1]["answer"]})
				assert.Equal(t, run.fill("{record}"), verdicts[0]["record_id"])
				assert.NotEmpty(t, verdicts[0]["analysis"])
			},
		},
		{name: "an unknown record", service: true, args: []string{"-record", unknownID}, exit: 1, stderr: `judge: .*404.*`},
		{name: "an unknown dataset", service: true, args: []string{"-dataset", "Nope"}, exit: 1, stderr: notFound},
		{
			name: "a dataset without records", service: true, args: []string{"-dataset", "Empty"},
			prepare: func(s *mistralobstest.Server) { s.SeedDataset("Empty", "") },
			exit:    1, stderr: `judge: "Empty" has no records.*add-records\n`,
		},
	},
	"list": {
		{name: "without a key it lists the demo data", stdout: `ID +NAME +CREATED\n{id}  Support tickets  [-0-9]+ [:0-9]+\n`},
		{name: "with numbers of records", service: true, args: []string{"-counts"}, stdout: `ID +NAME +RECORDS +CREATED\n{dataset}  Support tickets  12 .*\n`},
		{
			name: "it prints JSON", service: true, args: []string{"-json", "-counts"}, stdout: anything,
			prepare: func(s *mistralobstest.Server) { s.SeedDataset("Empty", "") },
			check: func(t *testing.T, run *finished) {
				lines := jsonLines(t, run.stdout)
				require.Len(t, lines, 2)
				assert.Equal(t, []any{run.demo.DatasetID, 12.0}, []any{lines[0]["id"], lines[0]["records"]})
				assert.Equal(t, []any{"Empty", 0.0}, []any{lines[1]["name"], lines[1]["records"]})
			},
		},
		{
			name: "it searches", service: true, args: []string{"-q", "parcel"}, stdout: `ID +NAME +CREATED\n{id}  Parcels  [^\n]*\n`,
			prepare: func(s *mistralobstest.Server) { s.SeedDataset("Parcels", "") },
		},
		{name: "nothing is found", service: true, args: []string{"-q", "toys"}, stderr: `No dataset was found; go run ./examples/create makes one.\n`},
		{name: "a wrong key", service: true, env: []string{"MISTRAL_API_KEY=wrong"}, exit: 1, stderr: `list: .*check the API key.*`},
		{name: "a stray argument", args: []string{"tickets"}, exit: 2, stderr: `list: unexpected argument "tickets".*-q\n`},
	},
	"otel": {
		{name: "with -demo", args: []string{"-demo"}, stdout: spans, stderr: "-demo: .*Counted 12 records.\n"},
		{name: "with a key", service: true, stdout: spans, stderr: "Counted 12 records.\n"},
		{
			name: "a failure is in the span", service: true, env: []string{"MISTRAL_API_KEY=wrong"},
			exit: 1, stdout: `.*"Name":"count all records".*"Status":{"Code":"Error".*`, stderr: `otel: .*check the API key.*`,
		},
	},
	"sync": {
		{
			name:   "without a key it syncs two demo records",
			stdout: `dataset {id}: 1 created, 1 updated, 0 deleted, 0 equal, 11 not wanted but left alone\n`, stderr: `.*\+ ticket-13.*~ ticket-01.*`,
		},
		{
			name: "a dry run shows what is to do", service: true, stdin: edited, args: []string{"-file", "-", "-dry-run", "-delete"}, exit: 2, check: untouched,
			stdout: `dataset {dataset}: 1 to create, 1 to update, 11 to delete, 0 equal\n\+ ticket-13\n~ ticket-01\n    payload.messages\[1\].content: [^\n]* -> "On its way."\n.*- ticket-12\n`,
		},
		{
			name: "a plan as JSON", service: true, stdin: edited, args: []string{"-file", "-", "-dry-run", "-json"}, exit: 2, stdout: anything, check: func(t *testing.T, run *finished) {
				plan := jsonLines(t, run.stdout)[0]
				assert.Equal(t, run.demo.DatasetID, plan["dataset_id"])
				assert.Len(t, plan["create"], 1)
				assert.Empty(t, plan["delete"])
			},
		},
		{
			name: "a file becomes the dataset", service: true, stdin: twoRecords, args: []string{"-file", "-", "-key", "", "-delete", "-dataset", "{dataset}", "-json"},
			stdout: anything, stderr: `.*2 to create, 0 to update, 12 to delete.*`,
			check: func(t *testing.T, run *finished) {
				assert.Len(t, run.server.Records(run.demo.DatasetID), 2)
				assert.Equal(t, []any{2.0, 12.0}, []any{jsonLines(t, run.stdout)[0]["created"], jsonLines(t, run.stdout)[0]["deleted"]})
			},
		},
		{
			name: "nothing to do", service: true, files: map[string]string{"in.jsonl": `{"payload":{"a":1}}`}, args: []string{"-file", "{dir}/in.jsonl", "-key", "", "-dataset", "Equal", "-dry-run"},
			prepare: func(s *mistralobstest.Server) {
				s.SeedDataset("Equal", "", mistralobstest.Conversation{Payload: []byte(`{"a":1}`)})
			},
			stdout: `dataset {id}: 0 to create, 0 to update, 0 to delete, 1 equal\n`,
		},
		{
			name: "a record that is refused", service: true, stdin: twoRecords, args: []string{"-file", "-", "-key", ""},
			prepare: inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 422, Body: `{"detail":"too sad"}`}),
			exit:    1, stdout: `.*1 created.*! create record \d of the input: failed: .*too sad.*`, stderr: `.*1 of 2 changes were not made.*`,
		},
		{name: "a bad line", service: true, stdin: badLine, args: []string{"-file", "-"}, exit: 1, stderr: `sync: .*record 1 of the input does not have this property.*`, check: untouched},
		{name: "no file", service: true, exit: 1, stderr: `sync: .*-file\n`, check: untouched},
		{name: "a file that is not there", service: true, exit: 1, args: []string{"-file", "{dir}/none"}, stderr: `sync: open .*none.*`},
		{name: "an unknown dataset", service: true, stdin: twoRecords, args: []string{"-file", "-", "-dataset", "Nope"}, exit: 1, stderr: notFound, check: untouched},
	},
	"bench": {
		{name: "outside of a checkout it says so", exit: 1, stderr: `.*bench: .*run it in the root of a checkout.*`},
		{name: "so it does with a key", service: true, exit: 1, stderr: `.*bench: .*run it in the root of a checkout.*`, check: untouched},
	},
	"quickstart": {
		{name: "without a key", stdout: `MISTRAL_API_KEY is not set.*Verified: all 50 records.*Deleted the dataset.\n`},
		{
			name: "with a key", service: true, args: []string{"-out", "{dir}/out.jsonl"}, stdout: `MISTRAL_API_KEY is set.*Verified: all 50 records.*`,
			check: func(t *testing.T, run *finished) {
				assert.Len(t, run.server.Datasets(), 1)
				assert.FileExists(t, filepath.Join(run.dir, "out.jsonl"))
			},
		},
		{
			name: "a bad line", service: true, files: map[string]string{"in.jsonl": badLine}, args: []string{"-file", "{dir}/in.jsonl"},
			exit: 1, stdout: anything, stderr: `quickstart: .*line 2: .*`, check: untouched,
		},
		{name: "Ctrl-C still deletes the dataset", service: true, interrupt: onceItPolls, exit: 1, stdout: `.*Deleted the dataset.\n`, stderr: interrupted},
	},
}

// spans are those of a walk over one dataset, and the metrics by operation.
const spans = `.*"Name":"datasets.list".*"Name":"records.list".*"Name":"count all records".*"mistralobs.operation".*"records.list".*`

var failingTasks = mistralobstest.WithTaskOutcome(func(mistralobstest.TaskInfo) (status, message string) {
	return "FAILED", "disk full"
})

// inject prepares a fault. Its answers are JSON.
func inject(fault mistralobstest.Fault) func(*mistralobstest.Server) {
	fault.Header = http.Header{"Content-Type": {"application/json"}}
	return func(s *mistralobstest.Server) { s.Inject(fault) }
}

// twoAdded says that twoRecords have come behind the demo's.
func twoAdded(t *testing.T, run *finished) {
	added := run.server.Records(run.demo.DatasetID)[12:]
	require.Len(t, added, 2)
	var texts []string
	for _, record := range added {
		texts = append(texts, string(record.Payload)+string(record.Properties))
	}
	assert.ElementsMatch(t, []string{
		`{"messages":[{"role":"user","content":"One"}]}{"n":1}`,
		`{"messages":[{"role":"user","content":"Two"}]}{}`,
	}, texts)
}
