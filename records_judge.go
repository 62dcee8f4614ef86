package mistralobs

import (
	"context"
	"slices"
)

// Judge runs a judge on a record and returns its judgement. The service does not store it: write it
// to the record with [RecordsService.Edit]. The judge is a model: the response takes seconds, and
// two judgements of one record may differ. A run costs money, and a retry runs the judge again: by
// default up to four times after transient failures; see [WithRetry]. To run a judge of the
// workspace, pass its definition: Judge(ctx, recordID, judge.JudgeDefinition).
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
	definition, err := judge.body()
	return fetch[Judgement](ctx, s.client, request{
		name: "records.judge", action: "judge record",
		route: "POST /v1/observability/dataset-records/{dataset_record_id}/live-judging",
		ids:   ids{recordID}, body: slices.Concat([]byte(`{"judge_definition":`), definition, []byte("}")), err: err,
		required: []string{"answer"},
	}, opts)
}
