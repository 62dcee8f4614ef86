package mistralobs

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

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

// JudgeOutput describes the answers that a judge may give. Create one with [ClassificationOutput] or
// [RegressionOutput].
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

func (d JudgeDefinition) check() error {
	if d.Output.Type == "" {
		return invalid("Output", "it is empty; use ClassificationOutput or RegressionOutput")
	}
	return nil
}

type judgeRequest struct {
	Judge JudgeDefinition `json:"judge_definition"`
}

// Judge runs a judge on a record and returns its judgement. The service does not store it. The
// judge is a model: the response takes seconds, and two judgements of one record may differ.
//
// API: POST /v1/observability/dataset-records/{dataset_record_id}/live-judging
//
// It returns an error that matches [ErrInvalidParams] if the definition has no Output,
// [ErrValidation] if the service refuses the definition, and [ErrNotFound] if there is no such
// record. It returns an [Error] with code [CodeJudgeConversationFormat] if the payload is not a
// conversation that the judge can read.
func (s *RecordsService) Judge(
	ctx context.Context, recordID string, judge JudgeDefinition, opts ...CallOption,
) (*Judgement, error) {
	if err := judge.check(); err != nil {
		return nil, err
	}
	body, err := encode(judgeRequest{judge})
	if err != nil {
		return nil, err
	}
	return fetch[Judgement](ctx, s.client, request{
		name: "records.judge", action: "judge record",
		route: "POST /v1/observability/dataset-records/{dataset_record_id}/live-judging",
		ids:   ids{recordID}, body: body,
		required: []string{"answer"},
	}, opts)
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
		return 0, fmt.Errorf("mistralobs: the judge's answer %q is not a number", string(a))
	}
	return n, nil
}

// MarshalJSON returns the answer unchanged, or null if it is empty.
func (a Answer) MarshalJSON() ([]byte, error) { return Object(a).MarshalJSON() }

// UnmarshalJSON stores a copy of the JSON. A null makes the answer empty.
func (a *Answer) UnmarshalJSON(raw []byte) error { return (*Object)(a).UnmarshalJSON(raw) }
