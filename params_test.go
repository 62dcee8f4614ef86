package mistralobs_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// callMethod calls a method of a service with zero values after its context, and the options. It
// returns the error, also that of an iterator.
func callMethod(method reflect.Value, ctx context.Context, opts ...mistralobs.CallOption) error {
	in := []reflect.Value{reflect.Zero(method.Type().In(0))}
	if ctx != nil {
		in[0] = reflect.ValueOf(ctx)
	}
	for i := 1; i < method.Type().NumIn()-1; i++ {
		in = append(in, reflect.Zero(method.Type().In(i)))
	}
	for _, opt := range opts {
		in = append(in, reflect.ValueOf(opt))
	}
	out := method.Call(in)
	last := out[len(out)-1]
	if last.Kind() == reflect.Func {
		for _, err := range last.Seq2() {
			last = err
		}
	}
	err, _ := last.Interface().(error)
	return err
}

// Every method refuses invalid parameters by an error that begins with what was attempted, once.
func TestInvalidParamsNameTheAction(t *testing.T) {
	t.Parallel()
	failing := httpmock.NewMockTransport()
	failing.RegisterNoResponder(httpmock.NewStringResponder(400, ""))
	client := newMockClient(t, failing)
	fields := reflect.ValueOf(client).Elem()
	methods := 0
	for i := range fields.NumField() {
		service := fields.Field(i)
		if !fields.Type().Field(i).IsExported() {
			continue
		}
		for m := range service.NumMethod() {
			method := service.Method(m)
			name := fields.Type().Field(i).Name + "." + service.Type().Method(m).Name
			methods++
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				check := func(err error) {
					t.Helper()
					require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
					assert.Regexp(t, `^mistralobs: [a-z]+( [A-Za-z]+)+: [A-Za-z]+: `, err.Error())
					assert.Equal(t, 1, strings.Count(err.Error(), "mistralobs:"), err.Error())
				}
				check(callMethod(method, nil))
				if err := callMethod(method, t.Context()); errors.Is(err, mistralobs.ErrInvalidParams) {
					check(err) // otherwise zero values are valid
				}
				if name != "Records.DeleteAll" { // which has nothing to do
					check(callMethod(method, t.Context(), mistralobs.WithTimeout(-1)))
				}
			})
		}
	}
	assert.Greater(t, methods, 45)
}

// The hint of a 401 names where the key came from.
func TestUnauthorizedNamesTheKey(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("secret-key"), 0o600))
	source := func(context.Context) (string, error) { return "secret-key", nil }
	for _, test := range []struct {
		want, key, tokenPath string
		opts                 []mistralobs.Option
	}{
		{want: "WithAPIKey", key: "other", opts: []mistralobs.Option{mistralobs.WithAPIKey("secret-key")}},
		{want: "WithAPIKeyFile", key: "other", opts: []mistralobs.Option{mistralobs.WithAPIKeyFile(file)}},
		{want: "WithAPIKeySource", key: "other", opts: []mistralobs.Option{mistralobs.WithAPIKeySource(source)}},
		{want: "MISTRAL_API_KEY", key: "secret-key"},
		{want: "MISTRAL_SA_TOKEN_PATH", key: "other", tokenPath: file},
	} {
		t.Run(test.want, func(t *testing.T) {
			t.Setenv("MISTRAL_API_KEY", test.key)
			t.Setenv("MISTRAL_SA_TOKEN_PATH", test.tokenPath)
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.NewStringResponder(401, ""))
			opts := append(test.opts, mistralobs.WithBaseURL(baseURL),
				mistralobs.WithHTTPClient(&http.Client{Transport: mock}))
			client, err := mistralobs.NewClient(opts...)
			require.NoError(t, err)
			client, err = client.With(mistralobs.WithUserAgent("copy/1"))
			require.NoError(t, err)

			_, err = client.Datasets.Get(t.Context(), datasetID)

			require.ErrorIs(t, err, mistralobs.ErrUnauthorized)
			assert.ErrorContains(t, err, "; check the API key from "+test.want+", and that its quota is not used up")
		})
	}
}

// The options of a call hold for each request that it sends.
func TestCallOptionsReachEveryRequest(t *testing.T) {
	t.Parallel()
	type ctx = context.Context
	type client = *mistralobs.Client
	type option = mistralobs.CallOption
	for name, test := range map[string]struct {
		run      func(ctx ctx, c client, dataset string, opt option) error
		requests int // at least
	}{
		"CreateAll": {requests: 20, run: func(ctx ctx, c client, d string, o option) error {
			_, err := count(c.Records.CreateAll(ctx, d, func(yield func(mistralobs.CreateRecordParams, error) bool) {
				for range 20 {
					if !yield(mistralobs.CreateRecordParams{Payload: map[string]any{}}, nil) {
						return
					}
				}
			}, mistralobs.BulkOptions{}, o))
			return err
		}},
		"UpdateAll": {requests: 20, run: func(ctx ctx, c client, d string, o option) error {
			page, err := c.Records.List(ctx, d, mistralobs.ListParams{}, o)
			if err != nil {
				return err
			}
			_, err = count(c.Records.UpdateAll(ctx, func(yield func(mistralobs.RecordUpdate, error) bool) {
				for _, r := range page.Items {
					if !yield(mistralobs.RecordUpdate{ID: r.ID, Payload: r.Payload, Properties: r.Properties}, nil) {
						return
					}
				}
			}, mistralobs.BulkOptions{}, o))
			return err
		}},
		"DeleteAll": {requests: 14, run: func(ctx ctx, c client, d string, o option) error {
			var ids []string
			for record, err := range c.Records.All(ctx, d, mistralobs.ListParams{}, o) {
				if err != nil {
					return err
				}
				ids = append(ids, record.ID)
			}
			return c.Records.DeleteAll(ctx, ids, o)
		}},
		"WaitAll": {requests: 2, run: func(ctx ctx, c client, d string, o option) error {
			page, err := c.Tasks.List(ctx, d, mistralobs.ListParams{}, o)
			if err != nil {
				return err
			}
			for i := range page.Items {
				page.Items[i].Status = mistralobs.StatusRunning // so that it is polled
			}
			_, err = c.Tasks.WaitAll(ctx, []*mistralobs.ImportTask{&page.Items[0]}, mistralobs.WaitOptions{}, o)
			return err
		}},
		"FromJSONL": {requests: 4, run: func(ctx ctx, c client, d string, o option) error {
			r := strings.NewReader(`{"payload":{"a":1}}`)
			_, err := c.Imports.FromJSONL(ctx, d, r, mistralobs.JSONLImportOptions{}, o)
			return err
		}},
		"Find and All": {requests: 2, run: func(ctx ctx, c client, _ string, o option) error {
			_, err := c.Datasets.Find(ctx, "Capitals", o)
			return err
		}},
		"FindOrCreate": {requests: 2, run: func(ctx ctx, c client, _ string, o option) error {
			_, _, err := c.Datasets.FindOrCreate(ctx, mistralobs.CreateDatasetParams{Name: "Rivers"}, o)
			return err
		}},
		"Edit": {requests: 3, run: func(ctx ctx, c client, d string, o option) error {
			page, err := c.Records.List(ctx, d, mistralobs.ListParams{}, o)
			if err != nil {
				return err
			}
			_, err = c.Records.Edit(ctx, page.Items[0].ID, func(r *mistralobs.Record) (err error) {
				r.Properties, err = r.Properties.Set("a", 1)
				return err
			}, o)
			return err
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mistralobstest.NewServer(mistralobstest.WithTaskDuration(0))
			defer server.Close()
			prepare := server.Client(t)
			dataset, err := prepare.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Capitals"})
			require.NoError(t, err)
			lines := strings.NewReader(strings.Repeat("{\"payload\":{\"a\":1}}\n", 1001))
			_, err = prepare.Imports.FromJSONL(t.Context(), dataset.ID, lines, mistralobs.JSONLImportOptions{})
			require.NoError(t, err)
			var requests, marked atomic.Int32
			client, err := prepare.With(mistralobs.WithMiddleware(func(next http.RoundTripper) http.RoundTripper {
				return roundTripFunc(func(req *http.Request) (*http.Response, error) {
					requests.Add(1)
					if req.Header.Get("X-Team") == "evals" {
						marked.Add(1)
					}
					return next.RoundTrip(req)
				})
			}))
			require.NoError(t, err)

			require.NoError(t, test.run(t.Context(), client, dataset.ID, mistralobs.WithHeader("X-Team", "evals")))

			assert.GreaterOrEqual(t, int(requests.Load()), test.requests)
			assert.Equal(t, requests.Load(), marked.Load())
		})
	}
}

// An error of a method that makes several calls has one prefix, whatever ends it.
func TestErrorsHaveOnePrefix(t *testing.T) {
	t.Parallel()
	edit := func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Records.Edit(ctx, recordID, func(r *mistralobs.Record) error {
			r.Properties = mistralobs.Object(`{"a":1}`)
			return nil
		})
		return err
	}
	wait := func(ctx context.Context, c *mistralobs.Client) error {
		_, err := c.Tasks.Wait(ctx, datasetID, taskID, mistralobs.WaitOptions{})
		return err
	}
	for name, test := range map[string]struct {
		call     func(context.Context, *mistralobs.Client) error
		statuses []int // of the responses; the last one repeats
		want     string
	}{
		"a wait that is not allowed": {
			call: wait, statuses: []int{403}, want: "wait for import task " + taskID + ": get import task: 403",
		},
		"a wait that fails": {
			call: wait, statuses: []int{500}, want: "wait for import task " + taskID + ": get import task: 500",
		},
		"a wait that its context ends": {
			call: wait, statuses: []int{200}, want: "wait for import task " + taskID + ": context deadline exceeded",
		},
		"a wait whose service fails until its context ends": {
			call: wait, statuses: []int{503},
			want: "wait for import task " + taskID + ": context deadline exceeded: get import task: ",
		},
		"a task that vanishes": {
			call: wait, statuses: []int{200, 404},
			want: "import task " + taskID + " no longer exists, its last status was RUNNING: get import task: 404",
		},
		"an edit whose second reading fails": {
			call: edit, statuses: []int{200, 500, 403},
			want: "get record: 403 Forbidden (1 attempt); before that: replace the properties of record: 500",
		},
		"an edit that is canceled": {
			call: edit, statuses: []int{200, 503},
			want: "edit record: context canceled, while waiting to try again after: replace the properties",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					status := test.statuses[min(calls, len(test.statuses)-1)]
					calls++
					switch {
					case status != 200:
						return reply(req, status, ""), nil
					case strings.Contains(req.URL.Path, "/tasks/"):
						return reply(req, 200, taskJSON), nil
					}
					return reply(req, 200, recordJSON), nil
				}))
				timeout := time.Hour
				if strings.Contains(name, "context") {
					timeout = 1700 * time.Millisecond
				}
				ctx, cancel := context.WithTimeout(t.Context(), timeout)
				defer cancel()

				if strings.HasSuffix(name, "is canceled") {
					time.AfterFunc(time.Millisecond, cancel) // in the first pause
				}

				err := test.call(ctx, client)

				require.ErrorContains(t, err, "mistralobs: "+test.want)
				assert.Equal(t, 1, strings.Count(err.Error(), "mistralobs:"), err.Error())
			})
		})
	}
}
