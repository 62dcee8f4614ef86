package mistralobs_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

func TestConversationDecodes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		payload string
		want    mistralobs.Conversation
	}{
		"a chat": {
			payload: `{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"a<b","name":"Ann"}],` +
				`"model":"mistral-large"}`,
			want: mistralobs.Conversation{
				Messages: []mistralobs.Message{
					{Role: mistralobs.RoleSystem, Content: mistralobs.Content(`"Be brief."`)},
					{Role: mistralobs.RoleUser, Content: mistralobs.Content(`"a<b"`), Name: "Ann"},
				},
				Model: "mistral-large",
			},
		},
		"tools": {
			payload: `{"messages":[
				{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{
				"name":"f","arguments":"{\"n\": 1}"}},
				{"function":{"arguments":{"n":1}}}]},
				{"role":"tool","tool_call_id":"c1","content":""}]}`,
			want: mistralobs.Conversation{Messages: []mistralobs.Message{
				{Role: mistralobs.RoleAssistant, Content: mistralobs.Content(`null`), ToolCalls: []mistralobs.ToolCall{
					{
						ID:       "c1",
						Type:     "function",
						Function: mistralobs.FunctionCall{Name: "f", Arguments: json.RawMessage(`"{\"n\": 1}"`)},
					},
					{Function: mistralobs.FunctionCall{Arguments: json.RawMessage(`{"n":1}`)}},
				}},
				{Role: mistralobs.RoleTool, Content: mistralobs.Content(`""`), ToolCallID: "c1"},
			}},
		},
		"unknown names at every level": {
			payload: `{"messages":[{"role":"critic","prefix":true,"tool_calls":[{"index":0,` +
				`"function":{"strict":false}}]}],"n":9007199254740993}`,
			want: mistralobs.Conversation{
				Messages: []mistralobs.Message{{
					Role: "critic", Extra: map[string]json.RawMessage{"prefix": json.RawMessage(`true`)},
					ToolCalls: []mistralobs.ToolCall{{
						Extra: map[string]json.RawMessage{"index": json.RawMessage(`0`)},
						Function: mistralobs.FunctionCall{
							Extra: map[string]json.RawMessage{"strict": json.RawMessage(`false`)},
						},
					}},
				}},
				Extra: map[string]json.RawMessage{"n": json.RawMessage(`9007199254740993`)},
			},
		},
		"known names that hold nothing, or another type": {
			payload: `{"messages":[{"role":null,"name":"","tool_calls":null,"tool_call_id":7},{"tool_calls":[{"id":1,` +
				`"function":{}}]},{"tool_calls":[]}],"model":["m"]}`,
			want: mistralobs.Conversation{
				Messages: []mistralobs.Message{
					{Extra: map[string]json.RawMessage{
						"role": json.RawMessage(`null`), "name": json.RawMessage(`""`),
						"tool_calls": json.RawMessage(`null`), "tool_call_id": json.RawMessage(`7`),
					}},
					{
						ToolCalls: []mistralobs.ToolCall{
							{
								Extra: map[string]json.RawMessage{
									"id":       json.RawMessage(`1`),
									"function": json.RawMessage(`{}`),
								},
							},
						},
					},
					{ToolCalls: []mistralobs.ToolCall{}},
				},
				Extra: map[string]json.RawMessage{"model": json.RawMessage(`["m"]`)},
			},
		},
		"names are matched exactly": {
			payload: `{"messages":[{"Role":"user","ROLE":"user"}],"Model":"m","m\u006fdel":"n"}`,
			want: mistralobs.Conversation{
				Messages: []mistralobs.Message{
					{
						Extra: map[string]json.RawMessage{
							"Role": json.RawMessage(`"user"`),
							"ROLE": json.RawMessage(`"user"`),
						},
					},
				},
				Model: "n",
				Extra: map[string]json.RawMessage{"Model": json.RawMessage(`"m"`)},
			},
		},
		"the last of equal names counts, whether it fits or not": {
			payload: `{"messages":[1],"n":0,"messages":[{"role":1,"role":"user","name":"a","name":null,"x":1,"x":2}]}`,
			want: mistralobs.Conversation{Messages: []mistralobs.Message{{
				Role: mistralobs.RoleUser, Extra: map[string]json.RawMessage{"name": json.RawMessage(`null`),
					"x": json.RawMessage(`2`)},
			}}, Extra: map[string]json.RawMessage{"n": json.RawMessage(`0`)}},
		},
		"no messages yet": {
			payload: `{"messages":[]}`,
			want:    mistralobs.Conversation{Messages: []mistralobs.Message{}},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := mistralobs.Object(test.payload).Conversation()
			require.NoError(t, err)
			assert.Equal(t, test.want, *got)

			var unmarshaled mistralobs.Conversation
			require.NoError(t, json.Unmarshal([]byte(test.payload), &unmarshaled))
			assert.Equal(t, test.want, unmarshaled)
		})
	}
}

// A payload has the same content after it is decoded to a Conversation and encoded again.
func TestConversationRoundTrips(t *testing.T) {
	t.Parallel()
	message := func(members string) string { return `{"messages":[{` + members + `}]}` }
	tests := map[string]string{
		"an empty conversation": `{"messages":[]}`,
		"an empty message":      message(``),
		"no content":            message(`"role":"assistant"`),
		"null content":          message(`"role":"assistant","content":null`),
		"empty content":         message(`"role":"assistant","content":""`),
		"text with every kind of escape": message(
			`"content":"a\"\\\/\b\f\n\r\t\u00e9é😀\ud83d\ude00\u2028<&>\u0000"`,
		),
		"chunks": message(
			`"content":[{"type":"text","text":"a<b"},{"type":"image_url",` +
				`"image_url":{"url":"https://example.com/?a=1&b=2","detail":null}},{"type":"text","text":""},{"text":null,` +
				`"type":7}]`,
		),
		"an empty list of chunks":  message(`"content":[]`),
		"content of another type":  message(`"content":{"n":9007199254740993}`),
		"content that is a number": message(`"content":9007199254740993`),
		"arguments in a string": message(
			`"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{\"n\": 9007199254740993}"}}]`,
		),
		"arguments in an object": message(
			`"tool_calls":[{"function":{"name":"f","arguments":{"n":9007199254740993,"e":1E400}}}]`,
		),
		"null, empty and odd arguments": message(
			`"tool_calls":[{"function":{"arguments":null}},{"function":{"arguments":""}},{"function":{"arguments":[]}},` +
				`{"function":{"arguments":0}}]`,
		),
		"functions that are none": message(
			`"tool_calls":[{},{"function":null},{"function":{}},{"function":"f"},{"function":{"name":null}},` +
				`{"function":{"name":""}},{"function":[]}]`,
		),
		"tool calls with null and numbers": message(
			`"tool_calls":[{"id":null,"type":null},{"id":12345678901234567890,"type":1}]`,
		),
		"tool calls that are none": message(`"tool_calls":[null]`),
		"mixed tool calls":         message(`"tool_calls":[{"id":"c"},7]`),
		"tool calls in an object":  message(`"tool_calls":{"id":"c"}`),
		"null tool calls":          message(`"tool_calls":null`),
		"no tool calls":            message(`"tool_calls":[]`),
		"a prefix":                 message(`"role":"assistant","content":"I","prefix":true`),
		"roles of every type": `{"messages":[{"role":null},{"role":""},{"role":7},{"role":{}},{"role":[]},` +
			`{"role":"developer"}]}`,
		"names of every type": `{"messages":[{"name":null},{"name":""},{"name":7},{"name":{}},` +
			`{"tool_call_id":null},{"tool_call_id":false}]}`,
		"models of every type": `{"messages":[],"model":{"name":"m","temperature":0.70}}`,
		"a null model":         `{"messages":[],"model":null}`,
		"an empty model":       `{"messages":[],"model":""}`,
		"unknown names at every level": `{"messages":[{"x":[1,{"y":2.50}],"tool_calls":[{"x":null,"function":{"x":"",` +
			`"name":"f"}}],"content":[{"x":0,"type":"text"}]}],"tools":[],"seed":18446744073709551616,"":1}`,
		"names that differ in case": `{"messages":[{"Role":"user","role":"user","CONTENT":1}],"Messages":7,"MODEL":"m"}`,
		"names with odd characters": `{"messages":[],"a\"b":1,"\u0000":2,"<&>":3,"é\n":4,"messages ":5}`,
		"white space everywhere": "\n{ \"messages\" :\t[ { \"role\" : \"user\" ,\r\n\"content\" : [ ] } ] , " +
			"\"n\" : [ 1 , 2 ] }\n",
		"numbers of every form": `{"messages":[],"n":[0,-0,0.0,-0.0,1e5,1E+5,1.50,9007199254740993,` +
			`-9223372036854775809,1e-400]}`,
		"a judge's properties kept with it": `{"messages":[{"role":"user","content":"q"}],` +
			`"expected_output":{"a":null},"difficulty":3}`,
	}
	for name, payload := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			object, err := mistralobs.NewObject(json.RawMessage(payload))
			require.NoError(t, err)
			want, err := object.Map()
			require.NoError(t, err)

			conversation, err := object.Conversation()
			require.NoError(t, err)
			again, err := mistralobs.NewObject(conversation)
			require.NoError(t, err)
			got, err := again.Map()
			require.NoError(t, err)
			assert.Equal(t, want, got)

			raw, err := json.Marshal(conversation)
			require.NoError(t, err)
			got, err = mistralobs.Object(raw).Map()
			require.NoError(t, err)
			assert.Equal(t, want, got, "json.Marshal")
		})
	}
}

// A lone surrogate and broken UTF-8 decode to U+FFFD. The message keeps the original bytes, so that
// they are written back.
func TestConversationKeepsTextThatIsNotUnicode(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"a surrogate in a content":     `{"messages":[{"content":"\ud83d"}]}`,
		"a surrogate in a model":       `{"messages":[],"model":"\ud83d"}`,
		"a surrogate in a name":        `{"messages":[{"name":"a\udc00"}]}`,
		"a surrogate in a function":    `{"messages":[{"tool_calls":[{"function":{"name":"\ud83d"}}]}]}`,
		"broken UTF-8 in a content":    "{\"messages\":[{\"content\":\"\xff\"}]}",
		"broken UTF-8 in a model":      "{\"messages\":[],\"model\":\"\xff\"}",
		"a surrogate behind an escape": `{"messages":[{"name":"\\ufffd\ud800"}],"model":"\\ufffd\ud800"}`,
		"a surrogate behind U+FFFD":    `{"messages":[],"model":"\ufffd\ud800"}`,
		"a surrogate in a call":        `{"messages":[{"tool_calls":[{"id":"\\ufffd\ud800"}]}]}`,
		"surrogates in unknown values": `{"messages":[],"x":["\ud83d"]}`,
	}
	for name, payload := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conversation, err := mistralobs.Object(payload).Conversation()
			require.NoError(t, err)
			again, err := conversation.MarshalJSON()
			require.NoError(t, err)
			assert.Equal(t, payload, string(again))
			_, err = mistralobs.NewObject(conversation)
			if utf8.ValidString(payload) {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, mistralobs.ErrInvalidParams, "it can be kept, and not sent")
			}
		})
	}
}

// A lone surrogate is read as U+FFFD. A U+FFFD that the service sends is kept.
func TestTextThatIsNotUnicodeCanBeRead(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"half an emoji":                      `"a\ud83d"`,
		"broken UTF-8":                       "\"a\xff\"",
		"a replacement character":            `"a\ufffd"`,
		"half an emoji in a chunk":           `[{"type":"text","text":"a\ud83d"}]`,
		"broken UTF-8 in a chunk":            "[{\"type\":\"text\",\"text\":\"a\xff\"}]",
		"a replacement character in a chunk": `[{"type":"text","text":"a\ufffd"}]`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, "a\ufffd", mistralobs.Message{Content: mistralobs.Content(content)}.Text())
		})
	}
	conversation, err := mistralobs.Object("{\"messages\":[{\"name\":\"a\ufffd\"}],\"model\":\"m\ufffd\"}").
		Conversation()
	require.NoError(t, err)
	assert.Equal(
		t, &mistralobs.Conversation{Messages: []mistralobs.Message{{Name: "a\ufffd"}}, Model: "m\ufffd"}, conversation,
	)
}

func TestConversationsOfTheQuickstart(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("examples/quickstart/conversations.jsonl")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(file), "\n"), "\n")
	require.Len(t, lines, 50)
	var written strings.Builder
	writer := mistralobs.NewJSONLWriter(&written)
	read := 0
	for record, err := range mistralobs.ReadJSONL(strings.NewReader(string(file))) {
		require.NoError(t, err)
		line, err := mistralobs.Object(lines[read]).Map()
		require.NoError(t, err)
		read++

		conversation, err := record.Payload.Conversation()
		require.NoError(t, err)
		again, err := mistralobs.NewObject(conversation)
		require.NoError(t, err)
		payload, err := again.Map()
		require.NoError(t, err)
		properties, err := record.Properties.Map()
		require.NoError(t, err)
		assert.Equal(t, line, map[string]any{"payload": payload, "properties": properties}, "line %d", read)
		assert.Nil(t, record.Extra)
		require.NoError(t, writer.Write(conversation, record.Properties))
	}
	require.NoError(t, writer.Flush())
	assert.Equal(t, 50, read)
	assert.Equal(t, 50, strings.Count(written.String(), "\n"))
}

func TestConversationConstructors(t *testing.T) {
	t.Parallel()
	chunks, err := mistralobs.ChunkContent(
		mistralobs.Chunk{Type: "text", Text: "a<b"},
		mistralobs.Chunk{
			Type:  "image_url",
			Extra: map[string]json.RawMessage{"image_url": json.RawMessage(`"https://example.com/?a&b"`)},
		},
	)
	require.NoError(t, err)
	none, err := mistralobs.ChunkContent()
	require.NoError(t, err)
	tests := map[string]struct {
		given mistralobs.Conversation
		want  string
	}{
		"no messages":    {given: mistralobs.NewConversation(), want: `{"messages":[]}`},
		"the zero value": {given: mistralobs.Conversation{}, want: `{"messages":[]}`},
		"a chat with every role": {
			given: mistralobs.NewConversation(
				mistralobs.System("s"), mistralobs.User("u"), mistralobs.Assistant("a"), mistralobs.Tool("c1", "t"),
			),
			want: `{"messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant",` +
				`"content":"a"},{"role":"tool","content":"t","tool_call_id":"c1"}]}`,
		},
		"HTML is not escaped": {
			given: mistralobs.NewConversation(mistralobs.User("<b>&amp;\"\n")),
			want:  `{"messages":[{"role":"user","content":"<b>&amp;\"\n"}]}`,
		},
		"an empty text is one": {given: mistralobs.NewConversation(mistralobs.User("")),
			want: `{"messages":[{"role":"user","content":""}]}`},
		"chunks": {
			given: mistralobs.NewConversation(mistralobs.Message{Role: mistralobs.RoleUser, Content: chunks}),
			want: `{"messages":[{"role":"user","content":[{"type":"text","text":"a<b"},{"type":"image_url",` +
				`"image_url":"https://example.com/?a&b"}]}]}`,
		},
		"no chunks": {given: mistralobs.NewConversation(mistralobs.Message{Content: none}),
			want: `{"messages":[{"content":[]}]}`},
		"empty message": {given: mistralobs.NewConversation(mistralobs.Message{}), want: `{"messages":[{}]}`},
		"a tool call": {
			given: mistralobs.NewConversation(
				mistralobs.Message{Role: mistralobs.RoleAssistant, ToolCalls: []mistralobs.ToolCall{{
					ID: "c", Type: "function",
					Function: mistralobs.FunctionCall{Name: "f", Arguments: json.RawMessage(`{"n": 1}`)},
				}}},
			),
			want: `{"messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f",` +
				`"arguments":{"n":1}}}]}]}`,
		},
		"extra names come last, in order": {
			given: mistralobs.Conversation{Model: "m", Extra: map[string]json.RawMessage{"b": json.RawMessage(`1`),
				"a": nil}},
			want: `{"messages":[],"model":"m","a":null,"b":1}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := mistralobs.NewObject(test.given)
			require.NoError(t, err)
			assert.Equal(t, test.want, got.String())
		})
	}
}

// A field that a program sets stands before an Extra of the same name.
func TestConversationFieldsWinOverExtra(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		payload string
		change  func(*mistralobs.Conversation)
		want    string
	}{
		"nothing is changed": {
			payload: `{"messages":[{"name":null}],"model":7}`, change: func(*mistralobs.Conversation) {},
			want: `{"messages":[{"name":null}],"model":7}`,
		},
		"a model that was null": {
			payload: `{"messages":[],"model":null}`, change: func(c *mistralobs.Conversation) { c.Model = "m" },
			want: `{"messages":[],"model":"m"}`,
		},
		"a role that was a number": {
			payload: `{"messages":[{"role":7,"x":1}]}`, change: func(c *mistralobs.Conversation) {
				c.Messages[0].Role = mistralobs.RoleUser
			},
			want: `{"messages":[{"role":"user","x":1}]}`,
		},
		"tool calls that were null": {
			payload: `{"messages":[{"tool_calls":null}]}`, change: func(c *mistralobs.Conversation) {
				c.Messages[0].ToolCalls = []mistralobs.ToolCall{{ID: "c"}}
			},
			want: `{"messages":[{"tool_calls":[{"id":"c"}]}]}`,
		},
		"tool calls that were no list": {
			payload: `{"messages":[{"tool_calls":7}]}`, change: func(c *mistralobs.Conversation) {
				c.Messages[0].ToolCalls = []mistralobs.ToolCall{}
			},
			want: `{"messages":[{"tool_calls":[]}]}`,
		},
		"a function that was empty": {
			payload: `{"messages":[{"tool_calls":[{"function":{}}]}]}`, change: func(c *mistralobs.Conversation) {
				c.Messages[0].ToolCalls[0].Function.Name = "f"
			},
			want: `{"messages":[{"tool_calls":[{"function":{"name":"f"}}]}]}`,
		},
		"a field that is cleared": {
			payload: `{"messages":[{"role":"user","content":"u","name":"n"}],"model":"m"}`,
			change:  func(c *mistralobs.Conversation) { c.Model, c.Messages[0].Name, c.Messages[0].Content = "", "", nil },
			want:    `{"messages":[{"role":"user"}]}`,
		},
		"an Extra named like the messages": {
			payload: `{"messages":[]}`, change: func(c *mistralobs.Conversation) {
				c.Extra = map[string]json.RawMessage{"messages": json.RawMessage(`7`)}
			},
			want: `{"messages":[]}`,
		},
		"another message": {
			payload: `{"messages":[{"role":"user","content":"u","x":1}],"n":9007199254740993}`,
			change:  func(c *mistralobs.Conversation) { c.Messages = append(c.Messages, mistralobs.Assistant("a")) },
			want: `{"messages":[{"role":"user","content":"u","x":1},{"role":"assistant","content":"a"}],` +
				`"n":9007199254740993}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conversation, err := mistralobs.Object(test.payload).Conversation()
			require.NoError(t, err)
			test.change(conversation)
			got, err := mistralobs.NewObject(conversation)
			require.NoError(t, err)
			assert.Equal(t, test.want, got.String())
		})
	}
}

func TestConversationThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	broken := map[string]json.RawMessage{"x": json.RawMessage(`{`)}
	tests := map[string]mistralobs.Conversation{
		"in a conversation": {Extra: broken},
		"in a message":      mistralobs.NewConversation(mistralobs.Message{Extra: broken}),
		"in a tool call": mistralobs.NewConversation(
			mistralobs.Message{ToolCalls: []mistralobs.ToolCall{{Extra: broken}}},
		),
		"in a function": mistralobs.NewConversation(
			mistralobs.Message{ToolCalls: []mistralobs.ToolCall{{Function: mistralobs.FunctionCall{Extra: broken}}}},
		),
		"in arguments": mistralobs.NewConversation(
			mistralobs.Message{
				ToolCalls: []mistralobs.ToolCall{{Function: mistralobs.FunctionCall{Arguments: json.RawMessage(`n`)}}},
			},
		),
		"in a content": mistralobs.NewConversation(
			mistralobs.Message{Content: mistralobs.Content(`text without quotes`)},
		),
	}
	for name, conversation := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := mistralobs.NewObject(conversation)
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		})
	}
	_, err := mistralobs.ChunkContent(mistralobs.Chunk{Extra: broken})
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
}

func TestMessageText(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		content string
		chunks  []mistralobs.Chunk
		text    string
	}{
		"absent": {content: ``, chunks: nil, text: ""},
		"null":   {content: `null`, chunks: nil, text: ""},
		"empty":  {content: `""`, chunks: []mistralobs.Chunk{{Type: "text"}}, text: ""},
		"a text": {
			content: `"a\n<b>\u00e9"`,
			chunks:  []mistralobs.Chunk{{Type: "text", Text: "a\n<b>é"}},
			text:    "a\n<b>é",
		},
		"no chunks": {content: `[]`, chunks: []mistralobs.Chunk{}, text: ""},
		"one chunk": {
			content: `[{"type":"text","text":"a"}]`,
			chunks:  []mistralobs.Chunk{{Type: "text", Text: "a"}},
			text:    "a",
		},
		"two chunks": {
			content: `[{"type":"text","text":"a"},{"type":"text","text":"b"}]`,
			chunks:  []mistralobs.Chunk{{Type: "text", Text: "a"}, {Type: "text", Text: "b"}},
			text:    "a\nb",
		},
		"null in white space": {content: " null\n"},
		"other chunks": {
			content: `[{"type":"image_url","image_url":"u"},{"type":"text","text":"b"},{"type":"thinking","text":"hm"}]`,
			chunks: []mistralobs.Chunk{
				{Type: "image_url", Extra: map[string]json.RawMessage{"image_url": json.RawMessage(`"u"`)}},
				{Type: "text", Text: "b"}, {Type: "thinking", Text: "hm"},
			},
			text: "b",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chunks, err := mistralobs.Content(test.content).Chunks()
			require.NoError(t, err)
			assert.Equal(t, test.chunks, chunks)
			assert.Equal(t, test.text, mistralobs.Message{Content: mistralobs.Content(test.content)}.Text())
			assert.Equal(t, test.text, mistralobs.Content(test.content).Text())
			assert.Equal(t, test.text, fmt.Sprint(mistralobs.Content(test.content)))
		})
	}
	for _, content := range []string{`7`, `{"type":"text","text":"a"}`, `true`, `["a"]`, `[null]`, `text`} {
		t.Run("no content: "+content, func(t *testing.T) {
			t.Parallel()
			_, err := mistralobs.Content(content).Chunks()
			require.ErrorContains(t, err, "mistralobs: decoding a message: content")
			assert.Empty(t, mistralobs.Message{Content: mistralobs.Content(content)}.Text())
		})
	}
}

// A content returns every text unchanged.
func TestTextContent(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a", `"quoted" \ back`, "<b>&amp;</b>", "line\nbreak\r\n\t",
		"é😀\u2028\u2029\u0000\ufffd", `{"json":true}`, "null"} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, text, mistralobs.User(text).Text())
			assert.NotContains(t, string(mistralobs.TextContent(text)), "\n")
		})
	}
	assert.Equal(t, `"<&>"`, string(mistralobs.TextContent("<&>")))
	assert.Equal(t, "a\ufffd", mistralobs.User("a\xff").Text(), "it can be read, and not sent")
}

func TestDecodeArguments(t *testing.T) {
	t.Parallel()
	want := map[string]any{"n": json.Number("9007199254740993"), "s": "a<b"}
	for name, arguments := range map[string]string{
		"an object": `{"n":9007199254740993,"s":"a<b"}`,
		"a string":  `"{\"n\": 9007199254740993, \"s\":\"a\\u003cb\"}"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := mistralobs.FunctionCall{Arguments: json.RawMessage(arguments)}
			var got any
			require.NoError(t, call.DecodeArguments(&got))
			assert.Equal(t, want, got)
			var typed struct {
				N int64  `json:"n"`
				S string `json:"s"`
			}
			require.NoError(t, call.DecodeArguments(&typed))
			assert.Equal(t, int64(9007199254740993), typed.N)
			assert.Equal(t, "a<b", typed.S)
		})
	}
	for name, arguments := range map[string]string{"absent": ``, "an empty string": `""`,
		"no JSON in a string": `"n=1"`, "cut short": `"{\"n\":"`, "two objects": `"{}{}"`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got map[string]any
			require.ErrorContains(
				t, mistralobs.FunctionCall{Arguments: json.RawMessage(arguments)}.DecodeArguments(&got),
				"mistralobs: decoding the arguments of a function call: ",
			)
		})
	}
}
