package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// A sync round begins with the keys 0 to 59 in the dataset, and ends with the keys 10 to 79.
const (
	seededKeys          = 60
	firstKey, behindKey = 10, 80
)

func keyed(key, value string) mistralobstest.Conversation {
	return mistralobstest.Conversation{
		Payload: fmt.Appendf(nil, `{"v":%q}`, value), Properties: fmt.Appendf(nil, `{"id":%q}`, key),
	}
}

// wantedRecords yields the records that a sync wants. Every third differs from the one that was seeded.
func wantedRecords() iter.Seq2[*mistralobs.JSONLRecord, error] {
	return func(yield func(*mistralobs.JSONLRecord, error) bool) {
		for i := firstKey; i < behindKey; i++ {
			record := keyed(fmt.Sprint("k", i), wantedValue(i))
			line := &mistralobs.JSONLRecord{
				Payload: mistralobs.Object(record.Payload), Properties: mistralobs.Object(record.Properties),
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

func wantedValue(i int) string {
	if i%3 == 0 {
		return "new"
	}
	return "old"
}

// syncRound syncs a dataset while a second writer creates, edits and deletes records in it, and some syncs are
// canceled.
// Nothing may be there twice at any time. In the end, without the other writer, the dataset must equal the input.
func (s *soak) syncRound(random *rand.Rand) {
	records := make([]mistralobstest.Conversation, seededKeys)
	for i := range records {
		records[i] = keyed(fmt.Sprint("k", i), "old")
	}
	dataset := s.server.SeedDataset("Synced", "", records...)
	options := datasetsync.Options{Key: "id", Delete: true, ImportAbove: []int{5, 50}[random.IntN(2)]}

	ctx, stop := context.WithCancel(context.Background())
	var other sync.WaitGroup
	other.Go(func() { s.interfere(ctx, dataset, rand.New(rand.NewPCG(random.Uint64(), 1))) })
	for range 3 {
		ctx, cancel := context.WithCancel(context.Background())
		if random.IntN(2) == 0 {
			time.AfterFunc(time.Duration(random.Int64N(int64(200*time.Millisecond))), cancel)
		}
		_, _ = datasetsync.Sync(ctx, s.client, dataset, wantedRecords(), options)
		cancel()
		s.checkKeys(dataset)
	}
	stop()
	other.Wait()

	var err error
	for range 20 {
		var report *datasetsync.Report
		report, err = datasetsync.Sync(context.Background(), s.client, dataset, wantedRecords(), options)
		if err == nil && report.Created+report.Updated+report.Deleted == 0 {
			break
		}
	}
	assert.NoError(s.t, err)
	s.checkSynced(dataset)
	s.syncs.Add(1)
	s.certain(s.client.Datasets.Delete(context.Background(), dataset))
}

// interfere is the second writer.
func (s *soak) interfere(ctx context.Context, dataset string, random *rand.Rand) {
	for n := 0; ctx.Err() == nil; n++ {
		held := s.server.Records(dataset)
		if len(held) == 0 {
			continue
		}
		record := held[random.IntN(len(held))]
		switch random.IntN(3) {
		case 0:
			other := keyed(fmt.Sprintf("other-%d", n), "theirs")
			_, _ = s.client.Records.Create(ctx, dataset, mistralobs.CreateRecordParams{
				Payload: mistralobs.Object(other.Payload), Properties: mistralobs.Object(other.Properties),
			})
		case 1:
			_ = s.client.Records.UpdatePayload(ctx, record.ID, map[string]string{"v": "theirs"})
		case 2:
			_ = s.client.Records.Delete(ctx, record.ID)
		}
	}
}

// keys returns how many records of a dataset have each key.
func (s *soak) keys(dataset string) map[string]int {
	held := map[string]int{}
	for _, record := range s.server.Records(dataset) {
		held[string(record.Properties)]++
	}
	return held
}

func (s *soak) checkKeys(dataset string) {
	for key, times := range s.keys(dataset) {
		assert.Equal(s.t, 1, times, "doubled: %s", key)
	}
}

func (s *soak) checkSynced(dataset string) {
	want := map[string]string{}
	for i := firstKey; i < behindKey; i++ {
		record := keyed(fmt.Sprint("k", i), wantedValue(i))
		want[string(record.Properties)] = string(record.Payload)
	}
	got := map[string]string{}
	for _, record := range s.server.Records(dataset) {
		got[string(record.Properties)] = string(record.Payload)
	}
	assert.True(s.t, maps.Equal(want, got), "want %v, the server holds %v", want, got)
	s.checkKeys(dataset)
}

// createAll creates n records and returns the number of those that were reported.
func createAll(ctx context.Context, client *mistralobs.Client, dataset string, n int) (reported int, err error) {
	input := func(yield func(mistralobs.CreateRecordParams) bool) {
		for i := 0; i < n && yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}); i++ {
		}
	}
	var all error
	for _, err := range client.Records.CreateAll(ctx, dataset, mistralobs.NoErrors(input), mistralobs.BulkOptions{}) {
		if err == nil {
			reported++
		}
		all = errors.Join(all, err)
	}
	return reported, all
}
