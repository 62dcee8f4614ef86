package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// TestMain lets the test binary be the tool for life.sh, so that nothing has to be built.
func TestMain(m *testing.M) {
	if os.Getenv("MISTRALOBS_TEST_AS_TOOL") == "1" {
		main()
	}
	goleak.VerifyTestMain(m)
}

func TestLife(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("with the race detector, it would take long")
	}
	bash, err := exec.LookPath("bash")
	if err != nil || runtime.GOOS == "windows" {
		t.Skip("it needs bash, signals and named pipes")
	}
	self, err := os.Executable()
	require.NoError(t, err)
	script, err := os.ReadFile("testdata/life.sh")
	require.NoError(t, err)
	cmd := exec.Command(bash, "-c", string(script), "life.sh", self)
	cmd.Env = append(os.Environ(), "MISTRALOBS_TEST_AS_TOOL=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// result is what a run of the tool leaves behind.
type result struct {
	status         int
	stdout, stderr string
}

func run(
	ctx context.Context, server *mistralobstest.Server, stdin string, args []string, options ...mistralobs.Option,
) result {
	options = append([]mistralobs.Option{
		mistralobs.WithBaseURL(server.URL), mistralobs.WithAPIKey(server.APIKey),
		mistralobs.WithHTTPClient(server.HTTPClient()),
	}, options...)
	var stdout, stderr bytes.Buffer
	tool := &tool{stdin: strings.NewReader(stdin), stdout: &stdout, stderr: &stderr, options: options}
	status := tool.main(ctx, args)
	return result{status, stdout.String(), stderr.String()}
}

func TestFlagsMayStandAfterArguments(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		args  []string
		want  []string
		query string
		json  bool
	}{
		{name: "before", args: []string{"-json", "-q", "x", "a"}, want: []string{"a"}, query: "x", json: true},
		{name: "after", args: []string{"a", "-json", "b", "-q=x"}, want: []string{"a", "b"}, query: "x", json: true},
		{name: "a dash is an argument", args: []string{"a", "-", "-json"}, want: []string{"a", "-"}, json: true},
		{name: "two dashes end the flags", args: []string{"a", "--", "-q", "--"}, want: []string{"a", "-q", "--"}},
		{name: "two dashes first", args: []string{"--", "-json"}, want: []string{"-json"}},
		{name: "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var tool tool
			flags, _ := findCommand("datasets").flags(&tool)
			got, err := parse(flags, tt.args)
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.query, flags.Lookup("q").Value.String())
			assert.Equal(t, tt.json, tool.asJSON)
		})
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	defer server.Close()
	overview := run(t.Context(), server, "", []string{"-h"})
	assert.Zero(t, overview.status)
	for _, c := range commands() {
		about, _, _ := strings.Cut(c.about, "\n")
		assert.Contains(t, overview.stdout, about)
		help := run(t.Context(), server, "", []string{c.name, "-h"})
		assert.Equal(t, result{stdout: help.stdout}, help)
		assert.Contains(t, help.stdout, strings.TrimSpace("Usage: mistralobs "+c.name+" [flags] "+c.args))
		_, examples, _ := strings.Cut(help.stdout, "\nExamples:\n")
		assert.Equal(t, 2, strings.Count(examples, "mistralobs "+c.name), "examples of %s", c.name)
		for line := range strings.Lines(help.stdout) {
			assert.LessOrEqual(t, len(strings.TrimSpace(line)), 140, "%s", line)
		}
	}
	assert.Equal(t, overview, run(t.Context(), server, "", []string{"help"}))
	assert.Equal(t, mistralobs.Version+"\n", run(t.Context(), server, "", []string{"-version"}).stdout)
}

// Life.sh has the errors of users; these need a server with faults.
func TestFailures(t *testing.T) {
	t.Parallel()
	refused := mistralobstest.Fault{
		Operation: mistralobstest.RecordsCreate, Skip: 1, Status: http.StatusUnprocessableEntity,
	}
	lost := mistralobstest.Fault{Operation: mistralobstest.DatasetsCreate, Break: mistralobstest.ResetUnanswered}
	failed := mistralobstest.Fault{
		Operation: mistralobstest.ImportsFromDataset, Status: http.StatusBadRequest,
	}
	unreadable := mistralobstest.Fault{
		Operation: mistralobstest.RecordsJudge, Status: http.StatusUnprocessableEntity,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   `{"code":"JUDGE_CONVERSATION_FORMAT_ERROR","message":"no messages"}`,
	}
	judge := filepath.Join(t.TempDir(), "judge.json")
	definition := `{"name":"Helpful","model_name":"m","instructions":"?","output":{"type":"REGRESSION","max":1}}`
	require.NoError(t, os.WriteFile(judge, []byte(definition), 0o600))
	three := strings.Repeat(`{"payload":{"n":1}}`+"\n", 3)
	tests := []struct {
		name   string
		fault  mistralobstest.Fault
		args   []string
		stdin  string
		stdout string
		stderr []string
	}{
		{
			name: "add stops at a refusal and counts", fault: refused, stdin: three,
			args:   []string{"add", "Support tickets"},
			stderr: []string{"mistralobs: create record", "; 1 of 3 records added"},
		},
		{
			name: "create names the check for a lost response", fault: lost, args: []string{"create", "New data"},
			stderr: []string{mistralobs.ErrMaybeApplied.Error(), "mistralobs datasets -q NAME"},
		},
		{
			name: "copy names the check for a lost response", fault: lost,
			args:   []string{"copy", "Support tickets", "Tickets of March"},
			stderr: []string{mistralobs.ErrMaybeApplied.Error(), "mistralobs datasets -q NEW-NAME"},
		},
		{
			name: "copy deletes a copy that failed", fault: failed,
			args:   []string{"copy", "Support tickets", "Copied tickets"},
			stderr: []string{"mistralobs copy: mistralobs: import from dataset"},
		},
		{
			name: "evaluate goes on after a record that cannot be judged", fault: unreadable,
			args:   []string{"evaluate", "Support tickets", "-judge", judge, "-workers", "1"},
			stdout: "GROUP  RECORDS  MEAN\nall    11 ",
			stderr: []string{"no messages", "records without a score: 1"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := mistralobstest.NewServer()
			defer server.Close()
			server.SeedDemo()
			server.Inject(tt.fault)
			got := run(t.Context(), server, tt.stdin, tt.args)
			assert.Equal(t, statusFailed, got.status)
			assert.Contains(t, got.stdout, tt.stdout)
			for _, text := range tt.stderr {
				assert.Contains(t, got.stderr, text)
			}
			for _, dataset := range server.Datasets() {
				assert.NotEqual(t, "Copied tickets", dataset.Name)
			}
		})
	}
}

// interrupting ends the context when a request of the operation is about to be sent.
type interrupting struct {
	http.RoundTripper
	operation string
	interrupt context.CancelFunc
}

func (i interrupting) RoundTrip(r *http.Request) (*http.Response, error) {
	if mistralobs.OperationName(r.Context()) == i.operation {
		i.interrupt()
	}
	return i.RoundTripper.RoundTrip(r)
}

func TestInterruptedCopyIsDeleted(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	defer server.Close()
	server.SeedDemo()
	ctx, interrupt := context.WithCancel(t.Context())
	middleware := mistralobs.WithMiddleware(func(base http.RoundTripper) http.RoundTripper {
		return interrupting{base, mistralobstest.TasksGet, interrupt}
	})
	got := run(ctx, server, "", []string{"copy", "Support tickets", "Copied tickets"}, middleware)
	assert.Equal(t, statusInterrupted, got.status)
	assert.Contains(t, got.stderr, "mistralobs copy: interrupted: ")
	assert.Len(t, server.Datasets(), 1)
}

// The service does not document how a record names the span that it was made from.
func TestImportSpansLeavesOutSpansOfTheDataset(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		properties string // %[1]s is the trace's ID, %[2]s that of the span
		want       string
	}{
		{name: "by both IDs", properties: `{"trace_id":"%[1]s","span_id":"%[2]s"}`, want: "12 spans found, 1 already"},
		{name: "by any text", properties: `{"source":"%[2]s","n":1,"no":"%[1]s"}`, want: "12 spans found, 1 already"},
		{
			name:       "not by the ID of a span in another trace",
			properties: `{"trace_id":"other","span_id":"%[2]s","no":"%[1]s"}`, want: "12 spans found, 0 already",
		},
		{name: "not without its ID", properties: `{"trace":"%[1]s","span":"x%[2]s"}`,
			want: "12 spans found, 0 already"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := mistralobstest.NewServer()
			defer server.Close()
			server.SeedDemo()
			const search = "operation_name = 'chat'"
			for span, err := range server.Client(t).Spans.All(t.Context(), mistralobs.SearchSpansParams{Expression: search}) {
				require.NoError(t, err)
				properties := fmt.Sprintf(tt.properties, span.TraceID, span.SpanID)
				server.SeedDataset("From spans", "", mistralobstest.RecordSeed{
					Payload: json.RawMessage(`{}`), Properties: json.RawMessage(properties),
				})
				break
			}
			args := []string{"import-spans", "From spans", "-search", search, "-map", "question=gen_ai.input.messages"}
			got := run(t.Context(), server, "", args)
			assert.Empty(t, got.stderr)
			assert.Contains(t, got.stdout, tt.want)
		})
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "é\n", printable("é\n"))
	assert.Equal(t, `a\x1b[2Jb\tc\xff`, printable("a\x1b[2Jb\tc\xff"))
}
