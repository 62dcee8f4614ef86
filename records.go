package mistralobs

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// RecordSource says how a record was created. The service may add values.
type RecordSource string

// The known sources of records. The service does not document those of FromCampaign and
// FromDataset.
const (
	SourceDirectInput   RecordSource = "DIRECT_INPUT"   // Records.Create
	SourceExplorer      RecordSource = "EXPLORER"       // Imports.FromExplorer
	SourcePlayground    RecordSource = "PLAYGROUND"     // Imports.FromPlayground
	SourceTelemetrySpan RecordSource = "TELEMETRY_SPAN" // Imports.FromSpans
	SourceUploadedFile  RecordSource = "UPLOADED_FILE"  // Imports.FromFile and FromJSONL
)

// Record is an entry of a dataset. It has a payload, usually a conversation, and properties, such
// as the expected answer, for judges and for the caller. An evaluation that the service runs passes
// the payload to its task, not the properties.
type Record struct {
	ID         string       `json:"id"`
	DatasetID  string       `json:"dataset_id"`
	CreatedAt  time.Time    `json:"created_at"`
	UpdatedAt  time.Time    `json:"updated_at"`
	DeletedAt  *time.Time   `json:"deleted_at"` // nil unless deleted
	Payload    Object       `json:"payload"`
	Properties Object       `json:"properties"`
	Source     RecordSource `json:"source"`

	received `json:"-"`
}

// String returns the JSON that the record was decoded from. If its Payload or Properties have
// changed since, it returns the JSON that the record is encoded as.
func (r Record) String() string {
	for name, part := range map[string]Object{"payload": r.Payload, "properties": r.Properties} {
		if was, _ := r.raw.Get(name); !bytes.Equal(was, part) && (len(part) > 0 || string(was) != "null") {
			return jsonText(nil, r)
		}
	}
	return jsonText(r.raw, r)
}

// CreateRecordParams describes a new record. Payload and Properties may be anything that
// [NewObject] accepts: an [Object], a map, a struct, a [Conversation].
type CreateRecordParams struct {
	Payload    any          // required
	Properties any          // nil means {}
	Source     RecordSource // "" means the service's default, SourceDirectInput
}

// RecordsService creates, reads, changes, judges and deletes the records of datasets. Use it as
// [Client].Records.
type RecordsService struct{ client *Client }

// scan reads the next value as a record. It is faster than the JSON library, and like decodeValue
// it leaves a field of another type than documented zero. It returns false if the JSON is not
// valid.
func (r *Record) scan(s *jsonscan.Scanner) bool {
	*r = Record{}
	if s.Peek() != '{' {
		return s.Skip()
	}
	var object struct{ payload, properties byteRange }
	start := s.Pos()
	ok := s.Object(func(name []byte) bool {
		value, ok := s.Raw()
		if ok {
			switch string(name) {
			case "payload":
				object.payload = byteRange{s.Pos() - len(value), s.Pos()}
			case "properties":
				object.properties = byteRange{s.Pos() - len(value), s.Pos()}
			default:
				r.set(name, value)
			}
		}
		return ok
	})
	// One copy holds the whole record, so that keeping a record does not keep its page in memory.
	r.raw = bytes.Clone(s.Since(start))
	r.Payload, r.Properties = object.payload.of(r.raw, start), object.properties.of(r.raw, start)
	return ok
}

// set sets a field to a JSON value.
func (r *Record) set(name, value []byte) {
	switch string(name) {
	case "id":
		r.ID = textOf(value)
	case "dataset_id":
		r.DatasetID = textOf(value)
	case "created_at":
		r.CreatedAt, _ = timeOf(value)
	case "updated_at":
		r.UpdatedAt, _ = timeOf(value)
	case "deleted_at":
		r.DeletedAt = nil
		if at, ok := timeOf(value); ok {
			r.DeletedAt = new(at) // &at would allocate it for null too
		}
	case "source":
		r.Source = RecordSource(textOf(value))
	}
}

// of returns the value in the copy of a record that starts at the offset start. A null is nil.
func (r byteRange) of(raw Object, start int) Object {
	if r == (byteRange{}) || raw[r.start-start] == 'n' {
		return nil
	}
	return raw[r.start-start : r.end-start : r.end-start]
}

// List returns one page of a dataset's records. A page after the last one is empty.
//
// API: GET /v1/observability/datasets/{dataset_id}/records
//
// It returns an error that matches [ErrInvalidParams] if the page size is above [MaxPageSize], and
// one that matches [ErrNotFound] if there is no such dataset.
func (s *RecordsService) List(
	ctx context.Context, datasetID string, params ListParams, opts ...CallOption,
) (*Page[Record], error) {
	return s.list(datasetID, params, opts).page(ctx)
}

// All returns an iterator over a dataset's records, from page params.Page on. Each range over it
// requests the pages again. It yields at most one error, last: an error of [RecordsService.List],
// or one that matches [ErrNoProgress] if the service repeats pages.
//
// The loop may update records, but the service does not promise that an update keeps the order of
// the list. If the loop must see every record exactly once, collect the IDs first and update
// afterwards, with [RecordsService.Edit]: the records of the loop are as old as the request of
// their page, and pages are requested ahead.
//
// Records that are created or deleted during the loop, by the loop or by another program, shift the
// later pages: a record can be missed or come twice. To delete records, collect their IDs in the
// loop and call [RecordsService.DeleteAll] afterwards.
func (s *RecordsService) All(
	ctx context.Context, datasetID string, params ListParams, opts ...CallOption,
) iter.Seq2[*Record, error] {
	return s.list(datasetID, params, opts).items(ctx)
}

// Pages returns the pages that [RecordsService.All] reads. If Page.Total differs between two pages,
// records were created or deleted in the meantime.
func (s *RecordsService) Pages(
	ctx context.Context, datasetID string, params ListParams, opts ...CallOption,
) iter.Seq2[*Page[Record], error] {
	return s.list(datasetID, params, opts).pages(ctx)
}

func (s *RecordsService) list(datasetID string, params ListParams, opts []CallOption) list[Record] {
	return list[Record]{s.client, params, opts, request{
		name: "records.list", action: "list records", route: "GET /v1/observability/datasets/{dataset_id}/records",
		ids:      ids{datasetID},
		envelope: "records", required: hasID,
	}, func(r *Record) string { return r.ID }}
}

// Create adds a record to a dataset.
//
// API: POST /v1/observability/datasets/{dataset_id}/records
//
// It returns an error that matches [ErrInvalidParams] if the payload or the properties are not a
// JSON object, and one that matches [ErrNotFound] if there is no such dataset. It returns one that
// matches [ErrMaybeApplied] if the service may have created the record although the call failed.
// List the records before you repeat the call.
func (s *RecordsService) Create(
	ctx context.Context, datasetID string, params CreateRecordParams, opts ...CallOption,
) (*Record, error) {
	return fetch[Record](ctx, s.client, params.request(datasetID), opts)
}

func (p CreateRecordParams) request(datasetID string) request {
	body, err := p.body()
	return request{
		name: "records.create", action: "create record", route: "POST /v1/observability/datasets/{dataset_id}/records",
		ids: ids{datasetID}, body: body, err: err, creates: true,
		required: hasID,
	}
}

// body returns the JSON body. It holds the objects byte for byte, which an encoder would change.
func (p CreateRecordParams) body() ([]byte, error) {
	payload, err := newObject("Payload", p.Payload)
	if err != nil {
		return nil, err
	}
	properties, err := propertiesObject("Properties", p.Properties)
	if err != nil {
		return nil, err
	}
	end := []byte("}")
	if p.Source != "" {
		if end, err = encode(string(p.Source)); err != nil {
			return nil, invalid("Source", "it is not valid UTF-8")
		}
		end = slices.Concat([]byte(`,"source":`), end, []byte("}"))
	}
	return slices.Concat([]byte(`{"payload":`), payload, []byte(`,"properties":`), properties, end), nil
}

// Get returns a record.
//
// API: GET /v1/observability/dataset-records/{dataset_record_id}
//
// It returns an error that matches [ErrNotFound] if there is no such record.
func (s *RecordsService) Get(ctx context.Context, recordID string, opts ...CallOption) (*Record, error) {
	return fetch[Record](ctx, s.client, request{
		name: "records.get", action: "get record", route: "GET /v1/observability/dataset-records/{dataset_record_id}",
		ids:      ids{recordID},
		required: hasID,
	}, opts)
}

// Delete deletes a record.
//
// API: DELETE /v1/observability/dataset-records/{dataset_record_id}
//
// It returns an error that matches [ErrNotFound] if there is no such record. If a retry gets a 404
// and an earlier attempt may have deleted the record, it returns nil.
func (s *RecordsService) Delete(ctx context.Context, recordID string, opts ...CallOption) error {
	return exec(ctx, s.client, request{
		name: "records.delete", action: "delete record",
		route: "DELETE /v1/observability/dataset-records/{dataset_record_id}", ids: ids{recordID},
	}, opts)
}

type recordIDList struct {
	IDs []string `json:"dataset_record_ids"`
}

// checkIDs checks a list of IDs that goes into a body.
func checkIDs(name string, list []string, least, most int) error {
	if n := len(list); n < least || n > most {
		limits := fmt.Sprintf("%d to %d", least, most)
		if least == 0 {
			limits = fmt.Sprintf("at most %d", most)
		}
		return invalid(name, "it must have %s IDs, got %d", limits, n)
	}
	for i, id := range list {
		if id == "" {
			return invalid(name, "the ID at index %d is empty", i)
		}
	}
	return nil
}

// UpdatePayload replaces the payload of a record. payload may be anything that [NewObject] accepts.
// It overwrites changes that another program has made since the payload was read: to keep them, use
// [RecordsService.Edit].
//
// API: PUT /v1/observability/dataset-records/{dataset_record_id}/payload
//
// It returns an error that matches [ErrInvalidParams] if the payload is not a JSON object, and one
// that matches [ErrNotFound] if there is no such record.
func (s *RecordsService) UpdatePayload(ctx context.Context, recordID string, payload any, opts ...CallOption) error {
	object, err := newObject("payload", payload)
	return exec(ctx, s.client, request{
		name: "records.update_payload", action: "replace the payload of record",
		route: "PUT /v1/observability/dataset-records/{dataset_record_id}/payload", ids: ids{recordID},
		body: slices.Concat([]byte(`{"payload":`), object, []byte("}")), err: err,
	}, opts)
}

// UpdateProperties replaces all properties of a record. properties may be anything that [NewObject]
// accepts. nil means {}, which removes all properties; in a [RecordUpdate] nil keeps them. It
// overwrites changes that another program has made since the properties were read: to change one
// property, use [RecordsService.Edit].
//
// API: PUT /v1/observability/dataset-records/{dataset_record_id}/properties
//
// It returns an error that matches [ErrInvalidParams] if the properties are not a JSON object, and
// one that matches [ErrNotFound] if there is no such record.
func (s *RecordsService) UpdateProperties(
	ctx context.Context, recordID string, properties any, opts ...CallOption,
) error {
	object, err := propertiesObject("properties", properties)
	return exec(ctx, s.client, request{
		name: "records.update_properties", action: "replace the properties of record",
		route: "PUT /v1/observability/dataset-records/{dataset_record_id}/properties", ids: ids{recordID},
		body: slices.Concat([]byte(`{"properties":`), object, []byte("}")), err: err,
	}, opts)
}

// DecodedRecord is a record with its decoded payload and properties.
type DecodedRecord[P, Q any] struct {
	Record     *Record
	Payload    P
	Properties Q
}

// DecodeRecords decodes the payload and the properties of each record with [Object.Decode]. records
// is, for example, the result of [RecordsService.All]. If a part of a record does not fit its type,
// DecodeRecords yields an error together with the Record, and the loop may go on. If the input
// fails, it yields that error with a nil Record and ends.
//
//	for row, err := range mistralobs.DecodeRecords[mistralobs.Conversation, Scores](records) {
//		switch {
//		case row.Record == nil:
//			return err // the input failed
//		case err != nil:
//			log.Print(err) // this record does not fit
//			continue
//		}
//		…
//	}
func DecodeRecords[P, Q any](records iter.Seq2[*Record, error]) iter.Seq2[DecodedRecord[P, Q], error] {
	return func(yield func(DecodedRecord[P, Q], error) bool) {
		if records == nil {
			yield(DecodedRecord[P, Q]{}, attempted("decoding records", invalid("records", "the sequence is nil")))
			return
		}
		for record, err := range records {
			if err != nil {
				yield(DecodedRecord[P, Q]{}, err)
				return
			}
			decoded := DecodedRecord[P, Q]{Record: record}
			part := "payload"
			if err = record.Payload.decode(&decoded.Payload); err == nil {
				part = "properties"
				err = record.Properties.decode(&decoded.Properties)
			}
			if err != nil {
				decoded = DecodedRecord[P, Q]{Record: record}
				err = fmt.Errorf("mistralobs: decoding the %s of record %s: %w", part, token(record.ID), err)
			}
			if !yield(decoded, err) {
				return
			}
		}
	}
}
