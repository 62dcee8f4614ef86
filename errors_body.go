package mistralobs

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

// requestIDHeaders are the headers that the service's support asks for, the best one first.
var requestIDHeaders = []string{"Mistral-Correlation-Id", "X-Request-Id", "X-Kong-Request-Id"}

func requestID(header http.Header) string {
	for _, name := range requestIDHeaders {
		if id := header.Get(name); id != "" {
			return token(id)
		}
	}
	return ""
}

// parseBody reads the error's details from the body of a response, in any of the service's forms. A
// body in another form becomes a snippet of text. hide is applied once to each text.
func (e *Error) parseBody(raw []byte, hide func(string) string) {
	var body errorBody
	r := errorReader{e, hide}
	if json.Unmarshal(raw, &body) != nil || !r.read(body) {
		e.Message = transport.HideQueries(snippet(e.Body))
	}
}

// errorReader reads the body of a response into an Error.
type errorReader struct {
	*Error
	hide func(string) string
}

// token returns a short text of a JSON value.
func (r errorReader) token(raw json.RawMessage) string { return token(r.hide(jsonString(raw))) }

// maxToken bounds a code, a type and a request ID.
const maxToken = 200

// token returns a name that the service sends, without control characters and at most maxToken
// long.
func token(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) && r != ' ' {
			return utf8.RuneError
		}
		return replaceControl(r)
	}, strings.ToValidUTF8(text, string(utf8.RuneError)))
	if len(text) > maxToken {
		text = strings.ToValidUTF8(text[:maxToken], "") + "…"
	}
	return text
}

// errorBody has the names of every documented form. Each value is decoded by itself, because the
// service mixes the forms.
type errorBody struct {
	Detail    json.RawMessage `json:"detail"`
	Message   json.RawMessage `json:"message"`
	Type      json.RawMessage `json:"type"`
	Code      json.RawMessage `json:"code"`
	ErrorCode json.RawMessage `json:"error_code"`
	RequestID json.RawMessage `json:"request_id"`
}

// read reads the details. It reports whether there were any.
func (r errorReader) read(b errorBody) bool {
	r.Type = r.token(b.Type)
	r.Code = ErrorCode(r.token(b.Code))
	if code := r.token(b.ErrorCode); code != "" {
		r.Code = ErrorCode(code)
	}
	if r.RequestID == "" {
		r.RequestID = r.token(b.RequestID)
	}
	for _, value := range []json.RawMessage{b.Message, b.Detail} {
		r.addDetail(value, maxErrorNesting)
	}
	return r.Message != "" || len(r.Fields) > 0 || r.Code != ""
}

// maxErrorNesting is deeper than any documented form: a string that holds JSON that holds an array
// of objects with a detail.
const maxErrorNesting = 6

// addDetail reads a message or a detail: a string, a string that holds JSON, an object that has a
// message or a detail, or an array of these.
func (r errorReader) addDetail(raw json.RawMessage, depth int) {
	if len(raw) == 0 || depth == 0 {
		return
	}
	switch raw[0] {
	case '"':
		r.addString(jsonString(raw), depth)
	case '[':
		var items []json.RawMessage
		_ = json.Unmarshal(raw, &items) // cannot fail: it is part of a document that was parsed
		for _, item := range items {
			r.addDetail(item, depth-1)
		}
	case '{':
		r.addObject(raw, depth)
	}
}

func (r errorReader) addString(text string, depth int) {
	inner := []byte(strings.TrimSpace(text))
	if len(inner) > 0 && (inner[0] == '{' || inner[0] == '[') && json.Valid(inner) {
		r.addDetail(inner, depth-1)
		return
	}
	r.addMessage(r.hide(text))
}

func (r errorReader) addObject(raw json.RawMessage, depth int) {
	var o struct {
		errorBody
		Loc []json.RawMessage `json:"loc"`
		Msg json.RawMessage   `json:"msg"`
	}
	_ = json.Unmarshal(raw, &o) // a value of another type is skipped, the others are read
	if msg := jsonString(o.Msg); msg != "" {
		r.Fields = append(r.Fields, FieldError{
			Field: printable(r.hide(joinLocation(o.Loc))), Message: printable(r.hide(msg)), Type: r.token(o.Type),
		})
		return
	}
	if code := r.token(o.ErrorCode); code != "" {
		r.Code = ErrorCode(code)
	}
	r.addDetail(o.Message, depth-1)
	r.addDetail(o.Detail, depth-1)
}

// maxMessage bounds a message. The rest is in the Body.
const maxMessage = 2 << 10

// addMessage adds a message unless it is already there: the service repeats some of them.
func (e *Error) addMessage(message string) {
	message = printable(message)
	if len(e.Message) > maxMessage || message == e.Message || slices.Contains(strings.Split(e.Message, "; "), message) {
		return
	}
	if e.Message != "" && message != "" {
		e.Message += "; "
	}
	e.Message += message
}

// printable returns a text without control characters that a terminal would obey, and at most
// maxMessage long.
func printable(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, string(utf8.RuneError)), "\r\n", "\n")
	text = strings.Map(replaceControl, text)
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return text
}

// replaceControl replaces what moves the cursor of a terminal, or changes the direction of the text
// after it.
func replaceControl(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) {
		return utf8.RuneError
	}
	return r
}

func joinLocation(loc []json.RawMessage) string {
	parts := make([]string, len(loc))
	for i, part := range loc {
		parts[i] = jsonString(part)
	}
	return strings.Join(parts, ".")
}

// jsonString returns the content of a JSON string, the digits of a number, and "" for other values.
func jsonString(raw json.RawMessage) string {
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

// snippetBytes is enough to recognize the page of a proxy.
const snippetBytes = 300

// snippet returns the start of a body that is not JSON, as one line of text.
func snippet(body []byte) string {
	cut := body
	if len(body) > snippetBytes {
		n := snippetBytes
		for n > 0 && !utf8.RuneStart(body[n]) {
			n--
		}
		cut = body[:n]
	}
	valid := strings.ToValidUTF8(string(cut), string(utf8.RuneError))
	text := strings.Map(replaceControl, strings.Join(strings.Fields(valid), " "))
	if len(body) > snippetBytes {
		text += "…"
	}
	return text
}
