package mistralobstest_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// Every fault does what its comment says, over sockets and in memory.
func TestFaults(t *testing.T) {
	t.Parallel()
	reset := func(t *testing.T, _ response, err error) {
		assert.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF), err)
	}
	truncated := func(t *testing.T, r response, err error) {
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Len(t, r.body, 10)
	}
	answered := func(status int, body string) func(*testing.T, response, error) {
		return func(t *testing.T, r response, err error) {
			require.NoError(t, err)
			assert.Equal(t, status, r.status)
			assert.Contains(t, r.body, body)
		}
	}
	tests := map[string]struct {
		fault   mistralobstest.Fault
		applied bool
		check   func(*testing.T, response, error)
	}{
		"refused":        {mistralobstest.Fault{Break: mistralobstest.Refuse}, false, func(t *testing.T, _ response, err error) { assert.ErrorIs(t, err, syscall.ECONNREFUSED) }},
		"reset unread":   {mistralobstest.Fault{Break: mistralobstest.ResetUnread}, false, reset},
		"reset, applied": {mistralobstest.Fault{Break: mistralobstest.ResetUnanswered}, true, reset},
		"reset in body":  {mistralobstest.Fault{Break: mistralobstest.ResetBody, After: 10}, true, reset},
		"truncated":      {mistralobstest.Fault{Break: mistralobstest.TruncateBody, After: 10}, true, truncated},
		"a status": {mistralobstest.Fault{Status: 503, Body: "busy", Header: http.Header{"Retry-After": {"-1"}}}, false, func(t *testing.T, r response, err error) {
			answered(503, "busy")(t, r, err)
			assert.Equal(t, "-1", r.header.Get("Retry-After"))
		}},
		"applied, status": {mistralobstest.Fault{Status: 502, Body: "<html>", Apply: true}, true, answered(502, "<html>")},
		"HTML":            {mistralobstest.Fault{Status: 200, Body: "<html>"}, false, answered(200, "<html>")},
		"empty":           {mistralobstest.Fault{Status: 200}, false, answered(200, "")},
		"a redirect":      {mistralobstest.Fault{Status: 307, Header: http.Header{"Location": {datasets}}}, true, answered(201, "Test data")},
		"compressed":      {mistralobstest.Fault{Gzip: true}, true, answered(201, "Test data")},
		"a header more": {mistralobstest.Fault{Header: http.Header{"x-more": {"1"}}}, true, func(t *testing.T, r response, err error) {
			answered(201, "Test data")(t, r, err)
			assert.Equal(t, "1", r.header.Get("X-More"))
		}},
		"large": {mistralobstest.Fault{Status: 200, BodySize: 5 << 20}, false, func(t *testing.T, r response, err error) { require.NoError(t, err); assert.Len(t, r.body, 5<<20) }},
		"slow":  {mistralobstest.Fault{Delay: time.Millisecond}, true, answered(201, "Test data")},
	}
	for name, test := range tests {
		for network, opts := range map[string][]mistralobstest.Option{"socket": nil, "memory": {mistralobstest.WithInMemoryNetwork()}} {
			t.Run(name+" over "+network, func(t *testing.T) {
				t.Parallel()
				a := newAPI(t, opts...)
				fault := test.fault
				fault.Operation = mistralobstest.DatasetsCreate
				a.server.Inject(fault)
				r, err := a.try("POST", datasets, `{"name":"Test data","description":""}`)
				test.check(t, r, err)
				assert.Equal(t, test.applied, len(a.server.Datasets()) == 1, "applied")
				a.server.ClearFaults()
				assert.Equal(t, 201, a.do("POST", datasets, `{"name":"Test data","description":""}`).status, "it is over")
			})
		}
	}
}

// What stalls does so until the client leaves, and then leaves nothing behind.
func TestStalls(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]mistralobstest.Fault{
		"header": {Break: mistralobstest.StallHeader}, "body": {Break: mistralobstest.StallBody, After: 3}, "made-up body": {Status: 200, BodySize: 100, Break: mistralobstest.StallBody, After: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, mistralobstest.WithInMemoryNetwork())
				a.server.Inject(fault)
				a.client.Timeout = time.Hour
				start := time.Now()
				_, err := a.try("GET", datasets, "")
				require.ErrorIs(t, err, context.DeadlineExceeded)
				assert.Equal(t, time.Hour, time.Since(start))
				a.client.CloseIdleConnections()
				synctest.Wait()
				assert.Zero(t, a.server.OpenConnections())
			})
		})
	}
}

func TestWhichCallsAreHit(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	statuses := func(n int) (got []int) {
		for range n {
			got = append(got, a.do("GET", datasets, "").status)
		}
		return got
	}
	a.server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsCreate, Status: 500, Times: -1})
	a.server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsList, Status: 501, Skip: 1, Times: 2})
	a.server.Inject(mistralobstest.Fault{Status: 502})
	assert.Equal(t, []int{502, 501, 501, 200, 200}, statuses(5))
	assert.Equal(t, 500, a.do("POST", datasets, `{}`).status)
	a.server.ClearFaults()

	draw := func() []int {
		a.server.Inject(mistralobstest.Fault{Status: 503, Times: -1, Probability: 0.2, Seed: 7})
		defer a.server.ClearFaults()
		return statuses(200)
	}
	first := draw()
	assert.Equal(t, first, draw(), "the same seed draws the same calls")
	hits := 0
	for _, status := range first {
		if status == 503 {
			hits++
		}
	}
	assert.InDelta(t, 40, hits, 25)
	assert.Panics(t, func() { a.server.Inject(mistralobstest.Fault{Operation: "nonsense"}) })
}

func TestFaultsOfDownloads(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, _ := a.dataset(`{"text":"` + strings.Repeat("x", 5000) + `"}`)
	url := a.do("GET", datasets+"/"+id+"/exports/to-jsonl", "").json(t, "file_url").(string)
	get := func(fault mistralobstest.Fault) (response, error) {
		fault.Operation = mistralobstest.ExportsDownload
		a.server.Inject(fault)
		return a.try("GET", url, "", "Authorization", "", "Range", "bytes=100-")
	}
	r, err := get(mistralobstest.Fault{})
	require.NoError(t, err)
	assert.Equal(t, 206, r.status)
	whole := len(r.body) + 100
	r, err = get(mistralobstest.Fault{IgnoreRange: true, ETag: `"changed"`})
	require.NoError(t, err)
	assert.Equal(t, []any{200, whole, `"changed"`}, []any{r.status, len(r.body), r.header.Get("ETag")})
	r, err = get(mistralobstest.Fault{Break: mistralobstest.TruncateBody, After: 1000})
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Len(t, r.body, 1000)
}
