package datasetsync_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/datasetsync"
)

// reused yields one record again and again, in memory that it overwrites after each yield.
func reused(lines ...string) iter.Seq2[*mistralobs.JSONLRecord, error] {
	return func(yield func(*mistralobs.JSONLRecord, error) bool) {
		var record mistralobs.JSONLRecord
		payload, properties := make([]byte, 0, 1000), make([]byte, 0, 1000)
		for next, err := range wanted(lines...) {
			if err != nil {
				yield(nil, err)
				return
			}
			record = mistralobs.JSONLRecord{Payload: append(payload[:0], next.Payload...),
				Properties: append(properties[:0], next.Properties...), Line: next.Line}
			if !yield(&record, nil) {
				return
			}
			clear(payload[:cap(payload)])
			clear(properties[:cap(properties)])
		}
	}
}

// A sequence may yield one record again and again.
func TestInputsMayReuseTheirRecord(t *testing.T) {
	have := []string{ticket("t-0001", "old"), ticket("t-0003", "old"), ticket("gone", "x")}
	for name, options := range map[string]datasetsync.Options{
		"by key": byID, "by content": {Delete: true}, "by a file": {Key: "id", Delete: true, ImportAbove: 1},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				report, err := datasetsync.Sync(w.t.Context(), w.client, w.dataset, reused(tickets(0, 4)...), options)
				require.NoError(t, err)
				assert.Equal(t, tickets(0, 4), w.holds())
				assert.Equal(t, 5, report.Created+report.Updated)
			})
		})
	}
}

func goroutine() string {
	text := make([]byte, 64)
	id, _, _ := strings.Cut(string(text[:runtime.Stack(text, false)]), "[")
	return id
}

// The sequence and OnProgress run in the goroutine of the caller.
func TestCallbacksRunInTheCallersGoroutine(t *testing.T) {
	have := append(tickets(1, 30), ticket("gone", "x"))
	for name, above := range map[string]int{"one by one": -1, "by a file": 1} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, have, func(w world) {
				caller, phases := goroutine(), map[datasetsync.Phase]bool{}
				options := datasetsync.Options{Key: "id", Delete: true, ImportAbove: above}
				options.OnProgress = func(p datasetsync.Progress) {
					phases[p.Phase] = true
					if above < 0 || p.Phase != datasetsync.PhaseCreate { // an upload runs where its attempt runs
						assert.Equal(t, caller, goroutine(), p.Phase)
					}
				}
				want := append(tickets(20, 60), ticket("t-0001", "new"), ticket("t-0002", "new"))
				_, err := datasetsync.Sync(w.t.Context(), w.client, w.dataset,
					func(yield func(*mistralobs.JSONLRecord, error) bool) {
						assert.Equal(t, caller, goroutine())
						wanted(want...)(yield)
					}, options)
				require.NoError(t, err)
				assert.Len(t, phases, 5)
			})
		})
	}
}

// A panic of the sequence or of OnProgress reaches the caller, in any phase.
func TestPanicsReachTheCaller(t *testing.T) {
	have := append(tickets(1, 30), ticket("gone", "x"))
	want := append(tickets(20, 60), ticket("t-0001", "new"), ticket("t-0002", "new"))
	for _, phase := range []datasetsync.Phase{"", datasetsync.PhaseRead, datasetsync.PhaseInput, datasetsync.PhaseCreate,
		datasetsync.PhaseUpdate, datasetsync.PhaseDelete} {
		for name, above := range map[string]int{"one by one": -1, "by a file": 1} {
			t.Run(fmt.Sprintf("%s, %s", phase, name), func(t *testing.T) {
				inWorld(t, have, func(w world) {
					options := datasetsync.Options{Key: "id", Delete: true, ImportAbove: above}
					options.OnProgress = func(p datasetsync.Progress) {
						if p.Phase == phase {
							panic("mine")
						}
					}
					input := wanted(want...)
					if phase == "" {
						input = func(yield func(*mistralobs.JSONLRecord, error) bool) {
							yield(&mistralobs.JSONLRecord{Payload: []byte(`{}`), Properties: []byte(`{"id":1}`)}, nil)
							panic("mine")
						}
					}
					assert.PanicsWithValue(t, "mine", func() {
						_, _ = datasetsync.Sync(w.t.Context(), w.client, w.dataset, input, options)
					})
				})
			})
		}
	}
}

// A sequence that ends its goroutine, as t.FailNow does, has not shown all wanted records.
func TestAnInputThatExitsIsNotItsEnd(t *testing.T) {
	inWorld(t, tickets(1, 5), func(w world) {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_, _ = datasetsync.Sync(w.t.Context(), w.client, w.dataset,
				func(yield func(*mistralobs.JSONLRecord, error) bool) {
					wanted(tickets(1, 2)...)(yield)
					runtime.Goexit()
				}, byID)
		}()
		<-ended
		assert.Empty(t, w.writes())
	})
}

// emptyDataset answers as a service whose dataset has no records, or those of a page.
func emptyDataset(t *testing.T, page string) *mistralobs.Client {
	t.Helper()
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		body := `{"id":"d","name":"Empty"}`
		switch {
		case strings.HasSuffix(r.URL.Path, "/records"):
			body = `{"records":` + page + `}`
		case strings.HasSuffix(r.URL.Path, "/tasks"):
			body = `{"tasks":{"count":0,"results":[]}}`
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
			Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
	})
	client, err := mistralobs.NewClient(mistralobs.WithAPIKey("key"),
		mistralobs.WithHTTPClient(&http.Client{Transport: transport}))
	require.NoError(t, err)
	return client
}

const noRecords = `{"count":0,"results":[]}`

// heap returns the bytes that are in use.
func heap() int {
	var stats runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc)
}

// These tests do not run in parallel, because they measure the memory of the process.

// A plan keeps less than 200 bytes for a creation.
func TestAPlanOfCreationsIsSmall(t *testing.T) {
	const n = 200_000
	client := emptyDataset(t, noRecords)
	want := func(yield func(*mistralobs.JSONLRecord, error) bool) {
		var record mistralobs.JSONLRecord
		for i := range n {
			record = mistralobs.JSONLRecord{Payload: []byte(`{"text":"` + strings.Repeat("x", 100) + `"}`),
				Properties: fmt.Appendf(nil, `{"id":"ticket-%06d"}`, i), Line: i + 1}
			if !yield(&record, nil) {
				return
			}
		}
	}
	before := heap()
	plan, err := datasetsync.Diff(t.Context(), client, "d", want, datasetsync.Options{Key: "id"})
	require.NoError(t, err)
	after := heap()
	require.Len(t, plan.Create, n)
	assert.Less(t, (after-before)/n, 200)
	require.NoError(t, plan.Close())
}

// Long keys do not stay in memory.
func TestLongKeysTakeLittleMemory(t *testing.T) {
	const n = 2000
	long := strings.Repeat("k", 70_000)
	client := emptyDataset(t, noRecords)
	peak := 0
	want := func(yield func(*mistralobs.JSONLRecord, error) bool) {
		for i := range n {
			record := &mistralobs.JSONLRecord{Payload: []byte(`{}`), Properties: fmt.Appendf(nil, `{"id":"%d %s"}`, i, long)}
			if !yield(record, nil) {
				return
			}
			if i%500 == 499 {
				peak = max(peak, heap())
			}
		}
	}
	before := heap()
	plan, err := datasetsync.Diff(t.Context(), client, "d", want, datasetsync.Options{Key: "id"})
	require.NoError(t, err)
	defer plan.Close()
	assert.Less(t, max(peak, heap())-before, 48<<20)
	assert.Equal(t, "7 "+long[:198]+"…", plan.Create[7].Key)
	properties, err := plan.Create[7].Properties()
	require.NoError(t, err)
	assert.Len(t, properties, len(`{"id":"7 "}`)+len(long))
}

// The same for the keys of the dataset.
func TestLongKeysOfTheDatasetTakeLittleMemory(t *testing.T) {
	const n = 100 // of a page
	long := strings.Repeat("k", 70_000)
	var page bytes.Buffer
	fmt.Fprintf(&page, `{"count":%d,"results":[`, n)
	for i := range n {
		fmt.Fprintf(&page, `%s{"id":"%d","payload":{},"properties":{"id":"%d %s"}}`, ",,"[:min(i, 1)], i, i, long)
	}
	page.WriteString("]}")
	client := emptyDataset(t, page.String())
	before := heap()
	plan, err := datasetsync.Diff(t.Context(), client, "d", wanted(ticket("a", "1")), byID)
	require.NoError(t, err)
	defer plan.Close()
	assert.Less(t, heap()-before, 1<<20)
	require.Len(t, plan.Delete, n)
	assert.Equal(t, "7 "+long[:198]+"…", plan.Delete[7].Key)
}
