package query_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest/internal/query"
)

type matchTest struct {
	expression string
	want       bool
}

func TestMatch(t *testing.T) {
	t.Parallel()
	for _, test := range matchTests() {
		expression, err := query.Parse(test.expression, schema)
		require.NoError(t, err, test.expression)
		assert.Equal(t, test.want, expression.Match(row), test.expression)
	}
}

func matchTests() []matchTest {
	return []matchTest{
		// Comparisons.
		{expression: "name = 'Chat mistral-small'", want: true},
		{expression: "name='chat mistral-small'"},
		{expression: "name != 'x'", want: true},
		{expression: "name < 'D'", want: true},
		{expression: "tokens = 9007199254740993", want: true},
		{expression: "tokens > 9007199254740992", want: true},
		{expression: "tokens >= 9.007e15", want: true},
		{expression: "zero > -1", want: true},
		{expression: "score <= .25", want: true},
		{expression: "score < 0.25"},
		{expression: "unset = 0"},
		{expression: "unset != 0"},
		{expression: "start > '2026-11-05T00:00:00Z'", want: true},
		{expression: "start = '2026-11-05T14:00:00.000+02:00'", want: true},
		// Map access.
		{expression: "attributes['gen_ai.request.model'] = 'mistral-small'", want: true},
		{expression: "attributes['tokens'] > 99", want: true},
		{expression: "attributes['gen_ai.request.model'] != 1"},
		{expression: "attributes['it''s'] = 'x'", want: true},
		{expression: "attributes['missing'] = ''", want: true},
		// Patterns.
		{expression: "name LIKE 'Chat%'", want: true},
		{expression: "name LIKE 'chat%'"},
		{expression: "name ilike 'chat%SMALL'", want: true},
		{expression: "name LIKE '%mistral_small'", want: true},
		{expression: `name LIKE '%mistral\_small'`},
		{expression: "name LIKE 'Chat'"},
		{expression: "name LIKE '.*'"},
		{expression: "name NOT LIKE 'x%'", want: true},
		{expression: "name NOT ILIKE 'CHAT%'"},
		{expression: "name CONTAINS 'mistral'", want: true},
		{expression: "name NOT CONTAINS 'mistral'"},
		{expression: `name REGEXP '^Chat\s[a-z]+-small$'`, want: true},
		{expression: "name NOT REGEXP 'large'", want: true},
		// Ranges and lists.
		{expression: "score BETWEEN 0.25 AND 0.5", want: true},
		{expression: "score NOT BETWEEN 0 AND 0.2", want: true},
		{expression: "score BETWEEN 0.3 AND 1 OR zero = 0", want: true},
		{expression: "zero IN (1, 0)", want: true},
		{expression: "name NOT IN ('a','b')", want: true},
		// Existence.
		{expression: "name EXISTS", want: true},
		{expression: "empty EXISTS"},
		{expression: "empty NOT EXISTS", want: true},
		{expression: "zero EXISTS"},
		{expression: "unset NOT EXISTS", want: true},
		{expression: "start EXISTS AND reasons EXISTS AND attributes EXISTS", want: true},
		{expression: "attributes['blank'] EXISTS", want: true},
		{expression: "attributes['missing'] EXISTS"},
		// Functions.
		{expression: "has(reasons, 'stop')", want: true},
		{expression: "HAS(reasons, 'error')"},
		{expression: "hasAny(reasons, ['error', 'length'])", want: true},
		{expression: "hasall(reasons, ['stop', 'error'])"},
		{expression: "hasall(reasons, ['stop', 'length'])", want: true},
		// Combinations: NOT binds tighter than AND, and AND tighter than OR.
		{expression: "zero = 0 OR zero = 1 AND zero = 2", want: true},
		{expression: "(zero = 0 OR zero = 1) AND zero = 2"},
		{expression: "NOT zero = 1 AND zero = 0", want: true},
		{expression: "NOT (zero = 1 OR zero = 0)"},
		{expression: "not not zero = 0 and (((zero = 0)))", want: true},
	}
}
