package optest

//lint:file-ignore SA1019 deprecated imports are tested as long as they exist

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

const (
	datasets = "/v1/observability/datasets"
	dataset  = datasets + "/{dataset_id}"
	records  = "/v1/observability/dataset-records"
	record   = records + "/{dataset_record_id}"
	judges   = "/v1/observability/judges"
	judge    = judges + "/{judge_id}"
	spans    = "/v1/observability/spans"
	trace    = "/v1/observability/traces/{trace_id}/spans"
)

type (
	ctx    = context.Context
	client = *mistralobs.Client
)

// Operations returns all operations.
func Operations() []Operation {
	return slices.Concat(datasetOperations(), recordOperations(), importOperations(), taskOperations(),
		fileOperations(),
		judgeOperations(), spanOperations())
}

func datasetOperations() []Operation {
	return []Operation{{
		Name: "datasets.list", Method: "Datasets.List", Route: "GET " + datasets,
		Call: func(ctx ctx, c client, _ World) (any, error) {
			return c.Datasets.List(ctx, mistralobs.ListDatasetsParams{Query: "a&b ü", Page: 2, PageSize: 7})
		},
		Query:  url.Values{"q": {"a&b ü"}, "page": {"2"}, "page_size": {"7"}},
		Status: 200, Answer: `{"datasets":{"results":[` + DatasetJSON + `],"count":87,"next":"n","previous":"p"}}`,
		Want: &mistralobs.Page[mistralobs.Dataset]{
			Items: []mistralobs.Dataset{Dataset}, Total: 87, Number: 2, Size: 7, Next: "n", Previous: "p",
		},
	}, {
		Name: "datasets.create", Method: "Datasets.Create", Route: "POST " + datasets, Creates: true,
		Call: func(ctx ctx, c client, w World) (any, error) {
			return c.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: w.Name})
		},
		Body: `{"name":"Support","description":""}`, Status: 201, Answer: DatasetJSON, Want: &Dataset,
	}, {
		Name: "datasets.get", Method: "Datasets.Get", Route: "GET " + dataset,
		Call:   func(ctx ctx, c client, w World) (any, error) { return c.Datasets.Get(ctx, w.Dataset) },
		Status: 200, Answer: DatasetJSON, Want: &Dataset,
	}, {
		Name: "datasets.delete", Method: "Datasets.Delete", Route: "DELETE " + dataset,
		Call:   func(ctx ctx, c client, w World) (any, error) { return nil, c.Datasets.Delete(ctx, w.Dataset) },
		Status: 204,
	}, {
		Name: "datasets.update", Method: "Datasets.Update", Route: "PATCH " + dataset,
		Call: func(ctx ctx, c client, w World) (any, error) {
			return c.Datasets.Update(ctx, w.Dataset, mistralobs.UpdateDatasetParams{Description: new("")})
		},
		Body: `{"description":""}`, Status: 200, Answer: DatasetJSON, Want: &Dataset,
	}, {
		Name: "exports.to_jsonl", Method: "Exports.ToJSONL", Route: "GET " + dataset + "/exports/to-jsonl",
		Call:   func(ctx ctx, c client, w World) (any, error) { return c.Exports.ToJSONL(ctx, w.Dataset) },
		Status: 200, Answer: `{"file_url":"https://blob.example.com/x?sig=s"}`,
		Want: &mistralobs.Export{FileURL: "https://blob.example.com/x?sig=s"},
	}}
}

func recordOperations() []Operation {
	return []Operation{{
		Name: "records.list", Method: "Records.List", Route: "GET " + dataset + "/records",
		Call: func(ctx ctx, c client, w World) (any, error) {
			return c.Records.List(ctx, w.Dataset, mistralobs.ListParams{})
		},
		Status: 200, Answer: `{"records":{"results":[` + RecordJSON + `],"count":1,"next":null,"previous":null}}`,
		Want: &mistralobs.Page[mistralobs.Record]{Items: []mistralobs.Record{Record}, Total: 1, Number: 1, Size: 50},
	}, {
		Name: "records.create", Method: "Records.Create", Route: "POST " + dataset + "/records", Creates: true,
		Call: func(ctx ctx, c client, w World) (any, error) {
			payload := mistralobs.Object(`{"a": "<&>", "a":9007199254740993}`)
			return c.Records.Create(ctx, w.Dataset, mistralobs.CreateRecordParams{Payload: payload})
		},
		Body:   `{"payload":{"a": "<&>", "a":9007199254740993},"properties":{}}`,
		Status: 201, Answer: RecordJSON, Want: &Record,
	}, {
		Name: "records.get", Method: "Records.Get", Route: "GET " + record,
		Call:   func(ctx ctx, c client, w World) (any, error) { return c.Records.Get(ctx, w.Record) },
		Status: 200, Answer: RecordJSON, Want: &Record,
	}, {
		Name: "records.delete", Method: "Records.Delete", Route: "DELETE " + record,
		Call:   func(ctx ctx, c client, w World) (any, error) { return nil, c.Records.Delete(ctx, w.Record) },
		Status: 204,
	}, {
		Name: "records.delete_all", Method: "Records.DeleteAll", Route: "POST " + records + "/bulk-delete",
		Call: func(ctx ctx, c client, w World) (any, error) {
			return nil, c.Records.DeleteAll(ctx, []string{w.Record})
		},
		Body:   `{"dataset_record_ids":["` + RecordID + `"]}`,
		Status: 204,
	}, {
		Name: "records.judge", Method: "Records.Judge", Route: "POST " + record + "/live-judging",
		Call: func(ctx ctx, c client, w World) (any, error) {
			judge := mistralobs.JudgeDefinition{
				Name: "politeness", Description: "d", ModelName: "mistral-medium-latest", Instructions: "i",
				Output: mistralobs.ClassificationOutput(mistralobs.JudgeOption{Value: "yes", Description: "polite"}),
			}
			return c.Records.Judge(ctx, w.Record, judge)
		},
		Body: `{"judge_definition":{"name":"politeness","description":"d","model_name":"mistral-medium-latest",` +
			`"instructions":"i","tools":[],"output":{"type":"CLASSIFICATION",` +
			`"options":[{"value":"yes","description":"polite"}]}}}`,
		Status: 200, Answer: `{"analysis":"because","answer":"yes"}`,
		Want: &mistralobs.Judgement{Analysis: "because", Answer: mistralobs.Answer(`"yes"`)},
	}, {
		Name: "records.update_payload", Method: "Records.UpdatePayload", Route: "PUT " + record + "/payload",
		Call: func(ctx ctx, c client, w World) (any, error) {
			return nil, c.Records.UpdatePayload(ctx, w.Record, map[string]string{"sentence": "Bonjour <3"})
		},
		Body: `{"payload":{"sentence":"Bonjour <3"}}`, Status: 204,
	}, {
		Name: "records.update_properties", Method: "Records.UpdateProperties", Route: "PUT " + record + "/properties",
		Call: func(ctx ctx, c client, w World) (any, error) {
			return nil, c.Records.UpdateProperties(ctx, w.Record, nil)
		},
		Body: `{"properties":{}}`, Status: 204,
	}}
}

func importOperations() []Operation {
	const imports = "POST " + dataset + "/imports"
	return []Operation{{
		Name: "imports.from_campaign", Method: "Imports.FromCampaign", Route: imports + "/from-campaign", Creates: true,
		Call: func(ctx ctx, c client, w World) (any, error) {
			return c.Imports.FromCampaign(ctx, w.Dataset, w.Campaign)
		},
		Body: `{"campaign_id":"c"}`, Status: 202, Answer: TaskJSON, Want: &Task,
	}, {
		Name: "imports.from_explorer", Method: "Imports.FromExplorer", Route: imports + "/from-explorer", Creates: true,
		Call: func(ctx ctx, c client, w World) (any, error) {
			return c.Imports.FromExplorer(ctx, w.Dataset, []string{w.Event})
		},
		Body: `{"completion_event_ids":["e"]}`, Status: 202, Answer: TaskJSON, Want: &Task,
	}, {
		Name: "imports.from_file", Method: "Imports.FromFile", Route: imports + "/from-file", Creates: true,
		Call: func(ctx ctx, c client, w World) (any, error) { return c.Imports.FromFile(ctx, w.Dataset, w.File) },
		Body: `{"file_id":"` + FileID + `"}`, Status: 202, Answer: TaskJSON, Want: &Task,
	}, {
		Name: "imports.from_playground", Method: "Imports.FromPlayground", Route: imports + "/from-playground",
		Creates: true,
		Call: func(ctx ctx, c client, w World) (any, error) {
			return c.Imports.FromPlayground(ctx, w.Dataset, []string{w.Conversation})
		},
		Body: `{"conversation_ids":["conversation"]}`, Status: 202, Answer: TaskJSON, Want: &Task,
	}, {
		Name: "imports.from_dataset", Method: "Imports.FromDataset", Route: imports + "/from-dataset", Creates: true,
		Call: func(ctx ctx, c client, w World) (any, error) {
			return c.Imports.FromDataset(ctx, w.Dataset, []string{w.Record})
		},
		Body: `{"dataset_record_ids":["` + RecordID + `"]}`, Status: 202, Answer: TaskJSON, Want: &Task,
	}, {
		Name: "imports.from_spans", Method: "Imports.FromSpans", Route: imports + "/from-spans", Creates: true,
		Call: func(ctx ctx, c client, w World) (any, error) {
			upper := mistralobs.SpanReference{TraceID: strings.ToUpper(w.Span.TraceID),
				SpanID: strings.ToUpper(w.Span.SpanID)}
			return c.Imports.FromSpans(ctx, w.Dataset, []mistralobs.SpanReference{upper}, []mistralobs.SpanMapping{
				mistralobs.SpanAttribute("messages", "gen_ai.input.messages"),
				mistralobs.ResourceAttribute("service", "service.name"),
			})
		},
		Body: `{"span_references":[{"trace_id":"` + TraceID + `","span_id":"` + SpanID +
			`"}],"mapping_contract":{"version":1,"mappings":[` +
			`{"target_field":"messages","source_field":{"namespace":"span_attributes","key":"gen_ai.input.messages"}},` +
			`{"target_field":"service","source_field":{"namespace":"resource_attributes","key":"service.name"}}]}}`,
		Status: 202, Answer: TaskJSON, Want: &Task,
	}}
}

func taskOperations() []Operation {
	return []Operation{{
		Name: "tasks.get", Method: "Tasks.Get", Route: "GET " + dataset + "/tasks/{task_id}",
		Call:   func(ctx ctx, c client, w World) (any, error) { return c.Tasks.Get(ctx, w.Dataset, w.Task) },
		Status: 200, Answer: TaskJSON, Want: &Task,
	}, {
		Name: "tasks.list", Method: "Tasks.List", Route: "GET " + dataset + "/tasks",
		Call: func(ctx ctx, c client, w World) (any, error) {
			return c.Tasks.List(ctx, w.Dataset, mistralobs.ListParams{Page: 3})
		},
		Query: url.Values{"page": {"3"}}, Status: 200, Answer: `{"tasks":{"count":87}}`,
		Want: &mistralobs.Page[mistralobs.ImportTask]{Total: 87, Number: 3, Size: 50},
	}}
}

func fileOperations() []Operation {
	return []Operation{{
		Name: "files.upload", Method: "Files.Upload", Route: "POST /v1/files", Creates: true,
		Call: func(ctx ctx, c client, _ World) (any, error) {
			params := mistralobs.UploadParams{
				Name: `a "b".jsonl`, Body: strings.NewReader("content"), Purpose: "evaluation",
				Expiry: 90 * time.Minute, Visibility: "user",
			}
			return c.Files.Upload(ctx, params, mistralobs.TransferOptions{})
		},
		Status: 200, Answer: FileJSON, Want: &File,
	}, {
		Name: "files.get", Method: "Files.Get", Route: "GET /v1/files/{file_id}",
		Call:   func(ctx ctx, c client, w World) (any, error) { return c.Files.Get(ctx, w.File) },
		Status: 200, Answer: FileJSON, Want: &File,
	}, {
		Name: "files.delete", Method: "Files.Delete", Route: "DELETE /v1/files/{file_id}",
		Call:   func(ctx ctx, c client, w World) (any, error) { return nil, c.Files.Delete(ctx, w.File) },
		Status: 200, Answer: `{"id":"` + FileID + `","object":"file","deleted":true}`,
	}}
}

func judgeOperations() []Operation {
	return []Operation{{
		Name: "judges.list", Method: "Judges.List", Route: "GET " + judges,
		Call: func(ctx ctx, c client, _ World) (any, error) {
			return c.Judges.List(ctx, mistralobs.ListJudgesParams{
				Query:  "polite",
				Types:  []mistralobs.JudgeOutputType{mistralobs.OutputRegression, mistralobs.OutputClassification},
				Models: []string{"m"}, Page: 2, PageSize: 7,
			})
		},
		Query: url.Values{
			"q": {"polite"}, "type_filter": {"REGRESSION", "CLASSIFICATION"}, "model_filter": {"m"},
			"page": {"2"}, "page_size": {"7"},
		},
		Status: 200, Answer: `{"judges":{"results":[` + JudgeJSON + `],"count":8}}`,
		Want: &mistralobs.Page[mistralobs.Judge]{Items: []mistralobs.Judge{Judge}, Total: 8, Number: 2, Size: 7},
	}, {
		Name: "judges.create", Method: "Judges.Create", Route: "POST " + judges, Creates: true,
		Call: func(ctx ctx, c client, w World) (any, error) { return c.Judges.Create(ctx, JudgeNamed(w.Name)) },
		Body: "{" + judgeFields + "}", Status: 201, Answer: JudgeJSON, Want: &Judge,
	}, {
		Name: "judges.get", Method: "Judges.Get", Route: "GET " + judge,
		Call:   func(ctx ctx, c client, w World) (any, error) { return c.Judges.Get(ctx, w.Judge) },
		Status: 200, Answer: JudgeJSON, Want: &Judge,
	}, {
		Name: "judges.update", Method: "Judges.Update", Route: "PUT " + judge,
		Call: func(ctx ctx, c client, w World) (any, error) {
			return nil, c.Judges.Update(ctx, w.Judge, JudgeNamed(w.Name))
		},
		Body: "{" + judgeFields + "}", Status: 204,
	}, {
		Name: "judges.delete", Method: "Judges.Delete", Route: "DELETE " + judge,
		Call:   func(ctx ctx, c client, w World) (any, error) { return nil, c.Judges.Delete(ctx, w.Judge) },
		Status: 204,
	}, {
		Name: "judges.run", Method: "Judges.Run", Route: "POST " + judge + "/live-judging",
		Call: func(ctx ctx, c client, w World) (any, error) {
			return c.Judges.Run(ctx, w.Judge, mistralobs.RunJudgeParams{
				Messages:   []mistralobs.Message{mistralobs.User("Hi <3")},
				Properties: map[string]string{"expected_output": "Hello"},
			})
		},
		Body:   `{"messages":[{"role":"user","content":"Hi <3"}],"properties":{"expected_output":"Hello"}}`,
		Status: 200, Answer: `{"analysis":"a","answer":0.5}`,
		Want: &mistralobs.Judgement{Analysis: "a", Answer: mistralobs.Answer("0.5")},
	}}
}

func spanOperations() []Operation {
	from := time.Date(1999, 11, 5, 11, 0, 0, 5e8, time.FixedZone("CET", 3600)) // before the time of a bubble
	return []Operation{{
		Name: "spans.search", Method: "Spans.Search", Route: "POST " + spans + "/search",
		Call: func(ctx ctx, c client, _ World) (any, error) {
			return c.Spans.Search(ctx, mistralobs.SearchSpansParams{
				Expression: "status_code = 'Error'", From: from, To: from.Add(time.Hour), PageSize: 7,
			})
		},
		Query:  url.Values{"from": {"1999-11-05T10:00:00.5Z"}, "to": {"1999-11-05T11:00:00.5Z"}, "page_size": {"7"}},
		Body:   `{"search_expression":"status_code = 'Error'"}`,
		Status: 200, Answer: `{"spans":{"results":[` + SpanJSON + `],"next":"n","cursor":null}}`,
		Want: &mistralobs.Feed[mistralobs.Span]{Items: []mistralobs.Span{Span()}, NextCursor: "n"},
	}, {
		Name: "spans.search_evaluations", Method: "Spans.SearchEvaluations",
		Route: "POST " + spans + "/evaluations/search",
		Call: func(ctx ctx, c client, _ World) (any, error) {
			return c.Spans.SearchEvaluations(ctx, mistralobs.SearchEvaluationsParams{})
		},
		Body: `{}`, Status: 200,
		Answer: `{"span_evaluations":{"results":[` + EvaluationJSON + `],"next":null,"cursor":"c"}}`,
		Want: &mistralobs.Feed[mistralobs.SpanEvaluation]{Items: []mistralobs.SpanEvaluation{Evaluation},
			NextCursor: "c"},
	}, {
		Name: "spans.latest_evaluations", Method: "Spans.SearchEvaluations",
		Route: "POST " + spans + "/evaluations/search/latest",
		Call: func(ctx ctx, c client, _ World) (any, error) {
			return c.Spans.SearchEvaluations(ctx, mistralobs.SearchEvaluationsParams{Latest: true})
		},
		Body: `{}`, Status: 200, Answer: `{"span_evaluations":{}}`, Want: &mistralobs.Feed[mistralobs.SpanEvaluation]{},
	}, {
		Name: "spans.list_of_trace", Method: "Spans.AllOfTrace", Route: "GET " + trace,
		Call: func(ctx ctx, c client, w World) (any, error) {
			traceID := strings.ToUpper(w.Span.TraceID)
			for span, err := range c.Spans.AllOfTrace(ctx, traceID, mistralobs.TraceSpansParams{From: from}) {
				if err != nil {
					return nil, err
				}
				return span, nil
			}
			return nil, errors.New("no spans")
		},
		Query:  url.Values{"from": {"1999-11-05T10:00:00.5Z"}, "page_size": {"100"}},
		Status: 200, Answer: `{"spans":{"results":[` + SpanJSON + `]}}`, Want: new(Span()),
	}, {
		Name: "spans.get", Method: "Spans.Get", Route: "GET " + trace + "/{span_id}",
		Call: func(ctx ctx, c client, w World) (any, error) {
			upper := mistralobs.SpanReference{TraceID: w.Span.TraceID, SpanID: strings.ToUpper(w.Span.SpanID)}
			return c.Spans.Get(ctx, upper)
		},
		Status: 200, Answer: SpanJSON, Want: new(Span()),
	}, {
		Name: "spans.fields", Method: "Spans.Fields", Route: "GET " + spans + "/fields",
		Call:   func(ctx ctx, c client, _ World) (any, error) { return c.Spans.Fields(ctx) },
		Status: 200, Answer: `{"field_definitions":[{"name":"request_model","label":"Model","type":"ENUM","group":null,` +
			`"source_attribute_key":"gen_ai.request.model","supported_operators":["eq"],"supported_aggregations":["count"]}]}`,
		Want: []mistralobs.SpanField{{
			Name: "request_model", Label: "Model", Type: "ENUM", SourceAttributeKey: "gen_ai.request.model",
			SupportedOperators: []string{"eq"}, SupportedAggregations: []string{"count"},
		}},
	}, {
		Name: "spans.field_options", Method: "Spans.FieldOptions",
		Route: "GET " + spans + "/fields/{field_name}/options",
		Call: func(ctx ctx, c client, _ World) (any, error) {
			return c.Spans.FieldOptions(ctx, fieldName, time.Time{}, from)
		},
		Query:  url.Values{"to": {"1999-11-05T10:00:00.5Z"}},
		Status: 200, Answer: `{"options":["a","b"]}`, Want: []string{"a", "b"},
	}}
}
