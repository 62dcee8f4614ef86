package mistralobs

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// Every response is decoded into a page of real items, or refused.
func FuzzDecodePage(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `{}`, `[]`, `{"records":null}`, `{"records":{}}`, `{"records":{"count":87}}`,
		`{"datasets":{"results":null}}`,
		`{"records":{"results":[{"id":"r","payload":{"messages": [ ],"a":1,"a":2},"properties":null,` +
			`"created_at":"2026-05-04T10:20:30.123Z"}],"count":1,"next":null}}`,
		`{"datasets":{"results":[{"id":"d","name":"n","deleted_at":null,"colour":"x"}],"next":"n","previous":"p",` +
			`"count":9007199254740993}}`,
		`{"records":{"results":[{"id":"r","payload":[]}]}}`, `{"records":{"results":[{}]}}`,
		`{"records":{"results":[null]}}`,
		`{"records":{"results":[{"id":"r","payload":{"a":"` + "\xff" + `"}}]},"records":{}}`,
		`{"datasets":{"results":[{"id":"d","created_at":"yesterday"}]}}`,
		`{"records":{"results":` + strings.Repeat("[", 200),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var datasets Page[Dataset]
		if decodeResult(body, "datasets", hasID, &datasets) == nil {
			for _, dataset := range datasets.Items {
				assert.NotEmpty(t, dataset.ID)
			}
		}
		var records Page[Record]
		if decodeResult(body, "records", hasID, &records) != nil {
			return
		}
		for _, record := range records.Items {
			assert.NotEmpty(t, record.ID)
			decoded := Record{}
			require.NoError(t, jsonv2.Unmarshal(record.raw, &decoded, decoding))
			decoded.received = record.received
			assert.Equal(t, decoded, record, "the scanner and the library agree")
			for _, object := range []Object{record.Payload, record.Properties} {
				if object == nil {
					continue
				}
				assert.True(t, bytes.Contains(body, object), "%s is not what came", object)
				assert.True(t, jsonscan.Valid(object))
			}
		}
	})
}

// Every record that is read can be written, and read again.
func FuzzReadJSONL(f *testing.F) {
	for _, seed := range []string{
		``, "\n\n", "\ufeff", "\ufeff\r\n{\"messages\":[]}\r\n\r\n",
		`{"messages":[{"role":"user","content":"a<b"}],"n":9007199254740993,"properties":{"k":1,"k":2}}`,
		"{\"payload\":{\"a\" :\t1},\"properties\":null,\"id\":\"x\"}\n{\"payload\":{}}",
		"{\"payload\":{\"a\":\r1}}", "{\"payload\":{\"a\":\"\xff\u2028\"}}", `{"payload":{},"payload":{"a":1}}`,
		`{"p\u0061yload":{}}`,
		`{"messages":{}}`, `{"messages":[1]}`, `{"properties":{}}`, `{"payload":1}`, `{"payload":{}}{}`,
		`{"payload":{}`,
		`[]`, `{"payload":{}} x`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		compact := func(object Object) string {
			var buf bytes.Buffer
			if object != nil {
				require.NoError(t, json.Compact(&buf, object))
			}
			return buf.String()
		}
		var first bytes.Buffer
		var want [][2]string
		writer := NewJSONLWriter(&first)
		for record, err := range ReadJSONL(bytes.NewReader(file)) {
			if err != nil {
				var line *LineError
				require.ErrorAs(t, err, &line)
				assert.Positive(t, line.Line)
				break
			}
			if checkSendable("", record.Payload) != nil ||
				record.Properties != nil && checkSendable("", record.Properties) != nil {
				assert.Error(t, writer.Write(record.Payload, record.Properties), "odd values are read, but not written")
				continue
			}
			want = append(want, [2]string{compact(record.Payload), compact(record.Properties)})
			assert.True(t, record.Extra == nil || checkObject(record.Extra) == nil, "%s", record.Extra)
			require.NoError(t, writer.Write(record.Payload, record.Properties))
		}
		require.NoError(t, writer.Flush())
		assert.Equal(t, len(want), strings.Count(first.String(), "\n"), "a line a record")

		var second bytes.Buffer
		var got [][2]string
		writer = NewJSONLWriter(&second)
		for record, err := range ReadJSONL(bytes.NewReader(first.Bytes())) {
			require.NoError(t, err)
			got = append(got, [2]string{compact(record.Payload), compact(record.Properties)})
			assert.Nil(t, record.Extra)
			require.NoError(t, writer.Write(record.Payload, record.Properties))
		}
		require.NoError(t, writer.Flush())
		assert.Equal(t, want, got)
		assert.Equal(t, first.String(), second.String(), "byte for byte from then on")
	})
}

// An object is kept byte for byte, and what it is decoded to says the same.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{
		``, `null`, `[]`, `"{}"`, `{}`, ` { } `, `{"a":9007199254740993,"a":1e400,"b":[-0.0]}`, `{"messages":[]}`,
		`{"messages":null}`, `{"messages":[null]}`,
		`{"messages":[{"role":"user","content":"a<b"}],"model":null,"temperature":0.70}`,
		`{"messages":[{"role":5,"content":null,"name":"","tool_calls":[{"id":"c","type":"function",` +
			`"function":{"name":"f","arguments":"{\"a\":1}"}}]}],"model":5}`,
		`{"messages":[{"role":"tool","tool_calls":[],"tool_call_id":{},"prefix":true},{"tool_calls":[{}],` +
			`"content":[{"type":"text","text":""}]}]}`,
		`{"messages":[{"tool_calls":[{"function":{},"x":1},{"function":{"arguments":{"n":1}}}]}],` +
			`"messages":[{"tool_calls":[null]}]}`,
		`{"m\u006fdel":"a","model":"\ud800","` + "\xff" + `":1,"` + "\xfe" + `":2}`, `{"a":` +
			strings.Repeat("[", 200) +
			strings.Repeat("]", 200) + `}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		object, err := NewObject(json.RawMessage(raw))
		if err != nil {
			require.ErrorIs(t, err, ErrInvalidParams)
			return
		}
		assert.Equal(t, strings.Trim(string(raw), " \t\r\n"), object.String())

		want, err := object.Map()
		require.NoError(t, err)
		again, err := NewObject(want)
		require.NoError(t, err)
		got, err := again.Map()
		require.NoError(t, err)
		assert.Equal(t, want, got)

		conversation, err := object.Conversation()
		if err != nil {
			return
		}
		for _, message := range conversation.Messages {
			_ = message.Text()
			_, _ = message.Content.Chunks()
		}
		again, err = NewObject(conversation)
		require.NoError(t, err)
		got, err = again.Map()
		require.NoError(t, err)
		assert.Equal(t, want, got, "a conversation loses nothing")
	})
}
