package mistralobs_test

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"iter"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

const (
	baseURL   = "https://api.example.com"
	datasetID = "0190d5a8-7f3e-7c1a-9a1b-1f2e3d4c5b6a"
	recordID  = "0190d5a8-7f3e-7c1a-9a1b-aaaaaaaaaaaa"
	taskID    = "0190d5a8-7f3e-7c1a-9a1b-bbbbbbbbbbbb"
	fileID    = "0190d5a8-7f3e-7c1a-9a1b-cccccccccccc"
	traceID   = "4bf92f3577b34da6a3ce929d0e0e4736"
	spanID    = "00f067aa0ba902b7"
)

// newMockClient returns a client that sends each request once, to the mock.
func newMockClient(t *testing.T, mock *httpmock.MockTransport, opts ...mistralobs.Option) *mistralobs.Client {
	t.Helper()
	opts = append([]mistralobs.Option{
		mistralobs.WithAPIKey("secret-key"), mistralobs.WithBaseURL(baseURL),
		mistralobs.WithHTTPClient(&http.Client{Transport: mock}),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}),
	}, opts...)
	client, err := mistralobs.NewClient(opts...)
	require.NoError(t, err)
	return client
}

const (
	datasetJSON = `{"id":"` + datasetID +
		`","created_at":"2026-05-04T10:20:30.123Z","updated_at":"2026-05-05T10:20:30.456Z","deleted_at":null,` +
		`"slug":"support","name":"Support","description":"Tickets","owner_id":"owner","workspace_id":"space",` +
		`"colour":"a field of tomorrow"}`
	recordJSON = `{"id":"` + recordID +
		`","created_at":"2026-05-04T10:20:30.123Z","updated_at":"2026-05-05T10:20:30.456Z","deleted_at":null,` +
		`"dataset_id":"` + datasetID +
		`","payload":{"messages": [{"role":"user","content":"a<b"}],"n":9007199254740993},` +
		`"properties":{"k":1,"k":2},"source":"A_NEW_SOURCE"}`
	taskJSON = `{"id":"` + taskID +
		`","created_at":"2026-05-04T10:20:30.123Z","updated_at":"2026-05-05T10:20:30.456Z","deleted_at":null,` +
		`"creator_id":"creator","dataset_id":"` + datasetID +
		`","workspace_id":"space","status":"RUNNING","progress":40,"message":null}`
	fileJSON = `{"id":"` + fileID +
		`","object":"file","bytes":null,"created_at":1759500189,"filename":"a.jsonl","purpose":"evaluation",` +
		`"sample_type":"instruct","num_lines":2,"mimetype":"application/jsonl","source":"upload","signature":null,` +
		`"expires_at":1762092189,"visibility":"workspace"}`
)

var (
	created = time.Date(2026, 5, 4, 10, 20, 30, 123e6, time.UTC)
	updated = time.Date(2026, 5, 5, 10, 20, 30, 456e6, time.UTC)

	wantDataset = mistralobs.Dataset{
		ID: datasetID, CreatedAt: created, UpdatedAt: updated, Slug: "support",
		Name: "Support", Description: "Tickets", OwnerID: "owner", WorkspaceID: "space",
	}
	wantRecord = mistralobs.Record{
		ID: recordID, DatasetID: datasetID, CreatedAt: created, UpdatedAt: updated, Source: "A_NEW_SOURCE",
		Payload:    mistralobs.Object(`{"messages": [{"role":"user","content":"a<b"}],"n":9007199254740993}`),
		Properties: mistralobs.Object(`{"k":1,"k":2}`),
	}
	wantTask = mistralobs.ImportTask{
		ID: taskID, DatasetID: datasetID, CreatorID: "creator", WorkspaceID: "space", CreatedAt: created, UpdatedAt: updated,
		Status: mistralobs.StatusRunning, Progress: ptr(40),
	}
	wantFile = mistralobs.File{
		ID: fileID, Object: "file", CreatedAt: time.Unix(1759500189, 0).UTC(), Filename: "a.jsonl",
		Purpose: mistralobs.PurposeEvaluation, SampleType: "instruct", NumLines: ptr(2),
		MIMEType: "application/jsonl", Source: "upload",
		ExpiresAt: time.Unix(1762092189, 0).UTC(), Visibility: mistralobs.VisibilityWorkspace,
	}
)

func ptr[T any](v T) *T { return &v }

// operation is a row of the table of operations.
type operation struct {
	name    string // as [mistralobs.OperationName] returns it
	goName  string // of the method, in lower case; "" if it is that of name without the underscores
	call    func(context.Context, *mistralobs.Client) (any, error)
	creates bool   // a repeat would create a second one
	route   string // method and path of the API reference

	path  string // of the request
	query url.Values
	body  string // JSON, or ""

	status int
	answer string
	want   any
}

// method is that of the route.
func (op *operation) method() string {
	method, _, _ := strings.Cut(op.route, " ")
	return method
}

// mock returns a transport that answers the request of the operation, and no other one.
func (op *operation) mock(respond httpmock.Responder) *httpmock.MockTransport {
	mock := httpmock.NewMockTransport()
	if op.query == nil {
		mock.RegisterResponder(op.method(), baseURL+op.path, respond)
	} else {
		mock.RegisterResponderWithQuery(op.method(), baseURL+op.path, op.query, respond)
	}
	return mock
}

func operations() []operation {
	type ctx = context.Context
	type client = *mistralobs.Client
	const (
		datasets = "/v1/observability/datasets"
		records  = "/v1/observability/dataset-records"
		judges   = "/v1/observability/judges"
		spans    = "/v1/observability/spans"
		traces   = "/v1/observability/traces"
	)
	from := time.Date(2026, 11, 5, 11, 0, 0, 5e8, time.FixedZone("CET", 3600))
	judge := mistralobs.JudgeDefinition{
		Name: "politeness", Description: "d", ModelName: "mistral-medium-latest", Instructions: "i",
		Output: mistralobs.ClassificationOutput(mistralobs.JudgeOption{Value: "yes", Description: "polite"}),
	}
	empty := func(err error) (any, error) { return nil, err }
	return []operation{
		{
			name: "datasets.list", route: "GET " + datasets,
			path: datasets,
			call: func(ctx ctx, c client) (any, error) {
				return c.Datasets.List(ctx, mistralobs.ListDatasetsParams{Query: "a&b ü", Page: 2, PageSize: 7})
			},
			query:  url.Values{"q": {"a&b ü"}, "page": {"2"}, "page_size": {"7"}},
			status: 200, answer: `{"datasets":{"results":[` + datasetJSON + `],"count":87,"next":"n","previous":"p"}}`,
			want: &mistralobs.Page[mistralobs.Dataset]{
				Items: []mistralobs.Dataset{wantDataset}, Total: 87, Number: 2, Next: "n", Previous: "p",
			},
		}, {
			name: "datasets.create", creates: true, route: "POST " + datasets,
			path: datasets,
			call: func(ctx ctx, c client) (any, error) {
				return c.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: "Support", Description: ""})
			},
			body: `{"name":"Support","description":""}`, status: 201, answer: datasetJSON, want: &wantDataset,
		}, {
			name: "datasets.get", route: "GET " + datasets + "/{dataset_id}",
			path:   datasets + "/" + datasetID,
			call:   func(ctx ctx, c client) (any, error) { return c.Datasets.Get(ctx, datasetID) },
			status: 200, answer: datasetJSON, want: &wantDataset,
		}, {
			name: "datasets.delete", route: "DELETE " + datasets + "/{dataset_id}",
			path:   datasets + "/" + datasetID,
			call:   func(ctx ctx, c client) (any, error) { return empty(c.Datasets.Delete(ctx, datasetID)) },
			status: 204,
		}, {
			name: "datasets.update", route: "PATCH " + datasets + "/{dataset_id}",
			path: datasets + "/" + datasetID,
			call: func(ctx ctx, c client) (any, error) {
				return c.Datasets.Update(ctx, datasetID, mistralobs.UpdateDatasetParams{Description: ptr("")})
			},
			body: `{"description":""}`, status: 200, answer: datasetJSON, want: &wantDataset,
		}, {
			name: "records.list", route: "GET " + datasets + "/{dataset_id}/records",
			path: datasets + "/" + datasetID + "/records",
			call: func(ctx ctx, c client) (any, error) {
				return c.Records.List(ctx, datasetID, mistralobs.ListParams{})
			},
			status: 200, answer: `{"records":{"results":[` + recordJSON + `],"count":1,"next":null,"previous":null}}`,
			want: &mistralobs.Page[mistralobs.Record]{Items: []mistralobs.Record{wantRecord}, Total: 1, Number: 1},
		}, {
			name: "records.create", creates: true, route: "POST " + datasets + "/{dataset_id}/records",
			path: datasets + "/" + datasetID + "/records",
			call: func(ctx ctx, c client) (any, error) {
				return c.Records.Create(
					ctx, datasetID, mistralobs.CreateRecordParams{Payload: mistralobs.Object(`{"a": "<&>", "a":9007199254740993}`)},
				)
			},
			body:   `{"payload":{"a": "<&>", "a":9007199254740993},"properties":{}}`,
			status: 201, answer: recordJSON, want: &wantRecord,
		}, {
			name: "imports.from_campaign", creates: true, route: "POST " + datasets + "/{dataset_id}/imports/from-campaign",
			path: datasets + "/" + datasetID + "/imports/from-campaign",
			call: func(ctx ctx, c client) (any, error) { return c.Imports.FromCampaign(ctx, datasetID, "c") },
			body: `{"campaign_id":"c"}`, status: 202, answer: taskJSON, want: &wantTask,
		}, {
			name: "imports.from_explorer", creates: true, route: "POST " + datasets + "/{dataset_id}/imports/from-explorer",
			path: datasets + "/" + datasetID + "/imports/from-explorer",
			call: func(ctx ctx, c client) (any, error) {
				return c.Imports.FromExplorer(ctx, datasetID, []string{"e1", "e2"})
			},
			body: `{"completion_event_ids":["e1","e2"]}`, status: 202, answer: taskJSON, want: &wantTask,
		}, {
			name: "imports.from_file", creates: true, route: "POST " + datasets + "/{dataset_id}/imports/from-file",
			path: datasets + "/" + datasetID + "/imports/from-file",
			call: func(ctx ctx, c client) (any, error) { return c.Imports.FromFile(ctx, datasetID, fileID) },
			body: `{"file_id":"` + fileID + `"}`, status: 202, answer: taskJSON, want: &wantTask,
		}, {
			name: "imports.from_playground", creates: true, route: "POST " + datasets + "/{dataset_id}/imports/from-playground",
			path: datasets + "/" + datasetID + "/imports/from-playground",
			call: func(ctx ctx, c client) (any, error) { return c.Imports.FromPlayground(ctx, datasetID, nil) },
			body: `{"conversation_ids":[]}`, status: 202, answer: taskJSON, want: &wantTask,
		}, {
			name: "imports.from_dataset", creates: true, route: "POST " + datasets + "/{dataset_id}/imports/from-dataset",
			path: datasets + "/" + datasetID + "/imports/from-dataset",
			call: func(ctx ctx, c client) (any, error) { return c.Imports.FromDataset(ctx, datasetID, []string{recordID}) },
			body: `{"dataset_record_ids":["` + recordID + `"]}`, status: 202, answer: taskJSON, want: &wantTask,
		}, {
			name: "exports.to_jsonl", route: "GET " + datasets + "/{dataset_id}/exports/to-jsonl",
			path:   datasets + "/" + datasetID + "/exports/to-jsonl",
			call:   func(ctx ctx, c client) (any, error) { return c.Exports.ToJSONL(ctx, datasetID) },
			status: 200, answer: `{"file_url":"https://blob.example.com/x?sig=s"}`,
			want: &mistralobs.Export{FileURL: "https://blob.example.com/x?sig=s"},
		}, {
			name: "tasks.get", route: "GET " + datasets + "/{dataset_id}/tasks/{task_id}",
			path:   datasets + "/" + datasetID + "/tasks/" + taskID,
			call:   func(ctx ctx, c client) (any, error) { return c.Tasks.Get(ctx, datasetID, taskID) },
			status: 200, answer: taskJSON, want: &wantTask,
		}, {
			name: "tasks.list", route: "GET " + datasets + "/{dataset_id}/tasks",
			path: datasets + "/" + datasetID + "/tasks",
			call: func(ctx ctx, c client) (any, error) {
				return c.Tasks.List(ctx, datasetID, mistralobs.ListParams{Page: 3})
			},
			query: url.Values{"page": {"3"}}, status: 200, answer: `{"tasks":{"count":87}}`,
			want: &mistralobs.Page[mistralobs.ImportTask]{Total: 87, Number: 3},
		}, {
			name: "records.get", route: "GET " + records + "/{dataset_record_id}",
			path:   records + "/" + recordID,
			call:   func(ctx ctx, c client) (any, error) { return c.Records.Get(ctx, recordID) },
			status: 200, answer: recordJSON, want: &wantRecord,
		}, {
			name: "records.delete", route: "DELETE " + records + "/{dataset_record_id}",
			path:   records + "/" + recordID,
			call:   func(ctx ctx, c client) (any, error) { return empty(c.Records.Delete(ctx, recordID)) },
			status: 204,
		}, {
			name: "records.delete_all", route: "POST " + records + "/bulk-delete",
			path: records + "/bulk-delete",
			call: func(ctx ctx, c client) (any, error) {
				return empty(c.Records.DeleteAll(ctx, []string{recordID, "other"}))
			},
			body: `{"dataset_record_ids":["` + recordID + `","other"]}`, status: 204,
		}, {
			name: "records.judge", route: "POST " + records + "/{dataset_record_id}/live-judging",
			path: records + "/" + recordID + "/live-judging",
			call: func(ctx ctx, c client) (any, error) { return c.Records.Judge(ctx, recordID, judge) },
			body: `{"judge_definition":{"name":"politeness","description":"d","model_name":"mistral-medium-latest",` +
				`"instructions":"i","tools":[],` +
				`"output":{"type":"CLASSIFICATION","options":[{"value":"yes","description":"polite"}]}}}`,
			status: 200, answer: `{"analysis":"because","answer":"yes"}`,
			want: &mistralobs.Judgement{Analysis: "because", Answer: mistralobs.Answer(`"yes"`)},
		}, {
			name: "records.update_payload", route: "PUT " + records + "/{dataset_record_id}/payload",
			path: records + "/" + recordID + "/payload",
			call: func(ctx ctx, c client) (any, error) {
				return empty(c.Records.UpdatePayload(ctx, recordID, map[string]string{"sentence": "Bonjour <3"}))
			},
			body: `{"payload":{"sentence":"Bonjour <3"}}`, status: 204,
		}, {
			name: "records.update_properties", route: "PUT " + records + "/{dataset_record_id}/properties",
			path:   records + "/" + recordID + "/properties",
			call:   func(ctx ctx, c client) (any, error) { return empty(c.Records.UpdateProperties(ctx, recordID, nil)) },
			body:   `{"properties":{}}`,
			status: 204,
		}, {
			name: "files.upload", creates: true, route: "POST /v1/files",
			path: "/v1/files",
			call: func(ctx ctx, c client) (any, error) {
				return c.Files.Upload(ctx, mistralobs.UploadParams{
					Name: `a "b".jsonl`, Body: strings.NewReader("content"), Purpose: "evaluation",
					Expiry: 90 * time.Minute, Visibility: "user",
				}, mistralobs.TransferOptions{})
			},
			status: 200, answer: fileJSON, want: &wantFile,
		}, {
			name: "files.get", route: "GET /v1/files/{file_id}",
			path:   "/v1/files/" + fileID,
			call:   func(ctx ctx, c client) (any, error) { return c.Files.Get(ctx, fileID) },
			status: 200, answer: fileJSON, want: &wantFile,
		}, {
			name: "files.delete", route: "DELETE /v1/files/{file_id}",
			path:   "/v1/files/" + fileID,
			call:   func(ctx ctx, c client) (any, error) { return empty(c.Files.Delete(ctx, fileID)) },
			status: 200, answer: `{"id":"` + fileID + `","object":"file","deleted":true}`,
		}, {
			name: "imports.from_spans", creates: true, route: "POST " + datasets + "/{dataset_id}/imports/from-spans",
			path: datasets + "/a-slug/imports/from-spans",
			call: func(ctx ctx, c client) (any, error) {
				return c.Imports.FromSpans(ctx, "a-slug",
					[]mistralobs.SpanReference{{TraceID: strings.ToUpper(traceID), SpanID: strings.ToUpper(spanID)}},
					[]mistralobs.SpanMapping{
						mistralobs.SpanAttribute("messages", "gen_ai.input.messages"),
						mistralobs.ResourceAttribute("service", "service.name"),
					})
			},
			body: `{"span_references":[{"trace_id":"` + traceID + `","span_id":"` + spanID +
				`"}],"mapping_contract":{"version":1,` +
				`"mappings":[{"target_field":"messages",` +
				`"source_field":{"namespace":"span_attributes","key":"gen_ai.input.messages"}},` +
				`{"target_field":"service","source_field":{"namespace":"resource_attributes","key":"service.name"}}]}}`,
			status: 202, answer: taskJSON, want: &wantTask,
		}, {
			name: "judges.list", route: "GET " + judges, path: judges,
			call: func(ctx ctx, c client) (any, error) {
				return c.Judges.List(ctx, mistralobs.ListJudgesParams{
					Query: "polite", Types: []mistralobs.JudgeOutputType{"A", "B"}, Models: []string{"m"}, Page: 2, PageSize: 7,
				})
			},
			query: url.Values{
				"q": {"polite"}, "type_filter": {"A", "B"}, "model_filter": {"m"}, "page": {"2"}, "page_size": {"7"},
			},
			status: 200, answer: `{"judges":{"results":[` + judgeJSON + `],"count":8}}`,
			want: &mistralobs.Page[mistralobs.Judge]{Items: []mistralobs.Judge{wantJudge}, Total: 8, Number: 2},
		}, {
			name: "judges.create", route: "POST " + judges, path: judges,
			call: func(ctx ctx, c client) (any, error) { return c.Judges.Create(ctx, wantJudge.JudgeDefinition) },
			body: judgeDefinitionJSON, status: 201, answer: judgeJSON, want: &wantJudge, creates: true,
		}, {
			name: "judges.get", route: "GET " + judges + "/{judge_id}", path: judges + "/j1",
			call:   func(ctx ctx, c client) (any, error) { return c.Judges.Get(ctx, "j1") },
			status: 200, answer: judgeJSON, want: &wantJudge,
		}, {
			name: "judges.update", route: "PUT " + judges + "/{judge_id}", path: judges + "/j1",
			call: func(ctx ctx, c client) (any, error) {
				return nil, c.Judges.Update(ctx, "j1", wantJudge.JudgeDefinition)
			},
			body: judgeDefinitionJSON, status: 204,
		}, {
			name: "judges.delete", route: "DELETE " + judges + "/{judge_id}", path: judges + "/j1",
			call:   func(ctx ctx, c client) (any, error) { return nil, c.Judges.Delete(ctx, "j1") },
			status: 204,
		}, {
			name: "judges.run", route: "POST " + judges + "/{judge_id}/live-judging", path: judges + "/j1/live-judging",
			call: func(ctx ctx, c client) (any, error) {
				return c.Judges.Run(ctx, "j1", mistralobs.RunJudgeParams{
					Messages:   []mistralobs.Message{mistralobs.User("Hi <3")},
					Properties: map[string]string{"expected_output": "Hello"},
				})
			},
			body:   `{"messages":[{"role":"user","content":"Hi <3"}],"properties":{"expected_output":"Hello"}}`,
			status: 200, answer: `{"analysis":"a","answer":0.5}`,
			want: &mistralobs.Judgement{Analysis: "a", Answer: mistralobs.Answer("0.5")},
		}, {
			name: "spans.search", route: "POST " + spans + "/search",
			path: spans + "/search",
			call: func(ctx ctx, c client) (any, error) {
				return c.Spans.Search(ctx, mistralobs.SearchSpansParams{
					Expression: "status_code = 'Error'", From: from, To: from.Add(time.Hour), PageSize: 7, Cursor: "a+b",
				})
			},
			query: url.Values{
				"from": {"2026-11-05T10:00:00.5Z"}, "to": {"2026-11-05T11:00:00.5Z"}, "page_size": {"7"}, "cursor": {"a+b"},
			},
			body:   `{"search_expression":"status_code = 'Error'"}`,
			status: 200, answer: `{"spans":{"results":[` + spanJSON + `],"next":"n","cursor":null}}`,
			want: &mistralobs.Feed[mistralobs.Span]{Items: []mistralobs.Span{wantSpan()}, NextCursor: "n"},
		}, {
			name: "spans.search_evaluations", goName: "searchevaluations",
			route: "POST " + spans + "/evaluations/search", path: spans + "/evaluations/search",
			call: func(ctx ctx, c client) (any, error) {
				return c.Spans.SearchEvaluations(ctx, mistralobs.SearchEvaluationsParams{})
			},
			body: `{}`, status: 200, answer: `{"span_evaluations":{"results":[` + evaluationJSON +
				`],"next":null,"cursor":"c"}}`,
			want: &mistralobs.Feed[mistralobs.SpanEvaluation]{Items: []mistralobs.SpanEvaluation{wantEvaluation}, NextCursor: "c"},
		}, {
			name: "spans.latest_evaluations", goName: "searchevaluations",
			route: "POST " + spans + "/evaluations/search/latest", path: spans + "/evaluations/search/latest",
			call: func(ctx ctx, c client) (any, error) {
				return c.Spans.SearchEvaluations(ctx, mistralobs.SearchEvaluationsParams{Latest: true})
			},
			body: `{}`, status: 200, answer: `{"span_evaluations":{}}`, want: &mistralobs.Feed[mistralobs.SpanEvaluation]{},
		}, {
			name: "spans.list_of_trace", goName: "alloftrace",
			route: "GET " + traces + "/{trace_id}/spans", path: traces + "/" + traceID + "/spans",
			call: func(ctx ctx, c client) (any, error) {
				return firstItem(c.Spans.AllOfTrace(ctx, strings.ToUpper(traceID), mistralobs.TraceSpansParams{From: from}))
			},
			query:  url.Values{"from": {"2026-11-05T10:00:00.5Z"}, "page_size": {"100"}},
			status: 200, answer: `{"spans":{"results":[` + spanJSON + `]}}`, want: ptr(wantSpan()),
		}, {
			name: "spans.get", route: "GET " + traces + "/{trace_id}/spans/{span_id}",
			path: traces + "/" + traceID + "/spans/" + spanID,
			call: func(ctx ctx, c client) (any, error) {
				return c.Spans.Get(ctx, mistralobs.SpanReference{TraceID: traceID, SpanID: strings.ToUpper(spanID)})
			},
			status: 200, answer: spanJSON, want: ptr(wantSpan()),
		}, {
			name: "spans.fields", route: "GET " + spans + "/fields",
			path:   spans + "/fields",
			call:   func(ctx ctx, c client) (any, error) { return c.Spans.Fields(ctx) },
			status: 200, answer: `{"field_definitions":[{"name":"request_model","label":"Model","type":"ENUM","group":null,` +
				`"source_attribute_key":"gen_ai.request.model","supported_operators":["eq"],"supported_aggregations":["count"]}]}`,
			want: []mistralobs.SpanField{{
				Name: "request_model", Label: "Model", Type: "ENUM", SourceAttributeKey: "gen_ai.request.model",
				SupportedOperators: []string{"eq"}, SupportedAggregations: []string{"count"},
			}},
		}, {
			name: "spans.field_options", route: "GET " + spans + "/fields/{field_name}/options",
			path: spans + "/fields/request_model/options",
			call: func(ctx ctx, c client) (any, error) {
				return c.Spans.FieldOptions(ctx, "request_model", time.Time{}, from)
			},
			query:  url.Values{"to": {"2026-11-05T10:00:00.5Z"}},
			status: 200, answer: `{"options":["a","b"]}`, want: []string{"a", "b"},
		},
	}
}

func TestOperations(t *testing.T) {
	t.Parallel()
	for _, op := range operations() {
		assert.Contains(t, mistralobstest.Operations(), op.name, "add a handler to mistralobstest")
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			var sent *http.Request
			var body []byte
			mock := op.mock(func(req *http.Request) (*http.Response, error) {
				sent = req
				if req.Body != nil {
					body, _ = io.ReadAll(req.Body)
				}
				return httpmock.NewStringResponse(op.status, op.answer), nil
			})

			got, err := op.call(t.Context(), newMockClient(t, mock))

			require.NoError(t, err)
			assert.Equal(t, op.want, mistralobs.WithoutRaw(got))
			assert.Regexp(
				t, "^"+regexp.MustCompile(`\{\w+\}`).ReplaceAllString(op.route, "[^/]+")+"$",
				sent.Method+" "+sent.URL.EscapedPath(),
			)
			assert.Equal(t, op.query.Encode(), sent.URL.Query().Encode())
			assert.Equal(t, op.name, mistralobs.OperationName(sent.Context()))
			assert.Equal(t, "Bearer secret-key", sent.Header.Get("Authorization"))
			assert.Equal(t, "application/json", sent.Header.Get("Accept"))
			assert.Regexp(t, `^mistralobs-go/\S+ \(go`, sent.Header.Get("User-Agent"))
			assert.Equal(t, 1, mock.GetTotalCallCount())
			switch {
			case op.name == "files.upload":
				assertUpload(t, sent, body)
			case op.body == "":
				assert.Empty(t, body)
				assert.Empty(t, sent.Header.Get("Content-Type"))
			case op.name == "records.create": // byte for byte
				assert.Equal(t, op.body, string(body))
			default:
				assert.JSONEq(t, op.body, string(body))
				assert.Equal(t, "application/json", sent.Header.Get("Content-Type"))
			}
		})
	}
}

func assertUpload(t *testing.T, sent *http.Request, body []byte) {
	t.Helper()
	assert.Equal(t, sent.ContentLength, int64(len(body)), "the length is exact")
	_, params, err := mime.ParseMediaType(sent.Header.Get("Content-Type"))
	require.NoError(t, err)
	form, err := multipart.NewReader(strings.NewReader(string(body)), params["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"purpose": {"evaluation"}, "expiry": {"2"}, "visibility": {"user"}}, form.Value)
	require.Len(t, form.File["file"], 1)
	assert.Equal(t, `a "b".jsonl`, form.File["file"][0].Filename)
	file, err := form.File["file"][0].Open()
	require.NoError(t, err)
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	assert.Equal(t, "content", string(content))
}

// Every operation returns the service's error with all its details.
func TestOperationsReportErrors(t *testing.T) {
	t.Parallel()
	for _, op := range operations() {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			answer := httpmock.NewStringResponse(
				404, `{"detail":{"message":"There is no such thing","error_code":"DATASET_NOT_FOUND"}}`,
			)
			answer.Header.Set("mistral-correlation-id", "corr-1")

			got, err := op.call(t.Context(), newMockClient(t, op.mock(httpmock.ResponderFromResponse(answer))))

			require.ErrorIs(t, err, mistralobs.ErrNotFound)
			assert.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
			var e *mistralobs.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, mistralobs.CodeDatasetNotFound, e.Code)
			assert.Equal(t, "There is no such thing", e.Message)
			assert.Equal(t, "corr-1", e.RequestID)
			assert.Equal(t, op.method(), e.Method)
			assert.Equal(t, op.path, e.Path)
			assert.Equal(t, 1, e.Attempts)
			assert.Regexp(
				t, `^mistralobs: [a-z JSONL]+: 404 DATASET_NOT_FOUND: There is no such thing \(1 attempt, request corr-1\)$`,
				err.Error(),
			)
			assert.Zero(t, got)
		})
	}
}

// A success with another document than the documented one is an error, never a zero value.
func TestOperationsRefuseOtherDocuments(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"HTML": "<html><body>Welcome</body></html>", "nothing": "", "null": "null",
		"another object": `{"hello":"world"}`, "an array": "[]",
	}
	for _, op := range operations() {
		for name, answer := range answers {
			t.Run(op.name+" answered by "+name, func(t *testing.T) {
				t.Parallel()
				_, err := op.call(t.Context(), newMockClient(t, op.mock(httpmock.NewStringResponder(200, answer))))

				if op.want == nil && name != "HTML" {
					require.NoError(t, err, "an operation without a result ignores the body")
					return
				}
				require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse, "add envelope or required to the request")
				assert.Equal(t, op.creates, errors.Is(err, mistralobs.ErrMaybeApplied))
			})
		}
	}
}

// A value beyond a limit of the service is refused before anything is sent. The error names the parameter or the field.
func TestLimitsAreCheckedFirst(t *testing.T) {
	t.Parallel()
	many := func(n int) []string {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = "id"
		}
		return ids
	}
	create := func(name, description string) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			_, err := c.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: name, Description: description})
			return err
		}
	}
	list := func(params mistralobs.ListParams) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			_, err := c.Records.List(ctx, datasetID, params)
			return err
		}
	}
	judge := func(change func(*mistralobs.JudgeDefinition)) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			d := mistralobs.JudgeDefinition{
				Name: "judge", Output: mistralobs.RegressionOutput(mistralobs.RegressionScale{Max: 1}),
			}
			change(&d)
			_, err := c.Records.Judge(ctx, recordID, d)
			return err
		}
	}
	createRecord := func(params mistralobs.CreateRecordParams) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			_, err := c.Records.Create(ctx, datasetID, params)
			return err
		}
	}
	type ctx = context.Context
	type service = *mistralobs.ImportsService
	type task = *mistralobs.ImportTask
	imports := func(call func(ctx, service) (task, error)) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			_, err := call(ctx, c.Imports)
			return err
		}
	}
	fromSpans := func(spans []mistralobs.SpanReference, m ...mistralobs.SpanMapping) func(ctx, *mistralobs.Client) error {
		return imports(func(ctx ctx, s service) (task, error) { return s.FromSpans(ctx, datasetID, spans, m) })
	}
	search := func(params mistralobs.SearchSpansParams) func(ctx, *mistralobs.Client) error {
		return func(ctx ctx, c *mistralobs.Client) error {
			_, err := c.Spans.Search(ctx, params)
			return err
		}
	}
	ofTrace := func(traceID string, params mistralobs.TraceSpansParams) func(ctx, *mistralobs.Client) error {
		return func(ctx ctx, c *mistralobs.Client) error {
			_, err := firstItem(c.Spans.AllOfTrace(ctx, traceID, params))
			return err
		}
	}
	tests := map[string]struct {
		call func(context.Context, *mistralobs.Client) error
		want string // in the error; "" if the request is sent
	}{
		"name that only the service may refuse": {call: create("", strings.Repeat("d", 201))},
		"name that is not UTF-8":                {call: create("abcdef\xff", ""), want: "UTF-8"},
		"page size of 101": {
			call: list(mistralobs.ListParams{PageSize: 101}),
			want: "PageSize: it must be 0 to 100, got 101",
		},
		"page size of -1":  {call: list(mistralobs.ListParams{PageSize: -1}), want: "PageSize"},
		"page size of 100": {call: list(mistralobs.ListParams{PageSize: 100})},
		"page -1":          {call: list(mistralobs.ListParams{Page: -1}), want: "Page: it must be at least 1"},
		"no output": {
			call: judge(func(d *mistralobs.JudgeDefinition) { d.Output = mistralobs.JudgeOutput{} }),
			want: "Output: it is empty; use ClassificationOutput or RegressionOutput",
		},
		"scale without an end": {
			call: judge(func(d *mistralobs.JudgeDefinition) { d.Output.Max = math.NaN() }),
			want: "/judge_definition/output/max",
		},
		"500 events": {call: imports(func(ctx ctx, s service) (task, error) {
			return s.FromExplorer(ctx, datasetID, many(500))
		})},
		"501 events": {
			call: imports(func(ctx ctx, s service) (task, error) {
				return s.FromExplorer(ctx, datasetID, many(501))
			}),
			want: "eventIDs: it must have at most 500 IDs, got 501",
		},
		"10,000 records": {call: imports(func(ctx ctx, s service) (task, error) {
			return s.FromDataset(ctx, datasetID, many(10_000))
		})},
		"10,001 records": {
			call: imports(func(ctx ctx, s service) (task, error) {
				return s.FromDataset(ctx, datasetID, many(10_001))
			}),
			want: "recordIDs: it must have 1 to 10000 IDs, got 10001",
		},
		"no records": {
			call: imports(func(ctx ctx, s service) (task, error) { return s.FromDataset(ctx, datasetID, nil) }),
			want: "recordIDs: it must have 1 to 10000 IDs, got 0",
		},
		"empty event ID": {
			call: imports(func(ctx ctx, s service) (task, error) {
				return s.FromExplorer(ctx, datasetID, []string{"a", ""})
			}),
			want: "eventIDs: the ID at index 1 is empty",
		},
		"empty conversation ID": {
			call: imports(func(ctx ctx, s service) (task, error) {
				return s.FromPlayground(ctx, datasetID, []string{""})
			}),
			want: "conversationIDs: the ID at index 0 is empty",
		},
		"empty campaign ID": {
			call: imports(func(ctx ctx, s service) (task, error) { return s.FromCampaign(ctx, datasetID, "") }),
			want: "campaignID: it is empty",
		},
		"empty file ID": {
			call: imports(func(ctx ctx, s service) (task, error) { return s.FromFile(ctx, datasetID, "") }),
			want: "fileID: it is empty",
		},
		"trace ID of 31": {
			call: fromSpans([]mistralobs.SpanReference{
				{TraceID: traceID, SpanID: spanID}, {TraceID: traceID[1:], SpanID: spanID},
			}),
			want: `spans[1].TraceID: it must have 32 hexadecimal characters, got "bf92f3577b34da6a3ce929d0e0e4736"`,
		},
		"span ID that is not hexadecimal": {
			call: fromSpans([]mistralobs.SpanReference{{TraceID: traceID, SpanID: "00f067aa0ba902bg"}}),
			want: "spans[0].SpanID: it must have 16 hexadecimal characters",
		},
		"mapping without target": {
			call: fromSpans(nil, mistralobs.SpanAttribute("", "k")), want: "mappings[0].Target: it is empty",
		},
		"mapping without key": {
			call: fromSpans(nil, mistralobs.ResourceAttribute("t", "")), want: "mappings[0].Key: it is empty",
		},
		"two mappings with one target": {
			call: fromSpans(
				nil, mistralobs.SpanAttribute("t", "a"), mistralobs.SpanAttribute("u", "a"), mistralobs.SpanAttribute("t", "b"),
			),
			want: `mappings[2].Target: mappings[0] has the same target "t"`,
		},
		"no spans and no mappings": {call: fromSpans(nil), want: "spans: it holds no span"},
		"page of 101 spans": {
			call: search(mistralobs.SearchSpansParams{PageSize: 101}), want: "PageSize: it must be 0 to 100, got 101",
		},
		"spans of a range that ends before it begins": {
			call: search(mistralobs.SearchSpansParams{From: time.Unix(2, 0), To: time.Unix(1, 0)}), want: "From: it is after To",
		},
		"expression that is not UTF-8": {
			call: search(mistralobs.SearchSpansParams{Expression: "\xff"}), want: "Expression: it is not valid UTF-8",
		},
		"span of no trace": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				_, err := c.Spans.Get(ctx, mistralobs.SpanReference{SpanID: spanID})
				return err
			},
			want: `TraceID: it must have 32 hexadecimal characters, got ""`,
		},
		"spans of no trace": {call: ofTrace("", mistralobs.TraceSpansParams{}), want: "traceID: it must have 32"},
		"spans of a trace, the same": {
			call: ofTrace(traceID, mistralobs.TraceSpansParams{From: time.Unix(2, 0), To: time.Unix(1, 0)}), want: "From: it is after To",
		},
		"options of no field": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				_, err := c.Spans.FieldOptions(ctx, "", time.Time{}, time.Time{})
				return err
			},
			want: "name: ",
		},
		"no payload": {
			call: createRecord(mistralobs.CreateRecordParams{}),
			want: "Payload: it must be a JSON object",
		},
		"new properties that are text": {
			call: createRecord(mistralobs.CreateRecordParams{Payload: map[string]any{}, Properties: "x"}),
			want: "Properties: it must be a JSON object, got a string",
		},
		"source that is not UTF-8": {
			call: createRecord(mistralobs.CreateRecordParams{Payload: map[string]any{}, Source: "\xff"}),
			want: "Source: it is not valid UTF-8",
		},
		"payload that is a list": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				return c.Records.UpdatePayload(ctx, recordID, []int{1})
			},
			want: "payload: it must be a JSON object, got an array",
		},
		"properties that are text": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				return c.Records.UpdateProperties(ctx, recordID, "x")
			},
			want: "properties: it must be a JSON object, got a string",
		},
		"empty name to find": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				_, err := c.Datasets.Find(ctx, "")
				return err
			},
			want: "idSlugOrName: it is empty",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.NewStringResponder(500, ""))

			err := test.call(t.Context(), newMockClient(t, mock))

			if test.want == "" {
				require.ErrorIs(t, err, mistralobs.ErrServer, "it was sent")
				return
			}
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
			assert.ErrorContains(t, err, test.want)
			assert.Zero(t, mock.GetTotalCallCount(), "nothing was sent")
		})
	}
}

// An id cannot make a path name another resource.
func TestIDsInPaths(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // id to what stands in the path; "" if it is refused
		"": "", ".": "", "..": "",
		"a/b": "a%2Fb", "../x": "..%2Fx", "a?b=c": "a%3Fb=c", "a#b": "a%23b", "a%2fb": "a%252fb", `a\b`: "a%5Cb",
		"a\r\nX: y": "a%0D%0AX:%20y", "a\x00b": "a%00b", "ü": "%C3%BC",
	}
	for id, want := range tests {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			var sent *http.Request
			mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
				sent = req
				return httpmock.NewStringResponse(200, taskJSON), nil
			})

			_, err := newMockClient(t, mock).Tasks.Get(t.Context(), id, taskID)

			if want == "" {
				require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
				require.ErrorContains(t, err, "datasetID")
				assert.Nil(t, sent)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "/v1/observability/datasets/"+want+"/tasks/"+taskID, sent.URL.EscapedPath())
			assert.Empty(t, sent.URL.RawQuery)
		})
	}
}

// The API lines of a method's comment are its routes in the table of operations.
func TestCommentsNameTheOperations(t *testing.T) {
	t.Parallel()
	want := map[string][]string{} // routes by method
	for _, op := range operations() {
		resource, name, _ := strings.Cut(op.name, ".")
		if op.goName != "" {
			name = op.goName
		}
		method := resource + "." + strings.ReplaceAll(name, "_", "")
		want[method] = append(want[method], op.route)
	}
	apiLine := regexp.MustCompile(`(?m)API: ([A-Z]+ /\S+)`)
	got := map[string][]string{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		resource, _, _ := strings.Cut(strings.TrimSuffix(file, ".go"), "_")
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			method, ok := decl.(*ast.FuncDecl)
			if !ok || method.Doc == nil {
				continue
			}
			for _, match := range apiLine.FindAllStringSubmatch(method.Doc.Text(), -1) {
				name := resource + "." + strings.ToLower(method.Name.Name)
				got[name] = append(got[name], match[1])
			}
		}
	}
	assert.Equal(t, want, got, "add a row to operations, or mend the API line in the comment of the method")
}

// firstItem returns the first item of a walk.
func firstItem[T any](items iter.Seq2[*T, error]) (any, error) {
	for item, err := range items {
		if err != nil {
			return nil, err
		}
		return item, nil
	}
	return nil, errors.New("no items")
}
