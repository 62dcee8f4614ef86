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

// Every fault does what its documentation says, over sockets and in memory.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range faultTests() {
		networks := map[string][]mistralobstest.Option{
			"socket": nil,
			"memory": {mistralobstest.WithInMemoryNetwork()},
		}
		for network, opts := range networks {
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
				r = a.do("POST", datasets, `{"name":"Test data","description":""}`)
				assert.Equal(t, 201, r.status, "the fault is used up")
			})
		}
	}
}

type faultTest struct {
	fault   mistralobstest.Fault
	applied bool
	check   func(*testing.T, response, error)
}

func faultTests() map[string]faultTest {
	return map[string]faultTest{
		"refused":      {fault: mistralobstest.Fault{Break: mistralobstest.Refuse}, check: isRefused},
		"reset unread": {fault: mistralobstest.Fault{Break: mistralobstest.ResetUnread}, check: isReset},
		"reset, applied": {fault: mistralobstest.Fault{Break: mistralobstest.ResetUnanswered}, applied: true,
			check: isReset},
		"reset in body": {
			fault:   mistralobstest.Fault{Break: mistralobstest.ResetBody, After: 10},
			applied: true, check: isReset,
		},
		"truncated": {
			fault:   mistralobstest.Fault{Break: mistralobstest.TruncateBody, After: 10},
			applied: true, check: isTruncated,
		},
		"a status": {
			fault: mistralobstest.Fault{Status: 503, Body: "busy", Header: http.Header{"retry-after": {"-1"}}},
			check: func(t *testing.T, r response, err error) {
				answered(503, "busy")(t, r, err)
				assert.Equal(t, "-1", r.header.Get("Retry-After"))
			},
		},
		"applied, status": {
			fault:   mistralobstest.Fault{Status: 502, Body: "<html>", Apply: true},
			applied: true, check: answered(502, "<html>"),
		},
		"HTML":  {fault: mistralobstest.Fault{Status: 200, Body: "<html>"}, check: answered(200, "<html>")},
		"empty": {fault: mistralobstest.Fault{Status: 200}, check: answered(200, "")},
		"a redirect": {
			fault:   mistralobstest.Fault{Status: 307, Header: http.Header{"Location": {datasets}}},
			applied: true, check: answered(201, "Test data"),
		},
		"compressed": {fault: mistralobstest.Fault{Gzip: true}, applied: true, check: answered(201, "Test data")},
		"an added header": {
			fault:   mistralobstest.Fault{Header: http.Header{"x-more": {"1"}}},
			applied: true,
			check: func(t *testing.T, r response, err error) {
				answered(201, "Test data")(t, r, err)
				assert.Equal(t, "1", r.header.Get("X-More"))
			},
		},
		"large": {
			fault: mistralobstest.Fault{Status: 200, BodySize: 5 << 20},
			check: func(t *testing.T, r response, err error) {
				require.NoError(t, err)
				assert.Len(t, r.body, 5<<20)
			},
		},
		"slow": {
			fault:   mistralobstest.Fault{Delay: time.Millisecond},
			applied: true, check: answered(201, "Test data"),
		},
	}
}

func isRefused(t *testing.T, _ response, err error) { assert.ErrorIs(t, err, syscall.ECONNREFUSED) }

func isReset(t *testing.T, _ response, err error) {
	eof := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	assert.True(t, eof || errors.Is(err, syscall.ECONNRESET), err)
}

func isTruncated(t *testing.T, r response, err error) {
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Len(t, r.body, 10)
}

func answered(status int, body string) func(*testing.T, response, error) {
	return func(t *testing.T, r response, err error) {
		require.NoError(t, err)
		assert.Equal(t, status, r.status)
		assert.Contains(t, r.body, body)
	}
}

// A stalled call lasts until the client disconnects, and leaves no connection open.
func TestStalls(t *testing.T) {
	t.Parallel()
	faults := map[string]mistralobstest.Fault{
		"header":       {Break: mistralobstest.StallHeader},
		"body":         {Break: mistralobstest.StallBody, After: 3},
		"made-up body": {Status: 200, BodySize: 100, Break: mistralobstest.StallBody, After: 3},
	}
	for name, fault := range faults {
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

// A response without a body has nothing that could break. Its connection serves the next request.
func TestBreaksOfAnEmptyBody(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]mistralobstest.Break{
		"reset": mistralobstest.ResetBody, "truncated": mistralobstest.TruncateBody,
		"stalled": mistralobstest.StallBody,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				a := newAPI(t, mistralobstest.WithInMemoryNetwork())
				id, _ := a.dataset()
				a.server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsDelete, Break: how})
				assert.Equal(t, 204, a.do("DELETE", datasets+"/"+id, "").status)
				assert.Equal(t, 200, a.do("GET", datasets, "").status)
				a.client.CloseIdleConnections()
				synctest.Wait()
				assert.Zero(t, a.server.OpenConnections())
			})
		})
	}
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
