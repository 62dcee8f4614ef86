package mistralobstest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

const maxBulkDelete = 500

// The sources of records that clients add one by one.
const (
	sourceDirectInput   = "DIRECT_INPUT"
	sourceTelemetrySpan = "TELEMETRY_SPAN"
)

func (s *Server) listRecords(r *http.Request) (answer, error) {
	c := check(r)
	p := c.page()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(_ *store, ds *dataset) (answer, error) {
		return pageOf("records", ds.records, p, (*record).json), nil
	})
}

func (s *Server) createRecord(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	record := Conversation{Payload: c.payload(), Properties: c.object("properties", false)}
	source := c.enum("source", sourceDirectInput, sourceTelemetrySpan)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		rec := d.addRecord(ds, record, source, s.options.now())
		return answer{http.StatusCreated, rec.json()}, nil
	})
}

func (s *Server) getRecord(r *http.Request) (answer, error) {
	return s.withRecord(r, func(_ *store, rec *record) (answer, error) {
		return answer{http.StatusOK, rec.json()}, nil
	})
}

func (s *Server) deleteRecord(r *http.Request) (answer, error) {
	return s.withRecord(r, func(d *store, rec *record) (answer, error) {
		d.removeRecords(map[*record]bool{rec: true})
		return answer{status: http.StatusNoContent}, nil
	})
}

// deleteRecords deletes the records that exist and ignores the other ids.
func (s *Server) deleteRecords(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	ids := c.ids("dataset_record_ids", 1, maxBulkDelete, true)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, _, unlock := s.lock()
	defer unlock()
	gone := map[*record]bool{}
	for _, id := range ids {
		if rec := d.recordByID[strings.ToLower(id)]; rec != nil {
			gone[rec] = true
		}
	}
	d.removeRecords(gone)
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) updatePayload(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	payload := c.payload()
	return s.update(c, func(rec *record) { rec.payload = payload })
}

func (s *Server) updateProperties(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	properties := c.object("properties", true)
	return s.update(c, func(rec *record) { rec.properties = properties })
}

func (s *Server) update(c *checker, change func(*record)) (answer, error) {
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withRecord(c.r, func(_ *store, rec *record) (answer, error) {
		change(rec)
		rec.updated = later(rec.updated, s.options.now())
		return answer{status: http.StatusNoContent}, nil
	})
}

// withRecord calls f with the record that the path names, under the lock.
func (s *Server) withRecord(r *http.Request, f func(*store, *record) (answer, error)) (answer, error) {
	c := check(r)
	id := c.pathID("dataset_record_id")
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, _, unlock := s.lock()
	defer unlock()
	rec := d.recordByID[strings.ToLower(id)]
	if rec == nil {
		return answer{}, recordNotFound(id)
	}
	return f(d, rec)
}

func recordNotFound(id string) *failure {
	message := fmt.Sprintf("Dataset record %s not found", id)
	return apiError(http.StatusNotFound, "DATASET_RECORD_NOT_FOUND", message)
}

func (rec *record) json() []byte {
	return stamps(rec.id, rec.created, rec.updated).set("dataset_id", rec.dataset.id).
		raw("payload", rec.payload).raw("properties", rec.properties).set("source", rec.source).bytes()
}

// A Record is a record that the server holds.
type Record struct {
	ID                  string
	Payload, Properties json.RawMessage // byte for byte as the client sent them
	Source              string
}

// Records returns the records of a dataset in the order of creation, or nil if
// the dataset does not exist. datasetID is an id or a slug.
func (s *Server) Records(datasetID string) []Record {
	d, _, unlock := s.lock()
	defer unlock()
	ds := d.findDataset(datasetID)
	if ds == nil {
		return nil
	}
	records := make([]Record, len(ds.records))
	for i, rec := range ds.records {
		records[i] = Record{ID: rec.id, Payload: rec.payload, Properties: rec.properties, Source: rec.source}
	}
	return records
}
