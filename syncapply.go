package mistralobs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// SyncAction is what is done with a record.
type SyncAction string

// The actions of a plan.
const (
	ActionCreate SyncAction = "create"
	ActionUpdate SyncAction = "update"
	ActionDelete SyncAction = "delete"
)

// SyncOutcome is what became of an item of a plan.
type SyncOutcome string

// The outcomes of an item.
const (
	OutcomeDone    SyncOutcome = "done"
	OutcomeAlready SyncOutcome = "already done" // the dataset was so already, by an earlier run for instance
	OutcomeChanged SyncOutcome = "left alone"   // the record has changed on the server since the plan was made
	OutcomeFailed  SyncOutcome = "failed"       // Err says why; if it matches ErrMaybeApplied, it may be done all the same
	OutcomeUntried SyncOutcome = "not done"     // not tried, or given up while it was under way, since something ended the whole
)

// SyncResult is what became of one item of a plan.
type SyncResult struct {
	SyncItem
	Action  SyncAction
	Outcome SyncOutcome
	Err     error // of [OutcomeFailed] and [OutcomeChanged]
}

// MarshalJSON names the item and tells what became of it.
func (r SyncResult) MarshalJSON() ([]byte, error) {
	reason := ""
	if r.Err != nil {
		reason = r.Err.Error()
	}
	return marshal(struct {
		Action   SyncAction  `json:"action"`
		Key      string      `json:"key,omitempty"`
		Index    int         `json:"index,omitempty"`
		RecordID string      `json:"record_id,omitempty"`
		Outcome  SyncOutcome `json:"outcome"`
		Error    string      `json:"error,omitempty"`
	}{r.Action, r.Key, r.Index, r.RecordID, r.Outcome, reason})
}

// SyncReport is what an Apply or a Sync has done. It prints as a short text and marshals to JSON.
type SyncReport struct {
	DatasetID string       `json:"dataset_id"`
	Created   int          `json:"created"` // in this run, as are the next two
	Updated   int          `json:"updated"`
	Deleted   int          `json:"deleted"`
	Equal     int          `json:"equal"`   // records that had nothing to be done to them
	Extra     int          `json:"extra"`   // records that are not wanted and were left alone
	Results   []SyncResult `json:"results"` // of every change of the plan, in its order
}

// String returns a line with the counts, and one for each change that was not made, up to 20.
func (r *SyncReport) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "dataset %s: %d created, %d updated, %d deleted, %d equal", r.DatasetID, r.Created, r.Updated, r.Deleted, r.Equal)
	if r.Extra > 0 {
		fmt.Fprintf(&text, ", %d not wanted but left alone", r.Extra)
	}
	text.WriteByte('\n')
	printed := 0
	for _, result := range r.Results {
		if result.Outcome == OutcomeDone || result.Outcome == OutcomeAlready {
			continue
		}
		if printed++; printed > maxPrinted {
			text.WriteString("! …\n")
			break
		}
		result.Differences = nil
		fmt.Fprintf(&text, "! %s %s: %s", result.Action, result.SyncItem, result.Outcome)
		if result.Err != nil {
			fmt.Fprintf(&text, ": %v", result.Err)
		}
		text.WriteByte('\n')
	}
	return text.String()
}

// applying is one run of Apply. Its results are written by many goroutines, each
// to its own; the rest is guarded by mu.
type applying struct {
	records *RecordsService
	plan    *SyncPlan
	now     *snapshot
	options SyncOptions
	results []SyncResult

	mu      sync.Mutex
	ended   error // what every further change would meet
	phase   SyncPhase
	done    int
	planned int
}

func (s *RecordsService) apply(ctx context.Context, plan *SyncPlan, now *snapshot, options SyncOptions) (*SyncReport, error) {
	if err := options.fill(); err != nil {
		return nil, err
	}
	a := &applying{records: s, plan: plan, now: now, options: options, results: make([]SyncResult, 0, plan.Changes())}
	creations := a.prepare(ActionCreate, plan.Create, a.planCreation())
	updates := a.prepare(ActionUpdate, plan.Update, a.planUpdate)
	deletions := a.prepare(ActionDelete, plan.Delete, a.planDeletion)
	var missing []*SyncResult
	for _, r := range creations {
		if r.RecordID == "" {
			missing = append(missing, r)
		} else { // forced: what is there is overwritten
			updates = append(updates, r)
		}
	}
	a.create(ctx, missing)
	a.update(ctx, updates)
	a.delete(ctx, deletions)
	return a.report(ctx)
}

// prepare lists the items of an action and returns those that are to be done,
// which is what decide leaves as untried.
func (a *applying) prepare(action SyncAction, items []SyncItem, decide func(*SyncResult)) (todo []*SyncResult) {
	for _, item := range items {
		a.results = append(a.results, SyncResult{SyncItem: item, Action: action, Outcome: OutcomeUntried})
		result := &a.results[len(a.results)-1] // it stays there: the list has room for all
		if decide(result); result.Outcome == OutcomeUntried {
			todo = append(todo, result)
		}
	}
	return todo
}

func leaveAlone(r *SyncResult) { r.Outcome, r.Err = OutcomeChanged, ErrRecordChanged }

// planCreation tells what has been created since the plan was made: by its key,
// or by how many of the same content there are now.
func (a *applying) planCreation() func(*SyncResult) {
	count := map[content]int{}
	if a.plan.Key == "" {
		for _, record := range a.now.records {
			count[record.content()]++
		}
	}
	return func(r *SyncResult) {
		if a.plan.Key == "" {
			if count[r.content] > r.same {
				count[r.content]--
				r.Outcome = OutcomeAlready
			}
			return
		}
		_, properties, err := a.plan.body(r.SyncItem)
		if err != nil {
			r.Outcome, r.Err = OutcomeFailed, err
			return
		}
		i, there := a.now.byKey[keyOf(properties, a.plan.Key).meaning]
		switch {
		case !there:
		case a.now.records[i].content() == r.content:
			r.Outcome = OutcomeAlready
		case a.options.Force:
			r.Action, r.RecordID = ActionUpdate, a.now.records[i].id
		default:
			leaveAlone(r)
		}
	}
}

func (a *applying) planUpdate(r *SyncResult) {
	i, there := a.now.byID[r.RecordID]
	if !there {
		leaveAlone(r)
		return
	}
	now := a.now.records[i]
	switch {
	case (!r.ChangesPayload || now.payload == r.content.payload) && (!r.ChangesProperties || now.properties == r.content.properties):
		r.Outcome = OutcomeAlready
	case !now.updated.Equal(r.UpdatedAt) && !a.options.Force:
		leaveAlone(r)
	}
}

func (a *applying) planDeletion(r *SyncResult) {
	i, there := a.now.byID[r.RecordID]
	switch {
	case !there:
		r.Outcome = OutcomeAlready
	case !a.now.records[i].updated.Equal(r.UpdatedAt) && !a.options.Force:
		leaveAlone(r)
	}
}

// begin starts a phase, unless the whole has ended.
func (a *applying) begin(phase SyncPhase, planned int) bool {
	if a.ended != nil || planned == 0 {
		return false
	}
	a.phase, a.done, a.planned = phase, 0, planned
	return true
}

// settle notes what became of items.
func (a *applying) settle(err error, results ...*SyncResult) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range results {
		if r.Outcome, r.Err = OutcomeDone, err; err != nil {
			r.Outcome = OutcomeFailed
		}
	}
	if err != nil && a.ended == nil && endsSync(err) {
		a.ended = err
	}
	a.done += len(results)
	a.options.OnProgress(SyncProgress{a.phase, a.done, a.planned})
}

func (a *applying) over() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended != nil
}

// endsSync tells whether a failure is one that every other change would meet too.
func endsSync(err error) bool {
	for _, kind := range []error{ErrUnauthorized, ErrForbidden, ErrNoAPIKey, context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func (a *applying) create(ctx context.Context, todo []*SyncResult) {
	if !a.begin(PhaseCreate, len(todo)) {
		return
	}
	if a.options.ImportAbove >= 0 && len(todo) > a.options.ImportAbove {
		a.settle(a.importAll(ctx, todo), todo...)
		return
	}
	var unread error
	failed := map[int]bool{}
	next := 0
	for _, err := range a.records.CreateAll(ctx, a.plan.DatasetID, a.params(todo, &unread), BulkOptions{
		Concurrency: a.options.Concurrency,
		OnError: func(index int, _ CreateRecordParams, err error) error {
			failed[index] = true
			a.settle(err, todo[index])
			if errors.Is(err, ErrNotFound) || a.over() {
				return err // there is no such dataset, or worse
			}
			return nil
		},
	}) {
		if err != nil {
			a.end(err)
			break
		}
		for failed[next] { // records come in the order of the input, but for those that failed
			next++
		}
		a.settle(nil, todo[next])
		next++
	}
	if unread != nil {
		a.end(unread)
	}
}

// end makes err what ends the whole.
func (a *applying) end(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ended == nil {
		a.ended = err
	}
}

// params yields what is to be created, until it cannot be read.
func (a *applying) params(todo []*SyncResult, unread *error) func(func(CreateRecordParams) bool) {
	return func(yield func(CreateRecordParams) bool) {
		for _, r := range todo {
			payload, properties, err := a.plan.body(r.SyncItem)
			if err != nil {
				*unread = err
				return
			}
			if !yield(CreateRecordParams{Payload: payload, Properties: properties}) {
				return
			}
		}
	}
}

// importAll creates records by way of a file.
func (a *applying) importAll(ctx context.Context, todo []*SyncResult) error {
	var files []*File
	tasks, err := a.records.client.Imports.FromJSONL(ctx, a.plan.DatasetID, &bodyReader{plan: a.plan, todo: todo}, JSONLImportOptions{
		Name: "sync.jsonl", OnUpload: func(file *File) { files = append(files, file) },
	})
	_, failed := a.records.client.Tasks.WaitAll(ctx, tasks, WaitOptions{})
	if err = errors.Join(err, failed); err != nil {
		return err // an import that may go on still needs its file, which expires by itself
	}
	if err := a.records.client.Imports.deleteFiles(ctx, files); err != nil {
		a.records.client.cfg.logger.WarnContext(ctx, "mistralobs: sync", "error", err.Error())
	}
	return nil
}

// bodyReader is the file of what is to be created.
type bodyReader struct {
	plan *SyncPlan
	todo []*SyncResult
	line bytes.Buffer
}

func (b *bodyReader) Read(p []byte) (int, error) {
	for b.line.Len() == 0 {
		if len(b.todo) == 0 {
			return 0, io.EOF
		}
		payload, properties, err := b.plan.body(b.todo[0].SyncItem)
		if err != nil {
			return 0, err
		}
		b.todo = b.todo[1:]
		w := NewJSONLWriter(&b.line)
		if err := errors.Join(w.Write(payload, properties), w.Flush()); err != nil {
			return 0, err
		}
	}
	return b.line.Read(p)
}

func (a *applying) update(ctx context.Context, todo []*SyncResult) {
	if !a.begin(PhaseUpdate, len(todo)) {
		return
	}
	var group errgroup.Group
	group.SetLimit(a.options.Concurrency)
	for _, r := range todo {
		group.Go(func() error {
			if !a.over() {
				a.settle(a.write(ctx, r.SyncItem), r)
			}
			return nil
		})
	}
	_ = group.Wait() // always nil
}

func (a *applying) write(ctx context.Context, item SyncItem) error {
	payload, properties, err := a.plan.body(item)
	if err == nil && item.ChangesPayload {
		err = a.records.UpdatePayload(ctx, item.RecordID, payload)
	}
	if err == nil && item.ChangesProperties {
		err = a.records.UpdateProperties(ctx, item.RecordID, properties)
	}
	return err
}

func (a *applying) delete(ctx context.Context, todo []*SyncResult) {
	if !a.begin(PhaseDelete, len(todo)) {
		return
	}
	var group errgroup.Group
	group.SetLimit(a.options.Concurrency)
	for batch := range slices.Chunk(todo, MaxBulkDelete) {
		group.Go(func() error {
			if a.over() {
				return nil
			}
			var ids []string
			for _, r := range batch {
				ids = append(ids, r.RecordID)
			}
			a.settle(a.records.deleteBatch(ctx, ids), batch...)
			return nil
		})
	}
	_ = group.Wait() // always nil
}

// maxJoined is how many failures an error joins.
const maxJoined = 5

func (a *applying) report(ctx context.Context) (*SyncReport, error) {
	report := &SyncReport{DatasetID: a.plan.DatasetID, Equal: len(a.plan.Keep), Extra: len(a.plan.Extra), Results: a.results}
	done := map[SyncAction]int{}
	missed := 0
	var errs []error
	for _, r := range a.results {
		switch r.Outcome {
		case OutcomeDone:
			done[r.Action]++
		case OutcomeAlready:
			report.Equal++
		default:
			missed++
			if r.Err != nil && len(errs) < maxJoined {
				r.Differences = nil
				errs = append(errs, fmt.Errorf("%s %s: %w", r.Action, r.SyncItem, r.Err))
			}
		}
	}
	report.Created, report.Updated, report.Deleted = done[ActionCreate], done[ActionUpdate], done[ActionDelete]
	if missed == 0 {
		return report, nil
	}
	if a.ended == nil {
		a.ended = ctx.Err()
	}
	return report, fmt.Errorf("mistralobs: sync dataset %s: %d of %d changes were not made: %w",
		a.plan.DatasetID, missed, len(a.results), errors.Join(append([]error{a.ended}, errs...)...))
}
