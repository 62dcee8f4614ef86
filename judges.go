package mistralobs

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/url"
	"strconv"
	"time"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// Judge is a judge that is saved in the workspace. Run it on a conversation with
// [JudgesService.Run], or on a record by giving its JudgeDefinition to [RecordsService.Judge].
type Judge struct {
	ID           string     `json:"id"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	DeletedAt    *time.Time `json:"deleted_at"` // nil unless deleted
	OwnerID      string     `json:"owner_id"`
	WorkspaceID  string     `json:"workspace_id"`
	UpRevision   string     `json:"up_revision"`   // ID of another revision, or ""
	DownRevision string     `json:"down_revision"` // ID of another revision, or ""
	BaseRevision string     `json:"base_revision"` // ID of another revision, or ""
	JudgeDefinition

	received `json:"-"`
}

// String returns the JSON that the value was decoded from, or that it is encoded as.
func (j Judge) String() string { return jsonText(j.raw, j) }

// JudgeDefinition describes a judge: a model, its instructions, and the type of its answers. The
// service limits the lengths of the texts; it documents a name of 5 to 50 characters, a description
// of up to 500 and instructions of up to 10,000. The client does not check them.
type JudgeDefinition struct {
	Name         string      `json:"name"`
	Description  string      `json:"description"`
	ModelName    string      `json:"model_name"` // such as "mistral-medium-latest"
	Output       JudgeOutput `json:"output"`     // made by ClassificationOutput or RegressionOutput
	Instructions string      `json:"instructions"`
	Tools        []string    `json:"tools"` // tools that the judge may use; may be empty
}

// JudgeOutputType is the type of a judge's answers.
type JudgeOutputType string

// The types of answers.
const (
	OutputClassification JudgeOutputType = "CLASSIFICATION" // one of the options
	OutputRegression     JudgeOutputType = "REGRESSION"     // a number on the scale
)

// JudgeOutput describes the answers that a judge may give. Create one with [ClassificationOutput]
// or [RegressionOutput].
type JudgeOutput struct {
	Type           JudgeOutputType `json:"type"`
	Options        []JudgeOption   `json:"options"`         // of a classification
	Min            float64         `json:"min"`             // of a regression
	Max            float64         `json:"max"`             // of a regression
	MinDescription string          `json:"min_description"` // of a regression: the meaning of Min
	MaxDescription string          `json:"max_description"` // of a regression: the meaning of Max
}

// JudgeOption is one of the answers that a judge of type [OutputClassification] may give.
type JudgeOption struct {
	Value       string `json:"value"` // what the judge answers
	Description string `json:"description"`
}

// RegressionScale is the range of the answers of a judge of type [OutputRegression].
type RegressionScale struct {
	Min, Max       float64
	MinDescription string // the meaning of Min
	MaxDescription string // the meaning of Max
}

// ClassificationOutput describes a judge that answers with one of the options.
func ClassificationOutput(options ...JudgeOption) JudgeOutput {
	return JudgeOutput{Type: OutputClassification, Options: options}
}

// RegressionOutput describes a judge that answers with a number on the scale.
func RegressionOutput(scale RegressionScale) JudgeOutput {
	return JudgeOutput{
		Type: OutputRegression, Min: scale.Min, Max: scale.Max,
		MinDescription: scale.MinDescription, MaxDescription: scale.MaxDescription,
	}
}

// MarshalJSON writes only the fields that the Type uses.
func (o JudgeOutput) MarshalJSON() ([]byte, error) {
	if o.Type == OutputRegression {
		return jsonv2.Marshal(struct {
			Type           JudgeOutputType `json:"type"`
			Min            float64         `json:"min"`
			MinDescription string          `json:"min_description"`
			Max            float64         `json:"max"`
			MaxDescription string          `json:"max_description"`
		}{o.Type, o.Min, o.MinDescription, o.Max, o.MaxDescription})
	}
	return jsonv2.Marshal(struct {
		Type    JudgeOutputType `json:"type"`
		Options []JudgeOption   `json:"options"`
	}{o.Type, o.Options})
}

// body returns the definition as a request body.
func (d JudgeDefinition) body() ([]byte, error) {
	if d.Output.Type == "" {
		return nil, invalid("Output", "it is empty; use ClassificationOutput or RegressionOutput")
	}
	return encode(d)
}

// ListJudgesParams selects judges. Its zero value selects all of them.
type ListJudgesParams struct {
	Query     string            // text that the service searches for; "" selects all judges
	Types     []JudgeOutputType // judges with one of these types of answers; none means all
	Models    []string          // judges that use one of these models; none means all
	Page      int               // as in [ListParams]
	PageSize  int               // as in [ListParams]
	ReadAhead int               // as in [ListParams]
}

func (p ListJudgesParams) query() url.Values {
	query := url.Values{}
	if p.Query != "" {
		query.Set("q", p.Query)
	}
	for _, outputType := range p.Types {
		query.Add("type_filter", string(outputType))
	}
	for _, model := range p.Models {
		query.Add("model_filter", model)
	}
	return query
}

// JudgesService keeps judges, and runs them on conversations. Use it as [Client].Judges.
//
// Like datasets, judges are in public preview for organizations of the Enterprise tier. Others get
// an error that matches [ErrForbidden].
type JudgesService struct{ client *Client }

// List returns one page of the workspace's judges.
//
// API: GET /v1/observability/judges
//
// It returns an error that matches [ErrInvalidParams] if the page size is above [MaxPageSize].
func (s *JudgesService) List(ctx context.Context, params ListJudgesParams, opts ...CallOption) (*Page[Judge], error) {
	return s.list(params, opts).page(ctx)
}

// All returns an iterator over the workspace's judges, from page params.Page on. Each range over it
// requests the pages again. It yields at most one error, last: an error of [JudgesService.List], or
// one that matches [ErrNoProgress] if the service repeats pages.
func (s *JudgesService) All(
	ctx context.Context, params ListJudgesParams, opts ...CallOption,
) iter.Seq2[*Judge, error] {
	return s.list(params, opts).items(ctx)
}

// Pages returns the pages that [JudgesService.All] reads.
func (s *JudgesService) Pages(
	ctx context.Context, params ListJudgesParams, opts ...CallOption,
) iter.Seq2[*Page[Judge], error] {
	return s.list(params, opts).pages(ctx)
}

func (s *JudgesService) list(params ListJudgesParams, opts []CallOption) list[Judge] {
	req := request{
		name: "judges.list", action: "list judges", route: "GET /v1/observability/judges", query: params.query(),
		envelope: "judges", required: hasID,
	}
	page := ListParams{Page: params.Page, PageSize: params.PageSize, ReadAhead: params.ReadAhead}
	return list[Judge]{s.client, page, opts, req, func(j *Judge) string { return j.ID }}
}

// Create adds a judge to the workspace.
//
// API: POST /v1/observability/judges
//
// It returns an error that matches [ErrInvalidParams] if the definition has no Output,
// [ErrValidation] if the service refuses the definition, and [ErrConflict] if there is a judge of
// this name (code [CodeJudgeNameAlreadyExists]). It returns one that matches [ErrMaybeApplied] if
// the service may have created the judge although the call failed.
func (s *JudgesService) Create(ctx context.Context, judge JudgeDefinition, opts ...CallOption) (*Judge, error) {
	body, err := judge.body()
	return fetch[Judge](ctx, s.client, request{
		name: "judges.create", action: "create judge", route: "POST /v1/observability/judges",
		body: body, err: err, creates: true, required: hasID,
	}, opts)
}

// Get returns a judge.
//
// API: GET /v1/observability/judges/{judge_id}
//
// It returns an error that matches [ErrNotFound] if there is no such judge.
func (s *JudgesService) Get(ctx context.Context, judgeID string, opts ...CallOption) (*Judge, error) {
	return fetch[Judge](ctx, s.client, request{
		name: "judges.get", action: "get judge", route: "GET /v1/observability/judges/{judge_id}",
		ids: ids{judgeID}, required: hasID,
	}, opts)
}

// Update replaces the definition of a judge. The service makes a new revision of the judge; it is
// not published which ID that has.
//
// API: PUT /v1/observability/judges/{judge_id}
//
// It returns an error that matches [ErrInvalidParams] if the definition has no Output, and one that
// matches [ErrNotFound] if there is no such judge. If the definition equals the current one, it
// returns an [Error] with code [CodeJudgeDidNotChange], except if an earlier attempt of the same
// call may have made the change: then it returns nil.
func (s *JudgesService) Update(
	ctx context.Context, judgeID string, judge JudgeDefinition, opts ...CallOption,
) error {
	body, err := judge.body()
	return exec(ctx, s.client, request{
		name: "judges.update", action: "update judge", route: "PUT /v1/observability/judges/{judge_id}",
		ids: ids{judgeID}, body: body, err: err, unchanged: CodeJudgeDidNotChange,
	}, opts)
}

// Delete deletes a judge.
//
// API: DELETE /v1/observability/judges/{judge_id}
//
// It returns an error that matches [ErrNotFound] if there is no such judge. If a retry gets a 404
// and an earlier attempt may have deleted the judge, it returns nil.
func (s *JudgesService) Delete(ctx context.Context, judgeID string, opts ...CallOption) error {
	return exec(ctx, s.client, request{
		name: "judges.delete", action: "delete judge", route: "DELETE /v1/observability/judges/{judge_id}",
		ids: ids{judgeID},
	}, opts)
}

// RunJudgeParams is the conversation that a judge runs on.
type RunJudgeParams struct {
	Messages []Message
	// Properties are what the instructions of the judge refer to, such as "expected_output". They
	// may be anything that [NewObject] accepts, or nil for none.
	Properties any
}

// Run runs a judge on a conversation, for example on the answer that a model has just given, and
// returns its judgement. The service does not store it. A run costs money, and a retry runs the
// judge again: by default up to four times after transient failures; see [WithRetry].
//
// API: POST /v1/observability/judges/{judge_id}/live-judging
//
// It returns an error that matches [ErrInvalidParams] if a message or the properties cannot be
// sent, and one that matches [ErrNotFound] if there is no such judge. It returns an [Error] with
// code [CodeJudgeConversationFormat] if the judge cannot read the messages.
func (s *JudgesService) Run(
	ctx context.Context, judgeID string, params RunJudgeParams, opts ...CallOption,
) (*Judgement, error) {
	body, err := params.body()
	return fetch[Judgement](ctx, s.client, request{
		name: "judges.run", action: "run judge", route: "POST /v1/observability/judges/{judge_id}/live-judging",
		ids: ids{judgeID}, body: body, err: err, required: []string{"answer"},
	}, opts)
}

func (p RunJudgeParams) body() (Object, error) {
	chat := NewConversation(p.Messages...)
	properties, err := optionalObject("Properties", p.Properties)
	if err != nil {
		return nil, err
	}
	if properties != nil {
		chat.Extra = map[string]json.RawMessage{"properties": json.RawMessage(properties)}
	}
	return newObject("Messages", chat)
}

// Judgement is the answer of a judge and its reason.
type Judgement struct {
	Analysis string `json:"analysis"` // the reason for the answer
	Answer   Answer `json:"answer"`
}

// Answer is a judge's answer as the service sent it: a JSON string (the Value of a [JudgeOption])
// or a JSON number.
type Answer []byte

// String returns the text of a JSON string, and the digits of a JSON number.
func (a Answer) String() string {
	var s string
	if json.Unmarshal(a, &s) == nil {
		return s
	}
	return string(a)
}

// Float64 returns the answer as a number. It returns an error if the answer is not a JSON number.
func (a Answer) Float64() (float64, error) {
	n, err := strconv.ParseFloat(string(a), 64)
	if err != nil || !jsonscan.Valid(a) {
		return 0, fmt.Errorf("mistralobs: decoding a judge's answer: %q is not a number", string(a))
	}
	return n, nil
}

// MarshalJSON returns the answer unchanged, or null if it is empty.
func (a Answer) MarshalJSON() ([]byte, error) { return Object(a).MarshalJSON() }

// UnmarshalJSON stores a copy of the JSON. A null makes the answer empty.
func (a *Answer) UnmarshalJSON(raw []byte) error { return (*Object)(a).UnmarshalJSON(raw) }
