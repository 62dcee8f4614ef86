package mistralobstest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"time"
)

// store holds all data of a server. Server.mu guards it.
type store struct {
	datasets      []*dataset // in the order of creation
	datasetByID   map[string]*dataset
	datasetBySlug map[string]*dataset
	recordByID    map[string]*record
	files         map[string]*file
	blobs         map[string]*blob
	running       []*task

	campaigns     map[string][]Conversation
	events        map[string]Conversation
	conversations map[string]Conversation

	spans       []*Span // in the order of seeding; nothing is removed
	spanByKey   map[spanKey]*Span
	evaluations []*SpanEvaluation // in the order of seeding; nothing is removed

	owner, workspace string
}

type dataset struct {
	id, slug          string
	name, description string
	created, updated  time.Time
	records           []*record // in the order of creation
	tasks             []*task
}

type record struct {
	id                  string
	dataset             *dataset
	created, updated    time.Time
	payload, properties json.RawMessage
	source              string
}

func newStore() store {
	return store{
		datasetByID:   map[string]*dataset{},
		datasetBySlug: map[string]*dataset{},
		recordByID:    map[string]*record{},
		files:         map[string]*file{},
		blobs:         map[string]*blob{},
		campaigns:     map[string][]Conversation{},
		events:        map[string]Conversation{},
		conversations: map[string]Conversation{},
		spanByKey:     map[spanKey]*Span{},
		owner:         newID(),
		workspace:     newID(),
	}
}

// close removes the uploaded files from disk.
func (d *store) close() {
	for _, f := range d.files {
		_ = os.Remove(f.path)
	}
	clear(d.files)
}

// addDataset stores a new dataset.
func (d *store) addDataset(name, description string, now time.Time) *dataset {
	ds := &dataset{
		id: newID(), slug: d.newSlug(name), name: name, description: description,
		created: now, updated: now,
	}
	d.datasets = append(d.datasets, ds)
	d.datasetByID[ds.id] = ds
	d.datasetBySlug[ds.slug] = ds
	return ds
}

// addRecord stores a new record. Absent properties become {}.
func (d *store) addRecord(ds *dataset, c Conversation, source string, now time.Time) *record {
	rec := &record{
		id: newID(), dataset: ds, created: now, updated: now,
		payload: slices.Clone(c.Payload), properties: slices.Clone(c.Properties), source: source,
	}
	if len(rec.properties) == 0 {
		rec.properties = json.RawMessage("{}")
	}
	ds.records = append(ds.records, rec)
	d.recordByID[rec.id] = rec
	return rec
}

// removeRecords deletes records of any datasets.
func (d *store) removeRecords(gone map[*record]bool) {
	touched := map[*dataset]bool{}
	for rec := range gone {
		delete(d.recordByID, rec.id)
		touched[rec.dataset] = true
	}
	for ds := range touched {
		ds.records = slices.DeleteFunc(ds.records, func(rec *record) bool { return gone[rec] })
	}
}

// removeDataset deletes a dataset with its records and tasks.
func (d *store) removeDataset(ds *dataset) {
	for _, rec := range ds.records {
		delete(d.recordByID, rec.id)
	}
	delete(d.datasetByID, ds.id)
	delete(d.datasetBySlug, ds.slug)
	maps.DeleteFunc(d.blobs, func(_ string, b *blob) bool { return b.dataset == ds })
	d.datasets = slices.DeleteFunc(d.datasets, func(other *dataset) bool { return other == ds })
	d.running = slices.DeleteFunc(d.running, func(t *task) bool { return t.dataset == ds })
}

// later returns the update time of a change at now. It is at least a millisecond
// after the time before, because the API shows milliseconds.
func later(before, now time.Time) time.Time {
	if least := before.Add(time.Millisecond); now.Before(least) {
		return least
	}
	return now
}

// newID returns a random UUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func newRequestID() string { return newID() }

// lock locks the data and first ends the tasks whose time has come.
func (s *Server) lock() (d *store, now time.Time, unlock func()) {
	now = s.options.now()
	s.mu.Lock()
	s.advanceTasks(now)
	return &s.data, now, s.mu.Unlock
}
