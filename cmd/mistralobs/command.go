package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// command is a command of the tool. Its setup defines flags and returns the function that runs it.
type command struct {
	name     string
	args     string // as -h shows them
	about    string // the first line stands in the list of commands
	examples []string
	min, max int  // the number of arguments; a negative max means no limit
	offline  bool // it needs no client
	setup    func(*tool, *flag.FlagSet) func(context.Context) error
}

// commands returns all commands in the order of -h.
func commands() []command {
	return []command{
		{
			name: "datasets", about: "Lists the datasets of the workspace.", setup: datasets,
			examples: []string{"datasets", "datasets -q support -json | jq -r .id"},
		},
		{
			name: "create", args: "NAME", about: "Creates an empty dataset and prints its ID.", setup: create,
			min: 1, max: 1,
			examples: []string{
				`create "Tickets of March" -description "With expected answers"`,
				`id=$(mistralobs create -or-find "Support tickets")`,
			},
		},
		{
			name: "records", args: "DATASET", setup: records, min: 1, max: 1,
			about: "Prints the records of a dataset, one JSON object per line.\n" +
				"An object has the id, the payload and the properties; with -json, all fields.",
			examples: []string{`records "Support tickets"`, "records support-tickets | jq -r .properties.category"},
		},
		{
			name: "get", args: "RECORD…", about: "Prints records by ID as JSON.", setup: get, min: 1, max: -1,
			examples: []string{"get " + exampleID, "get -json " + exampleID + " | jq .payload"},
		},
		{
			name: "edit", args: "RECORD NAME=JSON…", setup: edit, min: 2, max: -1,
			about: "Sets properties of a record.\nAll other properties and the payload stay as they are.",
			examples: []string{
				"edit " + exampleID + ` 'category="shipping"' reviewed=true`,
				"edit " + exampleID + ` 'labels=["urgent","parcel"]' score=0.5`,
			},
		},
		{
			name: "delete", args: "RECORD… | -datasets DATASET…", setup: deleteAll, min: 1, max: -1,
			about:    "Deletes records by ID; with -datasets, whole datasets.",
			examples: []string{"delete " + exampleID, `delete -datasets "Support tickets"`},
		},
		{
			name: "add", args: "DATASET [FILE|-]", setup: add, min: 1, max: 2,
			about: "Adds the records of a JSONL file, in order, with one request for each.\n" +
				"It checks all lines first. It stops at the first record that the service refuses.\n" +
				"For many records, import takes fewer requests.",
			examples: []string{
				`add "Support tickets" records.jsonl`,
				`jq -c '{payload: .}' chats.json | mistralobs add support-tickets`,
			},
		},
		{
			name: "import", args: "DATASET [FILE|-]", setup: importFile, min: 1, max: 2,
			about: "Uploads a JSONL file, imports it, waits for the import, and deletes the upload.\n" +
				"It checks all lines before it uploads anything.",
			examples: []string{
				`import "Support tickets" records.jsonl`,
				"zcat records.jsonl.gz | mistralobs import support-tickets",
			},
		},
		{
			name: "import-spans", args: "DATASET", setup: importSpans, min: 1, max: 1,
			about: "Creates a record from each telemetry span that a search finds.\n" +
				"It skips the spans that the dataset already has.",
			examples: []string{
				`import-spans "Support tickets" -search "operation_name = 'chat'" -map messages=gen_ai.input.messages`,
				`import-spans support-tickets -search "status_code = 'Error'" -since 24h -map input=gen_ai.input.messages`,
			},
		},
		{
			name: "export", args: "DATASET", setup: export, min: 1, max: 1,
			about: "Writes a dataset as JSONL to a file or to standard output.\n" +
				"It resumes the download after a broken connection.",
			examples: []string{`export "Support tickets" -o records.jsonl`,
				"export support-tickets | gzip > records.jsonl.gz"},
		},
		{
			name: "copy", args: "DATASET NEW-NAME", setup: copyDataset, min: 2, max: 2,
			about: "Copies a dataset into a new one and prints the new ID.",
			examples: []string{
				`copy "Support tickets" "Tickets of April"`,
				`id=$(mistralobs copy support-tickets "Try another prompt")`,
			},
		},
		{
			name: "sync", args: "DATASET FILE|-", setup: syncDataset, min: 2, max: 2,
			about: "Makes a dataset equal to a JSONL file: creates, updates and, with -delete, deletes records.\n" +
				"With -dry-run it only shows the changes, and its exit status is 3 if there are any.",
			examples: []string{
				`sync "Golden set" golden.jsonl -dry-run -full`,
				`sync "Golden set" golden.jsonl -delete -max-deletes 20 -keep score`,
			},
		},
		{
			name: "evaluate", args: "DATASET", setup: evaluate, min: 1, max: 1,
			about: "Runs a judge on all records, and prints the mean of its scores or the share that passes.\n" +
				"With -write, a second run judges only the records that have no answer. An example of a judge file:\n" +
				`{"name": "Helpful", "model_name": "mistral-medium-latest",` + "\n" +
				` "instructions": "How helpful is the answer?",` + "\n" +
				` "output": {"type": "REGRESSION", "min": 0, "max": 1,` + "\n" +
				`            "min_description": "no", "max_description": "very"}}`,
			examples: []string{
				`evaluate "Golden set" -judge helpful.json -by category`,
				"evaluate golden-set -judge " + exampleID + " -write helpful -workers 4",
			},
		},
		{
			name: "emulator", setup: emulator, offline: true,
			about: "Runs an in-memory server of the API with demo data, for clients in any language.\n" +
				"Its first line of output is a JSON object with the url, the api_key and the IDs of the demo data.",
			examples: []string{"emulator", "emulator -addr 127.0.0.1:0 -latency 50ms -rate-limit 10 -task-duration 0"},
		},
	}
}

const exampleID = "0198c3a1-5b7e-7c44-9d0a-3f1e2b6a8c55"

func findCommand(name string) *command {
	for _, c := range commands() {
		if c.name == name {
			return &c
		}
	}
	return nil
}

// flags returns the flags of a command, and the function that runs it.
func (c *command) flags(t *tool) (*flag.FlagSet, func(context.Context) error) {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() {}
	if !c.offline {
		flags.BoolVar(&t.demo, "demo", false, "use an in-memory server with demo data, which is lost at the end;\n"+
			`it has a dataset "Support tickets" and needs no API key`)
	}
	return flags, c.setup(t, flags)
}

func (c *command) usage() string {
	return strings.TrimSpace("mistralobs " + c.name + " [flags] " + c.args)
}

// help explains a command.
func (c *command) help(w io.Writer, flags *flag.FlagSet) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n\nUsage: %s\n", c.about, c.usage())
	if strings.Contains(c.args, "DATASET") {
		fmt.Fprintln(&text, "DATASET is the ID, the slug or the name of a dataset.")
	}
	fmt.Fprintln(&text, "\nFlags:")
	flags.SetOutput(&text)
	flags.PrintDefaults()
	fmt.Fprintln(&text, "\nExamples:")
	for _, example := range c.examples {
		if !strings.Contains(example, "mistralobs ") {
			example = "mistralobs " + example
		}
		fmt.Fprintf(&text, "  %s\n", example)
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// help explains the tool, or the command that args name.
func (t *tool) help(args []string) error {
	if len(args) > 0 {
		c := findCommand(args[0])
		if c == nil {
			return usagef("there is no command %q; mistralobs -h lists them", args[0])
		}
		flags, _ := c.flags(t)
		return c.help(t.stdout, flags)
	}
	var text strings.Builder
	fmt.Fprint(&text, "Mistralobs works with Mistral's observability datasets.\n\n"+
		"Usage: mistralobs COMMAND [flags] [arguments]; mistralobs COMMAND -h explains a command.\n\nCommands:\n")
	for _, c := range commands() {
		about, _, _ := strings.Cut(c.about, "\n")
		fmt.Fprintf(&text, "  %-13s %s\n", c.name, about)
	}
	fmt.Fprint(&text, `
Flags:
  -h            explain the tool, or a command
  -version      print the version

Environment variables:
  MISTRAL_API_KEY           the API key
  MISTRAL_SA_TOKEN_PATH     a file with a service account's token; takes precedence over MISTRAL_API_KEY
  MISTRAL_BASE_URL          the URL of the service, if it is not `+mistralobs.BaseURL+`
  MISTRALOBS_INSECURE_HTTP  1 allows plain http to any host in MISTRAL_BASE_URL

Exit status:
  0 done, 1 failed, 2 wrong usage, 3 a dry run found differences, 130 interrupted

Examples:
  mistralobs export "Support tickets" -demo
  mistralobs sync "Golden set" golden.jsonl -dry-run
`)
	_, err := io.WriteString(t.stdout, text.String())
	return err
}
