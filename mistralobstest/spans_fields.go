package mistralobstest

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	mistralobs "github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest/internal/query"
)

// fieldSet holds the searchable fields of spans or evaluations.
type fieldSet struct {
	list  []field // in the order of the API reference
	index map[string][]int
	kinds query.Schema
}

// field is a searchable field.
type field struct {
	index     []int // in the struct
	name      string
	kind      query.Kind
	enum      bool   // reports whether a client can list its values
	attribute string // its standard attribute, or ""
}

var (
	spanFields       = fieldsOf(reflect.TypeFor[mistralobs.Span]())
	evaluationFields = fieldsOf(reflect.TypeFor[mistralobs.SpanEvaluation]())
)

// enumFields are the fields whose values a client can list.
var enumFields = []string{
	"span_name", "span_kind", "service_name", "status_code", "error_type", "operation_name", "provider_name",
	"request_model", "response_model", "output_type", "agent_name", "workflow_name", "prompt_name", "tool_name",
	"tool_type", "evaluation_name", "score_label",
}

// fieldsOf returns the fields of a struct by their JSON names.
func fieldsOf(t reflect.Type) *fieldSet {
	set := &fieldSet{kinds: query.Schema{}, index: map[string][]int{}}
	for _, member := range reflect.VisibleFields(t) {
		name := member.Tag.Get("json")
		if name == "" || name == "-" {
			continue
		}
		f := field{index: member.Index, name: name, kind: kindOf(member.Type)}
		f.enum = slices.Contains(enumFields, f.name)
		f.attribute = attributeOf(f.name)
		set.list = append(set.list, f)
		set.kinds[f.name] = f.kind
		set.index[f.name] = f.index
	}
	return set
}

func kindOf(t reflect.Type) query.Kind {
	switch t {
	case reflect.TypeFor[string]():
		return query.Text
	case reflect.TypeFor[int64]():
		return query.Int
	case reflect.TypeFor[float64](), reflect.TypeFor[*float64]():
		return query.Float
	case reflect.TypeFor[time.Time]():
		return query.Time
	case reflect.TypeFor[[]string]():
		return query.Array
	}
	return query.Map
}

// row gives the search language access to the fields of a struct.
func (set *fieldSet) row(item any) query.Row {
	v := reflect.ValueOf(item).Elem()
	return func(name string) any {
		value := v.FieldByIndex(set.index[name])
		if value.Kind() == reflect.Float64 {
			return value.Addr().Interface()
		}
		return value.Interface()
	}
}

func (s *Server) listSpanFields(*http.Request) (answer, error) {
	definitions := jsonArray(spanFields.list, func(f field) []byte { return toJSON(f.definition()) })
	return answer{http.StatusOK, new(object).raw("field_definitions", definitions).bytes()}, nil
}

// definition returns the field as an element of field_definitions.
func (f field) definition() fields {
	var group, attribute any
	if prefix, _, found := strings.Cut(f.name, "_"); found {
		group = prefix
	}
	if f.attribute != "" {
		attribute = f.attribute
	}
	name := f.typeName()
	return fields{
		"name": f.name, "label": label(f.name), "type": name, "group": group, "source_attribute_key": attribute,
		"supported_operators": operators[name], "supported_aggregations": aggregations[name],
	}
}

// label returns a readable name of a field, such as "Request model".
func label(name string) string {
	return strings.ToUpper(name[:1]) + strings.ReplaceAll(name[1:], "_", " ")
}

func (f field) typeName() string {
	switch {
	case f.enum:
		return "ENUM"
	case f.kind == query.Int:
		return "INT"
	case f.kind == query.Float:
		return "FLOAT"
	case f.kind == query.Time:
		return "TIMESTAMP"
	case f.kind == query.Array:
		return "ARRAY"
	case f.kind == query.Map:
		return "MAP"
	}
	return "TEXT"
}

var (
	textOperators = []string{
		"eq", "neq", "lt", "lte", "gt", "gte", "like", "not_like", "ilike", "not_ilike", "contains", "not_contains",
		"regexp", "not_regexp", "between", "not_between", "in", "not_in", "exists", "not_exists",
	}
	numberOperators = []string{
		"eq", "neq", "lt", "lte", "gt", "gte", "between", "not_between", "in", "not_in", "exists", "not_exists",
	}
	operators = map[string][]string{
		"TEXT": textOperators, "ENUM": textOperators, "MAP": textOperators,
		"INT": numberOperators, "FLOAT": numberOperators, "TIMESTAMP": numberOperators,
		"ARRAY": {"has", "hasAny", "hasAll", "exists", "not_exists"},
	}
	numberAggregations = []string{"count", "count_distinct", "sum", "avg", "min", "max", "p50", "p90", "p95", "p99"}
	aggregations       = map[string][]string{
		"TEXT": {"count", "count_distinct"}, "ENUM": {"count", "count_distinct"}, "MAP": {"count"}, "ARRAY": {"count"},
		"INT": numberAggregations, "FLOAT": numberAggregations, "TIMESTAMP": {"count", "min", "max"},
	}
)

func (s *Server) listSpanFieldOptions(r *http.Request) (answer, error) {
	c := check(r)
	from, to := c.timeRange()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	name := r.PathValue("field_name")
	i := slices.IndexFunc(spanFields.list, func(f field) bool { return f.name == name })
	if i < 0 {
		message := fmt.Sprintf("There is no field %s", name)
		return answer{}, apiError(http.StatusBadRequest, "FIELDS_BAD_REQUEST", message)
	}
	d, now, unlock := s.lock()
	defer unlock()
	var options []string // nil is null
	if spanFields.list[i].enum {
		options = d.optionsOf(name, func(sp *mistralobs.Span) bool {
			return !expired(sp.StartTime, now) && within(sp.StartTime, from, to)
		})
	}
	return answer{http.StatusOK, new(object).set("options", options).bytes()}, nil
}

// optionsOf returns the sorted values of a text field in the spans that keep accepts.
func (d *store) optionsOf(name string, keep func(*mistralobs.Span) bool) []string {
	var options []string
	for _, sp := range d.spans {
		if value, _ := spanFields.row(sp)(name).(string); keep(sp) && value != "" {
			options = append(options, value)
		}
	}
	slices.Sort(options)
	return slices.Compact(options)
}
