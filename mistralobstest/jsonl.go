package mistralobstest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// readJSONL reads a dataset file. A line may have either documented format. Errors name the line.
func readJSONL(f io.Reader) ([]RecordSeed, error) {
	var records []RecordSeed
	reader := bufio.NewReaderSize(f, 1<<20)
	for number := 1; ; number++ {
		line, err := reader.ReadBytes('\n')
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\uFEFF"))
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			record, bad := parseLine(line)
			if bad != nil {
				return nil, fmt.Errorf("line %d: %w", number, bad)
			}
			records = append(records, record)
		}
		if err == io.EOF {
			return records, nil
		} else if err != nil {
			return nil, errors.New("the file cannot be read")
		}
	}
}

func parseLine(line []byte) (c RecordSeed, err error) {
	if !utf8.Valid(line) {
		return c, errors.New("it is not UTF-8")
	}
	members, err := splitObject(line)
	if err != nil {
		return c, err
	}
	var rest object
	messages := false
	for _, m := range members {
		switch m.name {
		case "payload":
			if c.Payload = m.value; string(m.value) == "null" {
				c.Payload = nil
				continue
			}
		case "properties":
			c.Properties = m.value
			continue
		case "messages":
			messages = true
		}
		rest.raw(m.name, m.value)
	}
	if string(c.Properties) == "null" {
		c.Properties = nil
	}
	switch {
	case c.Properties != nil && c.Properties[0] != '{':
		return c, errors.New(`"properties" must be an object`)
	case c.Payload != nil && c.Payload[0] != '{':
		return c, errors.New(`"payload" must be an object`)
	case c.Payload == nil && !messages:
		return c, errors.New(`a line must have "messages" or a "payload"`)
	case c.Payload == nil:
		c.Payload = rest.bytes()
		return c, checkMessages(members)
	}
	return c, nil
}

func checkMessages(members []member) error {
	for _, m := range members {
		var list []struct{}
		if m.name == "messages" && json.Unmarshal(m.value, &list) != nil {
			return errors.New(`"messages" must be a list of objects`)
		}
	}
	return nil
}

// member is a name of a JSON object and its value, byte for byte.
type member struct {
	name  string
	value json.RawMessage
}

// splitObject returns the members of an object in order. It keeps repeated names.
func splitObject(raw []byte) ([]member, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	open, err := dec.Token()
	if err != nil || open != json.Delim('{') {
		return nil, errors.New("the line is not a JSON object")
	}
	var members []member
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("the line is not valid JSON: %w", err)
		}
		m := member{name: name.(string)}
		if err := dec.Decode(&m.value); err != nil {
			return nil, fmt.Errorf("the line is not valid JSON: %w", err)
		}
		members = append(members, m)
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("the line is not valid JSON: it ends too early")
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("the line is not valid JSON: text follows the object")
	}
	return members, nil
}

// The parts of a line of an export around the payload and the properties.
const (
	linePrefix = `{"payload":`
	lineMiddle = `,"properties":`
	lineEnd    = "}\n"
)

// appendLine appends the content of a record to an export.
func appendLine(out []byte, c content) []byte {
	out = appendWithoutBreaks(append(out, linePrefix...), c.payload())
	out = appendWithoutBreaks(append(out, lineMiddle...), c.properties())
	return append(out, lineEnd...)
}

// appendWithoutBreaks appends a JSON value without its line breaks. Valid JSON has line breaks only
// between tokens.
func appendWithoutBreaks(out, value []byte) []byte {
	for len(value) > 0 {
		end := bytes.IndexAny(value, "\r\n")
		if end < 0 {
			return append(out, value...)
		}
		out, value = append(out, value[:end]...), value[end+1:]
	}
	return out
}

// lineLength returns the number of bytes that appendLine appends.
func lineLength(c content) int {
	length := len(linePrefix) + len(lineMiddle) + len(lineEnd)
	for _, value := range [][]byte{c.payload(), c.properties()} {
		length += len(value) - bytes.Count(value, []byte("\n")) - bytes.Count(value, []byte("\r"))
	}
	return length
}
