package mistralobs

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
	"golang.org/x/sync/errgroup"
)

// MaxBulkDelete is how many records the service deletes with one request.
const MaxBulkDelete = 500

// RecordSource says how a record came into its dataset. The list may grow.
type RecordSource string

// The known sources of records.
const (
	SourceExplorer     RecordSource = "EXPLORER"
	SourceUploadedFile RecordSource = "UPLOADED_FILE"
	SourceDirectInput  RecordSource = "DIRECT_INPUT"
	SourcePlayground   RecordSource = "PLAYGROUND"
)

// Record is one entry of a dataset: a payload, usually a conversation, and the
// properties that judges and evaluations read.
type Record struct {
	ID         string       `json:"id"`
	DatasetID  string       `json:"dataset_id"`
	CreatedAt  time.Time    `json:"created_at"`
	UpdatedAt  time.Time    `json:"updated_at"`
	DeletedAt  *time.Time   `json:"deleted_at"` // nil while it exists
	Payload    Object       `json:"payload"`
	Properties Object       `json:"properties"`
	Source     RecordSource `json:"source"`
}

func (r *Record) missing() string { return missingID(r.ID) }

// CreateRecordParams describes a new record. Both fields are taken as
// [NewObject] takes them: an [Object], a map, a struct, a [Conversation].
type CreateRecordParams struct {
	Payload    any // required
	Properties any // nil is {}
}

// RecordsService is reached as [Client].Records.
type RecordsService struct{ client *Client }

type recordList struct {
	Records *Page[Record] `json:"records"`
}

func (l *recordList) page() *Page[Record] { return l.Records }

// scan reads a page as the service documents it; false leaves another to the JSON library.
func (l *recordList) scan(body []byte) bool {
	s := jsonscan.New(body)
	var records *Page[Record]
	ok := s.Object(func(name []byte) bool {
		if string(name) != "records" {
			return s.Skip()
		}
		first := records == nil
		records = &Page[Record]{}
		return first && records.scan(&s, func(r *Record) bool { return r.scan(&s) })
	})
	if ok = ok && s.End(); ok {
		l.Records = records
	}
	return ok
}

func (r *Record) scan(s *jsonscan.Scanner) bool {
	var payload, properties []byte
	source := ""
	ok := s.Object(func(name []byte) bool {
		switch string(name) {
		case "id":
			return s.String(&r.ID)
		case "dataset_id":
			return s.SharedString(&r.DatasetID)
		case "created_at":
			return s.Time(&r.CreatedAt)
		case "updated_at":
			return s.Time(&r.UpdatedAt)
		case "deleted_at":
			return s.NullableTime(&r.DeletedAt)
		case "payload":
			return s.RawObject(&payload)
		case "properties":
			return s.RawObject(&properties)
		case "source":
			return s.SharedString(&source)
		}
		return s.Skip()
	})
	// Copied, so that who keeps one record does not keep the whole page.
	r.Payload, r.Properties = cloneObjects(payload, properties)
	r.Source = RecordSource(source)
	return ok
}
func (l *recordList) missing() string { return missingItem("records", l.Records) }

// List returns one page of a dataset's records.
//
// API: GET /v1/observability/datasets/{dataset_id}/records
//
// It returns an error matching [ErrInvalidParams] for a page size above
// [MaxPageSize], and one matching [ErrNotFound] if there is no such dataset.
func (s *RecordsService) List(ctx context.Context, datasetID string, params ListParams, opts ...CallOption) (*Page[Record], error) {
	return fetchPage[Record, recordList](ctx, s.client, params, request{
		name: "records.list", action: "list records", route: "GET /v1/observability/datasets/{dataset_id}/records", ids: ids{datasetID},
	}, opts)
}

// All returns a dataset's records, page after page, from params.Page on. It can
// be ranged over again, which asks the service again. Records added or removed
// meanwhile shift the pages, so one can be missed or come twice. It yields at
// most one error, last: one of List's, or one matching [ErrNoProgress] if the
// service repeats itself.
func (s *RecordsService) All(ctx context.Context, datasetID string, params ListParams, opts ...CallOption) iter.Seq2[*Record, error] {
	return s.walk(datasetID, params, opts).items(ctx)
}

// Pages returns the pages that [RecordsService.All] reads, for programs that need Page.Total: if it differs between two
// pages, records were added or removed during the walk.
func (s *RecordsService) Pages(ctx context.Context, datasetID string, params ListParams, opts ...CallOption) iter.Seq2[*Page[Record], error] {
	return s.walk(datasetID, params, opts).pages(ctx)
}

func (s *RecordsService) walk(datasetID string, params ListParams, opts []CallOption) walk[Record] {
	return newWalk(params, func(ctx context.Context, params ListParams) (*Page[Record], error) {
		return s.List(ctx, datasetID, params, opts...)
	}, func(r *Record) string { return r.ID })
}

// Create adds a record to a dataset.
//
// API: POST /v1/observability/datasets/{dataset_id}/records
//
// It returns an error matching [ErrInvalidParams] if the payload or the
// properties are no JSON object, one matching [ErrNotFound] if there is no such
// dataset, and one matching [ErrMaybeApplied] if the answer was lost.
func (s *RecordsService) Create(ctx context.Context, datasetID string, params CreateRecordParams, opts ...CallOption) (*Record, error) {
	payload, err := newObject("Payload", params.Payload)
	if err != nil {
		return nil, err
	}
	properties, err := propertiesObject(params.Properties)
	if err != nil {
		return nil, err
	}
	return fetch[Record](ctx, s.client, request{
		name: "records.create", action: "create record", route: "POST /v1/observability/datasets/{dataset_id}/records", ids: ids{datasetID},
		body: objectsBody(`{"payload":`, payload, `,"properties":`, properties), creates: true,
	}, opts)
}

// objectsBody puts objects into a body byte for byte, which an encoder would not.
func objectsBody(prefix string, object Object, more string, another Object) []byte {
	return slices.Concat([]byte(prefix), object, []byte(more), another, []byte("}"))
}

// Get returns a record.
//
// API: GET /v1/observability/dataset-records/{dataset_record_id}
//
// It returns an error matching [ErrNotFound] if there is none of that id.
func (s *RecordsService) Get(ctx context.Context, id string, opts ...CallOption) (*Record, error) {
	return fetch[Record](ctx, s.client, request{
		name: "records.get", action: "get record", route: "GET /v1/observability/dataset-records/{dataset_record_id}", ids: ids{id},
	}, opts)
}

// Delete removes a record.
//
// API: DELETE /v1/observability/dataset-records/{dataset_record_id}
//
// It returns an error matching [ErrNotFound] if there is no such record, unless
// an earlier attempt of this call can have removed it.
func (s *RecordsService) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return exec(ctx, s.client, request{
		name: "records.delete", action: "delete record", route: "DELETE /v1/observability/dataset-records/{dataset_record_id}", ids: ids{id},
	}, opts)
}

// DeleteAll removes any number of records, [MaxBulkDelete] a request, and if
// that makes many requests, up to [DefaultBulkConcurrency] of them at once. After a failure no further request
// is started, and those in flight are waited for: then some of the records are
// gone and others not, and the error joins all failures, which are those of
// [RecordsService.Delete].
//
// API: POST /v1/observability/dataset-records/bulk-delete
//
// It returns an error matching [ErrInvalidParams], with nothing deleted, if
// there are no ids or one of them is empty.
func (s *RecordsService) DeleteAll(ctx context.Context, recordIDs []string) error {
	if err := checkIDs("record IDs", recordIDs, 1, len(recordIDs)); err != nil {
		return err
	}
	batches := slices.Collect(slices.Chunk(recordIDs, MaxBulkDelete))
	errs := make([]error, len(batches))
	var group errgroup.Group // without a context, which would cancel those in flight
	// Few gain little by it, and one after the other they stop sooner.
	group.SetLimit(max(1, min(len(batches)/4, DefaultBulkConcurrency)))
	var failed atomic.Bool
	for i, batch := range batches {
		group.Go(func() error {
			if !failed.Load() {
				errs[i] = s.deleteBatch(ctx, batch)
				failed.CompareAndSwap(false, errs[i] != nil)
			}
			return nil
		})
	}
	_ = group.Wait() // always nil
	return errors.Join(errs...)
}

func (s *RecordsService) deleteBatch(ctx context.Context, recordIDs []string) error {
	body, err := encode(recordIDList{recordIDs})
	if err != nil {
		return err
	}
	err = exec(ctx, s.client, request{
		name: "records.delete_all", action: "delete records", route: "POST /v1/observability/dataset-records/bulk-delete", body: body,
	}, nil)
	var e *Error
	if errors.As(err, &e) && e.StatusCode == http.StatusNotFound && e.ambiguous {
		// The first attempt, whose answer was lost, may have deleted them, or not:
		// one by one it does not matter.
		return s.deleteEach(ctx, recordIDs)
	}
	return err
}

func (s *RecordsService) deleteEach(ctx context.Context, recordIDs []string) error {
	for _, id := range recordIDs {
		if err := s.Delete(ctx, id); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

type recordIDList struct {
	IDs []string `json:"dataset_record_ids"`
}

// checkIDs checks a list of ids that goes into a body.
func checkIDs(field string, list []string, least, most int) error {
	if n := len(list); n < least || n > most {
		return invalid(field, "there must be %s, got %d", between(least, max(least, most)), n)
	}
	for i, id := range list {
		if id == "" {
			return invalid(field, "the one at index %d is empty", i)
		}
	}
	return nil
}

func between(least, most int) string {
	switch least {
	case most:
		return "at least " + strconv.Itoa(least)
	case 0:
		return "at most " + strconv.Itoa(most)
	}
	return strconv.Itoa(least) + " to " + strconv.Itoa(most)
}

// UpdatePayload replaces a record's payload, which is taken as [NewObject] takes it.
//
// API: PUT /v1/observability/dataset-records/{dataset_record_id}/payload
//
// It returns an error matching [ErrInvalidParams] if the payload is no JSON
// object, and one matching [ErrNotFound] if there is no such record.
func (s *RecordsService) UpdatePayload(ctx context.Context, id string, payload any, opts ...CallOption) error {
	object, err := newObject("payload", payload)
	if err != nil {
		return err
	}
	return exec(ctx, s.client, request{
		name: "records.update_payload", action: "replace the payload of record",
		route: "PUT /v1/observability/dataset-records/{dataset_record_id}/payload", ids: ids{id},
		body: objectsBody(`{"payload":`, object, "", nil),
	}, opts)
}

// UpdateProperties replaces all of a record's properties; nil is {}. They are taken as
// [NewObject] takes them. To change one, decode the record's Properties, change
// that, and send them all.
//
// API: PUT /v1/observability/dataset-records/{dataset_record_id}/properties
//
// It returns an error matching [ErrInvalidParams] if the properties are no JSON
// object, and one matching [ErrNotFound] if there is no such record.
func (s *RecordsService) UpdateProperties(ctx context.Context, id string, properties any, opts ...CallOption) error {
	object, err := propertiesObject(properties)
	if err != nil {
		return err
	}
	return exec(ctx, s.client, request{
		name: "records.update_properties", action: "replace the properties of record",
		route: "PUT /v1/observability/dataset-records/{dataset_record_id}/properties", ids: ids{id},
		body: objectsBody(`{"properties":`, object, "", nil),
	}, opts)
}

// Judge runs a judge on a record and returns its verdict. Nothing is stored.
// The judge is a model: the answer takes seconds, and two may differ.
//
// API: POST /v1/observability/dataset-records/{dataset_record_id}/live-judging
//
// It returns an error matching [ErrInvalidParams] for a definition outside of
// the limits of [JudgeDefinition], one matching [ErrNotFound] if there is no
// such record, and an [Error] with code [CodeJudgeConversationFormat] if the
// payload is no conversation that the judge can read.
func (s *RecordsService) Judge(ctx context.Context, id string, judge JudgeDefinition, opts ...CallOption) (*Judgement, error) {
	if err := judge.check(); err != nil {
		return nil, err
	}
	body, err := encode(judgeRequest{judge})
	if err != nil {
		return nil, err
	}
	return fetch[Judgement](ctx, s.client, request{
		name: "records.judge", action: "judge record",
		route: "POST /v1/observability/dataset-records/{dataset_record_id}/live-judging", ids: ids{id}, body: body,
	}, opts)
}
