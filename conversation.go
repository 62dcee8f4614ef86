package mistralobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// Conversation is a payload that is a chat. Everything it has no field for is
// kept in Extra, and likewise in its messages, so that decoding and encoding one
// loses nothing but white space, the order of names and all but the last of equal names.
type Conversation struct {
	Messages []Message
	Model    string                     // "" if there is none
	Extra    map[string]json.RawMessage // every other name, and a known one whose value does not fit its field
}

// Role says who speaks.
type Role string

// The roles of a chat. Others are passed on as they are.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleTool      Role = "tool"
)

// Message is one turn of a conversation.
type Message struct {
	Role       Role
	Content    Content
	Name       string
	ToolCalls  []ToolCall                 // what an assistant asks to be called
	ToolCallID string                     // the call that a tool's message answers
	Extra      map[string]json.RawMessage // every other name, such as "prefix", and a known one whose value does not fit its field
}

// Content is what a message says, undecoded: a JSON string, a list of typed
// chunks, or null. An empty Content is one that is absent. Make one with
// [TextContent] or [ChunkContent].
type Content []byte

// ToolCall is a call that a model asks for.
type ToolCall struct {
	ID       string
	Type     string // "function"; "" if absent
	Function FunctionCall
	Extra    map[string]json.RawMessage // as in [Message]
}

// FunctionCall names a function and holds its arguments.
type FunctionCall struct {
	Name      string
	Arguments json.RawMessage            // an object, or a string that holds one; see DecodeArguments
	Extra     map[string]json.RawMessage // as in [Message]
}

// Chunk is a part of a message's content.
type Chunk struct {
	Type  string                     // "text", "image_url" and others
	Text  string                     // of a text chunk
	Extra map[string]json.RawMessage // as in [Message]; the "image_url" of an image chunk is here
}

// NewConversation returns a conversation of messages.
func NewConversation(messages ...Message) Conversation { return Conversation{Messages: messages} }

// System returns a system message.
func System(text string) Message { return Message{Role: RoleSystem, Content: TextContent(text)} }

// User returns a user's message.
func User(text string) Message { return Message{Role: RoleUser, Content: TextContent(text)} }

// Assistant returns an assistant's message.
func Assistant(text string) Message { return Message{Role: RoleAssistant, Content: TextContent(text)} }

// Tool returns the result of the tool call that has the id.
func Tool(callID, text string) Message {
	return Message{Role: RoleTool, Content: TextContent(text), ToolCallID: callID}
}

// TextContent returns a content that is a plain text.
func TextContent(text string) Content {
	raw, _ := marshal(text) // a string always marshals
	return raw
}

// ChunkContent returns a content that is a list of chunks. It fails if an Extra holds invalid JSON.
func ChunkContent(chunks ...Chunk) (Content, error) {
	raw, err := marshal(append([]Chunk{}, chunks...))
	if err != nil {
		return nil, invalid("content", "%v", err)
	}
	return raw, nil
}

// Text returns the text of the message: its content if that is a string, else
// its text chunks joined by newlines; "" if it has none.
func (m Message) Text() string {
	chunks, _ := m.Content.Chunks() // what is no content has no text
	var texts []string
	for _, chunk := range chunks {
		if chunk.Type == "text" {
			texts = append(texts, chunk.Text)
		}
	}
	return strings.Join(texts, "\n")
}

// Chunks returns the content as chunks. A plain text is one chunk of type
// "text"; null, or no content, is none. It fails on anything but these and a list of objects.
func (c Content) Chunks() ([]Chunk, error) {
	var text string
	switch {
	case len(c) == 0 || string(c) == "null":
		return nil, nil
	case json.Unmarshal(c, &text) == nil:
		return []Chunk{{Type: "text", Text: text}}, nil
	}
	var chunks []Chunk
	if err := json.Unmarshal(c, &chunks); err != nil {
		return nil, fmt.Errorf("mistralobs: decoding a message's content: %w", err)
	}
	return chunks, nil
}

// String returns the content's JSON.
func (c Content) String() string { return string(c) }

// MarshalJSON returns the content as it is; null if it is empty.
func (c Content) MarshalJSON() ([]byte, error) { return Object(c).MarshalJSON() }

// UnmarshalJSON keeps a copy of the JSON.
func (c *Content) UnmarshalJSON(raw []byte) error {
	*c = slices.Clone(Content(raw))
	return nil
}

// DecodeArguments stores the arguments in v, whether they are an object or a
// string that holds one. Numbers that land in an any become json.Number.
func (f FunctionCall) DecodeArguments(v any) error {
	raw := f.Arguments
	var inner string
	if json.Unmarshal(raw, &inner) == nil {
		raw = json.RawMessage(inner)
	}
	return Object(raw).Decode(v)
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

// UnmarshalJSON decodes a conversation. It fails without an array of messages that are objects.
func (c *Conversation) UnmarshalJSON(raw []byte) (err error) {
	*c = Conversation{}
	if c.Extra, err = decodeFields(raw, c.fields()); err != nil {
		return err
	}
	if messages, misfit := c.Extra["messages"]; misfit {
		if err := json.Unmarshal(messages, &c.Messages); err != nil {
			return fmt.Errorf("messages: %w", err)
		}
	}
	if c.Messages == nil {
		return errNoMessages
	}
	return nil
}

var errNoMessages = errors.New("a conversation must have an array of messages")

// MarshalJSON encodes the conversation, Extra included.
func (c Conversation) MarshalJSON() ([]byte, error) {
	if c.Messages == nil {
		c.Messages = []Message{} // the one name that a conversation cannot lack
	}
	return encodeFields(c.fields(), c.Extra)
}

// UnmarshalJSON decodes a message. It fails on anything but an object.
func (m *Message) UnmarshalJSON(raw []byte) (err error) {
	*m = Message{}
	m.Extra, err = decodeFields(raw, m.fields())
	return err
}

// MarshalJSON encodes the message, Extra included.
func (m Message) MarshalJSON() ([]byte, error) { return encodeFields(m.fields(), m.Extra) }

// UnmarshalJSON decodes a tool call. It fails on anything but an object.
func (t *ToolCall) UnmarshalJSON(raw []byte) (err error) {
	*t = ToolCall{}
	t.Extra, err = decodeFields(raw, t.fields())
	return err
}

// MarshalJSON encodes the tool call, Extra included.
func (t ToolCall) MarshalJSON() ([]byte, error) { return encodeFields(t.fields(), t.Extra) }

// UnmarshalJSON decodes a function call. It fails on anything but an object.
func (f *FunctionCall) UnmarshalJSON(raw []byte) (err error) {
	*f = FunctionCall{}
	f.Extra, err = decodeFields(raw, f.fields())
	return err
}

// MarshalJSON encodes the function call, Extra included.
func (f FunctionCall) MarshalJSON() ([]byte, error) { return encodeFields(f.fields(), f.Extra) }

// UnmarshalJSON decodes a chunk. It fails on anything but an object.
func (c *Chunk) UnmarshalJSON(raw []byte) (err error) {
	*c = Chunk{}
	c.Extra, err = decodeFields(raw, c.fields())
	return err
}

// MarshalJSON encodes the chunk, Extra included.
func (c Chunk) MarshalJSON() ([]byte, error) { return encodeFields(c.fields(), c.Extra) }

// decodeFields fills the fields from a JSON object and returns what they cannot
// hold: names they lack, and values that would not be written back as they
// came, because they are of another type or the same as nothing (null, "").
func decodeFields(raw []byte, fields []field) (extra map[string]json.RawMessage, err error) {
	err = eachMember(raw, func(m jsonscan.Member) error {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == string(m.Name) })
		if i >= 0 && fields[i].take(m.Value) {
			delete(extra, string(m.Name)) // of an earlier one of the same name
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

// take tells whether the field holds the value so that it can be written back as
// it came. Text that is no Unicode can be read, but not written: the replacement
// character stands for it.
func (f field) take(value []byte) bool {
	target := reflect.ValueOf(f.pointer).Elem()
	target.SetZero()
	if json.Unmarshal(value, f.pointer) != nil {
		target.SetZero()
	}
	return !target.IsZero() && (target.Kind() != reflect.String || isUnicode(target.String(), value))
}

// isUnicode tells whether every replacement character of a decoded text was
// written as one.
func isUnicode(text string, raw []byte) bool {
	const replacement = "\uFFFD"
	written := bytes.Count(raw, []byte(replacement)) + bytes.Count(bytes.ToLower(raw), []byte(`\ufffd`))
	return strings.Count(text, replacement) == written
}

// untouched tells whether the field is still as it was decoded from the value.
func (f field) untouched(value []byte) bool {
	decoded := field{f.name, reflect.New(reflect.TypeOf(f.pointer).Elem()).Interface()}
	decoded.take(value)
	return reflect.DeepEqual(decoded.pointer, f.pointer)
}

// encodeFields writes the fields that are not zero, then the extra ones by name.
func encodeFields(fields []field, extra map[string]json.RawMessage) ([]byte, error) {
	var buf bytes.Buffer
	set := map[string]bool{}
	for _, f := range fields {
		if raw, kept := extra[f.name]; kept && f.untouched(raw) {
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
			continue // the program has set the field since
		}
		if err := writeMember(&buf, name, extra[name]); err != nil {
			return nil, err
		}
	}
	return append(append([]byte{'{'}, buf.Bytes()...), '}'), nil
}

func writeMember(buf *bytes.Buffer, name string, value any) error {
	nameJSON, _ := marshal(name) // a string always marshals
	valueJSON, err := marshal(value)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if buf.Len() > 0 {
		buf.WriteByte(',')
	}
	buf.Write(nameJSON)
	buf.WriteByte(':')
	buf.Write(valueJSON)
	return nil
}
