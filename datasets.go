package mistralobs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/url"
	"strings"
	"time"
)

// Dataset is a named set of records.
type Dataset struct {
	ID          string     `json:"id"`
	Slug        string     `json:"slug"` // made by the service, unique in the workspace; may be ""
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	DeletedAt   *time.Time `json:"deleted_at"` // nil unless deleted
	Name        string     `json:"name"`
	Description string     `json:"description"`
	OwnerID     string     `json:"owner_id"`
	WorkspaceID string     `json:"workspace_id"`

	received `json:"-"`
}

// String returns the JSON that the value was decoded from, or that it is encoded as.
func (d Dataset) String() string { return jsonText(d.raw, d) }

// ListDatasetsParams selects datasets. Its zero value selects all of them.
type ListDatasetsParams struct {
	Query     string // text that the service searches for; "" selects all datasets
	Page      int    // as in [ListParams]
	PageSize  int    // as in [ListParams]
	ReadAhead int    // as in [ListParams]
}

// CreateDatasetParams describes a new dataset. The service documents a name of 5 to 50 characters
// and a description of up to 200. The client does not check these limits.
type CreateDatasetParams struct {
	Name        string `json:"name"`
	Description string `json:"description"` // may be empty
}

// UpdateDatasetParams holds the changes to a dataset. A nil field is not changed. The limits are
// those of [CreateDatasetParams].
type UpdateDatasetParams struct {
	Name        *string `json:"name,omitzero"`
	Description *string `json:"description,omitzero"`
}

// DatasetsService creates, finds, changes and deletes datasets. Use it as [Client].Datasets.
//
// Datasets are in public preview for organizations of the Enterprise tier. Others get an error that
// matches [ErrForbidden].
//
// A parameter named datasetID, here and in the other services, is the dataset's ID or its Slug. The
// service treats a value that looks like a UUID as an ID.
type DatasetsService struct{ client *Client }

// List returns one page of the workspace's datasets. A page after the last one is empty.
//
// API: GET /v1/observability/datasets
//
// It returns an error that matches [ErrInvalidParams] if the page size is above [MaxPageSize].
func (s *DatasetsService) List(
	ctx context.Context, params ListDatasetsParams, opts ...CallOption,
) (*Page[Dataset], error) {
	return s.list(params, opts).page(ctx)
}

// All returns an iterator over the workspace's datasets, from page params.Page on. Each range over
// it requests the pages again. It yields at most one error, last: an error of
// [DatasetsService.List], or one that matches [ErrNoProgress] if the service repeats pages.
func (s *DatasetsService) All(
	ctx context.Context, params ListDatasetsParams, opts ...CallOption,
) iter.Seq2[*Dataset, error] {
	return s.list(params, opts).items(ctx)
}

// Pages returns the pages that [DatasetsService.All] reads.
func (s *DatasetsService) Pages(
	ctx context.Context, params ListDatasetsParams, opts ...CallOption,
) iter.Seq2[*Page[Dataset], error] {
	return s.list(params, opts).pages(ctx)
}

func (s *DatasetsService) list(params ListDatasetsParams, opts []CallOption) list[Dataset] {
	req := request{
		name: "datasets.list", action: "list datasets", route: "GET /v1/observability/datasets",
		envelope: "datasets", required: hasID,
	}
	if params.Query != "" {
		req.query = url.Values{"q": {params.Query}}
	}
	page := ListParams{Page: params.Page, PageSize: params.PageSize, ReadAhead: params.ReadAhead}
	return list[Dataset]{s.client, page, opts, req, func(d *Dataset) string { return d.ID }}
}

// Find returns the dataset with this ID or slug. If there is none, it returns the dataset with
// exactly this name, including upper and lower case. So a program can accept any of the three from
// its users. An ID or a slug takes one request. A name takes one more for each page of datasets,
// because Find must know that no other has the name. Deleted datasets do not count.
//
// If there is no such dataset, it returns an error that matches [ErrNotFound] and names
// idSlugOrName. If several datasets have the name, it returns an error that matches
// [ErrAmbiguousName] and lists their IDs. The other errors are those of [DatasetsService.Get] and
// [DatasetsService.List].
func (s *DatasetsService) Find(ctx context.Context, idSlugOrName string, opts ...CallOption) (*Dataset, error) {
	if idSlugOrName == "" {
		return nil, attempted("find dataset", invalid("idSlugOrName", "it is empty"))
	}
	if mayBeInPath(idSlugOrName) {
		dataset, err := s.Get(ctx, idSlugOrName, opts...)
		if err == nil && dataset.DeletedAt == nil || err != nil && !meansNoSuchDataset(err) {
			return dataset, err
		}
	}
	dataset, err := s.findByName(ctx, "find dataset", idSlugOrName, opts)
	if dataset == nil && err == nil {
		err = fmt.Errorf("mistralobs: find dataset: %w: none has the ID, slug or name %q", ErrNotFound, idSlugOrName)
	}
	return dataset, err
}

// FindOrCreate returns the dataset with exactly the name params.Name. If there is none, it creates
// one, and created is true. An existing dataset keeps its description. If a program runs again, it
// thus uses the same dataset. Two programs that run at the same time may create two datasets,
// because the service does not keep names unique.
//
// It returns an error that matches [ErrInvalidParams] if the name is empty, or if the name or the
// description is not valid UTF-8. If several datasets have the name, it returns an error that
// matches [ErrAmbiguousName]. The other errors are those of [DatasetsService.List] and
// [DatasetsService.Create].
func (s *DatasetsService) FindOrCreate(
	ctx context.Context, params CreateDatasetParams, opts ...CallOption,
) (dataset *Dataset, created bool, err error) {
	const action = "find or create dataset"
	_, err = encode(params) // before anything is sent
	if params.Name == "" {
		err = invalid("Name", "it is empty")
	}
	if err != nil {
		return nil, false, attempted(action, err)
	}
	dataset, err = s.findByName(ctx, action, params.Name, opts)
	if dataset != nil || err != nil {
		return dataset, false, err
	}
	dataset, err = s.Create(ctx, params, opts...)
	return dataset, err == nil, err
}

// mayBeInPath reports whether text may be an ID or a slug. Slugs are made for URLs, so they have no
// character that a URL must escape.
func mayBeInPath(text string) bool {
	return url.PathEscape(text) == text && checkID("", text) == nil
}

// meansNoSuchDataset reports whether the response to a Get means that no dataset has the ID or
// slug. A service without slugs answers 400 or 422 to anything but a UUID.
func meansNoSuchDataset(err error) bool {
	return errors.Is(err, ErrNotFound) || errors.Is(err, ErrBadRequest) || errors.Is(err, ErrValidation)
}

// findByName returns the dataset with exactly this name, or nil. Its errors name the action.
func (s *DatasetsService) findByName(ctx context.Context, action, name string, opts []CallOption) (*Dataset, error) {
	var found *Dataset
	var ids []string
	for dataset, err := range s.All(ctx, ListDatasetsParams{}, opts...) {
		switch {
		case err != nil:
			return nil, err
		case dataset.DeletedAt != nil:
		case dataset.Name == name:
			found = dataset
			ids = append(ids, token(dataset.ID))
		}
	}
	if len(ids) > 1 {
		return nil, fmt.Errorf("mistralobs: %s: %w: %d datasets have the name %q; use one of their IDs: %s",
			action, ErrAmbiguousName, len(ids), name, strings.Join(ids, ", "))
	}
	return found, nil
}

// Create creates an empty dataset.
//
// API: POST /v1/observability/datasets
//
// It returns an error that matches [ErrValidation] if the service refuses the name or the
// description. It returns one that matches [ErrMaybeApplied] if the service may have created the
// dataset although the call failed. List the datasets before you repeat the call.
func (s *DatasetsService) Create(
	ctx context.Context, params CreateDatasetParams, opts ...CallOption,
) (*Dataset, error) {
	body, err := encode(params)
	return fetch[Dataset](ctx, s.client, request{
		name: "datasets.create", action: "create dataset", route: "POST /v1/observability/datasets",
		body: body, err: err, creates: true,
		required: hasID,
	}, opts)
}

// Get returns a dataset.
//
// API: GET /v1/observability/datasets/{dataset_id}
//
// It returns an error that matches [ErrNotFound] if there is no such dataset.
func (s *DatasetsService) Get(ctx context.Context, datasetID string, opts ...CallOption) (*Dataset, error) {
	return fetch[Dataset](ctx, s.client, request{
		name: "datasets.get", action: "get dataset", route: "GET /v1/observability/datasets/{dataset_id}",
		ids:      ids{datasetID},
		required: hasID,
	}, opts)
}

// Update changes the name, the description, or both, and returns the updated dataset.
//
// API: PATCH /v1/observability/datasets/{dataset_id}
//
// It returns an error that matches [ErrInvalidParams] if params has neither, one that matches
// [ErrValidation] if the service refuses the name or the description, and one that matches
// [ErrNotFound] if there is no such dataset.
func (s *DatasetsService) Update(
	ctx context.Context, datasetID string, params UpdateDatasetParams, opts ...CallOption,
) (*Dataset, error) {
	body, err := encode(params)
	if params == (UpdateDatasetParams{}) {
		err = invalid("params", "there is nothing to change: set Name or Description")
	}
	return fetch[Dataset](ctx, s.client, request{
		name: "datasets.update", action: "update dataset", route: "PATCH /v1/observability/datasets/{dataset_id}",
		ids: ids{datasetID}, body: body, err: err,
		required: hasID,
	}, opts)
}

// Delete deletes a dataset and its records.
//
// API: DELETE /v1/observability/datasets/{dataset_id}
//
// It returns an error that matches [ErrNotFound] if there is no such dataset. If a retry gets a 404
// and an earlier attempt may have deleted the dataset, it returns nil.
func (s *DatasetsService) Delete(ctx context.Context, datasetID string, opts ...CallOption) error {
	return exec(ctx, s.client, request{
		name: "datasets.delete", action: "delete dataset", route: "DELETE /v1/observability/datasets/{dataset_id}",
		ids: ids{datasetID},
	}, opts)
}
