package mistralobstest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	maxExplorerImport = 500
	maxDatasetImport  = 10_000
)

func (s *Server) importCampaign(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	id := c.text("campaign_id", true, 0, -1)
	if id != nil {
		c.uuid(*id, "body", "campaign_id")
	}
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		events, known := d.campaigns[strings.ToLower(*id)]
		switch {
		case !known:
			message := fmt.Sprintf("Campaign %s not found", *id)
			return answer{}, apiError(http.StatusNotFound, "CAMPAIGN_NOT_FOUND", message)
		case len(events) == 0:
			message := fmt.Sprintf("Campaign %s has no matching events", *id)
			return answer{}, apiError(http.StatusNotFound, "CAMPAIGN_NO_MATCHING_EVENTS", message)
		}
		load := func() (imported, error) { return withSource(events, sourceExplorer), nil }
		return s.startTask(d, ds, ImportsFromCampaign, load)
	})
}

func (s *Server) importExplorer(r *http.Request) (answer, error) {
	return s.importSeeded(r, seededImport{
		operation: ImportsFromExplorer, field: "completion_event_ids", limit: maxExplorerImport,
		source: sourceExplorer, seeds: func(d *store) map[string]RecordSeed { return d.events },
	})
}

func (s *Server) importPlayground(r *http.Request) (answer, error) {
	return s.importSeeded(r, seededImport{
		operation: ImportsFromPlayground, field: "conversation_ids", limit: -1,
		source: sourcePlayground, seeds: func(d *store) map[string]RecordSeed { return d.conversations },
	})
}

// seededImport describes an import of conversations by their IDs.
type seededImport struct {
	operation, field string
	source           source
	limit            int // negative for no limit
	seeds            func(*store) map[string]RecordSeed
}

// importSeeded imports the conversations whose IDs are in the body. If an ID is unknown, the task
// fails, not the request.
func (s *Server) importSeeded(r *http.Request, imp seededImport) (answer, error) {
	c := check(r)
	c.readBody()
	ids := c.ids(imp.field, 0, imp.limit, false)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		return s.startTask(d, ds, imp.operation, func() (imported, error) {
			var found []RecordSeed
			var unknown []string
			for _, id := range ids {
				if c, ok := imp.seeds(d)[id]; ok {
					found = append(found, c)
				} else {
					unknown = append(unknown, id)
				}
			}
			if unknown != nil {
				return imported{}, fmt.Errorf("unknown %s: %s", imp.field, strings.Join(unknown, ", "))
			}
			return withSource(found, imp.source), nil
		})
	})
}

func withSource(conversations []RecordSeed, from source) imported {
	records := make([]loaded, len(conversations))
	for i, c := range conversations {
		records[i] = loaded{c, from}
	}
	return imported{records: records}
}

func (s *Server) importDataset(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	ids := c.ids("dataset_record_ids", 1, maxDatasetImport, true)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		return s.startTask(d, ds, ImportsFromDataset, func() (imported, error) { return d.copies(ids) })
	})
}

// copies returns copies of the records with the IDs. Each keeps its source.
func (d *store) copies(ids []string) (imported, error) {
	var records []loaded
	var unknown []string
	for _, id := range ids {
		if rec := d.findRecord(id); rec != nil {
			c := RecordSeed{Payload: rec.content.payload(), Properties: rec.content.properties()}
			records = append(records, loaded{c, rec.source})
		} else {
			unknown = append(unknown, id)
		}
	}
	if unknown != nil {
		return imported{}, fmt.Errorf("unknown dataset_record_ids: %s", strings.Join(unknown, ", "))
	}
	return imported{records: records}, nil
}

func (s *Server) importFile(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	id := c.text("file_id", true, 0, -1)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	result, failed := s.importedFile(strings.ToLower(*id)) // not under the lock, since it may be large
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		return s.startTask(d, ds, ImportsFromFile, func() (imported, error) { return result, failed })
	})
}

// importedFile returns the records of an uploaded file.
func (s *Server) importedFile(id string) (imported, error) {
	content, err := s.openFile(id)
	if err != nil {
		return imported{}, err
	}
	records, err := readJSONL(content)
	return withSource(records, sourceUploadedFile), err
}

// openFile returns a reader of an uploaded file.
func (s *Server) openFile(id string) (io.Reader, error) {
	d, now, unlock := s.lock()
	defer unlock()
	f := d.files[id]
	if f == nil || now.After(f.expires) {
		return nil, fmt.Errorf("file %s not found", id)
	}
	return io.NewSectionReader(f.content, 0, f.size), nil
}
