package query_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest/internal/query"
)

type errorTest struct{ expression, want string }

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for _, test := range errorTests() {
		_, err := query.Parse(test.expression, schema)
		assert.EqualError(t, err, test.want, test.expression)
	}
}

func errorTests() []errorTest {
	return []errorTest{
		{expression: "name", want: "character 5: expected an operator, not the end"},
		{expression: "name =", want: "character 7: expected a number or a string in single quotes, not the end"},
		{expression: "name = x", want: `character 8: expected a number or a string in single quotes, not "x"`},
		{expression: `name = "x"`, want: `character 8: unexpected character '"'`},
		{expression: "name = 'é' + 1", want: `character 12: unexpected character '+'`},
		{expression: "name = 'x", want: "character 8: the string has no closing quote"},
		{expression: "name = 'x' 'y'", want: "character 12: expected AND, OR or the end, not a string"},
		{expression: "name = 1", want: `character 8: compare "name" with a string in single quotes, not with "1"`},
		{expression: "name 'IN' ('x')", want: "character 6: expected an operator, not a string"},
		{expression: "name NOT = 'x'", want: `character 10: expected an operator, not "="`},
		{expression: "name SOUNDS 'x'", want: `character 6: expected an operator, not "SOUNDS"`},
		{expression: "name IN ()", want: `character 10: expected a number or a string in single quotes, not ")"`},
		{expression: "name IN ('x'", want: `character 13: expected ")", not the end`},
		{expression: "name LIKE 1", want: `character 11: expected a string in single quotes, not "1"`},
		{expression: "name REGEXP '['", want: `character 13: "[" is not a regular expression`},
		{expression: "nobody = 'x'", want: `character 1: there is no field "nobody"`},
		{expression: "'name' = 'x'", want: "character 1: expected a field, not a string"},
		{expression: "AND name = 'x'", want: `character 1: expected a field, not "AND"`},
		{expression: "name = 'x' AND", want: "character 15: expected a field, not the end"},
		{expression: "(name = 'x'", want: `character 12: expected ")", not the end`},
		{expression: "name = 'x')", want: `character 11: expected AND, OR or the end, not ")"`},
		{expression: "name['x'] = 'y'", want: `character 5: "name" has no keys`},
		{expression: "tokens = '1'", want: `character 10: compare "tokens" with a number, not with a string`},
		{expression: "tokens = 1x", want: `character 10: "1x" is not a number`},
		{expression: "tokens = 1_0", want: `character 10: "1_0" is not a number`},
		{expression: "tokens LIKE '1'", want: `character 8: LIKE needs a text field, and "tokens" is none`},
		{expression: "tokens BETWEEN 1, 2", want: `character 17: expected "AND", not ","`},
		{expression: "start > 'today'", want: `character 9: "today" is not an RFC 3339 time`},
		{expression: "reasons = 'stop'", want: `character 1: "reasons" is an array; use has, hasany or hasall`},
		{expression: "attributes = 'x'", want: `character 1: "attributes" needs a key in square brackets`},
		{expression: "attributes[x] = 'y'", want: `character 12: expected a key in single quotes, not "x"`},
		{expression: "has(name, 'x')", want: `character 5: has needs an array, and "name" is none`},
		{expression: "has(reasons, 1)", want: `character 14: "reasons" holds strings; put the value in single quotes`},
		{expression: "hasany(reasons, 'x')", want: `character 17: expected "[", not a string`},
		{expression: "hastoken(name, 'x')", want: `character 1: there is no function "hastoken"`},
		{
			expression: strings.Repeat("(", 101) + "name = 'x'" + strings.Repeat(")", 101),
			want:       "character 101: the expression is nested deeper than 100 levels",
		},
		{
			expression: strings.Repeat("NOT ", 101) + "name = 'x'",
			want:       "character 401: the expression is nested deeper than 100 levels",
		},
	}
}
