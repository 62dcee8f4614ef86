package jsonscan

import (
	"bytes"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Tree is a JSON value whose strings and numbers stay as written, because decoding hides what is not valid Unicode.
type Tree struct {
	Raw      []byte           // the value as written
	Members  map[string]*Tree // of an object; if a name is repeated, the last value
	Elements []*Tree          // of an array
}

// maxTreeValues limits the memory of a tree, in which a value takes up to 200 bytes.
const maxTreeValues = 1 << 18

// ParseTree reads a value in time that is linear in its size. It returns false if raw is not valid JSON, or consists of
// more than maxTreeValues values. The tree shares the memory of raw.
func ParseTree(raw []byte) (*Tree, bool) {
	s := New(raw)
	left := maxTreeValues
	t, ok := s.tree(&left)
	return t, ok && s.End()
}

// tree reads a value. It returns false if the value consists of more than left values.
func (s *Scanner) tree(left *int) (t *Tree, ok bool) {
	if *left--; *left < 0 {
		return nil, false
	}
	t = &Tree{}
	kind := s.Peek()
	start := s.pos
	switch kind {
	case '{':
		t.Members = map[string]*Tree{}
		ok = s.list('{', '}', func() bool {
			inner, ok := s.quoted()
			if !ok || !s.accept(':') {
				return false
			}
			t.Members[treeName(inner)], ok = s.tree(left)
			return ok
		})
	case '[':
		t.Elements = []*Tree{}
		ok = s.list('[', ']', func() bool {
			element, ok := s.tree(left)
			t.Elements = append(t.Elements, element)
			return ok
		})
	default:
		ok = s.Skip()
	}
	t.Raw = s.Since(start)
	return t, ok
}

// treeName decodes the name of a member. If decoding would hide a part of it, treeName returns it as written.
func treeName(inner []byte) string {
	if isLiteral(inner) {
		return string(inner)
	}
	decoded, _ := jsontext.AppendUnquote(nil, append(append([]byte{'"'}, inner...), '"'))
	if bytes.ContainsRune(decoded, utf8.RuneError) {
		return string(inner)
	}
	return string(decoded)
}

// Element returns the i-th element, or nil if there is none.
func (t *Tree) Element(i int) *Tree {
	if i < len(t.Elements) {
		return t.Elements[i]
	}
	return nil
}
