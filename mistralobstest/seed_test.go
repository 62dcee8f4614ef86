package mistralobstest_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestSeedsMustBeObjects(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewUnstartedServer()
	defer server.Close()
	for _, payload := range []string{"", "null", "[]", "{"} {
		conversation := mistralobstest.Conversation{Payload: json.RawMessage(payload)}
		assert.Panics(t, func() { server.SeedConversation(conversation) }, payload)
	}
}
