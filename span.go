package mistralobs

import (
	"fmt"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// Span is an operation of a trace, such as a call of a model or of a tool. The service keeps spans
// for 30 days. Fields without a value are zero.
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
	DurationNS     int64     `json:"duration_ns"` // nanoseconds
	SpanName       string    `json:"span_name"`
	SpanKind       string    `json:"span_kind"`
	ServiceName    string    `json:"service_name"`
	StatusCode     string    `json:"status_code"` // "Ok", "Error" or "Unset"
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

	// These fields hold JSON as text. Each has a method that decodes it, such as InputMessages.
	InputMessagesJSON      string `json:"input_messages"`
	OutputMessagesJSON     string `json:"output_messages"`
	SystemInstructionsJSON string `json:"system_instructions"`
	ToolDefinitionsJSON    string `json:"tool_definitions"`
	ToolCallArgumentsJSON  string `json:"tool_call_arguments"`
	ToolCallResultJSON     string `json:"tool_call_result"`

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

	received `json:"-"`
}

// String returns the JSON that the value was decoded from, or that it is encoded as.
func (s Span) String() string { return jsonText(s.raw, s) }

// Reference returns the IDs that name the span in other methods.
func (s *Span) Reference() SpanReference { return SpanReference{TraceID: s.TraceID, SpanID: s.SpanID} }

// InputMessages decodes InputMessagesJSON. Fields that [Message] does not have are in its Extra. It
// returns nil if the text is empty, and an error if it is not a list of messages.
func (s *Span) InputMessages() ([]Message, error) {
	return decodeMessages("InputMessagesJSON", s.InputMessagesJSON)
}

// OutputMessages decodes OutputMessagesJSON as [Span.InputMessages] does.
func (s *Span) OutputMessages() ([]Message, error) {
	return decodeMessages("OutputMessagesJSON", s.OutputMessagesJSON)
}

func decodeMessages(name, text string) (messages []Message, err error) {
	if text == "" {
		return nil, nil
	}
	err = decodeText(name, text, &messages)
	return messages, err
}

// SystemInstructions decodes SystemInstructionsJSON into v, as encoding/json does. Numbers that are
// decoded into an any become json.Number. It returns an error if the text is empty, is not JSON, or
// cannot be stored in v.
func (s *Span) SystemInstructions(v any) error {
	return decodeText("SystemInstructionsJSON", s.SystemInstructionsJSON, v)
}

// ToolDefinitions decodes ToolDefinitionsJSON as [Span.SystemInstructions] does.
func (s *Span) ToolDefinitions(v any) error {
	return decodeText("ToolDefinitionsJSON", s.ToolDefinitionsJSON, v)
}

// ToolCallArguments decodes ToolCallArgumentsJSON as [Span.SystemInstructions] does.
func (s *Span) ToolCallArguments(v any) error {
	return decodeText("ToolCallArgumentsJSON", s.ToolCallArgumentsJSON, v)
}

// ToolCallResult decodes ToolCallResultJSON as [Span.SystemInstructions] does.
func (s *Span) ToolCallResult(v any) error {
	return decodeText("ToolCallResultJSON", s.ToolCallResultJSON, v)
}

func decodeText(name, text string, v any) error {
	if text == "" {
		return fmt.Errorf("mistralobs: decoding %s: it is empty", name)
	}
	if !jsonscan.Valid([]byte(text)) {
		return fmt.Errorf("mistralobs: decoding %s: it is not JSON: %w", name, jsonError([]byte(text)))
	}
	if err := decodeExact([]byte(text), v); err != nil {
		return fmt.Errorf("mistralobs: decoding %s: %w", name, err)
	}
	return nil
}
