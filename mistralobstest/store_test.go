package mistralobstest_test

import (
	"strings"
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

// Deletions keep the order of the other records.
func TestDeletionsKeepTheOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		gone []int
		want string
	}{
		{name: "the first", gone: []int{0}, want: "1 2 3 4 5"},
		{name: "the last", gone: []int{5}, want: "0 1 2 3 4"},
		{name: "neighbors, in another order", gone: []int{3, 2}, want: "0 1 4 5"},
		{name: "scattered, one listed twice", gone: []int{4, 1, 4}, want: "0 2 3 5"},
		{name: "all", gone: []int{5, 4, 3, 2, 1, 0}},
	}
	a := newAPI(t)
	for _, test := range tests {
		id, recordIDs := a.dataset(`{"n":0}`, `{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`, `{"n":5}`)
		var ids []string
		for _, n := range test.gone {
			ids = append(ids, recordIDs[n])
		}
		r := a.do("POST", records+"/bulk-delete", `{"dataset_record_ids":["`+strings.Join(ids, `","`)+`"]}`)
		assert.Equal(t, 204, r.status, test.name)
		var left []string
		for _, rec := range a.server.Records(id) {
			left = append(left, strings.Trim(string(rec.Payload), `{"n:}`))
		}
		assert.Equal(t, test.want, strings.Join(left, " "), test.name)
		a.do("POST", datasets+"/"+id+"/records", `{"payload":{}}`)
		assert.Len(t, a.server.Records(id), len(left)+1, test.name)
	}
}
