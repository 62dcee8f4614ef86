package mistralobstest

import (
	"net/http"
	"time"
)

// A SpanEvaluation is the result of a judge or an evaluator for a span. The fields
// are those of the API under their Go names; see mistralobs.SpanEvaluation.
// [Server.SeedSpanEvaluation] adds one.
type SpanEvaluation struct {
	CustomerID     string            `json:"customer_id"`
	OrganizationID string            `json:"organization_id"`
	WorkspaceID    string            `json:"workspace_id"`
	UserID         string            `json:"user_id"`
	TraceID        string            `json:"trace_id"` // 32 lower-case hexadecimal characters
	SpanID         string            `json:"span_id"`  // 16 lower-case hexadecimal characters
	ResponseID     string            `json:"response_id"`
	ConversationID string            `json:"conversation_id"`
	Timestamp      time.Time         `json:"timestamp"`
	EvaluationName string            `json:"evaluation_name"`
	ScoreValue     float64           `json:"score_value"`
	ScoreLabel     string            `json:"score_label"`
	Explanation    string            `json:"explanation"`
	Metadata       map[string]string `json:"metadata"`
}

func (s *Server) searchEvaluations(r *http.Request) (answer, error) {
	return s.evaluations(r, false)
}

func (s *Server) searchLatestEvaluations(r *http.Request) (answer, error) {
	return s.evaluations(r, true)
}

func (s *Server) evaluations(r *http.Request, onlyLatest bool) (answer, error) {
	search, err := s.readSearch(r, evaluationFields)
	if err != nil {
		return answer{}, err
	}
	d, now, unlock := s.lock()
	defer unlock()
	newest := latest(d.evaluations)
	found := search.filter(itemsOf(d.evaluations, evaluationTime, func(e *SpanEvaluation) bool {
		return !expired(e.Timestamp, now) && (!onlyLatest || newest[e.subject()] == e)
	}))
	return s.feed("span_evaluations", search, newestFirst(found)), nil
}

// A subject identifies the evaluations that replace each other: those of a span
// with the same name.
type subject struct {
	spanKey
	name string
}

func (e *SpanEvaluation) subject() subject {
	return subject{spanKey: spanKey{e.TraceID, e.SpanID}, name: e.EvaluationName}
}

// latest returns the newest evaluation of each subject.
func latest(all []*SpanEvaluation) map[subject]*SpanEvaluation {
	newest := map[subject]*SpanEvaluation{}
	for _, e := range all {
		if other := newest[e.subject()]; other == nil || !e.Timestamp.Before(other.Timestamp) {
			newest[e.subject()] = e
		}
	}
	return newest
}
