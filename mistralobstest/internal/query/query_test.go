package query_test

import (
	"errors"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest/internal/query"
)

var schema = query.Schema{
	"name": query.Text, "empty": query.Text, "tokens": query.Int, "zero": query.Int,
	"score": query.Float, "unset": query.Float, "start": query.Time,
	"reasons": query.Array, "attributes": query.Map,
}

func row(field string) any {
	score := 0.25
	switch field {
	case "name":
		return "Chat mistral-small"
	case "empty":
		return ""
	case "tokens":
		return int64(9007199254740993)
	case "zero":
		return int64(0)
	case "score":
		return &score
	case "unset":
		return (*float64)(nil)
	case "start":
		return time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)
	case "reasons":
		return []string{"stop", "length"}
	case "attributes":
		return map[string]string{"gen_ai.request.model": "mistral-small", "tokens": "120", "it's": "x", "blank": ""}
	}
	panic("there is no field " + field)
}

func TestBlankExpressionMatchesEveryRow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " \t\n", "\u00a0"} {
		expression, err := query.Parse(text, schema)
		require.NoError(t, err, text)
		assert.True(t, expression.Match(row), text)
	}
}

// Parse never panics, and the positions of its errors are inside the expression.
func FuzzParse(f *testing.F) {
	for _, test := range matchTests() {
		f.Add(test.expression)
	}
	for _, test := range errorTests() {
		f.Add(test.expression)
	}
	f.Fuzz(func(t *testing.T, text string) {
		expression, err := query.Parse(text, schema)
		if err == nil {
			expression.Match(row)
			return
		}
		var syntax *query.SyntaxError
		require.True(t, errors.As(err, &syntax))
		assert.NotEmpty(t, syntax.Message)
		assert.Positive(t, syntax.Pos)
		assert.LessOrEqual(t, syntax.Pos, utf8.RuneCountInString(text)+1)
	})
}
