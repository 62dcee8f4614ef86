// Package examples_test builds every example and runs it as a user does. A new example needs an entry in scenarios.
package examples_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
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

	"github.com/mistralobs/mistralobs-go/examples/internal/ptytest"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// scenario is one run of an example. In its texts, {dataset} and {record} are the ids of the demo dataset and of its
// first record. In args, {dir} is a folder of the scenario. In stdout and stderr, {id} is any id.
type scenario struct {
	name  string
	args  []string
	files map[string]string // in {dir}
	stdin string

	service   bool // there is a server with the demo data, and its key; otherwise there is neither
	options   []mistralobstest.Option
	prepare   func(*mistralobstest.Server)
	env       []string
	terminal  bool           // stdin and stderr are a terminal, and stdin ends with Ctrl-D; Linux only
	interrupt func(*running) // returns when the program must be interrupted; nil: never

	exit   int
	stdout string // a pattern of the whole output; a dot matches a newline too
	stderr string // the same, without the notice of -demo
	check  func(t *testing.T, run *finished)
}

// finished is what the check of a scenario gets.
type finished struct {
	server *mistralobstest.Server // nil without the service
	demo   mistralobstest.Demo
	dir    string
	stdout string
	stderr string
}

const (
	notice   = "-demo: using an in-memory server with demo data.\n"
	id       = `[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}`
	anything = `.*`
)

// isModule reports whether an example is a module of its own.
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
	for _, name := range examples(t) {
		if testing.Short() && isModule(name) {
			continue // it is not built
		}
		program := build(t, name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEmpty(t, scenarios[name], "there is no scenario of the example %s", name)
			for _, sc := range slices.Concat(commonScenarios(name), scenarios[name]) {
				t.Run(sc.name, func(t *testing.T) {
					t.Parallel()
					if sc.interrupt != nil && runtime.GOOS == "windows" {
						t.Skip("Windows cannot interrupt another process")
					}
					sc.run(t, program)
				})
			}
		})
	}
}

func TestEveryScenarioBelongsToAnExample(t *testing.T) {
	t.Parallel()
	names := examples(t)
	for name, list := range scenarios {
		assert.Contains(t, names, name)
		if !offline[name] {
			usesService := func(sc scenario) bool { return sc.service }
			assert.True(t, slices.ContainsFunc(list, usesService), "%s has no scenario with the service", name)
		}
	}
}

// Examples are made for copying: one short file, whose comment says how to run it.
func TestExamplesAreShort(t *testing.T) {
	t.Parallel()
	for _, name := range examples(t) {
		files, err := filepath.Glob(filepath.Join(name, "*.go"))
		require.NoError(t, err)
		source, err := os.ReadFile(filepath.Join(name, "main.go"))
		require.NoError(t, err)
		usage := "//\tgo run ./examples/" + name
		if isModule(name) {
			usage = "//\tgo -C examples/" + name + " run ."
		}
		comment, _, _ := strings.Cut(string(source), "\npackage main\n")
		assert.Contains(t, comment, usage, "the comment of %s", name)
		if name != "quickstart" && name != "bench" { // they have more to show
			assert.Len(t, files, 1, "%s is not one file", name)
			assert.Less(t, strings.Count(string(source), "\n"), 170, "lines of %s", name)
		}
	}
}

// describesItself checks that -h prints the text of the package comment.
func describesItself(name string) func(*testing.T, *finished) {
	return func(t *testing.T, run *finished) {
		source, err := os.ReadFile(filepath.Join(name, "main.go"))
		require.NoError(t, err)
		comment, _, _ := strings.Cut(string(source), "\npackage main\n")
		text, _, _ := strings.Cut(strings.ReplaceAll(comment, "// ", ""), "\n//\n")
		words := func(s string) string { return strings.Join(strings.Fields(s), " ") }
		assert.Contains(t, words(run.stderr), words(text))
		if !offline[name] {
			assert.Contains(t, run.stderr, "MISTRAL_API_KEY ")
			assert.Contains(t, run.stderr, "-demo")
		}
	}
}

// folder is where the programs are. The gate names a folder in which it has built all of them.
var folder = os.Getenv("MISTRALOBS_EXAMPLES")

func TestMain(m *testing.M) {
	if folder != "" {
		buildAll = func() error { return nil }
		os.Exit(m.Run())
	}
	var err error
	if folder, err = os.MkdirTemp("", "examples-*"); err != nil {
		panic(err)
	}
	status := m.Run()
	_ = os.RemoveAll(folder)
	os.Exit(status)
}

// build builds all programs once and returns the path of one.
func build(t *testing.T, name string) string {
	t.Helper()
	require.NoError(t, buildAll())
	return filepath.Join(folder, name)
}

var buildAll = sync.OnceValue(func() error {
	dirs := map[string]string{".": "./..."}
	if !testing.Short() { // the dependencies of a module may have to be downloaded
		modules, err := filepath.Glob("*/go.mod")
		if err != nil {
			return err
		}
		for _, path := range modules {
			dirs[filepath.Dir(path)] = "."
		}
	}
	for dir, packages := range dirs {
		cmd := exec.Command("go", "build", "-ldflags=-s -w", "-o", folder+string(filepath.Separator), packages)
		cmd.Dir = dir
		if output, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build in %s: %w\n%s", dir, err, output)
		}
	}
	return nil
})

func (sc scenario) run(t *testing.T, program string) {
	t.Helper()
	run := &finished{dir: t.TempDir()}
	env := append(cleanEnv(t), sc.env...)
	polled := make(chan struct{}, 1)
	if sc.service {
		sc.startService(t, run, polled)
		env = slices.Concat([]string{"MISTRAL_API_KEY=" + run.server.APIKey, "MISTRAL_BASE_URL=" + run.server.URL}, env)
	}
	for name, content := range sc.files {
		require.NoError(t, os.WriteFile(filepath.Join(run.dir, name), []byte(content), 0o600))
	}
	// If a program hangs, its output says more than a stack.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program)
	for _, arg := range sc.args {
		cmd.Args = append(cmd.Args, run.fill(arg))
	}
	cmd.Dir, cmd.Env = run.dir, env
	var stdout, stderr output
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if sc.terminal {
		sc.runInTerminal(t, cmd, &stderr)
	} else {
		sc.start(t, cmd, &running{ctx: ctx, t: t, stdout: &stdout, polled: polled})
		_ = cmd.Wait() // the exit status is checked below
	}
	require.NoError(t, ctx.Err(), "it did not end; stdout:\n%s\nstderr:\n%s", stdout.String(), stderr.String())

	run.stdout, run.stderr = stdout.String(), strings.TrimPrefix(stderr.String(), notice)
	assert.Equal(t, sc.exit, cmd.ProcessState.ExitCode(), "exit status; stderr:\n%s", run.stderr)
	assert.Regexp(t, run.pattern(sc.stdout), run.stdout, "stdout")
	assert.Regexp(t, run.pattern(sc.stderr), run.stderr, "stderr")
	if sc.check != nil {
		sc.check(t, run)
	}
}

func (sc scenario) startService(t *testing.T, run *finished, polled chan<- struct{}) {
	t.Helper()
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
}

// runInTerminal runs the program with a terminal as its input and error output.
func (sc scenario) runInTerminal(t *testing.T, cmd *exec.Cmd, stderr io.Writer) {
	t.Helper()
	terminal, screen := ptytest.Open(t)
	cmd.Stdin, cmd.Stderr = terminal, terminal
	require.NoError(t, cmd.Start())
	require.NoError(t, terminal.Close())
	_, err := io.WriteString(screen, sc.stdin+"\x04")
	require.NoError(t, err)
	shown, _ := io.ReadAll(screen) // it ends with an error when the program closes the terminal
	_, _ = stderr.Write(bytes.ReplaceAll(shown, []byte("\r\n"), []byte("\n")))
	_ = cmd.Wait() // the caller checks the exit status
}

// fill replaces the names in braces.
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

// cleanEnv returns the environment without the variables that the examples read. Its folder for temporary files must be
// empty at the end.
func cleanEnv(t *testing.T) []string {
	t.Helper()
	temp := t.TempDir()
	t.Cleanup(func() {
		left, err := os.ReadDir(temp)
		assert.NoError(t, err)
		assert.Empty(t, left, "temporary files are left behind")
	})
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "MISTRAL_") })
	return append(env, "TMPDIR="+temp, "TMP="+temp, "TEMP="+temp)
}

// running is a program that will be interrupted.
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

// onceItReads waits until the program has read more than a pipe holds.
func onceItReads(p *running) {
	_, err := p.stdin.Write(bytes.Repeat([]byte("\n"), 1<<20))
	assert.NoError(p.t, err)
}

// onceItPolls waits until the program has polled an import, which never ends.
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
		default: // the channel holds one
		}
		return "UNKNOWN", ""
	})
}

// output is what a program prints. A scenario can read it while the program runs.
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

// count returns how many requests of an operation succeeded.
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

// dataset returns the id of the only dataset with a name.
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

// untouched checks that nothing was added or uploaded.
func untouched(t *testing.T, run *finished) {
	assert.Len(t, run.server.Datasets(), 1)
	assert.Len(t, run.server.Records(run.demo.DatasetID), 12)
	assert.Zero(t, run.count(mistralobstest.FilesUpload))
}
