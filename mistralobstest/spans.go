package mistralobstest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// spanRetention is how long the service keeps spans and their evaluations.
const spanRetention = 30 * 24 * time.Hour

// A Span is one operation of a trace. The fields are those of the API under their
// Go names; see mistralobs.Span. [Server.SeedSpan] adds a span and says which
// fields it sets.
type Span struct {
	CustomerID     string    `json:"customer_id"`
	OrganizationID string    `json:"organization_id"`
	WorkspaceID    string    `json:"workspace_id"`
	UserID         string    `json:"user_id"`
	TraceID        string    `json:"trace_id"` // 32 lower-case hexadecimal characters
	SpanID         string    `json:"span_id"`  // 16 lower-case hexadecimal characters
	ParentSpanID   string    `json:"parent_span_id"`
	TraceState     string    `json:"trace_state"`
	StartTime      time.Time `json:"start_time"`
	EndTime        time.Time `json:"end_time"`
	DurationNS     int64     `json:"duration_ns"`
	SpanName       string    `json:"span_name"`
	SpanKind       string    `json:"span_kind"`
	ServiceName    string    `json:"service_name"`
	StatusCode     string    `json:"status_code"` // Ok, Error or Unset
	StatusMessage  string    `json:"status_message"`
	ErrorType      string    `json:"error_type"`

	OperationName    string `json:"operation_name"`
	ProviderName     string `json:"provider_name"`
	RequestModel     string `json:"request_model"`
	ResponseModel    string `json:"response_model"`
	ResponseID       string `json:"response_id"`
	OutputType       string `json:"output_type"`
	ConversationID   string `json:"conversation_id"`
	DataSourceID     string `json:"data_source_id"`
	AgentID          string `json:"agent_id"`
	AgentName        string `json:"agent_name"`
	AgentVersion     string `json:"agent_version"`
	AgentDescription string `json:"agent_description"`
	WorkflowName     string `json:"workflow_name"`
	PromptName       string `json:"prompt_name"`
	ToolName         string `json:"tool_name"`
	ToolType         string `json:"tool_type"`
	ToolCallID       string `json:"tool_call_id"`

	// These fields hold JSON as text.
	InputMessages      string `json:"input_messages"`
	OutputMessages     string `json:"output_messages"`
	SystemInstructions string `json:"system_instructions"`
	ToolDefinitions    string `json:"tool_definitions"`
	ToolCallArguments  string `json:"tool_call_arguments"`
	ToolCallResult     string `json:"tool_call_result"`

	RequestChoiceCount      int64    `json:"request_choice_count"`
	RequestMaxTokens        int64    `json:"request_max_tokens"`
	RequestTemperature      *float64 `json:"request_temperature"`
	RequestTopP             *float64 `json:"request_top_p"`
	RequestTopK             *float64 `json:"request_top_k"`
	RequestPresencePenalty  *float64 `json:"request_presence_penalty"`
	RequestFrequencyPenalty *float64 `json:"request_frequency_penalty"`
	RequestSeed             int64    `json:"request_seed"`
	RequestStopSequences    []string `json:"request_stop_sequences"`
	RequestEncodingFormats  []string `json:"request_encoding_formats"`
	ResponseFinishReasons   []string `json:"response_finish_reasons"`

	UsageInputTokens              int64 `json:"usage_input_tokens"`
	UsageOutputTokens             int64 `json:"usage_output_tokens"`
	UsageCacheReadInputTokens     int64 `json:"usage_cache_read_input_tokens"`
	UsageCacheCreationInputTokens int64 `json:"usage_cache_creation_input_tokens"`

	ResourceAttributes map[string]string `json:"resource_attributes"`
	SpanAttributes     map[string]string `json:"span_attributes"`
	ScopeName          string            `json:"scope_name"`
	ScopeVersion       string            `json:"scope_version"`
}

// spanKey identifies a span.
type spanKey struct{ trace, span string }

// expired reports whether data with the time t has expired.
func expired(t, now time.Time) bool { return now.Sub(t) > spanRetention }

// findSpan returns a span that has not expired, or nil.
func (d *store) findSpan(key spanKey, now time.Time) *Span {
	sp := d.spanByKey[key]
	if sp == nil || expired(sp.StartTime, now) {
		return nil
	}
	return sp
}

func (s *Server) searchSpans(r *http.Request) (answer, error) {
	search, err := s.readSearch(r, spanFields)
	if err != nil {
		return answer{}, err
	}
	d, now, unlock := s.lock()
	defer unlock()
	found := search.filter(itemsOf(d.spans, spanTime, func(sp *Span) bool { return !expired(sp.StartTime, now) }))
	return s.feed("spans", search, newestFirst(found)), nil
}

func (s *Server) listTraceSpans(r *http.Request) (answer, error) {
	c := check(r)
	search := c.search()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	trace := strings.ToLower(r.PathValue("trace_id"))
	d, now, unlock := s.lock()
	defer unlock()
	spans := d.traceItems(trace, now)
	if len(spans) == 0 {
		return answer{}, traceNotFound(trace)
	}
	return s.feed("spans", search, oldestFirst(search.filter(spans))), nil
}

// traceItems returns the spans of a trace that have not expired.
func (d *store) traceItems(trace string, now time.Time) []feedItem {
	return itemsOf(d.spans, spanTime, func(sp *Span) bool { return sp.TraceID == trace && !expired(sp.StartTime, now) })
}

func (s *Server) getSpan(r *http.Request) (answer, error) {
	c := check(r)
	from, to := c.timeRange()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	key := spanKey{trace: strings.ToLower(r.PathValue("trace_id")), span: strings.ToLower(r.PathValue("span_id"))}
	d, now, unlock := s.lock()
	defer unlock()
	if len(d.traceItems(key.trace, now)) == 0 {
		return answer{}, traceNotFound(key.trace)
	}
	sp := d.findSpan(key, now)
	if sp == nil || !within(sp.StartTime, from, to) {
		message := fmt.Sprintf("Span %s not found in trace %s", key.span, key.trace)
		return answer{}, apiError(http.StatusNotFound, "SPAN_NOT_FOUND", message)
	}
	return answer{http.StatusOK, toJSON(sp)}, nil
}

func traceNotFound(trace string) *failure {
	return apiError(http.StatusNotFound, "TRACE_NOT_FOUND", fmt.Sprintf("Trace %s not found", trace))
}
