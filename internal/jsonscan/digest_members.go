package jsonscan

import "math/bits"

// member is a member of an object. Within the object, only equal names have the same name element.
type member struct{ name, value element }

// maxCompared is the number of members up to which each name is compared with every other.
const maxCompared = 8

// multiplyMembers multiplies e by the factor of each member. Of members with the same name it takes the last.
func (h *Hasher) multiplyMembers(e element, members []member) element {
	few := len(members) <= maxCompared
	if !few {
		h.names.filter(members)
	}
	other := element{lo: 1}
	for i := len(members) - 1; i >= 0; i-- {
		m := &members[i]
		if few && repeats(members, i) || !few && h.names.suspects(m.name) && h.names.repeats(members, i) {
			continue
		}
		// The factors go to two products in turn, because a multiplication waits for the one before.
		e, other = other, e.times(m.name.plus(m.value))
	}
	return e.times(other)
}

// repeats reports whether a later member has the name of the i-th.
func repeats(members []member, i int) bool {
	for _, m := range members[i+1:] {
		if m.name == members[i].name {
			return true
		}
	}
	return false
}

// nameSet finds repeated names among many. Most names do not share their bit of a filter with another, and so are not
// repeated. The filters are small: processors wait long for memory outside their caches. The others go to a hash table.
type nameSet struct {
	once, twice []uint64 // the bits that names have, and those that several have
	slots       []uint32 // 0, or the position of a member plus one in the lower bits, and some bits of its name
}

// filter sets the bits of all members, and makes a table that is large enough for those that share one.
func (s *nameSet) filter(members []member) {
	n := 1 << bits.Len(uint(len(members)/8)) // 8 to 16 bits for each member
	s.once = append(s.once[:0], make([]uint64, n)...)
	s.twice = append(s.twice[:0], make([]uint64, n)...)
	shared := 0
	for i := range members {
		at, bit := s.bit(members[i].name)
		if s.once[at]&bit != 0 {
			s.twice[at] |= bit
			shared++
		}
		s.once[at] |= bit
	}
	s.slots = append(s.slots[:0], make([]uint32, 2<<bits.Len(uint(2*shared)))...)
}

func (s *nameSet) bit(name element) (at int, bit uint64) {
	return int(name.lo >> 6 & uint64(len(s.once)-1)), 1 << (name.lo & 63)
}

// suspects reports whether a name shares its bit with another.
func (s *nameSet) suspects(name element) bool {
	at, bit := s.bit(name)
	return s.twice[at]&bit != 0
}

// repeats is the function repeats for suspects. It gets them one after the other, from the last to the first.
func (s *nameSet) repeats(members []member, i int) bool {
	name, shift := members[i].name, bits.Len(uint(len(members)))
	own, mask := uint32(name.lo>>32)<<shift, uint64(len(s.slots)-1)
	for at := name.hi & mask; ; at = (at + 1) & mask {
		switch slot := s.slots[at]; {
		case slot == 0:
			s.slots[at] = own | uint32(i+1)
			return false
		case (slot^own)>>shift == 0 && members[slot&(1<<shift-1)-1].name == name:
			return true
		}
	}
}
