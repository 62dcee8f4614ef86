package datasetsync_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a dataset on a server of its own, in fake time.
type world struct {
	t       *testing.T
	server  *mistralobstest.Server
	client  *mistralobs.Client
	other   *mistralobs.Client // of a second writer
	dataset string
	hook    *hook
}

// hook calls before for each request of world.client, one at a time.
type hook struct {
	base   http.RoundTripper
	mu     sync.Mutex
	before func(*http.Request)
}

func (h *hook) RoundTrip(r *http.Request) (*http.Response, error) {
	h.mu.Lock()
	if h.before != nil {
		h.before(r)
	}
	h.mu.Unlock()
	return h.base.RoundTrip(r)
}

// inWorld runs f on a dataset that holds the lines.
func inWorld(t *testing.T, lines []string, f func(world), opts ...mistralobstest.Option) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := mistralobstest.NewServer(append([]mistralobstest.Option{mistralobstest.WithInMemoryNetwork()}, opts...)...)
		defer server.Close()
		hook := &hook{base: server.HTTPClient().Transport}
		client := server.Client(t, mistralobs.WithHTTPClient(&http.Client{Transport: hook}))
		other := server.Client(t)
		defer client.CloseIdleConnections()
		defer other.CloseIdleConnections()
		var seed []mistralobstest.RecordSeed
		for record, err := range wanted(lines...) {
			require.NoError(t, err)
			seed = append(seed, mistralobstest.RecordSeed{Payload: json.RawMessage(record.Payload),
				Properties: json.RawMessage(record.Properties)})
		}
		f(world{t, server, client, other, server.SeedDataset("Support tickets", "", seed...), hook})
	})
}

// before calls f before each request whose method and path match, until f returns true.
func (w world) before(method, path string, f func() (done bool)) {
	w.hook.mu.Lock()
	defer w.hook.mu.Unlock()
	done := false
	w.hook.before = func(r *http.Request) {
		if !done && r.Method == method && strings.Contains(r.URL.RequestURI(), path) {
			done = f()
		}
	}
}

func wanted(lines ...string) iter.Seq2[*mistralobs.JSONLRecord, error] {
	return mistralobs.ReadJSONL(strings.NewReader(strings.Join(lines, "\n")))
}

// ticket is a line whose key is id.
func ticket(id, answer string) string {
	return fmt.Sprintf(`{"payload":{"answer":%q},"properties":{"id":%q}}`, answer, id)
}

func tickets(from, to int) (lines []string) {
	for n := from; n <= to; n++ {
		lines = append(lines, ticket(fmt.Sprintf("t-%04d", n), "yes"))
	}
	return lines
}

// inOrder returns the records of the dataset as lines.
func (w world) inOrder() (lines []string) {
	for _, record := range w.server.Records(w.dataset) {
		lines = append(lines, fmt.Sprintf(`{"payload":%s,"properties":%s}`, record.Payload, record.Properties))
	}
	return lines
}

// holds returns the records of the dataset as lines, sorted.
func (w world) holds() []string { return slices.Sorted(slices.Values(w.inOrder())) }

// requests counts the requests by operation.
func (w world) requests() map[string]int {
	count := map[string]int{}
	for _, request := range w.server.Requests() {
		count[request.Operation]++
	}
	return count
}

// writes counts the requests that change something, by operation.
func (w world) writes() map[string]int {
	count := map[string]int{}
	for _, request := range w.server.Requests() {
		if request.Method != http.MethodGet {
			count[request.Operation]++
		}
	}
	return count
}

// record returns a record of the dataset by its key.
func (w world) record(id string) mistralobstest.Record {
	for _, record := range w.server.Records(w.dataset) {
		if strings.Contains(string(record.Properties), fmt.Sprintf("%q", id)) {
			return record
		}
	}
	w.t.Fatalf("there is no record %s", id)
	return mistralobstest.Record{}
}

func (w world) diff(options datasetsync.Options, lines ...string) *datasetsync.Plan {
	w.t.Helper()
	plan, err := datasetsync.Diff(w.t.Context(), w.client, w.dataset, wanted(lines...), options)
	require.NoError(w.t, err)
	return plan
}

func (w world) sync(options datasetsync.Options, lines ...string) (*datasetsync.Report, error) {
	return datasetsync.Sync(w.t.Context(), w.client, w.dataset, wanted(lines...), options)
}

func (w world) apply(plan *datasetsync.Plan, options datasetsync.Options) (*datasetsync.Report, error) {
	return plan.Apply(w.t.Context(), w.client, options)
}

// edit replaces the answer of a record, as a second writer.
func (w world) edit(id, answer string) {
	w.t.Helper()
	require.NoError(w.t, w.other.Records.UpdatePayload(w.t.Context(), w.record(id).ID,
		map[string]string{"answer": answer}))
}

// remove deletes a record, as a second writer.
func (w world) remove(id string) {
	w.t.Helper()
	require.NoError(w.t, w.other.Records.Delete(w.t.Context(), w.record(id).ID))
}

// add creates a record, as a second writer.
func (w world) add(id, answer string) {
	w.t.Helper()
	_, err := w.other.Records.Create(w.t.Context(), w.dataset, mistralobs.CreateRecordParams{
		Payload: map[string]string{"answer": answer}, Properties: map[string]string{"id": id},
	})
	require.NoError(w.t, err)
}

// outcomes returns the outcomes of a report by key.
func outcomes(report *datasetsync.Report) map[string]datasetsync.Outcome {
	byKey := map[string]datasetsync.Outcome{}
	for _, result := range report.Results {
		byKey[result.Key] = result.Outcome
	}
	return byKey
}

var byID = datasetsync.Options{Key: "id", Delete: true}
