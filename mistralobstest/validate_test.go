package mistralobstest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestErrors(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, recordIDs := a.dataset(`{"messages":"kept for the judge"}`[:1] + `"messages":[]}`)
	many := func(n int, id string) string { return `["` + strings.Repeat(id+`","`, n-1) + id + `"]` }
	judge := func(change string) string {
		const rest = `"name":"judge","description":"","model_name":"m","instructions":"","tools":[]`
		return `{"judge_definition":{` + rest + `,` + change + `}}`
	}
	const options = `"output":{"type":"CLASSIFICATION","options":[]}`
	code := func(code string) map[string]string { return map[string]string{"detail.error_code": code} }
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     map[string]string // by path in the body
	}{
		{
			name: "no route", method: "GET", path: "/v1/nothing", status: 404,
			want: map[string]string{"detail": "Not Found"},
		},
		{
			name: "no method", method: "PUT", path: datasets, status: 405,
			want: map[string]string{"detail": "Method Not Allowed"},
		},
		{
			name: "no dataset", method: "GET", path: datasets + "/" + nobody, status: 404,
			want: code("DATASET_NOT_FOUND"),
		},
		{
			name: "no dataset to list", method: "GET", path: datasets + "/" + nobody + "/records", status: 404,
			want: code("DATASET_NOT_FOUND"),
		},
		{
			name: "no dataset to fill", method: "POST", path: datasets + "/" + nobody + "/records",
			body: `{"payload":{}}`, status: 404, want: code("DATASET_NOT_FOUND"),
		},
		{
			name: "no record", method: "GET", path: records + "/" + nobody, status: 404,
			want: code("DATASET_RECORD_NOT_FOUND"),
		},
		{
			name: "no record to change", method: "PUT", path: records + "/" + nobody + "/payload",
			body: `{"payload":{}}`, status: 404, want: code("DATASET_RECORD_NOT_FOUND"),
		},
		{
			name: "no task", method: "GET", path: datasets + "/" + id + "/tasks/" + nobody, status: 404,
			want: code("DATASET_TASK_NOT_FOUND"),
		},
		{
			name: "no campaign", method: "POST", path: datasets + "/" + id + "/imports/from-campaign",
			body: `{"campaign_id":"` + nobody + `"}`, status: 404, want: code("CAMPAIGN_NOT_FOUND"),
		},
		{
			name: "an empty campaign", method: "POST", path: datasets + "/" + id + "/imports/from-campaign",
			body: `{"campaign_id":"` + a.server.SeedCampaign() + `"}`, status: 404,
			want: code("CAMPAIGN_NO_MATCHING_EVENTS"),
		},
		{
			name: "no file", method: "GET", path: "/v1/files/" + nobody, status: 404,
			want: map[string]string{"object": "error"},
		},
		{
			name: "a file id that is none", method: "GET", path: "/v1/files/x", status: 422,
			want: map[string]string{"message.detail.0.loc.1": "file_id"},
		},
		{
			name: "an id that is none", method: "GET", path: records + "/x", status: 422,
			want: code("VALIDATION_ERROR"),
		},
		{
			name: "no slug", method: "GET", path: datasets + "/x", status: 404,
			want: code("DATASET_NOT_FOUND"),
		},
		{
			name: "a page of 101", method: "GET", path: datasets + "?page_size=101", status: 422,
			want: map[string]string{"detail.message": "query.page_size"},
		},
		{
			name: "a page of x", method: "GET", path: datasets + "?page_size=x", status: 422,
			want: code("VALIDATION_ERROR"),
		},
		{
			name: "page 0", method: "GET", path: datasets + "?page=0", status: 422,
			want: code("VALIDATION_ERROR"),
		},
		{name: "no body", method: "POST", path: datasets, status: 422, want: code("VALIDATION_ERROR")},
		{
			name: "no JSON", method: "POST", path: datasets, body: "{", status: 422,
			want: map[string]string{"detail.message": "JSON decode error"},
		},
		{
			name: "no object", method: "POST", path: datasets, body: "[]", status: 422,
			want: code("VALIDATION_ERROR"),
		},
		{
			name: "no name", method: "POST", path: datasets, body: `{"description":""}`, status: 422,
			want: map[string]string{"detail.message": "body.name: Field required"},
		},
		{
			name: "a name of 4", method: "POST", path: datasets, body: `{"name":"abcd","description":""}`,
			status: 422, want: map[string]string{"detail.message": "at least 5"},
		},
		{
			name: "a name of 51", method: "POST", path: datasets,
			body: `{"name":"` + strings.Repeat("ü", 51) + `","description":""}`, status: 422,
			want: map[string]string{"detail.message": "at most 50"},
		},
		{
			name: "a name of null", method: "POST", path: datasets, body: `{"name":null,"description":""}`,
			status: 422, want: code("VALIDATION_ERROR"),
		},
		{
			name: "a description of 201", method: "PATCH", path: datasets + "/" + id,
			body: `{"description":"` + strings.Repeat("d", 201) + `"}`, status: 422,
			want: map[string]string{"detail.message": "body.description"},
		},
		{
			name: "no payload", method: "POST", path: datasets + "/" + id + "/records", body: `{}`, status: 422,
			want: map[string]string{"detail.message": "body.payload"},
		},
		{
			name: "a payload that is text", method: "POST", path: datasets + "/" + id + "/records",
			body: `{"payload":"x"}`, status: 422, want: code("VALIDATION_ERROR"),
		},
		{
			name: "null properties", method: "POST", path: datasets + "/" + id + "/records",
			body: `{"payload":{"messages":"any text"},"properties":null}`, status: 422,
			want: map[string]string{"detail.message": "body.properties: Input should be a valid dictionary"},
		},
		{
			name: "a judge without definition", method: "POST", path: records + "/" + recordIDs[0] + "/live-judging",
			body: `{}`, status: 422, want: map[string]string{"detail.message": "body.judge_definition: Field required"},
		},
		{
			name: "a path that is not clean", method: "GET", path: "/v1//observability/datasets", status: 404,
			want: map[string]string{"detail": "Not Found"},
		},
		{
			name: "a path with dots", method: "GET", path: datasets + "/../datasets", status: 404,
			want: map[string]string{"detail": "Not Found"},
		},
		{
			name: "properties that are a list", method: "PUT",
			path: records + "/" + recordIDs[0] + "/properties", body: `{"properties":[]}`, status: 422,
			want: code("VALIDATION_ERROR"),
		},
		{
			name: "no ids", method: "POST", path: records + "/bulk-delete", body: `{"dataset_record_ids":[]}`,
			status: 422, want: map[string]string{"detail.message": "at least 1"},
		},
		{
			name: "501 ids", method: "POST", path: records + "/bulk-delete",
			body: `{"dataset_record_ids":` + many(501, nobody) + `}`, status: 422,
			want: map[string]string{"detail.message": "at most 500"},
		},
		{
			name: "501 events", method: "POST", path: datasets + "/" + id + "/imports/from-explorer",
			body: `{"completion_event_ids":` + many(501, "e") + `}`, status: 422,
			want: map[string]string{"detail.message": "at most 500"},
		},
		{
			name: "10,001 records", method: "POST", path: datasets + "/" + id + "/imports/from-dataset",
			body: `{"dataset_record_ids":` + many(10_001, nobody) + `}`, status: 422,
			want: map[string]string{"detail.message": "at most 10000"},
		},
		{
			name: "a judge without output", method: "POST", path: records + "/" + recordIDs[0] + "/live-judging",
			body: judge(`"x":1`), status: 422,
			want: map[string]string{"detail.message": "body.judge_definition.output"},
		},
		{
			name: "a judge of a chat without messages", method: "POST",
			path: records + "/" + recordIDs[0] + "/live-judging", body: judge(options), status: 422,
			want: code("JUDGE_CONVERSATION_FORMAT_ERROR"),
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := a.do(test.method, test.path, test.body)
			assert.Equal(t, test.status, r.status, r.body)
			for path, want := range test.want {
				assert.Contains(t, r.json(t, path), want)
			}
		})
	}
	for name, key := range map[string]string{"no key": "", "a wrong key": "Bearer wrong"} {
		r := a.do("GET", datasets, "", "Authorization", key)
		assert.Equal(t, 401, r.status, name)
		assert.Equal(t, "Unauthorized", r.json(t, "message"), name)
		assert.NotEmpty(t, r.json(t, "request_id"), name)
	}
}
