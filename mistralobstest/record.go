package mistralobstest

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// record is small, because a dataset may hold a million of them.
type record struct {
	id               uuid
	dataset          *dataset
	number           uint64 // grows in the order of creation within the dataset
	created, updated int64  // Unix time in milliseconds
	content          content
	source           source
}

// content is a payload and properties in one piece of memory. It never changes, so exports can
// share it.
type content struct {
	bytes []byte // the payload, then the properties unless they are {}
	split int    // the length of the payload
}

func newContent(payload, properties []byte) content {
	if string(properties) == "{}" {
		properties = nil
	}
	return content{bytes: slices.Concat(payload, properties), split: len(payload)}
}

func (c content) payload() json.RawMessage { return c.bytes[:c.split:c.split] }

func (c content) properties() json.RawMessage {
	if c.split == len(c.bytes) {
		return json.RawMessage("{}")
	}
	return c.bytes[c.split:]
}

func (rec *record) json() []byte {
	o := newObject(len(rec.content.bytes) + 400)
	o.stamps(rec.id.String(), time.UnixMilli(rec.created), time.UnixMilli(rec.updated))
	return o.set("dataset_id", rec.dataset.id).raw("payload", rec.content.payload()).
		raw("properties", rec.content.properties()).set("source", rec.source.String()).bytes()
}

// source is the source of a record, as an index of sources.
type source uint8

// The sources of records.
const (
	sourceDirectInput source = iota
	sourceTelemetrySpan
	sourceExplorer
	sourceUploadedFile
	sourcePlayground
)

var sources = []string{"DIRECT_INPUT", "TELEMETRY_SPAN", "EXPLORER", "UPLOADED_FILE", "PLAYGROUND"}

func (s source) String() string { return sources[s] }

// sourceOf returns the source with a name, which must exist.
func sourceOf(name string) source { return source(slices.Index(sources, name)) }

// uuid is the ID of a record.
type uuid [16]byte

// parseUUID parses a UUID that [isUUID] accepts.
func parseUUID(text string) uuid {
	var id uuid
	_, _ = hex.Decode(id[:], []byte(strings.ReplaceAll(text, "-", ""))) // it cannot fail
	return id
}

func (id uuid) String() string {
	var text [36]byte
	at := 0
	for i, part := range [][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			text[at] = '-'
			at++
		}
		at += hex.Encode(text[at:], part)
	}
	return string(text[:])
}
