package datasetsync

import (
	"context"
	"errors"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

// run is one run of Apply or Sync. Only its own goroutine changes it.
type run struct {
	*session
	plan      *Plan
	looker    looker
	results   []Result
	creations []change
	updates   []change
	deletions []change
	imported  int      // the number of records that failed imports have created
	uploads   []string // the IDs of uploaded files that were not deleted

	aborted error // the error that all further changes would meet
	phase   Phase
	done    int
	told    int // the last number that OnProgress was called with
	planned int
}

// change is an item of the plan and its result.
type change struct {
	item   *Item
	result *Result
}

func newRun(s *session, plan *Plan) *run {
	r := &run{
		session: s, plan: plan, looker: looker{s, plan.size()},
		results: make([]Result, 0, plan.Changes()+len(plan.LeftAlone)),
	}
	r.creations = r.list(ActionCreate, plan.Create)
	r.updates = r.list(ActionUpdate, plan.Update)
	r.deletions = r.list(ActionDelete, plan.Delete)
	for _, c := range r.list(ActionNone, plan.LeftAlone) {
		c.result.Outcome, c.result.Err = OutcomeLeftAlone, ErrNotObject
	}
	return r
}

// list adds a result for each item of an action.
func (r *run) list(action Action, items []Item) (changes []change) {
	for i := range items {
		item := &items[i]
		r.results = append(r.results, Result{
			Action: action, Key: item.Key, plainKey: item.plainKey, Index: item.Index, Line: item.Line,
			RecordID: item.RecordID, Outcome: OutcomeNotDone,
		})
		changes = append(changes, change{item, &r.results[len(r.results)-1]}) // results never grows beyond its capacity
	}
	return changes
}

// pending returns the changes that have no outcome yet.
func pending(changes []change) (todo []change) {
	for _, c := range changes {
		if c.result.Outcome == OutcomeNotDone {
			todo = append(todo, c)
		}
	}
	return todo
}

// finish makes the changes and returns the report.
func (r *run) finish(ctx context.Context) (*Report, error) {
	updates := r.updates
	var missing []change
	for _, c := range pending(r.creations) {
		if c.result.RecordID == "" {
			missing = append(missing, c)
		} else { // Force is set: overwrite the record that somebody else has created
			updates = append(updates, c)
		}
	}
	r.create(ctx, missing)
	r.update(ctx, pending(updates))
	if allMade(r.creations) && allMade(r.updates) {
		r.delete(ctx, pending(r.deletions))
	}
	return r.report(ctx)
}

func allMade(changes []change) bool {
	for _, c := range changes {
		if !c.result.made() {
			return false
		}
	}
	return true
}

// startPhase starts a phase. It returns false if the phase has no changes, or if the run is
// aborted.
func (r *run) startPhase(ctx context.Context, phase Phase, planned int) bool {
	if planned == 0 || r.isAborted(ctx) {
		return false
	}
	r.phase, r.done, r.told, r.planned = phase, 0, -1, planned
	return true
}

// record sets the outcome of changes.
func (r *run) record(outcome Outcome, err error, changes ...change) {
	for _, c := range changes {
		c.result.Outcome, c.result.Err = outcome, err
	}
	r.done += len(changes)
	r.tell(r.done)
}

// estimate reports that a fraction of n changes is done. The service's progress may exceed 100 %,
// so a fraction above 1 counts as 1.
func (r *run) estimate(n int, fraction float64) {
	if done := r.done + int(min(fraction, 1)*float64(n)); done > r.told {
		r.tell(done)
	}
}

func (r *run) tell(done int) {
	r.told = done
	r.options.OnProgress(Progress{r.phase, done, r.planned})
}

// recordError sets the outcome of changes that failed. It aborts the run if all further changes
// would fail too.
func (r *run) recordError(ctx context.Context, err error, changes ...change) {
	outcome := OutcomeFailed
	switch {
	case errors.Is(err, mistralobs.ErrMaybeApplied): // report it even if the context has ended
	case errors.Is(err, ErrRecordChanged):
		outcome = OutcomeLeftAlone
	case ctx.Err() != nil: // only the context, because err may be a timeout of the network
		outcome, err = OutcomeNotDone, nil
	}
	r.record(outcome, err, changes...)
	for _, kind := range []error{
		mistralobs.ErrUnauthorized, mistralobs.ErrForbidden, mistralobs.ErrNoAPIKey, mistralobs.ErrNotFound,
	} {
		if r.aborted == nil && errors.Is(err, kind) {
			r.aborted = err
		}
	}
}

func (r *run) isAborted(ctx context.Context) bool { return r.aborted != nil || ctx.Err() != nil }

// update makes the updates, several at once.
func (r *run) update(ctx context.Context, todo []change) {
	if !r.startPhase(ctx, PhaseUpdate, len(todo)) {
		return
	}
	type end struct {
		outcome Outcome
		err     error
	}
	work := func(c change) (e end) {
		e.outcome, e.err = r.updateOne(ctx, c)
		return e
	}
	stop := func() bool { return r.isAborted(ctx) }
	for c, e := range parallel(todo, r.options.Concurrency, stop, work) {
		if e.err != nil {
			r.recordError(ctx, e.err, c)
		} else {
			r.record(e.outcome, nil, c)
		}
	}
}

// updateOne reads the record, and writes the parts that do not have the wanted content yet. If a
// write fails in a way that may be repeated, it begins again with the reading, so that the time
// between reading and writing stays short.
func (r *run) updateOne(ctx context.Context, c change) (Outcome, error) {
	sent := false
	for try := 1; ; try++ {
		err := r.tryUpdate(ctx, c, &sent)
		if err == nil && !sent {
			return OutcomeAlreadyDone, nil
		}
		if err == nil || !sent || !mayRepeat(ctx, err, try) {
			return OutcomeDone, err
		}
	}
}

// tryUpdate sets sent before it sends a write. It sends each write once.
func (r *run) tryUpdate(ctx context.Context, c change, sent *bool) error {
	parts, err := c.item.parts()
	if err != nil {
		return err
	}
	record, err := r.looker.get(ctx, c.result.RecordID)
	if err != nil {
		return err
	}
	if record == nil {
		return ErrRecordChanged
	}
	keep := r.plan.KeepProperties
	old, now := c.item.known().old, contentOf(record.Payload, record.Properties, keep)
	wanted := contentOf(parts[0], parts[1], keep)
	var missing [2]mistralobs.Object // the parts to write
	for n, part := range []struct{ old, now, wanted digest }{
		{old.payload, now.payload, wanted.payload}, {old.properties, now.properties, wanted.properties},
	} {
		switch {
		case parts[n] != nil && part.wanted == part.now: // an earlier run may have written it
		case part.now != part.old && !r.options.Force:
			return ErrRecordChanged
		default:
			missing[n] = parts[n]
		}
	}
	if missing[1] != nil {
		if missing[1], err = withKept(missing[1], record.Properties, keep); err != nil {
			return err
		}
	}
	if missing[0] != nil {
		*sent = true
		err = r.once.Records.UpdatePayload(ctx, record.ID, missing[0])
	}
	if err == nil && missing[1] != nil {
		*sent = true
		err = r.once.Records.UpdateProperties(ctx, record.ID, missing[1])
	}
	if errors.Is(err, mistralobs.ErrNotFound) {
		return ErrRecordChanged
	}
	return err
}

// How requests of session.once are sent again, after the records have been read again.
const (
	maxTries   = 5
	firstPause = 500 * time.Millisecond // it doubles with each try
	maxPause   = 30 * time.Second       // a longer Retry-After ends the tries
)

// mayRepeat waits if a request that failed may be sent again. It reports whether to do so.
func mayRepeat(ctx context.Context, err error, try int) bool {
	pause := firstPause << (try - 1)
	var response *mistralobs.Error
	var network *mistralobs.NetworkError
	switch {
	case try == maxTries || !mistralobs.IsTransient(err):
		return false
	case errors.As(err, &response):
		pause = max(pause, response.RetryAfter)
	case errors.As(err, &network):
		pause = max(pause, network.RetryAfter)
	}
	if deadline, ok := ctx.Deadline(); pause > maxPause || ok && time.Until(deadline) < pause {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
