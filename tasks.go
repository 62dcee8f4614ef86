package mistralobs

import (
	"context"
	"iter"
	"time"
)

// TaskStatus is the state of an import. The list may grow.
type TaskStatus string

// The known states of a task.
const (
	StatusRunning        TaskStatus = "RUNNING"
	StatusCompleted      TaskStatus = "COMPLETED"
	StatusFailed         TaskStatus = "FAILED"
	StatusCanceled       TaskStatus = "CANCELED"
	StatusTerminated     TaskStatus = "TERMINATED"
	StatusContinuedAsNew TaskStatus = "CONTINUED_AS_NEW"
	StatusTimedOut       TaskStatus = "TIMED_OUT"
	StatusUnknown        TaskStatus = "UNKNOWN"
)

// Done tells whether the status is an end. Work that was continued in a new
// run goes on, and a status that is unknown, to the service or to this
// package, is no end either.
func (s TaskStatus) Done() bool {
	switch s {
	case StatusCompleted, StatusFailed, StatusCanceled, StatusTerminated, StatusTimedOut:
		return true
	}
	return false
}

// Succeeded tells whether the status is the good end.
func (s TaskStatus) Succeeded() bool { return s == StatusCompleted }

// ImportTask is an import that the service runs on its own time.
type ImportTask struct {
	ID          string     `json:"id"`
	DatasetID   string     `json:"dataset_id"`
	CreatorID   string     `json:"creator_id"`
	WorkspaceID string     `json:"workspace_id"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	DeletedAt   *time.Time `json:"deleted_at"`
	Status      TaskStatus `json:"status"`
	Progress    *int       `json:"progress"` // percent; nil if the service does not say
	Message     *string    `json:"message"`  // why it failed, for instance; nil if the service does not say
}

func (t *ImportTask) missing() string { return missingID(t.ID) }

// TasksService is reached as [Client].Tasks.
type TasksService struct{ client *Client }

type taskList struct {
	Tasks *Page[ImportTask] `json:"tasks"`
}

func (l *taskList) page() *Page[ImportTask] { return l.Tasks }
func (l *taskList) missing() string         { return missingItem("tasks", l.Tasks) }

// Get returns an import task of a dataset.
//
// API: GET /v1/observability/datasets/{dataset_id}/tasks/{task_id}
//
// It returns an error matching [ErrNotFound] if there is no such task.
func (s *TasksService) Get(ctx context.Context, datasetID, taskID string, opts ...CallOption) (*ImportTask, error) {
	return fetch[ImportTask](ctx, s.client, request{
		name: "tasks.get", action: "get import task",
		route: "GET /v1/observability/datasets/{dataset_id}/tasks/{task_id}", ids: ids{datasetID, taskID},
	}, opts)
}

// List returns one page of a dataset's import tasks.
//
// API: GET /v1/observability/datasets/{dataset_id}/tasks
//
// It returns an error matching [ErrInvalidParams] for a page size above
// [MaxPageSize], and one matching [ErrNotFound] if there is no such dataset.
func (s *TasksService) List(ctx context.Context, datasetID string, params ListParams, opts ...CallOption) (*Page[ImportTask], error) {
	return fetchPage[ImportTask, taskList](ctx, s.client, params, request{
		name: "tasks.list", action: "list import tasks", route: "GET /v1/observability/datasets/{dataset_id}/tasks", ids: ids{datasetID},
	}, opts)
}

// All returns a dataset's import tasks, page after page, from params.Page on.
// It can be ranged over again, which asks the service again. It yields at most
// one error, last: one of List's, or one matching [ErrNoProgress] if the
// service repeats itself.
func (s *TasksService) All(ctx context.Context, datasetID string, params ListParams, opts ...CallOption) iter.Seq2[*ImportTask, error] {
	return walkAll(ctx, params, func(ctx context.Context, params ListParams) (*Page[ImportTask], error) {
		return s.List(ctx, datasetID, params, opts...)
	}, func(t *ImportTask) string { return t.ID })
}
