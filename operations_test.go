package mistralobs_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jarcoal/httpmock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/optest"
)

// mockOf returns a transport that answers the request of an operation, and no other request.
func mockOf(op optest.Operation, respond httpmock.Responder) *httpmock.MockTransport {
	mock := httpmock.NewMockTransport()
	url := baseURL + op.Path(optest.Example)
	if op.Query == nil {
		mock.RegisterResponder(op.HTTPMethod(), url, respond)
	} else {
		mock.RegisterResponderWithQuery(op.HTTPMethod(), url, op.Query, respond)
	}
	return mock
}

func TestOperations(t *testing.T) {
	t.Parallel()
	for _, op := range optest.Operations() {
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			var sent *http.Request
			var body []byte
			mock := mockOf(op, func(req *http.Request) (*http.Response, error) {
				sent = req
				if req.Body != nil {
					body, _ = io.ReadAll(req.Body)
				}
				return httpmock.NewStringResponse(op.Status, op.Answer), nil
			})

			got, err := op.Call(t.Context(), newMockClient(t, mock), optest.Example)

			require.NoError(t, err)
			assert.Equal(t, op.Want, mistralobs.WithoutRaw(got))
			assert.Equal(t, op.Query.Encode(), sent.URL.Query().Encode())
			assert.Equal(t, op.Name, mistralobs.OperationName(sent.Context()))
			assert.Equal(t, "Bearer secret-key", sent.Header.Get("Authorization"))
			assert.Equal(t, "application/json", sent.Header.Get("Accept"))
			assert.Regexp(t, `^mistralobs-go/\S+ \(go`, sent.Header.Get("User-Agent"))
			assert.Equal(t, 1, mock.GetTotalCallCount())
			switch {
			case op.Name == "files.upload":
				assertUpload(t, sent, body)
			case op.Body == "":
				assert.Empty(t, body)
				assert.Empty(t, sent.Header.Get("Content-Type"))
			case op.Name == "records.create": // byte for byte
				assert.Equal(t, op.Body, string(body))
			default:
				assert.JSONEq(t, op.Body, string(body))
				assert.Equal(t, "application/json", sent.Header.Get("Content-Type"))
			}
		})
	}
}

func assertUpload(t *testing.T, sent *http.Request, body []byte) {
	t.Helper()
	assert.Equal(t, sent.ContentLength, int64(len(body)), "the length is exact")
	_, params, err := mime.ParseMediaType(sent.Header.Get("Content-Type"))
	require.NoError(t, err)
	form, err := multipart.NewReader(strings.NewReader(string(body)), params["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)
	assert.Equal(t, map[string][]string{"purpose": {"evaluation"}, "expiry": {"2"}, "visibility": {"user"}}, form.Value)
	require.Len(t, form.File["file"], 1)
	assert.Equal(t, `a "b".jsonl`, form.File["file"][0].Filename)
	file, err := form.File["file"][0].Open()
	require.NoError(t, err)
	content, err := io.ReadAll(file)
	require.NoError(t, err)
	assert.Equal(t, "content", string(content))
}

// Every operation returns the service's error with all its details.
func TestOperationsReportErrors(t *testing.T) {
	t.Parallel()
	for _, op := range optest.Operations() {
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			answer := httpmock.NewStringResponse(
				404, `{"detail":{"message":"There is no such thing","error_code":"DATASET_NOT_FOUND"}}`,
			)
			answer.Header.Set("mistral-correlation-id", "corr-1")

			mock := mockOf(op, httpmock.ResponderFromResponse(answer))
			got, err := op.Call(t.Context(), newMockClient(t, mock), optest.Example)

			require.ErrorIs(t, err, mistralobs.ErrNotFound)
			assert.NotErrorIs(t, err, mistralobs.ErrMaybeApplied)
			var e *mistralobs.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, mistralobs.CodeDatasetNotFound, e.Code)
			assert.Equal(t, "There is no such thing", e.Message)
			assert.Equal(t, "corr-1", e.RequestID)
			assert.Equal(t, op.HTTPMethod(), e.Method)
			assert.Equal(t, op.Path(optest.Example), e.Path)
			assert.Equal(t, 1, e.Attempts)
			assert.Regexp(
				t, `^mistralobs: [a-z JSONL]+: 404 DATASET_NOT_FOUND: There is no such thing \(1 attempt, request corr-1\)$`,
				err.Error(),
			)
			assert.Zero(t, got)
		})
	}
}

// A value beyond a limit of the service is refused before anything is sent. The error names the
// parameter or the field.
func TestLimitsAreCheckedFirst(t *testing.T) {
	t.Parallel()
	many := func(n int) []string {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = "id"
		}
		return ids
	}
	create := func(name, description string) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			_, err := c.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: name, Description: description})
			return err
		}
	}
	list := func(params mistralobs.ListParams) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			_, err := c.Records.List(ctx, datasetID, params)
			return err
		}
	}
	judge := func(change func(*mistralobs.JudgeDefinition)) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			d := mistralobs.JudgeDefinition{
				Name: "judge", Output: mistralobs.RegressionOutput(mistralobs.RegressionScale{Max: 1}),
			}
			change(&d)
			_, err := c.Records.Judge(ctx, recordID, d)
			return err
		}
	}
	createRecord := func(params mistralobs.CreateRecordParams) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			_, err := c.Records.Create(ctx, datasetID, params)
			return err
		}
	}
	type ctx = context.Context
	type service = *mistralobs.ImportsService
	type task = *mistralobs.ImportTask
	imports := func(call func(ctx, service) (task, error)) func(context.Context, *mistralobs.Client) error {
		return func(ctx context.Context, c *mistralobs.Client) error {
			_, err := call(ctx, c.Imports)
			return err
		}
	}
	fromSpans := func(spans []mistralobs.SpanReference, m ...mistralobs.SpanMapping) func(ctx, *mistralobs.Client) error {
		return imports(func(ctx ctx, s service) (task, error) { return s.FromSpans(ctx, datasetID, spans, m) })
	}
	search := func(params mistralobs.SearchSpansParams) func(ctx, *mistralobs.Client) error {
		return func(ctx ctx, c *mistralobs.Client) error {
			_, err := c.Spans.Search(ctx, params)
			return err
		}
	}
	ofTrace := func(traceID string, params mistralobs.TraceSpansParams) func(ctx, *mistralobs.Client) error {
		return func(ctx ctx, c *mistralobs.Client) error {
			_, err := count(c.Spans.AllOfTrace(ctx, traceID, params))
			return err
		}
	}
	tests := map[string]struct {
		call func(context.Context, *mistralobs.Client) error
		want string // in the error; "" if the request is sent
	}{
		"name that only the service may refuse": {call: create("", strings.Repeat("d", 201))},
		"name that is not UTF-8":                {call: create("abcdef\xff", ""), want: "UTF-8"},
		"page size of 101": {
			call: list(mistralobs.ListParams{PageSize: 101}),
			want: "PageSize: it must be 0 to 100, got 101",
		},
		"page size of -1":  {call: list(mistralobs.ListParams{PageSize: -1}), want: "PageSize"},
		"page size of 100": {call: list(mistralobs.ListParams{PageSize: 100})},
		"page -1":          {call: list(mistralobs.ListParams{Page: -1}), want: "Page: it must be at least 1"},
		"no output": {
			call: judge(func(d *mistralobs.JudgeDefinition) { d.Output = mistralobs.JudgeOutput{} }),
			want: "Output: it is empty; use ClassificationOutput or RegressionOutput",
		},
		"scale without an end": {
			call: judge(func(d *mistralobs.JudgeDefinition) { d.Output.Max = math.NaN() }),
			want: "/output/max",
		},
		"500 events": {call: imports(func(ctx ctx, s service) (task, error) {
			return s.FromExplorer(ctx, datasetID, many(500))
		})},
		"501 events": {
			call: imports(func(ctx ctx, s service) (task, error) {
				return s.FromExplorer(ctx, datasetID, many(501))
			}),
			want: "eventIDs: it must have at most 500 IDs, got 501",
		},
		"10,000 records": {call: imports(func(ctx ctx, s service) (task, error) {
			return s.FromDataset(ctx, datasetID, many(10_000))
		})},
		"10,001 records": {
			call: imports(func(ctx ctx, s service) (task, error) {
				return s.FromDataset(ctx, datasetID, many(10_001))
			}),
			want: "recordIDs: it must have 1 to 10000 IDs, got 10001",
		},
		"no records": {
			call: imports(func(ctx ctx, s service) (task, error) { return s.FromDataset(ctx, datasetID, nil) }),
			want: "recordIDs: it must have 1 to 10000 IDs, got 0",
		},
		"empty event ID": {
			call: imports(func(ctx ctx, s service) (task, error) {
				return s.FromExplorer(ctx, datasetID, []string{"a", ""})
			}),
			want: "eventIDs: the ID at index 1 is empty",
		},
		"empty conversation ID": {
			call: imports(func(ctx ctx, s service) (task, error) {
				return s.FromPlayground(ctx, datasetID, []string{""})
			}),
			want: "conversationIDs: the ID at index 0 is empty",
		},
		"empty campaign ID": {
			call: imports(func(ctx ctx, s service) (task, error) { return s.FromCampaign(ctx, datasetID, "") }),
			want: "campaignID: it is empty",
		},
		"empty file ID": {
			call: imports(func(ctx ctx, s service) (task, error) { return s.FromFile(ctx, datasetID, "") }),
			want: "fileID: it is empty",
		},
		"trace ID of 31": {
			call: fromSpans([]mistralobs.SpanReference{
				{TraceID: traceID, SpanID: spanID}, {TraceID: traceID[1:], SpanID: spanID},
			}),
			want: `spans[1].TraceID: it must have 32 hexadecimal characters, got "bf92f3577b34da6a3ce929d0e0e4736"`,
		},
		"span ID that is not hexadecimal": {
			call: fromSpans([]mistralobs.SpanReference{{TraceID: traceID, SpanID: "00f067aa0ba902bg"}}),
			want: "spans[0].SpanID: it must have 16 hexadecimal characters",
		},
		"mapping without target": {
			call: fromSpans(nil, mistralobs.SpanAttribute("", "k")), want: "mappings[0].Target: it is empty",
		},
		"mapping without key": {
			call: fromSpans(nil, mistralobs.ResourceAttribute("t", "")), want: "mappings[0].Key: it is empty",
		},
		"two mappings with one target": {
			call: fromSpans(
				nil, mistralobs.SpanAttribute("t", "a"), mistralobs.SpanAttribute("u", "a"),
				mistralobs.SpanAttribute("t", "b"),
			),
			want: `mappings[2].Target: mappings[0] has the same target "t"`,
		},
		"no spans and no mappings": {call: fromSpans(nil), want: "spans: it holds no span"},
		"page of 101 spans": {
			call: search(mistralobs.SearchSpansParams{PageSize: 101}), want: "PageSize: it must be 0 to 100, got 101",
		},
		"spans of a range that ends before it begins": {
			call: search(mistralobs.SearchSpansParams{From: time.Unix(2, 0), To: time.Unix(1, 0)}),
			want: "From: it is after To",
		},
		"expression that is not UTF-8": {
			call: search(mistralobs.SearchSpansParams{Expression: "\xff"}), want: "Expression: it is not valid UTF-8",
		},
		"span of no trace": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				_, err := c.Spans.Get(ctx, mistralobs.SpanReference{SpanID: spanID})
				return err
			},
			want: `TraceID: it must have 32 hexadecimal characters, got ""`,
		},
		"spans of no trace": {call: ofTrace("", mistralobs.TraceSpansParams{}), want: "traceID: it must have 32"},
		"spans of a trace, the same": {
			call: ofTrace(traceID, mistralobs.TraceSpansParams{From: time.Unix(2, 0), To: time.Unix(1, 0)}),
			want: "From: it is after To",
		},
		"options of no field": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				_, err := c.Spans.FieldOptions(ctx, "", time.Time{}, time.Time{})
				return err
			},
			want: "name: ",
		},
		"no payload": {
			call: createRecord(mistralobs.CreateRecordParams{}),
			want: "Payload: it must be a JSON object",
		},
		"new properties that are text": {
			call: createRecord(mistralobs.CreateRecordParams{Payload: map[string]any{}, Properties: "x"}),
			want: "Properties: it must be a JSON object, got a string",
		},
		"source that is not UTF-8": {
			call: createRecord(mistralobs.CreateRecordParams{Payload: map[string]any{}, Source: "\xff"}),
			want: "Source: it is not valid UTF-8",
		},
		"payload that is a list": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				return c.Records.UpdatePayload(ctx, recordID, []int{1})
			},
			want: "payload: it must be a JSON object, got an array",
		},
		"properties that are text": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				return c.Records.UpdateProperties(ctx, recordID, "x")
			},
			want: "properties: it must be a JSON object, got a string",
		},
		"empty name to find": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				_, err := c.Datasets.Find(ctx, "")
				return err
			},
			want: "idSlugOrName: it is empty",
		},
		"empty name to find or create": {
			call: func(ctx ctx, c *mistralobs.Client) error {
				_, _, err := c.Datasets.FindOrCreate(ctx, mistralobs.CreateDatasetParams{Description: "d"})
				return err
			},
			want: "find or create dataset: Name: it is empty",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			mock.RegisterNoResponder(httpmock.NewStringResponder(500, ""))

			err := test.call(t.Context(), newMockClient(t, mock))

			if test.want == "" {
				require.ErrorIs(t, err, mistralobs.ErrServer, "it was sent")
				return
			}
			require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
			assert.ErrorContains(t, err, test.want)
			assert.Regexp(t, `^mistralobs: [a-z]+( [a-z]+)+: `, err.Error())
			assert.Zero(t, mock.GetTotalCallCount(), "nothing was sent")
		})
	}
}

// An id cannot make a path name another resource.
func TestIDsInPaths(t *testing.T) {
	t.Parallel()
	tests := map[string]string{ // id to what stands in the path; "" if it is refused
		"": "", ".": "", "..": "",
		"a/b": "a%2Fb", "../x": "..%2Fx", "a?b=c": "a%3Fb=c", "a#b": "a%23b", "a%2fb": "a%252fb", `a\b`: "a%5Cb",
		"a\r\nX: y": "a%0D%0AX:%20y", "a\x00b": "a%00b", "ü": "%C3%BC",
	}
	for id, want := range tests {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			mock := httpmock.NewMockTransport()
			var sent *http.Request
			mock.RegisterNoResponder(func(req *http.Request) (*http.Response, error) {
				sent = req
				return httpmock.NewStringResponse(200, taskJSON), nil
			})

			_, err := newMockClient(t, mock).Tasks.Get(t.Context(), id, taskID)

			if want == "" {
				require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
				require.ErrorContains(t, err, "datasetID")
				assert.Nil(t, sent)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "/v1/observability/datasets/"+want+"/tasks/"+taskID, sent.URL.EscapedPath())
			assert.Empty(t, sent.URL.RawQuery)
		})
	}
}

// The API lines of a method's comment are its routes in the table of operations.
func TestCommentsNameTheOperations(t *testing.T) {
	t.Parallel()
	want := map[string][]string{} // routes by method
	for _, op := range optest.Operations() {
		method := strings.ToLower(op.Method)
		want[method] = append(want[method], op.Route)
	}
	apiLine := regexp.MustCompile(`(?m)API: ([A-Z]+ /\S+)`)
	got := map[string][]string{}
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, file := range files {
		resource, _, _ := strings.Cut(strings.TrimSuffix(file, ".go"), "_")
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, decl := range parsed.Decls {
			method, ok := decl.(*ast.FuncDecl)
			if !ok || method.Doc == nil {
				continue
			}
			for _, match := range apiLine.FindAllStringSubmatch(method.Doc.Text(), -1) {
				name := resource + "." + strings.ToLower(method.Name.Name)
				got[name] = append(got[name], match[1])
			}
		}
	}
	assert.Equal(t, want, got, "add a row to internal/optest, or mend the API line in the comment of the method")
}
