package mistralobstest

import (
	"encoding/json"
	"errors"
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

// judgeRecord judges a record by comparing words; the package comment says how.
func (s *Server) judgeRecord(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	var judge mistralobs.JudgeDefinition
	if definition := c.object("judge_definition", true); definition != nil {
		inner := c.nested(definition, "body", "judge_definition")
		judge = inner.judgeDefinition()
		c.adopt(inner)
	}
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withRecord(r, func(_ *store, rec *record) (answer, error) {
		return runJudge(judge, rec.content.payload(), rec.content.properties())
	})
}

// judgeDefinition reads a body that is a judge definition.
func (c *checker) judgeDefinition() (definition mistralobs.JudgeDefinition) {
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
	definition.Output = c.judgeOutput()
	return definition
}

func (c *checker) judgeOutput() mistralobs.JudgeOutput {
	var output mistralobs.JudgeOutput
	raw := c.object("output", true)
	if raw == nil {
		return output
	}
	var members map[string]json.RawMessage
	err := errors.Join(json.Unmarshal(raw, &members), json.Unmarshal(raw, &output))
	given := func(name string) bool { return members[name] != nil && string(members[name]) != "null" }
	switch {
	case err == nil && output.Type == mistralobs.OutputClassification && given("options"):
	case err == nil && output.Type == mistralobs.OutputRegression && given("min_description") &&
		given("max_description"):
		if !given("max") {
			output.Max = 1
		}
		switch {
		case output.Min < 0 || output.Max >= 1e9:
			c.complain("less_than", "Input should be from 0 to below 1000000000", raw, "body", "output")
		case output.Min > output.Max:
			c.complain("value_error", "Value error, min should not be above max", raw, "body", "output")
		}
	default:
		c.complain("union_tag_invalid",
			"Input should be a classification with options, or a regression with descriptions", raw, "body", "output")
	}
	return output
}

// runJudge judges a payload by comparing words.
func runJudge(judge mistralobs.JudgeDefinition, payload, rawProperties []byte) (answer, error) {
	var properties map[string]any
	_ = json.Unmarshal(rawProperties, &properties) // it has been validated
	expected, _ := properties["expected_output"].(string)
	category, _ := properties["category"].(string)
	text, err := said(payload)
	if err != nil {
		return answer{}, apiError(http.StatusUnprocessableEntity, "JUDGE_CONVERSATION_FORMAT_ERROR", err.Error())
	}
	result, given := new(object), words(text)
	if scale := judge.Output; scale.Type == mistralobs.OutputRegression {
		share := overlap(words(expected), given)
		analysis := fmt.Sprintf("%s: the answer contains %.0f %% of the expected words.", judge.Name, share*100)
		result.set("analysis", analysis).set("answer", scale.Min+share*(scale.Max-scale.Min))
		return answer{http.StatusOK, result.bytes()}, nil
	}
	best, most := "", -1.0
	for _, option := range judge.Output.Options {
		support := overlap(words(option.Value+" "+option.Description), given)
		if strings.EqualFold(category, option.Value) || strings.EqualFold(expected, option.Value) {
			support = 2
		}
		if support > most {
			best, most = option.Value, support
		}
	}
	analysis := fmt.Sprintf("%s: of %d options, %q has the most support.", judge.Name, len(judge.Output.Options), best)
	return answer{http.StatusOK, result.set("analysis", analysis).set("answer", best).bytes()}, nil
}

// said returns the answer to judge: the last content of an assistant, or the whole payload if it is
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
		return "", errors.New("the messages are not a conversation")
	}
	last := ""
	for _, m := range messages {
		if m.Role == "" {
			return "", errors.New("a message has no role")
		}
		if m.Role == "assistant" {
			last = string(m.Content)
		}
	}
	return last, nil
}

func words(text string) map[string]bool {
	set := map[string]bool{}
	separator := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	for _, word := range strings.FieldsFunc(strings.ToLower(text), separator) {
		set[word] = true
	}
	return set
}

// overlap returns the share of the words of a that are in b.
func overlap(a, b map[string]bool) float64 {
	shared := 0
	for word := range a {
		if b[word] {
			shared++
		}
	}
	return float64(shared) / float64(max(1, len(a)))
}
