package mistralobstest

import (
	"net/http"
	"slices"
)

// The names of the operations, for [Fault] and [Request]. They are the names that the SDK uses.
// [ExportsDownload] is a download from the signed URL of an export.
const (
	DatasetsList            = "datasets.list"
	DatasetsCreate          = "datasets.create"
	DatasetsGet             = "datasets.get"
	DatasetsUpdate          = "datasets.update"
	DatasetsDelete          = "datasets.delete"
	RecordsList             = "records.list"
	RecordsCreate           = "records.create"
	RecordsGet              = "records.get"
	RecordsDelete           = "records.delete"
	RecordsDeleteAll        = "records.delete_all"
	RecordsJudge            = "records.judge"
	RecordsUpdatePayload    = "records.update_payload"
	RecordsUpdateProperties = "records.update_properties"
	ImportsFromCampaign     = "imports.from_campaign"
	ImportsFromExplorer     = "imports.from_explorer"
	ImportsFromFile         = "imports.from_file"
	ImportsFromPlayground   = "imports.from_playground"
	ImportsFromDataset      = "imports.from_dataset"
	ImportsFromSpans        = "imports.from_spans"
	TasksGet                = "tasks.get"
	TasksList               = "tasks.list"
	ExportsToJSONL          = "exports.to_jsonl"
	ExportsDownload         = "exports.download"
	FilesUpload             = "files.upload"
	FilesGet                = "files.get"
	FilesDelete             = "files.delete"
	JudgesList              = "judges.list"
	JudgesCreate            = "judges.create"
	JudgesGet               = "judges.get"
	JudgesUpdate            = "judges.update"
	JudgesDelete            = "judges.delete"
	JudgesRun               = "judges.run"
	SpansSearch             = "spans.search"
	SpansSearchEvaluations  = "spans.search_evaluations"
	SpansLatestEvaluations  = "spans.latest_evaluations"
	SpansListOfTrace        = "spans.list_of_trace"
	SpansGet                = "spans.get"
	SpansFields             = "spans.fields"
	SpansFieldOptions       = "spans.field_options"
)

// Operations returns the names of all operations, in the order of the API reference.
func Operations() []string {
	names := make([]string, len(routes))
	for i, rt := range routes {
		names[i] = rt.operation
	}
	return names
}

// route is one operation: its path and its function.
type route struct {
	operation string
	pattern   string
	run       func(*Server, *http.Request) (answer, error)

	// storage serves the URL of an export instead of run. It needs no key, has no rate limit,
	// allows HEAD, and writes its own response.
	storage func(*Server, http.ResponseWriter, *http.Request)

	// streams reports whether run reads a body that is too large to buffer.
	streams bool
}

const (
	datasetsPath = "/v1/observability/datasets"
	datasetPath  = datasetsPath + "/{dataset_id}"
	recordsPath  = "/v1/observability/dataset-records"
	recordPath   = recordsPath + "/{dataset_record_id}"
	filesPath    = "/v1/files"
	filePath     = filesPath + "/{file_id}"
	judgesPath   = "/v1/observability/judges"
	judgePath    = judgesPath + "/{judge_id}"
	spansPath    = "/v1/observability/spans"
	tracePath    = "/v1/observability/traces/{trace_id}/spans"
)

// routes has all operations in the order of the API reference.
var routes = slices.Concat(datasetRoutes(), recordRoutes(), fileRoutes(), judgeRoutes(), spanRoutes())

func datasetRoutes() []route {
	const dataset, imports = datasetPath, datasetPath + "/imports"
	return []route{
		{operation: DatasetsList, pattern: "GET " + datasetsPath, run: (*Server).listDatasets},
		{operation: DatasetsCreate, pattern: "POST " + datasetsPath, run: (*Server).createDataset},
		{operation: DatasetsGet, pattern: "GET " + dataset, run: (*Server).getDataset},
		{operation: DatasetsDelete, pattern: "DELETE " + dataset, run: (*Server).deleteDataset},
		{operation: DatasetsUpdate, pattern: "PATCH " + dataset, run: (*Server).updateDataset},
		{operation: RecordsList, pattern: "GET " + dataset + "/records", run: (*Server).listRecords},
		{operation: RecordsCreate, pattern: "POST " + dataset + "/records", run: (*Server).createRecord},
		{operation: ImportsFromCampaign, pattern: "POST " + imports + "/from-campaign", run: (*Server).importCampaign},
		{operation: ImportsFromExplorer, pattern: "POST " + imports + "/from-explorer", run: (*Server).importExplorer},
		{operation: ImportsFromFile, pattern: "POST " + imports + "/from-file", run: (*Server).importFile},
		{operation: ImportsFromPlayground, pattern: "POST " + imports + "/from-playground",
			run: (*Server).importPlayground},
		{operation: ImportsFromDataset, pattern: "POST " + imports + "/from-dataset", run: (*Server).importDataset},
		{operation: ImportsFromSpans, pattern: "POST " + imports + "/from-spans", run: (*Server).importSpans},
		{operation: ExportsToJSONL, pattern: "GET " + dataset + "/exports/to-jsonl", run: (*Server).exportJSONL},
		{operation: TasksGet, pattern: "GET " + dataset + "/tasks/{task_id}", run: (*Server).getTask},
		{operation: TasksList, pattern: "GET " + dataset + "/tasks", run: (*Server).listTasks},
	}
}

func recordRoutes() []route {
	return []route{
		{operation: RecordsGet, pattern: "GET " + recordPath, run: (*Server).getRecord},
		{operation: RecordsDelete, pattern: "DELETE " + recordPath, run: (*Server).deleteRecord},
		{operation: RecordsDeleteAll, pattern: "POST " + recordsPath + "/bulk-delete", run: (*Server).deleteRecords},
		{operation: RecordsJudge, pattern: "POST " + recordPath + "/live-judging", run: (*Server).judgeRecord},
		{operation: RecordsUpdatePayload, pattern: "PUT " + recordPath + "/payload", run: (*Server).updatePayload},
		{
			operation: RecordsUpdateProperties, pattern: "PUT " + recordPath + "/properties",
			run: (*Server).updateProperties,
		},
	}
}

func fileRoutes() []route {
	return []route{
		{operation: FilesUpload, pattern: "POST " + filesPath, run: (*Server).uploadFile, streams: true},
		{operation: FilesGet, pattern: "GET " + filePath, run: (*Server).getFile},
		{operation: FilesDelete, pattern: "DELETE " + filePath, run: (*Server).deleteFile},
		{
			operation: ExportsDownload, pattern: "GET " + exportsPath + "/{dataset_id}/{blob}",
			storage: (*Server).downloadExport,
		},
	}
}

func judgeRoutes() []route {
	return []route{
		{operation: JudgesList, pattern: "GET " + judgesPath, run: (*Server).listJudges},
		{operation: JudgesCreate, pattern: "POST " + judgesPath, run: (*Server).createJudge},
		{operation: JudgesGet, pattern: "GET " + judgePath, run: (*Server).getJudge},
		{operation: JudgesUpdate, pattern: "PUT " + judgePath, run: (*Server).updateJudge},
		{operation: JudgesDelete, pattern: "DELETE " + judgePath, run: (*Server).deleteJudge},
		{operation: JudgesRun, pattern: "POST " + judgePath + "/live-judging", run: (*Server).judgeConversation},
	}
}

func spanRoutes() []route {
	const evaluations = spansPath + "/evaluations/search"
	return []route{
		{operation: SpansSearch, pattern: "POST " + spansPath + "/search", run: (*Server).searchSpans},
		{operation: SpansSearchEvaluations, pattern: "POST " + evaluations, run: (*Server).searchEvaluations},
		{
			operation: SpansLatestEvaluations, pattern: "POST " + evaluations + "/latest",
			run: (*Server).searchLatestEvaluations,
		},
		{operation: SpansListOfTrace, pattern: "GET " + tracePath, run: (*Server).listTraceSpans},
		{operation: SpansGet, pattern: "GET " + tracePath + "/{span_id}", run: (*Server).getSpan},
		{operation: SpansFields, pattern: "GET " + spansPath + "/fields", run: (*Server).listSpanFields},
		{
			operation: SpansFieldOptions, pattern: "GET " + spansPath + "/fields/{field_name}/options",
			run: (*Server).listSpanFieldOptions,
		},
	}
}

func knownOperation(name string) bool {
	return slices.ContainsFunc(routes, func(rt route) bool { return rt.operation == name })
}
