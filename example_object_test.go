package mistralobs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

func ExampleNewObject() {
	object, err := mistralobs.NewObject(map[string]any{"category": "shipping", "order": int64(9007199254740993)})
	if err != nil {
		log.Fatal(err)
	}
	properties, err := object.Map() // numbers are json.Number: nothing is rounded
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(object, properties["order"])
	_, err = mistralobs.NewObject([]int{1})
	fmt.Println(err)
	// Output:
	// {"category":"shipping","order":9007199254740993} 9007199254740993
	// mistralobs: encoding an object: v: it must be a JSON object, got an array
}

func ExampleObject_Decode() {
	object := mistralobs.Object(`{"trace_id": 9007199254740993, "difficulty": "hard"}`)
	var properties struct {
		TraceID    int64  `json:"trace_id"`
		Difficulty string `json:"difficulty"`
	}
	if err := object.Decode(&properties); err != nil {
		log.Fatal(err)
	}
	fmt.Println(properties.TraceID, properties.Difficulty)
	// Output: 9007199254740993 hard
}

func ExampleObject_Text() {
	properties := mistralobs.Object(`{"category":"shipping","score":0.75}`)
	category, _ := properties.Text("category")
	score, ok := properties.Float64("score")
	fmt.Println(category, score, ok)
	_, ok = properties.Float64("category")
	fmt.Println(ok)
	// Output:
	// shipping 0.75 true
	// false
}

func ExampleNewConversation() {
	var chat mistralobs.Conversation = mistralobs.NewConversation(
		mistralobs.System("Answer in one word."),
		mistralobs.User("Capital of France?"),
		mistralobs.Assistant("Paris."),
	)
	turns := map[mistralobs.Role]int{}
	for _, message := range chat.Messages {
		turns[message.Role]++
	}
	fmt.Println(turns[mistralobs.RoleUser], chat.Messages[2].Text())
	// Output: 1 Paris.
}

func ExampleChunkContent() {
	image := mistralobs.Chunk{Type: "image_url",
		Extra: map[string]json.RawMessage{"image_url": json.RawMessage(`"https://example.com/box.png"`)}}
	content, err := mistralobs.ChunkContent(mistralobs.Chunk{Type: "text", Text: "What is in the box?"}, image)
	if err != nil {
		log.Fatal(err)
	}
	message := mistralobs.Message{Role: mistralobs.RoleUser, Content: content}
	fmt.Println(message.Text())
	var plain mistralobs.Content = mistralobs.TextContent("A cat.")
	chunks, err := plain.Chunks()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(chunks[0].Text)
	// Output:
	// What is in the box?
	// A cat.
}

func ExampleToolCall() {
	call := mistralobs.ToolCall{
		ID: "call-1", Type: "function",
		Function: mistralobs.FunctionCall{Name: "track", Arguments: json.RawMessage(`"{\"parcel\":42}"`)},
	}
	var arguments struct{ Parcel int }
	if err := call.Function.DecodeArguments(&arguments); err != nil {
		log.Fatal(err)
	}
	chat := mistralobs.NewConversation(
		mistralobs.User("Where is parcel 42?"),
		mistralobs.Message{Role: mistralobs.RoleAssistant, ToolCalls: []mistralobs.ToolCall{call}},
		mistralobs.Tool(call.ID, `{"place":"Lyon"}`),
	)
	fmt.Println(arguments.Parcel, len(chat.Messages))
	// Output: 42 3
}

func ExampleReadJSONL() {
	file := strings.NewReader("{\"payload\":{\"a\":1}}\n\nnot a record\n")
	for record, err := range mistralobs.ReadJSONL(file) {
		var bad *mistralobs.LineError
		if errors.As(err, &bad) {
			fmt.Println("line", bad.Line, "is bad")
			break
		}
		fmt.Println(record.Payload)
	}
	// Output:
	// {"a":1}
	// line 3 is bad
}

func ExampleJSONLWriter() {
	var file bytes.Buffer
	w := mistralobs.NewJSONLWriter(&file)
	chat := mistralobs.NewConversation(mistralobs.User("Is 2 < 3?"))
	if err := w.Write(chat, map[string]string{"category": "math"}); err != nil {
		log.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		log.Fatal(err)
	}
	fmt.Print(file.String())
	// Output: {"payload":{"messages":[{"role":"user","content":"Is 2 < 3?"}]},"properties":{"category":"math"}}
}
