package mistralobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// Object is an undecoded JSON object: a payload or properties exactly as the
// service sent it. It is decoded only when asked and written back byte for
// byte, so fields that the program does not know, and integers above 2^53, live
// through a read-modify-write.
//
// An empty Object stands for one that is absent.
type Object []byte

// NewObject returns v as an Object: an Object or a json.RawMessage byte for
// byte, anything else (a map, a struct, a [Conversation]) as encoding/json
// marshals it, with <, > and & left as they are. If that is no JSON object, the
// error matches [ErrInvalidParams].
func NewObject(v any) (Object, error) { return newObject("object", v) }

// newObject names the field that v is for in its errors.
func newObject(field string, v any) (Object, error) {
	raw, verbatim := rawJSON(v)
	if !verbatim {
		var err error
		if raw, err = marshal(v); err != nil {
			return nil, invalid(field, "it cannot be marshaled to JSON: %v", err)
		}
	}
	if err := checkObject(raw); err != nil {
		return nil, invalid(field, "%v", err)
	}
	return slices.Clone(Object(bytes.TrimSpace(raw))), nil
}

// rawJSON returns what is JSON already.
func rawJSON(v any) (raw []byte, ok bool) {
	switch v := v.(type) {
	case Object:
		return v, true
	case *Object:
		if v != nil {
			return *v, true
		}
	case json.RawMessage:
		return v, true
	case jsontext.Value:
		return v, true
	}
	return nil, false
}

// marshal is json.Marshal without the escaping of <, > and &, which would
// change the caller's bytes.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

var errNotObject = errors.New("it must be a JSON object")

// checkObject refuses what is not one valid JSON object.
func checkObject(raw []byte) error {
	switch kind := jsontext.Value(raw).Kind(); {
	case len(bytes.TrimSpace(raw)) == 0:
		return fmt.Errorf("%w, got nothing", errNotObject)
	case !jsonscan.Valid(raw):
		return fmt.Errorf("%w, got invalid JSON: %w", errNotObject, jsonError(raw))
	case kind != '{':
		return fmt.Errorf("%w, got %s", errNotObject, kindName(kind))
	}
	return nil
}

// jsonError says where raw stops being JSON.
func jsonError(raw []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(raw), lenient)
	for {
		if _, err := dec.ReadToken(); err != nil {
			return err
		}
		if dec.StackDepth() == 0 && dec.InputOffset() < int64(len(raw)) {
			return fmt.Errorf("unexpected data after byte %d", dec.InputOffset())
		}
	}
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case 'n':
		return "null"
	case 't', 'f':
		return "a boolean"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case '[':
		return "an array"
	case '{':
		return "an object"
	}
	return "something else"
}

// isAbsent tells whether v stands for no properties: nil, an empty Object, or
// what marshals to null, such as a nil map.
func isAbsent(v any) bool {
	if v == nil {
		return true
	}
	if raw, ok := rawJSON(v); ok {
		raw = bytes.TrimSpace(raw)
		return len(raw) == 0 || string(raw) == "null"
	}
	raw, err := marshal(v)
	return err == nil && string(raw) == "null"
}

// propertiesObject returns v as an Object, and {} for nil.
func propertiesObject(name string, v any) (Object, error) {
	if isAbsent(v) {
		return Object("{}"), nil
	}
	return newObject(name, v)
}

// Decode stores the object in v as encoding/json does, but numbers that land in
// an any become json.Number, so that none is rounded. Of names that stand twice
// the last counts. An empty Object is an error.
func (o Object) Decode(v any) error {
	dec := json.NewDecoder(bytes.NewReader(o))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		if err == io.EOF {
			err = errors.New("the object is empty")
		}
		return fmt.Errorf("mistralobs: decoding an object: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("mistralobs: decoding an object: there is data after it")
	}
	return nil
}

// Map returns the object as a map; its numbers are json.Number. An empty Object is an empty map.
func (o Object) Map() (map[string]any, error) {
	m := map[string]any{}
	if len(o) == 0 {
		return m, nil
	}
	if err := o.Decode(&m); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fmt.Errorf("mistralobs: decoding an object: %w, got null", errNotObject)
	}
	return m, nil
}

// Conversation returns the object as a chat. It fails if there is no array of
// messages, as in a payload that is not a chat.
func (o Object) Conversation() (*Conversation, error) {
	c := &Conversation{}
	if err := c.UnmarshalJSON(o); err != nil {
		return nil, fmt.Errorf("mistralobs: decoding a conversation: %w", err)
	}
	return c, nil
}

// String returns the object's JSON.
func (o Object) String() string { return string(o) }

// MarshalJSON returns the object as it is; null if it is empty.
func (o Object) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("null"), nil
	}
	return o, nil
}

// UnmarshalJSON keeps a copy of the JSON; null makes the object empty, anything
// else that is not an object is an error.
func (o *Object) UnmarshalJSON(raw []byte) error {
	switch {
	case string(raw) == "null":
		*o = nil
	case len(raw) == 0 || raw[0] != '{':
		return errNotObject
	default:
		*o = slices.Clone(Object(raw))
	}
	return nil
}

// eachMember calls f for each member of a JSON object, in order and including repeated names. It stops at the first
// error. The bytes of a member are those of raw.
func eachMember(raw []byte, f func(jsonscan.Member) error) (err error) {
	s := jsonscan.New(raw)
	ok := s.Members(func(m jsonscan.Member) bool {
		err = f(m)
		return err == nil
	})
	switch {
	case err != nil:
		return err
	case !ok:
		return checkObject(raw)
	case !s.End():
		return fmt.Errorf("unexpected data after the object, at byte %d", s.Pos())
	}
	return nil
}
