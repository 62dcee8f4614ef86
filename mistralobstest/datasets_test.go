package mistralobstest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDatasetsAreSearched(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, query, want string }{
		{name: "all, in the order of creation", want: "Tickets,Invoices,Other tickets"},
		{name: "in names, in any case", query: "?q=tIcKets", want: "Tickets,Other tickets"},
		{name: "in descriptions", query: "?q=quarter", want: "Invoices"},
		{name: "nowhere", query: "?q=nothing"},
	}
	a := newAPI(t)
	for _, body := range []string{
		`{"name":"Tickets","description":""}`,
		`{"name":"Invoices","description":"of the last QUARTER"}`,
		`{"name":"Other tickets","description":""}`,
	} {
		assert.Equal(t, 201, a.do("POST", datasets, body).status)
	}
	for _, test := range tests {
		assert.Equal(t, test.want, a.do("GET", datasets+test.query, "").feed(t, "datasets", "name"), test.name)
	}
}

func TestDatasetsAreUpdated(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	id, _ := a.dataset()
	before := a.do("GET", datasets+"/"+id, "")
	tests := []struct{ name, body, wantName, wantDescription string }{
		{name: "nothing", body: `{}`, wantName: "Test data"},
		{name: "nulls", body: `{"name":null,"description":null}`, wantName: "Test data"},
		{name: "a description", body: `{"description":"New"}`, wantName: "Test data", wantDescription: "New"},
		{name: "a name", body: `{"name":"New name"}`, wantName: "New name", wantDescription: "New"},
	}
	for _, test := range tests {
		r := a.do("PATCH", datasets+"/"+id, test.body)
		want := []any{200, test.wantName, test.wantDescription}
		assert.Equal(t, want, []any{r.status, r.json(t, "name"), r.json(t, "description")}, test.name)
		assert.Greater(t, r.json(t, "updated_at"), before.json(t, "updated_at"), test.name)
		before = r
	}
}
