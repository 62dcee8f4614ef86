package mistralobs

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// Limits of a judge, in Unicode code points.
const (
	MaxJudgeDescriptionLength  = 500
	MaxJudgeModelNameLength    = 500
	MaxJudgeInstructionsLength = 10_000
)

// JudgeDefinition describes a judge: a model with instructions and the kind of answer it gives.
type JudgeDefinition struct {
	Name         string      `json:"name"`         // 5 to 50 characters
	Description  string      `json:"description"`  // up to 500 characters
	ModelName    string      `json:"model_name"`   // such as "mistral-medium-latest"
	Output       JudgeOutput `json:"output"`       // see ClassificationOutput and RegressionOutput
	Instructions string      `json:"instructions"` // up to 10,000 characters
	Tools        []string    `json:"tools"`        // what the judge may use; may be empty
}

// JudgeOutputType says what kind of answer a judge gives.
type JudgeOutputType string

// The kinds of answers.
const (
	OutputClassification JudgeOutputType = "CLASSIFICATION" // one of the options
	OutputRegression     JudgeOutputType = "REGRESSION"     // a number from Min to Max
)

// JudgeOutput is the kind of answer a judge gives. Make one with
// [ClassificationOutput] or [RegressionOutput].
type JudgeOutput struct {
	Type           JudgeOutputType `json:"type"`
	Options        []JudgeOption   `json:"options"`         // of a classification
	Min            float64         `json:"min"`             // of a regression: at least 0
	Max            float64         `json:"max"`             // of a regression: above Min, and below 1e9
	MinDescription string          `json:"min_description"` // of a regression: what Min means
	MaxDescription string          `json:"max_description"` // of a regression: what Max means
}

// JudgeOption is one answer that a classifying judge may give.
type JudgeOption struct {
	Value       string `json:"value"`
	Description string `json:"description"`
}

// ClassificationOutput lets a judge choose one of the options.
func ClassificationOutput(options ...JudgeOption) JudgeOutput {
	return JudgeOutput{Type: OutputClassification, Options: options}
}

// RegressionOutput lets a judge give a number from least to most, with what the two mean.
func RegressionOutput(least float64, leastMeans string, most float64, mostMeans string) JudgeOutput {
	return JudgeOutput{Type: OutputRegression, Min: least, MinDescription: leastMeans, Max: most, MaxDescription: mostMeans}
}

// MarshalJSON writes what belongs to the output's type.
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

func (o JudgeOutput) check() error {
	switch {
	case o.Type == OutputClassification:
		return nil
	case o.Type != OutputRegression:
		return invalid("Output", "use ClassificationOutput or RegressionOutput, got type %q", o.Type)
	case !(o.Min >= 0) || !(o.Max > o.Min) || o.Max >= 1e9:
		return invalid("Output", "the scale must have 0 <= Min < Max < 1e9, got %v to %v", o.Min, o.Max)
	}
	return nil
}

func (d JudgeDefinition) check() error {
	for _, limit := range []struct {
		field, text string
		least, most int
	}{
		{"Name", d.Name, MinNameLength, MaxNameLength},
		{"Description", d.Description, 0, MaxJudgeDescriptionLength},
		{"ModelName", d.ModelName, 0, MaxJudgeModelNameLength},
		{"Instructions", d.Instructions, 0, MaxJudgeInstructionsLength},
	} {
		if err := checkLength(limit.field, limit.text, limit.least, limit.most); err != nil {
			return err
		}
	}
	return d.Output.check()
}

type judgeRequest struct {
	Judge JudgeDefinition `json:"judge_definition"`
}

// Judgement is a judge's verdict.
type Judgement struct {
	Analysis string `json:"analysis"` // why
	Answer   Answer `json:"answer"`   // what
}

func (j *Judgement) missing() string {
	if len(j.Answer) == 0 || string(j.Answer) == "null" {
		return "answer"
	}
	return ""
}

// Answer is a judge's answer as the service wrote it: a JSON string (the value
// of an option) or a JSON number.
type Answer []byte

// String returns a string's text and a number's digits.
func (a Answer) String() string {
	var s string
	if json.Unmarshal(a, &s) == nil {
		return s
	}
	return string(a)
}

// Float64 returns the answer as a number. It fails if it is none.
func (a Answer) Float64() (float64, error) {
	n, err := strconv.ParseFloat(string(a), 64)
	if err != nil || !jsonscan.Valid(a) {
		return 0, fmt.Errorf("mistralobs: the judge's answer %q is no number", string(a))
	}
	return n, nil
}

// MarshalJSON returns the answer as it is; null if it is empty.
func (a Answer) MarshalJSON() ([]byte, error) { return Object(a).MarshalJSON() }

// UnmarshalJSON keeps a copy of the JSON.
func (a *Answer) UnmarshalJSON(raw []byte) error {
	*a = slices.Clone(Answer(raw))
	return nil
}
