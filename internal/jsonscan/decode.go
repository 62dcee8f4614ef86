package jsonscan

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Values of the struct tag scan.
const (
	optionText    = "text"
	optionLimited = "limited"
)

// ErrSyntax means that a document is not valid JSON.
var ErrSyntax = errors.New("invalid JSON")

// Lenient makes the JSON library accept repeated names and invalid UTF-8.
var Lenient = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// Decoder decodes objects into structs with JSON tags. A field whose value has another type is left zero, so one odd
// value does not hide the others. But a list of structs must be an array: an empty list would hide its items.
//
// A field of type [time.Time] accepts RFC 3339 and UNIX seconds. A field whose type is a slice of bytes gets the JSON
// of its value, whatever that is, or nil for null. A string field with the tag scan:"text" gets the JSON of a value
// that is not a string.
type Decoder struct {
	// Begin, if set, is called for each struct with a pointer to it and its JSON object. If it returns a copy of the
	// JSON, the fields share the memory of that copy.
	Begin func(v any, raw []byte) []byte
	// End, if set, is called for each struct when its fields are set. Its error ends the decoding, which limits the
	// memory that a document of the wrong type takes.
	End func(v any) error
	// MaxItems limits the length of a list of structs whose field has the tag scan:"limited".
	MaxItems int
	// MaxOthers limits the number of items in all other lists and maps of a document together, each of which takes many
	// times more memory than JSON. 0 means no limit.
	MaxOthers int
}

// decoding is the decoding of one document.
type decoding struct {
	*Decoder
	others int // how many items of other lists and maps may follow
}

// Decode stores the object in raw in the struct that v points to. It returns [ErrSyntax], an error about a list, or an
// error of End, both with the path of the value.
func (d *Decoder) Decode(raw []byte, v any) error {
	s := New(raw)
	object, ok := s.Raw()
	if !ok || !s.End() {
		return ErrSyntax
	}
	call := decoding{d, cmp.Or(d.MaxOthers, math.MaxInt)}
	return call.object(object, reflect.ValueOf(v).Elem(), false)
}

// object sets a struct. A value that is not an object leaves it zero. If shared is true, fields may share the memory of
// raw.
func (d *decoding) object(raw []byte, v reflect.Value, shared bool) (err error) {
	pointer := v.Addr().Interface()
	if d.Begin != nil && raw[0] == '{' {
		if kept := d.Begin(pointer, raw); kept != nil {
			raw, shared = kept, true
		}
	}
	fields := fieldsOf(v.Type())
	s := New(raw)
	s.Members(func(m Member) bool {
		if f, known := fields[string(m.Name)]; known {
			if err = d.field(m.Value, v.FieldByIndex(f.index), f.tag, shared); err != nil {
				err = pathError(string(m.Name), err)
			}
		}
		return err == nil
	})
	if err == nil && d.End != nil {
		err = d.End(pointer)
	}
	return err
}

// pathError puts a name before an error that starts with the rest of the path.
func pathError(name string, err error) error {
	if text := err.Error(); !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, ":") {
		name += "."
	}
	return fmt.Errorf("%s%w", name, err)
}

func (d *decoding) field(raw []byte, v reflect.Value, tag string, shared bool) error {
	ok, err := d.value(raw, v, tag, shared)
	if !ok {
		v.SetZero()
	}
	return err
}

var timeType = reflect.TypeFor[time.Time]()

// value sets v and reports whether the JSON value has the type of v.
func (d *decoding) value(raw []byte, v reflect.Value, tag string, shared bool) (ok bool, err error) {
	if raw[0] == 'n' {
		return false, nil
	}
	switch v.Kind() {
	case reflect.String:
		return setString(raw, v, tag == optionText), nil
	case reflect.Int, reflect.Int64:
		return setInt(raw, v), nil
	case reflect.Pointer:
		elem := reflect.New(v.Type().Elem())
		v.Set(elem)
		return d.value(raw, elem.Elem(), tag, shared)
	case reflect.Struct:
		if v.Type() == timeType {
			return setTime(raw, v.Addr().Interface().(*time.Time)), nil
		}
		v.SetZero()
		return raw[0] == '{', d.object(raw, v, shared)
	case reflect.Slice:
		switch v.Type().Elem().Kind() {
		case reflect.Uint8:
			if !shared {
				raw = bytes.Clone(raw)
			}
			v.SetBytes(raw[:len(raw):len(raw)])
			return true, nil
		case reflect.Struct:
			return true, d.list(raw, v, tag, shared)
		}
	}
	v.SetZero()
	if err := d.countItems(raw); err != nil {
		return false, err
	}
	return jsonv2.Unmarshal(raw, v.Addr().Interface(), Lenient) == nil, nil
}

// countItems counts the items of a list or a map that the JSON library decodes.
func (d *decoding) countItems(raw []byte) error {
	s := New(raw)
	switch raw[0] {
	case '[':
		s.list('[', ']', func() bool { d.others--; return d.others >= 0 && s.Skip() })
	case '{':
		s.list('{', '}', func() bool { d.others--; return d.others >= 0 && s.skipMember() })
	}
	if d.others < 0 {
		return d.tooMany()
	}
	return nil
}

func (d *decoding) tooMany() error {
	return fmt.Errorf(": the lists and maps of the document have more than %d items", d.MaxOthers)
}

// list sets a slice of structs.
func (d *decoding) list(raw []byte, v reflect.Value, tag string, shared bool) (err error) {
	if raw[0] != '[' {
		return errors.New(": not an array")
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 0))
	s := New(raw)
	s.Array(func() bool {
		item, _ := s.Raw()
		n := v.Len()
		if err = d.checkLength(n+1, tag == optionLimited); err != nil {
			return false
		}
		v.Grow(1)
		v.SetLen(n + 1)
		v.Index(n).SetZero()
		if err = d.object(item, v.Index(n), shared); err != nil {
			err = pathError(fmt.Sprintf("[%d]", n), err)
		}
		return err == nil
	})
	return err
}

// checkLength counts the n-th item of a list of structs.
func (d *decoding) checkLength(n int, limited bool) error {
	if limited && n > d.MaxItems {
		return fmt.Errorf(": more than %d items", d.MaxItems)
	}
	if !limited {
		d.others--
	}
	if d.others < 0 {
		return d.tooMany()
	}
	return nil
}

func setString(raw []byte, v reflect.Value, text bool) bool {
	switch inner := raw[1:max(1, len(raw)-1)]; {
	case raw[0] != '"':
		if !text {
			return false
		}
		v.SetString(string(raw))
	case isLiteral(inner):
		v.SetString(string(inner))
	default:
		decoded, _ := jsontext.AppendUnquote(nil, raw) // it replaces what is not valid Unicode
		v.SetString(string(decoded))
	}
	return true
}

// setInt accepts integers in any form, such as 50.0.
func setInt(raw []byte, v reflect.Value) bool {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		f, err := strconv.ParseFloat(string(raw), 64)
		if n = int64(f); err != nil || float64(n) != f || math.Abs(f) > 1<<53 {
			return false
		}
	}
	if v.OverflowInt(n) {
		return false
	}
	v.SetInt(n)
	return true
}

// maxSeconds limits UNIX times to years that have four digits.
const maxSeconds = 253402300799

func setTime(raw []byte, t *time.Time) bool {
	if raw[0] == '"' {
		return t.UnmarshalText(raw[1:len(raw)-1]) == nil
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(seconds) > maxSeconds {
		return false
	}
	whole, fraction := math.Modf(seconds)
	*t = time.Unix(int64(whole), int64(fraction*1e9)).UTC()
	return true
}

// fieldInfo is a field of a struct.
type fieldInfo struct {
	index []int
	tag   string // of scan
}

var fieldCache sync.Map // from a reflect.Type to a map[string]fieldInfo

// fieldsOf returns the fields of a struct type by their names in JSON.
func fieldsOf(t reflect.Type) map[string]fieldInfo {
	if cached, ok := fieldCache.Load(t); ok {
		return cached.(map[string]fieldInfo)
	}
	fields := map[string]fieldInfo{}
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.IsExported() && name != "" && name != "-" {
			fields[name] = fieldInfo{f.Index, f.Tag.Get("scan")}
		}
	}
	fieldCache.Store(t, fields)
	return fields
}
