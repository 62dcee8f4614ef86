package mistralobstest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// The namespaces of a mapping's source field.
const (
	spanNamespace     = "span_attributes"
	resourceNamespace = "resource_attributes"
)

// spanMapping copies an attribute of a span to a field of a payload.
type spanMapping struct {
	target, namespace, key string
}

func (s *Server) importSpans(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	references := c.spanReferences()
	mappings := c.mappingContract()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		return s.startTask(d, ds, ImportsFromSpans, func() (imported, error) {
			return d.importedSpans(references, mappings, s.options.now()), nil
		})
	})
}

// importedSpans returns a record for each reference to an existing span.
func (d *store) importedSpans(references []spanKey, mappings []spanMapping, now time.Time) imported {
	var result imported
	for _, key := range references {
		sp := d.findSpan(key, now)
		if sp == nil {
			result.skipped++
			continue
		}
		ids := new(object).set("trace_id", key.trace).set("span_id", key.span)
		record := RecordSeed{Payload: mappedPayload(sp, mappings), Properties: ids.bytes()}
		result.records = append(result.records, loaded{record, sourceTelemetrySpan})
	}
	return result
}

// mappedPayload applies the mappings to a span. If mappings have the same target, it uses the last
// one.
func mappedPayload(sp *mistralobs.Span, mappings []spanMapping) json.RawMessage {
	attributes := map[string]map[string]string{
		spanNamespace: sp.SpanAttributes, resourceNamespace: sp.ResourceAttributes,
	}
	values := map[string][]byte{}
	for _, m := range mappings {
		text, present := attributes[m.namespace][m.key]
		delete(values, m.target)
		if value := mappedValue(text); present && value != nil {
			values[m.target] = value
		}
	}
	payload := new(object)
	for _, m := range mappings {
		if value := values[m.target]; value != nil {
			payload.raw(m.target, value)
			delete(values, m.target)
		}
	}
	return payload.bytes()
}

// mappedValue returns the JSON value of an attribute, or nil if its target is left out.
func mappedValue(text string) []byte {
	trimmed := bytes.TrimSpace([]byte(text))
	if len(trimmed) == 0 {
		return nil
	}
	if strings.IndexByte("{[", trimmed[0]) < 0 || !json.Valid(trimmed) {
		return toJSON(text)
	}
	if trimmed[0] == '[' && len(bytes.TrimSpace(trimmed[1:len(trimmed)-1])) == 0 {
		return nil
	}
	return trimmed
}

func (c *checker) spanReferences() []spanKey {
	list := c.list("span_references", 0, -1)
	references := make([]spanKey, len(list))
	for i, item := range list {
		inner := c.nested(item, "body", "span_references", i)
		references[i] = spanKey{trace: inner.hexID("trace_id", 32), span: inner.hexID("span_id", 16)}
		c.adopt(inner)
	}
	return references
}

// hexID returns a required ID of lower-case hexadecimal digits.
func (c *checker) hexID(name string, length int) string {
	id := c.text(name, true, 0, -1)
	if id == nil {
		return ""
	}
	if !isLowerHex(*id, length) {
		c.complain("string_pattern_mismatch", "String should match pattern '^[0-9a-f]{"+strconv.Itoa(length)+"}$'",
			*id, "body", name)
	}
	return *id
}

func (c *checker) mappingContract() []spanMapping {
	raw := c.object("mapping_contract", true)
	if raw == nil {
		return nil
	}
	contract := c.nested(raw, "body", "mapping_contract")
	if version := contract.field("version", true); version != nil && string(version) != "1" {
		contract.complain("literal_error", "Input should be 1", version, "body", "version")
	}
	list := contract.list("mappings", 0, -1)
	mappings := make([]spanMapping, len(list))
	for i, item := range list {
		inner := contract.nested(item, "body", "mappings", i)
		mappings[i] = inner.mapping()
		contract.adopt(inner)
	}
	c.adopt(contract)
	return mappings
}

func (c *checker) mapping() (m spanMapping) {
	if target := c.text("target_field", true, 1, -1); target != nil {
		m.target = *target
	}
	raw := c.object("source_field", true)
	if raw == nil {
		return m
	}
	source := c.nested(raw, "body", "source_field")
	m.namespace = source.requiredEnum("namespace", spanNamespace, resourceNamespace)
	if key := source.text("key", true, 1, -1); key != nil {
		m.key = *key
	}
	c.adopt(source)
	return m
}
