package datasetsync

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// maxReadings is how often a dataset that changes is read.
const maxReadings = 3

var errChangedWhileRead = errors.New("changed while it was read")

// readSnapshot reads all records of the dataset, each exactly once. If a check shows that somebody
// added or deleted records during the reading, it starts again. The checks are the total of each
// page, repeated records, and the last record. The plan says how records are compared.
func (s *session) readSnapshot(ctx context.Context, p *Plan) (*snapshot, error) {
	for range maxReadings {
		now, err := s.readOnce(ctx, p)
		if !errors.Is(err, errChangedWhileRead) {
			return now, err
		}
	}
	return nil, s.errorf("dataset %s: %w: %d readings failed; try again later",
		display(s.datasetID), ErrDatasetChanging, maxReadings)
}

func (s *session) readOnce(ctx context.Context, p *Plan) (*snapshot, error) {
	first, err := s.firstPage(ctx)
	if err != nil {
		return nil, err
	}
	now := newSnapshot(p, first.Total)
	defer func() {
		if now != nil { // it is not whole, maybe because OnProgress panics
			now.close()
		}
	}()
	r := reading{session: s, now: now, total: first.Total, ids: make(map[digest]bool, cap(now.entries))}
	if err := r.read(ctx, first); err != nil {
		return nil, err
	}
	now.index()
	whole := now
	now = nil
	return whole, nil
}

// firstPage returns the first page, which has fewer than MaxPageSize records if they are large.
func (s *session) firstPage(ctx context.Context) (*mistralobs.Page[mistralobs.Record], error) {
	for page, err := range s.client.Records.Pages(ctx, s.datasetID, mistralobs.ListParams{}) {
		return page, err
	}
	return &mistralobs.Page[mistralobs.Record]{}, nil
}

// reading is one reading of a dataset.
type reading struct {
	*session
	now   *snapshot
	total int // what each page must report
	ids   map[digest]bool
	last  string // the ID of the last record that was read
}

func (r *reading) read(ctx context.Context, first *mistralobs.Page[mistralobs.Record]) error {
	if !first.HasNext() { // a single page shows one moment, so it needs no other checks
		return r.end(r.addPage(first))
	}
	// If another record is the last one at the end, a deletion and a creation have shifted the
	// pages without a change of the total.
	params := mistralobs.ListParams{Page: r.total, PageSize: 1}
	end, err := r.client.Records.List(ctx, r.datasetID, params)
	if err != nil {
		return err
	}
	for page, err := range r.client.Records.Pages(ctx, r.datasetID, mistralobs.ListParams{}) {
		if err == nil {
			err = r.addPage(page)
		}
		if err != nil {
			return err
		}
	}
	if len(end.Items) == 1 && end.Items[0].ID != r.last {
		return errChangedWhileRead
	}
	return r.end(nil)
}

func (r *reading) end(err error) error {
	if err == nil && len(r.ids) != r.total {
		return errChangedWhileRead
	}
	return err
}

func (r *reading) addPage(page *mistralobs.Page[mistralobs.Record]) error {
	switch {
	case page.Total <= 0 && len(page.Items) > 0:
		return r.errorf("dataset %s: %w: the list of its records has no count, so records could be missed",
			display(r.datasetID), mistralobs.ErrUnexpectedResponse)
	case page.Total != r.total:
		return errChangedWhileRead
	}
	for i := range page.Items {
		record := &page.Items[i]
		id, _ := packID(record.ID)
		if r.ids[id] || len(r.ids) == r.total {
			return errChangedWhileRead
		}
		r.ids[id] = true
		r.last = record.ID
		if record.DeletedAt == nil {
			if err := r.now.add(record); err != nil {
				return err
			}
		}
		r.options.OnProgress(Progress{PhaseRead, len(r.ids), r.total})
	}
	return nil
}

// snapshot is the state of a dataset. Its memory does not depend on the size of the records.
type snapshot struct {
	key     string   // as in [Options]; without it, records match by content
	keep    []string // Options.KeepProperties
	entries []entry
	other   map[int]string   // the IDs that are not UUIDs, by position
	byKey   map[digest]int32 // the first entry with each key, or each content
	odd     map[int]bool     // the positions of records whose payload or properties are not objects
	oddKeys map[digest]int32 // the first of those with each key
	surplus map[int32]int32  // from the duplicates to delete to the one to keep
	labels  *overflowFile
}

// entry is a record of the dataset.
type entry struct {
	id      digest // a UUID, or the digest of another ID
	content content
	key     digest // of the key, or of the content; zero if the record has no key
	label   span
	created int64  // in milliseconds since 1970
	next    int32  // the next entry with the same key; -1 if there is none
	line    uint32 // the number of the wanted record that matches; 0 if there is none
}

// maxReserved limits the memory that is reserved for the count that the service reports.
const maxReserved = 1 << 20

func newSnapshot(p *Plan, total int) *snapshot {
	return &snapshot{
		key: p.Key, keep: p.KeepProperties,
		entries: make([]entry, 0, max(0, min(total, maxReserved))), other: map[int]string{},
		odd: map[int]bool{}, oddKeys: map[digest]int32{}, surplus: map[int32]int32{},
		labels: &overflowFile{},
	}
}

func (s *snapshot) close() { _ = s.labels.close() } // the comparison is right even if the file could not be removed

func (s *snapshot) add(record *mistralobs.Record) (err error) {
	position := len(s.entries)
	e := entry{
		content: contentOf(record.Payload, record.Properties, s.keep),
		created: record.CreatedAt.UnixMilli(), next: -1,
	}
	id, isUUID := packID(record.ID)
	if e.id = id; !isUUID {
		s.other[position] = strings.Clone(record.ID)
	}
	if !isObject(record.Payload) || !isObject(orEmpty(record.Properties)) {
		s.odd[position] = true
	}
	if s.key == "" {
		e.key = e.content.both()
	} else if key := keyOf(record.Properties, s.key); !key.absent() {
		e.key = key.digest
		e.label, err = s.labels.add(key.label.encode())
	}
	s.entries = append(s.entries, e)
	return err
}

// index links the entries with the same key, in the order of the dataset.
func (s *snapshot) index() {
	s.byKey = make(map[digest]int32, len(s.entries))
	for i := len(s.entries) - 1; i >= 0; i-- {
		e := &s.entries[i]
		switch {
		case e.key == digest{}:
		case s.odd[i]:
			s.oddKeys[e.key] = int32(i)
		default:
			if next, ok := s.byKey[e.key]; ok {
				e.next = next
			}
			s.byKey[e.key] = int32(i)
		}
	}
}

// id returns the ID of the record at a position.
func (s *snapshot) id(position int32) string {
	if id, ok := s.other[int(position)]; ok {
		return id
	}
	return formatUUID(s.entries[position].id)
}

// labelAt returns the key of the record at a position.
func (s *snapshot) labelAt(position int32) (label, error) {
	text, err := s.labels.get(s.entries[position].label)
	return decodeLabel(text), err
}

// find returns the position of the first record with a key. It prefers records whose payload and
// properties are objects.
func (s *snapshot) find(key digest) (position int32, ok bool) {
	if position, ok = s.byKey[key]; !ok {
		position, ok = s.oddKeys[key]
	}
	return position, ok
}

// all returns the positions of the entries with a key, in the order of the dataset.
func (s *snapshot) all(key digest) (positions []int32) {
	i, ok := s.byKey[key]
	for ok && i >= 0 {
		positions = append(positions, i)
		i = s.entries[i].next
	}
	return positions
}

// take removes the first entry with a content from its list, and returns its position.
func (s *snapshot) take(content digest) (position int32, ok bool) {
	position, ok = s.byKey[content]
	if !ok {
		return 0, false
	}
	if next := s.entries[position].next; next >= 0 {
		s.byKey[content] = next
	} else {
		delete(s.byKey, content)
	}
	return position, true
}

// maxListed is the number of keys that an error lists.
const maxListed = 20

// settleDuplicates applies the policy for records with the same key.
func (s *snapshot) settleDuplicates(policy DuplicatePolicy) error {
	if s.key == "" {
		return nil
	}
	var listed []string
	repeated := 0
	for i := range s.entries {
		e := &s.entries[i]
		if first, ok := s.byKey[e.key]; !ok || int(first) != i || e.next < 0 {
			continue // not the first of several
		}
		repeated++
		positions := s.all(e.key)
		switch {
		case policy == KeepOldest:
			s.keepOldest(e.key, positions)
		case len(listed) < maxListed:
			text, err := s.listed(positions)
			if err != nil {
				return err
			}
			listed = append(listed, text)
		}
	}
	if len(listed) == 0 {
		return nil
	}
	if more := repeated - len(listed); more > 0 {
		listed = append(listed, "and "+counted(more, "more key"))
	}
	const hint = "set Duplicates to KeepOldest to delete all but the oldest"
	return fmt.Errorf("%w: %s; %s", ErrDuplicateKeys, strings.Join(listed, "; "), hint)
}

// keepOldest makes the oldest of several records the one with their key.
func (s *snapshot) keepOldest(key digest, positions []int32) {
	oldest := positions[0]
	for _, i := range positions {
		if s.entries[i].created < s.entries[oldest].created {
			oldest = i
		}
	}
	for _, i := range positions {
		s.entries[i].next = -1
		if i != oldest {
			s.surplus[i] = oldest
		}
	}
	s.byKey[key] = oldest
}

// listed returns the key and the IDs of several records as text.
func (s *snapshot) listed(positions []int32) (string, error) {
	key, err := s.labelAt(positions[0])
	ids := make([]string, len(positions))
	for i, position := range positions {
		ids[i] = display(s.id(position))
	}
	return fmt.Sprintf("%s (%s)", key.name("", 0, 0), strings.Join(ids, ", ")), err
}

// packID returns a UUID in lower case in 16 bytes, and the digest of any other ID.
func packID(id string) (packed digest, isUUID bool) {
	if len(id) == 36 {
		_, err := hex.Decode(packed[:], []byte(id[:8]+id[9:13]+id[14:18]+id[19:23]+id[24:]))
		if err == nil && formatUUID(packed) == id {
			return packed, true
		}
	}
	return hashOf([]byte(id)), false
}

func formatUUID(id digest) string {
	text := hex.EncodeToString(id[:])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}
