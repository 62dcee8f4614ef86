package mistralobstest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	datasets = "/v1/observability/datasets"
	records  = "/v1/observability/dataset-records"
	nobody   = "3f1d3f57-5a6c-4a4b-9c59-0d6d1a2b3c4d" // an ID that does not exist
)

// api is an HTTP client of a server. It does not use the SDK.
type api struct {
	t      *testing.T
	server *mistralobstest.Server
	client *http.Client
}

func newAPI(t *testing.T, opts ...mistralobstest.Option) *api {
	t.Helper()
	server := mistralobstest.NewServer(opts...)
	t.Cleanup(server.Close)
	return &api{t, server, server.HTTPClient()}
}

type response struct {
	status int
	header http.Header
	body   string
}

// json returns a member of the body by its path, such as "records.results.0.id".
func (r response) json(t *testing.T, path string) any {
	t.Helper()
	var v any
	dec := json.NewDecoder(strings.NewReader(r.body))
	dec.UseNumber()
	require.NoError(t, dec.Decode(&v), r.body)
	for name := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			require.Contains(t, x, name, r.body)
			v = x[name]
		case []any:
			var i int
			_, err := fmt.Sscan(name, &i)
			require.NoError(t, err)
			require.Less(t, i, len(x), r.body)
			v = x[i]
		default:
			require.Fail(t, "no "+path, r.body)
		}
	}
	return v
}

func (a *api) try(method, url, body string, header ...string) (response, error) {
	a.t.Helper()
	if strings.HasPrefix(url, "/") {
		url = a.server.URL + url
	}
	req, err := http.NewRequestWithContext(a.t.Context(), method, url, strings.NewReader(body))
	require.NoError(a.t, err)
	req.Header.Set("Authorization", "Bearer "+a.server.APIKey)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return response{}, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return response{resp.StatusCode, resp.Header, string(got)}, err
}

func (a *api) do(method, url, body string, header ...string) response {
	a.t.Helper()
	r, err := a.try(method, url, body, header...)
	require.NoError(a.t, err)
	return r
}

// dataset creates a dataset with the payloads as records, and returns its ID and their IDs.
func (a *api) dataset(payloads ...string) (id string, recordIDs []string) {
	a.t.Helper()
	id = a.do("POST", datasets, `{"name":"Test data","description":""}`).json(a.t, "id").(string)
	for _, payload := range payloads {
		r := a.do("POST", datasets+"/"+id+"/records", `{"payload":`+payload+`}`)
		require.Equal(a.t, 201, r.status, r.body)
		recordIDs = append(recordIDs, r.json(a.t, "id").(string))
	}
	return id, recordIDs
}

func (a *api) upload(content string, fields ...string) response {
	a.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(a.t, form.WriteField(fields[i], fields[i+1]))
	}
	part, err := form.CreateFormFile("file", "data.jsonl")
	require.NoError(a.t, err)
	_, err = io.WriteString(part, content)
	require.NoError(a.t, err)
	require.NoError(a.t, form.Close())
	return a.do("POST", "/v1/files", body.String(), "Content-Type", form.FormDataContentType())
}

// clock is a settable clock.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) { r.status = status }

func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
