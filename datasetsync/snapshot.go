package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// maxReadings is how often a dataset that changes is read.
const maxReadings = 3

var errChangedWhileRead = errors.New("changed while it was read")

// readWhole reads all records of the dataset, each exactly once. If a check shows that somebody added or deleted
// records during the reading, it starts again. The checks are the total of each page, repeated records, and the last
// record. readWhole calls begin at each start, and passes each record to the function that begin returns.
func (s *session) readWhole(ctx context.Context, begin func(*idSet) func(*mistralobs.Record) error) error {
	for range maxReadings {
		ids := newIDSet()
		if err := s.readOnce(ctx, ids, begin(ids)); !errors.Is(err, errChangedWhileRead) {
			ids.freeze()
			return err
		}
	}
	return fmt.Errorf("datasetsync: dataset %s: %w: %d readings failed; try again later",
		display(s.datasetID), ErrDatasetChanging, maxReadings)
}

func (s *session) readOnce(ctx context.Context, ids *idSet, visit func(*mistralobs.Record) error) error {
	r := reading{session: s, ids: ids, visit: visit}
	first, err := s.client.Records.List(ctx, s.datasetID, mistralobs.ListParams{PageSize: mistralobs.MaxPageSize})
	if err != nil {
		return err
	}
	r.total = first.Total
	if !first.HasNext() { // a single page shows one moment, so it needs no checks
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
	total int    // what each page must report
	last  string // the ID of the last record before the reading; "" if it is not known
	seen  string // the ID of the last record that was read
}

// findLast finds the last record. If another record is the last at the end of the reading, a deletion and a creation
// have shifted the pages without a change of the total.
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

// snapshot is the state of a dataset. Its memory does not depend on the size of the records.
type snapshot struct {
	byKey   bool // records match by key, not by content
	ids     *idSet
	entries list[entry] // in the order of ids
	index   *table      // finds the last entry of each key; the others follow in a ring

	odd        map[int]bool      // the positions of records whose payload or properties are not objects
	oddKeys    map[digest]int    // the positions of those that have a key
	duplicates map[digest]string // the keys of several records, as text
	surplus    map[int]int       // from the positions of duplicates to delete to that of the record to keep

	keys    *overflowFile // the keys as text; nil if they are not needed
	keyEnds list[int64]   // the end of each key in keys
}

// entry is a record of the dataset. It takes 64 bytes.
type entry struct {
	content content
	key     digest // the digest of the key, or of the content; zero if the record has no key
	created int64  // in milliseconds since 1970
	next    uint32 // the position of the next entry with the same key: a ring in the order of the dataset
	line    uint32 // the number of the wanted record that matches; 0 if there is none
}

func newSnapshot(ids *idSet, options Options) *snapshot {
	s := &snapshot{
		byKey: options.Key != "", ids: ids,
		odd: map[int]bool{}, oddKeys: map[digest]int{}, duplicates: map[digest]string{}, surplus: map[int]int{},
	}
	s.index = newTable(func(i int) digest { return s.entries.at(i).key })
	if s.byKey && options.Delete {
		s.keys = &overflowFile{}
	}
	return s
}

func (s *snapshot) close() {
	if s.keys != nil {
		_ = s.keys.close() // the comparison is right even if the temporary file could not be removed
	}
}

// add adds a record. Its ID must be the last one of s.ids.
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
		e.key = e.content.both()
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

// keyText returns the key of the record at a position as text. It returns "" if there is none, or if keys are not kept.
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

// takeSame removes an entry with the content from its ring, and returns it. It returns false if no such entry is left
// that matches no wanted record yet.
func (s *snapshot) takeSame(content digest) (*entry, bool) {
	last, ok := s.index.find(content)
	if !ok {
		return nil, false
	}
	tail := s.entries.at(last)
	first := s.entries.at(int(tail.next))
	if first.line != 0 { // first is the tail, which is taken last
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
			if i != oldest {
				s.surplus[i] = oldest
			}
		}
		s.index.put(key, oldest)
	}
	return nil
}

// maxListed is the number of keys that an error lists.
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
	const hint = "set Duplicates to KeepOldest to delete all but the oldest"
	return fmt.Errorf("datasetsync: %w: %s; %s", ErrDuplicateKeys, strings.Join(texts, "; "), hint)
}
