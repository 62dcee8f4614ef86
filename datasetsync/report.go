package datasetsync

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/mistralobs/mistralobs-go"
)

// Action says what an item of a plan does with a record.
type Action string

// The actions of a plan.
const (
	ActionCreate Action = "create"
	ActionUpdate Action = "update"
	ActionDelete Action = "delete"
	ActionNone   Action = "none" // for a record whose payload or properties are not a JSON object
)

// Outcome says how applying an item of a plan ended.
type Outcome string

// The outcomes of an item.
const (
	OutcomeDone        Outcome = "done"         // the change was made
	OutcomeAlreadyDone Outcome = "already done" // the dataset already had the wanted state, such as after an earlier run
	OutcomeLeftAlone   Outcome = "left alone"   // Err matches ErrRecordChanged or ErrNotObject
	OutcomeFailed      Outcome = "failed"       // see Err; if it matches mistralobs.ErrMaybeApplied, the record may exist
	OutcomeNotDone     Outcome = "not done"     // not tried, or canceled; a canceled update may have written a part
)

// Result is the result of one item of a plan.
type Result struct {
	Action   Action  `json:"action"`        // "update" for a creation that [Options.Force] turned into an update
	Key      string  `json:"key,omitempty"` // as in [Item]
	plainKey bool    // the key is not a string
	Index    int     `json:"index,omitempty"`     // as in [Item]
	Line     int     `json:"line,omitempty"`      // as in [Item]
	RecordID string  `json:"record_id,omitempty"` // "" if the record was not created, or was created by an import
	TaskID   string  `json:"task_id,omitempty"`   // the import task of the record; "" if the record was not imported
	Outcome  Outcome `json:"outcome"`             // how it ended
	Err      error   `json:"-"`                   // the reason for the outcomes "failed" and "left alone"
}

// ImportError means that an import failed, or that its end was not seen. All records of the import
// have the same ImportError, because the service does not say which of them it has created. The
// next sync waits for the task if it still runs, and creates the records that are missing.
//
// It matches [mistralobs.ErrMaybeApplied] if it is not known how many records the service has
// created: the end of the task was not seen, the response to the start of the import was lost, or
// the task ended badly and has no result. It matches what Err matches otherwise.
type ImportError struct {
	TaskID  string // "" if no task was started, or if the response that names it was lost
	Records int    // the number of records in the import
	Created int    // the number of records that the service has created, as far as it says so
	Running bool   // the end of the task was not seen, so it may still run
	Err     error  // the cause

	unknown bool // it is not known how many records the service has created
}

// Error names the task and the number of records.
func (e *ImportError) Error() string {
	records := counted(e.Records, "record")
	switch {
	case e.Running:
		return fmt.Sprintf("import task %s still runs, and up to %s may still appear: %v", e.TaskID, records, e.Err)
	case e.mayGoOn():
		return fmt.Sprintf("up to %s may still appear: %v", records, e.Err)
	case e.unknown:
		return fmt.Sprintf("importing %s, of which some may exist: %v", records, e.Err)
	case e.Created > 0:
		return fmt.Sprintf("importing %s, of which %d were created: %v", records, e.Created, e.Err)
	}
	return fmt.Sprintf("importing %s: %v", records, e.Err)
}

// mayGoOn reports whether a task may still import records.
func (e *ImportError) mayGoOn() bool { return e.Running || e.unknown && e.TaskID == "" }

// Is reports whether the error matches target, see [ImportError]. There is no Unwrap: the mark that
// Err may have been applied does not hold if the number of records is known.
func (e *ImportError) Is(target error) bool {
	if target == mistralobs.ErrMaybeApplied {
		return e.Running || e.unknown
	}
	return errors.Is(e.Err, target)
}

// As finds target in Err, as [errors.As] does.
func (e *ImportError) As(target any) bool { return errors.As(e.Err, target) }

// Report says what Apply or Sync did. Its text is a summary; its JSON has all results.
type Report struct {
	DatasetID string   `json:"dataset_id"`
	Created   int      `json:"created"` // the number of records that this run created, also by an import that failed
	Updated   int      `json:"updated"` // the number of records that this run updated
	Deleted   int      `json:"deleted"` // the number of records that this run deleted
	Equal     int      `json:"equal"`   // the number of records that needed no change
	Extra     int      `json:"extra"`   // the number of records that match no wanted record and stayed
	Results   []Result `json:"results"` // of the changes in the order of the plan, then of the items of Plan.LeftAlone
	// Uploads are the IDs of uploaded files that were not deleted: their import may still run, or
	// the deletion failed. The service deletes them after 30 days; Files.Delete deletes them
	// sooner.
	Uploads []string `json:"uploads,omitempty"`
}

// MarshalJSON returns the report as JSON. If results share an [ImportError], only the first of them
// has its text.
func (r Report) MarshalJSON() ([]byte, error) {
	type result struct {
		Result
		Error string `json:"error,omitempty"`
	}
	type plain Report
	out := struct {
		plain
		Results []result `json:"results"`
	}{plain(r), make([]result, len(r.Results))}
	var last *ImportError
	for i, res := range r.Results {
		out.Results[i].Result = res
		if shared := sharedError(res.Err); res.Err != nil && (shared == nil || shared != last) {
			out.Results[i].Error = res.Err.Error()
			last = shared
		}
	}
	return marshal(out)
}

// sharedError returns the error that all records of an import share, or nil.
func sharedError(err error) *ImportError {
	var shared *ImportError
	errors.As(err, &shared)
	return shared
}

// made reports whether the dataset now has the wanted state.
func (r Result) made() bool { return r.Outcome == OutcomeDone || r.Outcome == OutcomeAlreadyDone }

// String returns a line with the counts, and up to 20 lines for changes that were not made and
// records that were left alone. An import that failed is one line. The text does not end in a line
// break.
func (r *Report) String() string {
	if r == nil {
		return "no report"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "dataset %s: %d created, %d updated, %d deleted, %d equal",
		display(r.DatasetID), r.Created, r.Updated, r.Deleted, r.Equal)
	if r.Extra > 0 {
		fmt.Fprintf(&b, ", %d not wanted but kept", r.Extra)
	}
	lines := r.missed()
	for _, line := range lines[:min(len(lines), maxPrinted)] {
		b.WriteString("\n! " + line)
	}
	if more := len(lines) - maxPrinted; more > 0 {
		fmt.Fprintf(&b, "\n! … and %d more", more)
	}
	return b.String()
}

// missed describes the changes that were not made, and the records that were left alone.
func (r *Report) missed() (lines []string) {
	var last *ImportError
	for _, result := range r.Results {
		shared := sharedError(result.Err)
		if result.made() || shared != nil && shared == last {
			continue
		}
		last = shared
		line := result.what() + ": " + string(result.Outcome)
		if result.Err != nil {
			line += ": " + visible(result.Err.Error())
		}
		lines = append(lines, line)
	}
	return lines
}

// what returns the action and the key of the record, for the text of a report.
func (r Result) what() string {
	if shared := sharedError(r.Err); shared != nil {
		return fmt.Sprintf("%s %s", r.Action, counted(shared.Records, "record"))
	}
	if r.Action == ActionNone {
		return r.name()
	}
	return string(r.Action) + " " + r.name()
}

func (r Result) name() string { return label{r.Key, r.plainKey}.name(r.RecordID, r.Line, r.Index) }

// maxErrorLines is the number of failures in the text of an error.
const maxErrorLines = 5

// incompleteError joins the failures of a run. Its text shows the first few.
type incompleteError struct {
	text string
	errs []error
}

func (e *incompleteError) Error() string   { return e.text }
func (e *incompleteError) Unwrap() []error { return e.errs }

// report counts the results. The error is nil if all changes were made. The records of
// Plan.LeftAlone are no changes.
func (r *run) report(ctx context.Context) (*Report, error) {
	report := &Report{
		DatasetID: r.plan.DatasetID, Equal: r.plan.Equal, Extra: r.plan.Extra, Results: r.results, Uploads: r.uploads,
	}
	done := map[Action]int{}
	missed, changes := 0, 0
	var errs []error
	for _, result := range r.results {
		if result.Action == ActionNone {
			continue
		}
		changes++
		switch result.Outcome {
		case OutcomeDone:
			done[result.Action]++
		case OutcomeAlreadyDone:
			if result.Action != ActionDelete {
				report.Equal++
			}
		default:
			missed++
			errs = appendFailure(errs, result)
		}
	}
	missed -= r.imported
	report.Created, report.Updated, report.Deleted = done[ActionCreate]+r.imported, done[ActionUpdate], done[ActionDelete]
	if missed <= 0 && len(errs) == 0 {
		return report, nil
	}
	if err := errors.Join(r.aborted, ctx.Err()); err != nil {
		errs = append([]error{err}, errs...)
	}
	text := fmt.Sprintf("datasetsync: %s: dataset %s: %d of %d changes were not made",
		r.action, display(r.plan.DatasetID), missed, changes)
	for _, err := range errs[:min(len(errs), maxErrorLines)] {
		text += ": " + visible(err.Error())
	}
	return report, &incompleteError{text, errs}
}

// appendFailure appends the error of a result. It appends the error of an import only once.
func appendFailure(errs []error, result Result) []error {
	if result.Err == nil {
		return errs
	}
	if shared := sharedError(result.Err); shared != nil && len(errs) > 0 && sharedError(errs[len(errs)-1]) == shared {
		return errs
	}
	return append(errs, fmt.Errorf("%s: %w", result.what(), result.Err))
}
