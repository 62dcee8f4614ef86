package mistralobstest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	mistralobs "github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestExportLinks(t *testing.T) {
	t.Parallel()
	clock := &clock{now: time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)}
	a := newAPI(t, mistralobstest.WithClock(clock.Now), mistralobstest.WithExportTTL(time.Minute))
	id, _ := a.dataset(`{"a":1}`, `{"b":2}`)
	export := func() string {
		return a.do("GET", datasets+"/"+id+"/exports/to-jsonl", "").json(t, "file_url").(string)
	}
	fetch := func(url string, header ...string) response {
		return a.do("GET", url, "", append([]string{"Authorization", ""}, header...)...)
	}
	url := export()
	whole := fetch(url)
	etag := whole.header.Get("ETag")
	assert.Equal(t,
		"{\"payload\":{\"a\":1},\"properties\":{}}\n{\"payload\":{\"b\":2},\"properties\":{}}\n", whole.body)
	assert.Regexp(t, `^"[0-9a-f]+"$`, etag)

	tests := []struct {
		name   string
		header []string
		status int
		body   string
	}{
		{name: "a range", header: []string{"Range", "bytes=5-"}, status: 206, body: whole.body[5:]},
		{
			name: "a range of the same file", header: []string{"Range", "bytes=5-9", "If-Match", etag},
			status: 206, body: whole.body[5:10],
		},
		{
			name: "a range of another file", header: []string{"Range", "bytes=5-", "If-Match", `"other"`},
			status: 412,
		},
		{
			name: "a range if it is the same file", header: []string{"Range", "bytes=5-", "If-Range", etag},
			status: 206, body: whole.body[5:],
		},
		{
			name:   "a range if it were another file",
			header: []string{"Range", "bytes=5-", "If-Range", `"other"`}, status: 200, body: whole.body,
		},
		{
			name: "a range past the end", header: []string{"Range", "bytes=5000-"}, status: 416,
			body: "invalid range",
		},
		{
			name: "a bearer token", header: []string{"Authorization", "Bearer " + a.server.APIKey}, status: 403,
			body: "AuthenticationFailed",
		},
	}
	for _, test := range tests {
		r := fetch(url, test.header...)
		assert.Equal(t, test.status, r.status, test.name)
		assert.Contains(t, r.body, test.body, test.name)
	}
	assert.Equal(t, 403, fetch(strings.Replace(url, "sig=", "sig=x", 1)).status, "a wrong signature")
	assert.Equal(t, 403, fetch(strings.Replace(url, "se=2026", "se=2027", 1)).status, "a longer life")
	assert.Equal(t, etag, fetch(export()).header.Get("ETag"), "the same content is the same file")
	clock.pass(time.Minute)
	late := fetch(url)
	assert.Equal(t, 403, late.status)
	assert.Contains(t, late.body, "<?xml")
	a.do("POST", datasets+"/"+id+"/records", `{"payload":{}}`)
	assert.NotEqual(t, etag, fetch(export()).header.Get("ETag"), "another content is another file")
}

// The URL of an export has the scheme and the path below which the handler stands.
func TestExportBehindTLSAndAPrefix(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"", "/mistral"} {
		server := mistralobstest.NewUnstartedServer()
		defer server.Close()
		front := httptest.NewTLSServer(http.StripPrefix(prefix, server.Handler()))
		defer front.Close()
		client, err := mistralobs.NewClient(mistralobs.WithAPIKey(server.APIKey),
			mistralobs.WithBaseURL(front.URL+prefix), mistralobs.WithHTTPClient(front.Client()))
		require.NoError(t, err)
		dataset := server.SeedDataset("Test data", "", mistralobstest.RecordSeed{Payload: []byte(`{"n":1}`)})
		var file strings.Builder
		_, err = client.Exports.Download(t.Context(), dataset, &file, mistralobs.TransferOptions{})
		require.NoError(t, err)
		assert.Contains(t, file.String(), `{"n":1}`)
	}
}
