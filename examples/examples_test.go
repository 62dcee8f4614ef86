// Package examples_test builds every example and runs it as a user does. A new
// example needs an entry in scenarios, and nothing else.
package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// scenario is one run of an example. In its texts {dataset} and {record} stand
// for the dataset of the demo data and its first record, in args {dir} for a
// folder of the scenario's own, in stdout and stderr {id} for any id.
type scenario struct {
	name  string
	args  []string
	files map[string]string // in {dir}
	stdin string

	service   bool // there is a key, and a server with the demo data; otherwise there is neither
	options   []mistralobstest.Option
	prepare   func(*mistralobstest.Server)
	env       []string
	interrupt func(*running) // returns when the program is to be interrupted; nil is never

	exit   int
	stdout string // a pattern of all of it, in which a dot is also a line's end
	stderr string // likewise, without the notice about the in-memory server
	check  func(t *testing.T, run *finished)
}

// finished is what a scenario's check looks at.
type finished struct {
	server *mistralobstest.Server // nil without a key
	demo   mistralobstest.Demo
	dir    string
	stdout string
}

const (
	notice   = "MISTRAL_API_KEY is not set: using an in-memory server with demo data.\n"
	id       = `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`
	anything = `.*`
)

// isModule tells whether an example is a module of its own.
func isModule(example string) bool {
	_, err := os.Stat(filepath.Join(example, "go.mod"))
	return err == nil
}

func examples(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.IsDir() && entry.Name() != "internal" {
			names = append(names, entry.Name())
		}
	}
	require.NotEmpty(t, names)
	return names
}

func TestExamples(t *testing.T) {
	t.Parallel()
	programs := build(t)
	for _, name := range examples(t) {
		if testing.Short() && isModule(name) {
			continue // its dependencies may have to be downloaded
		}
		program := filepath.Join(programs, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, scenarios[name], "there is no scenario of the example %s", name)
			for _, sc := range slices.Concat(flagScenarios, scenarios[name]) {
				t.Run(sc.name, func(t *testing.T) {
					t.Parallel()
					if sc.interrupt != nil && runtime.GOOS == "windows" {
						t.Skip("there is no way to interrupt another process")
					}
					sc.run(t, program)
				})
			}
		})
	}
}

// TestScenariosHaveExamples keeps scenarios from outliving what they are about.
func TestScenariosHaveExamples(t *testing.T) {
	t.Parallel()
	names := examples(t)
	for name, list := range scenarios {
		assert.Contains(t, names, name)
		assert.True(t, slices.ContainsFunc(list, func(sc scenario) bool { return !sc.service }), "%s is not run without a key", name)
		if name != "emulator" { // which is the service
			assert.True(t, slices.ContainsFunc(list, func(sc scenario) bool { return sc.service }), "%s is not run with a key", name)
		}
	}
}

// Examples are for copying: one file, which the reader sees the end of, and whose
// comment says how to run it.
func TestExamplesAreShort(t *testing.T) {
	t.Parallel()
	for _, name := range examples(t) {
		files, err := filepath.Glob(filepath.Join(name, "*.go"))
		require.NoError(t, err)
		source, err := os.ReadFile(filepath.Join(name, "main.go"))
		require.NoError(t, err)
		comment, _, _ := strings.Cut(string(source), "\npackage main\n")
		usage := "//\tgo run ./examples/" + name
		if isModule(name) {
			usage = "//\tgo -C examples/" + name + " run ."
		}
		assert.Contains(t, comment, usage, "the comment of %s", name)
		if name != "quickstart" { // which tells a longer story
			assert.Len(t, files, 1, "%s is not one file", name)
			assert.Less(t, strings.Count(string(source), "\n"), 120, "lines of %s", name)
		}
	}
}

// build makes all programs, each under the name of its folder.
func build(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir() + string(filepath.Separator)
	dirs := map[string]string{".": "./..."}
	for _, name := range examples(t) {
		if isModule(name) && !testing.Short() {
			dirs[name] = "."
		}
	}
	for dir, packages := range dirs {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", folder, packages)
		cmd.Dir = dir
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "go build in %s:\n%s", dir, output)
	}
	return folder
}

func (sc scenario) run(t *testing.T, program string) {
	t.Helper()
	run := &finished{dir: t.TempDir()}
	env := append(cleanEnv(t), sc.env...)
	polled := make(chan struct{}, 1)
	if sc.service {
		options := slices.Clone(sc.options)
		if sc.interrupt != nil {
			options = append(options, neverEnding(polled))
		}
		run.server = mistralobstest.NewServer(options...)
		t.Cleanup(run.server.Close)
		run.demo = run.server.SeedDemo()
		if sc.prepare != nil {
			sc.prepare(run.server)
		}
		env = slices.Concat([]string{"MISTRAL_API_KEY=" + run.server.APIKey, "MISTRAL_BASE_URL=" + run.server.URL}, env)
	}
	for name, content := range sc.files {
		require.NoError(t, os.WriteFile(filepath.Join(run.dir, name), []byte(content), 0o600))
	}
	// No program may hang: then what it has printed is worth more than a stack.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	for _, arg := range sc.args {
		cmd.Args = append(cmd.Args, run.fill(arg))
	}
	cmd.Dir, cmd.Env = run.dir, env
	var stdout, stderr output
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	sc.start(t, cmd, &running{ctx: ctx, t: t, stdout: &stdout, polled: polled})
	_ = cmd.Wait() // the status says it
	require.NoError(t, ctx.Err(), "it did not end; stdout:\n%s\nstderr:\n%s", stdout.String(), stderr.String())

	run.stdout = stdout.String()
	said := strings.TrimPrefix(stderr.String(), notice)
	assert.Equal(t, sc.exit, cmd.ProcessState.ExitCode(), "exit status; stderr:\n%s", said)
	assert.Regexp(t, run.pattern(sc.stdout), run.stdout, "stdout")
	assert.Regexp(t, run.pattern(sc.stderr), said, "stderr")
	if sc.check != nil {
		sc.check(t, run)
	}
}

// fill puts in what only the run knows.
func (run *finished) fill(text string) string {
	record := ""
	if run.server != nil && len(run.server.Records(run.demo.DatasetID)) > 0 {
		record = run.server.Records(run.demo.DatasetID)[0].ID
	}
	return strings.NewReplacer("{dataset}", run.demo.DatasetID, "{record}", record, "{dir}", run.dir).Replace(text)
}

func (run *finished) pattern(text string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)^(?:` + strings.ReplaceAll(run.fill(text), "{id}", id) + `)$`)
}

// cleanEnv is the environment without what the examples look at, and with a
// folder for temporary files that must be empty in the end.
func cleanEnv(t *testing.T) []string {
	temp := t.TempDir()
	t.Cleanup(func() {
		left, err := os.ReadDir(temp)
		assert.NoError(t, err)
		left = slices.DeleteFunc(left, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "mistralobs-quickstart-") })
		assert.Empty(t, left, "temporary files are left behind") // but for the export that the quickstart names
	})
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MISTRAL_") })
	return append(env, "TMPDIR="+temp, "TMP="+temp, "TEMP="+temp)
}

// running is a program that is to be interrupted.
type running struct {
	ctx    context.Context // ends it anyway
	t      *testing.T
	stdin  io.Writer
	stdout *output
	polled <-chan struct{}
}

func (sc scenario) start(t *testing.T, cmd *exec.Cmd, p *running) {
	t.Helper()
	if sc.interrupt == nil {
		cmd.Stdin = strings.NewReader(sc.stdin)
		require.NoError(t, cmd.Start())
		return
	}
	stdin, err := cmd.StdinPipe() // stays open
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	p.stdin = stdin
	sc.interrupt(p)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
}

// onceItPrints waits for the first line.
func onceItPrints(p *running) { p.stdout.waitForLine(p.ctx) }

// onceItReads waits until more has been read than a pipe holds.
func onceItReads(p *running) {
	_, err := p.stdin.Write(bytes.Repeat([]byte("\n"), 1<<20))
	assert.NoError(p.t, err)
}

// onceItPolls waits until the program has asked for an import, which never ends.
func onceItPolls(p *running) {
	select {
	case <-p.polled:
	case <-p.ctx.Done():
	}
}

func neverEnding(polled chan<- struct{}) mistralobstest.Option {
	return mistralobstest.WithTaskOutcome(func(mistralobstest.TaskInfo) (status, message string) {
		select {
		case polled <- struct{}{}:
		default: // once is enough
		}
		return "UNKNOWN", ""
	})
}

// output is what a program prints. Its lock is for those who look while it runs.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{} // closed and replaced when there is more
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.more != nil {
		close(o.more)
		o.more = nil
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func (o *output) waitForLine(ctx context.Context) {
	for {
		o.mu.Lock()
		if bytes.Contains(o.text.Bytes(), []byte("\n")) {
			o.mu.Unlock()
			return
		}
		if o.more == nil {
			o.more = make(chan struct{})
		}
		more := o.more
		o.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

// count tells how often an operation was carried out.
func (run *finished) count(operation string) (n int) {
	for _, r := range run.server.Requests() {
		if r.Operation == operation && r.Status >= 200 && r.Status < 300 {
			n++
		}
	}
	return n
}

func (run *finished) payloads(datasetID string) (texts []string) {
	for _, record := range run.server.Records(datasetID) {
		texts = append(texts, string(record.Payload))
	}
	return texts
}

// dataset returns the id of the only dataset of a name.
func (run *finished) dataset(t *testing.T, name string) (found string) {
	t.Helper()
	for _, dataset := range run.server.Datasets() {
		if dataset.Name == name {
			require.Empty(t, found, "there are two datasets named %q", name)
			found = dataset.ID
		}
	}
	require.NotEmpty(t, found, "there is no dataset named %q", name)
	return found
}

func jsonLines(t *testing.T, text string) (lines []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var decoded map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &decoded), line)
		lines = append(lines, decoded)
	}
	return lines
}

// untouched says that nothing was added, changed or uploaded.
func untouched(t *testing.T, run *finished) {
	assert.Len(t, run.server.Datasets(), 1)
	assert.Len(t, run.server.Records(run.demo.DatasetID), 12)
	assert.Zero(t, run.count(mistralobstest.FilesUpload))
}
