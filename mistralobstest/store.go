package mistralobstest

import (
	"cmp"
	"crypto/rand"
	"maps"
	"slices"
	"time"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// store has all data of a server. Server.mu guards it.
type store struct {
	datasets      []*dataset // in the order of creation
	datasetByID   map[string]*dataset
	datasetBySlug map[string]*dataset
	recordByID    map[uuid]*record
	files         map[string]*file
	blobs         map[string]*blob
	running       []*task
	judges        []*savedJudge // in the order of creation

	campaigns     map[string][]RecordSeed
	events        map[string]RecordSeed
	conversations map[string]RecordSeed

	spans       []*mistralobs.Span // in the order of seeding; nothing is removed
	spanByKey   map[spanKey]*mistralobs.Span
	evaluations []*mistralobs.SpanEvaluation // in the order of seeding; nothing is removed

	owner, workspace string
}

type dataset struct {
	id, slug          string
	name, description string
	created, updated  time.Time
	records           []*record // in the order of creation
	lastNumber        uint64    // the number of the newest record
	revision          uint64    // grows with each change of a record
	tasks             []*task
}

func newStore() store {
	return store{
		datasetByID:   map[string]*dataset{},
		datasetBySlug: map[string]*dataset{},
		recordByID:    map[uuid]*record{},
		files:         map[string]*file{},
		blobs:         map[string]*blob{},
		campaigns:     map[string][]RecordSeed{},
		events:        map[string]RecordSeed{},
		conversations: map[string]RecordSeed{},
		spanByKey:     map[spanKey]*mistralobs.Span{},
		owner:         newID(),
		workspace:     newID(),
	}
}

// close removes the uploaded files from disk.
func (d *store) close() {
	for _, f := range d.files {
		f.close()
	}
	d.files = nil
}

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
func (d *store) addRecord(ds *dataset, c RecordSeed, from source, now time.Time) *record {
	ds.lastNumber++
	ds.revision++
	rec := &record{
		id: newUUID(), dataset: ds, number: ds.lastNumber, content: newContent(c.Payload, c.Properties),
		created: now.UnixMilli(), updated: now.UnixMilli(), source: from,
	}
	ds.records = append(ds.records, rec)
	d.recordByID[rec.id] = rec
	return rec
}

// findRecord returns the record with an ID, or nil. The ID must be a UUID.
func (d *store) findRecord(id string) *record { return d.recordByID[parseUUID(id)] }

// removeRecords deletes records, which may be in different datasets.
func (d *store) removeRecords(gone []*record) {
	byDataset := map[*dataset][]*record{}
	for _, rec := range gone {
		if d.recordByID[rec.id] != nil { // nil if gone has the record twice
			delete(d.recordByID, rec.id)
			byDataset[rec.dataset] = append(byDataset[rec.dataset], rec)
		}
	}
	for ds, records := range byDataset {
		ds.remove(records)
	}
}

// remove deletes records from the list. It moves each remaining record at most once, so many
// deletions cost little more than one.
func (ds *dataset) remove(gone []*record) {
	ds.revision++
	positions := make([]int, len(gone))
	for i, rec := range gone {
		positions[i], _ = slices.BinarySearchFunc(ds.records, rec.number, func(other *record, number uint64) int {
			return cmp.Compare(other.number, number)
		})
	}
	slices.Sort(positions)
	end := positions[0]
	for i, position := range positions {
		next := len(ds.records)
		if i+1 < len(positions) {
			next = positions[i+1]
		}
		end += copy(ds.records[end:], ds.records[position+1:next])
	}
	clear(ds.records[end:])
	ds.records = ds.records[:end]
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

// later returns the update time of a change, in milliseconds. It is later than the previous update,
// so that every change is visible.
func later(before int64, now time.Time) int64 { return max(before+1, now.UnixMilli()) }

// newUUID returns a random UUID.
func newUUID() uuid {
	var id uuid
	_, _ = rand.Read(id[:]) // it never fails
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}

func newID() string { return newUUID().String() }

func newRequestID() string { return newID() }

// lock locks the data and ends the runs of tasks that are due.
func (s *Server) lock() (d *store, now time.Time, unlock func()) {
	now = s.options.now()
	s.mu.Lock()
	s.advanceTasks(now)
	return &s.data, now, s.mu.Unlock
}
