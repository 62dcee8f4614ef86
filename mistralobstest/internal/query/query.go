// Package query parses and evaluates the search language of spans.
//
//	expression = and { OR and }
//	and        = term { AND term }
//	term       = NOT term | "(" expression ")" | function | field test
//	function   = has(array, value) | hasany(array, [value, …]) | hasall(array, [value, …])
//	field      = name | name "[" string "]"
//	test       = ("=" | "!=" | "<" | "<=" | ">" | ">=") value
//	           | [NOT] (LIKE | ILIKE | CONTAINS | REGEXP) string
//	           | [NOT] BETWEEN value AND value
//	           | [NOT] IN "(" value { "," value } ")"
//	           | [NOT] EXISTS
//
// A value is a number or a string in single quotes; two single quotes in a string stand for one.
// Keywords and functions may be in any case.
package query

import (
	"fmt"
	"strings"
)

// Kind is the type of a field.
type Kind int

// The kinds, with the type of the value that a [Row] returns for a field.
const (
	Text  Kind = iota + 1 // string
	Int                   // int64
	Float                 // *float64; nil is null
	Time                  // time.Time
	Array                 // []string
	Map                   // map[string]string
)

// Schema has the kinds of all fields by name.
type Schema map[string]Kind

// Row returns the value of a field of the schema.
type Row func(field string) any

// Expression is a parsed search expression.
type Expression struct{ match predicate }

// Match reports whether the expression is true for a row.
func (e *Expression) Match(row Row) bool { return e.match(row) }

// SyntaxError says where and why an expression is invalid.
type SyntaxError struct {
	Pos     int // in characters, from 1
	Message string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("character %d: %s", e.Pos, e.Message) }

// Parse parses an expression over the fields of a schema. A blank expression matches every row. Its
// errors are of type [*SyntaxError].
func Parse(text string, schema Schema) (*Expression, error) {
	if strings.TrimSpace(text) == "" {
		return &Expression{func(Row) bool { return true }}, nil
	}
	tokens, err := lex(text)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens, schema: schema}
	match, err := p.expression()
	if err != nil {
		return nil, err
	}
	if next := p.peek(); next.kind != end {
		return nil, next.errorf("expected AND, OR or the end, not %s", next)
	}
	return &Expression{match}, nil
}
