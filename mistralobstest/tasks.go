package mistralobstest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// The states that the server gives to a task.
const (
	statusRunning    = "RUNNING"
	statusCompleted  = "COMPLETED"
	statusFailed     = "FAILED"
	statusCanceled   = "CANCELED"
	statusTerminated = "TERMINATED"
	statusTimedOut   = "TIMED_OUT"
)

// TaskInfo describes a task that has run for its duration; see [WithTaskOutcome].
type TaskInfo struct {
	ID        string // the ID of the task
	DatasetID string // the ID of the dataset
	Operation string // the operation that started the task, such as ImportsFromFile
	Run       int    // the number of this run, from 0; a status that is not final starts another run
}

func completeTask(TaskInfo) (status, message string) { return statusCompleted, "" }

func linearProgress(fraction float64) *int {
	percent := int(fraction * 100)
	return &percent
}

// task is an import. It has no goroutine: every access to the data first calls advanceTasks, which
// ends the runs that are due.
type task struct {
	id               string
	operation        string
	dataset          *dataset
	created, updated time.Time
	status, message  string

	started  time.Time // the start of the current run
	duration time.Duration
	run      int
	load     func() (imported, error) // returns the records; its error becomes the message of the task
	result   *importResult            // nil until the task ends, and by default after a failure
}

// importResult counts the records of an import that has ended.
type importResult struct {
	Requested int `json:"requested_record_count"`
	Imported  int `json:"imported_record_count"`
	Skipped   int `json:"skipped_record_count"`
}

// imported has the records that an import adds, and the number of records that it skipped.
type imported struct {
	records []loaded
	skipped int
}

// loaded is a record that an import adds.
type loaded struct {
	RecordSeed
	source source
}

// startTask starts an import and returns its task.
func (s *Server) startTask(d *store, ds *dataset, operation string, load func() (imported, error)) (answer, error) {
	now := s.options.now()
	t := &task{
		id: newID(), operation: operation, dataset: ds, created: now, updated: now, status: statusRunning,
		started: now, duration: s.tunedNow().taskDuration, load: load,
	}
	ds.tasks = append(ds.tasks, t)
	d.running = append(d.running, t)
	return answer{http.StatusAccepted, s.taskJSON(t, now)}, nil
}

// advanceTasks ends the runs that are due. The caller must hold mu.
func (s *Server) advanceTasks(now time.Time) {
	s.data.running = slices.DeleteFunc(s.data.running, func(t *task) bool {
		for !now.Before(t.started.Add(t.duration)) {
			if s.endRun(t) {
				return true
			}
			if t.duration <= 0 { // or the loop would never end
				return false
			}
		}
		return false
	})
}

// endRun ends a run of a task and reports whether the task has ended.
func (s *Server) endRun(t *task) bool {
	t.started = t.started.Add(t.duration)
	t.updated = t.started
	info := TaskInfo{ID: t.id, DatasetID: t.dataset.id, Operation: t.operation, Run: t.run}
	status, message := s.options.taskOutcome(info)
	t.run++
	switch status {
	case "", statusCompleted:
		t.status, t.message = statusCompleted, ""
		s.addRecords(t)
		return true
	case statusFailed, statusCanceled, statusTerminated, statusTimedOut:
		t.status, t.message = status, message
		if s.options.partial != nil {
			s.addRecords(t)
		}
		return true
	}
	t.status, t.message = status, message
	return false
}

// addRecords adds the records of an import that has ended, or none if one is invalid.
func (s *Server) addRecords(t *task) {
	result, err := t.load()
	if err != nil {
		t.status, t.message = statusFailed, err.Error()
		return
	}
	requested, partial := len(result.records)+result.skipped, s.options.partial
	if partial != nil {
		result.records = result.records[:min(len(result.records), partial.records)]
	}
	for _, rec := range result.records {
		s.data.addRecord(t.dataset, rec.RecordSeed, rec.source, t.updated)
	}
	if t.status == statusCompleted || partial.result {
		count := len(result.records)
		t.result = &importResult{Requested: requested, Imported: count, Skipped: requested - count}
	}
}

func (s *Server) getTask(r *http.Request) (answer, error) {
	c := check(r)
	id := c.pathID("task_id")
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(_ *store, ds *dataset) (answer, error) {
		for _, t := range ds.tasks {
			if t.id == strings.ToLower(id) {
				return answer{http.StatusOK, s.taskJSON(t, s.options.now())}, nil
			}
		}
		message := fmt.Sprintf("Dataset import task %s not found", id)
		return answer{}, apiError(http.StatusNotFound, "DATASET_TASK_NOT_FOUND", message)
	})
}

func (s *Server) listTasks(r *http.Request) (answer, error) {
	c := check(r)
	p := c.page()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	now := s.options.now()
	return s.withDataset(r, func(_ *store, ds *dataset) (answer, error) {
		return pageOf("tasks", ds.tasks, p, func(t *task) []byte { return s.taskJSON(t, now) }), nil
	})
}

func (s *Server) taskJSON(t *task, now time.Time) []byte {
	o := new(object).stamps(t.id, t.created, t.updated).set("creator_id", s.data.owner).
		set("dataset_id", t.dataset.id).set("workspace_id", s.data.workspace).set("status", t.status)
	if s.options.taskProgress != nil {
		o.set("progress", s.options.taskProgress(t.fraction(now)))
	}
	var message any
	if t.message != "" {
		message = t.message
	}
	return o.set("message", message).set("result", t.result).bytes()
}

// fraction returns the fraction of the current run that has passed. It is 0 for a task that ended
// without completing.
func (t *task) fraction(now time.Time) float64 {
	switch t.status {
	case statusCompleted:
		return 1
	case statusFailed, statusCanceled, statusTerminated, statusTimedOut:
		return 0
	}
	if t.duration <= 0 {
		return 0
	}
	return min(1, max(0, now.Sub(t.started).Seconds()/t.duration.Seconds()))
}
