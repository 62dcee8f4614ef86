package mistralobstest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The limits of names and descriptions, in Unicode code points.
const (
	minName        = 5
	maxName        = 50
	maxDescription = 200
)

func (s *Server) listDatasets(r *http.Request) (answer, error) {
	c := check(r)
	p := c.page()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, _, unlock := s.lock()
	defer unlock()
	found := d.search(r.URL.Query().Get("q"))
	return pageOf("datasets", found, p, d.datasetJSON), nil
}

// search returns the datasets whose name or description contains the text.
func (d *store) search(text string) []*dataset {
	if text == "" {
		return d.datasets
	}
	text = strings.ToLower(text)
	var found []*dataset
	for _, ds := range d.datasets {
		if strings.Contains(strings.ToLower(ds.name+"\n"+ds.description), text) {
			found = append(found, ds)
		}
	}
	return found
}

func (s *Server) createDataset(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	name := c.text("name", true, minName, maxName)
	description := c.text("description", true, 0, maxDescription)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, now, unlock := s.lock()
	defer unlock()
	ds := d.addDataset(*name, *description, now)
	return answer{http.StatusCreated, d.datasetJSON(ds)}, nil
}

func (s *Server) getDataset(r *http.Request) (answer, error) {
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		return answer{http.StatusOK, d.datasetJSON(ds)}, nil
	})
}

func (s *Server) deleteDataset(r *http.Request) (answer, error) {
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		d.removeDataset(ds)
		return answer{status: http.StatusNoContent}, nil
	})
}

func (s *Server) updateDataset(r *http.Request) (answer, error) {
	c := check(r)
	c.readBody()
	name := c.text("name", false, minName, maxName)
	description := c.text("description", false, 0, maxDescription)
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		if name != nil {
			ds.name = *name
		}
		if description != nil {
			ds.description = *description
		}
		ds.updated = time.UnixMilli(later(ds.updated.UnixMilli(), s.options.now()))
		return answer{http.StatusOK, d.datasetJSON(ds)}, nil
	})
}

// withDataset calls f with the dataset that the path names, under the lock.
func (s *Server) withDataset(r *http.Request, f func(*store, *dataset) (answer, error)) (answer, error) {
	id := r.PathValue("dataset_id")
	d, _, unlock := s.lock()
	defer unlock()
	ds := d.findDataset(id)
	if ds == nil {
		message := fmt.Sprintf("Dataset %s not found", id)
		return answer{}, apiError(http.StatusNotFound, "DATASET_NOT_FOUND", message)
	}
	return f(d, ds)
}

func (d *store) datasetJSON(ds *dataset) []byte {
	return new(object).stamps(ds.id, ds.created, ds.updated).set("name", ds.name).set("description", ds.description).
		set("slug", ds.slug).set("owner_id", d.owner).set("workspace_id", d.workspace).bytes()
}

// Dataset is a dataset on the server.
type Dataset struct {
	ID, Slug, Name, Description string
}

// Datasets returns the existing datasets in the order of creation.
func (s *Server) Datasets() []Dataset {
	d, _, unlock := s.lock()
	defer unlock()
	datasets := make([]Dataset, len(d.datasets))
	for i, ds := range d.datasets {
		datasets[i] = Dataset{ID: ds.id, Slug: ds.slug, Name: ds.name, Description: ds.description}
	}
	return datasets
}
