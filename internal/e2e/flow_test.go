package e2e_test

//lint:file-ignore SA1019 deprecated imports are tested as long as they exist

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestFlowDataset(t *testing.T) {
	inMemory(t, func(t *testing.T, _ *mistralobstest.Server, c *mistralobs.Client) {
		ctx := t.Context()
		made, err := c.Datasets.Create(ctx, mistralobs.CreateDatasetParams{Name: "Überblick <1>", Description: "d"})
		require.NoError(t, err)
		got, err := c.Datasets.Get(ctx, made.ID)
		require.NoError(t, err)
		assert.Equal(t, made, got)
		time.Sleep(time.Second) // fake
		changed, err := c.Datasets.Update(ctx, made.ID, mistralobs.UpdateDatasetParams{Name: ptr("Another name")})
		require.NoError(t, err)
		assert.Equal(t, "Another name", changed.Name)
		assert.Equal(t, "d", changed.Description, "what was not set is as it was")
		assert.True(t, changed.UpdatedAt.After(made.UpdatedAt))
		newDataset(t, c)
		assert.Len(t, collect(t, c.Datasets.All(ctx, mistralobs.ListDatasetsParams{})), 2)
		found := collect(t, c.Datasets.All(ctx, mistralobs.ListDatasetsParams{Query: "ANOTHER"}))
		assert.Equal(t, []mistralobs.Dataset{*changed}, found)
		require.NoError(t, c.Datasets.Delete(ctx, made.ID))
		_, err = c.Datasets.Get(ctx, made.ID)
		require.ErrorIs(t, err, mistralobs.ErrNotFound)
		require.ErrorIs(t, c.Datasets.Delete(ctx, made.ID), mistralobs.ErrNotFound)
	})
}

func TestFlowRecords(t *testing.T) {
	inMemory(t, func(t *testing.T, server *mistralobstest.Server, c *mistralobs.Client) {
		ctx := t.Context()
		id := newDataset(t, c)
		// Only a client that does not decode payloads returns this one unchanged.
		payload := mistralobs.Object(`{"a" : 9007199254740993, "a": 1e400, "s":"<&>\ud800"}`)
		params := mistralobs.CreateRecordParams{Payload: payload, Properties: map[string]any{"k": "v"}}
		rec, err := c.Records.Create(ctx, id, params)
		require.NoError(t, err)
		assert.Equal(t, payload, rec.Payload)
		assert.Equal(t, mistralobs.SourceDirectInput, rec.Source)
		require.NoError(t, c.Records.UpdateProperties(ctx, rec.ID, mistralobs.Object(`{"n":2}`)))
		require.NoError(t, c.Records.UpdatePayload(ctx, rec.ID, mistralobs.NewConversation(mistralobs.User("Hi"))))
		got, err := c.Records.Get(ctx, rec.ID)
		require.NoError(t, err)
		assert.Equal(t, `{"n":2}`, got.Properties.String())
		assert.Equal(t, `{"messages":[{"role":"user","content":"Hi"}]}`, got.Payload.String())

		var ids []string
		input := func(yield func(mistralobs.CreateRecordParams) bool) {
			for i := 0; i < 1200 && yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}); i++ {
			}
		}
		for rec, err := range c.Records.CreateAll(ctx, id, mistralobs.NoErrors(input),
			mistralobs.BulkOptions{Concurrency: 16}) {
			require.NoError(t, err)
			assert.Equal(t, fmt.Sprintf(`{"i":%d}`, len(ids)), rec.Payload.String(), "in the order of the input")
			ids = append(ids, rec.ID)
		}
		assert.Len(t, ids, 1200)
		for _, ahead := range []int{0, 3} {
			assert.Len(t, collect(t, c.Records.All(ctx, id, mistralobs.ListParams{ReadAhead: ahead})), 1201)
		}
		require.NoError(t, c.Records.DeleteAll(ctx, ids))
		require.NoError(t, c.Records.Delete(ctx, rec.ID))
		assert.Empty(t, server.Records(id))
	})
}

func TestFlowImportAndExport(t *testing.T) {
	inMemory(t, func(t *testing.T, server *mistralobstest.Server, c *mistralobs.Client) {
		ctx := t.Context()
		id := newDataset(t, c)
		input := "\uFEFF" + line1 + "\r\n" + line2 + "\n" + `{"messages":[],"model":"m"}`
		var seen []int
		result, err := c.Imports.FromJSONL(ctx, id, strings.NewReader(input), mistralobs.JSONLImportOptions{
			MaxFileBytes: 100,
			Wait: mistralobs.WaitOptions{
				OnUpdate: func(task *mistralobs.ImportTask) { seen = append(seen, *task.Progress) },
			},
		})
		require.NoError(t, err)
		require.Len(t, result.Tasks, 2)
		for _, task := range result.Tasks {
			assert.True(t, task.Status.Succeeded())
		}
		assert.Greater(t, len(seen), 4, "progress is shown as it happens")
		assert.Len(t, collect(t, c.Tasks.All(ctx, id, mistralobs.ListParams{})), 2)

		want := []mistralobs.JSONLRecord{
			{
				Payload:    mistralobs.Object(`{"messages":[{"role":"user","content":"1"}]}`),
				Properties: mistralobs.Object(`{"n":9007199254740993}`),
				Line:       1,
			},
			{Payload: mistralobs.Object(`{"any": "thing"}`), Properties: mistralobs.Object(`{}`), Line: 2},
			{Payload: mistralobs.Object(`{"messages":[],"model":"m"}`), Properties: mistralobs.Object(`{}`), Line: 3},
		}
		assert.Equal(t, want, collect(t, c.Exports.Records(ctx, id, mistralobs.TransferOptions{})))
		path := filepath.Join(t.TempDir(), "out.jsonl")
		n, err := c.Exports.Save(ctx, id, path, mistralobs.TransferOptions{})
		require.NoError(t, err)
		saved, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Len(t, saved, int(n))
		assert.Equal(t, want, collect(t, mistralobs.ReadJSONL(bytes.NewReader(saved))))
		for _, r := range server.Requests() {
			if r.Operation == mistralobstest.ExportsDownload {
				assert.Empty(t, r.Header.Get("Authorization"))
			}
		}
	}, mistralobstest.WithTaskDuration(10*time.Second))
}

func TestFlowOtherImports(t *testing.T) {
	conversation := mistralobstest.RecordSeed{
		Payload:    json.RawMessage(`{"messages":[]}`),
		Properties: json.RawMessage(`{"from":"seed"}`),
	}
	inMemory(t, func(t *testing.T, server *mistralobstest.Server, c *mistralobs.Client) {
		ctx := t.Context()
		id := newDataset(t, c)
		campaign, event := server.SeedCampaign(conversation, conversation), server.SeedCompletionEvent(conversation)
		chat := server.SeedConversation(conversation)
		rec, err := c.Records.Create(ctx, id, mistralobs.CreateRecordParams{Payload: conversation.Payload})
		require.NoError(t, err)
		tests := []struct {
			start   func() (*mistralobs.ImportTask, error)
			source  mistralobs.RecordSource
			brought int
			fails   string
		}{
			{
				start:   func() (*mistralobs.ImportTask, error) { return c.Imports.FromCampaign(ctx, id, campaign) },
				source:  mistralobs.SourceExplorer,
				brought: 2,
				fails:   "",
			},
			{
				start:   func() (*mistralobs.ImportTask, error) { return c.Imports.FromExplorer(ctx, id, []string{event}) },
				source:  mistralobs.SourceExplorer,
				brought: 1,
				fails:   "",
			},
			{
				start:   func() (*mistralobs.ImportTask, error) { return c.Imports.FromPlayground(ctx, id, []string{chat}) },
				source:  mistralobs.SourcePlayground,
				brought: 1,
				fails:   "",
			},
			{
				start:   func() (*mistralobs.ImportTask, error) { return c.Imports.FromDataset(ctx, id, []string{rec.ID}) },
				source:  mistralobs.SourceDirectInput,
				brought: 1,
				fails:   "",
			},
			{
				start:   func() (*mistralobs.ImportTask, error) { return c.Imports.FromExplorer(ctx, id, []string{"nope"}) },
				source:  "",
				brought: 0,
				fails:   "nope",
			},
			{
				start:   func() (*mistralobs.ImportTask, error) { return c.Imports.FromFile(ctx, id, "nope") },
				source:  "",
				brought: 0,
				fails:   "nope",
			},
		}
		held := 1
		for _, test := range tests {
			task, err := test.start()
			require.NoError(t, err)
			assert.Equal(t, mistralobs.StatusRunning, task.Status)
			ended, err := c.Tasks.Wait(ctx, id, task.ID, mistralobs.WaitOptions{})
			if test.fails != "" {
				var taskError *mistralobs.TaskError
				require.ErrorAs(t, err, &taskError)
				require.ErrorContains(t, err, test.fails)
				assert.Equal(t, mistralobs.StatusFailed, ended.Status)
				continue
			}
			require.NoError(t, err)
			held += test.brought
			records := server.Records(id)
			require.Len(t, records, held)
			assert.Equal(t, string(test.source), records[held-1].Source)
		}
		_, err = c.Imports.FromCampaign(ctx, id, rec.ID)
		var e *mistralobs.Error
		require.ErrorAs(t, err, &e)
		assert.Equal(t, mistralobs.CodeCampaignNotFound, e.Code)
	}, mistralobstest.WithTaskDuration(time.Minute))
}

// If a file was not checked before the upload, the message of the failed task names the invalid
// line.
func TestFlowBadFile(t *testing.T) {
	inMemory(t, func(t *testing.T, server *mistralobstest.Server, c *mistralobs.Client) {
		id := newDataset(t, c)
		file, err := c.Files.Upload(
			t.Context(), mistralobs.UploadParams{Name: "f.jsonl", Body: strings.NewReader(line1 + "\nrubbish\n")},
			mistralobs.TransferOptions{},
		)
		require.NoError(t, err)
		got, err := c.Files.Get(t.Context(), file.ID)
		require.NoError(t, err)
		assert.Equal(t, ptr(2), got.NumLines)
		task, err := c.Imports.FromFile(t.Context(), id, file.ID)
		require.NoError(t, err)
		_, err = c.Tasks.Wait(t.Context(), id, task.ID, mistralobs.WaitOptions{})
		require.ErrorContains(t, err, "line 2")
		assert.Empty(t, server.Records(id))
		require.NoError(t, c.Files.Delete(t.Context(), file.ID))
		_, err = c.Files.Get(t.Context(), file.ID)
		require.ErrorIs(t, err, mistralobs.ErrNotFound)
	})
}

func TestFlowJudge(t *testing.T) {
	inMemory(t, func(t *testing.T, _ *mistralobstest.Server, c *mistralobs.Client) {
		rec, err := c.Records.Create(t.Context(), newDataset(t, c), mistralobs.CreateRecordParams{
			Payload: mistralobs.NewConversation(mistralobs.User("Capital of France?"),
				mistralobs.Assistant("It is Paris.")),
			Properties: map[string]string{"category": "geography", "expected_output": "Paris"},
		})
		require.NoError(t, err)
		judge := mistralobs.JudgeDefinition{Name: "topic judge", Output: mistralobs.ClassificationOutput(
			mistralobs.JudgeOption{Value: "cooking"}, mistralobs.JudgeOption{Value: "geography"})}
		verdict, err := c.Records.Judge(t.Context(), rec.ID, judge)
		require.NoError(t, err)
		assert.Equal(t, "geography", verdict.Answer.String())
		judge.Output = mistralobs.RegressionOutput(
			mistralobs.RegressionScale{Max: 10, MinDescription: "wrong", MaxDescription: "right"},
		)
		verdict, err = c.Records.Judge(t.Context(), rec.ID, judge)
		require.NoError(t, err)
		score, err := verdict.Answer.Float64()
		require.NoError(t, err)
		assert.InDelta(t, 10.0, score, 0)
	})
}

// A download replaces a link that expires, and resumes after a broken connection. No byte is lost
// or doubled.
func TestFlowDownloadUnderFaults(t *testing.T) {
	inMemory(t, func(t *testing.T, server *mistralobstest.Server, c *mistralobs.Client) {
		id := newDataset(t, c)
		var input bytes.Buffer
		w := mistralobs.NewJSONLWriter(&input)
		for i := range 300 {
			require.NoError(t, w.Write(map[string]any{"i": i}, map[string]any{}))
		}
		require.NoError(t, w.Flush())
		_, err := c.Imports.FromJSONL(t.Context(), id, &input, mistralobs.JSONLImportOptions{})
		require.NoError(t, err)

		const download = mistralobstest.ExportsDownload
		server.Inject(mistralobstest.Fault{Operation: download, Break: mistralobstest.ResetBody, After: 1000, Times: 3})
		server.Inject(mistralobstest.Fault{Operation: download, Status: 403})
		server.Inject(mistralobstest.Fault{Operation: download, Break: mistralobstest.TruncateBody, After: 500})
		server.Inject(mistralobstest.Fault{Operation: download, Break: mistralobstest.StallBody, After: 500})
		records := collect(t, c.Exports.Records(t.Context(), id, mistralobs.TransferOptions{}))
		require.Len(t, records, 300)
		for i, rec := range records {
			assert.Equal(t, fmt.Sprintf(`{"i":%d}`, i), rec.Payload.String())
		}
		server.Inject(mistralobstest.Fault{Operation: download, Break: mistralobstest.ResetBody, After: 1000})
		server.Inject(mistralobstest.Fault{Operation: download, ETag: `"other"`, IgnoreRange: true})
		_, err = c.Exports.Download(t.Context(), id, &bytes.Buffer{}, mistralobs.TransferOptions{})
		require.ErrorIs(t, err, mistralobs.ErrExportChanged)
	})
}

// A deletion has succeeded if its response was lost and its retry finds nothing.
func TestFlowDeleteUnderFaults(t *testing.T) {
	inMemory(t, func(t *testing.T, server *mistralobstest.Server, c *mistralobs.Client) {
		id := newDataset(t, c)
		server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsDelete,
			Break: mistralobstest.ResetUnanswered})
		require.NoError(t, c.Datasets.Delete(t.Context(), id))
		server.Inject(mistralobstest.Fault{Operation: mistralobstest.DatasetsDelete, Status: 429})
		require.ErrorIs(t, c.Datasets.Delete(t.Context(), id), mistralobs.ErrNotFound,
			"it was never there to be deleted")
	})
}

func TestFlowWrongKey(t *testing.T) {
	inMemory(t, func(t *testing.T, _ *mistralobstest.Server, c *mistralobs.Client) {
		other, err := c.With(mistralobs.WithAPIKey("wrong"))
		require.NoError(t, err)
		_, err = other.Datasets.List(t.Context(), mistralobs.ListDatasetsParams{})
		require.ErrorIs(t, err, mistralobs.ErrUnauthorized)
	})
}

func TestFlowRateLimit(t *testing.T) {
	inMemory(t, func(t *testing.T, server *mistralobstest.Server, c *mistralobs.Client) {
		for range 5 {
			newDataset(t, c)
		}
		limited := 0
		for _, r := range server.Requests() {
			if r.Status == 429 {
				limited++
			}
		}
		assert.Positive(t, limited)
		assert.Len(t, server.Datasets(), 5)
	}, mistralobstest.WithRateLimit(1, 1))
}
