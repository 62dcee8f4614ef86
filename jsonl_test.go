package mistralobs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// A record made from Go values equals one that is read from a file.
func TestNewJSONLRecord(t *testing.T) {
	t.Parallel()
	type row struct {
		ID string `json:"id"`
	}
	for name, test := range map[string]struct {
		payload, properties any
		want                *mistralobs.JSONLRecord
	}{
		"a map and a struct": {payload: map[string]int{"a": 1}, properties: row{"r"},
			want: &mistralobs.JSONLRecord{Payload: mistralobs.Object(`{"a":1}`),
				Properties: mistralobs.Object(`{"id":"r"}`)}},
		"no properties": {payload: []byte(`{"a": 1}`),
			want: &mistralobs.JSONLRecord{Payload: mistralobs.Object(`{"a": 1}`)}},
		"an absent object": {payload: json.RawMessage(`{}`), properties: mistralobs.Object(nil),
			want: &mistralobs.JSONLRecord{Payload: mistralobs.Object(`{}`)}},
		"no payload":         {properties: row{"r"}},
		"a list":             {payload: []int{1}},
		"properties, a list": {payload: map[string]int{}, properties: []int{1}},
		"a channel":          {payload: map[string]any{"a": make(chan int)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record, err := mistralobs.NewJSONLRecord(test.payload, test.properties)
			assert.Equal(t, test.want, record)
			if test.want == nil {
				assert.ErrorIs(t, err, mistralobs.ErrInvalidParams)
			} else {
				assert.NoError(t, err)
			}
		})
	}
}

func TestReadJSONL(t *testing.T) {
	t.Parallel()
	record := func(payload, properties, extra string) *mistralobs.JSONLRecord {
		r := &mistralobs.JSONLRecord{Payload: mistralobs.Object(payload)}
		if properties != "" {
			r.Properties = mistralobs.Object(properties)
		}
		if extra != "" {
			r.Extra = mistralobs.Object(extra)
		}
		return r
	}
	a, b := record(`{"a":1}`, ``, ``), record(`{"b":2}`, ``, ``)
	tests := map[string]struct {
		file string
		want []*mistralobs.JSONLRecord
	}{
		"nothing":                  {file: "", want: nil},
		"blank lines alone":        {file: "\n \n\t\r\n", want: nil},
		"a byte-order mark alone":  {file: "\ufeff", want: nil},
		"a payload alone":          {file: `{"payload":{"a":1}}` + "\n", want: []*mistralobs.JSONLRecord{a}},
		"no line break at the end": {file: `{"payload":{"a":1}}`, want: []*mistralobs.JSONLRecord{a}},
		"lines that end in CRLF": {
			file: "{\"payload\":{\"a\":1}}\r\n{\"payload\":{\"b\":2}}\r\n",
			want: []*mistralobs.JSONLRecord{a, b},
		},
		"CRLF without the last LF": {
			file: "{\"payload\":{\"a\":1}}\r\n{\"payload\":{\"b\":2}}\r",
			want: []*mistralobs.JSONLRecord{a, b},
		},
		"a byte-order mark":       {file: "\ufeff{\"payload\":{\"a\":1}}\n", want: []*mistralobs.JSONLRecord{a}},
		"a mark and a blank line": {file: "\ufeff\r\n{\"payload\":{\"a\":1}}\n", want: []*mistralobs.JSONLRecord{a}},
		"blank lines between": {
			file: "\n{\"payload\":{\"a\":1}}\n\n  \n{\"payload\":{\"b\":2}}\n\n",
			want: []*mistralobs.JSONLRecord{a, b},
		},
		"white space around a line": {file: "\t {\"payload\":{\"a\":1}} \t\n", want: []*mistralobs.JSONLRecord{a}},
		"an empty payload":          {file: `{"payload":{}}`, want: []*mistralobs.JSONLRecord{record(`{}`, ``, ``)}},
		"payload and properties": {
			file: `{"payload":{"a":1},"properties":{"k":[]}}`,
			want: []*mistralobs.JSONLRecord{record(`{"a":1}`, `{"k":[]}`, ``)},
		},
		"properties first": {
			file: `{"properties":{"k":[]},"payload":{"a":1}}`,
			want: []*mistralobs.JSONLRecord{record(`{"a":1}`, `{"k":[]}`, ``)},
		},
		"null properties are absent": {
			file: `{"payload":{"a":1},"properties":null}`,
			want: []*mistralobs.JSONLRecord{a},
		},
		"empty properties are not": {
			file: `{"payload":{"a":1},"properties":{}}`,
			want: []*mistralobs.JSONLRecord{record(`{"a":1}`, `{}`, ``)},
		},
		"what stands beside a payload is extra": {
			file: `{"id" : "r1", "payload":{"a":1}, "messages": [{}], "n":9007199254740993,"n":2}`,
			want: []*mistralobs.JSONLRecord{record(`{"a":1}`, ``,
				`{"id":"r1","messages":[{}],"n":9007199254740993,"n":2}`)},
		},
		"messages at the top": {
			file: `{"messages":[{"role":"user","content":"a<b"}]}`,
			want: []*mistralobs.JSONLRecord{record(`{"messages":[{"role":"user","content":"a<b"}]}`, ``, ``)},
		},
		"no messages yet": {
			file: `{"messages":[]}`,
			want: []*mistralobs.JSONLRecord{record(`{"messages":[]}`, ``, ``)},
		},
		"messages with properties": {
			file: `{"properties":{"k":1},"messages":[{}]}`,
			want: []*mistralobs.JSONLRecord{record(`{"messages":[{}]}`, `{"k":1}`, ``)},
		},
		"what stands beside messages is payload": {
			file: `{"id":"r1","messages":[{}],"properties":{"k":1},"model":null,"seed":18446744073709551616}`,
			want: []*mistralobs.JSONLRecord{
				record(`{"id":"r1","messages":[{}],"model":null,"seed":18446744073709551616}`, `{"k":1}`, ``),
			},
		},
		"values are kept byte for byte": {
			file: "{\"payload\":{ \"a\" :\t1e400,\"a\":\"\\u003c\\/\xff\u2028\" },\"properties\":{\"k\" : -0.0}}",
			want: []*mistralobs.JSONLRecord{record("{ \"a\" :\t1e400,\"a\":\"\\u003c\\/\xff\u2028\" }",
				`{"k" : -0.0}`, ``)},
		},
		"so are names": {
			file: "{\"\\u0061\":\"\xff\",\"messages\":[ ]}",
			want: []*mistralobs.JSONLRecord{record("{\"\\u0061\":\"\xff\",\"messages\":[ ]}", ``, ``)},
		},
		"escaped names are known": {
			file: `{"p\u0061yload":{"a":1},"propertie\u0073":{"k":1}}`,
			want: []*mistralobs.JSONLRecord{record(`{"a":1}`,
				`{"k":1}`, ``)},
		},
		"names that differ in case are not": {
			file: `{"payload":{"a":1},"Properties":7}`,
			want: []*mistralobs.JSONLRecord{record(`{"a":1}`, ``, `{"Properties":7}`)},
		},
		"a carriage return inside": {
			file: "{\"payload\":{\"a\":\r1}}\n",
			want: []*mistralobs.JSONLRecord{record("{\"a\":\r1}", ``, ``)},
		},
		"both shapes in one file": {
			file: "{\"payload\":{\"a\":1}}\n{\"messages\":[]}\n", want: []*mistralobs.JSONLRecord{
				a, record(`{"messages":[]}`, ``, ``),
			},
		},
		"the last of equal payloads counts": {
			file: `{"payload":{"b":2},"payload":{"a":1}}`,
			want: []*mistralobs.JSONLRecord{a},
		},
		"the last of equal properties counts": {
			file: `{"payload":{"a":1},"properties":{"k":1},"properties":null}`,
			want: []*mistralobs.JSONLRecord{a},
		},
		"messages beside a payload are extra": {
			file: `{"payload":{"a":1},"messages":12}`,
			want: []*mistralobs.JSONLRecord{record(`{"a":1}`, ``, `{"messages":12}`)},
		},
		"messages beside a null payload": {
			file: `{"payload":null,"messages":[{}],"properties":{"k":1}}`,
			want: []*mistralobs.JSONLRecord{record(`{"messages":[{}]}`, `{"k":1}`, ``)},
		},
		"messages in front of a payload, also": {
			file: `{"messages":12,"payload":{"a":1}}`,
			want: []*mistralobs.JSONLRecord{record(`{"a":1}`, ``, `{"messages":12}`)},
		},
	}
	readers := map[string]func(io.Reader) io.Reader{
		"whole": func(r io.Reader) io.Reader { return r }, "byte after byte": iotest.OneByteReader,
		"with the end at once": iotest.DataErrReader,
	}
	for name, test := range tests {
		for how, reader := range readers {
			t.Run(name+", "+how, func(t *testing.T) {
				t.Parallel()
				var got []*mistralobs.JSONLRecord
				for record, err := range mistralobs.ReadJSONL(reader(strings.NewReader(test.file))) {
					require.NoError(t, err)
					assert.Positive(t, record.Line)
					record.Line = 0 // the next test compares it
					got = append(got, record)
				}
				assert.Equal(t, test.want, got)
			})
		}
	}
}

func TestReadJSONLNumbersLines(t *testing.T) {
	t.Parallel()
	var lines []int
	for record, err := range mistralobs.ReadJSONL(strings.NewReader("\ufeff\n{\"payload\":{}}\r\n " +
		"\n{\"messages\":[]}\n{\"payload\":{}}")) {
		require.NoError(t, err)
		lines = append(lines, record.Line)
	}
	assert.Equal(t, []int{2, 4, 5}, lines)
}

func TestReadJSONLRefuses(t *testing.T) {
	t.Parallel()
	const neither = `it has neither "payload" nor "messages"`
	for name, test := range map[string]struct{ line, want string }{
		"an empty object":                 {line: `{}`, want: neither},
		"other names":                     {line: `{"sentence":"Bonjour","properties":{}}`, want: neither},
		"properties alone":                {line: `{"properties":{"k":1}}`, want: neither},
		"names that differ in case":       {line: `{"Payload":{},"MESSAGES":[]}`, want: neither},
		"an array":                        {line: `[{"messages":[]}]`, want: "it must be a JSON object, got an array"},
		"a string":                        {line: `"{}"`, want: "it must be a JSON object, got a string"},
		"null":                            {line: `null`, want: "it must be a JSON object, got null"},
		"a number":                        {line: `-1`, want: "it must be a JSON object, got a number"},
		"a boolean":                       {line: `true`, want: "it must be a JSON object, got a boolean"},
		"cut short":                       {line: `{"payload":{"a":1}`, want: "unexpected EOF"},
		"cut short in a string":           {line: `{"payload":{"a":"x`, want: "unexpected EOF"},
		"two records":                     {line: `{"payload":{}}{"payload":{}}`, want: "unexpected data after"},
		"a record and a comma":            {line: `{"payload":{}},`, want: "unexpected data after"},
		"no JSON":                         {line: `payload: {}`, want: "invalid character 'p'"},
		"single quotes":                   {line: `{'payload':{}}`, want: `invalid character '\''`},
		"a comma too many":                {line: `{"payload":{},}`, want: `invalid character ','`},
		"a tabulator in a string":         {line: "{\"payload\":{\"a\":\"\t\"}}", want: `invalid character '\t'`},
		"a byte-order mark in the middle": {line: "\ufeff{\"payload\":{}}", want: `invalid character '\ufeff'`},
		"UTF-16": {line: "{\x00\"\x00}\x00",
			want: "the text is UTF-16: convert it to UTF-8 first"},
		"UTF-16, big-endian":            {line: "\x00{\x00\"", want: "the text is UTF-16"},
		"UTF-16 with a byte-order mark": {line: "\xff\xfe{\x00", want: "the text is UTF-16"},
		"a big-endian byte-order mark":  {line: "\xfe\xff\x00{", want: "the text is UTF-16"},
		"gzip":                          {line: "\x1f\x8b\x08\x00\x00", want: "the file is compressed with gzip"},
		"pretty-printed": {line: `{`,
			want: "as in a pretty-printed file: write each record on one line"},
		"pretty-printed inside":        {line: `{"payload": {"a": [`, want: "as in a pretty-printed file"},
		"pretty-printed after a comma": {line: `{"payload": {"a": 1},`, want: "as in a pretty-printed file"},
		"an array of records":          {line: `[`, want: "as in a pretty-printed file"},
		"too deep": {
			line: `{"payload":` + strings.Repeat(`{"a":`, 100_000), want: "exceeded max depth",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := "\ufeff{\"messages\":[]}\r\n\n   \n" + test.line + "\n{\"messages\":[]}\n"
			records := 0
			var last error
			for record, err := range mistralobs.ReadJSONL(strings.NewReader(file)) {
				require.NoError(t, last, "the error is the last thing")
				if err == nil {
					records++
				} else {
					assert.Nil(t, record)
				}
				last = err
			}
			assert.Equal(t, 1, records)
			var line *mistralobs.LineError
			require.ErrorAs(t, last, &line)
			assert.Equal(t, 4, line.Line)
			assert.ErrorContains(t, last, "mistralobs: reading line 4: ")
			assert.ErrorContains(t, last, test.want)
			assert.Less(t, len(last.Error()), 300)
			assert.False(t, errors.Is(last, io.EOF), "it is not the end of the file")
		})
	}
}

// Values of other types than documented are kept: one odd record does not end an export.
func TestReadJSONLKeepsOddValues(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]mistralobs.JSONLRecord{
		`{"payload":[1]}`:                    {Payload: mistralobs.Object(`[1]`)},
		`{"payload":null,"properties":null}`: {},
		`{"payload":"{}","properties":[null]}`: {
			Payload: mistralobs.Object(`"{}"`), Properties: mistralobs.Object(`[null]`),
		},
		`{"messages":{},"properties":1}`: {
			Payload: mistralobs.Object(`{"messages":{}}`), Properties: mistralobs.Object(`1`),
		},
		`{"payload":null,"messages":null}`: {Extra: mistralobs.Object(`{"messages":null}`)},
		`{"messages":[[null]]}`:            {Payload: mistralobs.Object(`{"messages":[[null]]}`)},
		`{"id":7,"messages":null,"payload":false}`: {
			Payload: mistralobs.Object(`false`), Extra: mistralobs.Object(`{"id":7,"messages":null}`),
		},
	} {
		want.Line = 1
		var got []mistralobs.JSONLRecord
		for record, err := range mistralobs.ReadJSONL(strings.NewReader(line + "\n{\"payload\":{}}")) {
			require.NoError(t, err)
			got = append(got, *record)
		}
		assert.Equal(t, []mistralobs.JSONLRecord{want, {Payload: mistralobs.Object(`{}`), Line: 2}}, got)
	}
}

func TestNewRecordsWithoutALine(t *testing.T) {
	t.Parallel()
	for want, record := range map[string]*mistralobs.JSONLRecord{
		"mistralobs: reading records: records: a record is nil":                        nil,
		"mistralobs: reading records: Payload: it must be a JSON object, got an array": {Payload: []byte("[]")},
		"mistralobs: reading records: Properties: it must be a JSON object, got a number": {
			Payload: []byte("{}"), Properties: []byte("1"),
		},
	} {
		one := func(yield func(*mistralobs.JSONLRecord, error) bool) { yield(record, nil) }
		_, err := count(mistralobs.NewRecords(one))
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		require.EqualError(t, err, want)
	}
}

func TestNewRecords(t *testing.T) {
	t.Parallel()
	const good = `{"payload":{"a":1},"properties":{"b":2}}` + "\n" + `{"messages":[]}` + "\n"
	want := []mistralobs.CreateRecordParams{
		{Payload: mistralobs.Object(`{"a":1}`), Properties: mistralobs.Object(`{"b":2}`)},
		{Payload: mistralobs.Object(`{"messages":[]}`)},
	}
	for name, test := range map[string]struct {
		file, want string
		line       int
		invalid    bool
	}{
		"whole":    {file: good},
		"bad JSON": {file: good + "\n{", line: 4, want: "unexpected EOF"},
		"an odd payload": {
			file: good + `{"payload":[]}` + "\n" + good, line: 3, invalid: true,
			want: "Payload: it must be a JSON object, got an array",
		},
		"no payload": {
			file: good + `{"payload":null}`, line: 3, invalid: true,
			want: "Payload: it must be a JSON object, got nothing",
		},
		"odd properties": {
			file: good + `{"payload":{},"properties":[null]}`, line: 3, invalid: true,
			want: "Properties: it must be a JSON object, got an array",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []mistralobs.CreateRecordParams
			var last error
			for params, err := range mistralobs.NewRecords(mistralobs.ReadJSONL(strings.NewReader(test.file))) {
				require.NoError(t, last, "the error is the last item")
				if last = err; err == nil {
					got = append(got, params)
				}
			}
			assert.Equal(t, want, got)
			if test.want == "" {
				require.NoError(t, last)
				return
			}
			var line *mistralobs.LineError
			require.ErrorAs(t, last, &line)
			assert.Equal(t, test.line, line.Line)
			assert.Equal(t, test.invalid, errors.Is(last, mistralobs.ErrInvalidParams))
			assert.ErrorContains(t, last, test.want)
		})
	}
	for _, err := range mistralobs.NewRecords(nil) {
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	}
	for range mistralobs.NewRecords(mistralobs.ReadJSONL(strings.NewReader(good))) {
		break // without a panic
	}
}

func TestReadJSONLReportsItsReader(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is on fire")
	for name, test := range map[string]struct {
		before  string
		records int
		want    string
	}{
		"at once": {before: "", records: 0, want: "mistralobs: reading line 1: the disk is on fire"},
		"within a line": {before: "{\"messages\":[]}\n\n{\"messages\":[]", records: 1,
			want: "mistralobs: reading line 3: the disk is on fire"},
		"after a record": {before: "{\"messages\":[]}\n{\"messages\":[]}", records: 1,
			want: "mistralobs: reading line 2: the disk is on fire"},
		"between lines": {before: "{\"messages\":[]}\n", records: 1,
			want: "mistralobs: reading line 2: the disk is on fire"},
		"in a long line": {before: "{\"messages\":[]}\n{\"messages\":[" + strings.Repeat(" ", 200_000), records: 1,
			want: "mistralobs: reading line 2: the disk is on fire"},
		"after blank ones": {before: "\n\n", records: 0, want: "mistralobs: reading line 3: the disk is on fire"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			records := 0
			var last error
			for record, err := range mistralobs.ReadJSONL(io.MultiReader(strings.NewReader(test.before),
				iotest.ErrReader(broken))) {
				require.NoError(t, last)
				if record != nil {
					records++
				}
				last = err
			}
			assert.Equal(t, test.records, records)
			require.EqualError(t, last, test.want)
			require.ErrorIs(t, last, broken)
			var line *mistralobs.LineError
			assert.False(t, errors.As(last, &line), "the line is not to blame")
		})
	}
}

// Records do not share memory with the reader's buffer or with each other.
func TestReadJSONLRecordsStay(t *testing.T) {
	t.Parallel()
	var kept []*mistralobs.JSONLRecord
	lines := strings.Repeat(`{"payload":{"a":1},"properties":{"k":1},"x":1}`+"\n"+`{"messages":[{}]}`+"\n", 5_000)
	for record, err := range mistralobs.ReadJSONL(strings.NewReader(lines)) {
		require.NoError(t, err)
		kept = append(kept, record)
		if len(kept)%2 == 0 {
			for i := range record.Payload {
				record.Payload[i] = 'X'
			}
		}
	}
	require.Len(t, kept, 10_000)
	want := &mistralobs.JSONLRecord{
		Payload:    mistralobs.Object(`{"a":1}`),
		Properties: mistralobs.Object(`{"k":1}`),
		Extra:      mistralobs.Object(`{"x":1}`),
	}
	for i := 0; i < len(kept); i += 2 {
		want.Line = i + 1
		require.Equal(t, want, kept[i])
	}
}

func TestReadJSONLBreaksOff(t *testing.T) {
	t.Parallel()
	file := strings.NewReader(strings.Repeat("{\"messages\":[]}\n", 100_000))
	read := 0
	for _, err := range mistralobs.ReadJSONL(file) {
		require.NoError(t, err)
		if read++; read == 2 {
			break
		}
	}
	assert.Equal(t, 2, read)
	assert.Positive(t, file.Len(), "the rest is not read")
}

func TestReadJSONLLongLines(t *testing.T) {
	t.Parallel()
	long := `{"a":"` + strings.Repeat("0123456789", 500_000) + `"}`
	for name, around := range map[string]string{"alone": "", "between others": "{\"messages\":[]}\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for record, err := range mistralobs.ReadJSONL(strings.NewReader(around + `{"payload":` + long + "}\n" + around)) {
				require.NoError(t, err)
				got = append(got, record.Payload.String())
			}
			want := []string{long}
			if around != "" {
				want = []string{`{"messages":[]}`, long, `{"messages":[]}`}
			}
			assert.True(t, assert.ObjectsAreEqual(want, got), "a line of 5 MB")
		})
	}
	for _, size := range []int{64<<10 - 1, 64 << 10, 64<<10 + 1, 128 << 10} { // around the buffer's
		line := `{"messages":[]` + strings.Repeat(" ", size-len(`{"messages":[]}`)) + `}`
		for record, err := range mistralobs.ReadJSONL(strings.NewReader(line + "\r\n")) {
			require.NoError(t, err)
			assert.Equal(t, `{"messages":[]}`, record.Payload.String())
		}
	}
}

// filler is an endless stream of a character.
type filler byte

func (f filler) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f)
	}
	return len(p), nil
}

// A line of 4 MB costs a few times its size, not a multiple for each record.
// It is not parallel, since it measures memory.
func TestReadJSONLVeryLongLine(t *testing.T) {
	const size = 4 << 20
	file := io.MultiReader(
		strings.NewReader("{\"messages\":[]}\n{\"payload\":{\"a\":\""), io.LimitReader(filler('x'), size),
		strings.NewReader("\"}}\n{\"messages\":[]}\n"),
	)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var sizes []int
	for record, err := range mistralobs.ReadJSONL(file) {
		require.NoError(t, err)
		sizes = append(sizes, len(record.Payload))
	}
	runtime.ReadMemStats(&after)
	assert.Equal(t, []int{len(`{"messages":[]}`), size + len(`{"a":""}`), len(`{"messages":[]}`)}, sizes)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(10*size),
		"the line grows by doubling, and is copied once")
}

func TestJSONLWriter(t *testing.T) {
	t.Parallel()
	conversation := mistralobs.NewConversation(mistralobs.User("a<b"))
	tests := map[string]struct {
		payload, properties any
		want                string
	}{
		"without properties": {
			payload:    conversation,
			properties: nil,
			want:       `{"payload":{"messages":[{"role":"user","content":"a<b"}]}}`,
		},
		"with properties": {payload: &conversation, properties: map[string]any{"k": "<&>"},
			want: `{"payload":{"messages":[{"role":"user","content":"a<b"}]},"properties":{"k":"<&>"}}`},
		"empty properties": {
			payload:    map[string]any{},
			properties: map[string]any{},
			want:       `{"payload":{},"properties":{}}`,
		},
		"nil maps": {
			payload:    map[string]any{},
			properties: map[string]any(nil),
			want:       `{"payload":{}}`,
		},
		"nil objects": {
			payload:    map[string]any{},
			properties: mistralobs.Object(nil),
			want:       `{"payload":{}}`,
		},
		"a nil pointer": {
			payload:    map[string]any{},
			properties: (*mistralobs.Object)(nil),
			want:       `{"payload":{}}`,
		},
		"null": {
			payload:    map[string]any{},
			properties: json.RawMessage(" null"),
			want:       `{"payload":{}}`,
		},
		"byte for byte": {
			payload:    mistralobs.Object("{ \"a\" :\t9007199254740993,\"a\":\"\\u003c\u2028\" }"),
			properties: json.RawMessage(` {"z" : -0.0} `),
			want:       "{\"payload\":{ \"a\" :\t9007199254740993,\"a\":\"\\u003c\u2028\" },\"properties\":{\"z\" : -0.0}}",
		},
		"pretty-printed": {
			payload:    mistralobs.Object("{\r\n  \"a\": [\n    1,\n    2\n  ]\n}\n"),
			properties: mistralobs.Object("{\n}"),
			want:       `{"payload":{  "a": [    1,    2  ]},"properties":{}}`,
		},
		"escaped line breaks stay": {
			payload:    mistralobs.Object("{\n\"a\\n\":\"\\r\\n\"}"),
			properties: nil,
			want:       `{"payload":{"a\n":"\r\n"}}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var file bytes.Buffer
			writer := mistralobs.NewJSONLWriter(&file)
			require.NoError(t, writer.Write(test.payload, test.properties))
			require.NoError(t, writer.Write(test.payload, test.properties))
			require.NoError(t, writer.Flush())
			assert.Equal(t, test.want+"\n"+test.want+"\n", file.String())
			for _, err := range mistralobs.ReadJSONL(&file) {
				require.NoError(t, err)
			}
		})
	}
}

func TestJSONLRoundTrip(t *testing.T) {
	t.Parallel()
	const file = `{"payload":{"messages":[{"role":"user","content":"a<b"}],"n":9007199254740993},` +
		`"properties":{"k":1,"k":2}}` + "\n" +
		`{"payload":{"sentence": "Bonjour" , "groundtruth":"French"}}` + "\n" +
		"{\"payload\":{\"a\":\"\\ud800\"},\"properties\":{}}\n"
	var written strings.Builder
	writer := mistralobs.NewJSONLWriter(&written)
	for record, err := range mistralobs.ReadJSONL(strings.NewReader(file)) {
		require.NoError(t, err)
		require.NoError(t, writer.Write(record.Payload, record.Properties))
	}
	require.NoError(t, writer.Flush())
	assert.Equal(t, file, written.String())
}

// A record that is refused leaves no trace, and the next one can be written.
func TestJSONLWriterRefuses(t *testing.T) {
	t.Parallel()
	var file strings.Builder
	writer := mistralobs.NewJSONLWriter(&file)
	for name, test := range map[string]struct {
		payload, properties any
		want                string
	}{
		"no payload": {payload: nil, properties: nil,
			want: "mistralobs: encoding a JSONL record: payload: it must be a JSON object, got null"},
		"a list": {
			payload: []int{}, properties: nil,
			want: "mistralobs: encoding a JSONL record: payload: it must be a JSON object, got an array",
		},
		"an absent object": {payload: mistralobs.Object(nil), properties: nil,
			want: "mistralobs: encoding a JSONL record: payload: it must be a JSON object, got nothing"},
		"a property list": {payload: map[string]any{}, properties: []int{1},
			want: "mistralobs: encoding a JSONL record: properties: it must be a JSON object, got an array"},
		"invalid properties": {
			payload: map[string]any{}, properties: map[string]any{"x": math.Inf(1)},
			want: "mistralobs: encoding a JSONL record: properties: it cannot be encoded as JSON: " +
				"json: unsupported value: +Inf",
		},
		"Latin-1": {
			payload: map[string]any{}, properties: mistralobs.Object("{\"a\":\"\xe9\"}"),
			want: `mistralobs: encoding a JSONL record: properties: the text at "/a" is not UTF-8: ` +
				"convert it first, for example from Latin-1",
		},
	} {
		err := writer.Write(test.payload, test.properties)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams, name)
		require.EqualError(t, err, test.want, name)
	}
	require.NoError(t, writer.Write(map[string]any{}, nil))
	require.NoError(t, writer.Flush())
	assert.Equal(t, "{\"payload\":{}}\n", file.String())
}

// fullDisk takes some bytes and no more, until it is emptied.
type fullDisk struct{ room int }

var errFull = errors.New("no space left")

func (d *fullDisk) Write(p []byte) (int, error) {
	if n := d.room; n < len(p) {
		d.room = 0
		return n, errFull
	}
	d.room -= len(p)
	return len(p), nil
}

func TestJSONLWriterErrorsStick(t *testing.T) {
	t.Parallel()
	const want = "mistralobs: writing JSONL: no space left"
	payload := map[string]string{"a": strings.Repeat("x", 100_000)}
	t.Run("in Write", func(t *testing.T) {
		t.Parallel()
		disk := &fullDisk{room: 150_000}
		writer := mistralobs.NewJSONLWriter(disk)
		require.NoError(t, writer.Write(payload, nil))
		err := writer.Write(payload, nil)
		require.EqualError(t, err, want)
		require.ErrorIs(t, err, errFull)
		disk.room = math.MaxInt
		require.EqualError(t, writer.Write(payload, nil), want, "a file with a hole is not gone on with")
		require.EqualError(t, writer.Flush(), want)
		assert.Equal(t, math.MaxInt, disk.room, "nothing is written after a failure")
	})
	t.Run("in Flush", func(t *testing.T) {
		t.Parallel()
		disk := &fullDisk{}
		writer := mistralobs.NewJSONLWriter(disk)
		require.NoError(t, writer.Write(map[string]any{}, nil), "it is buffered")
		require.EqualError(t, writer.Flush(), want)
		disk.room = math.MaxInt
		require.EqualError(t, writer.Flush(), want)
		require.EqualError(t, writer.Write(map[string]any{}, nil), want)
	})
}
