package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// maxReadings is how often a dataset is read that changes meanwhile.
const maxReadings = 3

var errChangedWhileRead = errors.New("changed while it was read")

// readWhole reads all records of the dataset, each exactly once. If the total of a page, a repeated record or the last
// record shows that records came or went meanwhile, it starts again: begin is called at each start and returns what
// visits the records.
func (s *session) readWhole(ctx context.Context, begin func(*idSet) func(*mistralobs.Record) error) error {
	for range maxReadings {
		ids := newIDSet()
		if err := s.readOnce(ctx, ids, begin(ids)); !errors.Is(err, errChangedWhileRead) {
			ids.freeze()
			return err
		}
	}
	name := display(s.datasetID)
	return fmt.Errorf("datasetsync: dataset %s: %w: read it %d times", name, ErrDatasetChanging, maxReadings)
}

func (s *session) readOnce(ctx context.Context, ids *idSet, visit func(*mistralobs.Record) error) error {
	r := reading{session: s, ids: ids, visit: visit}
	first, err := s.client.Records.List(ctx, s.datasetID, mistralobs.ListParams{PageSize: mistralobs.MaxPageSize})
	if err != nil {
		return err
	}
	r.total = first.Total
	if !first.HasNext() { // a page is of one moment
		if err := r.add(first); err != nil {
			return err
		}
		return r.end()
	}
	if err := r.findLast(ctx); err != nil {
		return err
	}
	for page, err := range s.client.Records.Pages(ctx, s.datasetID, mistralobs.ListParams{}) {
		if err == nil {
			err = r.add(page)
		}
		if err != nil {
			return err
		}
	}
	return r.end()
}

// reading is one reading of a dataset.
type reading struct {
	*session
	ids   *idSet
	visit func(*mistralobs.Record) error
	total int    // of each page
	last  string // the id of the last record before the reading; "" if it is not known
	seen  string // the id of the last record that was read
}

// findLast finds the last record. If it is another one at the end of the reading, a deletion and a creation have
// happened meanwhile that kept the total.
func (r *reading) findLast(ctx context.Context) error {
	page, err := r.client.Records.List(ctx, r.datasetID, mistralobs.ListParams{Page: r.total, PageSize: 1})
	if err == nil && len(page.Items) == 1 {
		r.last = page.Items[0].ID
	}
	return err
}

func (r *reading) add(page *mistralobs.Page[mistralobs.Record]) error {
	if page.Total != r.total {
		return errChangedWhileRead
	}
	for i := range page.Items {
		record := &page.Items[i]
		if !r.ids.add(record.ID) {
			return errChangedWhileRead
		}
		if err := r.visit(record); err != nil {
			return err
		}
		r.seen = record.ID
		r.options.OnProgress(Progress{PhaseRead, r.ids.len(), r.total})
	}
	return nil
}

// end checks that all records have been read.
func (r *reading) end() error {
	if r.ids.len() != r.total || r.last != "" && r.last != r.seen {
		return errChangedWhileRead
	}
	return nil
}

// snapshot is the state of a dataset, in memory that does not depend on the size of its records.
type snapshot struct {
	byKey   bool // by key, otherwise by content
	ids     *idSet
	entries list[entry] // in the order of ids
	index   *table      // the last entry of each key; the others follow in a ring

	odd        map[int]bool   // positions of records whose payload or properties are not objects
	oddKeys    map[digest]int // of those that have a key
	duplicates map[digest]string
	surplus    map[int]bool // duplicates to delete

	keys    *overflowFile // the keys as text; nil if they are not needed
	keyEnds list[int64]
}

// entry is a record of the dataset. It takes 64 bytes.
type entry struct {
	content content
	key     digest // of the key, or of the content; zero if the record has no key
	created int64  // milliseconds since 1970
	next    uint32 // position of the next entry with the same key: a ring in the order of the dataset
	line    uint32 // of the wanted record that it matches, or its index; 0 if there is none
}

func newSnapshot(ids *idSet, options Options) *snapshot {
	s := &snapshot{
		byKey: options.Key != "", ids: ids,
		odd: map[int]bool{}, oddKeys: map[digest]int{}, duplicates: map[digest]string{}, surplus: map[int]bool{},
	}
	s.index = newTable(func(i int) digest { return s.entries.at(i).key })
	if s.byKey && options.Delete {
		s.keys = &overflowFile{}
	}
	return s
}

func (s *snapshot) close() {
	if s.keys != nil {
		_ = s.keys.close() // a temporary file that could not be removed spoils nothing
	}
}

// add adds a record, whose id is the last of s.ids.
func (s *snapshot) add(record *mistralobs.Record, name string) error {
	position := s.entries.n
	e := entry{created: record.CreatedAt.UnixMilli(), next: uint32(position)}
	var key recordKey
	if properties := orEmpty(record.Properties); startsObject(properties) {
		key = keyOf(properties, name)
		e.key = key.digest
	}
	if err := s.keepText(key); err != nil {
		return err
	}
	if !startsObject(record.Payload) || !startsObject(orEmpty(record.Properties)) {
		s.odd[position] = true
		if !key.absent() {
			s.oddKeys[e.key] = position
		}
		s.entries.add(e)
		return nil
	}
	e.content = contentOf(record.Payload, record.Properties)
	if !s.byKey {
		e.key = e.content.key()
	}
	s.entries.add(e)
	if !s.byKey || !key.absent() {
		s.link(position, key)
	}
	return nil
}

// link puts an entry into the index, at the end of its ring.
func (s *snapshot) link(position int, key recordKey) {
	e := s.entries.at(position)
	last, shared := s.index.put(e.key, position)
	if !shared {
		return
	}
	e.next, s.entries.at(last).next = s.entries.at(last).next, uint32(position)
	if s.byKey {
		s.duplicates[e.key] = key.text()
	}
}

func (s *snapshot) keepText(key recordKey) error {
	if s.keys == nil {
		return nil
	}
	text, err := s.keys.add([]byte(key.text()))
	s.keyEnds.add(text.start + int64(text.size))
	return err
}

// keyText returns the key of the record at a position as text, "" if it has none or if keys are not kept.
func (s *snapshot) keyText(position int) (string, error) {
	if text, ok := s.duplicates[s.entries.at(position).key]; ok || s.keys == nil {
		return text, nil
	}
	start := int64(0)
	if position > 0 {
		start = *s.keyEnds.at(position - 1)
	}
	text, err := s.keys.get(span{start, int(*s.keyEnds.at(position) - start)})
	return string(text), err
}

// ring returns the positions of the entries with a key, in the order of the dataset.
func (s *snapshot) ring(key digest) (positions []int) {
	last, ok := s.index.find(key)
	for i := last; ok; {
		i = int(s.entries.at(i).next)
		positions = append(positions, i)
		ok = i != last
	}
	return positions
}

// takeSame returns an entry with the content that matches no wanted record yet, and removes it from its ring.
func (s *snapshot) takeSame(content digest) (*entry, bool) {
	last, ok := s.index.find(content)
	if !ok {
		return nil, false
	}
	tail := s.entries.at(last)
	first := s.entries.at(int(tail.next))
	if first.line != 0 { // the tail itself, which was taken last
		return nil, false
	}
	tail.next = first.next
	return first, true
}

// settleDuplicates applies the policy for duplicate keys.
func (s *snapshot) settleDuplicates(policy DuplicatePolicy) error {
	if len(s.duplicates) > 0 && policy == RefuseDuplicates {
		return s.duplicatesError()
	}
	for key := range s.duplicates {
		ring := s.ring(key)
		oldest := ring[0]
		for _, i := range ring {
			if s.entries.at(i).created < s.entries.at(oldest).created {
				oldest = i
			}
		}
		for _, i := range ring {
			s.surplus[i] = i != oldest
		}
		delete(s.surplus, oldest)
		s.index.put(key, oldest)
	}
	return nil
}

// maxListed is how many keys an error lists.
const maxListed = 20

func (s *snapshot) duplicatesError() error {
	var texts []string
	for i := range s.entries.n { // in the order of the dataset
		e := s.entries.at(i)
		text, ok := s.duplicates[e.key]
		ring := []int(nil)
		if ok {
			ring = s.ring(e.key)
		}
		if len(ring) == 0 || ring[0] != i {
			continue
		}
		if len(texts) == maxListed {
			texts = append(texts, fmt.Sprintf("and %d more keys", len(s.duplicates)-maxListed))
			break
		}
		ids := make([]string, len(ring))
		for j, position := range ring {
			ids[j] = display(s.ids.at(position))
		}
		texts = append(texts, fmt.Sprintf("%s (%s)", display(text), strings.Join(ids, ", ")))
	}
	const hint = "Duplicates: KeepOldest deletes all but the oldest"
	return fmt.Errorf("datasetsync: %w: %s; %s", ErrDuplicateKeys, strings.Join(texts, "; "), hint)
}
