package mistralobstest

import (
	"net/http"
	"net/url"
	"strconv"
)

// page sizes of the API.
const (
	defaultPageSize = 50
	maxPageSize     = 100
)

// page is the part of a list that a client requests.
type page struct {
	number, size int
	url          *url.URL // of the request
}

func (c *checker) page() page {
	return page{
		number: c.queryInt("page", 1, 1, 1<<31-1),
		size:   c.queryInt("page_size", defaultPageSize, 0, maxPageSize),
		url:    c.r.URL,
	}
}

// link returns the path and query of another page.
func (p page) link(number int) string {
	query := p.url.Query()
	query.Set("page", strconv.Itoa(number))
	query.Set("page_size", strconv.Itoa(p.size))
	return p.url.Path + "?" + query.Encode()
}

// pageOf writes one page of a list in its envelope.
func pageOf[T any](envelope string, list []T, p page, write func(T) []byte) answer {
	start := len(list)
	if p.size > 0 && p.number-1 <= len(list)/p.size { // the product below cannot overflow
		start = min(len(list), (p.number-1)*p.size)
	}
	end := min(len(list), start+p.size)
	var next, previous any
	if end < len(list) {
		next = p.link(p.number + 1)
	}
	if p.number > 1 {
		previous = p.link(p.number - 1)
	}
	body := new(object).raw("results", jsonArray(list[start:end], write)).set("count", len(list)).
		set("next", next).set("previous", previous).bytes()
	return answer{http.StatusOK, new(object).raw(envelope, body).bytes()}
}

func jsonArray[T any](items []T, write func(T) []byte) []byte {
	array := []byte{'['}
	for i, item := range items {
		if i > 0 {
			array = append(array, ',')
		}
		array = append(array, write(item)...)
	}
	return append(array, ']')
}
