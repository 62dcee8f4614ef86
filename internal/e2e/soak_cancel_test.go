package e2e_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// longCalls are the calls that send many requests.
var longCalls = map[string]func(*world) error{
	"create_all": func(w *world) error {
		_, err := createAll(w.ctx, w.client, w.dataset, 20)
		return err
	},
	"delete_all": func(w *world) error { return w.client.Records.DeleteAll(w.ctx, []string{w.record}) },
	"import": func(w *world) error {
		input := strings.NewReader(strings.Repeat(line1+"\n", 20))
		tasks, err := w.client.Imports.FromJSONL(w.ctx, w.dataset, input, mistralobs.JSONLImportOptions{})
		if err != nil {
			return err
		}
		_, err = w.client.Tasks.WaitAll(w.ctx, tasks, mistralobs.WaitOptions{})
		return err
	},
	"walk": func(w *world) error {
		for _, err := range w.client.Records.All(w.ctx, w.dataset, mistralobs.ListParams{PageSize: 1}) {
			if err != nil {
				return err
			}
		}
		return nil
	},
	"export": func(w *world) error {
		for _, err := range w.client.Exports.Records(w.ctx, w.dataset) {
			if err != nil {
				return err
			}
		}
		return nil
	},
}

// cancelRound calls an operation whose context ends at any moment, and checks what the server holds then.
func (s *soak) cancelRound(folder string, random *rand.Rand) {
	record := mistralobstest.Conversation{Payload: []byte(`{"messages":[]}`)}
	w := &world{ctx: context.Background(), server: s.server, client: s.client}
	w.dataset = s.server.SeedDataset("Canceled", "", record)
	w.record = s.server.Records(w.dataset)[0].ID
	w.task, w.file, w.campaign, w.event, w.chat = w.record, w.record, w.record, w.record, w.record
	all := calls()
	delete(all, mistralobstest.DatasetsCreate) // its dataset could not be told from those of others
	for name, call := range longCalls {
		all[name] = call
	}
	all["save"] = func(w *world) error {
		_, err := w.client.Exports.Save(w.ctx, w.dataset, filepath.Join(folder, w.dataset), mistralobs.TransferOptions{})
		return err
	}
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	name := names[random.IntN(len(names))]

	var cancel context.CancelFunc
	w.ctx, cancel = context.WithCancel(context.Background())
	after := time.Duration(random.Int64N(int64(30 * time.Millisecond)))
	time.AfterFunc(after, cancel)
	start := time.Now()
	err := all[name](w)
	assert.Less(s.t, time.Since(start), after+15*time.Second, "%s ends with its context", name)
	cancel()
	if name == mistralobstest.RecordsCreate {
		s.checkCreated(err, len(s.server.Records(w.dataset))-1)
	}
	if errors.Is(err, context.Canceled) {
		s.canceled.Add(1)
	}
	_ = s.client.Datasets.Delete(context.Background(), w.dataset)
}

// checkCreated compares the error of a creation with the number of records that it made.
func (s *soak) checkCreated(err error, made int) {
	switch {
	case err == nil:
		assert.Equal(s.t, 1, made, "created")
	case errors.Is(err, mistralobs.ErrMaybeApplied):
		assert.LessOrEqual(s.t, made, 1, "doubled")
	default:
		assert.Equal(s.t, 0, made, "created in spite of %v", err)
	}
}
