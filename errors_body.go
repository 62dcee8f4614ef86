package mistralobs

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// fill reads the error's details from its body, whichever of the service's
// shapes that has. What fits none of them is kept as a snippet of text.
func (e *Error) fill() {
	var body errorBody
	if json.Unmarshal(e.Body, &body) != nil || !body.into(e) {
		e.Message = snippet(e.Body)
	}
}

// errorBody has the keys of every documented shape; each is read leniently,
// because the service mixes them.
type errorBody struct {
	Detail    json.RawMessage `json:"detail"`
	Message   json.RawMessage `json:"message"`
	Type      json.RawMessage `json:"type"`
	Code      json.RawMessage `json:"code"`
	ErrorCode json.RawMessage `json:"error_code"`
	RequestID json.RawMessage `json:"request_id"`
}

// into moves what the body says into e, and tells whether it said anything.
func (b errorBody) into(e *Error) bool {
	e.Type = text(b.Type)
	e.Code = ErrorCode(text(b.Code))
	if code := text(b.ErrorCode); code != "" {
		e.Code = ErrorCode(code)
	}
	if e.RequestID == "" {
		e.RequestID = text(b.RequestID)
	}
	for _, said := range []json.RawMessage{b.Message, b.Detail} {
		e.take(said, maxErrorNesting)
	}
	return e.Message != "" || len(e.Fields) > 0 || e.Code != ""
}

// maxErrorNesting is deeper than any documented shape: a string that holds JSON
// that holds an array of objects with a detail.
const maxErrorNesting = 6

// take reads a message or a detail: a text, a text that holds JSON, an object
// with one of its own, or an array of complaints.
func (e *Error) take(raw json.RawMessage, depth int) {
	if len(raw) == 0 || depth == 0 {
		return
	}
	switch raw[0] {
	case '"':
		e.takeText(text(raw), depth)
	case '[':
		var items []json.RawMessage
		_ = json.Unmarshal(raw, &items) // valid: it is a part of a document that was parsed
		for _, item := range items {
			e.take(item, depth-1)
		}
	case '{':
		e.takeObject(raw, depth)
	}
}

func (e *Error) takeText(said string, depth int) {
	if inner := []byte(strings.TrimSpace(said)); len(inner) > 0 && (inner[0] == '{' || inner[0] == '[') && json.Valid(inner) {
		e.take(inner, depth-1)
		return
	}
	e.say(said)
}

func (e *Error) takeObject(raw json.RawMessage, depth int) {
	var o struct {
		errorBody
		Loc []json.RawMessage `json:"loc"`
		Msg json.RawMessage   `json:"msg"`
	}
	_ = json.Unmarshal(raw, &o) // a key of another type is left out, the others are read
	if msg := text(o.Msg); msg != "" {
		e.Fields = append(e.Fields, FieldError{Field: readable(joinLoc(o.Loc)), Message: readable(msg), Type: text(o.Type)})
		return
	}
	if code := text(o.ErrorCode); code != "" {
		e.Code = ErrorCode(code)
	}
	e.take(o.Message, depth-1)
	e.take(o.Detail, depth-1)
}

// maxMessage is more than anybody reads; the rest is in the Body.
const maxMessage = 2 << 10

func (e *Error) say(message string) {
	if len(e.Message) > maxMessage {
		return
	}
	if e.Message != "" && message != "" {
		e.Message += "; "
	}
	e.Message += readable(message)
}

// readable is a text as it may stand in an error: without what a terminal would obey, and not for ever.
func readable(text string) string {
	text = strings.Map(harmless, strings.ToValidUTF8(text, string(utf8.RuneError)))
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

func joinLoc(loc []json.RawMessage) string {
	parts := make([]string, len(loc))
	for i, part := range loc {
		parts[i] = text(part)
	}
	return strings.Join(parts, ".")
}

// text returns a JSON string's content, a number's digits, and "" for anything else.
func text(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	if raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9' {
		return string(raw)
	}
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// snippetBytes is enough of a proxy's page to recognise it.
const snippetBytes = 300

// harmless keeps what a terminal would obey from reaching it.
func harmless(r rune) rune {
	if unicode.IsControl(r) && !unicode.IsSpace(r) {
		return utf8.RuneError
	}
	return r
}

// snippet returns the start of a body that is no JSON as one line of text.
func snippet(body []byte) string {
	cut := body
	if len(body) > snippetBytes {
		n := snippetBytes
		for n > 0 && !utf8.RuneStart(body[n]) {
			n--
		}
		cut = body[:n]
	}
	said := strings.Join(strings.Fields(strings.Map(harmless, strings.ToValidUTF8(string(cut), string(utf8.RuneError)))), " ")
	if len(body) > snippetBytes {
		said += "…"
	}
	return said
}
