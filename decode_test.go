package mistralobs_test

import (
	"context"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// answering returns a client that gets the same body for every request.
func answering(t *testing.T, body string) *mistralobs.Client {
	return clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
		return reply(req, 200, body), nil
	}))
}

var unixEpoch = time.Unix(0, 0).UTC()

const oddRecord = `{"id":"r","created_at":"2026-05-04","updated_at":true,"deleted_at":{},"dataset_id":null,` +
	`"payload":{"messages":[[null]]},"properties":[null],"source":5}`

// The service's reference has example responses with values that its own schemas do not allow. They
// are accepted, and so are fields of another type than documented.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	object := func(text string) mistralobs.Object { return mistralobs.Object(text) }
	fifty, seven := 50, int64(7)
	for name, test := range map[string]struct {
		body string
		call func(context.Context, *mistralobs.Client) (any, error)
		want any
	}{
		"a list of datasets without results": {
			body: `{"datasets":{"count":87}}`, call: listDatasets,
			want: &mistralobs.Page[mistralobs.Dataset]{Total: 87, Number: 1, Size: 50},
		},
		"a list of records without results": {
			body: `{"records":{"count":87}}`, call: listRecords,
			want: &mistralobs.Page[mistralobs.Record]{Total: 87, Number: 1, Size: 50},
		},
		"a list of tasks without results": {
			body: `{"tasks":{"count":87}}`, call: listTasks,
			want: &mistralobs.Page[mistralobs.ImportTask]{Total: 87, Number: 1, Size: 50},
		},
		"null results and an odd count": {
			body: `{"records":{"results":null,"count":"87","next":null,"previous":false}}`, call: listRecords,
			want: &mistralobs.Page[mistralobs.Record]{Number: 1, Size: 50},
		},
		"a next that is not a string": {
			body: `{"tasks":{"results":[{"id":"t"}],"next":2}}`, call: listTasks,
			want: &mistralobs.Page[mistralobs.ImportTask]{Items: []mistralobs.ImportTask{{ID: "t"}}, Number: 1,
				Size: 50, Next: "2"},
		},
		"an odd record among others": {
			body: `{"records":{"results":[{"id":"a","payload":{}},` + oddRecord +
				`,{"id":"b","payload":[1],"properties":"p"}]}}`,
			call: listRecords,
			want: &mistralobs.Page[mistralobs.Record]{Number: 1, Size: 50, Items: []mistralobs.Record{
				{ID: "a", Payload: object(`{}`)},
				{ID: "r", Payload: object(`{"messages":[[null]]}`), Properties: object(`[null]`)},
				{ID: "b", Payload: object(`[1]`), Properties: object(`"p"`)},
			}},
		},
		"an odd record": {
			body: oddRecord, call: getRecord,
			want: &mistralobs.Record{ID: "r", Payload: object(`{"messages":[[null]]}`), Properties: object(`[null]`)},
		},
		"a record without values": {
			body: `{"id":"r","payload":null,"properties":null}`, call: getRecord, want: &mistralobs.Record{ID: "r"},
		},
		"a dataset with unknown times": {
			body: `{"id":"d","created_at":"yesterday","updated_at":null,"deleted_at":0,"name":["n"],"description":"x"}`,
			call: getDataset, want: &mistralobs.Dataset{ID: "d", Description: "x", DeletedAt: ptr(unixEpoch)},
		},
		"whole progress as a fraction": {
			body: `{"id":"t","status":"RUNNING","progress":50.0,"message":7}`, call: getTask,
			want: &mistralobs.ImportTask{ID: "t", Status: "RUNNING", Progress: &fifty},
		},
		"half a percent": {
			body: `{"id":"t","status":"RUNNING","progress":50.5}`, call: getTask,
			want: &mistralobs.ImportTask{ID: "t", Status: "RUNNING"},
		},
		"a file without a size": {
			body: `{"id":"f","object":"file","bytes":null,"created_at":null,"expires_at":"soon",` +
				`"num_lines":"2","signature":null}`,
			call: getFile, want: &mistralobs.File{ID: "f", Object: "file"},
		},
		"a file with fractions": {
			body: `{"id":"f","bytes":7.0,"created_at":"1970-01-01T00:00:00Z"}`,
			call: getFile, want: &mistralobs.File{ID: "f", Bytes: &seven, CreatedAt: unixEpoch},
		},
		"an export that is no URL": {
			body: `{"file_url":"string"}`, call: toJSONL, want: &mistralobs.Export{FileURL: "string"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := test.call(t.Context(), answering(t, test.body))
			require.NoError(t, err)
			assert.Equal(t, test.want, mistralobs.WithoutRaw(got))
		})
	}
}

// A field of another type than documented is zero, and hides no other field.
func TestDecode(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 10, 20, 30, 0, time.UTC)
	later := at.Add(500 * time.Millisecond)
	half, five, seven := 0.5, 5, int64(7)
	ids := `"trace_id":"a","span_id":"b"`
	span := func(s mistralobs.Span) *mistralobs.Span {
		s.TraceID, s.SpanID = "a", "b"
		return &s
	}
	for name, test := range map[string]struct {
		body string
		want any
	}{
		"every type": {
			body: `{` + ids + `,"span_name":"\u0061\ud800","duration_ns":7,"request_temperature":0.5,` +
				`"start_time":"2026-05-04T10:20:30Z","request_stop_sequences":["x",""],"span_attributes":{"k":"v"}}`,
			want: span(mistralobs.Span{
				SpanName: "a\uFFFD", DurationNS: 7, RequestTemperature: &half, StartTime: at,
				RequestStopSequences: []string{"x", ""}, SpanAttributes: map[string]string{"k": "v"},
			}),
		},
		"other types": {
			body: `{"span_name":1,"duration_ns":"7","request_temperature":"0.5","start_time":true,` +
				`"request_stop_sequences":"x","span_attributes":[],"service_name":{"a":[1]},` + ids + `}`,
			want: span(mistralobs.Span{}),
		},
		"null": {
			body: `{"span_name":null,"duration_ns":null,"request_temperature":null,"start_time":null,` +
				`"request_stop_sequences":null,"span_attributes":null,` + ids + `}`,
			want: span(mistralobs.Span{}),
		},
		"lists and maps with one odd item": {
			body: `{"request_stop_sequences":["x",5],"span_attributes":{"a":"b","c":5},"span_name":"n",` + ids + `}`,
			want: span(mistralobs.Span{SpanName: "n"}),
		},
		"the last of equal names, whether it fits or not": {
			body: `{"span_name":"n","span_name":"m","duration_ns":7,"duration_ns":"x","request_temperature":1,` +
				`"request_temperature":0.5,"request_stop_sequences":["x"],"request_stop_sequences":[],` +
				`"span_attributes":{"a":"b"},"span_attributes":{"c":"d"},` + ids + `}`,
			want: span(mistralobs.Span{
				SpanName: "m", RequestTemperature: &half, RequestStopSequences: []string{},
				SpanAttributes: map[string]string{"c": "d"},
			}),
		},
		"other forms of numbers and times": {
			body: `{"duration_ns":0.7e1,"request_max_tokens":9223372036854775808,"start_time":1777890030,` +
				`"end_time":1e300,"usage_input_tokens":5.5,` + ids + `}`,
			want: span(mistralobs.Span{DurationNS: 7, StartTime: at}),
		},
		"names that differ in case, or stand for no member": {
			body: `{"Span_Name":"n","SpanName":"n","received":{"raw":1},"raw":1,"-":1,` + ids + `}`,
			want: span(mistralobs.Span{}),
		},
		"pointers": {
			body: `{"id":"t","progress":"5","message":5,"deleted_at":true,"result":[]}`,
			want: &mistralobs.ImportTask{ID: "t"},
		},
		"times without a zone": {
			body: `{"id":"d","created_at":"2026-05-04T10:20:30","deleted_at":"2026-05-04T10:20:30.500"}`,
			want: &mistralobs.Dataset{ID: "d", CreatedAt: at, DeletedAt: &later},
		},
		"a record with times without a zone": {
			body: `{"id":"r","created_at":"2026-05-04T10:20:30","deleted_at":"2026-05-04T10:20:30.500"}`,
			want: &mistralobs.Record{ID: "r", CreatedAt: at, DeletedAt: &later},
		},
		"a part with odd fields": {
			body: `{"id":"t","progress":5.0,"result":{"requested_record_count":5.0,"imported_record_count":"x"},` +
				`"created_at":[],"deleted_at":true,"message":1}`,
			want: &mistralobs.ImportTask{ID: "t", Progress: &five, Result: &mistralobs.ImportResult{Requested: 5}},
		},
		"the last of equal parts": {
			body: `{"id":"t","result":{"requested_record_count":5},"result":{"imported_record_count":5}}`,
			want: &mistralobs.ImportTask{ID: "t", Result: &mistralobs.ImportResult{Imported: 5}},
		},
		"a part that is null in the end": {
			body: `{"id":"t","result":{"requested_record_count":5},"result":null}`,
			want: &mistralobs.ImportTask{ID: "t"},
		},
		"an embedded part": {
			body: `{"id":"j","name":7,"model_name":"m","tools":"t","output":{"type":"REGRESSION","min":"0","max":5,` +
				`"options":[{"value":"v","description":1},5]}}`,
			want: &mistralobs.Judge{ID: "j", JudgeDefinition: mistralobs.JudgeDefinition{
				ModelName: "m", Output: mistralobs.JudgeOutput{
					Type: mistralobs.OutputRegression, Max: 5, Options: []mistralobs.JudgeOption{{Value: "v"}, {}},
				},
			}},
		},
		"an embedded part of another type": {
			body: `{"id":"j","output":"x","tools":[1],"name":"n"}`,
			want: &mistralobs.Judge{ID: "j", JudgeDefinition: mistralobs.JudgeDefinition{Name: "n"}},
		},
		"a file": {
			body: `{"id":"f","bytes":7.0,"created_at":1777890030,"filename":["x"]}`,
			want: &mistralobs.File{ID: "f", Bytes: &seven, CreatedAt: at},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := reflect.New(reflect.TypeOf(test.want).Elem()).Interface()
			require.NoError(t, mistralobs.Decode([]byte(test.body), got))
			assert.Equal(t, test.want, mistralobs.WithoutRaw(got))
		})
	}
}

// An item without an ID is refused, whatever else it has. A list that is not an array is an error:
// an empty page would hide its items.
func TestOddAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"records":{"results":[{"id":"a"},{"payload":{}}]}}`: "it has no records.results[1].id",
		`{"records":{"results":[{"id":"a"},null]}}`:           "it has no records.results[1].id",
		`{"records":{"results":{"id":"a"}}}`:                  "records.results: not an array",
		`{"records":{"results":[{"id":7}]}}`:                  "it has no records.results[0].id",
		`{"records":[]}`:                                      "it has no records",
		`{}`:                                                  "it has no records",
		`{"records":{"results":[{"id":"a"}`:                   "unexpected EOF",
		`{"records":{"results":[]}}}`:                         "unexpected data after byte",
		`{"records":{"results":[5]}}`:                         "it has no records.results[0].id",
		`{"records":{"results":[{}]},"records":{}}`:           "it has no records.results[0].id",
		`{"records":{"results":[` + strings.Repeat(`{"id":"a"},`, 100) + `{"id":"a"}]}}`: "more than 100 items",
	} {
		_, err := listRecords(t.Context(), answering(t, body))
		require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse, body)
		require.ErrorContains(t, err, want)
	}
}

// A small compressed body can decode to very many items. If the first one is refused, decoding
// stops. This test is not parallel, because it measures memory.
func TestRubbishTakesNoMemory(t *testing.T) {
	items := strings.Repeat(`{},`, 100_000)
	for _, name := range []string{"records", "datasets"} {
		body := `{"` + name + `":{"results":[` + items + `{}]}}`
		client := answering(t, body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var err error
		if name == "records" {
			_, err = listRecords(t.Context(), client)
		} else {
			_, err = listDatasets(t.Context(), client)
		}
		runtime.ReadMemStats(&after)
		require.ErrorContains(t, err, "results[0].id")
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8*len(body)), "the body, in growing buffers")
	}
}

// Compressed, these lists take a few KB.
func TestLongListsTakeNoMemory(t *testing.T) {
	const size, most = 2 << 20, 80 << 20 // 100,000 fields take 65 MB
	for name, test := range map[string]struct {
		before, item, after string
		call                func(context.Context, *mistralobs.Client) error
	}{
		"options": {before: `{"options":[`, item: `""`, after: `]}`,
			call: func(ctx context.Context, client *mistralobs.Client) error {
				_, err := client.Spans.FieldOptions(ctx, "x", time.Time{}, time.Time{})
				return err
			}},
		"fields": {before: `{"field_definitions":[`, item: `{"name":"a"}`, after: `]}`,
			call: func(ctx context.Context, client *mistralobs.Client) error {
				_, err := client.Spans.Fields(ctx)
				return err
			}},
		"reasons of a span": {before: `{"trace_id":"a","span_id":"b","response_finish_reasons":[`,
			item: `""`, after: `]}`,
			call: func(ctx context.Context, client *mistralobs.Client) error {
				_, err := client.Spans.Get(ctx, mistralobs.SpanReference{
					TraceID: strings.Repeat("a", 32), SpanID: strings.Repeat("b", 16),
				})
				return err
			}},
	} {
		body := test.before + strings.Repeat(test.item+",", size/(len(test.item)+1)) + test.item + test.after
		client := answering(t, body)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := test.call(t.Context(), client)
		runtime.ReadMemStats(&after)
		require.ErrorIs(t, err, mistralobs.ErrUnexpectedResponse, name)
		require.ErrorContains(t, err, "have more than 100000 items", name)
		assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(most), name)
	}
}

// A value may be as deep in a page or in an export as it may be when it is created.
func TestDeepRecords(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 9_999) + "{}" + strings.Repeat("}", 9_999)
	object, err := mistralobs.NewObject(mistralobs.Object(deep))
	require.NoError(t, err)
	_, err = mistralobs.NewObject(mistralobs.Object(`{"a":` + deep + `}`))
	require.ErrorIs(t, err, mistralobs.ErrInvalidParams)

	page, err := answering(t, `{"records":{"results":[{"id":"r","payload":`+deep+`,"source":7}]}}`).
		Records.List(t.Context(), datasetID, mistralobs.ListParams{})
	require.NoError(t, err)
	assert.Equal(t, object, page.Items[0].Payload)
	for record, err := range mistralobs.ReadJSONL(strings.NewReader(`{"payload":` + deep + `}`)) {
		require.NoError(t, err)
		assert.Equal(t, object, record.Payload)
	}
}

// Fields that the SDK does not know are in reach.
func TestRaw(t *testing.T) {
	t.Parallel()
	const tomorrow = `{ "id" : "x" , "payload":{"a" : 1}, "colour":{"r":9007199254740993},` +
		`"created_at":"2026-05-04T10:20:30Z" }`
	for name, test := range map[string]struct {
		body string
		call func(context.Context, *mistralobs.Client) (any, error)
	}{
		"dataset":          {body: tomorrow, call: getDataset},
		"record":           {body: tomorrow, call: getRecord},
		"task":             {body: tomorrow, call: getTask},
		"file":             {body: tomorrow, call: getFile},
		"page of datasets": {body: `{"datasets":{"results":[ ` + tomorrow + ` ]}}`, call: listDatasets},
		"page of records":  {body: `{"records":{"results":[ ` + tomorrow + ` ]}}`, call: listRecords},
		"page of odd ones": {body: `{"records":{"results":[ ` + tomorrow + ` ],"count":"1"}}`, call: listRecords},
		"page of tasks":    {body: `{"tasks":{"results":[ ` + tomorrow + ` ]}}`, call: listTasks},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result, err := test.call(t.Context(), answering(t, test.body))
			require.NoError(t, err)
			var item any
			switch result := result.(type) {
			case *mistralobs.Page[mistralobs.Dataset]:
				item = &result.Items[0]
			case *mistralobs.Page[mistralobs.Record]:
				item = &result.Items[0]
			case *mistralobs.Page[mistralobs.ImportTask]:
				item = &result.Items[0]
			default:
				item = result
			}
			raw := item.(interface{ Raw() mistralobs.Object }).Raw()
			assert.Equal(t, tomorrow, raw.String())
			colour, found := raw.Get("colour")
			assert.True(t, found)
			assert.Equal(t, `{"r":9007199254740993}`, string(colour))
			if record, ok := item.(*mistralobs.Record); ok {
				assert.Equal(t, `{"a" : 1}`, record.Payload.String())
			}
		})
	}
	assert.Empty(t, (&mistralobs.Record{}).Raw())
}

func listDatasets(ctx context.Context, c *mistralobs.Client) (any, error) {
	return c.Datasets.List(ctx, mistralobs.ListDatasetsParams{})
}

func getDataset(ctx context.Context, c *mistralobs.Client) (any, error) {
	return c.Datasets.Get(ctx, datasetID)
}

func listRecords(ctx context.Context, c *mistralobs.Client) (any, error) {
	return c.Records.List(ctx, datasetID, mistralobs.ListParams{})
}

func getRecord(ctx context.Context, c *mistralobs.Client) (any, error) {
	return c.Records.Get(ctx, "r")
}

func listTasks(ctx context.Context, c *mistralobs.Client) (any, error) {
	return c.Tasks.List(ctx, datasetID, mistralobs.ListParams{})
}

func getTask(ctx context.Context, c *mistralobs.Client) (any, error) {
	return c.Tasks.Get(ctx, datasetID, "t")
}

func getFile(ctx context.Context, c *mistralobs.Client) (any, error) { return c.Files.Get(ctx, "f") }

func toJSONL(ctx context.Context, c *mistralobs.Client) (any, error) {
	return c.Exports.ToJSONL(ctx, datasetID)
}
