package mistralobstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

const (
	maxJudgeDescription  = 500
	maxJudgeModelName    = 500
	maxJudgeInstructions = 10_000
)

// judge is the part of a judge definition that this server uses.
type judge struct {
	name    string
	options []judgeOption // of a classification
	scale   *judgeScale   // of a regression
}

type judgeOption struct {
	Value       string `json:"value"`
	Description string `json:"description"`
}

type judgeScale struct{ min, max float64 }

// judgeRecord judges a record by comparing words; the package comment says how.
func (s *Server) judgeRecord(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	j := c.judge()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withRecord(r, func(_ *store, rec *record) (answer, error) {
		return j.run(rec.content.payload(), rec.content.properties())
	})
}

// run returns the judgement of a conversation.
func (j judge) run(payload, properties []byte) (answer, error) {
	evidence, err := newEvidence(payload, properties)
	if err != nil {
		return answer{}, apiError(http.StatusUnprocessableEntity, "JUDGE_CONVERSATION_FORMAT_ERROR", err.Error())
	}
	verdict, analysis := j.decide(evidence)
	return answer{http.StatusOK, new(object).set("analysis", analysis).set("answer", verdict).bytes()}, nil
}

// judge reads the body's judge_definition.
func (c *checker) judge() judge {
	definition := c.object("judge_definition", true)
	if definition == nil {
		return judge{}
	}
	inner := c.nested(definition, "body", "judge_definition")
	j, _ := inner.judgeDefinition()
	c.adopt(inner)
	return j
}

// judgeDefinition reads a body that is a judge definition. It returns the definition also as the
// server keeps it.
func (c *checker) judgeDefinition() (judge, mistralobs.JudgeDefinition) {
	var definition mistralobs.JudgeDefinition
	for _, field := range []struct {
		name        string
		least, most int
		value       *string
	}{
		{"name", minName, maxName, &definition.Name}, {"description", 0, maxJudgeDescription, &definition.Description},
		{"model_name", 0, maxJudgeModelName, &definition.ModelName},
		{"instructions", 0, maxJudgeInstructions, &definition.Instructions},
	} {
		if text := c.text(field.name, true, field.least, field.most); text != nil {
			*field.value = *text
		}
	}
	definition.Tools = append([]string{}, c.ids("tools", 0, -1, false)...)
	j := c.output()
	j.name = definition.Name
	_ = json.Unmarshal(c.body["output"], &definition.Output) // output has checked it
	if j.scale != nil {
		definition.Output.Min, definition.Output.Max = j.scale.min, j.scale.max
	}
	return j, definition
}

func (c *checker) output() judge {
	raw := c.object("output", true)
	if raw == nil {
		return judge{}
	}
	var output struct {
		Type           string         `json:"type"`
		Options        *[]judgeOption `json:"options"`
		Min            *float64       `json:"min"`
		Max            *float64       `json:"max"`
		MinDescription *string        `json:"min_description"`
		MaxDescription *string        `json:"max_description"`
	}
	err := json.Unmarshal(raw, &output)
	switch {
	case err == nil && output.Type == "CLASSIFICATION" && output.Options != nil:
		return judge{options: *output.Options}
	case err == nil && output.Type == "REGRESSION" && output.MinDescription != nil && output.MaxDescription != nil:
		scale := judgeScale{0, 1}
		if output.Min != nil {
			scale.min = *output.Min
		}
		if output.Max != nil {
			scale.max = *output.Max
		}
		if scale.min < 0 || scale.max >= 1e9 {
			c.complain("less_than", "Input should be from 0 to below 1000000000", raw, "body", "output")
		}
		return judge{scale: &scale}
	}
	c.complain("union_tag_invalid",
		"Input should be a classification with options, or a regression with descriptions", raw, "body", "output")
	return judge{}
}

// evidence has the words of a record that a judge compares.
type evidence struct {
	labels   []string        // the values of the customary properties
	expected map[string]bool // the words of the expected output
	given    map[string]bool // the words of the given answer
}

// customary are the properties that usually have the right answer.
var customary = []string{"category", "expected_output"}

func newEvidence(payload, rawProperties []byte) (*evidence, error) {
	var properties map[string]any
	_ = json.Unmarshal(rawProperties, &properties) // it has been validated
	e := &evidence{expected: map[string]bool{}, given: map[string]bool{}}
	for _, name := range customary {
		if text, ok := properties[name].(string); ok {
			e.labels = append(e.labels, text)
		}
	}
	if text, ok := properties["expected_output"].(string); ok {
		addWords(e.expected, text)
	}
	said, err := said(payload)
	addWords(e.given, said)
	return e, err
}

// said returns the given answer: the last content of an assistant, or the whole payload if it is
// not a chat.
func said(payload []byte) (string, error) {
	var chat struct {
		Messages *json.RawMessage `json:"messages"`
	}
	if json.Unmarshal(payload, &chat) != nil || chat.Messages == nil {
		return string(payload), nil
	}
	var messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	}
	if err := json.Unmarshal(*chat.Messages, &messages); err != nil || len(messages) == 0 {
		return "", fmt.Errorf("the messages are not a conversation")
	}
	last := ""
	for _, m := range messages {
		if m.Role == "" {
			return "", fmt.Errorf("a message has no role")
		}
		if m.Role == "assistant" {
			last = string(m.Content)
		}
	}
	return last, nil
}

func addWords(set map[string]bool, text string) {
	separator := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for _, word := range strings.FieldsFunc(strings.ToLower(text), separator) {
		set[word] = true
	}
}

// overlap returns the share of the words of a that are in b.
func overlap(a, b map[string]bool) float64 {
	if len(a) == 0 {
		return 0
	}
	shared := 0
	for word := range a {
		if b[word] {
			shared++
		}
	}
	return float64(shared) / float64(len(a))
}

func (j judge) decide(e *evidence) (verdict any, analysis string) {
	if j.scale != nil {
		share := overlap(e.expected, e.given)
		score := j.scale.min + share*(j.scale.max-j.scale.min)
		return score, fmt.Sprintf("%s: the answer contains %.0f %% of the expected words.", j.name, share*100)
	}
	best, bestScore := "", -1.0
	for _, option := range j.options {
		if score := e.support(option); score > bestScore {
			best, bestScore = option.Value, score
		}
	}
	return best, fmt.Sprintf("%s: of %d options, %q has the most support (%.2f).", j.name, len(j.options), best, bestScore)
}

// support returns 2 if a label is the value of the option. Otherwise it returns the share of the
// option's words that the given answer contains.
func (e *evidence) support(option judgeOption) float64 {
	for _, label := range e.labels {
		if strings.EqualFold(label, option.Value) {
			return 2
		}
	}
	words := map[string]bool{}
	addWords(words, option.Value+" "+option.Description)
	return overlap(words, e.given)
}
