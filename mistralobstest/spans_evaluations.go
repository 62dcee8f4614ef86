package mistralobstest

import (
	"net/http"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

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
	all := d.evaluations // they never change
	unlock()
	newest := latest(all)
	found := search.filter(itemsOf(evaluationFields, all, evaluationTime, func(e *mistralobs.SpanEvaluation) bool {
		return !expired(e.Timestamp, now) && (!onlyLatest || newest[subjectOf(e)] == e)
	}))
	return s.feed("span_evaluations", search, newestFirst(found)), nil
}

// subject identifies the evaluations that replace each other: those of a span with the same name.
type subject struct {
	spanKey
	name string
}

func subjectOf(e *mistralobs.SpanEvaluation) subject {
	return subject{spanKey: spanKey{e.TraceID, e.SpanID}, name: e.EvaluationName}
}

// latest returns the newest evaluation of each subject.
func latest(all []*mistralobs.SpanEvaluation) map[subject]*mistralobs.SpanEvaluation {
	newest := map[subject]*mistralobs.SpanEvaluation{}
	for _, e := range all {
		if other := newest[subjectOf(e)]; other == nil || !e.Timestamp.Before(other.Timestamp) {
			newest[subjectOf(e)] = e
		}
	}
	return newest
}
