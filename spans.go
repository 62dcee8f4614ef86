package mistralobs

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// SpanReference names a span. The service writes IDs in lower case; the SDK accepts either case.
type SpanReference struct {
	TraceID string `json:"trace_id"` // 32 hexadecimal characters
	SpanID  string `json:"span_id"`  // 16 hexadecimal characters
}

// lower returns the reference in lower case. The names of the fields in errors begin with prefix.
func (r SpanReference) lower(prefix string) (SpanReference, error) {
	if err := checkHex(prefix+"TraceID", r.TraceID, 32); err != nil {
		return r, err
	}
	if err := checkHex(prefix+"SpanID", r.SpanID, 16); err != nil {
		return r, err
	}
	return SpanReference{TraceID: strings.ToLower(r.TraceID), SpanID: strings.ToLower(r.SpanID)}, nil
}

func checkHex(name, id string, length int) error {
	if len(id) != length || strings.Trim(id, "0123456789abcdefABCDEF") != "" {
		return invalid(name, "it must have %d hexadecimal characters, got %q", length, id)
	}
	return nil
}

// SpanEvaluation is the result of a judge or another evaluator for a span. Fields without a value
// are zero.
type SpanEvaluation struct {
	CustomerID     string            `json:"customer_id"`
	OrganizationID string            `json:"organization_id"`
	WorkspaceID    string            `json:"workspace_id"`
	UserID         string            `json:"user_id"`
	TraceID        string            `json:"trace_id"`
	SpanID         string            `json:"span_id"`
	ResponseID     string            `json:"response_id"`
	ConversationID string            `json:"conversation_id"`
	Timestamp      time.Time         `json:"timestamp"`
	EvaluationName string            `json:"evaluation_name"` // of the judge or evaluator
	ScoreValue     float64           `json:"score_value"`
	ScoreLabel     string            `json:"score_label"`
	Explanation    string            `json:"explanation"`
	Metadata       map[string]string `json:"metadata"`
}

// Reference returns the IDs of the span that the evaluation is about.
func (e *SpanEvaluation) Reference() SpanReference {
	return SpanReference{TraceID: e.TraceID, SpanID: e.SpanID}
}

// SpanField is a field that a search can use.
type SpanField struct {
	Name                  string   `json:"name"`
	Label                 string   `json:"label"`
	Type                  string   `json:"type"`                 // such as "ENUM", "TEXT", "INT", "TIMESTAMP", "MAP"
	Group                 string   `json:"group"`                // "" if it has none
	SourceAttributeKey    string   `json:"source_attribute_key"` // the key for a SpanMapping, or ""
	SupportedOperators    []string `json:"supported_operators"`
	SupportedAggregations []string `json:"supported_aggregations"`
}

// Feed is one page of a search. It has no total and no page number.
type Feed[T any] struct {
	Items      []T
	NextCursor string // the Cursor of the next page; "" at the end
}

func (f *Feed[T]) decode(d *resultDecoder, s *jsonscan.Scanner, path string) (err error) {
	var next, cursor string
	f.Items, err = decodeItems[T](d, s, path, func(name, value []byte) {
		switch string(name) {
		case "next":
			next = continuation(value)
		case "cursor":
			cursor = continuation(value)
		}
	})
	f.NextCursor = cmp.Or(next, cursor) // if both are set and differ, cursor can name the page itself
	return err
}

// SearchSpansParams selects spans. Its zero value selects all that the service keeps. It is not
// published whether From and To are inclusive.
//
// Expression is in the service's search language. It has the operators =, !=, <, <=, >, >=, LIKE,
// ILIKE, CONTAINS, REGEXP, BETWEEN, IN and EXISTS, with AND, OR, NOT and parentheses. Strings are
// in single quotes, and attributes in brackets: span_attributes['gen_ai.request.model'] = 'm'.
// [SpansService.Fields] returns the fields.
type SearchSpansParams struct {
	Expression string    // a search; "" selects all
	From       time.Time // the earliest time; zero means no limit
	To         time.Time // the latest time; zero means no limit
	PageSize   int       // at most MaxPageSize; 0 means 50, or MaxPageSize in All methods
	Cursor     string    // the NextCursor of an earlier Feed; "" starts at the beginning
}

// SearchEvaluationsParams selects evaluations of spans. The fields are as in [SearchSpansParams].
type SearchEvaluationsParams struct {
	Expression string
	From       time.Time
	To         time.Time
	PageSize   int
	Cursor     string
	Latest     bool // return only the newest evaluation of each span and name
}

// TraceSpansParams selects spans of a trace. The fields are as in [SearchSpansParams].
type TraceSpansParams struct {
	From     time.Time
	To       time.Time
	PageSize int
	Cursor   string
}

// feedQuery returns the parameters of a search that belong into the URL.
func feedQuery(from, to time.Time, pageSize int, cursor string) (url.Values, error) {
	if pageSize < 0 || pageSize > MaxPageSize {
		return nil, invalid("PageSize", "it must be 0 to %d, got %d", MaxPageSize, pageSize)
	}
	query, err := timeRange(from, to)
	if err != nil {
		return nil, err
	}
	if pageSize > 0 {
		query.Set("page_size", strconv.Itoa(pageSize))
	}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	return query, nil
}

func timeRange(from, to time.Time) (url.Values, error) {
	if !from.IsZero() && !to.IsZero() && from.After(to) {
		return nil, invalid("From", "it is after To: %s, %s",
			from.Format(time.RFC3339Nano), to.Format(time.RFC3339Nano))
	}
	query := url.Values{}
	if !from.IsZero() {
		query.Set("from", from.UTC().Format(time.RFC3339Nano))
	}
	if !to.IsZero() {
		query.Set("to", to.UTC().Format(time.RFC3339Nano))
	}
	return query, nil
}

// SpansService searches the telemetry of applications. Use it as [Client].Spans. Import the spans
// that it finds with [ImportsService.FromSpans].
//
// The service lets you read traces only with a role that allows it, or in an Enterprise
// organization. Otherwise the methods return an error that matches [ErrForbidden].
type SpansService struct{ client *Client }

// search sends a search for an expression.
func search[T any](
	ctx context.Context, c *Client, expression string, req request, opts []CallOption,
) (*Feed[T], error) {
	var err error
	if req.body, err = encode(searchBody{expression}); err != nil {
		req.err = invalid("Expression", "it is not valid UTF-8")
	}
	req.required = hasSpanID
	return fetch[Feed[T]](ctx, c, req, opts)
}

var hasSpanID = []string{"trace_id", "span_id"}

type searchBody struct {
	Expression string `json:"search_expression,omitzero"`
}

// Search returns one page of the spans that match.
//
// API: POST /v1/observability/spans/search
//
// It returns an error that matches [ErrInvalidParams] if the page size is above [MaxPageSize] or
// From is after To. It returns an [Error] with code [CodeTracesFilterQueryParseError] or
// [CodeSearchBadRequest] if the service does not understand the expression.
func (s *SpansService) Search(ctx context.Context, params SearchSpansParams, opts ...CallOption) (*Feed[Span], error) {
	query, err := feedQuery(params.From, params.To, params.PageSize, params.Cursor)
	return search[Span](ctx, s.client, params.Expression, request{
		name: "spans.search", action: "search spans", route: "POST /v1/observability/spans/search",
		envelope: "spans", query: query, err: err,
	}, opts)
}

// All returns an iterator over all spans that match. Each range over it requests the pages again.
// It yields at most one error, last: an error of [SpansService.Search], or one that matches
// [ErrNoProgress] if the service repeats pages.
func (s *SpansService) All(
	ctx context.Context, params SearchSpansParams, opts ...CallOption,
) iter.Seq2[*Span, error] {
	params.PageSize = cmp.Or(params.PageSize, MaxPageSize)
	return walkFeed(ctx, "search spans", params.Cursor, func(ctx context.Context, cursor string) (*Feed[Span], error) {
		params := params
		params.Cursor = cursor
		return s.Search(ctx, params, opts...)
	}, spanKey)
}

func spanKey(s *Span) string { return s.TraceID + s.SpanID }

// SearchEvaluations returns one page of the evaluations that match. With params.Latest, it uses the
// second path and returns only the newest evaluation of each span and name.
//
// API: POST /v1/observability/spans/evaluations/search
//
// API: POST /v1/observability/spans/evaluations/search/latest
//
// The errors are those of [SpansService.Search].
func (s *SpansService) SearchEvaluations(
	ctx context.Context, params SearchEvaluationsParams, opts ...CallOption,
) (*Feed[SpanEvaluation], error) {
	query, err := feedQuery(params.From, params.To, params.PageSize, params.Cursor)
	req := request{
		name: "spans.search_evaluations", action: "search evaluations of spans",
		route: "POST /v1/observability/spans/evaluations/search", envelope: "span_evaluations", query: query, err: err,
	}
	if params.Latest {
		req.name = "spans.latest_evaluations"
		req.route += "/latest"
	}
	return search[SpanEvaluation](ctx, s.client, params.Expression, req, opts)
}

// AllEvaluations returns an iterator over all evaluations that match, as [SpansService.All] does
// for spans. The errors are those of [SpansService.SearchEvaluations], and one that matches
// [ErrNoProgress].
func (s *SpansService) AllEvaluations(
	ctx context.Context, params SearchEvaluationsParams, opts ...CallOption,
) iter.Seq2[*SpanEvaluation, error] {
	params.PageSize = cmp.Or(params.PageSize, MaxPageSize)
	fetch := func(ctx context.Context, cursor string) (*Feed[SpanEvaluation], error) {
		params := params
		params.Cursor = cursor
		return s.SearchEvaluations(ctx, params, opts...)
	}
	return walkFeed(ctx, "search evaluations of spans", params.Cursor, fetch, evaluationKey)
}

func evaluationKey(e *SpanEvaluation) string {
	return e.TraceID + e.SpanID + e.Timestamp.String() + e.EvaluationName
}

// Get returns a span.
//
// API: GET /v1/observability/traces/{trace_id}/spans/{span_id}
//
// It returns an error that matches [ErrInvalidParams] if an ID is not as [SpanReference] says, and
// one that matches [ErrNotFound] if there is no such span.
func (s *SpansService) Get(ctx context.Context, reference SpanReference, opts ...CallOption) (*Span, error) {
	reference, err := reference.lower("")
	return fetch[Span](ctx, s.client, request{
		name: "spans.get", action: "get span", route: "GET /v1/observability/traces/{trace_id}/spans/{span_id}",
		ids: ids{reference.TraceID, reference.SpanID}, err: err,
		required: hasSpanID,
	}, opts)
}

// AllOfTrace returns an iterator over the spans of a trace. Each range over it requests the pages
// again. It yields at most one error, last.
//
// API: GET /v1/observability/traces/{trace_id}/spans
//
// The error matches [ErrInvalidParams] if a parameter is invalid, [ErrNotFound] if there is no such
// trace, or [ErrNoProgress] if the service repeats pages.
func (s *SpansService) AllOfTrace(
	ctx context.Context, traceID string, params TraceSpansParams, opts ...CallOption,
) iter.Seq2[*Span, error] {
	pageSize := cmp.Or(params.PageSize, MaxPageSize)
	fetch := func(ctx context.Context, cursor string) (*Feed[Span], error) {
		query, err := feedQuery(params.From, params.To, pageSize, cursor)
		if err == nil {
			err = checkHex("traceID", traceID, 32)
		}
		return fetch[Feed[Span]](ctx, s.client, request{
			name: "spans.list_of_trace", action: "list spans of trace",
			route: "GET /v1/observability/traces/{trace_id}/spans", ids: ids{strings.ToLower(traceID)},
			query: query, err: err, envelope: "spans", required: hasSpanID,
		}, opts)
	}
	return walkFeed(ctx, "list spans of trace", params.Cursor, fetch, spanKey)
}

type spanFields []SpanField

func (f *spanFields) decode(d *resultDecoder, s *jsonscan.Scanner, path string) error {
	raw, ok := s.Raw()
	switch {
	case !ok:
		return errSyntax
	case raw[0] != '[':
		return incompleteError(path)
	}
	if err := d.count(raw); err != nil {
		return err
	}
	if err := jsonv2.Unmarshal(raw, (*[]SpanField)(f), decoding); err != nil {
		return err
	}
	for i, field := range *f {
		if field.Name == "" {
			return incompleteError(fmt.Sprintf("%s[%d].name", path, i))
		}
	}
	return nil
}

// Fields returns the fields that a search can use.
//
// API: GET /v1/observability/spans/fields
func (s *SpansService) Fields(ctx context.Context, opts ...CallOption) ([]SpanField, error) {
	fields, err := fetch[spanFields](ctx, s.client, request{
		name: "spans.fields", action: "list fields of spans", route: "GET /v1/observability/spans/fields",
		envelope: "field_definitions", required: []string{},
	}, opts)
	if err != nil {
		return nil, err
	}
	return *fields, nil
}

type spanFieldOptions struct {
	Options optionList `json:"options"`
}

// optionList is a list of texts. It is not nil after a null, which is a list without texts.
type optionList []string

func (l *optionList) UnmarshalJSON(raw []byte) error {
	*l = optionList{}
	if err := jsonv2.Unmarshal(raw, (*[]string)(l), lenient); err != nil || *l == nil {
		*l = optionList{}
	}
	return nil
}

// FieldOptions returns the values that a field had between from and to. A zero time means no limit;
// it is not published whether the limits are inclusive. The list is empty, not nil, if there are
// none. More than 100,000 values are an error that matches [ErrUnexpectedResponse].
//
// API: GET /v1/observability/spans/fields/{field_name}/options
//
// It returns an error that matches [ErrInvalidParams] if name is empty or from is after to.
func (s *SpansService) FieldOptions(
	ctx context.Context, name string, from, to time.Time, opts ...CallOption,
) ([]string, error) {
	query, err := timeRange(from, to)
	options, err := fetch[spanFieldOptions](ctx, s.client, request{
		name: "spans.field_options", action: "list options of field",
		route: "GET /v1/observability/spans/fields/{field_name}/options", ids: ids{name}, query: query,
		err: err, required: []string{"options"},
	}, opts)
	if err != nil {
		return nil, err
	}
	return options.Options, nil
}
