package datasetsync

import (
	"context"
	"fmt"
	"iter"

	"github.com/mistralobs/mistralobs-go"
)

// diff makes a plan. The updates do not have their differences yet; explain finds them.
func (s *session) diff(ctx context.Context, want iter.Seq2[*mistralobs.JSONLRecord, error]) (*Plan, error) {
	if want == nil {
		return nil, invalid("want", "the sequence is nil")
	}
	in := startInput(want)
	defer in.close()
	some, err := in.peek(ctx)
	if err != nil {
		return nil, err
	}
	if !some && s.options.Delete && !s.options.AllowEmpty {
		return nil, invalid("want", "it holds no records, so Delete would delete the whole dataset; AllowEmpty allows that")
	}
	if err := s.resolve(ctx); err != nil {
		return nil, err
	}
	if err := s.awaitImports(ctx); err != nil {
		return nil, err
	}
	now, err := s.readSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer now.close()
	return now.match(ctx, in, s.datasetID, s.options)
}

// resolve replaces the slug of the dataset by its ID.
func (s *session) resolve(ctx context.Context) error {
	if _, ok := parseUUID(s.datasetID); ok {
		return nil
	}
	dataset, err := s.client.Datasets.Get(ctx, s.datasetID)
	if err != nil {
		return err
	}
	s.datasetID = dataset.ID
	return nil
}

func (s *session) readSnapshot(ctx context.Context) (*snapshot, error) {
	var now *snapshot
	err := s.readWhole(ctx, func(ids *idSet) func(*mistralobs.Record) error {
		if now != nil {
			now.close()
		}
		now = newSnapshot(ids, s.options)
		return func(record *mistralobs.Record) error { return now.add(record, s.options.Key) }
	})
	if err == nil {
		err = now.settleDuplicates(s.options.Duplicates)
	}
	if err != nil {
		now.close()
		return nil, err
	}
	return now, nil
}

// matching compares the wanted records with a snapshot.
type matching struct {
	now     *snapshot
	plan    *Plan
	options Options
	created map[digest]uint32 // the numbers of the wanted records to create, by key
}

func (s *snapshot) match(ctx context.Context, in *input, datasetID string, options Options) (*Plan, error) {
	m := &matching{
		now: s, options: options, created: map[digest]uint32{},
		plan: &Plan{
			DatasetID: datasetID, Key: options.Key, full: options.Full, bodies: &overflowFile{},
		},
	}
	err := m.addAll(ctx, in)
	if err == nil {
		err = m.addUnwanted()
	}
	if err != nil {
		_ = m.plan.Close()
		return nil, err
	}
	m.countSame()
	return m.plan, nil
}

func (m *matching) addAll(ctx context.Context, in *input) error {
	for {
		w, ok, err := in.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		if m.now.byKey {
			err = m.addByKey(w)
		} else {
			err = m.addByContent(w)
		}
		if err != nil {
			return err
		}
		m.options.OnProgress(Progress{PhaseInput, w.index, -1})
	}
}

func (m *matching) addByContent(w wanted) error {
	c := contentOf(w.record.Payload, w.record.Properties)
	if same, ok := m.now.takeSame(c.both()); ok {
		same.line = w.number()
		m.plan.Equal++
		return nil
	}
	return m.create(w, c)
}

func (m *matching) addByKey(w wanted) error {
	key := keyOf(w.record.Properties, m.options.Key)
	if key.absent() {
		return fmt.Errorf("datasetsync: %s: %w: it has no property %s", w.place(), ErrNoKey, display(m.options.Key))
	}
	position, found := m.now.index.find(key.digest)
	if !found {
		position, found = m.now.lookupOdd(key.digest)
	}
	if !found {
		if other, taken := m.created[key.digest]; taken {
			return w.sameKey(other, key)
		}
		m.created[key.digest] = w.number()
		return m.create(w, contentOf(w.record.Payload, w.record.Properties))
	}
	e := m.now.entries.at(position)
	if e.line != 0 {
		return w.sameKey(e.line, key)
	}
	e.line = w.number()
	if m.now.odd[position] {
		return nil
	}
	return m.update(w, key, position)
}

// number returns the line of the record, or its index if the input has no lines.
func (w wanted) number() uint32 {
	if w.record.Line > 0 {
		return uint32(w.record.Line)
	}
	return uint32(w.index)
}

func (w wanted) sameKey(other uint32, key recordKey) error {
	before := place(int(other), 0)
	if w.record.Line <= 0 {
		before = place(0, int(other))
	}
	return fmt.Errorf("datasetsync: %s and %s: %w: %s", before, w.place(), ErrDuplicateKeys, display(key.text()))
}

func (s *snapshot) lookupOdd(key digest) (position int, ok bool) {
	position, ok = s.oddKeys[key]
	return position, ok
}

func (m *matching) create(w wanted, c content) error {
	item := Item{
		Key: keyOf(w.record.Properties, m.options.Key).text(), Index: w.index, Line: w.record.Line,
		ChangesPayload: true, ChangesProperties: true, want: c,
	}
	err := item.keep(m.plan.bodies, w.record.Payload, orEmpty(w.record.Properties))
	m.plan.Create = append(m.plan.Create, item)
	return err
}

func (m *matching) update(w wanted, key recordKey, position int) error {
	e := m.now.entries.at(position)
	c := contentOf(w.record.Payload, w.record.Properties)
	if c == e.content {
		m.plan.Equal++
		return nil
	}
	item := Item{
		Key: key.text(), Index: w.index, Line: w.record.Line, RecordID: m.now.ids.at(position),
		ChangesPayload: c.payload != e.content.payload, ChangesProperties: c.properties != e.content.properties,
		old: e.content, want: c,
	}
	err := item.keep(m.plan.bodies, w.record.Payload, orEmpty(w.record.Properties))
	m.plan.Update = append(m.plan.Update, item)
	return err
}

// addUnwanted adds the records of the dataset that match no wanted record, and those that must be left alone.
func (m *matching) addUnwanted() error {
	for i := range m.now.entries.n {
		e := m.now.entries.at(i)
		odd := m.now.odd[i]
		kept, surplus := m.now.surplus[i]
		switch {
		case !odd && !surplus && e.line != 0:
			continue
		case !odd && !surplus && !m.options.Delete:
			m.plan.Extra++
			continue
		}
		key, err := m.now.keyText(i)
		if err != nil {
			return err
		}
		item := Item{Key: key, RecordID: m.now.ids.at(i), old: e.content, want: e.content}
		if surplus && (m.now.entries.at(kept).line != 0 || !m.options.Delete) {
			item.kept = m.now.ids.at(kept)
		}
		if odd {
			m.plan.LeftAlone = append(m.plan.LeftAlone, item)
		} else {
			m.plan.Delete = append(m.plan.Delete, item)
		}
	}
	return nil
}

// countSame counts, for each creation of a plan without a key, the records of the dataset with the same content. If
// Apply finds more of them, the record has been created since.
func (m *matching) countSame() {
	if m.now.byKey || len(m.plan.Create) == 0 {
		return
	}
	same := map[digest]int{}
	for i := range m.plan.Create {
		same[m.plan.Create[i].want.both()] = 0
	}
	for i := range m.now.entries.n {
		key := m.now.entries.at(i).key
		if n, created := same[key]; created {
			same[key] = n + 1
		}
	}
	for i := range m.plan.Create {
		m.plan.Create[i].same = same[m.plan.Create[i].want.both()]
	}
}
