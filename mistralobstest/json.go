package mistralobstest

import (
	"bytes"
	"encoding/json"
	"strconv"
	"time"
)

// toJSON returns v as JSON without HTML escapes.
func toJSON(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("mistralobstest: " + err.Error()) // v is always a value of this package
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// object builds a JSON object. It keeps payloads and properties byte for byte, which
// encoding/json would not.
type object struct{ buf []byte }

// newObject returns an object with room for size bytes.
func newObject(size int) *object { return &object{make([]byte, 0, size)} }

func (o *object) name(name string) {
	o.buf = append(o.buf, "{,"[min(len(o.buf), 1)])
	o.buf = append(appendString(o.buf, name), ':')
}

func (o *object) raw(name string, value []byte) *object {
	o.name(name)
	o.buf = append(o.buf, value...)
	return o
}

func (o *object) set(name string, value any) *object {
	o.name(name)
	switch v := value.(type) {
	case nil:
		o.buf = append(o.buf, "null"...)
	case string:
		o.buf = appendString(o.buf, v)
	case int:
		o.buf = strconv.AppendInt(o.buf, int64(v), 10)
	default:
		o.buf = append(o.buf, toJSON(value)...)
	}
	return o
}

// time adds a time as the service writes it: in UTC, with milliseconds.
func (o *object) time(name string, t time.Time) *object {
	o.name(name)
	o.buf = append(o.buf, '"')
	o.buf = t.UTC().AppendFormat(o.buf, "2006-01-02T15:04:05.000Z")
	o.buf = append(o.buf, '"')
	return o
}

// stamps adds the first fields of every stored item.
func (o *object) stamps(id string, created, updated time.Time) *object {
	return o.set("id", id).time("created_at", created).time("updated_at", updated).set("deleted_at", nil)
}

func (o *object) bytes() []byte {
	if len(o.buf) == 0 {
		return []byte("{}")
	}
	return append(o.buf, '}')
}

// appendString appends a string as JSON.
func appendString(buf []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return append(buf, toJSON(text)...)
		}
	}
	return append(append(append(buf, '"'), text...), '"')
}
