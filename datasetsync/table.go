package datasetsync

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/maphash"
)

// list is a list that grows without copying its elements, so that growing does not need twice the memory.
type list[T any] struct {
	chunks [][]T
	n      int
}

const chunkSize = 4096

func (l *list[T]) add(v T) {
	if l.n%chunkSize == 0 {
		l.chunks = append(l.chunks, make([]T, 0, chunkSize))
	}
	last := &l.chunks[len(l.chunks)-1]
	*last = append(*last, v)
	l.n++
}

func (l *list[T]) at(i int) *T { return &l.chunks[i/chunkSize][i%chunkSize] }

// table finds the positions of the elements of a list by their keys. It takes 6 to 12 bytes per element.
type table struct {
	key   func(i int) digest // returns the key of the element at position i
	seed  maphash.Seed
	slots []uint32 // position + 1; a free slot is 0
	used  int      // the number of slots that are not free
}

func newTable(key func(i int) digest) *table {
	return &table{key: key, seed: maphash.MakeSeed(), slots: make([]uint32, 16)}
}

// slot returns the slot that holds the element with the key, or the free slot where it belongs.
func (t *table) slot(key digest) *uint32 {
	mask := uint64(len(t.slots) - 1)
	for at := maphash.Comparable(t.seed, key) & mask; ; at = (at + 1) & mask {
		if s := &t.slots[at]; *s == 0 || t.key(int(*s-1)) == key {
			return s
		}
	}
}

// find returns the position of the element with the key.
func (t *table) find(key digest) (i int, ok bool) {
	s := *t.slot(key)
	return int(s) - 1, s != 0
}

// put stores the position of the element with the key, and returns the position that it replaces.
func (t *table) put(key digest, i int) (before int, replaced bool) {
	s := t.slot(key)
	before, replaced = int(*s)-1, *s != 0
	*s = uint32(i + 1)
	if !replaced {
		if t.used++; t.used*4 > len(t.slots)*3 {
			t.grow()
		}
	}
	return before, replaced
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]uint32, 2*len(old))
	for _, s := range old {
		if s != 0 {
			*t.slot(t.key(int(s - 1))) = s
		}
	}
}

// idSet is a set of record IDs in the order in which they were added. A UUID takes 16 bytes and its part of the table.
type idSet struct {
	ids   list[digest]   // UUIDs, or digests of other IDs
	other map[int]string // the IDs that are not UUIDs in lower case, by position
	table *table
}

func newIDSet() *idSet {
	s := &idSet{other: map[int]string{}}
	s.table = newTable(func(i int) digest { return *s.ids.at(i) })
	return s
}

// add adds an ID and reports whether it is new.
func (s *idSet) add(id string) bool {
	short, ok := parseUUID(id)
	if !ok {
		sum := sha256.Sum256([]byte(id))
		short = digest(sum[:len(short)])
	}
	if _, taken := s.table.find(short); taken {
		return false
	}
	if !ok {
		s.other[s.ids.n] = id
	}
	s.ids.add(short)
	s.table.put(short, s.ids.n-1)
	return true
}

// at returns the i-th ID.
func (s *idSet) at(i int) string {
	if id, ok := s.other[i]; ok {
		return id
	}
	return formatUUID(*s.ids.at(i))
}

func (s *idSet) len() int { return s.ids.n }

// freeze releases the table. No IDs can be added after that.
func (s *idSet) freeze() { s.table = nil }

// parseUUID reads a UUID in lower case.
func parseUUID(id string) (u digest, ok bool) {
	if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[18] != '-' || id[23] != '-' {
		return u, false
	}
	packed := make([]byte, 0, 32)
	for i := range len(id) {
		if c := id[i]; c >= 'A' && c <= 'F' {
			return u, false
		} else if c != '-' {
			packed = append(packed, c)
		}
	}
	if len(packed) != 32 {
		return u, false
	}
	_, err := hex.Decode(u[:], packed)
	return u, err == nil
}

func formatUUID(u digest) string {
	text := make([]byte, 0, 36)
	for i, end := range []int{4, 6, 8, 10, 16} {
		if i > 0 {
			text = append(text, '-')
		}
		text = hex.AppendEncode(text, u[[]int{0, 4, 6, 8, 10}[i]:end])
	}
	return string(text)
}
