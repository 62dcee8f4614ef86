package query

import (
	"slices"
	"strconv"
	"strings"
)

// maxDepth limits the nesting of brackets and NOT.
const maxDepth = 100

type parser struct {
	tokens []token // the last one is of kind end
	schema Schema
	depth  int
}

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

// accept consumes the next token if it is the keyword or symbol.
func (p *parser) accept(name string) bool {
	if !p.peek().is(name) {
		return false
	}
	p.next()
	return true
}

func (p *parser) expect(name string) error {
	if t := p.next(); !t.is(name) {
		return t.errorf("expected %q, not %s", name, t)
	}
	return nil
}

func (p *parser) expression() (predicate, error) {
	return p.chain("OR", anyOf, func() (predicate, error) { return p.chain("AND", allOf, p.term) })
}

// chain parses one or more parts that a keyword joins.
func (p *parser) chain(
	keyword string, join func([]predicate) predicate, part func() (predicate, error),
) (predicate, error) {
	var parts []predicate
	for {
		one, err := part()
		if err != nil {
			return nil, err
		}
		parts = append(parts, one)
		if !p.accept(keyword) {
			return join(parts), nil
		}
	}
}

func (p *parser) term() (predicate, error) {
	p.depth++
	defer func() { p.depth-- }()
	start := p.peek()
	if p.depth > maxDepth {
		return nil, start.errorf("the expression is nested deeper than %d levels", maxDepth)
	}
	switch {
	case p.accept("NOT"):
		inner, err := p.term()
		return negate(inner), err
	case p.accept("("):
		inner, err := p.expression()
		if err != nil {
			return nil, err
		}
		return inner, p.expect(")")
	case start.kind != word || isKeyword(start):
		return nil, start.errorf("expected a field, not %s", start)
	case p.tokens[1].is("("):
		return p.function()
	}
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	return p.test(field)
}

var keywords = []string{"AND", "OR", "NOT", "LIKE", "ILIKE", "CONTAINS", "REGEXP", "BETWEEN", "IN", "EXISTS"}

func isKeyword(t token) bool {
	return slices.ContainsFunc(keywords, t.is)
}

// field parses a field name with its key, if it has one.
func (p *parser) field() (operand, error) {
	name := p.next()
	kind := p.schema[name.text]
	if name.kind != word || kind == 0 {
		return operand{}, name.errorf("there is no field %s", name)
	}
	field := operand{token: name, kind: kind}
	if !p.peek().is("[") {
		return field, nil
	}
	if kind != Map {
		return operand{}, p.peek().errorf("%s has no keys", name)
	}
	p.next()
	key := p.next()
	if key.kind != text {
		return operand{}, key.errorf("expected a key in single quotes, not %s", key)
	}
	field.key, field.kind, field.keyed = key.text, Text, true
	return field, p.expect("]")
}

// test parses what follows a field.
func (p *parser) test(field operand) (predicate, error) {
	negated := p.accept("NOT")
	match, err := p.positiveTest(field, negated)
	if err != nil {
		return nil, err
	}
	if negated {
		return negate(match), nil
	}
	return match, nil
}

func (p *parser) positiveTest(field operand, negated bool) (predicate, error) {
	op := p.next()
	keyword := strings.ToUpper(op.text)
	if op.kind != word && op.kind != symbol {
		keyword = ""
	}
	switch keyword {
	case "=", "!=", "<", "<=", ">", ">=":
		if negated {
			break
		}
		value, err := p.literal()
		if err != nil {
			return nil, err
		}
		return field.compare(op.text, value)
	case "LIKE", "ILIKE", "CONTAINS", "REGEXP":
		return field.matches(op, p.next())
	case "BETWEEN":
		return p.between(field)
	case "IN":
		values, err := p.literals("(", ")")
		if err != nil {
			return nil, err
		}
		return field.isOneOf(values)
	case "EXISTS":
		return field.exists(), nil
	}
	return nil, op.errorf("expected an operator, not %s", op)
}

func (p *parser) between(field operand) (predicate, error) {
	low, err := p.literal()
	if err != nil {
		return nil, err
	}
	if err := p.expect("AND"); err != nil {
		return nil, err
	}
	high, err := p.literal()
	if err != nil {
		return nil, err
	}
	above, err := field.compare(">=", low)
	if err != nil {
		return nil, err
	}
	below, err := field.compare("<=", high)
	return allOf([]predicate{above, below}), err
}

// literal is a number or a string.
type literal struct {
	token
	number  float64
	integer int64
	whole   bool // reports whether the number is exactly integer
}

func (p *parser) literal() (literal, error) {
	t := p.next()
	value := literal{token: t}
	switch t.kind {
	case text:
		return value, nil
	case number:
		f, err := strconv.ParseFloat(t.text, 64)
		if err != nil || strings.Contains(t.text, "_") {
			return literal{}, t.errorf("%s is not a number", t)
		}
		value.number = f
		value.integer, err = strconv.ParseInt(t.text, 10, 64)
		value.whole = err == nil
		return value, nil
	}
	return literal{}, t.errorf("expected a number or a string in single quotes, not %s", t)
}

// literals parses one or more values between two symbols.
func (p *parser) literals(open, closing string) ([]literal, error) {
	if err := p.expect(open); err != nil {
		return nil, err
	}
	var values []literal
	for {
		value, err := p.literal()
		if err != nil {
			return nil, err
		}
		values = append(values, value)
		if !p.accept(",") {
			return values, p.expect(closing)
		}
	}
}

// function parses a call of has, hasany or hasall.
func (p *parser) function() (predicate, error) {
	name := p.next()
	function := strings.ToLower(name.text)
	if function != "has" && function != "hasany" && function != "hasall" {
		return nil, name.errorf("there is no function %s", name)
	}
	p.next() // the bracket that term has seen
	field, err := p.field()
	if err != nil {
		return nil, err
	}
	if field.kind != Array {
		return nil, field.errorf("%s needs an array, and %s is none", function, field)
	}
	if err := p.expect(","); err != nil {
		return nil, err
	}
	values, err := p.arguments(function)
	if err != nil {
		return nil, err
	}
	for _, value := range values {
		if value.kind != text {
			return nil, value.errorf("%s holds strings; put the value in single quotes", field)
		}
	}
	return field.has(values, function == "hasall"), p.expect(")")
}

func (p *parser) arguments(function string) ([]literal, error) {
	if function == "has" {
		value, err := p.literal()
		return []literal{value}, err
	}
	return p.literals("[", "]")
}
