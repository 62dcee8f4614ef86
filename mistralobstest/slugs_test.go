package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestSlugs(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, slug string }{
		{name: "Language detection: golden set!", slug: "language-detection-golden-set"},
		{name: "language_detection (golden) set", slug: "language-detection-golden-set-2"},
		{name: "  LANGUAGE detection--golden.set", slug: "language-detection-golden-set-3"},
		{name: "Größe 42", slug: "gr-e-42"},
		{name: "日本語の例", slug: "dataset"},
		{name: nobody, slug: nobody + "-2"},
	}
	a := newAPI(t)
	var want []mistralobstest.Dataset
	for _, test := range tests {
		created := a.do("POST", datasets, `{"name":"`+test.name+`","description":""}`)
		assert.Equal(t, test.slug, created.json(t, "slug"), test.name)
		id := created.json(t, "id").(string)
		want = append(want, mistralobstest.Dataset{ID: id, Name: test.name, Slug: test.slug})
	}
	assert.Equal(t, want, a.server.Datasets())
}

// Every path that accepts the ID of a dataset accepts its slug.
func TestPathsTakeSlugs(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithTaskDuration(0))
	id, recordIDs := a.dataset(`{"n":1}`)
	path := datasets + "/test-data"
	assert.Equal(t, id, a.do("GET", path, "").json(t, "id"))
	assert.Equal(t, recordIDs[0], a.do("GET", path+"/records", "").json(t, "records.results.0.id"))
	assert.Equal(t, 201, a.do("POST", path+"/records", `{"payload":{}}`).status)
	task := a.do("POST", path+"/imports/from-dataset", `{"dataset_record_ids":["`+recordIDs[0]+`"]}`)
	assert.Equal(t, id, task.json(t, "dataset_id"))
	assert.Equal(t, "COMPLETED", a.do("GET", path+"/tasks/"+task.json(t, "id").(string), "").json(t, "status"))
	assert.Equal(t, 200, a.do("GET", path+"/tasks", "").status)
	assert.Equal(t, 200, a.do("GET", path+"/exports/to-jsonl", "").status)
	assert.Len(t, a.server.Records("test-data"), 3)

	renamed := a.do("PATCH", path, `{"name":"Renamed data"}`)
	assert.Equal(t, "test-data", renamed.json(t, "slug"), "a rename keeps the slug")
	assert.Equal(t, 204, a.do("DELETE", path, "").status)
	for _, gone := range []string{path, datasets + "/renamed-data", datasets + "/" + id} {
		r := a.do("GET", gone, "")
		assert.Equal(t, []any{404, "DATASET_NOT_FOUND"}, []any{r.status, r.json(t, "detail.error_code")}, gone)
	}
	other, _ := a.dataset()
	assert.Equal(t, "test-data", a.do("GET", datasets+"/"+other, "").json(t, "slug"),
		"a deleted dataset frees its slug")
}
