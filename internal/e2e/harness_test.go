package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/optest"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Two lines of a JSONL file, one of each shape.
const (
	line1 = `{"messages":[{"role":"user","content":"1"}],"properties":{"n":9007199254740993}}`
	line2 = `{"payload": {"any": "thing"}}`
)

// inMemory runs a flow against the in-memory server inside a bubble, where waiting takes no time.
func inMemory(
	t *testing.T, flow func(*testing.T, *mistralobstest.Server, *mistralobs.Client), opts ...mistralobstest.Option,
) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := mistralobstest.NewServer(append(opts, mistralobstest.WithInMemoryNetwork())...)
		defer server.Close()
		flow(t, server, server.Client(t))
	})
}

// newDataset creates a dataset and returns its id.
func newDataset(t *testing.T, c *mistralobs.Client) string {
	t.Helper()
	ds, err := c.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Flow test"})
	require.NoError(t, err)
	return ds.ID
}

// collect returns the items of a sequence, which must not fail.
func collect[T any](t *testing.T, seq func(func(*T, error) bool)) []T {
	t.Helper()
	var all []T
	for item, err := range seq {
		require.NoError(t, err)
		all = append(all, *item)
	}
	return all
}

func ptr[T any](v T) *T { return &v }

// world is a server with one of everything, and a client of it.
type world struct {
	ctx                         context.Context
	server                      *mistralobstest.Server
	client                      *mistralobs.Client
	name                        string // ends the names of its objects; no other world of the server has it
	dataset, record, task, file string
	campaign, event, chat       string
	judge                       string
	span                        mistralobs.SpanReference
	oldTasks                    int               // that are no creation of the call
	before                      map[string]string // the state before the call
}

// target names the objects of the world for a call of an operation.
func (w *world) target() optest.World {
	return optest.World{
		Dataset: w.dataset, Record: w.record, Task: w.task, File: w.file, Judge: w.judge, Campaign: w.campaign,
		Event: w.event, Conversation: w.chat, Span: w.span, Name: "Second " + w.name,
	}
}

// state returns the texts of the datasets, records and judges that the server holds for the world,
// by their IDs.
func (w *world) state() map[string]string {
	held := map[string]string{}
	for _, dataset := range w.server.Datasets() {
		if strings.HasSuffix(dataset.Name, w.name) {
			held[dataset.ID] = dataset.Name + "\n" + dataset.Description
		}
	}
	for _, judge := range w.server.Judges() {
		if strings.HasSuffix(judge.Name, w.name) {
			held[judge.ID] = judge.String()
		}
	}
	for _, record := range w.server.Records(w.dataset) {
		held[record.ID] = string(record.Payload) + "\n" + string(record.Properties)
	}
	return held
}

// changes returns how many objects were made, changed or deleted since the call began. The records
// of a deleted dataset do not count.
func (w *world) changes() (n int) {
	after := w.state()
	for id, text := range after {
		if w.before[id] != text {
			n++
		}
	}
	for id := range w.before {
		_, exists := after[id]
		if !exists && (id == w.dataset || after[w.dataset] != "") {
			n++
		}
	}
	return n
}

// newWorld returns a world with one of everything.
func newWorld(t *testing.T, opts ...mistralobstest.Option) *world {
	t.Helper()
	w := newBareWorld(t, opts...)
	w.addTaskAndFile(t)
	return w
}

// newWorldFor returns a world with the data that a call of an operation needs. The tables make
// thousands of them.
func newWorldFor(t *testing.T, operation string) *world {
	t.Helper()
	w := newBareWorld(t)
	switch operation {
	case mistralobstest.TasksGet, mistralobstest.FilesGet, mistralobstest.FilesDelete, mistralobstest.ImportsFromFile:
		w.addTaskAndFile(t)
	}
	return w
}

// newBareWorld returns a world without an import task and a file, which only requests can make.
func newBareWorld(t *testing.T, opts ...mistralobstest.Option) *world {
	t.Helper()
	opts = append(opts, mistralobstest.WithInMemoryNetwork(), mistralobstest.WithTaskDuration(0))
	server := mistralobstest.NewServer(opts...)
	t.Cleanup(server.Close)
	seeded := seedTelemetry(server)
	w := &seeded
	w.ctx, w.client = t.Context(), server.Client(t)
	w.name = "Flow test"
	record := mistralobstest.RecordSeed{
		Payload: fmt.Appendf(nil, `{"text":"%s"}`, strings.Repeat("x", 40)), Properties: json.RawMessage(`{"n":1}`),
	}
	w.dataset = server.SeedDataset(w.name, "Tickets", record)
	w.record = server.Records(w.dataset)[0].ID
	w.judge = server.SeedJudge(optest.JudgeNamed(w.name))
	w.before = w.state()
	return w
}

func (w *world) addTaskAndFile(t *testing.T) {
	t.Helper()
	task, err := w.client.Imports.FromPlayground(w.ctx, w.dataset, nil)
	require.NoError(t, err)
	file, err := w.client.Files.Upload(
		w.ctx, mistralobs.UploadParams{Name: "f.jsonl", Body: strings.NewReader(line1)}, mistralobs.TransferOptions{},
	)
	require.NoError(t, err)
	w.task, w.file, w.oldTasks = task.ID, file.ID, 1
	_, err = w.client.Tasks.Get(w.ctx, w.dataset, w.task) // which ends it
	require.NoError(t, err)
	w.server.ResetRequests()
	w.client.CloseIdleConnections() // net/http by itself repeats reads on a connection that has gone stale
}

// operation is an operation that can be called in a world.
type operation struct{ optest.Operation }

func operations(include func(optest.Operation) bool) map[string]operation {
	found := map[string]operation{}
	for _, op := range optest.Operations() {
		if include(op) {
			found[op.Name] = operation{op}
		}
	}
	return found
}

func (op operation) call(w *world) error {
	_, err := op.Call(w.ctx, w.client, w.target())
	return err
}

// applied returns how many objects the call has made, changed or deleted.
func (op operation) applied(w *world) int {
	switch {
	case op.Name == mistralobstest.FilesDelete:
		if _, err := w.client.Files.Get(w.ctx, w.file); errors.Is(err, mistralobs.ErrNotFound) {
			return 1
		}
		return 0
	case strings.HasPrefix(op.Name, "imports."):
		return w.newTasks()
	}
	return w.changes()
}

func (w *world) newTasks() int {
	page, err := w.client.Tasks.List(w.ctx, w.dataset, mistralobs.ListParams{})
	if err != nil {
		return -1
	}
	return page.Total - w.oldTasks
}

// seedTelemetry adds what imports take, and returns it.
func seedTelemetry(server *mistralobstest.Server) world {
	conversation := mistralobstest.RecordSeed{Payload: json.RawMessage(`{"messages":[]}`)}
	w := world{
		server: server, campaign: server.SeedCampaign(conversation), event: server.SeedCompletionEvent(conversation),
		chat: server.SeedConversation(conversation),
	}
	for range 3 {
		span := server.SeedSpan(mistralobs.Span{InputMessagesJSON: "[]"})
		server.SeedSpanEvaluation(mistralobs.SpanEvaluation{
			TraceID: span.TraceID, SpanID: span.SpanID, EvaluationName: "helpfulness",
		})
		w.span = mistralobs.SpanReference{TraceID: span.TraceID, SpanID: span.SpanID}
	}
	return w
}

// contents returns the names and contents of the files in a folder, without the files of the
// server.
func contents(t *testing.T, folder string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), "mistralobstest-") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(folder, entry.Name()))
		require.NoError(t, err)
		all = append(all, entry.Name()+": "+string(text))
	}
	return all
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
