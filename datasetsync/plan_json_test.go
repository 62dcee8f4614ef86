package datasetsync_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

func TestPlanLivesThroughJSON(t *testing.T) {
	have := []string{ticket("a", "1"), ticket("b", "1"), ticket("c", "1")}
	want := []string{ticket("a", "2"), ticket("b", "1"),
		`{"payload":{"big":9007199254740993,"html":"<&>"},"properties":{"id":"d"}}`}
	inWorld(t, have, func(w world) {
		plan := w.diff(byID, want...)
		var raw bytes.Buffer
		enc := json.NewEncoder(&raw)
		enc.SetEscapeHTML(false)
		require.NoError(t, enc.Encode(plan))
		require.NoError(t, plan.Close())
		_, err := json.Marshal(plan)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)

		var read datasetsync.Plan
		require.NoError(t, json.Unmarshal(raw.Bytes(), &read))
		assert.Equal(t, plan.String(), read.String())
		for range 2 { // the second time there is nothing to do
			_, err = read.Apply(w.t.Context(), w.client, datasetsync.Options{})
			require.NoError(t, err)
			assert.ElementsMatch(t, want, w.holds())
		}
		again, err := json.Marshal(&read)
		require.NoError(t, err)
		assert.JSONEq(t, raw.String(), string(again))
	})
}

// ReadPlan returns the plan that WriteTo has written, with everything in it.
func TestPlanIsWrittenAndRead(t *testing.T) {
	have := append(tickets(1, 40), ticket("a", "old"), ticket("b", "old"))
	inWorld(t, have, func(w world) {
		options := byID
		options.Full = true
		plan := w.diff(options, append(tickets(30, 60), ticket("a", "new"), ticket("b", "old"))...)
		var first, second bytes.Buffer
		n, err := plan.WriteTo(&first)
		require.NoError(t, err)
		assert.EqualValues(t, first.Len(), n)
		marshaled, err := plan.MarshalJSON()
		require.NoError(t, err)
		assert.Equal(t, first.String(), string(marshaled)+"\n")

		read, err := datasetsync.ReadPlan(&first)
		require.NoError(t, err)
		assert.Equal(t, plan.String(), read.String())
		_, err = read.WriteTo(&second)
		require.NoError(t, err)
		assert.Equal(t, string(marshaled)+"\n", second.String())
		_, err = w.apply(read, datasetsync.Options{})
		require.NoError(t, err)
		assert.Len(t, w.holds(), 33)
		require.NoError(t, read.Close())
		_, err = read.WriteTo(&second)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	})
}

func TestReadPlanRefuses(t *testing.T) {
	t.Parallel()
	head := `{"version":1,"dataset_id":"d"`
	for name, test := range map[string]struct{ plan, says string }{
		"nothing":                {plan: ``, says: "EOF"},
		"a list":                 {plan: `[]`, says: "expected {, got ["},
		"another version":        {plan: `{"version":2,"dataset_id":"d"}`, says: "its version is 2, not 1"},
		"no dataset":             {plan: `{"version":1}`, says: "it has no dataset_id"},
		"an unknown setting":     {plan: head + `,"keep":["a"]}`, says: `unknown field "keep"`},
		"an end that is missing": {plan: head, says: "unexpected"},
		"something after it":     {plan: head + `} {}`, says: "there is data after the plan"},
		"a list that is none":    {plan: head + `,"create":{}}`, says: "create: expected [, got {"},
		"a creation without body": {
			plan: head + `,"create":[{}]}`,
			says: "create: item 1: it has no payload or no properties",
		},
		"a payload that is a list": {
			plan: head + `,"create":[{"payload":[],"properties":{}}]}`,
			says: "not a JSON object",
		},
		"an update of nothing": {
			plan: head + `,"update":[{"record_id":"r"}]}`,
			says: "neither payload nor properties",
		},
		"an update of no record": {plan: head + `,"update":[{"payload":{}}]}`, says: "it has no record_id"},
		"a deletion with a body": {
			plan: head + `,"delete":[{"record_id":"r","payload":{}}]}`,
			says: "it has a payload",
		},
		"a record that is left alone with a body": {
			plan: head + `,"left_alone":[{"record_id":"r","properties":{}}]}`,
			says: "it has a payload or properties",
		},
		"a digest that is short": {
			plan: head + `,"delete":[{"record_id":"r","old_payload":"00"}]}`,
			says: "32 hexadecimal digits",
		},
		"a negative count":    {plan: head + `,"equal":-1}`, says: "a count is negative"},
		"no lists":            {plan: head + `}`, says: `it has no list "create"`},
		"no list of updates":  {plan: head + `,"create":[],"delete":[],"left_alone":[]}`, says: `it has no list "update"`},
		"a list that is null": {plan: head + `,"create":null}`, says: "create: expected [, got"},
		"a list twice":        {plan: head + `,"create":[],"create":[]}`, says: "create: it is there twice"},
		"a dataset twice":     {plan: head + `,"dataset_id":"other"}`, says: "dataset_id: it is there twice"},
		"a record that is deleted and kept": {
			plan: head + `,"create":[],"update":[],"left_alone":[],"delete":[{"record_id":"r","kept":"r"}]}`,
			says: "record r is deleted, and kept in the place of r",
		},
		"a record of a creation": {
			plan: head + `,"create":[{"record_id":"r","payload":{},"properties":{}}]}`, says: "it has a record_id",
		},
		"a number below 0": {
			plan: head + `,"create":[{"payload":{},"properties":{},"same":-1}]}`, says: "a number is negative",
		},
		"a deletion twice": {
			plan: head + `,"delete":[{"record_id":"r"},{"record_id":"r"}]}`, says: "delete: item 2: record r is there twice",
		},
		"an update and a deletion": {
			plan: head + `,"delete":[{"record_id":"r"}],"update":[{"record_id":"r","payload":{}}]}`,
			says: "update: item 1: record r is there twice",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := datasetsync.ReadPlan(strings.NewReader(test.plan))
			require.ErrorContains(t, err, test.says)
			require.ErrorContains(t, err, "datasetsync: reading a plan: ")
		})
	}
}

// A plan that creates a key twice is not applied.
func TestAPlanThatCreatesAKeyTwice(t *testing.T) {
	inWorld(t, nil, func(w world) {
		plan := w.diff(byID, ticket("a", "1"))
		plan.Create = append(plan.Create, plan.Create[0])
		_, err := w.apply(plan, byID)
		require.ErrorIs(t, err, datasetsync.ErrDuplicateKeys)
		assert.Empty(t, w.holds())
	})
}

// A plan that ReadPlan accepts is the same after it is written and read again.
func FuzzReadPlan(f *testing.F) {
	head := `{"version":1,"dataset_id":"d",`
	digest := `"old_payload":"00112233445566778899aabbccddeeff"`
	for _, seed := range []string{
		head + `"equal":2,"create":[],"update":[],"delete":[],"left_alone":[]}`,
		head + `"key":"id","create":[{"key":"\u001b","line":3,"payload":{"a":1},"properties":{}}],"x":[1],` +
			`"update":[{"record_id":"r",` + digest + `,"payload":{},"differences":[{"path":"p","old":"1"}]}],` +
			`"delete":[{"record_id":"q",` + digest + `}],"left_alone":[{"record_id":"s"}]}`,
		head + `"full":true,"delete":[{"record_id":"r",` + digest + `,"payload":{"a":1},"properties":{}}],` +
			`"left_alone":[],"create":[],"update":[]}`,
		head + `"create":null}`, `[]`, ``, `{"version":1`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		plan, err := datasetsync.ReadPlan(bytes.NewReader(raw))
		if err != nil {
			return
		}
		defer plan.Close()
		var first, second bytes.Buffer
		_, err = plan.WriteTo(&first)
		require.NoError(t, err)
		again, err := datasetsync.ReadPlan(bytes.NewReader(first.Bytes()))
		require.NoError(t, err, first.String())
		defer again.Close()
		_, err = again.WriteTo(&second)
		require.NoError(t, err)
		assert.Equal(t, first.String(), second.String())
		assert.Equal(t, plan.String(), again.String())
		assert.NotContains(t, plan.String(), "\x1b")
	})
}
