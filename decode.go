package mistralobs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// lenient accepts repeated names and text that is not UTF-8, since payloads are the caller's data.
var lenient = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// decoding decodes results: a field of another type than documented is left zero.
var decoding = jsonv2.JoinOptions(lenient, jsonv2.WithUnmarshalers(jsonv2.UnmarshalFromFunc(decodeValue)))

// decodeValue decodes the next value into the variable that v points to. It leaves a struct and a
// list of structs to the library, which calls decodeValue for each of their fields.
func decodeValue(dec *jsontext.Decoder, v any) error {
	value := reflect.ValueOf(v).Elem()
	value.SetZero() // of repeated names, the last counts
	target := value.Type()
	for target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	kind := dec.PeekKind()
	switch {
	case target.Kind() == reflect.Struct && kind == '{' && !reflect.PointerTo(target).Implements(unmarshalerType),
		target.Kind() == reflect.Slice && target.Elem().Kind() == reflect.Struct && kind == '[':
		return errors.ErrUnsupported
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *time.Time:
		*v, _ = timeOf(raw)
		return nil
	case **time.Time:
		if at, ok := timeOf(raw); ok {
			*v = &at
		}
		return nil
	}
	if kind == '0' && (target.Kind() == reflect.Int || target.Kind() == reflect.Int64) {
		raw = wholeNumber(raw)
	}
	if jsonv2.Unmarshal(raw, v, lenient) != nil {
		value.SetZero()
	}
	return nil
}

var unmarshalerType = reflect.TypeFor[interface{ UnmarshalJSON([]byte) error }]()

// wholeNumber returns an integer such as 50.0 without its fraction, as the library wants it.
func wholeNumber(raw []byte) []byte {
	f, err := strconv.ParseFloat(string(raw), 64)
	if err == nil && f == math.Trunc(f) && math.Abs(f) <= 1<<53 {
		return strconv.AppendInt(nil, int64(f), 10)
	}
	return raw
}

// maxSeconds limits UNIX times to years that have four digits, which JSON requires.
const maxSeconds = 253402300799

// withoutZone is RFC 3339 without the zone, as Python writes times. It counts as UTC, so that a
// deleted_at in this form is not lost.
const withoutZone = "2006-01-02T15:04:05"

// timeOf returns the time in a JSON value: RFC 3339 with or without a zone, or UNIX seconds.
func timeOf(raw []byte) (at time.Time, ok bool) {
	switch jsontext.Value(raw).Kind() {
	case '"':
		err := at.UnmarshalText(raw[1 : len(raw)-1])
		if err != nil {
			at, err = time.Parse(withoutZone, string(raw[1:len(raw)-1]))
		}
		return at, err == nil
	case '0':
	default:
		return at, false
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(seconds) > maxSeconds {
		return at, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), true
}

// hasID are the required fields of most results.
var hasID = []string{"id"}

// received holds the JSON that a result was decoded from.
type received struct{ raw Object }

// Raw returns the JSON as the service sent it, including fields that the type does not have. It is
// empty for a value that was not read from the service.
func (r *received) Raw() Object { return r.raw }

func (r *received) keep(raw Object) { r.raw = raw }

// jsonText returns the JSON that a value was decoded from, or else the JSON that it is encoded as.
func jsonText(raw Object, v any) string {
	if len(raw) == 0 {
		raw, _ = marshal(v) // the types of results can always be encoded
	}
	return string(raw)
}

// incompleteError is the path of a required field that is missing.
type incompleteError string

func (e incompleteError) Error() string {
	return "it has no " + string(e) + ", so it is not the documented object"
}

// maxListItems limits the memory for the lists and maps in a response, except the page itself. A
// small compressed body can hold millions of items.
const maxListItems = 100_000

var errTooManyItems = fmt.Errorf("the lists and maps of the document have more than %d items", maxListItems)

// resultDecoder decodes one response.
type resultDecoder struct {
	required []string // the fields that the result, or each item of it, must have
	counts   bool     // the document is large enough to have too many items of other lists and maps
	others   int      // the number of those items so far
}

// decodeResult decodes the result of an operation into v. envelope names the member of the body
// that holds it; "" means the body itself. It returns an error if a required field is missing.
func decodeResult(body []byte, envelope string, required []string, v any) error {
	d := resultDecoder{required: required, counts: len(body) > maxListItems}
	s := jsonscan.New(body)
	err := d.next(&s, envelope, v)
	if err == nil && !s.End() || err == errSyntax {
		err = jsonError(body)
	}
	if err != nil {
		return fmt.Errorf("decoding the response: %w", err)
	}
	return nil
}

// errSyntax means that the document is not valid JSON. jsonError says why.
var errSyntax = errors.New("invalid JSON")

// next decodes the next value, or the member of it that is named envelope.
func (d *resultDecoder) next(s *jsonscan.Scanner, envelope string, v any) (err error) {
	if envelope == "" {
		return d.item(s, "", v)
	}
	found := false
	if s.Peek() == '{' {
		ok := s.Object(func(name []byte) bool {
			if string(name) != envelope {
				return s.Skip()
			}
			found = true
			err = d.item(s, envelope, v)
			return err == nil
		})
		if err == nil && !ok {
			return errSyntax
		}
	} else if !s.Skip() {
		return errSyntax
	}
	if err == nil && !found {
		err = incompleteError(envelope)
	}
	return err
}

// page is a result that is a list, or one page of it.
type page interface {
	decode(d *resultDecoder, s *jsonscan.Scanner, path string) error
}

// item decodes the next value. path names it in errors.
func (d *resultDecoder) item(s *jsonscan.Scanner, path string, v any) error {
	switch v := v.(type) {
	case page:
		return v.decode(d, s, path)
	case *Record:
		if !v.scan(s) {
			return errSyntax
		}
		if v.ID == "" {
			return pathError(path, incompleteError("id"))
		}
		return nil
	default:
		raw, ok := s.Raw()
		if !ok {
			return errSyntax
		}
		if err := d.object(raw, v); err != nil {
			return pathError(path, err)
		}
	}
	for _, name := range d.required {
		if isZeroField(v, name) {
			return pathError(path, incompleteError(name))
		}
	}
	return nil
}

// pathError puts a path before the error of a part.
func pathError(path string, err error) error {
	if name, ok := errors.AsType[incompleteError](err); ok && path != "" {
		return incompleteError(path + "." + string(name))
	}
	return err
}

// object decodes a value that is not a page and not a record. A value that is not an object leaves
// v as it is.
func (d *resultDecoder) object(raw []byte, v any) error {
	if raw[0] != '{' {
		return nil
	}
	if err := d.count(raw); err != nil {
		return err
	}
	if k, ok := v.(interface{ keep(Object) }); ok {
		raw = bytes.Clone(raw)
		defer k.keep(raw)
	}
	return jsonv2.Unmarshal(raw, v, decoding)
}

// count counts the items of the lists and maps in the fields of an object, before they take memory.
func (d *resultDecoder) count(raw []byte) error {
	if !d.counts {
		return nil
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(raw), lenient)
	for d.others <= maxListItems {
		token, err := dec.ReadToken()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if isListItem(dec, token.Kind()) {
			d.others++
		}
	}
	return errTooManyItems
}

// isListItem reports whether the token of that kind, which dec has just read, begins an item of a
// list or of a map. The members of the document itself are its fields.
func isListItem(dec *jsontext.Decoder, kind jsontext.Kind) bool {
	parent := dec.StackDepth()
	if kind == '{' || kind == '[' {
		parent--
	}
	container, length := dec.StackIndex(parent)
	isName := container == '{' && length%2 == 1
	return kind != '}' && kind != ']' && !isName && (parent > 1 || parent == 1 && container == '[')
}

// isZeroField reports whether the field of a struct with that name in JSON is zero.
func isZeroField(v any, name string) bool {
	s := reflect.ValueOf(v).Elem()
	for field, value := range s.Fields() {
		if tag, _, _ := strings.Cut(field.Tag.Get("json"), ","); tag == name {
			return value.IsZero()
		}
	}
	return true
}

// leastItem is about the size of an item without content. It limits the first allocation.
const leastItem = 256

// decodeItems decodes a page and returns its items. It calls other with each other member.
func decodeItems[T any](
	d *resultDecoder, s *jsonscan.Scanner, path string, other func(name, value []byte),
) (items []T, err error) {
	if s.Peek() != '{' {
		return nil, incompleteError(path)
	}
	ok := s.Object(func(name []byte) bool {
		switch {
		case string(name) != "results":
			value, ok := s.Raw()
			if ok {
				other(name, value)
			}
			return ok
		case s.Peek() == 'n':
			items = nil
			return s.Literal("null")
		case s.Peek() != '[':
			err = fmt.Errorf("%s.results: not an array", path)
			return false
		}
		items = make([]T, 0, min(MaxPageSize, s.Len()/leastItem))
		return s.Array(func() bool {
			n := len(items)
			if n == MaxPageSize {
				err = fmt.Errorf("%s.results: more than %d items", path, MaxPageSize)
				return false
			}
			items = append(items, *new(T))
			if err = d.item(s, "", &items[n]); err != nil {
				err = pathError(fmt.Sprintf("%s.results[%d]", path, n), err)
			}
			return err == nil
		})
	})
	if err == nil && !ok {
		err = errSyntax
	}
	return items, err
}

// intOf returns the integer in a JSON value, or 0.
func intOf(raw []byte) (n int) {
	if jsonv2.Unmarshal(raw, &n, decoding) != nil {
		return 0
	}
	return n
}

// textOf returns the text in a JSON value, or "" if it is not a string.
func textOf(raw []byte) string {
	if raw[0] != '"' {
		return ""
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner)
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // it replaces what is not valid Unicode
	return string(text)
}

// continuation returns the value of a member such as next: the text of a string, the JSON of
// another value, or "" if there is no next page.
func continuation(raw []byte) string {
	switch strings.Join(strings.Fields(string(raw)), "") {
	case "null", "false", "0", "{}", "[]":
		return ""
	}
	if raw[0] == '"' {
		return textOf(raw)
	}
	return string(raw)
}
