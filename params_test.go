package mistralobs_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// callMethod calls a method of a service with zero values after its context, and the options. It returns the error, also
// that of an iterator.
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

// Every invalid parameter of every method is refused before anything is sent, by an error that begins with what was
// attempted, once.
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
			opts := append(test.opts, mistralobs.WithBaseURL(baseURL), mistralobs.WithHTTPClient(&http.Client{Transport: mock}))
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
