package optest

import (
	_ "embed" // for the documents with every documented field
	"encoding/json"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

// The IDs of [Example].
const (
	DatasetID = "0190d5a8-7f3e-7c1a-9a1b-1f2e3d4c5b6a"
	RecordID  = "0190d5a8-7f3e-7c1a-9a1b-aaaaaaaaaaaa"
	TaskID    = "0190d5a8-7f3e-7c1a-9a1b-bbbbbbbbbbbb"
	FileID    = "0190d5a8-7f3e-7c1a-9a1b-cccccccccccc"
	JudgeID   = "0190d5a8-7f3e-7c1a-9a1b-dddddddddddd"
	TraceID   = "4bf92f3577b34da6a3ce929d0e0e4736"
	SpanID    = "00f067aa0ba902b7"
)

const fieldName = "request_model"

// Example is the world of the requests and responses in the list.
var Example = World{
	Dataset: DatasetID, Record: RecordID, Task: TaskID, File: FileID, Judge: JudgeID,
	Campaign: "c", Event: "e", Conversation: "conversation",
	Span: mistralobs.SpanReference{TraceID: TraceID, SpanID: SpanID}, Name: "Support",
}

// Documents of the service.
const (
	times = `"created_at":"2026-05-04T10:20:30.123Z","updated_at":"2026-05-05T10:20:30.456Z","deleted_at":null,`

	DatasetJSON = `{"id":"` + DatasetID + `",` + times + `"slug":"support","name":"Support","description":"Tickets",` +
		`"owner_id":"owner","workspace_id":"space","colour":"a field of tomorrow"}`
	RecordJSON = `{"id":"` + RecordID + `",` + times + `"dataset_id":"` + DatasetID +
		`","payload":{"messages": [{"role":"user","content":"a<b"}],"n":9007199254740993},` +
		`"properties":{"k":1,"k":2},"source":"A_NEW_SOURCE"}`
	TaskJSON = `{"id":"` + TaskID + `",` + times + `"creator_id":"creator","dataset_id":"` + DatasetID +
		`","workspace_id":"space","status":"RUNNING","progress":40,"message":null}`
	FileJSON = `{"id":"` + FileID + `","object":"file","bytes":null,"created_at":1759500189,"filename":"a.jsonl",` +
		`"purpose":"evaluation","sample_type":"instruct","num_lines":2,"mimetype":"application/jsonl","source":"upload",` +
		`"signature":null,"expires_at":1762092189,"visibility":"workspace"}`
	judgeFields = `"name":"Support","description":"d","model_name":"m","instructions":"i","tools":[],` +
		`"output":{"type":"REGRESSION","min":0,"min_description":"rude","max":1,"max_description":"polite"}`
	JudgeJSON = `{"id":"` + JudgeID + `",` + times + `"owner_id":"owner","workspace_id":"space","up_revision":null,` +
		`"down_revision":"j0",` + judgeFields + `}`
)

// Documents with every documented field.
var (
	//go:embed span.json
	SpanJSON string
	//go:embed evaluation.json
	EvaluationJSON string
)

var (
	created = time.Date(2026, 5, 4, 10, 20, 30, 123e6, time.UTC)
	updated = time.Date(2026, 5, 5, 10, 20, 30, 456e6, time.UTC)
)

// The same as values of the SDK.
var (
	Dataset = mistralobs.Dataset{
		ID: DatasetID, CreatedAt: created, UpdatedAt: updated, Slug: "support",
		Name: "Support", Description: "Tickets", OwnerID: "owner", WorkspaceID: "space",
	}
	Record = mistralobs.Record{
		ID: RecordID, DatasetID: DatasetID, CreatedAt: created, UpdatedAt: updated, Source: "A_NEW_SOURCE",
		Payload:    mistralobs.Object(`{"messages": [{"role":"user","content":"a<b"}],"n":9007199254740993}`),
		Properties: mistralobs.Object(`{"k":1,"k":2}`),
	}
	Task = mistralobs.ImportTask{
		ID: TaskID, DatasetID: DatasetID, CreatorID: "creator", WorkspaceID: "space", CreatedAt: created,
		UpdatedAt: updated,
		Status:    mistralobs.StatusRunning, Progress: new(40),
	}
	File = mistralobs.File{
		ID: FileID, Object: "file", CreatedAt: time.Unix(1759500189, 0).UTC(), Filename: "a.jsonl",
		Purpose: mistralobs.PurposeEvaluation, SampleType: "instruct", NumLines: new(2),
		MIMEType: "application/jsonl", Source: "upload",
		ExpiresAt: time.Unix(1762092189, 0).UTC(), Visibility: mistralobs.VisibilityWorkspace,
	}
	Judge = mistralobs.Judge{
		ID: JudgeID, CreatedAt: created, UpdatedAt: updated, OwnerID: "owner", WorkspaceID: "space", DownRevision: "j0",
		JudgeDefinition: JudgeNamed("Support"),
	}
	Evaluation = mistralobs.SpanEvaluation{
		CustomerID: "customer id", OrganizationID: "organization id", WorkspaceID: "workspace id", UserID: "user id",
		TraceID: TraceID, SpanID: SpanID, ResponseID: "response id", ConversationID: "conversation id",
		Timestamp:      time.Date(2026, 11, 5, 10, 8, 0, 123e6, time.UTC),
		EvaluationName: "evaluation name", ScoreValue: 10.25, ScoreLabel: "score label", Explanation: "explanation",
		Metadata: map[string]string{"a.b": "metadata"},
	}
)

// Span returns the span that [SpanJSON] describes.
func Span() (span mistralobs.Span) {
	if err := json.Unmarshal([]byte(SpanJSON), &span); err != nil {
		panic(err)
	}
	return span
}

// JudgeNamed is the definition of [Judge] with a name.
func JudgeNamed(name string) mistralobs.JudgeDefinition {
	scale := mistralobs.RegressionScale{Max: 1, MinDescription: "rude", MaxDescription: "polite"}
	return mistralobs.JudgeDefinition{
		Name: name, Description: "d", ModelName: "m", Instructions: "i", Tools: []string{},
		Output: mistralobs.RegressionOutput(scale),
	}
}
