package mistralobs

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"
	"unicode/utf8"
)

// The lengths of a dataset's name and description, in Unicode code points.
const (
	MinNameLength        = 5
	MaxNameLength        = 50
	MaxDescriptionLength = 200
)

// Dataset is a named set of records.
type Dataset struct {
	ID          string     `json:"id"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	DeletedAt   *time.Time `json:"deleted_at"` // nil while it exists
	Name        string     `json:"name"`
	Description string     `json:"description"`
	OwnerID     string     `json:"owner_id"`
	WorkspaceID string     `json:"workspace_id"`
}

func (d *Dataset) missing() string { return missingID(d.ID) }

// missingID tells a document of another kind by its lack of an id.
func missingID(id string) string {
	if id == "" {
		return "id"
	}
	return ""
}

// ListDatasetsParams says which datasets to return. Its zero value is the service's default.
type ListDatasetsParams struct {
	Query     string // text to search for; "" is all
	Page      int    // as in [ListParams]
	PageSize  int    // as in [ListParams]
	ReadAhead int    // as in [ListParams]
}

// CreateDatasetParams describes a new dataset. Lengths are in Unicode code points.
type CreateDatasetParams struct {
	Name        string `json:"name"`        // 5 to 50
	Description string `json:"description"` // up to 200, may be empty
}

// UpdateDatasetParams says what to change of a dataset: a nil field is left
// as it is. The limits are those of [CreateDatasetParams].
type UpdateDatasetParams struct {
	Name        *string `json:"name,omitzero"`
	Description *string `json:"description,omitzero"`
}

func (p UpdateDatasetParams) check() error {
	if p.Name != nil {
		if err := checkLength("Name", *p.Name, MinNameLength, MaxNameLength); err != nil {
			return err
		}
	}
	if p.Description != nil {
		return checkLength("Description", *p.Description, 0, MaxDescriptionLength)
	}
	return nil
}

// checkLength checks a text's length in Unicode code points.
func checkLength(field, text string, least, most int) error {
	if !utf8.ValidString(text) {
		return invalid(field, "it is not valid UTF-8")
	}
	if n := utf8.RuneCountInString(text); n < least || n > most {
		return invalid(field, "it must have %d to %d characters, got %d", least, most, n)
	}
	return nil
}

// DatasetsService is reached as [Client].Datasets.
type DatasetsService struct{ client *Client }

type datasetList struct {
	Datasets *Page[Dataset] `json:"datasets"`
}

func (l *datasetList) page() *Page[Dataset] { return l.Datasets }
func (l *datasetList) missing() string      { return missingItem("datasets", l.Datasets) }

// List returns one page of the workspace's datasets.
//
// API: GET /v1/observability/datasets
//
// It returns an error matching [ErrInvalidParams] for a page size above
// [MaxPageSize]. A page past the end is empty.
func (s *DatasetsService) List(ctx context.Context, params ListDatasetsParams, opts ...CallOption) (*Page[Dataset], error) {
	list := ListParams{Page: params.Page, PageSize: params.PageSize, ReadAhead: params.ReadAhead}
	query := list.query()
	if params.Query != "" {
		query.Set("q", params.Query)
	}
	return fetchPage[Dataset, datasetList](ctx, s.client, list, request{
		name: "datasets.list", action: "list datasets", route: "GET /v1/observability/datasets", query: query,
	}, opts)
}

// All returns the workspace's datasets, page after page, from params.Page on.
// It can be ranged over again, which asks the service again. It yields at most
// one error, last: one of List's, or one matching [ErrNoProgress] if the
// service repeats itself.
func (s *DatasetsService) All(ctx context.Context, params ListDatasetsParams, opts ...CallOption) iter.Seq2[*Dataset, error] {
	return walkAll(ctx, ListParams{params.Page, params.PageSize, params.ReadAhead},
		func(ctx context.Context, list ListParams) (*Page[Dataset], error) {
			return s.List(ctx, ListDatasetsParams{params.Query, list.Page, list.PageSize, list.ReadAhead}, opts...)
		}, func(d *Dataset) string { return d.ID })
}

// Find returns the dataset that has this id, or else the only one that has
// exactly this name, by walking over all of them: scripts can take either from
// their users. It returns an error matching [ErrNotFound] if there is none, one
// matching [ErrInvalidParams] that lists the ids if several have the name, and
// those of [DatasetsService.List].
func (s *DatasetsService) Find(ctx context.Context, idOrName string) (*Dataset, error) {
	var named []*Dataset
	for dataset, err := range s.All(ctx, ListDatasetsParams{}) {
		switch {
		case err != nil:
			return nil, err
		case dataset.ID == idOrName:
			return dataset, nil
		case dataset.Name == idOrName:
			named = append(named, dataset)
		}
	}
	switch len(named) {
	case 0:
		return nil, fmt.Errorf("mistralobs: find dataset: %w: none has the id or name %q", ErrNotFound, idOrName)
	case 1:
		return named[0], nil
	}
	var ids []string
	for _, dataset := range named {
		ids = append(ids, dataset.ID)
	}
	return nil, invalid("idOrName", "%d datasets have the name %q, give an id: %s", len(named), idOrName, strings.Join(ids, ", "))
}

// Create makes an empty dataset.
//
// API: POST /v1/observability/datasets
//
// It returns an error matching [ErrInvalidParams] for a name or description
// outside of its limits, and one matching [ErrMaybeApplied] if the answer was
// lost: look for the dataset by its name before you try again.
func (s *DatasetsService) Create(ctx context.Context, params CreateDatasetParams, opts ...CallOption) (*Dataset, error) {
	if err := (UpdateDatasetParams{&params.Name, &params.Description}).check(); err != nil {
		return nil, err
	}
	body, err := encode(params)
	if err != nil {
		return nil, err
	}
	return fetch[Dataset](ctx, s.client, request{
		name: "datasets.create", action: "create dataset", route: "POST /v1/observability/datasets", body: body, creates: true,
	}, opts)
}

// Get returns a dataset.
//
// API: GET /v1/observability/datasets/{dataset_id}
//
// It returns an error matching [ErrNotFound] if there is none of that id.
func (s *DatasetsService) Get(ctx context.Context, id string, opts ...CallOption) (*Dataset, error) {
	return fetch[Dataset](ctx, s.client, request{
		name: "datasets.get", action: "get dataset", route: "GET /v1/observability/datasets/{dataset_id}", ids: ids{id},
	}, opts)
}

// Update changes the fields of a dataset that params sets, and returns the dataset.
//
// API: PATCH /v1/observability/datasets/{dataset_id}
//
// It returns an error matching [ErrInvalidParams] for a name or description
// outside of its limits, and one matching [ErrNotFound] if there is no such dataset.
func (s *DatasetsService) Update(ctx context.Context, id string, params UpdateDatasetParams, opts ...CallOption) (*Dataset, error) {
	if err := params.check(); err != nil {
		return nil, err
	}
	body, err := encode(params)
	if err != nil {
		return nil, err
	}
	return fetch[Dataset](ctx, s.client, request{
		name: "datasets.update", action: "update dataset", route: "PATCH /v1/observability/datasets/{dataset_id}", ids: ids{id}, body: body,
	}, opts)
}

// Delete removes a dataset and its records.
//
// API: DELETE /v1/observability/datasets/{dataset_id}
//
// It returns an error matching [ErrNotFound] if there is no such dataset,
// unless an earlier attempt of this call can have removed it.
func (s *DatasetsService) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return exec(ctx, s.client, request{
		name: "datasets.delete", action: "delete dataset", route: "DELETE /v1/observability/datasets/{dataset_id}", ids: ids{id},
	}, opts)
}
