package mistralobstest_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestSeedsMustBeObjects(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewUnstartedServer()
	defer server.Close()
	for _, payload := range []string{"", "null", "[]", "{"} {
		conversation := mistralobstest.RecordSeed{Payload: json.RawMessage(payload)}
		assert.Panics(t, func() { server.SeedConversation(conversation) }, payload)
	}
}

func TestSeedRecords(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewUnstartedServer()
	defer server.Close()
	id := server.SeedDataset("Test data", "", mistralobstest.RecordSeed{Payload: []byte(`{"n":0}`)})
	more := []mistralobstest.RecordSeed{{Payload: []byte(`{"n":1}`)}, {Payload: []byte(`{"n":2}`)}}
	server.SeedRecords("test-data", slices.Values(more))
	got := server.Records(id)
	assert.Len(t, got, 3)
	assert.JSONEq(t, `{"n":2}`, string(got[2].Payload))
	assert.Panics(t, func() { server.SeedRecords(nobody, slices.Values(more)) })
}
