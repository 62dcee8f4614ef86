package mistralobs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
	"github.com/mistralobs/mistralobs-go/internal/stream"
)

// JSONLRecord is one line of a dataset's JSONL file.
type JSONLRecord struct {
	// Payload is the line's "payload", or, in the shape that has its messages
	// at the top, the line without its "properties".
	Payload Object
	// Properties is the line's "properties", nil if it has none.
	Properties Object
	// Extra holds what stands beside a "payload" and its "properties", such as
	// ids; nil if nothing does.
	Extra Object
	// Line is the number of the line, from 1. Blank lines count.
	Line int
}

// ReadJSONL returns the records of a dataset file, one a line, in either
// documented shape: {"payload":{…},"properties":{…}} or
// {"messages":[…],"properties":{…}}. A byte-order mark, CRLF, blank lines and a
// missing last newline are fine; lines may be of any length up to [MaxUploadBytes]
// and are held one at a time. The records are byte for byte what r held.
//
// The sequence ends with the first error: a [*LineError] for a line that is no
// record, else r's own. It reads r once, so it can be ranged over once.
func ReadJSONL(r io.Reader) iter.Seq2[*JSONLRecord, error] {
	return func(yield func(*JSONLRecord, error) bool) {
		if r == nil {
			yield(nil, errNilReader)
			return
		}
		lines := stream.NewLineReader(r, MaxUploadBytes)
		for {
			line, err := lines.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, lineReadError(line.Number, err))
				return
			}
			record, err := parseLine(line.Text)
			if err != nil {
				yield(nil, &LineError{Line: line.Number, Err: err})
				return
			}
			record.Line = line.Number
			if !yield(record, nil) {
				return
			}
		}
	}
}

var errNilReader = invalid("reader", "it is nil")

// lineBuffer is how much is written at once.
const lineBuffer = 64 << 10

// errLineTooLong keeps rubbish without line breaks from filling the memory; no
// longer line could be uploaded.
var errLineTooLong = fmt.Errorf("it is longer than %d bytes", int64(MaxUploadBytes))

func lineReadError(number int, err error) error {
	if err == stream.ErrLineTooLong {
		return &LineError{Line: number, Err: errLineTooLong}
	}
	return fmt.Errorf("mistralobs: reading line %d: %w", number, err)
}

// lineParts are the bytes of a line that make a record; they are the line's own.
type lineParts struct {
	payload    []byte            // nil in the shape with messages at the top
	properties []byte            // nil if absent or null
	messages   jsonscan.Member   // without a name if absent
	others     []jsonscan.Member // what is neither payload nor properties
}

// splitLine tells the parts of a line, and whether it is a record.
func splitLine(text []byte) (parts lineParts, err error) {
	err = eachMember(text, func(m jsonscan.Member) error {
		switch string(m.Name) {
		case "payload":
			parts.payload = m.Value
			return mustBe('{', m)
		case "properties":
			if parts.properties = m.Value; m.Value.Kind() == 'n' {
				parts.properties = nil
				return nil
			}
			return mustBe('{', m)
		case "messages":
			parts.messages = m
		}
		parts.others = append(parts.others, m)
		return nil
	})
	switch {
	case err != nil || parts.payload != nil: // messages beside a payload are not the conversation
		return parts, err
	case parts.messages.Name == nil:
		return parts, errors.New(`it has neither "payload" nor "messages"`)
	}
	return parts, checkMessages(parts.messages)
}

// checkMessages looks no further than that messages are objects: roles and
// contents are the caller's.
func checkMessages(m jsonscan.Member) error {
	if err := mustBe('[', m); err != nil {
		return err
	}
	s := jsonscan.New(m.Value)
	var message []byte
	if !s.Array(func() bool {
		message, _ = s.Raw() // the array is known to be valid
		return message[0] == '{'
	}) {
		return fmt.Errorf("%q must hold objects, got %s", m.Name, kindName(jsontext.Value(message).Kind()))
	}
	return nil
}

func mustBe(kind jsontext.Kind, m jsonscan.Member) error {
	if got := m.Value.Kind(); got != kind {
		return fmt.Errorf("%q must be %s, got %s", m.Name, kindName(kind), kindName(got))
	}
	return nil
}

func parseLine(text []byte) (*JSONLRecord, error) {
	parts, err := splitLine(text)
	if err != nil {
		return nil, err
	}
	record := &JSONLRecord{}
	if parts.payload != nil {
		record.Payload, record.Properties = cloneObjects(parts.payload, parts.properties)
		record.Extra = joinMembers(parts.others)
	} else {
		record.Payload, record.Properties = joinMembers(parts.others), slices.Clone(parts.properties)
	}
	return record, nil
}

// cloneObjects copies two objects into one piece of memory. A nil one stays nil.
func cloneObjects(a, b []byte) (Object, Object) {
	both := slices.Concat(a, b)
	first, second := Object(both[:len(a):len(a)]), Object(both[len(a):])
	if a == nil {
		first = nil
	}
	if b == nil {
		second = nil
	}
	return first, second
}

// joinMembers returns an object of the members as they were written, nil for none.
func joinMembers(members []jsonscan.Member) Object {
	if len(members) == 0 {
		return nil
	}
	size := 1
	for _, m := range members {
		size += len(m.NameJSON) + len(m.Value) + 2
	}
	object := make(Object, 0, size)
	for i, m := range members {
		object = append(object, "{,"[min(i, 1)])
		object = append(append(append(object, m.NameJSON...), ':'), m.Value...)
	}
	return append(object, '}')
}

// JSONLWriter writes a dataset file, a line a record. It is not safe for concurrent use.
type JSONLWriter struct {
	w   *bufio.Writer
	err error
}

// NewJSONLWriter returns a writer to w. Call Flush at the end.
func NewJSONLWriter(w io.Writer) *JSONLWriter {
	return &JSONLWriter{w: bufio.NewWriterSize(w, lineBuffer)}
}

// Write adds a line {"payload":…,"properties":…}. Both are taken as [NewObject]
// takes them; nil properties are left out. White space between values is
// dropped only where a line break would end the line too early. It returns an
// error matching [ErrInvalidParams] if one is no JSON object, with nothing
// written, and the first error of the underlying writer, then and ever after.
func (w *JSONLWriter) Write(payload, properties any) error {
	p, err := newObject("payload", payload)
	if err != nil {
		return err
	}
	var q Object
	if !isAbsent(properties) {
		if q, err = newObject("properties", properties); err != nil {
			return err
		}
	}
	w.put(`{"payload":`)
	w.put(string(oneLine(p)))
	if q != nil {
		w.put(`,"properties":`)
		w.put(string(oneLine(q)))
	}
	w.put("}\n")
	return w.fail()
}

// Flush writes what is buffered, and returns the first error of the underlying writer.
func (w *JSONLWriter) Flush() error {
	if w.err == nil {
		w.err = w.w.Flush()
	}
	return w.fail()
}

func (w *JSONLWriter) put(text string) {
	if w.err == nil {
		_, w.err = w.w.WriteString(text)
	}
}

func (w *JSONLWriter) fail() error {
	if w.err != nil {
		return fmt.Errorf("mistralobs: writing JSONL: %w", w.err)
	}
	return nil
}

// oneLine returns valid JSON without the line breaks between its values. Inside
// strings JSON has none.
func oneLine(raw []byte) []byte {
	if !bytes.ContainsAny(raw, "\n\r") {
		return raw
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\n"), nil), []byte("\r"), nil)
}
