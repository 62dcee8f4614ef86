package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// A ledger stands between the writers of a dataset and the server. It lets one request through at a
// time, so it knows their order, what each has seen and what each has changed. A context that ends
// does not reach a request that is at the server: it ends before the request is sent, or after the
// server has acted and the response is on its way.
//
// The ledger checks these rules. A sync reads a record before it changes or deletes it. Unless it
// is forced, that content must be the content of its plan, or the wanted content. So an edit of a
// second writer is overwritten only if the plan was made from it, or if it came after the last
// read. A sync creates no record whose key the dataset had when the sync finished reading it.
type ledger struct {
	t       *testing.T
	server  *mistralobstest.Server
	base    http.RoundTripper
	dataset string
	latency time.Duration // of each way, at most

	turn     chan struct{} // held during a request; a mutex would stop the clock of a bubble
	now      int           // the number of the request
	held     map[string]*entry
	want     map[string]content // of the syncs, by key
	imported stamp              // the sync that started the last import, and the end of its reading before that
	looked   chan string        // the id of a record that a sync has just looked at
	fates    map[fate]int
}

// content is the payload and the properties of a record.
type content [2]string

// entry is a record of the dataset.
type entry struct {
	content
	by      [2]stamp
	created stamp
	key     string // no writer changes it
}

// stamp says who wrote something, and by which request.
type stamp struct {
	by *writer // nil: it was seeded
	at int
}

// fate is what became of a payload or of properties that a second writer wrote.
type fate string

const (
	kept        fate = "kept"
	replacedOwn fate = "replaced by the writer"
	planned     fate = "replaced by a plan that knew it"
	forced      fate = "replaced by force"
	inWindow    fate = "replaced in the window"
)

// writer is a sync or a second writer. It is the transport of its client.
type writer struct {
	*ledger
	isSync, force bool

	planMade  bool
	basis     map[string]content // what a sync saw of each record before its plan was made
	last      map[string]look    // its last look at each record
	readUntil int                // its last look at a page
}

// look is a response that shows a record.
type look struct {
	content
	at     int
	onPage bool
}

func newLedger(t *testing.T, server *mistralobstest.Server, dataset string, want map[string]content) *ledger {
	l := &ledger{
		t: t, server: server, base: server.HTTPClient().Transport, dataset: dataset, latency: 5 * time.Millisecond,
		turn: make(chan struct{}, 1), looked: make(chan string, 1),
		held: map[string]*entry{}, want: want, fates: map[fate]int{},
	}
	for _, record := range server.Records(dataset) {
		c := contentOf(record)
		l.held[record.ID] = &entry{content: c, key: keyOf(c)}
	}
	return l
}

func contentOf(r mistralobstest.Record) content {
	return content{string(r.Payload), string(r.Properties)}
}

// writer returns a new writer and its client.
func (l *ledger) writer(client *mistralobs.Client, w writer) (*writer, *mistralobs.Client) {
	w.ledger, w.basis, w.last = l, map[string]content{}, map[string]look{}
	client, err := client.With(mistralobs.WithHTTPClient(&http.Client{Transport: &w}))
	assert.NoError(l.t, err)
	return &w, client
}

func (l *ledger) locked(f func()) {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	f()
}

// OnProgress learns that a sync has read the dataset and makes its plan.
func (w *writer) OnProgress(p datasetsync.Progress) {
	if p.Phase == datasetsync.PhaseInput {
		w.locked(func() { w.planMade = true })
	}
}

// RoundTrip sends a request in its turn.
func (w *writer) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := travel(req.Context(), w.latency); err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	var resp *http.Response
	var err error
	w.locked(func() { resp, err = w.send(req) })
	if err == nil {
		err = travel(req.Context(), w.latency)
	}
	return resp, err
}

// travel waits for a random time, as a message does on its way.
func travel(ctx context.Context, most time.Duration) error {
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(most))))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *writer) send(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), 2*time.Second) // the server may fall silent
	defer cancel()
	resp, err := w.base.RoundTrip(req.WithContext(ctx))
	var body []byte
	var broken error
	if err == nil {
		body, broken = io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.Body = io.NopCloser(bytes.NewReader(body)); broken != nil {
			resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), brokenReader{broken}))
		}
	}
	if ctx.Err() != nil { // the deadline is not the caller's
		err = errSilent
	}
	w.now++
	if strings.HasSuffix(req.URL.Path, "/imports/from-file") {
		w.imported = stamp{w, w.readUntil}
	}
	if req.Method != http.MethodGet {
		w.noteChanges(w)
	} else if err == nil && broken == nil && resp.StatusCode == http.StatusOK {
		w.noteLooks(req.URL.Path, body)
	}
	return resp, err
}

var errSilent = errors.New("the server has fallen silent")

type brokenReader struct{ error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.error }

// noteLooks notes which records a response shows. The ledger knows their contents.
func (w *writer) noteLooks(path string, body []byte) {
	var shown struct {
		ID      string
		Records struct{ Results []struct{ ID string } }
	}
	isPage := strings.HasSuffix(path, w.dataset+"/records")
	if !isPage && !strings.Contains(path, "/dataset-records/") {
		return
	}
	assert.NoError(w.t, json.Unmarshal(body, &shown))
	results := shown.Records.Results
	if !isPage {
		results = append(results, struct{ ID string }{shown.ID})
	}
	for _, record := range results {
		if w.held[record.ID] == nil { // an import has ended
			w.noteChanges(w)
		}
		c := w.held[record.ID].content
		w.last[record.ID] = look{content: c, at: w.now, onPage: isPage}
		if isPage && !w.planMade {
			w.basis[record.ID] = c
		}
	}
	if !isPage && w.isSync {
		select {
		case w.looked <- shown.ID:
		default: // the second writer has not taken the one before
		}
	}
	if isPage {
		w.readUntil = w.now
	}
}

// noteChanges finds what a request has changed.
func (l *ledger) noteChanges(w *writer) {
	now := map[string]bool{}
	for _, record := range l.server.Records(l.dataset) {
		now[record.ID] = true
		e := l.held[record.ID]
		if e == nil {
			creator := stamp{w, w.readUntil}
			if record.Source == string(mistralobs.SourceUploadedFile) { // an import ends with any request
				creator = l.imported
			}
			l.create(creator.by, creator.at, record)
			continue
		}
		for i, text := range contentOf(record) {
			if text != e.content[i] {
				l.replace(w, record.ID, i, false)
				e.content[i], e.by[i] = text, stamp{w, l.now}
			}
		}
	}
	for id := range l.held {
		if !now[id] {
			l.replace(w, id, 0, true)
			l.replace(w, id, 1, true)
			delete(l.held, id)
		}
	}
}

// create notes a new record. Its writer read the dataset until a request.
func (l *ledger) create(w *writer, readUntil int, record mistralobstest.Record) {
	e := &entry{content: contentOf(record), created: stamp{w, l.now}}
	e.by, e.key = [2]stamp{e.created, e.created}, keyOf(e.content)
	for id, other := range l.held {
		if w.isSync && other.key == e.key {
			by := other.created.by
			late := by != nil && !by.isSync && other.created.at > readUntil
			assert.True(l.t, late, "a sync creates %s again beside %s of request %d", e.key, id, other.created.at)
		}
	}
	l.held[record.ID] = e
}

// keyOf returns the key that the properties of a record have.
func keyOf(c content) string {
	var properties struct{ ID string }
	_ = json.Unmarshal([]byte(c[1]), &properties)
	return properties.ID
}

// replace checks that a writer may replace the payload (0) or the properties (1) of a record, and
// notes what becomes of them.
func (l *ledger) replace(w *writer, id string, part int, deletes bool) {
	e := l.held[id]
	before := e.by[part]
	seen, looked := w.last[id]
	end := planned
	switch {
	case !w.isSync:
		end = replacedOwn
	case !assert.True(l.t, looked && (deletes || !seen.onPage),
		"a sync writes %s without looking at it right before", id):
	case before.by == w: // the rest of its own change
	case before.at > seen.at:
		end = inWindow
	case w.force:
		end = forced
	default:
		l.checkPlanned(w, id, seen, deletes)
	}
	if before.by != nil && !before.by.isSync {
		l.fates[end]++
	}
}

// checkPlanned checks that the last read of a record by a sync returned what its plan was made
// from.
func (l *ledger) checkPlanned(w *writer, id string, seen look, deletes bool) {
	basis, known := w.basis[id]
	assert.True(l.t, known, "a sync changes %s, which its plan cannot know", id)
	want := l.want[l.held[id].key]
	for i := range seen.content {
		ok := seen.content[i] == basis[i] || !deletes && seen.content[i] == want[i]
		assert.True(l.t, ok,
			"request %d of a sync overwrites %s of record %s, which it saw at request %d; planned was %s",
			l.now, seen.content[i], id, seen.at, basis[i])
	}
}

// end checks that nothing has changed the dataset behind the back of the ledger, and notes what is
// kept.
func (l *ledger) end() {
	l.locked(func() {
		records := l.server.Records(l.dataset)
		assert.Len(l.t, records, len(l.held))
		for _, record := range records {
			e := l.held[record.ID]
			if !assert.NotNil(l.t, e) {
				continue
			}
			assert.Equal(l.t, contentOf(record), e.content)
			for _, by := range e.by {
				if by.by != nil && !by.by.isSync {
					l.fates[kept]++
				}
			}
		}
	})
}

func (l *ledger) String() string { return fmt.Sprint(l.fates) }
