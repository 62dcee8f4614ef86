package mistralobstest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const (
	maxExplorerImport = 500
	maxDatasetImport  = 10_000
)

// The sources that imports give their records.
const (
	sourceExplorer     = "EXPLORER"
	sourceUploadedFile = "UPLOADED_FILE"
	sourcePlayground   = "PLAYGROUND"
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
			return answer{}, apiError(http.StatusNotFound, "CAMPAIGN_NOT_FOUND", fmt.Sprintf("Campaign %s not found", *id))
		case len(events) == 0:
			return answer{}, apiError(http.StatusNotFound, "CAMPAIGN_NO_MATCHING_EVENTS", fmt.Sprintf("Campaign %s has no matching events", *id))
		}
		return s.startTask(d, ds, ImportsFromCampaign, func() ([]loaded, error) { return withSource(events, sourceExplorer), nil })
	})
}

func (s *Server) importExplorer(r *http.Request) (answer, error) {
	return s.importKnown(r, "completion_event_ids", maxExplorerImport, ImportsFromExplorer, sourceExplorer, func(d *store) map[string]Conversation { return d.events })
}

func (s *Server) importPlayground(r *http.Request) (answer, error) {
	return s.importKnown(r, "conversation_ids", -1, ImportsFromPlayground, sourcePlayground, func(d *store) map[string]Conversation { return d.conversations })
}

// importKnown imports what was seeded under the ids of the body. Like the
// workflow behind the service it finds out late that an id is unknown.
func (s *Server) importKnown(r *http.Request, name string, most int, operation, source string, seeded func(*store) map[string]Conversation) (answer, error) {
	c := check(r)
	c.readBody()
	ids := c.ids(name, 0, most, false)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		return s.startTask(d, ds, operation, func() ([]loaded, error) {
			var found []Conversation
			var unknown []string
			for _, id := range ids {
				if c, ok := seeded(d)[id]; ok {
					found = append(found, c)
				} else {
					unknown = append(unknown, id)
				}
			}
			if unknown != nil {
				return nil, fmt.Errorf("unknown %s: %s", name, strings.Join(unknown, ", "))
			}
			return withSource(found, source), nil
		})
	})
}

func withSource(conversations []Conversation, source string) []loaded {
	records := make([]loaded, len(conversations))
	for i, c := range conversations {
		records[i] = loaded{c, source}
	}
	return records
}

func (s *Server) importDataset(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	ids := c.ids("dataset_record_ids", 1, maxDatasetImport, true)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		return s.startTask(d, ds, ImportsFromDataset, func() ([]loaded, error) { return d.copies(ids) })
	})
}

// copies returns the records of the ids, each with the source it has.
func (d *store) copies(ids []string) ([]loaded, error) {
	var records []loaded
	var unknown []string
	for _, id := range ids {
		if rec := d.recordByID[strings.ToLower(id)]; rec != nil {
			records = append(records, loaded{Conversation{slices.Clone(rec.payload), slices.Clone(rec.properties)}, rec.source})
		} else {
			unknown = append(unknown, id)
		}
	}
	if unknown != nil {
		return nil, fmt.Errorf("unknown dataset_record_ids: %s", strings.Join(unknown, ", "))
	}
	return records, nil
}

func (s *Server) importFile(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	id := c.text("file_id", true, 0, -1)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		return s.startTask(d, ds, ImportsFromFile, func() ([]loaded, error) {
			f := d.files[strings.ToLower(*id)]
			if f == nil || s.options.now().After(f.expires) {
				return nil, fmt.Errorf("file %s not found", *id)
			}
			records, err := readJSONL(f.path)
			return withSource(records, sourceUploadedFile), err
		})
	})
}
