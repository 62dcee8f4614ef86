package datasetsync

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/mistralobs/mistralobs-go"
)

// run is one run of Apply or Sync. Each goroutine writes the results of its own changes; mu guards the rest.
type run struct {
	session
	plan      *Plan
	looker    looker
	results   []Result
	creations []change
	updates   []change
	deletions []change
	uploads   []string // the IDs of uploaded files that could not be deleted

	mu      sync.Mutex
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

func newRun(s session, plan *Plan) *run {
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
			Action: action, Key: item.Key, Index: item.Index, Line: item.Line, RecordID: item.RecordID, Outcome: OutcomeNotDone,
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
	r.delete(ctx, pending(r.deletions))
	return r.report(ctx)
}

// startPhase starts a phase. It returns false if the phase has no changes, or if the run is aborted.
func (r *run) startPhase(ctx context.Context, phase Phase, planned int) bool {
	if planned == 0 || r.isAborted(ctx) {
		return false
	}
	r.phase, r.done, r.told, r.planned = phase, 0, -1, planned
	return true
}

// record sets the outcome of changes.
func (r *run) record(outcome Outcome, err error, changes ...change) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		c.result.Outcome, c.result.Err = outcome, err
	}
	r.done += len(changes)
	r.tell(r.done)
}

// estimate reports that a fraction of the changes is done. The service's progress may exceed 100 %, so a fraction above
// 1 counts as 1.
func (r *run) estimate(changes []change, fraction float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if done := r.done + int(min(fraction, 1)*float64(len(changes))); done > r.told {
		r.tell(done)
	}
}

// tell calls OnProgress. It needs mu.
func (r *run) tell(done int) {
	r.told = done
	r.options.OnProgress(Progress{r.phase, done, r.planned})
}

// recordError sets the outcome of changes that failed. It aborts the run if all further changes would fail too.
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
	for _, kind := range []error{mistralobs.ErrUnauthorized, mistralobs.ErrForbidden, mistralobs.ErrNoAPIKey} {
		if errors.Is(err, kind) {
			r.abort(err)
		}
	}
}

func (r *run) abort(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.aborted == nil {
		r.aborted = err
	}
}

func (r *run) isAborted(ctx context.Context) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.aborted != nil || ctx.Err() != nil
}

// update makes the updates, several at once.
func (r *run) update(ctx context.Context, todo []change) {
	if !r.startPhase(ctx, PhaseUpdate, len(todo)) {
		return
	}
	var group errgroup.Group
	group.SetLimit(r.options.Concurrency)
	for _, c := range todo {
		group.Go(func() error {
			if r.isAborted(ctx) {
				return nil
			}
			if outcome, err := r.updateOne(ctx, c); err != nil {
				r.recordError(ctx, err, c)
			} else {
				r.record(outcome, nil, c)
			}
			return nil
		})
	}
	_ = group.Wait() // always nil
}

// updateOne reads the record, and writes the parts that do not have the wanted content yet.
func (r *run) updateOne(ctx context.Context, c change) (Outcome, error) {
	record, err := r.looker.get(ctx, c.result.RecordID)
	if err != nil {
		return "", err
	}
	now, ok := contentNow(record)
	if record == nil || !ok && !r.options.Force {
		return "", ErrRecordChanged
	}
	item := c.item
	writePayload := item.ChangesPayload && now.payload != item.want.payload
	writeProperties := item.ChangesProperties && now.properties != item.want.properties
	if !r.options.Force && !item.accepts(now) {
		return "", ErrRecordChanged
	}
	if !writePayload && !writeProperties {
		return OutcomeAlreadyDone, nil
	}
	if writePayload {
		payload, err := item.Payload()
		if err == nil {
			err = r.client.Records.UpdatePayload(ctx, c.result.RecordID, payload)
		}
		if err != nil {
			return "", err
		}
	}
	if writeProperties {
		properties, err := item.Properties()
		if err == nil {
			err = r.client.Records.UpdateProperties(ctx, c.result.RecordID, properties)
		}
		if err != nil {
			return "", err
		}
	}
	return OutcomeDone, nil
}

// accepts reports whether the payload and the properties each have the old or the wanted content. An earlier run may
// have written one of them.
func (i *Item) accepts(now content) bool {
	payload := now.payload == i.old.payload || now.payload == i.want.payload
	properties := now.properties == i.old.properties || now.properties == i.want.properties
	return payload && properties
}
