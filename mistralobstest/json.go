package mistralobstest

import (
	"bytes"
	"encoding/json"
	"time"
)

// toJSON marshals v, without HTML escapes.
func toJSON(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("mistralobstest: " + err.Error()) // v is always a value of this package
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// An object builds a JSON object. It keeps the bytes of payloads and
// properties, which encoding/json would change.
type object struct{ buf []byte }

func (o *object) raw(name string, value []byte) *object {
	o.buf = append(o.buf, "{,"[min(len(o.buf), 1)])
	o.buf = append(o.buf, toJSON(name)...)
	o.buf = append(append(o.buf, ':'), value...)
	return o
}

func (o *object) set(name string, value any) *object { return o.raw(name, toJSON(value)) }

func (o *object) time(name string, t time.Time) *object { return o.set(name, formatTime(t)) }

func (o *object) bytes() []byte { return append(o.buf, '}') }

// formatTime writes a time as the service does: in UTC, with milliseconds.
func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// stamps begins an object with the fields that every stored item has.
func stamps(id string, created, updated time.Time) *object {
	return new(object).set("id", id).time("created_at", created).time("updated_at", updated).set("deleted_at", nil)
}
