package mistralobstest

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"time"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// SeedSpan adds a span of telemetry. It fills empty fields as follows, and returns the filled span:
//
//   - TraceID and SpanID are random. WorkspaceID and OrganizationID are those of
//     the server.
//   - StartTime is the time of the server's clock. EndTime is StartTime plus
//     DurationNS. DurationNS is the time from StartTime to EndTime.
//   - StatusCode is Unset.
//   - A field with a standard attribute gets the value of the attribute. For
//     example, RequestModel has the span attribute gen_ai.request.model. If the
//     field is not empty, the attribute gets its value instead.
//
// SeedSpan panics if TraceID or SpanID has the wrong form, or if there is a span with the same
// TraceID and SpanID.
func (s *Server) SeedSpan(span mistralobs.Span) mistralobs.Span {
	d, now, unlock := s.lock()
	defer unlock()
	if span.StartTime.IsZero() {
		span.StartTime = now
	}
	setSpanDefaults(&span, d)
	key := spanKey{trace: span.TraceID, span: span.SpanID}
	if d.spanByKey[key] != nil {
		panic("mistralobstest: the span exists: " + key.trace + " " + key.span)
	}
	stored := span
	d.spans = append(d.spans, &stored)
	d.spanByKey[key] = &stored
	return span
}

// SeedSpanEvaluation adds the result of an evaluation of a span. It sets fields that are empty, and
// returns the evaluation with these: Timestamp is the time of the server's clock, and WorkspaceID
// and OrganizationID are those of the server. The span need not exist. SeedSpanEvaluation panics if
// TraceID or SpanID has the wrong form.
func (s *Server) SeedSpanEvaluation(evaluation mistralobs.SpanEvaluation) mistralobs.SpanEvaluation {
	mustBeHex("TraceID", evaluation.TraceID, 32)
	mustBeHex("SpanID", evaluation.SpanID, 16)
	d, now, unlock := s.lock()
	defer unlock()
	if evaluation.Timestamp.IsZero() {
		evaluation.Timestamp = now
	}
	evaluation.Timestamp = evaluation.Timestamp.UTC()
	setIfEmpty(&evaluation.WorkspaceID, d.workspace)
	setIfEmpty(&evaluation.OrganizationID, d.owner)
	if evaluation.Metadata = maps.Clone(evaluation.Metadata); evaluation.Metadata == nil {
		evaluation.Metadata = map[string]string{}
	}
	stored := evaluation
	d.evaluations = append(d.evaluations, &stored)
	return evaluation
}

func setSpanDefaults(sp *mistralobs.Span, d *store) {
	setIfEmpty(&sp.TraceID, randomHex(16))
	setIfEmpty(&sp.SpanID, randomHex(8))
	mustBeHex("TraceID", sp.TraceID, 32)
	mustBeHex("SpanID", sp.SpanID, 16)
	setIfEmpty(&sp.WorkspaceID, d.workspace)
	setIfEmpty(&sp.OrganizationID, d.owner)
	setIfEmpty(&sp.StatusCode, "Unset")
	if sp.EndTime.IsZero() {
		sp.EndTime = sp.StartTime.Add(time.Duration(sp.DurationNS))
	}
	if sp.DurationNS == 0 {
		sp.DurationNS = sp.EndTime.Sub(sp.StartTime).Nanoseconds()
	}
	sp.StartTime, sp.EndTime = sp.StartTime.UTC(), sp.EndTime.UTC()
	for _, list := range []*[]string{
		&sp.RequestStopSequences, &sp.RequestEncodingFormats, &sp.ResponseFinishReasons,
	} {
		*list = append([]string{}, *list...) // no null, and not the caller's memory
	}
	syncAttributes(sp)
}

// spanAttributes maps fields of a span to their standard span attributes.
var spanAttributes = map[string]string{
	"error_type":           "error.type",
	"operation_name":       "gen_ai.operation.name",
	"provider_name":        "gen_ai.provider.name",
	"request_model":        "gen_ai.request.model",
	"response_model":       "gen_ai.response.model",
	"response_id":          "gen_ai.response.id",
	"output_type":          "gen_ai.output.type",
	"conversation_id":      "gen_ai.conversation.id",
	"data_source_id":       "gen_ai.data_source.id",
	"agent_id":             "gen_ai.agent.id",
	"agent_name":           "gen_ai.agent.name",
	"agent_version":        "gen_ai.agent.version",
	"agent_description":    "gen_ai.agent.description",
	"workflow_name":        "gen_ai.workflow.name",
	"prompt_name":          "gen_ai.prompt.name",
	"tool_name":            "gen_ai.tool.name",
	"tool_type":            "gen_ai.tool.type",
	"tool_call_id":         "gen_ai.tool.call.id",
	"input_messages":       "gen_ai.input.messages",
	"output_messages":      "gen_ai.output.messages",
	"system_instructions":  "gen_ai.system_instructions",
	"tool_definitions":     "gen_ai.tool.definitions",
	"tool_call_arguments":  "gen_ai.tool.call.arguments",
	"tool_call_result":     "gen_ai.tool.call.result",
	"usage_input_tokens":   "gen_ai.usage.input_tokens",
	"usage_output_tokens":  "gen_ai.usage.output_tokens",
	"request_max_tokens":   "gen_ai.request.max_tokens",
	"request_choice_count": "gen_ai.request.choice.count",
	"request_seed":         "gen_ai.request.seed",
}

// serviceAttribute is the resource attribute of the field service_name.
const serviceAttribute = "service.name"

// attributeOf returns the attribute of a field, or "".
func attributeOf(field string) string {
	if field == "service_name" {
		return serviceAttribute
	}
	return spanAttributes[field]
}

// syncAttributes copies attributes to fields that are empty, and other fields to their attributes.
func syncAttributes(sp *mistralobs.Span) {
	sp.ResourceAttributes = cloneAttributes(sp.ResourceAttributes)
	sp.SpanAttributes = cloneAttributes(sp.SpanAttributes)
	v := reflect.ValueOf(sp).Elem()
	for _, f := range spanFields.list {
		switch {
		case f.name == "service_name":
			syncAttribute(v.FieldByIndex(f.index), sp.ResourceAttributes, f.attribute)
		case f.attribute != "":
			syncAttribute(v.FieldByIndex(f.index), sp.SpanAttributes, f.attribute)
		}
	}
}

func cloneAttributes(attributes map[string]string) map[string]string {
	if attributes == nil {
		return map[string]string{}
	}
	return maps.Clone(attributes)
}

func syncAttribute(field reflect.Value, attributes map[string]string, key string) {
	text, present := attributes[key]
	number, err := strconv.ParseInt(text, 10, 64)
	isText := field.Kind() == reflect.String
	switch {
	case !field.IsZero() && isText:
		attributes[key] = field.String()
	case !field.IsZero():
		attributes[key] = strconv.FormatInt(field.Int(), 10)
	case present && isText:
		field.SetString(text)
	case present && err == nil:
		field.SetInt(number)
	}
}

func setIfEmpty(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func mustBeHex(name, id string, length int) {
	if !isLowerHex(id, length) {
		panic("mistralobstest: " + name + " is not " + strconv.Itoa(length) +
			" lower-case hexadecimal characters: " + id)
	}
}

// isLowerHex reports whether an ID has exactly length lower-case hexadecimal digits.
func isLowerHex(id string, length int) bool {
	return len(id) == length && strings.Trim(id, "0123456789abcdef") == ""
}

func randomHex(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // it never fails
	return hex.EncodeToString(b)
}
