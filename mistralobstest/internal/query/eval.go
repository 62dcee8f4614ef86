package query

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

type predicate func(Row) bool

func allOf(parts []predicate) predicate {
	if len(parts) == 1 {
		return parts[0]
	}
	return func(row Row) bool {
		return !slices.ContainsFunc(parts, func(match predicate) bool { return !match(row) })
	}
}

func anyOf(parts []predicate) predicate {
	if len(parts) == 1 {
		return parts[0]
	}
	return func(row Row) bool {
		return slices.ContainsFunc(parts, func(match predicate) bool { return match(row) })
	}
}

func negate(match predicate) predicate {
	return func(row Row) bool { return !match(row) }
}

// operand is a field, or a key of a field of kind Map.
type operand struct {
	token      // the field's name
	kind  Kind // Text if keyed
	key   string
	keyed bool
}

// textOf returns the value of an operand of kind Text. It returns "" for a missing key.
func (o operand) textOf(row Row) string {
	if o.keyed {
		values, _ := row(o.text).(map[string]string)
		return values[o.key]
	}
	value, _ := row(o.text).(string)
	return value
}

// compare returns the predicate of a comparison. Comparisons with a null value are false, and
// comparisons of a number with a string that is not a number.
func (o operand) compare(op string, value literal) (predicate, error) {
	order, err := o.order(value)
	if err != nil {
		return nil, err
	}
	accept := map[string]func(int) bool{
		"=":  func(c int) bool { return c == 0 },
		"!=": func(c int) bool { return c != 0 },
		"<":  func(c int) bool { return c < 0 },
		"<=": func(c int) bool { return c <= 0 },
		">":  func(c int) bool { return c > 0 },
		">=": func(c int) bool { return c >= 0 },
	}[op]
	return func(row Row) bool {
		c, ok := order(row)
		return ok && accept(c)
	}, nil
}

// order returns a function that compares the operand with a value.
func (o operand) order(value literal) (func(Row) (int, bool), error) {
	switch {
	case o.kind == Text && value.kind == text:
		return func(row Row) (int, bool) { return strings.Compare(o.textOf(row), value.text), true }, nil
	case o.keyed:
		return func(row Row) (int, bool) {
			f, err := strconv.ParseFloat(o.textOf(row), 64)
			return cmp.Compare(f, value.number), err == nil
		}, nil
	case o.kind == Int && value.kind == number:
		return func(row Row) (int, bool) { return compareInt(row(o.text), value) }, nil
	case o.kind == Float && value.kind == number:
		return func(row Row) (int, bool) {
			f, _ := row(o.text).(*float64)
			if f == nil {
				return 0, false
			}
			return cmp.Compare(*f, value.number), true
		}, nil
	case o.kind == Time && value.kind == text:
		return o.orderTime(value)
	}
	return nil, o.mismatch(value)
}

func compareInt(v any, value literal) (int, bool) {
	n, ok := v.(int64)
	if value.whole {
		return cmp.Compare(n, value.integer), ok
	}
	return cmp.Compare(float64(n), value.number), ok
}

func (o operand) orderTime(value literal) (func(Row) (int, bool), error) {
	limit, err := time.Parse(time.RFC3339, value.text)
	if err != nil {
		return nil, value.errorf("%q is not an RFC 3339 time", value.text)
	}
	return func(row Row) (int, bool) {
		t, ok := row(o.text).(time.Time)
		return t.Compare(limit), ok
	}, nil
}

// mismatch returns the error of a comparison with a value of the wrong type.
func (o operand) mismatch(value literal) error {
	switch o.kind {
	case Text, Time:
		return value.errorf("compare %s with a string in single quotes, not with %s", o.token, value.token)
	case Array:
		return o.errorf("%s is an array; use has, hasany or hasall", o.token)
	case Map:
		return o.errorf("%s needs a key in square brackets", o.token)
	}
	return value.errorf("compare %s with a number, not with %s", o.token, value.token)
}

func (o operand) isOneOf(values []literal) (predicate, error) {
	var equal []predicate
	for _, value := range values {
		one, err := o.compare("=", value)
		if err != nil {
			return nil, err
		}
		equal = append(equal, one)
	}
	return anyOf(equal), nil
}

// matches returns the predicate of LIKE, ILIKE, CONTAINS or REGEXP.
func (o operand) matches(op, pattern token) (predicate, error) {
	if o.kind != Text {
		return nil, op.errorf("%s needs a text field, and %s is none", strings.ToUpper(op.text), o.token)
	}
	if pattern.kind != text {
		return nil, pattern.errorf("expected a string in single quotes, not %s", pattern)
	}
	var expression string
	switch strings.ToUpper(op.text) {
	case "CONTAINS":
		return func(row Row) bool { return strings.Contains(o.textOf(row), pattern.text) }, nil
	case "LIKE":
		expression = likePattern(pattern.text)
	case "ILIKE":
		expression = "(?i)" + likePattern(pattern.text)
	default:
		expression = pattern.text
	}
	compiled, err := regexp.Compile(expression)
	if err != nil {
		return nil, pattern.errorf("%q is not a regular expression", pattern.text)
	}
	return func(row Row) bool { return compiled.MatchString(o.textOf(row)) }, nil
}

// likePattern returns the regular expression of a LIKE pattern: % matches any text, _ matches one
// character, and a backslash escapes both.
func likePattern(like string) string {
	var b strings.Builder
	b.WriteString(`(?s:\A`)
	escaped := false
	for _, r := range like {
		switch {
		case r == '\\' && !escaped:
			escaped = true
			continue
		case r == '%' && !escaped:
			b.WriteString(".*")
		case r == '_' && !escaped:
			b.WriteByte('.')
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
		escaped = false
	}
	b.WriteString(`\z)`)
	return b.String()
}

// exists returns a predicate that reports whether a key is present, or whether a value is not null,
// zero or empty.
func (o operand) exists() predicate {
	return func(row Row) bool {
		switch value := row(o.text).(type) {
		case string:
			return value != ""
		case int64:
			return value != 0
		case *float64:
			return value != nil
		case time.Time:
			return !value.IsZero()
		case []string:
			return len(value) > 0
		case map[string]string:
			_, present := value[o.key]
			return present || !o.keyed && len(value) > 0
		}
		return false
	}
}

// has returns a predicate that reports whether an array has one of the values, or all of them.
func (o operand) has(values []literal, all bool) predicate {
	return func(row Row) bool {
		items, _ := row(o.text).([]string)
		missing := func(value literal) bool { return !slices.Contains(items, value.text) }
		if all {
			return !slices.ContainsFunc(values, missing)
		}
		return slices.ContainsFunc(values, func(value literal) bool { return !missing(value) })
	}
}
