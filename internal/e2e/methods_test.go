package e2e_test

//lint:file-ignore SA1019 deprecated imports are tested as long as they exist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/internal/optest"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// scene is a world in which a method is called. Its dataset has seededRecords records.
type scene struct {
	*world
	t      *testing.T
	folder string                  // for files of the method
	seeded []mistralobstest.Record // the records at the beginning
	tasks  int                     // the number of imports at the beginning
	checks []func()                // that send requests, for after the call

	running string            // an import of nothing that has just been started
	plan    *datasetsync.Plan // for Plan.Apply
}

const seededRecords = 12

// methods calls every method of the SDK that sends requests, by its name. A call checks that its
// result and its error agree with what the server holds, and returns the error. It may end at any
// moment: when its context ends, or by a fault of the server.
var methods = func() map[string]func(*scene) error {
	all := maps.Clone(composite)
	for _, op := range optest.Operations() {
		name := op.Method
		if all[name] != nil {
			name += ", " + op.Name // the second of a method
		}
		all[name] = func(s *scene) error { return s.operate(operation{op}) }
	}
	return all
}()

// composite are the methods that are more than one operation of the list.
var composite = map[string]func(*scene) error{
	"Client.Do": func(s *scene) error {
		return s.client.Do(s.ctx, http.MethodGet, "/v1/observability/datasets", nil, nil)
	},
	"Client.Do, creating": func(s *scene) error {
		body := map[string]any{"name": "Second " + s.name, "description": ""}
		err := s.client.Do(s.ctx, http.MethodPost, "/v1/observability/datasets", body, nil)
		return s.checkCreated(err, s.countDatasets("Second "+s.name))
	},

	"Datasets.All": func(s *scene) error {
		params := mistralobs.ListDatasetsParams{Query: s.name}
		return walk(s, s.client.Datasets.All(s.ctx, params), datasetID, []string{s.dataset})
	},
	"Datasets.Find": func(s *scene) error {
		dataset, err := s.client.Datasets.Find(s.ctx, s.name)
		assert.True(s.t, err != nil || dataset.ID == s.dataset, "found")
		return err
	},
	"Datasets.FindOrCreate": func(s *scene) error {
		_, _, err := s.client.Datasets.FindOrCreate(s.ctx, mistralobs.CreateDatasetParams{Name: "Second " + s.name})
		return s.checkCreated(err, s.countDatasets("Second "+s.name))
	},
	"Datasets.Pages": func(s *scene) error {
		return drain(s.client.Datasets.Pages(s.ctx, mistralobs.ListDatasetsParams{Query: s.name}))
	},

	"Exports.Download": func(s *scene) error {
		var got bytes.Buffer
		_, err := s.client.Exports.Download(s.ctx, s.dataset, &got, mistralobs.TransferOptions{})
		return s.checkDownloaded(got.String(), err)
	},
	"Exports.Open": func(s *scene) error {
		body, err := s.client.Exports.Open(s.ctx, s.dataset, mistralobs.TransferOptions{})
		if err != nil {
			return err
		}
		defer body.Close()
		got, err := io.ReadAll(body)
		return s.checkDownloaded(string(got), err)
	},
	"Exports.Records": func(s *scene) error {
		text := func(r *mistralobs.JSONLRecord) string { return exported(r.Payload.String(), r.Properties.String()) }
		return walk(s, s.client.Exports.Records(s.ctx, s.dataset, mistralobs.TransferOptions{}), text, s.exported())
	},
	"Exports.Save": func(s *scene) error {
		path := filepath.Join(s.folder, "export.jsonl")
		if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
			return err
		}
		_, err := s.client.Exports.Save(s.ctx, s.dataset, path, mistralobs.TransferOptions{})
		want := "old"
		if err == nil {
			want = strings.Join(s.exported(), "")
		}
		assert.Equal(s.t, []string{"export.jsonl: " + want}, contents(s.t, s.folder), "%v", err)
		return err
	},

	"Imports.FromJSONL": func(s *scene) error {
		input := strings.NewReader(strings.Repeat(line1+"\n", 20))
		result, err := s.client.Imports.FromJSONL(s.ctx, s.dataset, input,
			mistralobs.JSONLImportOptions{MaxFileBytes: 1000})
		started := 0
		if result != nil {
			started = len(result.Tasks)
		}
		assert.True(s.t, err != nil || started == 2, "two files")
		s.later(func() {
			surplus := s.newTasks() - started
			assert.True(s.t, surplus == 0 || surplus == 1 && errors.Is(err, mistralobs.ErrMaybeApplied),
				"%d: %v", surplus, err)
		})
		return err
	},

	"Records.All": func(s *scene) error {
		params := mistralobs.ListParams{PageSize: 2}
		return walk(s, s.client.Records.All(s.ctx, s.dataset, params), recordID, s.ids())
	},
	"Records.CreateAll": (*scene).createAll,
	"Records.Pages": func(s *scene) error {
		last := func(page *mistralobs.Page[mistralobs.Record]) string { return page.Items[len(page.Items)-1].ID }
		pages := s.client.Records.Pages(s.ctx, s.dataset, mistralobs.ListParams{PageSize: 6})
		return walk(s, pages, last, []string{s.seeded[5].ID, s.seeded[11].ID})
	},
	"Records.Edit": func(s *scene) error {
		_, err := s.client.Records.Edit(s.ctx, s.record, func(r *mistralobs.Record) error {
			r.Properties = mistralobs.Object(newPayloadText)
			return nil
		})
		return s.checkRecords(err, 1,
			func(r mistralobstest.Record) bool { return string(r.Properties) == newPayloadText })
	},
	"Records.UpdateAll": (*scene).updateAll,

	"Judges.All": func(s *scene) error {
		id := func(judge *mistralobs.Judge) string { return judge.ID }
		return walk(s, s.client.Judges.All(s.ctx, mistralobs.ListJudgesParams{Query: s.name}), id, []string{s.judge})
	},
	"Judges.Pages": func(s *scene) error {
		return drain(s.client.Judges.Pages(s.ctx, mistralobs.ListJudgesParams{Query: s.name}))
	},

	"Spans.All": func(s *scene) error {
		return drain(s.client.Spans.All(s.ctx, mistralobs.SearchSpansParams{PageSize: 1}))
	},
	"Spans.AllEvaluations": func(s *scene) error {
		return drain(s.client.Spans.AllEvaluations(s.ctx, mistralobs.SearchEvaluationsParams{PageSize: 1}))
	},
	"Spans.AllOfTrace": func(s *scene) error {
		spans := s.client.Spans.AllOfTrace(s.ctx, s.span.TraceID, mistralobs.TraceSpansParams{})
		id := func(span *mistralobs.Span) string { return span.SpanID }
		return walk(s, spans, id, []string{s.span.SpanID})
	},

	"Tasks.Pages": func(s *scene) error {
		return drain(s.client.Tasks.Pages(s.ctx, s.dataset, mistralobs.ListParams{PageSize: 1}))
	},
	"Tasks.All": func(s *scene) error {
		return drain(s.client.Tasks.All(s.ctx, s.dataset, mistralobs.ListParams{PageSize: 1}))
	},
	"Tasks.Wait": func(s *scene) error {
		task, err := s.client.Tasks.Wait(s.ctx, s.dataset, s.running, mistralobs.WaitOptions{})
		assert.True(s.t, err != nil || task.Status.Succeeded(), "ended")
		return err
	},
	"Tasks.WaitAll": func(s *scene) error {
		tasks := []*mistralobs.ImportTask{{ID: s.task, DatasetID: s.dataset}, {ID: s.running, DatasetID: s.dataset}}
		return failure(s.client.Tasks.WaitAll(s.ctx, tasks, mistralobs.WaitOptions{}))
	},

	"datasetsync.Diff": func(s *scene) error {
		plan, err := datasetsync.Diff(s.ctx, s.client, s.dataset, s.wanted(), datasetsync.Options{Key: "id"})
		if err == nil {
			err = plan.Close()
		}
		assert.Equal(s.t, s.seeded, s.server.Records(s.dataset), "it changes nothing")
		return err
	},
	"datasetsync.Plan.Apply": func(s *scene) error {
		defer s.plan.Close()
		report, err := s.plan.Apply(s.ctx, s.client, datasetsync.Options{ImportAbove: -1})
		return s.checkReport(report, err)
	},
	"datasetsync.Sync": func(s *scene) error {
		options := datasetsync.Options{Key: "id", Delete: true, ImportAbove: 2}
		report, err := datasetsync.Sync(s.ctx, s.client, s.dataset, s.wanted(), options)
		return s.checkReport(report, err)
	},
}

var newPayload = map[string]string{"v": "new"}

const newPayloadText = `{"v":"new"}`

// Every method of a service that takes a context is in the table, and so are the other functions
// that send requests.
func TestMethodTableIsComplete(t *testing.T) {
	t.Parallel()
	want := []string{"Client.Do", "datasetsync.Diff", "datasetsync.Sync", "datasetsync.Plan.Apply"}
	for field := range reflect.TypeFor[mistralobs.Client]().Fields() {
		if !field.IsExported() {
			continue
		}
		for method := range field.Type.Methods() {
			if in := method.Type; in.NumIn() > 1 && in.In(1) == reflect.TypeFor[context.Context]() {
				want = append(want, field.Name+"."+method.Name)
			}
		}
	}
	require.Greater(t, len(want), 50)
	got := slices.Collect(maps.Keys(methods))
	got = slices.DeleteFunc(got, func(name string) bool { return strings.Contains(name, ", ") })
	assert.ElementsMatch(t, want, got, "add what is only in list A to internal/optest, or to composite")
}

// newScene adds a dataset with one of everything to a world, for a call of a method.
func newScene(t *testing.T, w world, method, folder string) *scene {
	t.Helper()
	records := make([]mistralobstest.RecordSeed, seededRecords)
	for i := range records {
		records[i] = mistralobstest.RecordSeed{
			Payload: json.RawMessage(`{"messages":[],"v":"old"}`), Properties: fmt.Appendf(nil, `{"id":"k%02d"}`, i),
		}
	}
	s := &scene{t: t, world: &w, folder: folder}
	s.name = fmt.Sprintf("Scene %016x", rand.Uint64())
	s.dataset = w.server.SeedDataset(s.name, "Tickets", records...)
	s.seeded = w.server.Records(s.dataset)
	s.judge = w.server.SeedJudge(optest.JudgeNamed(s.name))
	s.record = s.seeded[0].ID
	s.until(func(ctx context.Context) error {
		params := mistralobs.UploadParams{Name: "f.jsonl", Body: strings.NewReader(line1)}
		file, err := s.client.Files.Upload(ctx, params, mistralobs.TransferOptions{})
		if err == nil {
			s.file = file.ID
		}
		return err
	})
	if method == "datasetsync.Plan.Apply" {
		s.until(func(ctx context.Context) (err error) {
			options := datasetsync.Options{Key: "id", Delete: true}
			s.plan, err = datasetsync.Diff(ctx, s.client, s.dataset, s.wanted(), options)
			return err
		})
	}
	s.task = s.startImport()
	s.running = s.startImport()
	s.tasks = s.countTasks()
	return s
}

// operate calls an operation. It changes what it is for, and nothing else.
func (s *scene) operate(op operation) error {
	s.before = s.state()
	err := op.call(s.world)
	changes := s.changes()
	switch {
	case strings.HasPrefix(op.Name, "imports."):
		return s.checkStarted(err)
	case strings.HasPrefix(op.Name, "files."): // is not in the state
		return err
	case op.Creates:
		return s.checkCreated(err, changes)
	case op.Changes():
		assert.True(s.t, changes == 1 || changes == 0 && err != nil, "%d changes: %v", changes, err)
	default:
		assert.Zero(s.t, changes, "%v", err)
	}
	return err
}

// until makes a call that the scene needs, again and again until no fault hits it.
func (s *scene) until(call func(context.Context) error) {
	var err error
	for range 20 {
		if err = call(context.Background()); err == nil || errors.Is(err, mistralobs.ErrNotFound) {
			return
		}
	}
	assert.NoError(s.t, err)
}

// startImport starts an import of nothing, or two if a response is lost.
func (s *scene) startImport() (id string) {
	s.until(func(ctx context.Context) error {
		task, err := s.client.Imports.FromPlayground(ctx, s.dataset, nil)
		if err == nil {
			id = task.ID
		}
		return err
	})
	return id
}

// later keeps a check for the time after the call, because it sends requests.
func (s *scene) later(check func()) { s.checks = append(s.checks, check) }

func (s *scene) countTasks() (n int) {
	s.until(func(ctx context.Context) error {
		page, err := s.client.Tasks.List(ctx, s.dataset, mistralobs.ListParams{})
		if err == nil {
			n = page.Total
		}
		return err
	})
	return n
}

// newTasks returns the number of imports that the method has started.
func (s *scene) newTasks() int { return s.countTasks() - s.tasks }

func (s *scene) countDatasets(name string) (n int) {
	for _, dataset := range s.server.Datasets() {
		if dataset.Name == name {
			n++
		}
	}
	return n
}

func (s *scene) ids() (ids []string) {
	for _, record := range s.seeded {
		ids = append(ids, record.ID)
	}
	return ids
}

func datasetID(d *mistralobs.Dataset) string { return d.ID }
func recordID(r *mistralobs.Record) string   { return r.ID }

// walk checks that a sequence yields what is wanted, in order, up to its error.
func walk[T any](s *scene, sequence iter.Seq2[T, error], name func(T) string, want []string) error {
	var got []string
	for item, err := range sequence {
		if err != nil {
			assert.Equal(s.t, want[:min(len(got), len(want))], append([]string{}, got...), "until %v", err)
			return err
		}
		got = append(got, name(item))
	}
	assert.Equal(s.t, want, got)
	return nil
}

func drain[T any](sequence iter.Seq2[T, error]) error {
	for _, err := range sequence {
		if err != nil {
			return err
		}
	}
	return nil
}

// exported is a record as the server exports it.
func exported(payload, properties string) string {
	return fmt.Sprintf(`{"payload":%s,"properties":%s}`+"\n", payload, properties)
}

func (s *scene) exported() (lines []string) {
	for _, record := range s.seeded {
		lines = append(lines, exported(string(record.Payload), string(record.Properties)))
	}
	return lines
}

func (s *scene) checkDownloaded(got string, err error) error {
	whole := strings.Join(s.exported(), "")
	if err == nil {
		assert.Equal(s.t, whole, got)
	} else {
		assert.True(s.t, strings.HasPrefix(whole, got), "%q, until %v", got, err)
	}
	return err
}

// checkCreated compares the error of a creation with what the server has created, and returns the
// error.
func (s *scene) checkCreated(err error, made int) error {
	switch {
	case err == nil:
		assert.Equal(s.t, 1, made, "created")
	case errors.Is(err, mistralobs.ErrMaybeApplied):
		assert.LessOrEqual(s.t, made, 1, "doubled")
	default:
		assert.Equal(s.t, 0, made, "created in spite of %v", err)
	}
	return err
}

// checkStarted is checkCreated for an import.
func (s *scene) checkStarted(err error) error {
	s.later(func() { _ = s.checkCreated(err, s.newTasks()) })
	return err
}

// checkRecords checks the records that the server holds after a change of the first n. Each of
// these is changed or as before, and all are changed if the call succeeded. The others are as
// before. It returns the error of the call.
func (s *scene) checkRecords(err error, n int, isChanged func(mistralobstest.Record) bool) error {
	held := s.held()
	for i, before := range s.seeded {
		now := held[before.ID] // the zero Record, if it has been deleted
		switch {
		case i < n && isChanged(now):
		case i < n && err == nil:
			assert.Fail(s.t, "not changed", "%v: %v", before, now)
		default:
			assert.Equal(s.t, before, now, "%v", err)
		}
	}
	return err
}

func (s *scene) held() map[string]mistralobstest.Record {
	held := map[string]mistralobstest.Record{}
	for _, record := range s.server.Records(s.dataset) {
		held[record.ID] = record
	}
	return held
}

func (s *scene) createAll() (failed error) {
	input := func(yield func(mistralobs.CreateRecordParams) bool) {
		payload := map[string]int{} // of all records
		for i := range 20 {
			payload["i"] = i
			if !yield(mistralobs.CreateRecordParams{Payload: payload}) {
				return
			}
		}
	}
	reported := map[string]bool{}
	sequence := s.client.Records.CreateAll(s.ctx, s.dataset, mistralobs.NoErrors(input), mistralobs.BulkOptions{})
	for record, err := range sequence {
		if err != nil {
			failed = err
			break
		}
		reported[record.Payload.String()] = true
	}
	times := map[string]int{}
	for _, record := range s.server.Records(s.dataset)[seededRecords:] {
		times[string(record.Payload)]++
		assert.Equal(s.t, 1, times[string(record.Payload)], "doubled")
	}
	for payload := range reported {
		assert.Equal(s.t, 1, times[payload], "lost")
	}
	assert.True(s.t, failed != nil || len(reported) == 20, "all are created")
	return failed
}

func (s *scene) updateAll() (failed error) {
	input := func(yield func(mistralobs.RecordUpdate) bool) {
		for _, id := range s.ids()[:10] {
			if !yield(mistralobs.RecordUpdate{ID: id, Payload: newPayload, Properties: newPayload}) {
				return
			}
		}
	}
	var reported []string
	for id, err := range s.client.Records.UpdateAll(s.ctx, mistralobs.NoErrors(input), mistralobs.BulkOptions{}) {
		if err != nil {
			failed = err
			break
		}
		reported = append(reported, id)
	}
	held := s.held()
	for _, id := range reported {
		assert.Equal(s.t, newPayloadText+newPayloadText,
			string(held[id].Payload)+string(held[id].Properties), "reported")
	}
	return s.checkRecords(failed, 10, func(r mistralobstest.Record) bool { return string(r.Payload) == newPayloadText })
}

// wanted are records for a sync: of the seeded ones, three are not wanted and four differ; three
// more are new.
func (s *scene) wanted() iter.Seq2[*mistralobs.JSONLRecord, error] {
	return func(yield func(*mistralobs.JSONLRecord, error) bool) {
		for i := 3; i < seededRecords+3; i++ {
			payload := `{"messages":[],"v":"old"}`
			if i%2 == 0 {
				payload = newPayloadText
			}
			record := &mistralobs.JSONLRecord{
				Payload: mistralobs.Object(payload), Properties: mistralobs.Object(fmt.Sprintf(`{"id":"k%02d"}`, i)),
			}
			if !yield(record, nil) {
				return
			}
		}
	}
}

// checkReport compares the report of a sync with what the server holds, and returns the error of
// the sync.
func (s *scene) checkReport(report *datasetsync.Report, err error) error {
	byKey := map[string][]mistralobstest.Record{}
	for _, record := range s.server.Records(s.dataset) {
		key := string(record.Properties)
		byKey[key] = append(byKey[key], record)
		assert.Len(s.t, byKey[key], 1, "doubled")
	}
	if report == nil {
		assert.Error(s.t, err)
		assert.Equal(s.t, s.seeded, s.server.Records(s.dataset), "nothing is changed without a report")
		return err
	}
	for _, result := range report.Results {
		now := byKey[fmt.Sprintf(`{"id":%q}`, result.Key)]
		done := result.Outcome == datasetsync.OutcomeDone
		switch {
		case result.Action == datasetsync.ActionDelete:
			assert.True(s.t, !done || len(now) == 0, "%v", result)
		case result.Action == datasetsync.ActionUpdate:
			if assert.Len(s.t, now, 1, "%v", result) {
				assert.True(s.t, !done || string(now[0].Payload) == newPayloadText, "%v", result)
			}
		case !errors.Is(result.Err, mistralobs.ErrMaybeApplied): // a creation
			assert.Equal(s.t, done, len(now) == 1, "%v", result)
		}
	}
	made := report.Created + report.Updated + report.Deleted
	assert.Equal(s.t, err == nil, made == len(report.Results), "%v: %v", err, report)
	return err
}
