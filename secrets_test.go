package mistralobs_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

const hiddenKey = "KEY-that-nobody-may-see"

// leaks tells which secret a text shows.
func leaks(text string) string {
	for _, secret := range []string{hiddenKey, "sig="} {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}

// fmt shows no key of a client, an option or a service.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	option := mistralobs.WithAPIKey(hiddenKey)
	client, err := mistralobs.NewClient(option)
	assert.NoError(t, err)
	for _, value := range []any{client, *client, option, client.Datasets, *client.Datasets, client.Exports,
		struct{ C any }{client}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			assert.Empty(t, leaks(fmt.Sprintf(verb, value)), "%T with %s", value, verb)
		}
	}
	for _, opts := range [][]mistralobs.Option{
		{mistralobs.WithAPIKey(hiddenKey + "\nX: y")},
		{mistralobs.WithBaseURL("https://user:" + hiddenKey + "@example.com")},
		{
			mistralobs.WithBaseURL("https://example.com/?sig=x&key=" + hiddenKey),
		}, {mistralobs.WithBaseURL("https://" + hiddenKey + "\x7f")},
		{mistralobs.WithHeader("Authorization", "Bearer "+hiddenKey)},
	} {
		_, err := mistralobs.NewClient(append(opts, mistralobs.WithHTTPClient(http.DefaultClient))...)
		assert.Error(t, err)
		assert.Empty(t, leaks(fmt.Sprint(err)))
	}
}

// No error shows the signature of a URL, whatever is sent in place of the file or of the link.
func TestErrorsHideSignatures(t *testing.T) {
	t.Parallel()
	const secret = "SECRETSIG"
	link := `{"file_url":"https://storage.example.com/x.jsonl?se=1&sig=` + secret + `"}`
	for name, test := range map[string]struct {
		export string
		file   func(*http.Request) *http.Response
	}{
		"another shape": {export: `{"export":` + link + `}`, file: nil},
		"no JSON":       {export: link + "!", file: nil},
		"a redirect to plain http": {export: link, file: func(req *http.Request) *http.Response {
			return reply(
				req, 302, `<a href="http://storage.example.com/x?se=1&amp;sig=`+secret+`">Found</a>`, "Location",
				"http://storage.example.com/x?sig="+secret,
			)
		}},
		"a redirect to nowhere": {export: link, file: func(req *http.Request) *http.Response {
			return reply(req, 302, "", "Location", "https://storage.example.com:bad/x?sig="+secret)
		}},
		"an error that repeats the link": {export: link, file: func(req *http.Request) *http.Response {
			return reply(req, 403, "<Error>"+req.URL.String()+"</Error>")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				if strings.HasSuffix(req.URL.Path, "/to-jsonl") {
					return reply(req, 200, test.export), nil
				}
				return test.file(req), nil
			}),
				mistralobs.WithLogger(slog.New(slog.NewTextHandler(&log,
					&slog.HandlerOptions{Level: slog.LevelDebug}))),
				mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2, MinWait: 1, MaxWait: 1}))
			_, err := client.Exports.Open(t.Context(), datasetID, mistralobs.TransferOptions{})
			require.Error(t, err)
			assert.NotContains(t, err.Error(), secret)
			assert.NotContains(t, fmt.Sprintf("%+v", err), secret)
			assert.NotContains(t, log.String(), secret)
		})
	}
}

func TestErrorsOfTheServiceHidePresignedQueries(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"detail":"cannot verify URL"}`, `cannot verify URL`,
		`{"detail":[{"loc":["body"],"msg":"cannot verify URL","type":"x"}]}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(422)
			fmt.Fprint(w, strings.ReplaceAll(body, "URL", "https://store.example/f.jsonl?sv=1&sig=SECRETsignature"))
		}))
		defer server.Close()
		client, err := mistralobs.NewClient(mistralobs.WithAPIKey("k"), mistralobs.WithBaseURL(server.URL))
		require.NoError(t, err)
		_, err = client.Exports.ToJSONL(t.Context(), "d")
		assert.NotContains(t, err.Error(), "SECRETsignature")
		client.CloseIdleConnections()
	}
}

func TestErrorsHideTheKeyInAllForms(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]http.HandlerFunc{
		"escaped": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			fmt.Fprint(w, `{"detail":"Bearer secret\u002dkey\u002d1"}`)
		},
		"in a request id": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Request-Id", r.Header.Get("Authorization"))
			w.WriteHeader(400)
		},
		"in a syntax error": func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, `{"%s":x}`, r.Header.Get("Authorization"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(answer)
			defer server.Close()
			client, err := mistralobs.NewClient(
				mistralobs.WithAPIKey("secret-key-1"), mistralobs.WithBaseURL(server.URL),
				mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}),
			)
			require.NoError(t, err)
			defer client.CloseIdleConnections()
			_, err = client.Datasets.Get(t.Context(), "d")
			assert.NotContains(t, err.Error(), "secret-key-1")
		})
	}
}
