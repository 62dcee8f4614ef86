package e2e_test

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// syncRound is a dataset with the records k0 to k(n-1) and a second writer. The syncs want the
// records k10 to k(n+19).
type syncRound struct {
	*ledger
	client *mistralobs.Client
	random *rand.Rand
	n      int
	syncs  int           // that have been run
	pause  time.Duration // of the second writer between two edits
	large  int           // one record in so many is large
	bytes  int           // of a large record
}

// newSyncRound seeds the dataset. Two sizes in three take several pages.
func newSyncRound(
	t *testing.T, server *mistralobstest.Server, client *mistralobs.Client, random *rand.Rand,
) *syncRound {
	r := &syncRound{client: client, random: random, n: []int{60, 130, 230}[random.IntN(3)]}
	r.large, r.bytes = 30, 100_000
	r.pause = []time.Duration{5, 50, 500}[random.IntN(3)] * time.Millisecond
	if random.IntN(8) == 0 { // a page of them is too large for one response
		r.n, r.large, r.bytes, r.pause = 60, 5, 900_000, 500*time.Millisecond
	}
	records := make([]mistralobstest.RecordSeed, r.n)
	for i := range records {
		records[i].Payload, records[i].Properties = r.payload(nil, i, "old"), fmt.Appendf(nil, `{"id":"k%d"}`, i)
	}
	want := map[string]content{}
	for record := range r.wanted() {
		c := content{record.Payload.String(), record.Properties.String()}
		want[keyOf(c)] = c
	}
	r.ledger = newLedger(t, server, server.SeedDataset("Synced", "", records...), want)
	return r
}

// payload appends the payload of a record. Some are large.
func (r *syncRound) payload(to []byte, i int, v string) []byte {
	if i%r.large == 0 {
		return fmt.Appendf(to, `{"v":%q,"large":%q}`, v, strings.Repeat("x", r.bytes))
	}
	return fmt.Appendf(to, `{"v":%q}`, v)
}

// wanted yields the records that a sync wants, all in one variable and the same bytes. Every third
// differs from the one that was seeded, in one part or both.
func (r *syncRound) wanted() iter.Seq2[*mistralobs.JSONLRecord, error] {
	return func(yield func(*mistralobs.JSONLRecord, error) bool) {
		var record mistralobs.JSONLRecord
		for i := 10; i < r.n+20; i++ {
			version, more := "old", ""
			if i%3 == 0 && i%2 == 0 {
				version = "new"
			}
			if i%3 == 0 && i%5 != 0 {
				more = `,"new":true`
			}
			record.Payload = r.payload(record.Payload[:0], i, version)
			record.Properties = fmt.Appendf(record.Properties[:0], `{"id":"k%d"%s}`, i, more)
			if !yield(&record, nil) {
				return
			}
		}
	}
}

// run syncs several times while the second writer works. In the end, without that writer, it syncs
// until nothing is left to do.
func (r *syncRound) run() {
	ctx, stop := context.WithCancel(context.Background())
	var other sync.WaitGroup
	second, client := r.writer(r.client, writer{})
	random := rand.New(rand.NewPCG(r.random.Uint64(), 1))
	other.Go(func() { r.interfere(ctx, client, random) })
	for range 4 {
		r.syncOnce()
		r.removeDoubled(second, client)
	}
	stop()
	other.Wait()
	r.settle(second, client)
	r.end()
}

// syncOnce syncs in one of several ways. One sync in two is canceled.
func (r *syncRound) syncOnce() {
	r.syncs++
	w, client := r.writer(r.client, writer{isSync: true, force: r.random.IntN(8) == 0})
	options := datasetsync.Options{
		Key: "id", Delete: r.random.IntN(2) == 0, Force: w.force, ImportAbove: []int{-1, 5}[r.random.IntN(2)],
		Concurrency: 1 + r.random.IntN(8), OnProgress: w.OnProgress,
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if r.random.IntN(2) == 0 {
		time.AfterFunc(time.Duration(r.random.Int64N(int64(time.Second))), cancel)
	}
	if r.random.IntN(2) == 0 {
		_, _ = datasetsync.Sync(ctx, client, r.dataset, r.wanted(), options) // the ledger tells what it did
		return
	}
	plan, err := datasetsync.Diff(ctx, client, r.dataset, r.wanted(), options)
	if err != nil {
		return
	}
	defer plan.Close()
	if _, err = plan.Apply(ctx, client, options); err != nil { // again, as after an interruption
		_, _ = plan.Apply(context.Background(), client, options)
	}
}

// interfere creates, edits and deletes records until the context ends. Each edit has a text of its
// own. It often edits what a sync has just looked at, to meet it in the window before its write.
func (r *syncRound) interfere(ctx context.Context, client *mistralobs.Client, random *rand.Rand) {
	looked := ""
	for n := 0; ctx.Err() == nil; n++ {
		held := r.server.Records(r.dataset)
		if len(held) == 0 {
			return
		}
		record := held[random.IntN(len(held))]
		i := slices.IndexFunc(held, func(other mistralobstest.Record) bool { return other.ID == looked })
		if i >= 0 && random.IntN(2) == 0 {
			record = held[i]
		}
		key := keyOf(contentOf(record))
		mine := fmt.Sprintf("mine %d", n)
		switch random.IntN(8) {
		case 0: // a record that no sync wants, or one that all do
			key = []string{fmt.Sprintf("m%d", n), fmt.Sprintf("k%d", r.n+random.IntN(20))}[min(1, random.IntN(4))]
			if r.holds(key) == 0 {
				_, _ = client.Records.Create(ctx, r.dataset, mistralobs.CreateRecordParams{
					Payload: map[string]string{"v": mine}, Properties: map[string]string{"id": key},
				})
			}
		case 1:
			_ = client.Records.Delete(ctx, record.ID)
		case 2, 3, 4:
			_ = client.Records.UpdateProperties(ctx, record.ID, map[string]string{"id": key, "by": mine})
		default:
			_ = client.Records.UpdatePayload(ctx, record.ID, map[string]string{"v": mine})
		}
		looked = r.rest(ctx)
	}
}

// rest waits for a while, or until a sync looks at a record, whose id it returns then.
func (r *syncRound) rest(ctx context.Context) (looked string) {
	timer := time.NewTimer(r.pause)
	defer timer.Stop()
	select {
	case looked = <-r.looked:
	case <-timer.C:
	case <-ctx.Done():
	}
	return looked
}

// holds returns how many records have a key.
func (r *syncRound) holds(key string) (n int) {
	for _, record := range r.server.Records(r.dataset) {
		if keyOf(contentOf(record)) == key {
			n++
		}
	}
	return n
}

// removeDoubled deletes the second writer's records whose keys a sync has created too, in the
// window between its reading and its creation, or the writer after it. The syncs would refuse
// duplicates.
func (r *syncRound) removeDoubled(second *writer, client *mistralobs.Client) {
	byKey := map[string][]string{}
	for _, record := range r.server.Records(r.dataset) {
		key := keyOf(contentOf(record))
		byKey[key] = append(byKey[key], record.ID)
	}
	for key, ids := range byKey {
		if len(ids) == 1 {
			continue
		}
		var own []string
		r.locked(func() {
			own = slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
				return r.held[id] == nil || r.held[id].created.by != second
			})
		})
		if assert.Len(r.t, own, len(ids)-1, "%s is there %d times", key, len(ids)) {
			assert.NoError(r.t, client.Records.DeleteAll(context.Background(), own))
		}
	}
}

// settle syncs until there is nothing left to do. Then the dataset is what the syncs want.
func (r *syncRound) settle(second *writer, other *mistralobs.Client) {
	var err error
	for range 20 {
		r.removeDoubled(second, other) // an import of a sync that was canceled may have ended since
		r.syncs++
		w, client := r.writer(r.client, writer{isSync: true})
		options := datasetsync.Options{Key: "id", Delete: true, OnProgress: w.OnProgress}
		var report *datasetsync.Report
		report, err = datasetsync.Sync(context.Background(), client, r.dataset, r.wanted(), options)
		if err == nil && report.Created+report.Updated+report.Deleted == 0 {
			break
		}
	}
	assert.NoError(r.t, err)
	got := map[string]content{}
	records := r.server.Records(r.dataset)
	for _, record := range records {
		got[keyOf(contentOf(record))] = contentOf(record)
	}
	equal := len(records) == len(r.want) && maps.Equal(r.want, got)
	assert.True(r.t, equal, "the syncs want %v, the server holds %v", r.want, got)
}

// Despite a second writer, faults and cancellations, syncs lose, double and overwrite nothing. In
// fake time, the writers meet in every possible way.
func TestSyncsBesideASecondWriter(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	fates := map[fate]int{}
	t.Run("seeds", func(t *testing.T) {
		for _, seed := range []uint64{0, 1, 2, 3, 5} { // 4 makes large records, which the race detector makes slow
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					// An import that was interrupted still runs when the next sync begins.
					server := mistralobstest.NewServer(
						mistralobstest.WithInMemoryNetwork(), mistralobstest.WithTaskDuration(2*time.Second),
						mistralobstest.WithPartialImports(someRecords, seed%2 == 0),
						mistralobstest.WithTaskOutcome(badEnds),
					)
					defer server.Close()
					breakThings(server)
					r := newSyncRound(t, server, server.Client(t), rand.New(rand.NewPCG(seed, 7)))
					r.run()
					mu.Lock()
					defer mu.Unlock()
					for end, n := range r.fates {
						fates[end] += n
					}
				})
			})
		}
	})
	t.Log(fates)
	for _, end := range []fate{replacedOwn, planned} {
		assert.Positive(t, fates[end], end)
	}
}
