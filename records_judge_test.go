package mistralobs_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// Judges are kept in files.
func TestJudgeLivesThroughJSON(t *testing.T) {
	t.Parallel()
	for _, output := range []mistralobs.JudgeOutput{
		mistralobs.RegressionOutput(mistralobs.RegressionScale{
			Min: 1, Max: 5, MinDescription: "bad", MaxDescription: "good",
		}),
		mistralobs.ClassificationOutput(
			mistralobs.JudgeOption{Value: "yes", Description: "it is"}, mistralobs.JudgeOption{Value: "no"},
		),
	} {
		judge := mistralobs.JudgeDefinition{Name: "helpful", Output: output, Tools: []string{}}
		raw, err := json.Marshal(judge)
		require.NoError(t, err)
		var read mistralobs.JudgeDefinition
		require.NoError(t, json.Unmarshal(raw, &read))
		assert.Equal(t, judge, read)
	}
}

func TestJudgementWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		return reply(req, 200, `{"analysis":"x","answer":null}`), nil
	}))
	_, err := client.Records.Judge(
		t.Context(), recordID, mistralobs.JudgeDefinition{Name: "helpful", Output: mistralobs.ClassificationOutput()},
	)
	require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse)
	_, err = mistralobs.Answer("null").Float64()
	require.ErrorContains(t, err, `mistralobs: decoding a judge's answer: "null" is not a number`)
}
