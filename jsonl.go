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
	// Payload is the value of "payload". If the line has "messages" instead, Payload is the line
	// without its "properties".
	Payload Object
	// Properties is the value of "properties", or nil if there is none.
	Properties Object
	// Extra holds the other members of a line with a "payload", such as an ID. It is nil if there
	// are none.
	Extra Object
	// Line is the number of the line, from 1. Blank lines count.
	Line int
}

// NewJSONLRecord makes a record from Go values, for example as input for package datasetsync or
// [NewRecords]. payload and properties may be anything that [NewObject] accepts; properties may be
// nil. If one of them is not a JSON object, NewJSONLRecord returns an error that matches
// [ErrInvalidParams].
func NewJSONLRecord(payload, properties any) (*JSONLRecord, error) {
	record := &JSONLRecord{}
	var err error
	if record.Payload, err = newObject("payload", payload); err == nil {
		record.Properties, err = optionalObject("properties", properties)
	}
	if err != nil {
		return nil, attempted("encoding a JSONL record", err)
	}
	return record, nil
}

// ReadJSONL returns the records of a dataset file, one for each line. It accepts both documented
// forms: {"payload":{…},"properties":{…}} and {"messages":[…],"properties":{…}}. The file may start
// with a byte-order mark, contain CRLF and blank lines, and lack the last line break. A line may
// have up to [MaxUploadBytes] bytes. One line at a time is in memory. Payloads and properties are
// kept byte for byte, even if they are not objects. Methods that send records refuse those. A null
// payload counts as absent if the line has an array of messages.
//
// The sequence ends with the first error: a [*LineError] for a line that is not a record or is too
// long, or the error of r. Range over the sequence only once, because it reads r.
func ReadJSONL(r io.Reader) iter.Seq2[*JSONLRecord, error] {
	return func(yield func(*JSONLRecord, error) bool) {
		if r == nil {
			yield(nil, attempted("reading JSONL", invalid("r", "it is nil")))
			return
		}
		lines := stream.NewLineReader(r, MaxUploadBytes)
		for {
			record, err := nextRecord(lines)
			if err == io.EOF || !yield(record, err) || err != nil {
				return
			}
		}
	}
}

// nextRecord returns the record of the next line, and [io.EOF] after the last one.
func nextRecord(lines *stream.LineReader) (*JSONLRecord, error) {
	line, err := lines.Next()
	switch {
	case err == io.EOF:
		return nil, err
	case err != nil:
		return nil, lineReadError(line.Number, err)
	}
	record, err := parseLine(line.Text)
	if err != nil {
		return nil, &LineError{Line: line.Number, Err: err}
	}
	record.Line = line.Number
	return record, nil
}

// errLineTooLong limits the memory for data without line breaks. A longer line cannot be uploaded.
var errLineTooLong = fmt.Errorf("it is longer than %d bytes", int64(MaxUploadBytes))

func lineReadError(number int, err error) error {
	if err == stream.ErrLineTooLong {
		return &LineError{Line: number, Err: errLineTooLong}
	}
	return fmt.Errorf("mistralobs: reading line %d: %w", number, bare(err)) // r may be a download
}

// lineParts are the parts of a line. They share its memory.
type lineParts struct {
	payload    []byte            // nil if there is none
	properties []byte            // nil if absent or null
	messages   []byte            // nil if absent
	others     []jsonscan.Member // all members but payload and properties
}

// splitLine returns the parts of a line, whatever their types. It returns an error unless the line
// is an object with a payload or messages.
func splitLine(text []byte) (parts lineParts, err error) {
	err = eachMember(text, func(m jsonscan.Member) error {
		switch string(m.Name) {
		case "payload":
			parts.payload = m.Value
			return nil
		case "properties":
			if parts.properties = m.Value; m.Value.Kind() == 'n' {
				parts.properties = nil
			}
			return nil
		case "messages":
			parts.messages = m.Value
		}
		parts.others = append(parts.others, m)
		return nil
	})
	switch {
	case err != nil:
		return parts, explainLine(text, err)
	case parts.payload == nil && parts.messages == nil:
		return parts, errors.New(`it has neither "payload" nor "messages"`)
	case string(parts.payload) == "null" && jsontext.Value(parts.messages).Kind() == '[':
		parts.payload = nil
	}
	return parts, nil
}

// explainLine returns a better error than err for a line of a file in a common wrong format.
func explainLine(text []byte, err error) error {
	isTruncated := errors.Is(err, io.ErrUnexpectedEOF) && bytes.ContainsRune([]byte("{[,:"), rune(text[len(text)-1]))
	switch {
	case bytes.HasPrefix(text, []byte("\x1f\x8b")):
		return errors.New("the file is compressed with gzip: decompress it first")
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")),
		len(text) > 1 && (text[0] == 0 || text[1] == 0):
		return errors.New("the text is UTF-16: convert it to UTF-8 first")
	case isTruncated:
		return fmt.Errorf("the JSON continues on the next line, as in a pretty-printed file: "+
			"write each record on one line (%w)", err)
	}
	return err
}

// checkLine returns an error if the service cannot import a line. The values inside payload,
// properties and messages are not checked.
func checkLine(text []byte) error {
	parts, err := splitLine(text)
	if err == nil {
		err = checkUTF8(text)
	}
	if err != nil {
		return err
	}
	if parts.properties != nil {
		if err := mustBe('{', "properties", parts.properties); err != nil {
			return err
		}
	}
	if parts.payload != nil {
		return mustBe('{', "payload", parts.payload)
	}
	if err := mustBe('[', "messages", parts.messages); err != nil {
		return err
	}
	if err := checkElements(parts.messages); err != nil {
		return fmt.Errorf("messages%w", err)
	}
	return nil
}

func mustBe(kind jsontext.Kind, name string, value jsontext.Value) error {
	if got := value.Kind(); got != kind {
		return fmt.Errorf("%q must be %s, got %s", name, kindName(kind), kindName(got))
	}
	return nil
}

func parseLine(text []byte) (*JSONLRecord, error) {
	parts, err := splitLine(text)
	if err != nil {
		return nil, err
	}
	record := &JSONLRecord{Properties: slices.Clone(parts.properties)}
	if parts.payload != nil {
		record.Payload, record.Extra = slices.Clone(parts.payload), joinMembers(parts.others)
	} else {
		record.Payload = joinMembers(parts.others)
	}
	if string(record.Payload) == "null" {
		record.Payload = nil
	}
	return record, nil
}

// joinMembers returns an object of the members as they were written, or nil if there are none.
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

// NewRecords turns the records of [ReadJSONL] or [ExportsService.Records] into parameters for
// [RecordsService.CreateAll]. It keeps one record in memory. The sequence ends with the first
// error: an error of the input, or one that matches [ErrInvalidParams] if a payload or properties
// are not a JSON object. That one is a [*LineError] if the record has a Line.
func NewRecords(records iter.Seq2[*JSONLRecord, error]) iter.Seq2[CreateRecordParams, error] {
	return func(yield func(CreateRecordParams, error) bool) {
		if records == nil {
			yield(CreateRecordParams{}, attempted("reading records", invalid("records", "the sequence is nil")))
			return
		}
		for record, err := range records {
			params := CreateRecordParams{}
			if err == nil {
				params, err = record.params()
				err = attempted("reading records", err)
			}
			if !yield(params, err) || err != nil {
				return
			}
		}
	}
}

// params returns the parameters that create the record.
func (r *JSONLRecord) params() (CreateRecordParams, error) {
	if r == nil {
		return CreateRecordParams{}, invalid("records", "a record is nil")
	}
	params := CreateRecordParams{Payload: r.Payload}
	err := checkSendable("Payload", r.Payload)
	if err == nil && len(r.Properties) > 0 {
		params.Properties = r.Properties
		err = checkSendable("Properties", r.Properties)
	}
	if err != nil && r.Line > 0 {
		err = &LineError{Line: r.Line, Err: err}
	}
	return params, err
}

// JSONLWriter writes a dataset file, one line for each record. It is not safe for concurrent use.
type JSONLWriter struct {
	w   *bufio.Writer
	err error
}

// NewJSONLWriter returns a writer to w. Call Flush after the last record.
func NewJSONLWriter(w io.Writer) *JSONLWriter {
	return &JSONLWriter{w: bufio.NewWriterSize(w, copyBuffer)}
}

// Write adds the line {"payload":…,"properties":…}. payload and properties may be anything that
// [NewObject] accepts; nil properties are not written. Write removes line breaks between JSON
// values, because a record is one line. It keeps all other bytes. If payload or properties are not
// a JSON object, Write writes nothing and returns an error that matches [ErrInvalidParams]. After
// the underlying writer has failed, Write returns its error for every line.
func (w *JSONLWriter) Write(payload, properties any) error {
	record, err := NewJSONLRecord(payload, properties)
	if err != nil {
		return err
	}
	w.put(`{"payload":`)
	w.put(string(oneLine(record.Payload)))
	if record.Properties != nil {
		w.put(`,"properties":`)
		w.put(string(oneLine(record.Properties)))
	}
	w.put("}\n")
	return w.fail()
}

// Flush writes the buffered lines. It returns the first error of the underlying writer.
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

// oneLine returns valid JSON without the line breaks between its values. JSON strings contain none.
func oneLine(raw []byte) []byte {
	if !bytes.ContainsAny(raw, "\n\r") {
		return raw
	}
	return bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\n"), nil), []byte("\r"), nil)
}
