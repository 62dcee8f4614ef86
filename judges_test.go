package mistralobs_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/optest"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestJudges(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	defer server.Close()
	client := server.Client(t)
	judge, err := client.Judges.Create(t.Context(), optest.Judge.JudgeDefinition)
	require.NoError(t, err)
	assert.Equal(t, optest.Judge.JudgeDefinition, judge.JudgeDefinition)
	_, err = client.Judges.Create(t.Context(), optest.Judge.JudgeDefinition)
	require.ErrorIs(t, err, mistralobs.ErrConflict)

	changed := optest.Judge.JudgeDefinition
	changed.Instructions = "Grade the tone."
	require.NoError(t, client.Judges.Update(t.Context(), judge.ID, changed))
	judge, err = client.Judges.Get(t.Context(), judge.ID)
	require.NoError(t, err)
	assert.Equal(t, changed, judge.JudgeDefinition)
	assert.Contains(t, judge.String(), `"instructions":"Grade the tone."`)

	conversation := []mistralobs.Message{mistralobs.User("Hi"), mistralobs.Assistant("Good morning, dear customer")}
	judgement, err := client.Judges.Run(t.Context(), judge.ID, mistralobs.RunJudgeParams{
		Messages: conversation, Properties: map[string]string{"expected_output": "Good morning"},
	})
	require.NoError(t, err)
	score, err := judgement.Answer.Float64()
	require.NoError(t, err)
	assert.InDelta(t, 1, score, 0)

	n, err := count(client.Judges.All(t.Context(), mistralobs.ListJudgesParams{Models: []string{"m"}, PageSize: 1}))
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	for page, err := range client.Judges.Pages(t.Context(), mistralobs.ListJudgesParams{Query: "no such judge"}) {
		require.NoError(t, err)
		assert.Zero(t, page.Total)
	}
	require.NoError(t, client.Judges.Delete(t.Context(), judge.ID))
	_, err = client.Judges.Get(t.Context(), judge.ID)
	require.ErrorIs(t, err, mistralobs.ErrNotFound)
}

// An update whose first attempt was applied, although its response was lost, has succeeded.
func TestJudgeUpdateIsRepeated(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first httpmock.Responder
		ok    bool
	}{
		"the first attempt may have been applied": {first: httpmock.NewStringResponder(502, ""), ok: true},
		"it cannot have been":                     {first: httpmock.NewStringResponder(429, "")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			same := httpmock.NewStringResponder(409,
				`{"detail":{"message":"same","error_code":"JUDGE_DID_NOT_CHANGE"}}`)
			mock.RegisterResponder(http.MethodPut, baseURL+"/v1/observability/judges/j1", test.first.Then(same))
			client := newMockClient(t, mock,
				mistralobs.WithRetry(mistralobs.RetryPolicy{MinWait: 1, MaxWait: time.Second}))
			err := client.Judges.Update(t.Context(), "j1", optest.Judge.JudgeDefinition)
			if test.ok {
				require.NoError(t, err)
				return
			}
			var failure *mistralobs.Error
			require.ErrorAs(t, err, &failure)
			assert.Equal(t, mistralobs.CodeJudgeDidNotChange, failure.Code)
		})
	}
}

// Values that cannot be sent are refused before a request.
func TestJudgesRefuse(t *testing.T) {
	t.Parallel()
	client := newMockClient(t, httpmock.NewMockTransport())
	none := mistralobs.JudgeDefinition{Name: "judge"}
	for name, call := range map[string]func(context.Context) error{
		"no output":      func(ctx context.Context) error { _, err := client.Judges.Create(ctx, none); return err },
		"no new output":  func(ctx context.Context) error { return client.Judges.Update(ctx, "j", none) },
		"no id":          func(ctx context.Context) error { return client.Judges.Delete(ctx, "") },
		"odd properties": run(client, mistralobs.RunJudgeParams{Properties: 5}),
		"Latin-1": run(client,
			mistralobs.RunJudgeParams{Messages: []mistralobs.Message{mistralobs.User("\xe9")}}),
		"Latin-1, nested": run(client, mistralobs.RunJudgeParams{Properties: map[string]string{"a": "\xe9"}}),
	} {
		require.ErrorIs(t, call(t.Context()), mistralobs.ErrInvalidParams, name)
	}
}

func run(client *mistralobs.Client, params mistralobs.RunJudgeParams) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := client.Judges.Run(ctx, "j", params)
		return err
	}
}
