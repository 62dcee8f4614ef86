package mistralobs_test

import (
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A bulk deletion whose response was lost may find, when it is repeated, that there is nothing left
// to delete, which the service may call an error.
func TestDeleteAllAfterALostAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sent []string
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			sent = append(sent, req.Method+" "+req.URL.Path[len("/v1/observability/dataset-records/"):])
			if len(sent) == 1 {
				return nil, syscall.ECONNRESET
			}
			if req.Method == http.MethodDelete && req.URL.Path[len(req.URL.Path)-1] == 'b' {
				return reply(req, 204, ""), nil
			}
			return reply(req, 404, `{"detail":{"message":"not found","error_code":"DATASET_RECORD_NOT_FOUND"}}`), nil
		}))
		require.NoError(t, client.Records.DeleteAll(t.Context(), []string{"a", "b"}))
		assert.Equal(t, []string{"POST bulk-delete", "POST bulk-delete", "DELETE a", "DELETE b"}, sent)
	})
}
