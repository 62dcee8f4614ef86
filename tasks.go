package mistralobs

import (
	"context"
	"iter"
	"time"
)

// TaskStatus is the state of an import task. The service may add values.
type TaskStatus string

// The documented statuses of a task.
const (
	StatusRunning        TaskStatus = "RUNNING"   // not final
	StatusCompleted      TaskStatus = "COMPLETED" // success; see ImportTask.Result for skipped records
	StatusFailed         TaskStatus = "FAILED"    // see ImportTask.Message
	StatusCanceled       TaskStatus = "CANCELED"
	StatusTerminated     TaskStatus = "TERMINATED"
	StatusContinuedAsNew TaskStatus = "CONTINUED_AS_NEW" // not final: the work goes on in a new run
	StatusTimedOut       TaskStatus = "TIMED_OUT"
	StatusUnknown        TaskStatus = "UNKNOWN" // not final
)

// Done reports whether the status is final. CONTINUED_AS_NEW, UNKNOWN and statuses that this
// package does not know are not final.
func (s TaskStatus) Done() bool {
	switch s {
	case StatusCompleted, StatusFailed, StatusCanceled, StatusTerminated, StatusTimedOut:
		return true
	}
	return false
}

// Succeeded reports whether the status is COMPLETED.
func (s TaskStatus) Succeeded() bool { return s == StatusCompleted }

// ImportTask is an import that the service runs in the background. See [TasksService.Wait].
type ImportTask struct {
	ID          string        `json:"id"`
	DatasetID   string        `json:"dataset_id"`
	CreatorID   string        `json:"creator_id"`
	WorkspaceID string        `json:"workspace_id"`
	CreatedAt   time.Time     `json:"created_at"`
	UpdatedAt   time.Time     `json:"updated_at"`
	DeletedAt   *time.Time    `json:"deleted_at"`
	Status      TaskStatus    `json:"status"`
	Progress    *int          `json:"progress"` // percent, 0 to 100; nil if the service reports none
	Message     *string       `json:"message"`  // for example why the import failed; nil if there is none
	Result      *ImportResult `json:"result"`   // nil until the task ends, or if the service does not report it

	received `json:"-"`
}

// String returns the JSON that the value was decoded from, or that it is encoded as.
func (t ImportTask) String() string { return jsonText(t.raw, t) }

// ImportResult counts the records of an import that has ended. The service skips records that it
// cannot import, for example from spans that have expired. Such a task still ends as COMPLETED, and
// [TasksService.Wait] returns no error: check that Imported equals Requested. A task that ended
// badly may have imported some records.
type ImportResult struct {
	Requested int `json:"requested_record_count"`
	Imported  int `json:"imported_record_count"`
	Skipped   int `json:"skipped_record_count"`
}

// maybeImported reports whether the task may have created records.
func (t *ImportTask) maybeImported() bool { return !t.counts() || t.Result.Imported > 0 }

// counts reports whether the result says how many records were imported. One without that number is
// not the documented one, and says nothing.
func (t *ImportTask) counts() bool {
	if t.Result == nil || t.Result.Imported != 0 {
		return t.Result != nil && t.Result.Imported > 0
	}
	result, sent := t.raw.Get("result")
	_, known := Object(result).Float64("imported_record_count")
	return !sent || known
}

// TasksService reads import tasks and waits for them. Use it as [Client].Tasks.
type TasksService struct{ client *Client }

// Get returns an import task of a dataset.
//
// API: GET /v1/observability/datasets/{dataset_id}/tasks/{task_id}
//
// It returns an error that matches [ErrNotFound] if the task or the dataset does not exist.
func (s *TasksService) Get(ctx context.Context, datasetID, taskID string, opts ...CallOption) (*ImportTask, error) {
	return fetch[ImportTask](ctx, s.client, request{
		name: "tasks.get", action: "get import task",
		route: "GET /v1/observability/datasets/{dataset_id}/tasks/{task_id}", ids: ids{datasetID, taskID},
		required: hasID,
	}, opts)
}

// List returns one page of a dataset's import tasks.
//
// API: GET /v1/observability/datasets/{dataset_id}/tasks
//
// It returns an error that matches [ErrInvalidParams] if the page size exceeds
// [MaxPageSize], and one that matches [ErrNotFound] if the dataset does not exist.
func (s *TasksService) List(
	ctx context.Context, datasetID string, params ListParams, opts ...CallOption,
) (*Page[ImportTask], error) {
	return s.list(datasetID, params, opts).page(ctx)
}

// All returns an iterator over a dataset's import tasks, from page params.Page on. Each range over
// it requests the pages again. It yields at most one error, last: an error of [TasksService.List],
// or one that matches [ErrNoProgress] if the service repeats pages.
func (s *TasksService) All(
	ctx context.Context, datasetID string, params ListParams, opts ...CallOption,
) iter.Seq2[*ImportTask, error] {
	return s.list(datasetID, params, opts).items(ctx)
}

// Pages returns the pages that [TasksService.All] reads.
func (s *TasksService) Pages(
	ctx context.Context, datasetID string, params ListParams, opts ...CallOption,
) iter.Seq2[*Page[ImportTask], error] {
	return s.list(datasetID, params, opts).pages(ctx)
}

func (s *TasksService) list(datasetID string, params ListParams, opts []CallOption) list[ImportTask] {
	return list[ImportTask]{s.client, params, opts, request{
		name: "tasks.list", action: "list import tasks",
		route: "GET /v1/observability/datasets/{dataset_id}/tasks", ids: ids{datasetID},
		envelope: "tasks", required: hasID,
	}, func(t *ImportTask) string { return t.ID }}
}
