package mistralobstest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	datasets = "/v1/observability/datasets"
	records  = "/v1/observability/dataset-records"
	nobody   = "3f1d3f57-5a6c-4a4b-9c59-0d6d1a2b3c4d" // an id that nothing has
)

// api is a client that is not the SDK's.
type api struct {
	t      *testing.T
	server *mistralobstest.Server
	client *http.Client
}

func newAPI(t *testing.T, opts ...mistralobstest.Option) *api {
	t.Helper()
	server := mistralobstest.NewServer(opts...)
	t.Cleanup(server.Close)
	return &api{t, server, server.HTTPClient()}
}

type response struct {
	status int
	header http.Header
	body   string
}

// json returns a member of the body by its path, such as "records.results.0.id".
func (r response) json(t *testing.T, path string) any {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&v), r.body)
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			require.Contains(t, x, name, r.body)
			v = x[name]
		case []any:
			var i int
			_, err := fmt.Sscan(name, &i)
			require.NoError(t, err)
			require.Less(t, i, len(x), r.body)
			v = x[i]
		default:
			require.Fail(t, "no "+path, r.body)
		}
	}
	return v
}

func (a *api) try(method, url, body string, header ...string) (response, error) {
	a.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = a.server.URL + url
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, url, strings.NewReader(body))
	require.NoError(a.t, err)
	req.Header.Set("Authorization", "Bearer "+a.server.APIKey)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(got)}, err
}

func (a *api) do(method, url, body string, header ...string) response {
	a.t.Helper()
	r, err := a.try(method, url, body, header...)
	require.NoError(a.t, err)
	return r
}

// dataset makes a dataset with the payloads as records, and returns its id and theirs.
func (a *api) dataset(payloads ...string) (id string, recordIDs []string) {
	a.t.Helper()
	id = a.do("POST", datasets, `{"name":"Test data","description":""}`).json(a.t, "id").(string)
	for _, payload := range payloads {
		r := a.do("POST", datasets+"/"+id+"/records", `{"payload":`+payload+`}`)
		require.Equal(a.t, 201, r.status, r.body)
		recordIDs = append(recordIDs, r.json(a.t, "id").(string))
	}
	return id, recordIDs
}

func (a *api) upload(content string, fields ...string) response {
	a.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(a.t, form.WriteField(fields[i], fields[i+1]))
	}
	part, err := form.CreateFormFile("file", "data.jsonl")
	require.NoError(a.t, err)
	_, err = io.WriteString(part, content)
	require.NoError(a.t, err)
	require.NoError(a.t, form.Close())
	return a.do("POST", "/v1/files", body.String(), "Content-Type", form.FormDataContentType())
}

func TestPayloadsSurviveByteForByte(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	payload := `{"n": 9007199254740993, "e":1e400, "k":1,"k":2, "s":"<&>` + "\xff\u2028" + `"}`
	id, recordIDs := a.dataset(payload)
	for _, r := range []response{
		a.do("GET", records+"/"+recordIDs[0], ""), a.do("GET", datasets+"/"+id+"/records", ""),
	} {
		assert.Contains(t, r.body, `"payload":`+payload+`,"properties":{}`)
	}
	assert.Equal(t, []mistralobstest.Record{{ID: recordIDs[0], Payload: json.RawMessage(payload), Properties: json.RawMessage("{}"), Source: "DIRECT_INPUT"}}, a.server.Records(id))
	url := a.do("GET", datasets+"/"+id+"/exports/to-jsonl", "").json(t, "file_url").(string)
	assert.Equal(t, `{"payload":`+payload+`,"properties":{}}`+"\n", a.do("GET", url, "", "Authorization", "").body)
}

func TestRequiredFields(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, recordIDs := a.dataset(`{}`)
	uuid, stamp := `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, `^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`
	check := func(r response, want map[string]string) {
		t.Helper()
		for name, pattern := range want {
			assert.Regexp(t, pattern, fmt.Sprint(r.json(t, name)), name)
		}
	}
	common := map[string]string{"id": uuid, "created_at": stamp, "updated_at": stamp, "deleted_at": "<nil>"}
	check(a.do("GET", datasets+"/"+id, ""), common)
	check(a.do("GET", datasets+"/"+id, ""), map[string]string{"name": "Test data", "description": "^$", "owner_id": uuid, "workspace_id": uuid})
	check(a.do("GET", records+"/"+recordIDs[0], ""), common)
	task := a.do("POST", datasets+"/"+id+"/imports/from-dataset", `{"dataset_record_ids":["`+recordIDs[0]+`"]}`)
	assert.Equal(t, 202, task.status)
	check(task, common)
	check(task, map[string]string{"creator_id": uuid, "dataset_id": id, "workspace_id": uuid, "status": "RUNNING", "progress": "^0$", "message": "<nil>"})
	file := a.upload("{}\n{}", "purpose", "evaluation", "expiry", "2", "visibility", "user")
	check(file, map[string]string{
		"id": uuid, "object": "^file$", "bytes": "^5$", "created_at": `^\d{10}$`, "filename": "data.jsonl", "purpose": "evaluation", "sample_type": "instruct",
		"num_lines": "^2$", "mimetype": "jsonl", "source": "upload", "signature": ".", "expires_at": `^\d{10}$`, "visibility": "user",
	})
	check(a.do("GET", "/v1/files/"+file.json(t, "id").(string), ""), map[string]string{"id": uuid, "deleted": "false"})
	for _, header := range []string{"Mistral-Correlation-Id", "X-Request-Id"} {
		assert.Regexp(t, uuid, file.header.Get(header))
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, recordIDs := a.dataset(`{"messages":"kept for the judge"}`[:1] + `"messages":[]}`)
	many := func(n int, id string) string { return `["` + strings.Repeat(id+`","`, n-1) + id + `"]` }
	judge := func(change string) string {
		return `{"judge_definition":{"name":"judge","description":"","model_name":"m","instructions":"","tools":[],` + change + `}}`
	}
	const options = `"output":{"type":"CLASSIFICATION","options":[]}`
	code := func(code string) map[string]string { return map[string]string{"detail.error_code": code} }
	tests := []struct {
		name, method, path, body string
		status                   int
		want                     map[string]string // by path in the body
	}{
		{"no route", "GET", "/v1/nothing", "", 404, map[string]string{"detail": "Not Found"}},
		{"no method", "PUT", datasets, "", 405, map[string]string{"detail": "Method Not Allowed"}},
		{"no dataset", "GET", datasets + "/" + nobody, "", 404, code("DATASET_NOT_FOUND")},
		{"no dataset to list", "GET", datasets + "/" + nobody + "/records", "", 404, code("DATASET_NOT_FOUND")},
		{"no dataset to fill", "POST", datasets + "/" + nobody + "/records", `{"payload":{}}`, 404, code("DATASET_NOT_FOUND")},
		{"no record", "GET", records + "/" + nobody, "", 404, code("DATASET_RECORD_NOT_FOUND")},
		{"no record to change", "PUT", records + "/" + nobody + "/payload", `{"payload":{}}`, 404, code("DATASET_RECORD_NOT_FOUND")},
		{"no task", "GET", datasets + "/" + id + "/tasks/" + nobody, "", 404, code("DATASET_TASK_NOT_FOUND")},
		{"no campaign", "POST", datasets + "/" + id + "/imports/from-campaign", `{"campaign_id":"` + nobody + `"}`, 404, code("CAMPAIGN_NOT_FOUND")},
		{"an empty campaign", "POST", datasets + "/" + id + "/imports/from-campaign", `{"campaign_id":"` + a.server.SeedCampaign() + `"}`, 404, code("CAMPAIGN_NO_MATCHING_EVENTS")},
		{"no file", "GET", "/v1/files/" + nobody, "", 404, map[string]string{"object": "error"}},
		{"a file id that is none", "GET", "/v1/files/x", "", 422, map[string]string{"message.detail.0.loc.1": "file_id"}},
		{"an id that is none", "GET", datasets + "/x", "", 422, code("VALIDATION_ERROR")},
		{"a page of 101", "GET", datasets + "?page_size=101", "", 422, map[string]string{"detail.message": "query.page_size"}},
		{"a page of x", "GET", datasets + "?page_size=x", "", 422, code("VALIDATION_ERROR")},
		{"page 0", "GET", datasets + "?page=0", "", 422, code("VALIDATION_ERROR")},
		{"no body", "POST", datasets, "", 422, code("VALIDATION_ERROR")},
		{"no JSON", "POST", datasets, "{", 422, map[string]string{"detail.message": "JSON decode error"}},
		{"no object", "POST", datasets, "[]", 422, code("VALIDATION_ERROR")},
		{"no name", "POST", datasets, `{"description":""}`, 422, map[string]string{"detail.message": "body.name: Field required"}},
		{"a name of 4", "POST", datasets, `{"name":"abcd","description":""}`, 422, map[string]string{"detail.message": "at least 5"}},
		{"a name of 51", "POST", datasets, `{"name":"` + strings.Repeat("ü", 51) + `","description":""}`, 422, map[string]string{"detail.message": "at most 50"}},
		{"a name of null", "POST", datasets, `{"name":null,"description":""}`, 422, code("VALIDATION_ERROR")},
		{"a description of 201", "PATCH", datasets + "/" + id, `{"description":"` + strings.Repeat("d", 201) + `"}`, 422, map[string]string{"detail.message": "body.description"}},
		{"no payload", "POST", datasets + "/" + id + "/records", `{}`, 422, map[string]string{"detail.message": "body.payload"}},
		{"a payload that is text", "POST", datasets + "/" + id + "/records", `{"payload":"x"}`, 422, code("VALIDATION_ERROR")},
		{"messages that are text", "POST", datasets + "/" + id + "/records", `{"payload":{"messages":"x"}}`, 422, map[string]string{"detail.message": "body.payload.messages"}},
		{"properties that are a list", "PUT", records + "/" + recordIDs[0] + "/properties", `{"properties":[]}`, 422, code("VALIDATION_ERROR")},
		{"no ids", "POST", records + "/bulk-delete", `{"dataset_record_ids":[]}`, 422, map[string]string{"detail.message": "at least 1"}},
		{"501 ids", "POST", records + "/bulk-delete", `{"dataset_record_ids":` + many(501, nobody) + `}`, 422, map[string]string{"detail.message": "at most 500"}},
		{"501 events", "POST", datasets + "/" + id + "/imports/from-explorer", `{"completion_event_ids":` + many(501, "e") + `}`, 422, map[string]string{"detail.message": "at most 500"}},
		{"10,001 records", "POST", datasets + "/" + id + "/imports/from-dataset", `{"dataset_record_ids":` + many(10_001, nobody) + `}`, 422, map[string]string{"detail.message": "at most 10000"}},
		{"a judge without output", "POST", records + "/" + recordIDs[0] + "/live-judging", judge(`"x":1`), 422, map[string]string{"detail.message": "body.judge_definition.output"}},
		{"a judge of a chat without messages", "POST", records + "/" + recordIDs[0] + "/live-judging", judge(options), 422, code("JUDGE_CONVERSATION_FORMAT_ERROR")},
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

func TestPaging(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, _ := a.dataset(`{"n":0}`, `{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":4}`)
	next := datasets + "/" + id + "/records?page_size=2"
	var seen []any
	for n := 1; ; n++ {
		r := a.do("GET", next, "")
		assert.EqualValues(t, "5", r.json(t, "records.count"))
		results := r.json(t, "records.results").([]any)
		for i := range results {
			seen = append(seen, r.json(t, fmt.Sprintf("records.results.%d.payload.n", i)))
		}
		assert.Equal(t, n == 1, r.json(t, "records.previous") == nil)
		link := r.json(t, "records.next")
		if link == nil {
			assert.Equal(t, 3, n)
			break
		}
		next = link.(string)
	}
	assert.Equal(t, []any{json.Number("0"), json.Number("1"), json.Number("2"), json.Number("3"), json.Number("4")}, seen)
	for _, query := range []string{"?page=9", "?page=2147483647&page_size=100", "?page_size=0"} {
		r := a.do("GET", datasets+"/"+id+"/records"+query, "")
		assert.Empty(t, r.json(t, "records.results"), query)
		assert.Nil(t, r.json(t, "records.next"), query)
	}
}

// clock is a settable time.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestTasksRunOverTime(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)}
	a := newAPI(t, mistralobstest.WithClock(clock.Now), mistralobstest.WithTaskDuration(10*time.Second))
	id, _ := a.dataset()
	content := "\uFEFF" + `{"messages":[{"role":"user"}],"properties":{"p":1},"model":"m"}` + "\r\n\n" + `{"payload":{"a": 1}}`
	file := a.upload(content).json(t, "id").(string)
	task := datasets + "/" + id + "/tasks/" + a.do("POST", datasets+"/"+id+"/imports/from-file", `{"file_id":"`+file+`"}`).json(t, "id").(string)
	for _, want := range []string{"0", "40", "80"} {
		r := a.do("GET", task, "")
		assert.EqualValues(t, "RUNNING", r.json(t, "status"))
		assert.EqualValues(t, want, r.json(t, "progress"))
		assert.Empty(t, a.server.Records(id))
		clock.pass(4 * time.Second)
	}
	r := a.do("GET", task, "")
	assert.EqualValues(t, "COMPLETED", r.json(t, "status"))
	assert.EqualValues(t, "100", r.json(t, "progress"))
	got := a.server.Records(id)
	require.Len(t, got, 2)
	assert.Equal(t, `{"messages":[{"role":"user"}],"model":"m"} {"p":1} UPLOADED_FILE`, fmt.Sprintf("%s %s %s", got[0].Payload, got[0].Properties, got[0].Source))
	assert.Equal(t, `{"a": 1} {}`, fmt.Sprintf("%s %s", got[1].Payload, got[1].Properties))
}

func TestImportsThatFail(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithTaskDuration(0))
	id, _ := a.dataset()
	file := func(line string) string {
		return `{"file_id":"` + a.upload("{\"payload\":{}}\n\n"+line+"\n{\"payload\":{}}").json(t, "id").(string) + `"}`
	}
	tests := map[string]struct{ from, body, message string }{
		"rubbish":              {"file", file("rubbish"), "line 3: "},
		"neither shape":        {"file", file(`{"a":1}`), "line 3: "},
		"messages of text":     {"file", file(`{"messages":["x"]}`), "line 3: "},
		"properties of text":   {"file", file(`{"payload":{},"properties":"x"}`), "line 3: "},
		"an unknown file":      {"file", `{"file_id":"nope"}`, "nope"},
		"an unknown event":     {"explorer", `{"completion_event_ids":["nope"]}`, "nope"},
		"an unknown chat":      {"playground", `{"conversation_ids":["nope"]}`, "nope"},
		"an unknown record":    {"dataset", `{"dataset_record_ids":["` + nobody + `"]}`, nobody},
		"a line cut too early": {"file", file(`{"payload":{}`), "line 3: "},
	}
	for name, test := range tests {
		task := a.do("POST", datasets+"/"+id+"/imports/from-"+test.from, test.body).json(t, "id").(string)
		r := a.do("GET", datasets+"/"+id+"/tasks/"+task, "")
		assert.EqualValues(t, "FAILED", r.json(t, "status"), name)
		assert.Contains(t, r.json(t, "message"), test.message, name)
	}
	assert.Empty(t, a.server.Records(id))
}

func TestTaskOutcomes(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)}
	statuses := []string{"UNKNOWN", "CONTINUED_AS_NEW", "TERMINATED"}
	a := newAPI(t, mistralobstest.WithClock(clock.Now), mistralobstest.WithTaskDuration(time.Minute), mistralobstest.WithTaskProgress(nil),
		mistralobstest.WithTaskOutcome(func(task mistralobstest.TaskInfo) (string, string) {
			return statuses[task.Run], fmt.Sprint(task.Operation, " run ", task.Run)
		}))
	id, _ := a.dataset()
	task := a.do("POST", datasets+"/"+id+"/imports/from-playground", `{"conversation_ids":[]}`).json(t, "id").(string)
	for run, want := range statuses {
		clock.pass(time.Minute)
		r := a.do("GET", datasets+"/"+id+"/tasks/"+task, "")
		assert.EqualValues(t, want, r.json(t, "status"))
		assert.EqualValues(t, fmt.Sprint("imports.from_playground run ", run), r.json(t, "message"))
		assert.NotContains(t, r.body, "progress")
	}
}

func TestExportLinks(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)}
	a := newAPI(t, mistralobstest.WithClock(clock.Now), mistralobstest.WithExportTTL(time.Minute))
	id, _ := a.dataset(`{"a":1}`, `{"b":2}`)
	export := func() string {
		return a.do("GET", datasets+"/"+id+"/exports/to-jsonl", "").json(t, "file_url").(string)
	}
	fetch := func(url string, header ...string) response {
		return a.do("GET", url, "", append([]string{"Authorization", ""}, header...)...)
	}
	url := export()
	whole := fetch(url)
	etag := whole.header.Get("ETag")
	assert.Equal(t, "{\"payload\":{\"a\":1},\"properties\":{}}\n{\"payload\":{\"b\":2},\"properties\":{}}\n", whole.body)
	assert.Regexp(t, `^"[0-9a-f]+"$`, etag)

	tests := []struct {
		name   string
		header []string
		status int
		body   string
	}{
		{"a range", []string{"Range", "bytes=5-"}, 206, whole.body[5:]},
		{"a range of the same file", []string{"Range", "bytes=5-9", "If-Match", etag}, 206, whole.body[5:10]},
		{"a range of another file", []string{"Range", "bytes=5-", "If-Match", `"other"`}, 412, ""},
		{"a range if it is the same file", []string{"Range", "bytes=5-", "If-Range", etag}, 206, whole.body[5:]},
		{"a range if it were another file", []string{"Range", "bytes=5-", "If-Range", `"other"`}, 200, whole.body},
		{"a range past the end", []string{"Range", "bytes=5000-"}, 416, "invalid range"},
		{"a bearer token", []string{"Authorization", "Bearer " + a.server.APIKey}, 403, "AuthenticationFailed"},
	}
	for _, test := range tests {
		r := fetch(url, test.header...)
		assert.Equal(t, test.status, r.status, test.name)
		assert.Contains(t, r.body, test.body, test.name)
	}
	assert.Equal(t, 403, fetch(strings.Replace(url, "sig=", "sig=x", 1)).status, "a wrong signature")
	assert.Equal(t, 403, fetch(strings.Replace(url, "se=2026", "se=2027", 1)).status, "a longer life")
	assert.Equal(t, etag, fetch(export()).header.Get("ETag"), "the same content is the same file")
	clock.pass(time.Minute)
	late := fetch(url)
	assert.Equal(t, 403, late.status)
	assert.Contains(t, late.body, "<?xml")
	a.do("POST", datasets+"/"+id+"/records", `{"payload":{}}`)
	assert.NotEqual(t, etag, fetch(export()).header.Get("ETag"), "another content is another file")
}

func TestDeletions(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, recordIDs := a.dataset(`{}`, `{}`, `{}`, `{}`)
	assert.Equal(t, 204, a.do("DELETE", records+"/"+recordIDs[0], "").status)
	r := a.do("POST", records+"/bulk-delete", `{"dataset_record_ids":["`+recordIDs[1]+`","`+recordIDs[2]+`","`+nobody+`"]}`)
	assert.Equal(t, response{204, r.header, ""}, r)
	assert.Len(t, a.server.Records(id), 1)
	assert.Equal(t, 204, a.do("DELETE", datasets+"/"+id, "").status)
	assert.Equal(t, 404, a.do("GET", records+"/"+recordIDs[3], "").status, "records go with their dataset")
	assert.Empty(t, a.server.Datasets())
	file := a.upload("{}").json(t, "id").(string)
	assert.Equal(t, true, a.do("DELETE", "/v1/files/"+file, "").json(t, "deleted"))
	assert.Equal(t, 404, a.do("GET", "/v1/files/"+file, "").status)
	assert.Equal(t, 400, a.do("POST", "/v1/files", "rubbish", "Content-Type", "text/plain").status)
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithRateLimit(0.5, 2))
	for _, want := range []int{200, 200, 429} {
		r := a.do("GET", datasets, "")
		assert.Equal(t, want, r.status)
		if want == 429 {
			assert.Equal(t, "3", r.header.Get("Retry-After"))
			assert.Equal(t, "rate_limited", r.json(t, "type"))
		}
	}
	a.server.SetRateLimit(0, 0)
	assert.Equal(t, 200, a.do("GET", datasets, "").status)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	a := newAPI(t, mistralobstest.WithRequestLog(2))
	a.dataset()
	a.do("GET", datasets+"?q=%20x", "")
	a.do("GET", "/nowhere%2F", "")
	got := a.server.Requests()
	require.Len(t, got, 2, "the latest")
	assert.Equal(t, []any{mistralobstest.DatasetsList, "GET", datasets, " x", 200}, []any{got[0].Operation, got[0].Method, got[0].Path, got[0].Query.Get("q"), got[0].Status})
	assert.Equal(t, []any{"", "/nowhere%2F", 404}, []any{got[1].Operation, got[1].Path, got[1].Status})
	a.server.ResetRequests()
	a.do("POST", datasets, strings.Repeat(" ", mistralobstest.MaxRequestBody+10))
	got = a.server.Requests()
	assert.Len(t, got[0].Body, mistralobstest.MaxRequestBody)
	assert.True(t, got[0].Truncated)
}

// Inside a bubble an hour passes at once, and Close ends every goroutine.
func TestInMemoryNetwork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, mistralobstest.WithInMemoryNetwork(), mistralobstest.WithLatency(time.Hour))
		start := time.Now()
		a.dataset()
		assert.Equal(t, time.Hour, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, "POST", a.server.URL+datasets, strings.NewReader(`{"name":"Never made","description":""}`))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+a.server.APIKey)
		_, err = a.client.Do(req)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(2 * time.Hour)
		assert.Len(t, a.server.Datasets(), 1, "a client that has left has not been heard")
		_, err = a.try("GET", "http://another.example/", "")
		require.Error(t, err, "there is no other host")
		a.server.Close()
		assert.Zero(t, a.server.OpenConnections())
		_, err = a.try("GET", datasets, "")
		require.Error(t, err)
	})
}

// A handler can be served by a server of one's own.
func TestUnstartedServer(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewUnstartedServer(mistralobstest.WithAPIKey("k"))
	defer server.Close()
	w := &recorder{header: http.Header{}}
	req, err := http.NewRequestWithContext(t.Context(), "GET", "http://example.com"+datasets, http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer k")
	server.Handler().ServeHTTP(w, req)
	assert.Equal(t, 200, w.status)
	assert.JSONEq(t, `{"datasets":{"results":[],"count":0,"next":null,"previous":null}}`, w.body.String())
	assert.Empty(t, server.URL)
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

func TestSeedsMustBeObjects(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewUnstartedServer()
	defer server.Close()
	for _, payload := range []string{"", "null", "[]", "{"} {
		assert.Panics(t, func() { server.SeedConversation(mistralobstest.Conversation{Payload: json.RawMessage(payload)}) }, payload)
	}
}
