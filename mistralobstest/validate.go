package mistralobstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// checker reads a request and collects all complaints about it, as the service's web framework
// does.
type checker struct {
	r          *http.Request
	complaints []complaint
	body       map[string]json.RawMessage
	loc        []any // the location of body in the request's body; nil if it is the whole body
}

func check(r *http.Request) *checker { return &checker{r: r} }

func (c *checker) complain(kind, message string, input any, loc ...any) {
	c.complaints = append(c.complaints, complaint{Type: kind, Loc: loc, Msg: message, Input: input})
}

// nested returns a checker of a member that must be an object. loc is the location of the member.
func (c *checker) nested(value json.RawMessage, loc ...any) *checker {
	inner := &checker{r: c.r, loc: loc}
	if value != nil && json.Unmarshal(value, &inner.body) != nil || value != nil && inner.body == nil {
		c.complain("dict_type", "Input should be a valid dictionary", value, loc...)
	}
	return inner
}

// adopt adds the complaints of a nested checker.
func (c *checker) adopt(inner *checker) {
	for _, found := range inner.complaints {
		found.Loc = append(append([]any{}, inner.loc...), found.Loc[1:]...)
		c.complaints = append(c.complaints, found)
	}
}

// failed returns the complaints as an error response, or nil if there are none.
func (c *checker) failed() error {
	if len(c.complaints) == 0 {
		return nil
	}
	return validationError(c.r, c.complaints...)
}

// pathID returns an ID from the path, which must be a UUID.
func (c *checker) pathID(name string) string {
	id := c.r.PathValue(name)
	c.uuid(id, "path", name)
	return id
}

func (c *checker) uuid(id string, loc ...any) {
	if !isUUID(id) {
		c.complain("uuid_parsing", "Input should be a valid UUID", id, loc...)
	}
}

func isUUID(id string) bool {
	if len(id) != 36 {
		return false
	}
	for i, r := range id {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (r == '-') || !dash && !isHex(r) {
			return false
		}
	}
	return true
}

func isHex(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F'
}

// queryInt returns a number from the query, or byDefault if it is absent.
func (c *checker) queryInt(name string, byDefault, least, most int) int {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return byDefault
	}
	n, err := strconv.Atoi(text)
	switch {
	case err != nil:
		c.complain("int_parsing", "Input should be a valid integer, unable to parse string as an integer",
			text, "query", name)
	case n < least:
		c.complain("greater_than_equal", fmt.Sprintf("Input should be greater than or equal to %d", least),
			text, "query", name)
	case n > most:
		c.complain("less_than_equal", fmt.Sprintf("Input should be less than or equal to %d", most),
			text, "query", name)
	}
	return n
}

// readBody reads the body, which must be a JSON object.
func (c *checker) readBody() {
	raw, err := io.ReadAll(c.r.Body)
	var syntax *json.SyntaxError
	switch {
	case err != nil || len(raw) > maxBody:
		c.complain("too_long", "The body is too long", nil, "body")
	case len(bytes.TrimSpace(raw)) == 0:
		c.complain("missing", "Field required", nil, "body")
	case !utf8.Valid(raw):
		c.complain("json_invalid", "JSON decode error: invalid UTF-8", fields{}, "body", 0)
	case errors.As(json.Unmarshal(raw, &c.body), &syntax):
		c.complain("json_invalid", "JSON decode error: "+syntax.Error(), fields{}, "body", syntax.Offset)
	case c.body == nil:
		c.complain("model_attributes_type", "Input should be a valid dictionary or object to extract fields from",
			nil, "body")
	}
}

// field returns a member of the body. It treats an optional member that is null as absent.
func (c *checker) field(name string, required bool) json.RawMessage {
	value, present := c.body[name]
	if required && !present && c.body != nil {
		c.complain("missing", "Field required", nil, "body", name)
	}
	if !required && string(value) == "null" {
		return nil
	}
	return value
}

// text returns a string from the body, or nil if it is absent. The limits are in Unicode code
// points; a negative most is no limit.
func (c *checker) text(name string, required bool, least, most int) *string {
	value := c.field(name, required)
	if value == nil {
		return nil
	}
	return c.checkText(value, least, most, "body", name)
}

func (c *checker) checkText(value json.RawMessage, least, most int, loc ...any) *string {
	var text string
	if value[0] != '"' || json.Unmarshal(value, &text) != nil {
		c.complain("string_type", "Input should be a valid string", value, loc...)
		return nil
	}
	switch n := utf8.RuneCountInString(text); {
	case n < least:
		c.complain("string_too_short", fmt.Sprintf("String should have at least %d characters", least), text, loc...)
	case most >= 0 && n > most:
		c.complain("string_too_long", fmt.Sprintf("String should have at most %d characters", most), text, loc...)
	}
	return &text
}

// enum returns a string from the body that must be one of the values. If it is absent, enum returns
// the first value.
func (c *checker) enum(name string, values ...string) string {
	if c.field(name, false) == nil {
		return values[0]
	}
	return c.requiredEnum(name, values...)
}

// requiredEnum returns a string from the body that must be one of the values.
func (c *checker) requiredEnum(name string, values ...string) string {
	text := c.text(name, true, 0, -1)
	if text == nil {
		return ""
	}
	if !slices.Contains(values, *text) {
		c.complain("enum", "Input should be '"+strings.Join(values, "' or '")+"'", *text, "body", name)
	}
	return *text
}

// object returns a member of the body that must be an object, byte for byte.
func (c *checker) object(name string, required bool) json.RawMessage {
	value := c.field(name, required)
	if value != nil && value[0] != '{' {
		c.complain("dict_type", "Input should be a valid dictionary", value, "body", name)
	}
	return value
}

// properties returns the optional properties from the body. Unlike other optional members, they
// must not be null.
func (c *checker) properties() json.RawMessage {
	if value := c.body["properties"]; string(value) == "null" {
		c.complain("dict_type", "Input should be a valid dictionary", value, "body", "properties")
	}
	return c.object("properties", false)
}

// list returns the items of a list from the body. A negative most is no limit.
func (c *checker) list(name string, least, most int) []json.RawMessage {
	value := c.field(name, true)
	if value == nil {
		return nil
	}
	var list []json.RawMessage
	if value[0] != '[' || json.Unmarshal(value, &list) != nil {
		c.complain("list_type", "Input should be a valid list", value, "body", name)
		return nil
	}
	switch n := len(list); {
	case n < least:
		c.complain("too_short", fmt.Sprintf("List should have at least %d item after validation, not %d", least, n),
			nil, "body", name)
	case most >= 0 && n > most:
		c.complain("too_long", fmt.Sprintf("List should have at most %d items after validation, not %d", most, n),
			nil, "body", name)
	}
	return list
}

// ids returns a list of IDs from the body. A negative most is no limit.
func (c *checker) ids(name string, least, most int, uuids bool) []string {
	list := c.list(name, least, most)
	ids := make([]string, 0, len(list))
	for i, item := range list {
		if id := c.checkText(item, 0, -1, "body", name, i); id != nil {
			if uuids {
				c.uuid(*id, "body", name, i)
			}
			ids = append(ids, *id)
		}
	}
	return ids
}
