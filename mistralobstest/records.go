package mistralobstest

import (
	"encoding/json"
	"fmt"
	"net/http"
)

const maxBulkDelete = 500

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
	record := RecordSeed{Payload: c.object("payload", true), Properties: c.properties()}
	from := c.enum("source", sourceDirectInput.String(), sourceTelemetrySpan.String())
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		rec := d.addRecord(ds, record, sourceOf(from), s.options.now())
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
		d.removeRecords([]*record{rec})
		return answer{status: http.StatusNoContent}, nil
	})
}

// deleteRecords deletes the records that exist and ignores the other IDs.
func (s *Server) deleteRecords(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	ids := c.ids("dataset_record_ids", 1, maxBulkDelete, true)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, _, unlock := s.lock()
	defer unlock()
	var gone []*record
	for _, id := range ids {
		if rec := d.findRecord(id); rec != nil {
			gone = append(gone, rec)
		}
	}
	d.removeRecords(gone)
	return answer{status: http.StatusNoContent}, nil
}

func (s *Server) updatePayload(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	payload := c.object("payload", true)
	return s.update(c, func(old content) content { return newContent(payload, old.properties()) })
}

func (s *Server) updateProperties(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	properties := c.object("properties", true)
	return s.update(c, func(old content) content { return newContent(old.payload(), properties) })
}

func (s *Server) update(c *checker, change func(content) content) (answer, error) {
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withRecord(c.r, func(_ *store, rec *record) (answer, error) {
		rec.content = change(rec.content)
		rec.dataset.revision++
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
	rec := d.findRecord(id)
	if rec == nil {
		return answer{}, recordNotFound(id)
	}
	return f(d, rec)
}

func recordNotFound(id string) *failure {
	message := fmt.Sprintf("Dataset record %s not found", id)
	return apiError(http.StatusNotFound, "DATASET_RECORD_NOT_FOUND", message)
}

// Record is a record on the server.
type Record struct {
	ID                  string
	Payload, Properties json.RawMessage // byte for byte as the client sent them
	Source              string          // such as DIRECT_INPUT
}

// Records returns the records of a dataset in the order of creation, or nil if the dataset does not
// exist. datasetID is an ID or a slug.
func (s *Server) Records(datasetID string) []Record {
	d, _, unlock := s.lock()
	defer unlock()
	ds := d.findDataset(datasetID)
	if ds == nil {
		return nil
	}
	records := make([]Record, len(ds.records))
	for i, rec := range ds.records {
		records[i] = Record{
			ID: rec.id.String(), Payload: rec.content.payload(), Properties: rec.content.properties(),
			Source: rec.source.String(),
		}
	}
	return records
}
