package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/mistralobs/mistralobs-go"
)

// matching compares the wanted records with a snapshot.
type matching struct {
	*session
	plan     *Plan
	now      *snapshot         // nil until the first wanted record
	index    int               // of the wanted record, from 1
	created  map[digest]uint32 // with a key: the numbers of the wanted records to create, by key
	contents []digest          // without a key: the contents of the wanted records to create
}

// diff makes a plan. The updates do not have their differences yet; explain finds them.
func (s *session) diff(ctx context.Context, want iter.Seq2[*mistralobs.JSONLRecord, error]) (*Plan, error) {
	if want == nil {
		return nil, s.invalid("want", "the sequence is nil")
	}
	m := &matching{
		session: s, created: map[digest]uint32{},
		plan: &Plan{
			Key: s.options.Key, KeepProperties: slices.Clone(s.options.KeepProperties), full: s.options.Full,
			bodies: &overflowFile{},
		},
	}
	whole := false
	defer func() {
		if m.now != nil {
			m.now.close()
		}
		if !whole { // maybe because want panics
			_ = m.plan.Close()
		}
	}()
	if err := m.matchAll(ctx, want); err != nil {
		return nil, err
	}
	whole = true
	return m.plan, nil
}

func (m *matching) matchAll(ctx context.Context, want iter.Seq2[*mistralobs.JSONLRecord, error]) error {
	for record, err := range want {
		if err == nil {
			err = m.add(ctx, record)
		}
		if err != nil {
			return err
		}
	}
	if m.index == 0 {
		if m.options.Delete && !m.options.AllowEmpty {
			return m.invalid("want",
				"it holds no records, so Delete would delete the whole dataset; AllowEmpty allows that")
		}
		if err := m.readDataset(ctx); err != nil {
			return err
		}
	}
	return m.end()
}

// readDataset reads the state of the dataset.
func (m *matching) readDataset(ctx context.Context) error {
	dataset, err := m.dataset(ctx)
	if err != nil {
		return err
	}
	m.datasetID = dataset.ID
	m.plan.DatasetID, m.plan.DatasetName = dataset.ID, dataset.Name
	if err := m.awaitImports(ctx); err != nil {
		return err
	}
	if m.now, err = m.readSnapshot(ctx, m.plan); err != nil {
		return err
	}
	if err := m.now.settleDuplicates(m.options.Duplicates); err != nil {
		return m.errorf("dataset %s: %w", display(m.datasetID), err)
	}
	return nil
}

// wanted is a record that the dataset should have.
type wanted struct {
	record  *mistralobs.JSONLRecord
	content content
	index   int
}

func (w wanted) place() string { return place(w.record.Line, w.index) }

// number returns the line of the record, or its index if the input has no lines.
func (w wanted) number() uint32 {
	if w.record.Line > 0 {
		return uint32(w.record.Line)
	}
	return uint32(w.index)
}

// add compares the next wanted record. It keeps nothing of the record, because the sequence may
// reuse it.
func (m *matching) add(ctx context.Context, record *mistralobs.JSONLRecord) error {
	if err := ctx.Err(); err != nil {
		return m.errorf("reading the wanted records: %w", err)
	}
	m.index++
	w := wanted{record: record, index: m.index}
	if err := w.check(m.options.KeepProperties); err != nil {
		return m.errorf("%w", err)
	}
	if m.now == nil {
		if err := m.readDataset(ctx); err != nil {
			return err
		}
	}
	match := m.matchContent
	if m.options.Key != "" {
		match = m.matchKey
	}
	if err := match(w); err != nil {
		return err
	}
	m.options.OnProgress(Progress{PhaseInput, m.index, -1})
	return nil
}

// check sets the content of the record, without the properties to keep. It returns an error if the
// service cannot hold the record.
func (w *wanted) check(keep []string) (err error) {
	if w.record == nil {
		return fmt.Errorf("%s is nil", place(0, w.index))
	}
	if w.content.payload, err = checkedObject(w.record.Payload); err != nil {
		return fmt.Errorf("%s: its payload is not a JSON object: %w", w.place(), err)
	}
	if w.content.properties, err = checkedObject(orEmpty(w.record.Properties)); err != nil {
		return fmt.Errorf("%s: its properties are not a JSON object: %w", w.place(), err)
	}
	if len(keep) > 0 {
		w.content.properties = digestOf(without(w.record.Properties, keep))
	}
	return nil
}

// checkedObject returns the digest of an object that can be sent and written to a plan.
func checkedObject(object mistralobs.Object) (digest, error) {
	if len(object) == 0 {
		return digest{}, errors.New("it is missing or null")
	}
	d, err := checkedDigest(object, true)
	if err == nil && !isObject(object) {
		err = errors.New("it is another JSON value")
	}
	return d, err
}

// matchContent finds a record of the dataset with the same content.
func (m *matching) matchContent(w wanted) error {
	key := w.content.both()
	if position, ok := m.now.take(key); ok {
		m.now.entries[position].line = w.number()
		m.plan.Equal++
		return nil
	}
	m.contents = append(m.contents, key)
	return m.create(w, label{})
}

// matchKey finds the record of the dataset with the same key.
func (m *matching) matchKey(w wanted) error {
	key := keyOf(w.record.Properties, m.options.Key)
	if key.absent() {
		return m.errorf("%s: %w: it has no property %s", w.place(), ErrNoKey, display(m.options.Key))
	}
	position, found := m.now.find(key.digest)
	if !found {
		if other, taken := m.created[key.digest]; taken {
			return m.sameKey(w, other, key)
		}
		m.created[key.digest] = w.number()
		return m.create(w, key.label)
	}
	e := &m.now.entries[position]
	if e.line != 0 {
		return m.sameKey(w, e.line, key)
	}
	e.line = w.number()
	if w.content == e.content {
		m.plan.Equal++
		return nil
	}
	item := newItem(w, key.label)
	item.RecordID = m.now.id(position)
	item.ChangesPayload = w.content.payload != e.content.payload
	item.ChangesProperties = w.content.properties != e.content.properties
	item.state = &state{old: e.content}
	err := item.keep(m.plan.bodies, w.record.Payload, without(w.record.Properties, m.plan.KeepProperties))
	m.plan.Update = append(m.plan.Update, item)
	return err
}

// sameKey is the error that a wanted record has the key of another one.
func (m *matching) sameKey(w wanted, other uint32, key recordKey) error {
	before := place(int(other), 0)
	if w.record.Line <= 0 {
		before = place(0, int(other))
	}
	return m.errorf("%s and %s: %w: %s", before, w.place(), ErrDuplicateKeys, key.label.name("", 0, 0))
}

func newItem(w wanted, key label) Item {
	return Item{Key: key.text, plainKey: key.plain, Index: w.index, Line: w.record.Line}
}

func (m *matching) create(w wanted, key label) error {
	item := newItem(w, key)
	item.ChangesPayload, item.ChangesProperties = true, true
	err := item.keep(m.plan.bodies, w.record.Payload, orEmpty(w.record.Properties))
	m.plan.Create = append(m.plan.Create, item)
	return err
}

// end adds the records of the dataset that match no wanted record.
func (m *matching) end() error {
	for i := range m.now.entries {
		e := &m.now.entries[i]
		kept, surplus := m.now.surplus[int32(i)]
		if e.line != 0 {
			continue
		}
		if !m.now.odd[i] && !surplus && !m.options.Delete {
			m.plan.Extra++
			continue
		}
		key, err := m.now.labelAt(int32(i))
		if err != nil {
			return err
		}
		item := Item{Key: key.text, plainKey: key.plain, RecordID: m.now.id(int32(i)), state: &state{old: e.content}}
		if surplus && (m.now.entries[kept].line != 0 || !m.options.Delete) {
			item.state.kept = m.now.id(kept)
		}
		if m.now.odd[i] {
			m.plan.LeftAlone = append(m.plan.LeftAlone, item)
		} else {
			m.plan.Delete = append(m.plan.Delete, item)
		}
	}
	m.countSame()
	return nil
}

// countSame counts, for each creation of a plan without a key, the records of the dataset with the
// same content. If Apply finds more of them, the record has been created since.
func (m *matching) countSame() {
	if len(m.contents) == 0 {
		return
	}
	same := make(map[digest]int, len(m.contents))
	for _, key := range m.contents {
		same[key] = 0
	}
	for i := range m.now.entries {
		key := m.now.entries[i].key
		if n, created := same[key]; created {
			same[key] = n + 1
		}
	}
	for i, key := range m.contents {
		if n := same[key]; n > 0 {
			m.plan.Create[i].state = &state{same: n}
		}
	}
}
