package mistralobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// Conversation is a payload that consists of messages. Extra holds the members that have no field,
// here and in the messages. So decoding and encoding a conversation keeps everything except white
// space and the order of names. If a name is repeated, only its last value is kept.
type Conversation struct {
	Messages []Message
	Model    string                     // "" if absent
	Extra    map[string]json.RawMessage // other names, and values that do not fit their field
}

// Role is the author of a message.
type Role string

// The known roles. Other roles are kept too.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// Message is one message of a conversation.
type Message struct {
	Role       Role
	Content    Content
	Name       string
	ToolCalls  []ToolCall                 // calls that an assistant asks for
	ToolCallID string                     // of a tool's message: the ID of the ToolCall that it answers
	Extra      map[string]json.RawMessage // as in Conversation; for instance "prefix"
}

// Content is the undecoded content of a message: a JSON string, an array of typed chunks, or null.
// An empty Content means that the message has none. Create a Content with [TextContent] or
// [ChunkContent].
type Content []byte

// ToolCall is a function call that a model asks for.
type ToolCall struct {
	ID       string
	Type     string // "function"; "" if absent
	Function FunctionCall
	Extra    map[string]json.RawMessage // as in Conversation
}

// FunctionCall names a function and holds its arguments.
type FunctionCall struct {
	Name      string
	Arguments json.RawMessage            // an object, or a string that contains one; see DecodeArguments
	Extra     map[string]json.RawMessage // as in Conversation
}

// Chunk is a part of a message's content.
type Chunk struct {
	Type  string                     // "text", "image_url" and others
	Text  string                     // of a chunk of type "text"
	Extra map[string]json.RawMessage // as in Conversation; for instance "image_url"
}

// NewConversation returns a conversation of messages.
func NewConversation(messages ...Message) Conversation { return Conversation{Messages: messages} }

// System returns a system message.
func System(text string) Message { return Message{Role: RoleSystem, Content: TextContent(text)} }

// User returns a user message.
func User(text string) Message { return Message{Role: RoleUser, Content: TextContent(text)} }

// Assistant returns an assistant message.
func Assistant(text string) Message { return Message{Role: RoleAssistant, Content: TextContent(text)} }

// Tool returns a message with the result of a tool call.
func Tool(callID, text string) Message {
	return Message{Role: RoleTool, Content: TextContent(text), ToolCallID: callID}
}

// TextContent returns a content that is a string.
func TextContent(text string) Content {
	raw, err := marshal(text)
	if err == nil {
		return raw
	}
	// Bytes that are not UTF-8 stay as they are, so that the content is refused when it is sent.
	raw = []byte{'"'}
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		part := []byte(text[:size])
		if r != utf8.RuneError || size > 1 {
			quoted, _ := marshal(text[:size]) // a rune can always be encoded
			part = quoted[1 : len(quoted)-1]
		}
		raw, text = append(raw, part...), text[size:]
	}
	return append(raw, '"')
}

// ChunkContent returns a content that is an array of chunks. It returns an error that matches
// [ErrInvalidParams] if the Extra of a chunk holds invalid JSON.
func ChunkContent(chunks ...Chunk) (Content, error) {
	raw, err := marshal(append([]Chunk{}, chunks...))
	if err != nil {
		return nil, attempted("encoding chunks", invalid("chunks", "%v", marshalerError(err)))
	}
	return raw, nil
}

// Text returns the text of the message: its content if that is a string, otherwise the texts of its
// text chunks, joined by newlines.
func (m Message) Text() string { return m.Content.Text() }

// Text returns the text of the content: the string if it is one, otherwise the texts of its text
// chunks, joined by newlines. The JSON of the content is string(c).
func (c Content) Text() string {
	chunks, _ := c.Chunks() // invalid content has no text
	var texts []string
	for _, chunk := range chunks {
		if chunk.Type == "text" {
			texts = append(texts, chunk.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// Chunks returns the content as chunks: one chunk of type "text" for a string, none for null or an
// absent content. It returns an error if the content is not a string, an array of objects, or null.
func (c Content) Chunks() ([]Chunk, error) {
	c = bytes.TrimSpace(c)
	var text string
	switch {
	case len(c) == 0 || string(c) == "null":
		return nil, nil
	case json.Unmarshal(c, &text) == nil:
		return []Chunk{{Type: "text", Text: text}}, nil
	}
	chunks, err := decodeChunks(c)
	if err != nil {
		return nil, fmt.Errorf("mistralobs: decoding a message: content%w", err)
	}
	return chunks, nil
}

func decodeChunks(raw []byte) (chunks []Chunk, err error) {
	switch kind := jsontext.Value(raw).Kind(); {
	case !jsonscan.Valid(raw):
		return nil, fmt.Errorf(": %w", invalidContent(raw))
	case kind != '[':
		return nil, fmt.Errorf(": it must be a string, an array of chunks or null, got %s", kindName(kind))
	}
	if err := checkElements(raw); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &chunks); err != nil {
		return nil, fmt.Errorf(": %w", err)
	}
	return chunks, nil
}

// invalidContent returns the error of a content that is not JSON.
func invalidContent(raw []byte) error {
	return fmt.Errorf("it is not JSON (see TextContent and ChunkContent): %w", jsonError(raw))
}

// String returns the text of the content, as [Content.Text] does.
func (c Content) String() string { return c.Text() }

// MarshalJSON returns the content as it is, or null if it is empty. It returns an error if it is
// not JSON.
func (c Content) MarshalJSON() ([]byte, error) {
	if len(c) > 0 && !jsonscan.Valid(c) {
		return nil, invalidContent(c)
	}
	return Object(c).MarshalJSON()
}

// UnmarshalJSON keeps a copy of the JSON.
func (c *Content) UnmarshalJSON(raw []byte) error {
	*c = slices.Clone(Content(raw))
	return nil
}

// DecodeArguments stores the arguments in v, whether they are an object or a string that contains
// one. Numbers in an any become [json.Number]. It returns an error if they are not JSON or cannot
// be stored in v.
func (f FunctionCall) DecodeArguments(v any) error {
	raw := f.Arguments
	var inner string
	if json.Unmarshal(raw, &inner) == nil {
		raw = json.RawMessage(inner)
	}
	if err := decodeExact(raw, v); err != nil {
		return fmt.Errorf("mistralobs: decoding the arguments of a function call: %w", err)
	}
	return nil
}

// field binds a name of a JSON object to a pointer.
type field struct {
	name    string
	pointer any
}

func (c *Conversation) fields() []field {
	return []field{{"messages", &c.Messages}, {"model", &c.Model}}
}

func (m *Message) fields() []field {
	return []field{
		{"role", &m.Role}, {"content", &m.Content}, {"name", &m.Name},
		{"tool_calls", &m.ToolCalls}, {"tool_call_id", &m.ToolCallID},
	}
}

func (t *ToolCall) fields() []field {
	return []field{{"id", &t.ID}, {"type", &t.Type}, {"function", &t.Function}}
}

func (f *FunctionCall) fields() []field {
	return []field{{"name", &f.Name}, {"arguments", &f.Arguments}}
}

func (c *Chunk) fields() []field { return []field{{"type", &c.Type}, {"text", &c.Text}} }

// UnmarshalJSON decodes a conversation. Its errors are those of [Object.Conversation].
func (c *Conversation) UnmarshalJSON(raw []byte) (err error) {
	*c = Conversation{}
	if err := checkObject(raw); err != nil {
		return fmt.Errorf("%w: %w", ErrNotConversation, err)
	}
	if c.Extra, err = decodeFields(raw, c.fields()); err != nil {
		return err
	}
	if misfit, ok := c.Extra["messages"]; ok {
		if err := checkMessages(misfit); err != nil {
			return err
		}
		return fmt.Errorf("messages: %w", json.Unmarshal(misfit, &c.Messages))
	}
	if c.Messages == nil {
		return fmt.Errorf("%w: it has no array of messages", ErrNotConversation)
	}
	return nil
}

// checkMessages returns why a value is not an array of objects. An empty array is one.
func checkMessages(raw []byte) error {
	if kind := jsontext.Value(raw).Kind(); kind != '[' {
		return fmt.Errorf("%w: messages must be an array, got %s", ErrNotConversation, kindName(kind))
	}
	if err := checkElements(raw); err != nil {
		return fmt.Errorf("messages%w", err)
	}
	return nil
}

// checkElements returns an error that names the first element of an array that is not an object.
func checkElements(raw []byte) (err error) {
	s, i := jsonscan.New(raw), 0
	s.Array(func() bool {
		element, ok := s.Raw()
		if kind := jsontext.Value(element).Kind(); ok && kind != '{' {
			err = fmt.Errorf("[%d]: %w, got %s", i, errNotObject, kindName(kind))
		}
		i++
		return ok && err == nil
	})
	return err
}

// MarshalJSON encodes the conversation, including Extra. An error names the message and the field.
func (c Conversation) MarshalJSON() ([]byte, error) {
	if c.Messages == nil {
		c.Messages = []Message{} // a conversation must have messages
	}
	raw, err := encodeFields(c.fields(), c.Extra)
	if err == nil {
		return raw, nil
	}
	for i, m := range c.Messages {
		if _, err := m.MarshalJSON(); err != nil {
			return nil, fmt.Errorf("messages[%d].%w", i, err)
		}
	}
	return nil, err
}

// UnmarshalJSON decodes a message. It returns an error for anything other than an object.
func (m *Message) UnmarshalJSON(raw []byte) (err error) {
	*m = Message{}
	m.Extra, err = decodeFields(raw, m.fields())
	return err
}

// MarshalJSON encodes the message, including Extra.
func (m Message) MarshalJSON() ([]byte, error) { return encodeFields(m.fields(), m.Extra) }

// UnmarshalJSON decodes a tool call. It returns an error for anything other than an object.
func (t *ToolCall) UnmarshalJSON(raw []byte) (err error) {
	*t = ToolCall{}
	t.Extra, err = decodeFields(raw, t.fields())
	return err
}

// MarshalJSON encodes the tool call, including Extra.
func (t ToolCall) MarshalJSON() ([]byte, error) { return encodeFields(t.fields(), t.Extra) }

// UnmarshalJSON decodes a function call. It returns an error for anything other than an object.
func (f *FunctionCall) UnmarshalJSON(raw []byte) (err error) {
	*f = FunctionCall{}
	f.Extra, err = decodeFields(raw, f.fields())
	return err
}

// MarshalJSON encodes the function call, including Extra.
func (f FunctionCall) MarshalJSON() ([]byte, error) { return encodeFields(f.fields(), f.Extra) }

// UnmarshalJSON decodes a chunk. It returns an error for anything other than an object.
func (c *Chunk) UnmarshalJSON(raw []byte) (err error) {
	*c = Chunk{}
	c.Extra, err = decodeFields(raw, c.fields())
	return err
}

// MarshalJSON encodes the chunk, including Extra.
func (c Chunk) MarshalJSON() ([]byte, error) { return encodeFields(c.fields(), c.Extra) }

// decodeFields sets the fields from a JSON object. It returns the members that the fields cannot
// hold: other names, and values that would be written differently than they came, because they are
// of another type or are the field's zero value (null, "").
func decodeFields(raw []byte, fields []field) (extra map[string]json.RawMessage, err error) {
	err = eachMember(raw, func(m jsonscan.Member) error {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == string(m.Name) })
		if i >= 0 && fields[i].decode(m.Value) {
			delete(extra, string(m.Name)) // an earlier value of the same name
			return nil
		}
		if extra == nil {
			extra = map[string]json.RawMessage{}
		}
		extra[string(m.Name)] = slices.Clone(json.RawMessage(m.Value))
		return nil
	})
	return extra, err
}

// decode sets the field and reports whether it can be written back unchanged. Text that is not
// valid Unicode cannot: it is decoded with replacement characters.
func (f field) decode(value []byte) bool {
	target := reflect.ValueOf(f.pointer).Elem()
	target.SetZero()
	if json.Unmarshal(value, f.pointer) != nil {
		target.SetZero()
	}
	return !target.IsZero() && (target.Kind() != reflect.String || jsontext.Value(value).IsValid())
}

// unchanged reports whether the field still is as it was decoded from the value.
func (f field) unchanged(value []byte) bool {
	decoded := field{f.name, reflect.New(reflect.TypeOf(f.pointer).Elem()).Interface()}
	decoded.decode(value)
	return reflect.DeepEqual(decoded.pointer, f.pointer)
}

// encodeFields writes the fields that are not zero, then the members of extra in order of their
// names.
func encodeFields(fields []field, extra map[string]json.RawMessage) ([]byte, error) {
	var buf bytes.Buffer
	set := map[string]bool{}
	for _, f := range fields {
		if raw, kept := extra[f.name]; kept && f.unchanged(raw) {
			continue
		}
		if value := reflect.ValueOf(f.pointer).Elem(); !value.IsZero() {
			set[f.name] = true
			if err := writeMember(&buf, f.name, value.Interface()); err != nil {
				return nil, err
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if set[name] {
			continue // the program has set the field
		}
		if err := writeMember(&buf, name, extra[name]); err != nil {
			return nil, err
		}
	}
	return append(append([]byte{'{'}, buf.Bytes()...), '}'), nil
}

func writeMember(buf *bytes.Buffer, name string, value any) error {
	nameJSON, _ := marshal(name) // a string can always be encoded
	valueJSON, err := marshal(value)
	if err != nil {
		return inMember(name, err)
	}
	if buf.Len() > 0 {
		buf.WriteByte(',')
	}
	buf.Write(nameJSON)
	buf.WriteByte(':')
	buf.Write(valueJSON)
	return nil
}

// memberError names the member of an object that cannot be encoded.
type memberError struct {
	path string // such as "function.arguments"
	err  error
}

func (e *memberError) Error() string { return e.path + ": " + e.err.Error() }
func (e *memberError) Unwrap() error { return e.err }

// inMember returns the error of encoding a member.
func inMember(name string, err error) error {
	err = marshalerError(err)
	if inner, ok := err.(*memberError); ok { //nolint:errorlint // an error that wraps another one has its own text
		return &memberError{name + "." + inner.path, inner.err}
	}
	return &memberError{name, err}
}

// marshalerError returns the error of a MarshalJSON method without what encoding/json puts before
// it.
func marshalerError(err error) error {
	for {
		outer, ok := err.(*json.MarshalerError) //nolint:errorlint // only the outermost error is replaced
		if !ok {
			return err
		}
		err = outer.Err
	}
}
