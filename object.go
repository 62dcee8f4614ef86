package mistralobs

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// Object is the JSON of a payload or of properties, byte for byte as the service sent it. The
// client does not decode it, and sends it back unchanged. So a program that reads and writes a
// record keeps unknown fields and integers above 2^53.
//
// Object holds what the service sent, even if that is not a JSON object. Map and Conversation then
// return an error, and so do methods that send it.
//
// An empty Object means that the value is absent or null.
type Object []byte

// NewObject returns v as an Object. It keeps the bytes of an Object, a [json.RawMessage] or a
// []byte, without white space around them. It encodes anything else, such as a map, a struct or a
// [Conversation], as encoding/json does, but without escaping <, > and &.
//
// It returns an error that matches [ErrInvalidParams] if the result is not a JSON object or not
// UTF-8, and for values that encoding/json would silently encode as {}: an error, an [io.Reader],
// and a struct whose fields are all unexported. It also looks for these among the values of a
// map[string]any.
func NewObject(v any) (Object, error) {
	object, err := newObject("v", v)
	return object, attempted("encoding an object", err)
}

// newObject is NewObject for the parameter or field that its errors name.
func newObject(name string, v any) (Object, error) {
	raw, err := toJSON(name, v)
	if err != nil {
		return nil, err
	}
	if err := checkSendable(name, raw); err != nil {
		return nil, err
	}
	return slices.Clone(Object(bytes.TrimSpace(raw))), nil
}

// checkSendable returns an error unless raw is an object in UTF-8.
func checkSendable(name string, raw []byte) error {
	err := checkObject(raw)
	if err == nil {
		err = checkUTF8(raw)
	}
	if err != nil {
		return invalid(name, "%v", err)
	}
	return nil
}

// checkUTF8 returns an error unless a JSON value is UTF-8.
func checkUTF8(raw []byte) error {
	if utf8.Valid(raw) {
		return nil
	}
	problem := &notUTF8Error{}
	_, err := jsontext.NewDecoder(bytes.NewReader(raw), jsontext.AllowDuplicateNames(true)).ReadValue()
	if syntax := new(jsontext.SyntacticError); errors.As(err, &syntax) {
		problem.path = syntax.JSONPointer
	}
	return problem
}

// toJSON returns v as JSON text, which may be invalid if v is text already.
func toJSON(name string, v any) ([]byte, error) {
	if raw, ok := rawJSON(v); ok {
		return raw, nil
	}
	if lost := lostContent(v); lost != "" {
		return nil, invalid(name, "it is %s (%T), whose content would be lost in JSON", lost, v)
	}
	if members, ok := v.(map[string]any); ok {
		for member, value := range members {
			if lost := lostContent(value); lost != "" && encodesAsNothing(value) {
				return nil, invalid(name, "%q is %s (%T), whose content would be lost in JSON", member, lost, value)
			}
		}
	}
	raw, err := marshal(v)
	if problem := new(notUTF8Error); errors.As(err, &problem) {
		return nil, invalid(name, "%v", err)
	}
	if err != nil {
		if own := (*memberError)(nil); errors.As(err, &own) { // it names the path itself
			err = marshalerError(err)
		}
		return nil, invalid(name, "it cannot be encoded as JSON: %v", err)
	}
	return raw, nil
}

// encodesAsNothing reports whether encoding/json encodes v as {}. An error may encode as a text.
func encodesAsNothing(v any) bool {
	raw, err := json.Marshal(v)
	return err == nil && string(raw) == "{}"
}

// lostContent says what v is if encoding/json would encode it without its content, or returns "".
func lostContent(v any) string {
	switch v.(type) {
	case json.Marshaler, encoding.TextMarshaler, interface{ MarshalJSONTo(*jsontext.Encoder) error }:
		return ""
	case error:
		return "an error"
	case io.Reader:
		return "an io.Reader"
	}
	t := reflect.TypeOf(v)
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || t.NumField() == 0 {
		return ""
	}
	for _, f := range reflect.VisibleFields(t) {
		isEncoded := f.IsExported() && f.Tag.Get("json") != "-"
		if isEncoded && (!f.Anonymous || f.Type.Kind() != reflect.Struct) { // its fields are visible too
			return ""
		}
	}
	return "a struct without exported fields"
}

// rawJSON returns v if it holds JSON text. The text may be invalid.
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
	case []byte:
		return v, true
	}
	return nil, false
}

// marshal is json.Marshal without the escaping of <, > and &, which would change the caller's text.
// It refuses text that is not UTF-8, and names its path.
func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	raw := bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
	if bytes.Contains(raw, []byte(`\ufffd`)) || bytes.Contains(raw, []byte("\uFFFD")) {
		// encoding/json may have put U+FFFD there instead of such text.
		var problem *notUTF8Error
		if _, err := jsonv2.Marshal(v, strictText); errors.As(err, &problem) {
			return nil, problem
		}
	}
	return raw, nil
}

// notUTF8Error means that a text is not UTF-8. JSON has no other encoding, and the service would
// replace the text or refuse all of it.
type notUTF8Error struct{ path jsontext.Pointer }

func (e *notUTF8Error) Error() string {
	return fmt.Sprintf("the text at %q is not UTF-8: convert it first, for example from Latin-1", e.path)
}

// strictText makes the JSON library return a notUTF8Error.
var strictText = jsonv2.JoinOptions(jsonv1.DefaultOptionsV1(), jsonv2.WithMarshalers(jsonv2.MarshalToFunc(
	func(enc *jsontext.Encoder, v any) error {
		s := reflect.ValueOf(v)
		for s.Kind() == reflect.Pointer || s.Kind() == reflect.Interface {
			s = s.Elem()
		}
		if s.Kind() == reflect.String && !utf8.ValidString(s.String()) {
			return &notUTF8Error{nextPath(enc)}
		}
		return errors.ErrUnsupported
	},
)))

// nextPath returns the path of the value that is written next.
func nextPath(enc *jsontext.Encoder) jsontext.Pointer {
	path := enc.StackPointer()
	kind, length := enc.StackIndex(enc.StackDepth())
	if kind != '[' {
		return path
	}
	if length > 0 {
		path = path.Parent() // of the value before
	}
	return path.AppendToken(strconv.FormatInt(length, 10))
}

var errNotObject = errors.New("it must be a JSON object")

// checkObject returns an error unless raw is exactly one JSON object.
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

// jsonError returns the syntax error in raw.
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

// optionalObject returns v as an Object, or nil for no value: nil, an empty Object, or a value that
// is encoded as null, such as a nil map.
func optionalObject(name string, v any) (Object, error) {
	if v == nil {
		return nil, nil
	}
	raw, err := toJSON(name, v)
	if err != nil {
		return nil, err
	}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if err := checkSendable(name, raw); err != nil {
		return nil, err
	}
	return slices.Clone(Object(raw)), nil
}

// propertiesObject returns v as an Object, and {} for no value.
func propertiesObject(name string, v any) (Object, error) {
	object, err := optionalObject(name, v)
	if object == nil && err == nil {
		object = Object("{}")
	}
	return object, err
}

// Decode stores the object in v, as encoding/json does. Numbers that are decoded into an any become
// [json.Number], so they are not rounded. An empty Object is decoded as {}.
//
// If a name occurs more than once, its values are stored one after the other. So the last value
// counts, but a struct or a map that is a field of a struct also keeps the members that only an
// earlier value has.
func (o Object) Decode(v any) error {
	if err := o.decode(v); err != nil {
		return fmt.Errorf("mistralobs: decoding an object: %w", err)
	}
	return nil
}

func (o Object) decode(v any) error {
	if len(bytes.TrimSpace(o)) == 0 {
		o = Object("{}")
	}
	return decodeExact(o, v)
}

// decodeExact decodes JSON text as encoding/json does, but without rounding numbers.
func decodeExact(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(v); err != nil {
		if err == io.EOF {
			err = errors.New("the text is empty")
		}
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("there is data after it")
	}
	return nil
}

// Map returns the object as a map with numbers of type [json.Number]. It returns an empty map if
// the Object is empty.
func (o Object) Map() (map[string]any, error) {
	m := map[string]any{}
	if err := o.Decode(&m); err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fmt.Errorf("mistralobs: decoding an object: %w, got null", errNotObject)
	}
	return m, nil
}

// ErrNotConversation means that an [Object] has no array of messages, so it is not a
// [Conversation].
var ErrNotConversation = errors.New("not a conversation")

// Conversation decodes the object as a conversation. It returns an error that matches
// [ErrNotConversation] if the object has no array of messages. If a message cannot be decoded, the
// error names it, for example "messages[2]".
func (o Object) Conversation() (*Conversation, error) {
	c := &Conversation{}
	if err := c.UnmarshalJSON(o); err != nil {
		return nil, fmt.Errorf("mistralobs: decoding a conversation: %w", err)
	}
	return c, nil
}

// Get returns the JSON of the member with this name, and whether there is one. If the name occurs
// more than once, the last value counts. The result shares the object's memory.
func (o Object) Get(name string) (json.RawMessage, bool) {
	_, m := o.find(name)
	return json.RawMessage(m.Value), m.Value != nil
}

// Text returns the text of the member with this name. It returns false if there is no such member,
// or if it is not a JSON string.
func (o Object) Text(name string) (string, bool) {
	raw, _ := o.Get(name)
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return textOf(raw), true
}

// Float64 returns the number in the member with this name. It returns false if there is no such
// member, or if it is not a JSON number within the range of a float64.
func (o Object) Float64(name string) (float64, bool) {
	raw, _ := o.Get(name)
	if jsontext.Value(raw).Kind() != '0' {
		return 0, false
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	return n, err == nil
}

// Set returns a copy of the object in which name has the value v, encoded as by [NewObject]. All
// other bytes stay as they are. A new name is added at the end. If the name occurs more than once,
// all its values are set. An empty Object counts as {}. It returns an error that matches
// [ErrInvalidParams] if the Object is not a JSON object, name is not valid UTF-8, or v cannot be
// encoded.
func (o Object) Set(name string, v any) (Object, error) {
	object, err := o.set(name, v)
	return object, attempted("setting a member of an object", err)
}

func (o Object) set(name string, v any) (Object, error) {
	if len(bytes.TrimSpace(o)) == 0 {
		o = Object("{}")
	}
	if err := checkObject(o); err != nil {
		return nil, invalid("Object", "%v", err)
	}
	value, err := setValue(v)
	if err != nil {
		return nil, err
	}
	ranges, _ := o.find(name)
	if len(ranges) == 0 {
		return o.add(name, value)
	}
	var result Object
	end := 0
	for _, old := range ranges {
		result = append(append(result, o[end:old.start]...), value...)
		end = old.end
	}
	return append(result, o[end:]...), nil
}

// Delete returns a copy of the object without the member with this name, or without all of them if
// the name occurs more than once. The names and values of the other members keep their bytes. An
// empty Object counts as {}. It returns an error that matches [ErrInvalidParams] if the Object is
// not a JSON object.
func (o Object) Delete(name string) (Object, error) {
	if len(bytes.TrimSpace(o)) == 0 {
		return Object("{}"), nil
	}
	if err := checkObject(o); err != nil {
		return nil, attempted("deleting a member of an object", invalid("Object", "%v", err))
	}
	var others []jsonscan.Member
	found := false
	s := jsonscan.New(o)
	s.Members(func(m jsonscan.Member) bool {
		if string(m.Name) == name {
			found = true
		} else {
			others = append(others, m)
		}
		return true
	})
	switch {
	case !found:
		return slices.Clone(o), nil
	case len(others) == 0:
		return Object("{}"), nil
	}
	return joinMembers(others), nil
}

// setValue returns v as JSON.
func setValue(v any) ([]byte, error) {
	raw, err := toJSON("v", v)
	if err != nil {
		return nil, err
	}
	raw = bytes.TrimSpace(raw)
	if !jsonscan.Valid(raw) {
		return nil, invalid("v", "it is not valid JSON")
	}
	if err := checkUTF8(raw); err != nil {
		return nil, invalid("v", "%v", err)
	}
	return raw, nil
}

// add returns the object with one more member.
func (o Object) add(name string, value []byte) (Object, error) {
	if !utf8.ValidString(name) {
		return nil, invalid("name", "it is not valid UTF-8")
	}
	nameJSON, _ := marshal(name) // a string can always be encoded
	end := bytes.LastIndexByte(o, '}')
	end = len(bytes.TrimRight(o[:end], " \t\r\n"))
	comma := ","
	if o[end-1] == '{' {
		comma = ""
	}
	return slices.Concat(o[:end], []byte(comma), nameJSON, []byte(":"), value, o[end:]), nil
}

// byteRange is where a value stands in an object.
type byteRange struct{ start, end int }

// find returns the ranges of all values of a name, and the last member of that name.
func (o Object) find(name string) (ranges []byteRange, last jsonscan.Member) {
	s := jsonscan.New(o)
	s.Members(func(m jsonscan.Member) bool {
		if string(m.Name) == name {
			ranges, last = append(ranges, byteRange{s.Pos() - len(m.Value), s.Pos()}), m
		}
		return true
	})
	return ranges, last
}

// String returns the object's JSON.
func (o Object) String() string { return string(o) }

// MarshalJSON returns the object as it is, or null if it is empty.
func (o Object) MarshalJSON() ([]byte, error) {
	if len(o) == 0 {
		return []byte("null"), nil
	}
	return o, nil
}

// UnmarshalJSON keeps a copy of the JSON, whatever its type. A null makes the object empty.
func (o *Object) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		*o = nil
	} else {
		*o = slices.Clone(Object(raw))
	}
	return nil
}

// eachMember calls f for each member of a JSON object, in order and including repeated names. It
// stops at the first error. The bytes of a member are those of raw.
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
