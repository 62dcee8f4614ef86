package mistralobstest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// The limits of the API, as its description states them.
const (
	defaultPageSize = 50
	maxPageSize     = 100
	minName         = 5
	maxName         = 50
	maxDescription  = 200
)

func (s *Server) listDatasets(r *http.Request) (answer, error) {
	c := check(r)
	p := c.page()
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, _, unlock := s.lock()
	defer unlock()
	found := d.datasets
	if q := strings.ToLower(r.URL.Query().Get("q")); q != "" {
		found = nil
		for _, ds := range d.datasets {
			if strings.Contains(strings.ToLower(ds.name+"\n"+ds.description), q) {
				found = append(found, ds)
			}
		}
	}
	return pageOf("datasets", found, p, func(ds *dataset) []byte { return d.datasetJSON(ds) }), nil
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
		ds.updated = later(ds.updated, s.options.now())
		return answer{http.StatusOK, d.datasetJSON(ds)}, nil
	})
}

// withDataset runs f on the dataset that the path names, under the lock.
func (s *Server) withDataset(r *http.Request, f func(*store, *dataset) (answer, error)) (answer, error) {
	c := check(r)
	id := c.pathID("dataset_id")
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, _, unlock := s.lock()
	defer unlock()
	ds := d.datasetByID[strings.ToLower(id)]
	if ds == nil {
		return answer{}, apiError(http.StatusNotFound, "DATASET_NOT_FOUND", fmt.Sprintf("Dataset %s not found", id))
	}
	return f(d, ds)
}

func (d *store) datasetJSON(ds *dataset) []byte {
	return stamps(ds.id, ds.created, ds.updated).set("name", ds.name).set("description", ds.description).
		set("owner_id", d.owner).set("workspace_id", d.workspace).bytes()
}

// A page is the part of a list that a request asks for.
type page struct {
	number, size int
	url          *url.URL // of the request
}

func (c *checker) page() page {
	return page{
		number: c.queryInt("page", 1, 1, 1<<31-1), size: c.queryInt("page_size", defaultPageSize, 0, maxPageSize), url: c.r.URL,
	}
}

// link is the address of another page.
func (p page) link(number int) string {
	query := p.url.Query()
	query.Set("page", strconv.Itoa(number))
	query.Set("page_size", strconv.Itoa(p.size))
	return p.url.Path + "?" + query.Encode()
}

// pageOf cuts a page out of a list and writes it in its envelope.
func pageOf[T any](envelope string, list []T, p page, write func(T) []byte) answer {
	start := len(list)
	if p.size > 0 && p.number-1 <= len(list)/p.size { // which also keeps the product small
		start = min(len(list), (p.number-1)*p.size)
	}
	end := min(len(list), start+p.size)
	results := []byte{'['}
	for i, item := range list[start:end] {
		if i > 0 {
			results = append(results, ',')
		}
		results = append(results, write(item)...)
	}
	var next, previous any
	if end < len(list) {
		next = p.link(p.number + 1)
	}
	if p.number > 1 {
		previous = p.link(p.number - 1)
	}
	body := new(object).raw("results", append(results, ']')).set("count", len(list)).set("next", next).set("previous", previous).bytes()
	return answer{http.StatusOK, new(object).raw(envelope, body).bytes()}
}
