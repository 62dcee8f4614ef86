package mistralobstest

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// spanRetention is how long the service keeps spans and their evaluations.
const spanRetention = 30 * 24 * time.Hour

// spanKey identifies a span.
type spanKey struct{ trace, span string }

// expired reports whether data with the time t has expired.
func expired(t, now time.Time) bool { return now.Sub(t) > spanRetention }

// findSpan returns a span that has not expired, or nil.
func (d *store) findSpan(key spanKey, now time.Time) *mistralobs.Span {
	sp := d.spanByKey[key]
	if sp == nil || expired(sp.StartTime, now) {
		return nil
	}
	return sp
}

func (s *Server) searchSpans(r *http.Request) (answer, error) {
	search, err := s.readSearch(r, spanFields)
	if err != nil {
		return answer{}, err
	}
	d, now, unlock := s.lock()
	spans := d.spans // they never change
	unlock()
	current := func(sp *mistralobs.Span) bool { return !expired(sp.StartTime, now) }
	found := search.filter(itemsOf(spanFields, spans, spanTime, current))
	return s.feed("spans", search, newestFirst(found)), nil
}

func (s *Server) listTraceSpans(r *http.Request) (answer, error) {
	c := check(r)
	search := c.search()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	trace := strings.ToLower(r.PathValue("trace_id"))
	d, now, unlock := s.lock()
	defer unlock()
	spans := d.traceItems(trace, now)
	if len(spans) == 0 {
		return answer{}, traceNotFound(trace)
	}
	return s.feed("spans", search, oldestFirst(search.filter(spans))), nil
}

// traceItems returns the spans of a trace that have not expired.
func (d *store) traceItems(trace string, now time.Time) []feedItem {
	current := func(sp *mistralobs.Span) bool { return sp.TraceID == trace && !expired(sp.StartTime, now) }
	return itemsOf(spanFields, d.spans, spanTime, current)
}

func (s *Server) getSpan(r *http.Request) (answer, error) {
	c := check(r)
	from, to := c.timeRange()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	key := spanKey{trace: strings.ToLower(r.PathValue("trace_id")), span: strings.ToLower(r.PathValue("span_id"))}
	d, now, unlock := s.lock()
	defer unlock()
	if len(d.traceItems(key.trace, now)) == 0 {
		return answer{}, traceNotFound(key.trace)
	}
	sp := d.findSpan(key, now)
	if sp == nil || !within(sp.StartTime, from, to) {
		message := fmt.Sprintf("Span %s not found in trace %s", key.span, key.trace)
		return answer{}, apiError(http.StatusNotFound, "SPAN_NOT_FOUND", message)
	}
	return answer{http.StatusOK, toJSON(sp)}, nil
}

func traceNotFound(trace string) *failure {
	return apiError(http.StatusNotFound, "TRACE_NOT_FOUND", fmt.Sprintf("Trace %s not found", trace))
}
