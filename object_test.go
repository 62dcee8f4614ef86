package mistralobs_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

func TestNewObject(t *testing.T) {
	t.Parallel()
	object := mistralobs.Object(` {"a" : 1} `)
	raw := json.RawMessage(`{"a" : 1}`)
	conversation := mistralobs.NewConversation(mistralobs.User("a<b"))
	type row struct {
		Text string          `json:"text"`
		Raw  json.RawMessage `json:"raw"`
		None *int            `json:"none,omitempty"`
	}
	tests := map[string]struct {
		given any
		want  string
	}{
		"a map":            {given: map[string]any{"b": 1, "a": "x"}, want: `{"a":"x","b":1}`},
		"a map of strings": {given: map[string]string{"a": "x"}, want: `{"a":"x"}`},
		"an empty map":     {given: map[string]any{}, want: `{}`},
		"a struct": {given: row{Text: "t", Raw: json.RawMessage(`[1, 2]`)},
			want: `{"text":"t","raw":[1,2]}`},
		"a pointer to a struct": {given: &row{Text: "t", Raw: json.RawMessage(`9007199254740993`)},
			want: `{"text":"t","raw":9007199254740993}`},
		"a conversation": {
			given: conversation,
			want:  `{"messages":[{"role":"user","content":"a<b"}]}`,
		},
		"a pointer to a conversation": {
			given: &conversation,
			want:  `{"messages":[{"role":"user","content":"a<b"}]}`,
		},
		"an object":                     {given: object, want: `{"a" : 1}`},
		"a pointer to an object":        {given: &object, want: `{"a" : 1}`},
		"a raw message":                 {given: raw, want: `{"a" : 1}`},
		"a pointer to a raw message":    {given: &raw, want: `{"a":1}`},
		"white space around goes":       {given: json.RawMessage("\n{\"a\" : 1}\r\n\t"), want: `{"a" : 1}`},
		"an object within a map":        {given: map[string]any{"o": object}, want: `{"o":{"a":1}}`},
		"an absent object within a map": {given: map[string]any{"o": mistralobs.Object(nil)}, want: `{"o":null}`},
		"no HTML is escaped": {
			given: map[string]string{"html": `<b>&amp;</b>`},
			want:  `{"html":"<b>&amp;</b>"}`,
		},
		"no HTML is escaped in raw values": {
			given: row{Raw: json.RawMessage(`"<&>"`)},
			want:  `{"text":"","raw":"<&>"}`,
		},
		"escapes stay": {
			given: json.RawMessage(`{"\u0061":"\u003c\/"}`),
			want:  `{"\u0061":"\u003c\/"}`,
		},
		"big numbers stay": {given: json.RawMessage(`{"i":9007199254740993,"e":1E+400,"z":-0.0}`),
			want: `{"i":9007199254740993,"e":1E+400,"z":-0.0}`},
		"equal names stay": {given: json.RawMessage(`{"a":1,"a":{"b":1,"b":2}}`),
			want: `{"a":1,"a":{"b":1,"b":2}}`},
		"lone surrogates stay": {given: json.RawMessage(`{"a":"\ud800"}`), want: `{"a":"\ud800"}`},
		"odd white space inside stays": {
			given: json.RawMessage("\t{\r\n\t\"a\" :\n[ ]\r}\n"),
			want:  "{\r\n\t\"a\" :\n[ ]\r}",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := mistralobs.NewObject(test.given)
			require.NoError(t, err)
			assert.Equal(t, test.want, string(got))
			assert.Equal(t, test.want, got.String())
		})
	}
}

// JSON has no other encoding than UTF-8, and the service would replace the text.
func TestNewObjectRefusesTextThatIsNotUTF8(t *testing.T) {
	t.Parallel()
	type row struct{ Text any }
	for name, given := range map[string]any{
		"an object":              mistralobs.Object("{\"Text\":\"caf\xe9\"}"),
		"a raw message":          json.RawMessage("{\"Text\":\"caf\xe9\"}"),
		"bytes":                  []byte("{\"Text\":\"caf\xe9\"}"),
		"a map":                  map[string]any{"Text": "caf\xe9"},
		"a struct":               row{Text: "caf\xe9"},
		"an object within a map": map[string]any{"Text": mistralobs.Object("\"caf\xe9\"")},
		"the second of a list":   map[string]any{"Text": []string{"a", "caf\xe9"}},
		"a struct in a list":     map[string]any{"Text": []row{{}, {Text: "\xe9"}}},
		"text beside U+FFFD":     map[string]string{"A": "\uFFFD", "Text": "caf\xe9"},
	} {
		_, err := mistralobs.NewObject(given)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams, name)
		path := map[string]string{"the second of a list": `"/Text/1"`, "a struct in a list": `"/Text/1/Text"`}[name]
		require.ErrorContains(t, err, cmp.Or(path, `"/Text"`), name)
		require.ErrorContains(t, err, "UTF-8", name)
	}
	_, err := mistralobs.NewObject(mistralobs.NewConversation(mistralobs.User("caf\xe9 \"")))
	require.ErrorContains(t, err, `the text at "/messages/0/content" is not UTF-8`)
	object, err := mistralobs.NewObject(map[string]any{"a": "\uFFFD", "b": json.RawMessage(`"\ufffd\ud800"`)})
	require.NoError(t, err)
	assert.Equal(t, `{"a":"`+"\uFFFD"+`","b":"\ufffd\ud800"}`, object.String(), "these are UTF-8")
}

type secret struct{ text string }

type inherits struct{ secret }

type Secret struct{ _ string }

type quiet struct {
	Secret
	Text string `json:"-"`
}

type speaks struct{ text string }

func (s *speaks) MarshalJSON() ([]byte, error) {
	return mistralobs.NewObject(map[string]string{"text": s.text})
}

// encoding/json makes {} of such values, or loses a part.
func TestNewObjectRefusesValuesThatLoseTheirContent(t *testing.T) {
	t.Parallel()
	for want, given := range map[string]any{
		"it is an error (*errors.errorString)":                              errors.New("no answer"),
		"it is an error (*mistralobs.LineError)":                            &mistralobs.LineError{Line: 1},
		"it is an io.Reader (*strings.Reader)":                              strings.NewReader(`{"a":1}`),
		"it is an io.Reader (*os.File)":                                     os.Stdin,
		"it is a struct without exported fields (mistralobs_test.secret)":   secret{"x"},
		"it is a struct without exported fields (*mistralobs_test.secret)":  &secret{"x"},
		"it is a struct without exported fields (mistralobs_test.inherits)": inherits{secret{"x"}},
		"it is a struct without exported fields (mistralobs_test.quiet)":    quiet{Text: "x"},
		"it is a struct without exported fields (mistralobs_test.speaks)":   speaks{"x"},
		"it is a struct without exported fields (bytes.Buffer)":             bytes.Buffer{},
		`"error" is an error (*errors.errorString)`:                         map[string]any{"error": errors.New("")},
	} {
		_, err := mistralobs.NewObject(given)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		require.EqualError(t, err, "mistralobs: encoding an object: v: "+want+", whose content would be lost in JSON")
		_, err = mistralobs.Object(`{}`).Set("error", given)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		_, err = mistralobs.NewJSONLRecord(map[string]int{}, given)
		require.ErrorContains(t, err, "mistralobs: encoding a JSONL record: properties: "+want)
	}
	for want, given := range map[string]any{
		`{"e":2}`:             map[string]any{"e": syscall.ENOENT},
		`{"e":null}`:          map[string]any{"e": (*mistralobs.LineError)(nil)},
		`{}`:                  struct{}{},
		`{"text":"x"}`:        &speaks{"x"},
		`{"Payload":null}`:    struct{ Payload any }{},
		`{"Messages":[null]}`: struct{ Messages []error }{Messages: []error{nil}},
	} {
		object, err := mistralobs.NewObject(given)
		require.NoError(t, err)
		assert.Equal(t, want, object.String())
	}
}

func TestObjectTextAndFloat64(t *testing.T) {
	t.Parallel()
	object := mistralobs.Object(`{"s":"a\n<b>\u00e9","empty":"","half":"\ud800","n": 0.5,"i":-3,"big":1e400,` +
		`"null":null,"list":["x"],"t":true,"twice":1,"twice":"x","digits":"0.5"}`)
	texts, numbers := map[string]string{}, map[string]float64{}
	members, err := object.Map()
	require.NoError(t, err)
	for name := range members {
		if text, ok := object.Text(name); ok {
			texts[name] = text
		} else {
			assert.Empty(t, text)
		}
		if n, ok := object.Float64(name); ok {
			numbers[name] = n
		}
	}
	assert.Equal(t, map[string]string{
		"s": "a\n<b>é", "empty": "", "half": "\ufffd", "twice": "x", "digits": "0.5",
	}, texts)
	assert.Equal(t, map[string]float64{"n": 0.5, "i": -3}, numbers)
	for _, object := range []mistralobs.Object{nil, mistralobs.Object(`[]`), mistralobs.Object(`{`), object} {
		_, ok := object.Text("absent")
		assert.False(t, ok)
		_, ok = object.Float64("absent")
		assert.False(t, ok)
	}
}

func TestNewObjectRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		given any
		want  string
	}{
		"nil": {given: nil, want: "mistralobs: encoding an object: v: it must be a JSON object, got null"},
		"a nil map": {given: map[string]any(nil),
			want: "mistralobs: encoding an object: v: it must be a JSON object, got null"},
		"a nil pointer": {given: (*mistralobs.Conversation)(nil),
			want: "mistralobs: encoding an object: v: it must be a JSON object, got null"},
		"a nil object pointer": {
			given: (*mistralobs.Object)(nil),
			want:  "mistralobs: encoding an object: v: it must be a JSON object, got null",
		},
		"a nil object": {
			given: mistralobs.Object(nil),
			want:  "mistralobs: encoding an object: v: it must be a JSON object, got nothing",
		},
		"a blank object": {
			given: mistralobs.Object(" \n"),
			want:  "mistralobs: encoding an object: v: it must be a JSON object, got nothing",
		},
		"an empty raw message": {
			given: json.RawMessage{},
			want:  "mistralobs: encoding an object: v: it must be a JSON object, got nothing",
		},
		"null": {
			given: json.RawMessage(" null"),
			want:  "mistralobs: encoding an object: v: it must be a JSON object, got null",
		},
		"an array": {given: []int{1},
			want: "mistralobs: encoding an object: v: it must be a JSON object, got an array"},
		"a string": {given: `{"a":1}`,
			want: "mistralobs: encoding an object: v: it must be a JSON object, got a string"},
		"bytes that are no JSON": {given: []byte(`{"a":1}]`),
			want: "mistralobs: encoding an object: v: it must be a JSON object, got invalid JSON: unexpected data after byte 7"},
		"a number":  {given: 1.5, want: "mistralobs: encoding an object: v: it must be a JSON object, got a number"},
		"a boolean": {given: true, want: "mistralobs: encoding an object: v: it must be a JSON object, got a boolean"},
		"a channel": {given: make(chan int),
			want: "mistralobs: encoding an object: v: it cannot be encoded as JSON: json: unsupported type: chan int"},
		"a function in a map": {given: map[string]any{"f": func() {}},
			want: "mistralobs: encoding an object: v: it cannot be encoded as JSON: json: unsupported type: func()"},
		"not a number": {given: map[string]any{"f": math.NaN()},
			want: "mistralobs: encoding an object: v: it cannot be encoded as JSON: json: unsupported value: NaN"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := mistralobs.NewObject(test.given)
			assert.Nil(t, got)
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
			assert.EqualError(t, err, test.want)
		})
	}

	invalid := map[string]string{
		"cut short": `{"a":1`, "single quotes": `{'a':1}`, "two objects": `{}{}`, "something behind": `{} x`,
		"a comma too many":  `{"a":1,}`,
		"a byte-order mark": "\ufeff{}", "a line break in a string": "{\"a\":\"\n\"}",
		"a number with a zero in front": `{"a":01}`, "NaN": `{"a":NaN}`, "rubbish": "\x00",
	}
	for name, raw := range invalid {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := mistralobs.NewObject(json.RawMessage(raw))
			assert.Nil(t, got)
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
			assert.ErrorContains(t, err,
				"mistralobs: encoding an object: v: it must be a JSON object, got invalid JSON: ")
		})
	}
}

// A later change of the caller's bytes does not change the object.
func TestNewObjectIsACopy(t *testing.T) {
	t.Parallel()
	given := json.RawMessage(`{"a":1}`)
	object, err := mistralobs.NewObject(given)
	require.NoError(t, err)
	copy(given, "XXXXXXX")
	assert.Equal(t, `{"a":1}`, object.String())

	line := []byte(`{"a":1}`)
	var decoded mistralobs.Object
	require.NoError(t, decoded.UnmarshalJSON(line))
	copy(line, "XXXXXXX")
	assert.Equal(t, `{"a":1}`, decoded.String())
}

func TestObjectDecode(t *testing.T) {
	t.Parallel()
	t.Run("numbers in an any are not rounded", func(t *testing.T) {
		t.Parallel()
		var got any
		require.NoError(t, mistralobs.Object(`{"i":9007199254740993,"list":[0.70],"s":"x","n":null}`).Decode(&got))
		assert.Equal(t, map[string]any{"i": json.Number("9007199254740993"),
			"list": []any{json.Number("0.70")}, "s": "x", "n": nil}, got)
	})
	t.Run("typed fields are", func(t *testing.T) {
		t.Parallel()
		var got struct {
			I int64   `json:"i"`
			F float64 `json:"f"`
			A any     `json:"a"`
		}
		require.NoError(t, mistralobs.Object(`{"i":9007199254740993,"f":0.5,"a":1}`).Decode(&got))
		assert.Equal(t, int64(9007199254740993), got.I)
		assert.Equal(t, 0.5, got.F)
		assert.Equal(t, json.Number("1"), got.A)
	})
	t.Run("the last of equal names counts", func(t *testing.T) {
		t.Parallel()
		got, err := mistralobs.Object(`{"a":1,"a":2}`).Map()
		require.NoError(t, err)
		assert.Equal(t, map[string]any{"a": json.Number("2")}, got)
		var typed struct{ A, B map[string]int }
		require.NoError(t, mistralobs.Object(`{"A":{"x":1,"y":1},"B":{"x":1},"A":{"x":2},"B":null}`).Decode(&typed))
		assert.Equal(t, map[string]int{"x": 2, "y": 1}, typed.A,
			"a map in a struct keeps what only an earlier value has")
		assert.Nil(t, typed.B)
	})
	t.Run("an absent object is an empty map", func(t *testing.T) {
		t.Parallel()
		got, err := mistralobs.Object(nil).Map()
		require.NoError(t, err)
		assert.Equal(t, map[string]any{}, got)
	})
	t.Run("an absent object is {}", func(t *testing.T) {
		t.Parallel()
		for _, absent := range []mistralobs.Object{nil, mistralobs.Object(" \n")} {
			var value any
			require.NoError(t, absent.Decode(&value))
			assert.Equal(t, map[string]any{}, value)
			var typed map[string]int
			require.NoError(t, absent.Decode(&typed))
			assert.Equal(t, map[string]int{}, typed)
			require.NoError(t, absent.Decode(&struct{ A int }{}))
		}
	})

	failures := map[string]struct{ object, want string }{
		"cut short":   {object: `{"a":`, want: "mistralobs: decoding an object: unexpected EOF"},
		"two objects": {object: `{}{}`, want: "mistralobs: decoding an object: there is data after it"},
		"rubbish":     {object: `{}]`, want: "mistralobs: decoding an object: there is data after it"},
		"another type": {object: `{"a":"x"}`,
			want: "mistralobs: decoding an object: json: cannot unmarshal string into Go struct field .a of type int"},
	}
	for name, test := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got struct {
				A int `json:"a"`
			}
			err := mistralobs.Object(test.object).Decode(&got)
			require.EqualError(t, err, test.want)
			assert.False(t, errors.Is(err, io.EOF), "it is not the end of a stream")
		})
	}
}

func TestObjectMapRefusesOthers(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		`null`: "mistralobs: decoding an object: it must be a JSON object, got null",
		`[]`:   "mistralobs: decoding an object: json: cannot unmarshal array into Go value of type map[string]interface {}",
		`"a"`:  "mistralobs: decoding an object: json: cannot unmarshal string into Go value of type map[string]interface {}",
	} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			got, err := mistralobs.Object(object).Map()
			assert.Nil(t, got)
			assert.EqualError(t, err, want)
		})
	}
}

func TestObjectConversationRefusesOthers(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		`null`:                      "not a conversation: it must be a JSON object, got null",
		`[]`:                        "not a conversation: it must be a JSON object, got an array",
		`{}`:                        "not a conversation: it has no array of messages",
		`{"sentence":"Bonjour"}`:    "not a conversation: it has no array of messages",
		`{"messages":null}`:         "not a conversation: messages must be an array, got null",
		`{"messages":{}}`:           "not a conversation: messages must be an array, got an object",
		`{"messages":"x"}`:          "not a conversation: messages must be an array, got a string",
		`{"messages":[{},1]}`:       "messages[1]: it must be a JSON object, got a number",
		`{"messages":[{},{},null]}`: "messages[2]: it must be a JSON object, got null",
		`{"messages":[[null]]}`:     "messages[0]: it must be a JSON object, got an array",
		`{"messages":[]}{}`:         "unexpected data after byte 15",
		`{"messages":[],`:           "unexpected EOF",
		`{"messages":[{"role":1]`:   "invalid character",
		``:                          "not a conversation: it must be a JSON object, got nothing",
		` `:                         "not a conversation: it must be a JSON object, got nothing",
	} {
		t.Run(object, func(t *testing.T) {
			t.Parallel()
			got, err := mistralobs.Object(object).Conversation()
			assert.Nil(t, got)
			require.ErrorContains(t, err, want)
			require.ErrorContains(t, err, "mistralobs: decoding a conversation: ")
			assert.Equal(t, !strings.HasPrefix(want, "messages["), errors.Is(err, mistralobs.ErrNotConversation))
			assert.False(t, errors.Is(err, io.EOF), "it is not the end of a stream: %v", err)
		})
	}
}

func TestConversationErrorsNameTheField(t *testing.T) {
	t.Parallel()
	for want, bad := range map[string]mistralobs.Message{
		"messages[2].content: it is not JSON (see TextContent and ChunkContent): ": {Content: mistralobs.Content("Hello")},
		"messages[2].prefix: invalid character": {
			Extra: map[string]json.RawMessage{"prefix": json.RawMessage("x")},
		},
		"messages[2].tool_calls.function.arguments: invalid character": {ToolCalls: []mistralobs.ToolCall{{
			Function: mistralobs.FunctionCall{Arguments: json.RawMessage("x")},
		}}},
	} {
		chat := mistralobs.NewConversation(mistralobs.User("Hi"), mistralobs.Assistant("Hello"), bad)
		_, err := mistralobs.NewObject(chat)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		require.ErrorContains(t, err, want)
	}
	for content, want := range map[string]string{
		`[{},5]`: "mistralobs: decoding a message: content[1]: it must be a JSON object, got a number",
		`5`: "mistralobs: decoding a message: content: it must be a string, an array of chunks or null, " +
			"got a number",
		`Hello`: "mistralobs: decoding a message: content: it is not JSON (see TextContent and ChunkContent): ",
	} {
		_, err := mistralobs.Content(content).Chunks()
		require.ErrorContains(t, err, want)
	}
}

func TestObjectGetAndSet(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		object, name string
		value        any
		found, want  string
	}{
		{object: ``, name: "a", value: 1, want: `{"a":1}`},
		{object: ` { } `, name: "a", value: nil, want: ` {"a":null } `},
		{object: `{"a":1}`, name: "a", value: "<x>", found: `1`, want: `{"a":"<x>"}`},
		{object: "{ \"b\" : 9007199254740993 ,\n\"a\" : [ 1 ] }", name: "a", value: []int{2}, found: `[ 1 ]`,
			want: "{ \"b\" : 9007199254740993 ,\n\"a\" : [2] }"},
		{
			object: "{ \"b\" : 1e400\n}", name: "ü", value: json.RawMessage(` {"x" : 1} `),
			want: "{ \"b\" : 1e400,\"ü\":{\"x\" : 1}\n}",
		},
		{object: `{"a":1,"\u0061":2}`, name: "a", value: []byte(`3`), found: `2`, want: `{"a":3,"\u0061":3}`},
		{object: `{"x":{"a":1}}`, name: "a", value: mistralobs.Object(`{}`), want: `{"x":{"a":1},"a":{}}`},
	} {
		object := mistralobs.Object(test.object)
		got, found := object.Get(test.name)
		assert.Equal(t, test.found, string(got))
		assert.Equal(t, test.found != "", found)
		changed, err := object.Set(test.name, test.value)
		require.NoError(t, err)
		assert.Equal(t, test.want, changed.String())
		assert.Equal(t, test.object, object.String(), "the object itself does not change")
		_, found = changed.Get(test.name)
		assert.True(t, found)
	}
	for _, test := range []struct {
		object, name string
		value        any
		want         string
	}{
		{object: `[]`, name: "a", value: 1,
			want: "mistralobs: setting a member of an object: Object: it must be a JSON object, got an array"},
		{object: `{"a":}`, name: "a", value: 1,
			want: "mistralobs: setting a member of an object: Object: it must be a JSON object, got invalid JSON: "},
		{object: `{}`, name: "\xff", value: 1,
			want: "mistralobs: setting a member of an object: name: it is not valid UTF-8"},
		{object: `{}`, name: "a", value: json.RawMessage(`{`),
			want: "mistralobs: setting a member of an object: v: it is not valid JSON"},
		{object: `{}`, name: "a", value: make(chan int),
			want: "mistralobs: setting a member of an object: v: it cannot be encoded as JSON: "},
	} {
		_, err := mistralobs.Object(test.object).Set(test.name, test.value)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		require.ErrorContains(t, err, test.want)
	}
}

func TestObjectDelete(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ object, name, want string }{
		{object: ``, name: "a", want: `{}`},
		{object: ` {"a": 1}`, name: "b", want: ` {"a": 1}`},
		{object: `{"a":1}`, name: "a", want: `{}`},
		{
			object: "{ \"b\" : 1e400 ,\n\"a\" : [ 1 ] , \"\\u0063\":{\"a\" : 2}}", name: "a",
			want: `{"b":1e400,"\u0063":{"a" : 2}}`,
		},
		{object: `{"a":1,"b":2,"\u0061":3}`, name: "a", want: `{"b":2}`},
	} {
		object := mistralobs.Object(test.object)
		got, err := object.Delete(test.name)
		require.NoError(t, err)
		assert.Equal(t, test.want, got.String())
		assert.Equal(t, test.object, object.String(), "the object itself does not change")
	}
	_, err := mistralobs.Object(`[]`).Delete("a")
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	const want = "mistralobs: deleting a member of an object: Object: it must be a JSON object, got an array"
	require.EqualError(t, err, want)
}

func TestObjectInJSON(t *testing.T) {
	t.Parallel()
	type holder struct {
		Payload mistralobs.Object `json:"payload"`
		After   int               `json:"after"`
	}
	lenient := jsonv2.JoinOptions(
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true), jsontext.PreserveRawStrings(true),
	)
	libraries := map[string]struct {
		marshal   func(any) ([]byte, error)
		unmarshal func([]byte, any) error
	}{
		"encoding/json": {marshal: json.Marshal, unmarshal: json.Unmarshal},
		"go-json-experiment/json": {
			marshal:   func(v any) ([]byte, error) { return jsonv2.Marshal(v, lenient) },
			unmarshal: func(raw []byte, v any) error { return jsonv2.Unmarshal(raw, v, lenient) },
		},
	}
	for name, library := range libraries {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, object := range []string{
				`{}`, `{"i":9007199254740993,"e":1E+400,"z":-0.0}`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}",
				`{"a":"\ud800\u0061\/"}`, `{"a":{"b":[{"c":null}]}}`,
			} {
				in := `{"payload":` + object + `,"after":1}`
				var got holder
				require.NoError(t, library.unmarshal([]byte(in), &got))
				assert.Equal(t, holder{mistralobs.Object(object), 1}, got)
				out, err := library.marshal(got)
				require.NoError(t, err)
				assert.Equal(t, in, string(out))
			}

			var spaced holder
			require.NoError(t, library.unmarshal([]byte("{\"payload\": {\n \"a\" : 1 } ,\"after\":1}"), &spaced))
			assert.Equal(t, holder{mistralobs.Object("{\n \"a\" : 1 }"), 1}, spaced, "white space inside is kept")

			absent := holder{Payload: mistralobs.Object(`{"old":1}`)}
			require.NoError(t, library.unmarshal([]byte(`{"payload":null,"after":1}`), &absent))
			assert.Equal(t, holder{nil, 1}, absent)
			out, err := library.marshal(absent)
			require.NoError(t, err)
			assert.Equal(t, `{"payload":null,"after":1}`, string(out))

			for _, other := range []string{`[]`, `"{}"`, `1`, `true`, `-1`} {
				var got holder
				require.NoError(t, library.unmarshal([]byte(`{"payload":`+other+`,"after":1}`), &got))
				assert.Equal(t, holder{mistralobs.Object(other), 1}, got, "other values are kept")
			}

			_, err = library.marshal(holder{Payload: mistralobs.Object(`{"a":`)})
			require.Error(t, err, "an object made by hand that is no JSON")
		})
	}

	t.Run("as a value in a map", func(t *testing.T) {
		t.Parallel()
		var got map[string]mistralobs.Object
		require.NoError(t, json.Unmarshal([]byte(`{"a":{"x":1},"b":null}`), &got))
		assert.Equal(t, map[string]mistralobs.Object{"a": mistralobs.Object(`{"x":1}`), "b": nil}, got)
	})
}

// Depth is bounded by the JSON libraries: too much of it is an error, never a panic.
func TestDeepNesting(t *testing.T) {
	t.Parallel()
	nested := func(depth int) mistralobs.Object {
		return mistralobs.Object(strings.Repeat(`{"messages":[`, depth/2) + strings.Repeat(`]}`, depth/2))
	}
	shallow, err := mistralobs.NewObject(nested(5_000))
	require.NoError(t, err)
	_, err = shallow.Map()
	require.NoError(t, err)
	conversation, err := shallow.Conversation()
	require.NoError(t, err)
	again, err := mistralobs.NewObject(conversation)
	require.NoError(t, err)
	assert.Equal(t, shallow, again)

	deep := nested(1_000_000)
	_, err = mistralobs.NewObject(deep)
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	_, err = deep.Map()
	require.Error(t, err)
	_, err = deep.Conversation()
	require.Error(t, err)
	var object mistralobs.Object
	require.Error(t, json.Unmarshal(deep, &object))
	require.Error(t, jsonv2.Unmarshal(deep, &object))
	type list []any
	var endless list
	endless = append(endless, nil)
	endless[0] = endless
	_, err = mistralobs.NewObject(map[string]any{"a": endless})
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	assert.Less(t, len(err.Error()), 500)
}
