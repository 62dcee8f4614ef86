package mistralobstest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestRequiredFields(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, recordIDs := a.dataset(`{}`)
	const uuid = `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`
	const stamp = `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`
	check := func(r response, want map[string]string) {
		t.Helper()
		for name, pattern := range want {
			assert.Regexp(t, pattern, fmt.Sprint(r.json(t, name)), name)
		}
	}
	common := map[string]string{"id": uuid, "created_at": stamp, "updated_at": stamp, "deleted_at": "<nil>"}
	check(a.do("GET", datasets+"/"+id, ""), common)
	check(a.do("GET", datasets+"/"+id, ""), map[string]string{
		"name": "Test data", "description": "^$", "owner_id": uuid, "workspace_id": uuid,
	})
	check(a.do("GET", records+"/"+recordIDs[0], ""), common)
	task := a.do("POST", datasets+"/"+id+"/imports/from-dataset", `{"dataset_record_ids":["`+recordIDs[0]+`"]}`)
	assert.Equal(t, 202, task.status)
	check(task, common)
	check(task, map[string]string{
		"creator_id": uuid, "dataset_id": id, "workspace_id": uuid,
		"status": "RUNNING", "progress": "^0$", "message": "<nil>",
	})
	file := a.upload("{}\n{}", "purpose", "evaluation", "expiry", "2", "visibility", "user")
	check(file, map[string]string{
		"id": uuid, "object": "^file$", "bytes": "^5$", "created_at": `^\d{10}$`, "filename": "data.jsonl",
		"purpose": "evaluation", "sample_type": "instruct", "num_lines": "^2$", "mimetype": "jsonl",
		"source": "upload", "signature": ".", "expires_at": `^\d{10}$`, "visibility": "user",
	})
	check(a.do("GET", "/v1/files/"+file.json(t, "id").(string), ""), map[string]string{"id": uuid, "deleted": "false"})
	for _, header := range []string{"Mistral-Correlation-Id", "X-Request-Id"} {
		assert.Regexp(t, uuid, file.header.Get(header))
	}
}
