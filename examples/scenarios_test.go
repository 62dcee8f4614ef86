package examples_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
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
	edited = `{"payload":{"messages":[{"role":"user","content":"Where is my parcel?"},` +
		`{"role":"assistant","content":"On its way."}]},"properties":{"id":"ticket-01"}}
{"payload":{"messages":[{"role":"user","content":"Do you ship to Malta?"}]},"properties":{"id":"ticket-13"}}
`
	unknownID = "00000000-0000-4000-8000-000000000000"
	notFound  = `.*none has the ID, slug or name .*go run ./examples/list.*`
	canceled  = `(?:context canceled|interrupt signal received)` // since Go 1.26 the context names the signal
)

// offline are the examples that do not need the service.
var offline = map[string]bool{"bench": true, "emulator": true}

// commonScenarios hold for every example.
func commonScenarios(name string) []scenario {
	list := []scenario{
		{
			name: "-h describes it", args: []string{"-h"},
			stderr: `.*Usage of ` + name + `:.*`, check: describesItself(name),
		},
		{
			name: "an unknown flag is refused", args: []string{"-no-such-flag"},
			exit: 2, stderr: `flag provided but not defined.*`,
		},
		{
			name: "a stray argument is refused", args: []string{"stray"},
			exit: 2, stderr: name + `: unexpected argument "stray".*-h.*`,
		},
	}
	if offline[name] || name == "quickstart" {
		return list
	}
	return append(list, scenario{
		name: "without a key it fails", stdin: twoRecords, stdout: anything,
		exit: 1, stderr: name + `: there is no API key: set MISTRAL_API_KEY, or try .* -demo .*`,
	})
}

// scenarios are the runs of each example, by the name of its folder.
var scenarios = map[string][]scenario{
	"add-records": {
		{name: "with -demo it adds demo records", args: []string{"-demo"}, stdout: "2 records added to {id}\n"},
		{
			name: "it adds standard input", service: true, stdin: twoRecords, args: []string{"-dataset", "Support tickets"},
			stdout: "2 records added to {dataset}\n", check: twoAdded,
		},
		{
			name: "it adds a file in order, by the id of the dataset", service: true,
			files:  map[string]string{"in.jsonl": twoRecords},
			args:   []string{"-file", "{dir}/in.jsonl", "-dataset", "{dataset}", "-concurrency", "1"},
			stdout: "2 records added to {dataset}\n", check: twoAdded,
		},
		{
			name: "a terminal shows that it waits, and the progress", service: true, terminal: true, stdin: twoRecords,
			args: []string{"-dataset", "{dataset}"}, stdout: "2 records added to {dataset}\n", check: twoAdded,
			stderr: `.*Waiting for JSONL on standard input; Ctrl-D ends it.*adding  1 records.*`,
		},
		{
			name: "a bad line of a file is named and nothing added", service: true,
			files: map[string]string{"in.jsonl": badLine},
			args:  []string{"-file", "{dir}/in.jsonl", "-dataset", "{dataset}"},
			exit:  1, stderr: `add-records: .*line 2: .*; nothing was added\n`, check: untouched,
		},
		{
			name: "a bad line of a pipe ends it", service: true, stdin: badLine, args: []string{"-dataset", "{dataset}"},
			exit: 1, stdout: "1 records added to {dataset}\n", stderr: `add-records: .*line 2: .*`,
		},
		{
			name: "an empty pipe", service: true, args: []string{"-dataset", "{dataset}"},
			exit: 1, stdout: "0 records added to {dataset}\n", stderr: `add-records: the input has no records\n`,
		},
		{
			name: "a refused record is left out", service: true, stdin: twoRecords,
			args: []string{"-concurrency", "1", "-dataset", "{dataset}"},
			prepare: inject(mistralobstest.Fault{
				Operation: mistralobstest.RecordsCreate, Status: 422, Body: `{"detail":"too sad"}`,
			}),
			exit: 1, stdout: "1 records added to {dataset}\n",
			stderr: `record 1 is left out: .*too sad.*add-records: 1 records were left out.*`,
		},
		{
			name: "a service that is down ends it", service: true, stdin: twoRecords,
			args:    []string{"-concurrency", "1", "-dataset", "{dataset}"},
			prepare: inject(mistralobstest.Fault{Operation: mistralobstest.RecordsCreate, Status: 500}),
			exit:    1, stdout: "0 records added to {dataset}\n", check: untouched,
			stderr: `add-records: record 1: .*check before retrying.*`,
		},
		{
			name: "an unknown dataset", service: true, stdin: twoRecords, args: []string{"-dataset", "Nope"},
			exit: 1, stderr: notFound, check: untouched,
		},
		{
			name: "no dataset", service: true, stdin: twoRecords,
			exit: 1, stderr: `add-records: no dataset is given: see -h\n`, check: untouched,
		},
		{
			name: "a name that two datasets have", service: true, stdin: twoRecords,
			args:    []string{"-dataset", "Support tickets"},
			prepare: func(s *mistralobstest.Server) { s.SeedDataset("Support tickets", "") },
			exit:    1, stderr: `.*2 datasets have the name "Support tickets".* {dataset}, {id}.*`,
		},
		{
			name: "a file that does not exist", args: []string{"-demo", "-file", "{dir}/none"},
			exit: 1, stderr: `add-records: open .*none.*`,
		},
		{
			name: "a wrong key", service: true, stdin: twoRecords, env: []string{"MISTRAL_API_KEY=wrong"},
			args: []string{"-dataset", "{dataset}"}, exit: 1, stderr: `.*check the API key.*`, check: untouched,
		},
		{
			name: "Ctrl-C ends a wait for input", service: true, interrupt: onceItReads, args: []string{"-dataset", "{dataset}"},
			exit: 130, stdout: "0 records added to {dataset}\n", stderr: `add-records: interrupted: .*` + canceled + `\n`,
			check: untouched,
		},
	},
	"copy-dataset": {
		{
			name: "with -demo it copies all demo records", args: []string{"-demo"},
			stdout: "{id}\n", stderr: "Copied 12 records to \"Copy of Support tickets\".\n",
		},
		{
			name: "it copies the records with a property to a new dataset", service: true,
			args:   []string{"-from", "Support tickets", "-to", "Parcels", "-where", "category=shipping"},
			stdout: "{id}\n", stderr: "Copied 4 records .*", check: parcelsCopied,
		},
		{
			name: "a terminal shows the progress", service: true, terminal: true, args: []string{"-from", "{dataset}"},
			stdout: "{id}\n", stderr: `.*reading  1 records.*copying  0 of 12 records  0 %.*Copied 12 records .*`,
		},
		{
			name: "it copies to an existing dataset", service: true, args: []string{"-from", "{dataset}", "-to", "Archive"},
			prepare: func(s *mistralobstest.Server) {
				s.SeedDataset("Archive", "", mistralobstest.RecordSeed{Payload: []byte(`{"old":1}`)})
			},
			stdout: "{id}\n", stderr: "Copied 12 records .*",
			check: func(t *testing.T, run *finished) {
				want := append([]string{`{"old":1}`}, run.payloads(run.demo.DatasetID)...)
				assert.Equal(t, want, run.payloads(run.dataset(t, "Archive")))
			},
		},
		{
			name: "no record has the property", service: true, args: []string{"-from", "{dataset}", "-where", "category=toys"},
			exit: 1, stderr: `.*no such record.*`, check: untouched,
		},
		{
			name: "a condition without a value", args: []string{"-where", "category"},
			exit: 2, stderr: `.*must be key=value.*`,
		},
		{
			name: "an unknown dataset", service: true, args: []string{"-from", "Nope"},
			exit: 1, stderr: notFound, check: untouched,
		},
		{
			name: "an unknown id is not the name of a new dataset", service: true,
			args: []string{"-from", "{dataset}", "-to", unknownID}, exit: 1, stderr: notFound, check: untouched,
		},
		{
			name: "a copy to the same dataset", service: true, args: []string{"-from", "{dataset}", "-to", "Support tickets"},
			exit: 1, stderr: `copy-dataset: "Support tickets" is the dataset to copy from: .*`, check: untouched,
		},
		{
			name: "an import that fails", service: true, options: []mistralobstest.Option{failingTasks},
			args: []string{"-from", "{dataset}"}, exit: 1, stderr: `copy-dataset: .* ended as FAILED: disk full; .*`,
		},
		{
			name: "Ctrl-C ends the wait", service: true, interrupt: onceItPolls, args: []string{"-from", "{dataset}"},
			exit: 130, stderr: `copy-dataset: interrupted: .*` + canceled + `.*`,
		},
	},
	"create": {
		{name: "with -demo", args: []string{"-demo", "-name", "Refunds in May"}, stdout: "{id}\n"},
		{
			name: "it creates a dataset", service: true,
			args: []string{"-name", "Refunds in May", "-description", "Until the 12th"}, stdout: "{id}\n",
			check: func(t *testing.T, run *finished) {
				assert.Equal(t, run.dataset(t, "Refunds in May")+"\n", run.stdout)
			},
		},
		{
			name: "it prints JSON", service: true, args: []string{"-name", "Refunds in May", "-json"}, stdout: anything,
			check: func(t *testing.T, run *finished) {
				assert.Equal(t, run.dataset(t, "Refunds in May"), jsonLines(t, run.stdout)[0]["id"])
			},
		},
		{name: "no name", service: true, exit: 1, stderr: `(?s)create: .*at least 5 characters.*`, check: untouched},
		{
			name: "a name that is too short", service: true, args: []string{"-name", "Abc"},
			exit: 1, stderr: `(?s)create: .*at least 5 characters.*`, check: untouched,
		},
		{
			name: "a response that is lost", service: true, args: []string{"-name", "Lost and found"},
			prepare: inject(mistralobstest.Fault{
				Operation: mistralobstest.DatasetsCreate, Break: mistralobstest.ResetUnanswered,
			}),
			exit: 1, stderr: `create: .*list -q "Lost and found" shows.*`,
			check: func(t *testing.T, run *finished) { run.dataset(t, "Lost and found") },
		},
	},
	"emulator": {
		{
			name: "it runs until Ctrl-C", args: []string{"-addr", "127.0.0.1:0"}, interrupt: onceItPrints,
			stdout: `{"url":"http://127\.0\.0\.1:\d+".*}\n`,
			check: func(t *testing.T, run *finished) {
				assert.Equal(t, mistralobstest.DefaultAPIKey, jsonLines(t, run.stdout)[0]["api_key"])
			},
		},
		{name: "an invalid address", args: []string{"-addr", "nowhere"}, exit: 1, stderr: `emulator: listen .*`},
	},
	"export-dataset": {
		{
			name: "with -demo it prints demo data", args: []string{"-demo"},
			stdout: `(?:{"payload":[^\n]*\n){12}`, stderr: "Exported [0-9]+ bytes.\n",
		},
		{
			name: "it saves a file, by the slug of the dataset", service: true,
			args:   []string{"-out", "{dir}/out.jsonl", "-dataset", "support-tickets"},
			stderr: "Exported [0-9]+ bytes.\n",
			check: func(t *testing.T, run *finished) {
				saved, err := os.ReadFile(filepath.Join(run.dir, "out.jsonl"))
				require.NoError(t, err)
				assert.Len(t, jsonLines(t, string(saved)), 12)
			},
		},
		{
			name: "a terminal shows the progress", service: true, terminal: true, args: []string{"-dataset", "{dataset}"},
			stdout: anything, stderr: `.*downloading  [0-9.]+ kB of [0-9.]+ kB  [0-9]+ %.*Exported [0-9]+ bytes.\n`,
		},
		{
			name: "it continues a broken download", service: true, args: []string{"-dataset", "{dataset}"},
			prepare: inject(mistralobstest.Fault{
				Operation: mistralobstest.ExportsDownload, Break: mistralobstest.ResetBody, After: 100,
			}),
			stdout: `(?:{"payload":[^\n]*\n){12}`, stderr: "Exported [0-9]+ bytes.\n",
			check: func(t *testing.T, run *finished) {
				assert.Equal(t, 2, run.count(mistralobstest.ExportsDownload))
				assert.Len(t, jsonLines(t, run.stdout), 12)
			},
		},
		{
			name: "a file that cannot be written", args: []string{"-demo", "-out", "{dir}/none/out.jsonl"},
			exit: 1, stderr: `export-dataset: .*save export: .*none.*`,
		},
		{name: "an unknown dataset", service: true, args: []string{"-dataset", "Nope"}, exit: 1, stderr: notFound},
	},
	"from-traffic": {
		{
			name: "with -demo it imports what the demo evaluator scored low", args: []string{"-demo"},
			stdout: "Support tickets: 4 spans requested, 4 imported, 0 skipped\n",
		},
		{
			name: "it imports the spans and maps their attributes", service: true, args: []string{"-dataset", "Low scores"},
			prepare: func(s *mistralobstest.Server) { s.SeedDataset("Low scores", "") },
			stdout:  "Low scores: 4 spans requested, 4 imported, 0 skipped\n",
			check: func(t *testing.T, run *finished) {
				datasets := run.server.Datasets()
				records := run.server.Records(datasets[len(datasets)-1].ID)
				require.Len(t, records, 4)
				assert.Equal(t, "TELEMETRY_SPAN", records[0].Source)
				assert.Contains(t, string(records[0].Payload), `"service":"support-chat"`)
			},
		},
		{
			name: "a terminal shows the progress", service: true, terminal: true, args: []string{"-dataset", "{dataset}"},
			stdout: "Support tickets: 4 spans requested, 4 imported, 0 skipped\n", stderr: `.*importing  [0-9]+ %.*`,
		},
		{
			name: "Ctrl-C ends the wait", service: true, interrupt: onceItPolls, args: []string{"-dataset", "{dataset}"},
			exit: 130, stderr: `from-traffic: interrupted: .*` + canceled + `.*`,
		},
		{
			name: "a lower threshold and another evaluator", service: true, check: untouched,
			args:   []string{"-dataset", "{dataset}", "-below", "0.7", "-evaluator", "tone", "-since", "48h"},
			stdout: "No span has such an evaluation.\n",
		},
		{
			name: "spans that are gone are skipped", service: true, args: []string{"-dataset", "{dataset}"},
			prepare: func(s *mistralobstest.Server) {
				s.SeedSpanEvaluation(mistralobs.SpanEvaluation{
					TraceID: strings.Repeat("a", 32), SpanID: strings.Repeat("b", 16), EvaluationName: "helpfulness",
				})
			},
			stdout: "Support tickets: 5 spans requested, 4 imported, 1 skipped\n",
		},
		{
			name: "without the role to read telemetry", service: true, args: []string{"-dataset", "{dataset}"},
			prepare: func(s *mistralobstest.Server) {
				s.Inject(mistralobstest.Fault{Operation: mistralobstest.SpansLatestEvaluations, Status: 403})
			},
			exit: 1, stderr: `from-traffic: .*403.*requires a role.*`,
		},
		{name: "an unknown dataset", service: true, args: []string{"-dataset", "Nope"}, exit: 1, stderr: notFound},
		{name: "no dataset", service: true, exit: 1, stderr: `from-traffic: no dataset is given: see -h\n`},
		{
			name: "a name with a quote", service: true, args: []string{"-evaluator", "it's"},
			exit: 1, stderr: `from-traffic: -evaluator must not contain a single quote\n`,
		},
		{
			name: "no time to search", service: true, args: []string{"-since", "0s"},
			exit: 1, stderr: `from-traffic: -since must be positive\n`,
		},
	},
	"import-jsonl": {
		{name: "with -demo it imports demo records", args: []string{"-demo"}, stdout: "{id} COMPLETED\n"},
		{
			name: "it imports standard input", service: true, stdin: twoRecords, args: []string{"-dataset", "{dataset}"},
			stdout: "{id} COMPLETED\n",
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
				assert.Equal(t, "COMPLETED", tasks[0]["status"])
				assert.Equal(t, run.demo.DatasetID, tasks[0]["dataset_id"])
			},
		},
		{
			name: "a terminal shows that it waits, and the progress", service: true, terminal: true, stdin: twoRecords,
			args: []string{"-dataset", "{dataset}"}, stdout: "{id} COMPLETED\n", check: twoAdded,
			stderr: `.*Waiting for JSONL on standard input; Ctrl-D ends it.*uploading  [0-9]+ B.*importing  [0-9]+ %.*`,
		},
		{
			name: "a bad line is named and nothing imported", service: true, files: map[string]string{"in.jsonl": badLine},
			args: []string{"-file", "{dir}/in.jsonl", "-dataset", "{dataset}"},
			exit: 1, stderr: `import-jsonl: .*line 2: .*`, check: untouched,
		},
		{
			name: "an import that fails", service: true, stdin: twoRecords, options: []mistralobstest.Option{failingTasks},
			args: []string{"-dataset", "{dataset}"},
			exit: 1, stdout: "{id} FAILED\n", stderr: `import-jsonl: .* ended as FAILED: disk full; .*`,
			check: func(t *testing.T, run *finished) { assert.Equal(t, 1, run.count(mistralobstest.FilesDelete)) },
		},
		{
			name: "an unknown dataset", service: true, stdin: twoRecords, args: []string{"-dataset", "Nope"},
			exit: 1, stderr: notFound, check: untouched,
		},
		{
			name: "no dataset", service: true, stdin: twoRecords,
			exit: 1, stderr: `import-jsonl: no dataset is given: see -h\n`, check: untouched,
		},
		{
			name: "a file that does not exist", args: []string{"-demo", "-file", "{dir}/none"},
			exit: 1, stderr: `import-jsonl: open .*none.*`,
		},
		{
			name: "Ctrl-C ends a wait for input", service: true, interrupt: onceItReads, args: []string{"-dataset", "{dataset}"},
			exit: 130, stderr: `import-jsonl: interrupted: .*` + canceled + `.*`, check: untouched,
		},
		{
			name: "Ctrl-C ends a wait for the import, which still needs its file", service: true, interrupt: onceItPolls,
			files: map[string]string{"in.jsonl": twoRecords},
			args:  []string{"-file", "{dir}/in.jsonl", "-dataset", "{dataset}"},
			exit:  130, stdout: "{id} [A-Z]+\n", stderr: `.*` + canceled + `.*continues at the service.*`,
			check: func(t *testing.T, run *finished) { assert.Zero(t, run.count(mistralobstest.FilesDelete)) },
		},
	},
	"judge": {
		{
			name: "with -demo it judges a demo record", args: []string{"-demo"},
			stdout: "category: shipping \\(.*\nhelpfulness: 10 \\(.*\n",
		},
		{
			name: "it judges a record and prints JSON", service: true, args: []string{"-record", "{record}", "-json"},
			stdout: anything,
			check: func(t *testing.T, run *finished) {
				judgements := jsonLines(t, run.stdout)
				require.Len(t, judgements, 2)
				assert.Equal(t, []any{"shipping", 10.0}, []any{judgements[0]["answer"], judgements[1]["answer"]})
				assert.Equal(t, run.fill("{record}"), judgements[0]["record_id"])
				assert.NotEmpty(t, judgements[0]["analysis"])
			},
		},
		{
			name: "an unknown record", service: true, args: []string{"-record", unknownID},
			exit: 1, stderr: `judge: judge category on record .*404.*`,
		},
		{name: "an unknown dataset", service: true, args: []string{"-dataset", "Nope"}, exit: 1, stderr: notFound},
		{name: "no dataset", service: true, exit: 1, stderr: `judge: no dataset is given: see -h\n`},
		{
			name: "a dataset without records", service: true, args: []string{"-dataset", "Empty"},
			prepare: func(s *mistralobstest.Server) { s.SeedDataset("Empty", "") },
			exit:    1, stderr: `judge: "Empty" has no records: .*add-records adds some\n`,
		},
	},
	"list": {
		{
			name: "with -demo it lists the demo data", args: []string{"-demo"},
			stdout: `ID +SLUG +NAME +CREATED\n{id}  support-tickets  Support tickets  [-0-9]+ [:0-9]+\n`,
		},
		{
			name: "with numbers of records", service: true, args: []string{"-counts"},
			stdout: `ID +SLUG +NAME +RECORDS +CREATED\n{dataset}  support-tickets  Support tickets  12 .*\n`,
		},
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
			name: "it searches", service: true, args: []string{"-q", "parcel"},
			stdout:  `ID +SLUG +NAME +CREATED\n{id}  parcels  Parcels  [^\n]*\n`,
			prepare: func(s *mistralobstest.Server) { s.SeedDataset("Parcels", "") },
		},
		{
			name: "no name reaches the terminal raw", service: true, args: []string{"-q", "red"},
			stdout:  `ID +SLUG +NAME +CREATED\n{id}  [^ ]+  \\x1b\[31mred  [^\n]*\n`,
			prepare: func(s *mistralobstest.Server) { s.SeedDataset("\x1b[31mred", "") },
		},
		{
			name: "nothing is found", service: true, args: []string{"-q", "toys"},
			stderr: `No dataset was found; go run ./examples/create makes one.\n`,
		},
		{name: "nothing is found, as JSON", service: true, args: []string{"-q", "toys", "-json"}},
		{
			name: "a wrong key", service: true, env: []string{"MISTRAL_API_KEY=wrong"},
			exit: 1, stderr: `list: .*check the API key.*`,
		},
	},
	"otel": {
		{name: "with -demo", args: []string{"-demo"}, stdout: spans, stderr: "Counted 12 records.\n"},
		{name: "with a key", service: true, stdout: spans, stderr: "Counted 12 records.\n"},
		{
			name: "a failure is in the span", service: true, env: []string{"MISTRAL_API_KEY=wrong"},
			exit: 1, stdout: `.*"Name":"count all records".*"Status":{"Code":"Error".*`, stderr: `otel: .*check the API key.*`,
		},
	},
	"sync-dataset": {
		{
			name: "with -demo it syncs two demo records", args: []string{"-demo"},
			stdout: `dataset {id}: 1 created, 1 updated, 0 deleted, 0 equal, 11 not wanted but kept\n`,
			stderr: `.*\+ "ticket-13".*~ "ticket-01".*`,
		},
		{
			name: "a dry run shows the changes", service: true, stdin: edited, exit: 2, check: untouched,
			args: []string{"-file", "-", "-dataset", "Support tickets", "-dry-run", "-delete"},
			stdout: `dataset "Support tickets" \({dataset}\): 1 to create, 1 to update, 11 to delete, 0 equal\n\+ "ticket-13"\n~ "ticket-01"\n` +
				`    payload.messages\[1\].content: [^\n]* -> "On its way."\n.*- "ticket-12"\n`,
		},
		{
			name: "a plan as JSON", service: true, stdin: edited, exit: 2, stdout: anything,
			args: []string{"-file", "-", "-dataset", "{dataset}", "-dry-run", "-json"},
			check: func(t *testing.T, run *finished) {
				plan := jsonLines(t, run.stdout)[0]
				assert.Equal(t, run.demo.DatasetID, plan["dataset_id"])
				assert.Len(t, plan["create"], 1)
				assert.Empty(t, plan["delete"])
			},
		},
		{
			name: "a file becomes the dataset", service: true, stdin: twoRecords,
			args:   []string{"-file", "-", "-key", "", "-delete", "-dataset", "{dataset}", "-json"},
			stdout: anything, stderr: `.*2 to create, 0 to update, 12 to delete.*`,
			check: func(t *testing.T, run *finished) {
				assert.Len(t, run.server.Records(run.demo.DatasetID), 2)
				report := jsonLines(t, run.stdout)[0]
				assert.Equal(t, []any{2.0, 12.0}, []any{report["created"], report["deleted"]})
			},
		},
		{
			name: "nothing to do", service: true, files: map[string]string{"in.jsonl": `{"payload":{"a":1}}`},
			args: []string{"-file", "{dir}/in.jsonl", "-key", "", "-dataset", "Equal", "-dry-run"},
			prepare: func(s *mistralobstest.Server) {
				s.SeedDataset("Equal", "", mistralobstest.RecordSeed{Payload: []byte(`{"a":1}`)})
			},
			stdout: `dataset "Equal" \({id}\): 0 to create, 0 to update, 0 to delete, 1 equal\n`,
		},
		{
			name: "a terminal shows the progress", service: true, terminal: true, stdin: edited, stdout: anything,
			args: []string{"-file", "-", "-dataset", "{dataset}"}, stderr: `.*Waiting for JSONL.*\+ "ticket-13".*~ "ticket-01".*`,
		},
		{
			name: "an empty file does not empty the dataset", service: true, stdin: "\ufeff\n", exit: 1, check: untouched,
			args: []string{"-file", "-", "-dataset", "{dataset}", "-delete"},
			stderr: `sync-dataset: datasetsync: diff: the file holds no records, so -delete would delete the whole dataset; ` +
				`-allow-empty allows that\n`,
		},
		{
			name: "unless that is meant", service: true, stdin: "", stdout: `.* 12 deleted.*`, stderr: anything,
			args: []string{"-file", "-", "-dataset", "{dataset}", "-delete", "-allow-empty"},
		},
		{
			name: "more deletions than allowed", service: true, stdin: edited, exit: 1, check: untouched,
			args:   []string{"-file", "-", "-dataset", "{dataset}", "-delete", "-max-deletes", "10"},
			stderr: `.*sync-dataset: .*deletes too many records: 11, and -max-deletes is 10\n`,
		},
		{
			name: "a negative limit", service: true, stdin: edited, exit: 1, check: untouched,
			args:   []string{"-file", "-", "-dataset", "{dataset}", "-max-deletes", "-1"},
			stderr: `sync-dataset: datasetsync: diff: -max-deletes: it must not be negative, got -1\n`,
		},
		{
			name: "duplicates are refused", service: true, stdin: `{"payload":{},"properties":{"id":1}}`, exit: 1,
			args:    []string{"-file", "-", "-dataset", "Twice"},
			prepare: seedTwice, stderr: `sync-dataset: .*several records have the same key: 1 \({id}, {id}\); ` +
				`use -duplicates keep-oldest to delete all but the oldest\n`,
		},
		{
			name: "or all but the oldest are deleted", service: true, stdin: `{"payload":{},"properties":{"id":1}}`,
			args:    []string{"-file", "-", "-dataset", "Twice", "-duplicates", "keep-oldest"},
			prepare: seedTwice, stdout: `.*0 created, 0 updated, 1 deleted, 1 equal\n`, stderr: anything,
		},
		{
			name: "another policy is refused", args: []string{"-duplicates", "all"}, exit: 2, stderr: `.*"keep-oldest".*`,
		},
		{
			name: "a record that is refused", service: true, stdin: twoRecords,
			args: []string{"-file", "-", "-key", "", "-dataset", "{dataset}"},
			prepare: inject(mistralobstest.Fault{
				Operation: mistralobstest.RecordsCreate, Status: 422, Body: `{"detail":"too sad"}`,
			}),
			exit: 1, stdout: `.*1 created.*! create line 1: failed: .*too sad.*`, stderr: `.*1 of 2 changes were not made.*`,
		},
		{
			name: "a line without the key", service: true, stdin: twoRecords, exit: 1, check: untouched,
			args:   []string{"-file", "-", "-dataset", "{dataset}"},
			stderr: `sync-dataset: .*line 1: .*no property id \(-key names another property; .*`,
		},
		{
			name: "no file", service: true, args: []string{"-dataset", "{dataset}"},
			exit: 1, stderr: `sync-dataset: .*-file\n`, check: untouched,
		},
		{
			name: "a file that is not there", service: true, args: []string{"-file", "{dir}/none", "-dataset", "{dataset}"},
			exit: 1, stderr: `sync-dataset: open .*none.*`,
		},
		{
			name: "an unknown dataset", service: true, stdin: twoRecords, args: []string{"-file", "-", "-dataset", "Nope"},
			exit: 1, stderr: notFound, check: untouched,
		},
		{
			name: "Ctrl-C ends a wait for input", service: true, interrupt: onceItReads,
			args: []string{"-file", "-", "-dataset", "{dataset}"},
			exit: 130, stderr: `sync-dataset: interrupted: .*context canceled.*`, check: untouched,
		},
	},
	"bench": {
		{name: "outside of a checkout it says so", exit: 1, stderr: `.*bench: .*root of a checkout.*`},
	},
	"quickstart": {
		{
			name:   "without a key it says so in its first line",
			stdout: `MISTRAL_API_KEY is not set: using an in-memory server.*Verified: all 50 records.*Deleted the dataset.\n`,
		},
		{
			name: "with -demo", args: []string{"-demo"}, env: []string{"MISTRAL_API_KEY=never-used"},
			stdout: `-demo: using an in-memory server.*Verified: all 50 records.*Deleted the dataset.\n`,
		},
		{
			name: "with a key", service: true, args: []string{"-out", "{dir}/out.jsonl"},
			stdout: `Using the service at http://127[^\n]*\n.*Verified: all 50 records.*`,
			check: func(t *testing.T, run *finished) {
				assert.Len(t, run.server.Datasets(), 1)
				assert.FileExists(t, filepath.Join(run.dir, "out.jsonl"))
			},
		},
		{
			name: "with a wrong key", service: true, env: []string{"MISTRAL_API_KEY=wrong"},
			exit: 1, stdout: `Using the service at [^\n]*\n`, stderr: `quickstart: .*check the API key.*`,
		},
		{
			name: "it keeps the dataset", service: true, args: []string{"-keep", "-file", "{dir}/in.jsonl"},
			files: map[string]string{"in.jsonl": twoRecords}, stdout: `.*Verified: all 2 records.*Kept dataset {id}.\n`,
			check: func(t *testing.T, run *finished) { assert.Len(t, run.server.Datasets(), 2) },
		},
		{
			name: "a terminal shows the progress", service: true, terminal: true, stdout: anything,
			stderr: `.*checking  .*uploading  .*walking  1 of 50 records  2 %.*downloading .*verifying .*`,
		},
		{
			name: "a bad line", service: true, files: map[string]string{"in.jsonl": badLine},
			args: []string{"-file", "{dir}/in.jsonl"},
			exit: 1, stdout: anything, stderr: `quickstart: .*line 2: .*`, check: untouched,
		},
		{
			name: "the same file as input and output", service: true, files: map[string]string{"in.jsonl": twoRecords},
			args: []string{"-file", "{dir}/in.jsonl", "-out", "{dir}/./in.jsonl"},
			exit: 1, stdout: anything, stderr: `quickstart: -out must not be the file that -file names.*`, check: untouched,
		},
		{
			name: "a file that does not exist", args: []string{"-file", "{dir}/none"},
			exit: 1, stdout: anything, stderr: `quickstart: open .*none.*`,
		},
		{
			name: "Ctrl-C still deletes the dataset", service: true, interrupt: onceItPolls,
			exit: 130, stdout: `.*Deleted the dataset.\n`, stderr: `quickstart: interrupted: .*` + canceled + `.*`,
		},
	},
}

// spans matches those of a walk over one dataset, and the metrics by operation.
const spans = `.*"Name":"datasets.list".*"Name":"records.list".*"Name":"count all records".*` +
	`"mistralobs.operation".*"records.list".*`

var failingTasks = mistralobstest.WithTaskOutcome(func(mistralobstest.TaskInfo) (status, message string) {
	return "FAILED", "disk full"
})

// seedTwice adds a dataset with two records that have the same key.
func seedTwice(s *mistralobstest.Server) {
	record := mistralobstest.RecordSeed{Payload: []byte(`{}`), Properties: []byte(`{"id":1}`)}
	s.SeedDataset("Twice", "", record, record)
}

// inject prepares a fault. Its responses are JSON.
func inject(fault mistralobstest.Fault) func(*mistralobstest.Server) {
	fault.Header = http.Header{"Content-Type": {"application/json"}}
	return func(s *mistralobstest.Server) { s.Inject(fault) }
}

// parcelsCopied checks the copy of the records about shipping.
func parcelsCopied(t *testing.T, run *finished) {
	target := run.dataset(t, "Parcels")
	assert.Equal(t, target+"\n", run.stdout)
	for _, record := range run.server.Records(target) {
		assert.Contains(t, string(record.Properties), `"category":"shipping"`)
	}
	assert.Len(t, run.server.Records(target), 4)
	assert.Len(t, run.server.Records(run.demo.DatasetID), 12)
}

// twoAdded checks that twoRecords are behind the demo records.
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
