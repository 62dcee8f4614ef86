package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDeletions(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, recordIDs := a.dataset(`{}`, `{}`, `{}`, `{}`)
	assert.Equal(t, 204, a.do("DELETE", records+"/"+recordIDs[0], "").status)
	ids := `["` + recordIDs[1] + `","` + recordIDs[2] + `","` + nobody + `"]`
	r := a.do("POST", records+"/bulk-delete", `{"dataset_record_ids":`+ids+`}`)
	assert.Equal(t, response{204, r.header, ""}, r)
	assert.Len(t, a.server.Records(id), 1)
	assert.Equal(t, 204, a.do("DELETE", datasets+"/"+id, "").status)
	assert.Equal(t, 404, a.do("GET", records+"/"+recordIDs[3], "").status, "deleting a dataset deletes its records")
	assert.Empty(t, a.server.Datasets())
	file := a.upload("{}").json(t, "id").(string)
	assert.Equal(t, true, a.do("DELETE", "/v1/files/"+file, "").json(t, "deleted"))
	assert.Equal(t, 404, a.do("GET", "/v1/files/"+file, "").status)
	assert.Equal(t, 400, a.do("POST", "/v1/files", "rubbish", "Content-Type", "text/plain").status)
}
