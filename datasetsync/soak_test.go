package datasetsync_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// writer creates, edits and deletes records beside the syncs. Nobody else creates its keys.
type writer struct {
	world
	random *rand.Rand
	own    map[string]string // answers of its records by key
	ids    map[string]string
	stop   chan struct{}
}

func (o *writer) run() {
	for n := 0; ; n++ {
		select {
		case <-o.stop:
			return
		case <-time.After(time.Duration(o.random.IntN(300)) * time.Millisecond):
			o.change(n)
		}
	}
}

func (o *writer) change(n int) {
	ctx := o.t.Context()
	key := fmt.Sprintf("w-%04d", n)
	records := o.server.Records(o.dataset)
	switch o.random.IntN(4) {
	case 0: // a record of its own
		record, err := o.other.Records.Create(ctx, o.dataset, mistralobs.CreateRecordParams{
			Payload: map[string]string{"answer": "mine"}, Properties: map[string]string{"id": key},
		})
		if err == nil {
			o.own[key], o.ids[key] = "mine", record.ID
		}
	case 1: // one of the wanted records
		if len(records) > 0 {
			id := records[o.random.IntN(len(records))].ID
			_ = o.other.Records.UpdatePayload(ctx, id, map[string]string{"answer": "edited"}) // it may be gone
			for key, own := range o.ids {
				if own == id {
					o.own[key] = "edited"
				}
			}
		}
	case 2:
		if len(records) > 0 {
			id := records[o.random.IntN(len(records))].ID
			_ = o.other.Records.Delete(ctx, id)
			for key, own := range o.ids {
				if own == id {
					delete(o.own, key)
				}
			}
		}
	}
}

// Beside a second writer, with faults and cancellations, syncs do not lose, duplicate or overwrite records of others.
// In the end the dataset is as wanted.
func TestSyncsBesideASecondWriter(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, tickets(1, 230), func(w world) {
				random := rand.New(rand.NewPCG(seed, 7))
				other := &writer{w, rand.New(rand.NewPCG(seed, 8)), map[string]string{}, map[string]string{}, make(chan struct{})}
				var running sync.WaitGroup
				running.Go(other.run)
				for range 15 {
					w.syncWithFaults(random)
				}
				close(other.stop)
				running.Wait()
				w.server.ClearFaults()
				time.Sleep(time.Hour)
				w.checkSynced(other.own)
			}, mistralobstest.WithLatency(2*time.Millisecond))
		})
	}
}

func (w world) syncWithFaults(random *rand.Rand) {
	w.server.ClearFaults()
	w.server.Inject(mistralobstest.Fault{Status: 503, Times: -1, Probability: 0.05, Seed: random.Uint64()})
	w.server.Inject(mistralobstest.Fault{
		Operation: mistralobstest.RecordsCreate, Break: mistralobstest.ResetUnanswered, Times: -1, Probability: 0.05,
		Seed: random.Uint64(),
	})
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Duration(random.IntN(5000))*time.Millisecond)
	defer cancel()
	first := 1 + random.IntN(100)
	options := datasetsync.Options{Key: "id", ImportAbove: []int{-1, 5}[random.IntN(2)], Concurrency: 1 + random.IntN(8)}
	_, _ = datasetsync.Sync(ctx, w.client, w.dataset, wanted(tickets(first, first+200)...), options)
}

func (w world) checkSynced(own map[string]string) {
	want := tickets(1, 230)
	report, err := w.sync(datasetsync.Options{Key: "id"}, want...)
	require.NoError(w.t, err, "%v", report)
	expected := linesOf(own)
	expected = append(expected, want...)
	seen := map[string]int{}
	for _, line := range w.holds() {
		seen[line]++
		assert.Equal(w.t, 1, seen[line], line)
	}
	for _, line := range expected {
		assert.Equal(w.t, 1, seen[line], line)
	}
}
