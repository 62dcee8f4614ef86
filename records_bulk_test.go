package mistralobs_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// bulkService creates records whose payload is {"n": number}, and answers with
// that number as the id.
type bulkService struct {
	took   func(n int) time.Duration // to create record n; nil: no time
	status func(n int) int           // 0: it is created; -1: the connection breaks; nil: all are created

	mu       sync.Mutex
	started  []int
	created  []string
	inFlight int
	most     int
}

func (s *bulkService) RoundTrip(req *http.Request) (*http.Response, error) {
	var body struct {
		Payload struct {
			N int `json:"n"`
		} `json:"payload"`
	}
	if err := json.NewDecoder(req.Body).Decode(&body); err != nil {
		return nil, err
	}
	n := body.Payload.N
	s.mu.Lock()
	s.started = append(s.started, n)
	s.inFlight++
	s.most = max(s.most, s.inFlight)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if s.took != nil {
		select {
		case <-time.After(s.took(n)):
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	status := 0
	if s.status != nil {
		status = s.status(n)
	}
	switch status {
	case 0:
		s.mu.Lock()
		s.created = append(s.created, strconv.Itoa(n))
		s.mu.Unlock()
		return reply(req, 201, fmt.Sprintf(`{"id":"%d"}`, n)), nil
	case -1:
		return nil, &net.OpError{Op: "read", Err: syscall.ECONNRESET}
	}
	return reply(req, status, fmt.Sprintf(`{"detail":"record %d is bad"}`, n)), nil
}

// snapshot is what has been started and is in flight at the moment.
func (s *bulkService) snapshot() (started, inFlight int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.started), s.inFlight
}

// numberedRecords is the input of so many records, counting those that are read; negative: endless.
func numberedRecords(n int, read *int) iter.Seq2[mistralobs.CreateRecordParams, error] {
	return func(yield func(mistralobs.CreateRecordParams, error) bool) {
		for i := 0; n < 0 || i < n; i++ {
			*read++
			if !yield(mistralobs.CreateRecordParams{Payload: map[string]int{"n": i}}, nil) {
				return
			}
		}
	}
}

// gather ranges over a sequence to its end. It fails if anything follows an error.
func gather(t *testing.T, seq iter.Seq2[*mistralobs.Record, error]) (ids []string, last error) {
	t.Helper()
	for record, err := range seq {
		require.NoError(t, last, "an error is the last")
		if last = err; err != nil {
			require.Nil(t, record)
			continue
		}
		ids = append(ids, record.ID)
	}
	return ids, last
}

// upTo returns "0" to the number before n.
func upTo(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, strconv.Itoa(i))
	}
	return ids
}

func TestCreateAllKeepsTheOrder(t *testing.T) {
	t.Parallel()
	for name, took := range map[string]func(int) time.Duration{
		"no time":          nil,
		"all alike":        func(int) time.Duration { return time.Second },
		"later ones first": func(n int) time.Duration { return time.Duration(8-n%8) * time.Second },
		"one that is slow": func(n int) time.Duration { return time.Duration(1+n%7/6*40) * time.Second },
		"in any order":     func(n int) time.Duration { return time.Duration(1+n*7919%13) * time.Second },
	} {
		for _, concurrency := range []int{0, 1, 2, 8, 256} {
			t.Run(fmt.Sprintf("%s/concurrency %d", name, concurrency), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					service, read := &bulkService{took: took}, 0
					ids, err := gather(t, clientOver(t, service).Records.CreateAll(
						t.Context(), datasetID, numberedRecords(60, &read),
						mistralobs.BulkOptions{Concurrency: concurrency},
					))
					require.NoError(t, err)
					assert.Equal(t, upTo(60), ids)
					assert.Len(t, service.started, 60)
					if concurrency == 0 {
						assert.LessOrEqual(t, service.most, 32)
						return
					}
					assert.LessOrEqual(t, service.most, concurrency)
					if took != nil {
						assert.Equal(t, min(concurrency, 60), service.most, "that many really are in flight")
					}
				})
			})
		}
	}
}

func TestCreateAllTakesTheTimeOfItsConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, read := &bulkService{took: func(int) time.Duration { return time.Second }}, 0
		start := time.Now()
		ids, err := gather(t, clientOver(t, service).Records.CreateAll(
			t.Context(), datasetID, numberedRecords(100, &read), mistralobs.BulkOptions{Concurrency: 10},
		))
		require.NoError(t, err)
		assert.Len(t, ids, 100)
		assert.Equal(t, 10*time.Second, time.Since(start))
	})
}

func TestCreateAllReadsNoFurtherThanItsConcurrency(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{1, 3, 8} {
		t.Run(strconv.Itoa(concurrency), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, read, received := &bulkService{
					took: func(n int) time.Duration { return time.Duration(n%5) * time.Second },
				}, 0, 0
				for _, err := range clientOver(t, service).Records.CreateAll(t.Context(), datasetID,
					numberedRecords(40, &read),
					mistralobs.BulkOptions{Concurrency: concurrency}) {
					require.NoError(t, err)
					received++
					time.Sleep(time.Minute) // a slow consumer
					assert.LessOrEqual(t, read-received, concurrency)
					started, inFlight := service.snapshot()
					assert.LessOrEqual(t, started-received, concurrency)
					assert.Zero(t, inFlight)
				}
				assert.Equal(t, 40, received)
			})
		})
	}
}

// BulkOptions: CreateAll holds at most Concurrency of the input's records.
func TestCreateAllHoldsNoMoreThanItsConcurrency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, read := &bulkService{took: func(int) time.Duration { return time.Hour }}, 0
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := gather(t, clientOver(t, service, mistralobs.WithTimeout(2*time.Hour)).Records.CreateAll(
			ctx, datasetID, numberedRecords(-1, &read), mistralobs.BulkOptions{Concurrency: 4},
		))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, service.started, 4)
		assert.Equal(t, 4, read, "one is read only when there is room for it")
	})
}

func TestCreateAllEndsWithTheFirstFailure(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		took    func(n int) time.Duration
		status  func(n int) int
		ids     []string
		kinds   map[string]bool
		text    []string
		started int
	}{
		{
			name: "the first", status: func(n int) int {
				return map[int]int{0: 422}[n]
			}, took: func(int) time.Duration { return time.Second },
			ids: []string{"1", "2"}, kinds: set("validation"), text: []string{
				"mistralobs: create records: record 0 of the input: create record: 422",
			}, started: 3,
		}, {
			name: "one in the middle", status: func(n int) int { return map[int]int{4: 404}[n] },
			took: func(n int) time.Duration {
				return time.Duration(n+1) * time.Second
			},
			ids: []string{
				"0", "1", "2", "3", "5", "6",
			}, kinds: set("not found"), text: []string{"record 4 of the input: "}, started: 7,
		}, {
			name: "the last", status: func(n int) int {
				return map[int]int{9: 422}[n]
			}, took: func(int) time.Duration { return time.Second },
			ids: upTo(9), kinds: set("validation"), text: []string{"record 9 of the input: "}, started: 10,
		}, {
			name: "two at once", status: func(n int) int {
				return map[int]int{0: 422, 2: 409}[n]
			}, took: func(int) time.Duration { return time.Second },
			ids: []string{"1"}, kinds: set("validation", "conflict"), text: []string{
				"record 0 of the input: ", "record 2 of the input: ",
			}, started: 3,
		}, {
			name:   "and one that may have been applied",
			status: func(n int) int { return map[int]int{0: 422, 1: -1}[n] },
			took:   func(n int) time.Duration { return time.Duration(n) * time.Second },
			ids:    []string{"2"}, kinds: set("validation", "maybe applied", "reset"), text: []string{
				"record 0 of the input: ", "record 1 of the input: ",
			}, started: 3,
		}, {
			name:   "one after which those in flight take long",
			status: func(n int) int { return map[int]int{0: 422}[n] },
			took:   func(n int) time.Duration { return time.Duration(n) * time.Hour / 2 },
			ids:    []string{"1", "2"}, kinds: set("validation"), text: []string{"record 0 of the input: "}, started: 3,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service, read := &bulkService{took: test.took, status: test.status}, 0
				ids, err := gather(t, clientOver(t, service, mistralobs.WithTimeout(9*time.Hour)).Records.CreateAll(
					t.Context(), datasetID, numberedRecords(10, &read), mistralobs.BulkOptions{Concurrency: 3},
				))
				assert.Equal(t, test.kinds, kindsOf(err), "%v", err)
				for _, text := range test.text {
					assert.ErrorContains(t, err, text)
				}
				assert.Equal(t, test.ids, ids)
				slices.Sort(service.created)
				assert.Equal(t, service.created, ids, "what was created has been yielded")
				assert.Len(t, service.started, test.started)
			})
		})
	}
}

// When a record fails for good, no further one is started, though an earlier one is still in
// flight.
func TestCreateAllStartsNothingAfterAFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, read := &bulkService{
			took:   func(n int) time.Duration { return []time.Duration{time.Second, 10 * time.Second, 0, 0}[n] },
			status: func(n int) int { return map[int]int{2: 422}[n] },
		}, 0
		ids, err := gather(t, clientOver(t, service).Records.CreateAll(
			t.Context(), datasetID, numberedRecords(4, &read), mistralobs.BulkOptions{Concurrency: 3},
		))
		require.ErrorIs(t, err, mistralobs.ErrValidation)
		assert.Equal(t, []string{"0", "1"}, ids)
		assert.NotContains(t, service.started, 3, "record 2 had failed before it")
	})
}

// failure is a call of OnError.
type failure struct {
	index int
	n     any
	kind  string
}

func TestCreateAllOnError(t *testing.T) {
	t.Parallel()
	errEnough := errors.New("enough")
	for _, test := range []struct {
		name    string
		onError func(seen int) error
		ids     []string
		seen    []failure
		want    error
	}{
		{
			name:    "skip",
			onError: func(int) error { return nil }, ids: []string{"0", "2", "3", "4", "6", "7", "8", "9"},
			seen: []failure{{index: 1, n: 1, kind: "validation"}, {index: 5, n: 5, kind: "maybe applied"}}, want: nil,
		}, {
			name: "stop at the second", onError: func(seen int) error {
				if seen == 2 {
					return errEnough
				}
				return nil
			}, ids: []string{"0", "2", "3", "4", "6"},
			seen: []failure{{index: 1, n: 1, kind: "validation"}, {index: 5, n: 5,
				kind: "maybe applied"}}, want: errEnough,
		}, {
			name: "stop at once", onError: func(int) error { return errEnough }, ids: []string{"0", "2"}, seen: []failure{
				{index: 1, n: 1, kind: "validation"},
			}, want: errEnough,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				service := &bulkService{
					took:   func(n int) time.Duration { return time.Duration(n+1) * time.Second },
					status: func(n int) int { return map[int]int{1: 422, 5: -1}[n] },
				}
				var seen []failure
				read := 0
				onError := func(index int, err error) error {
					kind := "maybe applied"
					if errors.Is(err, mistralobs.ErrValidation) {
						kind = "validation"
					}
					assert.ErrorIs(t, err, kinds[kind])
					seen = append(seen, failure{index, index, kind})
					return test.onError(len(seen))
				}
				options := mistralobs.BulkOptions{Concurrency: 2, OnError: onError}
				ids, err := gather(t, clientOver(t, service).Records.CreateAll(
					t.Context(), datasetID, numberedRecords(10, &read), options,
				))
				assert.ErrorIs(t, err, test.want)
				assert.Equal(t, test.ids, ids)
				assert.Equal(t, test.seen, seen)
			})
		})
	}
}

func TestCreateAllRefusesBadPayloadsUnsent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := &bulkService{}
		input := mistralobs.NoErrors(slices.Values([]mistralobs.CreateRecordParams{
			{Payload: map[string]int{"n": 0}}, {Payload: "text"}, {Payload: map[string]int{"n": 2}},
		}))
		ids, err := gather(t, clientOver(t, service).Records.CreateAll(
			t.Context(), datasetID, input, mistralobs.BulkOptions{Concurrency: 1},
		))
		assert.Equal(t, set("params"), kindsOf(err), "%v", err)
		assert.Equal(t, []string{"0"}, ids)
		assert.Equal(t, []int{0}, service.started)
	})
}

func TestCreateAllBreak(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, read := &bulkService{took: func(n int) time.Duration { return time.Duration(n+1) * time.Second }}, 0
		start := time.Now()
		var ids []string
		for record, err := range clientOver(t, service).Records.CreateAll(t.Context(), datasetID, numberedRecords(-1, &read),
			mistralobs.BulkOptions{Concurrency: 4}) {
			require.NoError(t, err)
			if ids = append(ids, record.ID); len(ids) == 3 {
				break
			}
		}
		started, inFlight := service.snapshot()
		assert.Equal(t, []string{"0", "1", "2"}, ids)
		assert.Zero(t, inFlight, "what was in flight has been canceled")
		assert.Equal(t, 3*time.Second, time.Since(start), "at once")
		assert.LessOrEqual(t, read, 3+4)
		assert.LessOrEqual(t, started, read)
	}) // fails if a goroutine is left
}

func TestCreateAllBreakAmongWhatIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, read, received := &bulkService{took: func(int) time.Duration { return time.Second }}, 0, 0
		for range clientOver(t, service).Records.CreateAll(t.Context(), datasetID, numberedRecords(4, &read),
			mistralobs.BulkOptions{Concurrency: 4}) {
			received++
			break
		}
		assert.Equal(t, 1, received)
		assert.Len(t, service.created, 4)
	})
}

func TestCreateAllEndsWithItsContext(t *testing.T) {
	t.Parallel()
	for _, skip := range []bool{false, true} {
		t.Run(fmt.Sprintf("skip=%v", skip), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				time.AfterFunc(2500*time.Millisecond, cancel)
				service, read := &bulkService{took: func(int) time.Duration { return time.Second }}, 0
				options := mistralobs.BulkOptions{Concurrency: 2}
				if skip {
					options.OnError = func(_ int, err error) error {
						t.Errorf("the end of the context is no failure of an element: %v", err)
						return nil
					}
				}
				start := time.Now()
				// An end to the input, so that a walk that does not see the context ends too.
				ids, err := gather(
					t, clientOver(t, service).Records.CreateAll(ctx, datasetID, numberedRecords(1000, &read), options),
				)
				assert.Equal(t, 2500*time.Millisecond, time.Since(start))
				assert.ErrorIs(t, err, context.Canceled, "a creation that was cut short does not look like a whole one")
				assert.Equal(t, 1, strings.Count(fmt.Sprint(err), "context canceled"), "%v", err)
				assert.Equal(t, upTo(4), ids)
				assert.Len(t, service.started, 6)
				assert.LessOrEqual(t, read, 7, "nothing more is read")
			})
		})
	}
}

func TestCreateAllOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, read := &bulkService{}, 0
		ids, err := gather(t, clientOver(t, service).Records.CreateAll(
			t.Context(), datasetID, numberedRecords(0, &read), mistralobs.BulkOptions{},
		))
		require.NoError(t, err)
		assert.Empty(t, ids)
		assert.Empty(t, service.started)
	})
}

func TestCreateAllRefusesBadOptions(t *testing.T) {
	t.Parallel()
	for _, concurrency := range []int{-1, -1000} {
		service, read := &bulkService{}, 0
		ids, err := gather(t, clientOver(t, service).Records.CreateAll(
			t.Context(), datasetID, numberedRecords(3, &read), mistralobs.BulkOptions{Concurrency: concurrency},
		))
		assert.Equal(t, set("params"), kindsOf(err), "%v", err)
		assert.Empty(t, ids)
		assert.Empty(t, service.started)
		assert.Zero(t, read)
	}
}

func TestCreateAllTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service, read := &bulkService{}, 0
		records := clientOver(t, service).Records.CreateAll(
			t.Context(), datasetID, numberedRecords(3, &read), mistralobs.BulkOptions{},
		)
		for range 2 {
			ids, err := gather(t, records)
			require.NoError(t, err)
			assert.Equal(t, upTo(3), ids)
		}
		assert.Len(t, service.started, 6)
	})
}

func TestDeleteAll(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		ids     []string
		fail    int   // number of the request that fails, from 1; 0: none
		batches []int // how many ids each request holds
		want    map[string]bool
	}{
		{name: "one", ids: upTo(1), fail: 0, batches: []int{1}, want: set()},
		{name: "a full request", ids: upTo(500), fail: 0, batches: []int{500}, want: set()},
		{name: "one more", ids: upTo(501), fail: 0, batches: []int{500, 1}, want: set()},
		{name: "many", ids: upTo(1200), fail: 0, batches: []int{500, 500, 200}, want: set()},
		{name: "none", ids: nil, fail: 0, batches: nil, want: set()},
		{name: "an empty id", ids: append(upTo(700), ""), fail: 0, batches: nil, want: set("params")},
		{name: "a first request that fails", ids: upTo(1200), fail: 1, batches: []int{500}, want: set("forbidden")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var batches []int
			var sent []string
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				assert.Equal(t, "POST /v1/observability/dataset-records/bulk-delete", req.Method+" "+req.URL.Path)
				var body struct {
					IDs []string `json:"dataset_record_ids"`
				}
				assert.NoError(t, json.NewDecoder(req.Body).Decode(&body))
				mu.Lock()
				defer mu.Unlock()
				batches = append(batches, len(body.IDs))
				sent = append(sent, body.IDs...)
				if len(batches) == test.fail {
					return reply(req, 403, ""), nil
				}
				return answer(req, 204, nil, strings.NewReader(""), 0), nil
			}))
			err := client.Records.DeleteAll(t.Context(), test.ids)
			assert.Equal(t, test.want, kindsOf(err), "%v", err)
			assert.Equal(t, len(test.want) == 0, err == nil)
			assert.ElementsMatch(t, test.batches, batches)
			slices.Sort(sent)
			want := slices.Sorted(slices.Values(test.ids[:len(sent)]))
			assert.True(t, slices.Equal(want, sent), "each is sent once, and the first ones first")
		})
	}
}

// Many requests are sent eight at once; after a failure no further one is.
func TestDeleteAllIsConcurrent(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]bool{"all succeed": false, "the tenth fails": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				deleted := map[string]bool{}
				running, most, requests := 0, 0, 0
				client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
					var body struct {
						IDs []string `json:"dataset_record_ids"`
					}
					assert.NoError(t, json.NewDecoder(req.Body).Decode(&body))
					mu.Lock()
					running++
					requests++
					n := requests
					most = max(most, running)
					mu.Unlock()
					time.Sleep(time.Second)
					mu.Lock()
					defer mu.Unlock()
					running--
					if fail && n == 10 {
						return reply(req, 403, ""), nil
					}
					for _, id := range body.IDs {
						deleted[id] = true
					}
					return answer(req, 204, nil, strings.NewReader(""), 0), nil
				}))
				began := time.Now()
				err := client.Records.DeleteAll(t.Context(), upTo(40*500))
				assert.Equal(t, 8, most)
				if !fail {
					require.NoError(t, err)
					assert.Len(t, deleted, 40*500)
					assert.Equal(t, 8*time.Second, time.Since(began), "1, 2, 4, then 8 at once")
					return
				}
				require.ErrorIs(t, err, mistralobs.ErrForbidden)
				assert.Len(t, deleted, (requests-1)*500, "those in flight are waited for")
				assert.Less(t, requests, 40)
			})
		})
	}
}

// OnResult tells which element a result belongs to, whatever became of those before it.
func TestCreateAllOnResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		service := &bulkService{
			status: func(n int) int { return map[int]int{1: 422}[n] },
			took:   func(n int) time.Duration { return map[int]time.Duration{3: time.Hour}[n] },
		}
		read := 0
		var results []string
		options := mistralobs.BulkOptions{
			Concurrency: 3,
			OnError:     func(int, error) error { return nil },
			OnResult: func(index int, id string, err error) {
				results = append(results, fmt.Sprintf("%d %q %t", index, id, errors.Is(err, context.Canceled)))
			},
		}
		time.AfterFunc(time.Minute, cancel) // while record 3 is created; 4 and 5 are done
		ids, err := gather(t, clientOver(t, service, mistralobs.WithTimeout(2*time.Hour)).Records.
			CreateAll(ctx, datasetID, numberedRecords(6, &read), options))

		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, []string{"0", "2", "4", "5"}, ids)
		assert.Equal(t, []string{
			`0 "0" false`, `1 "" false`, `2 "2" false`, `3 "" true`, `4 "4" false`, `5 "5" false`,
		}, results)
	})
}

// An error of the input ends the run after the requests in flight, and is yielded last.
func TestCreateAllInputError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("line 3 is broken")
		input := func(yield func(mistralobs.CreateRecordParams, error) bool) {
			for i := range 2 {
				if !yield(mistralobs.CreateRecordParams{Payload: map[string]int{"n": i}}, nil) {
					return
				}
			}
			assert.False(t, yield(mistralobs.CreateRecordParams{}, broken), "the input is not read after its error")
		}
		service := &bulkService{took: func(int) time.Duration { return time.Second }}
		ids, err := gather(
			t, clientOver(t, service).Records.CreateAll(t.Context(), datasetID, input, mistralobs.BulkOptions{}),
		)
		assert.Equal(t, broken, err)
		assert.Equal(t, []string{"0", "1"}, ids)
	})
}

// A dial that times out matches context.DeadlineExceeded, but it does not end the run.
func TestCreateAllAsksTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := roundTripFunc(func(req *http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Err: context.DeadlineExceeded}
		})
		read, failed := 0, 0
		options := mistralobs.BulkOptions{
			OnError: func(int, error) error { failed++; return nil },
		}
		ids, err := gather(
			t, clientOver(t, service).Records.CreateAll(t.Context(), datasetID, numberedRecords(20, &read), options),
		)
		require.NoError(t, err)
		assert.Empty(t, ids)
		assert.Equal(t, 20, failed)
	})
}

// UpdateAll writes the parts that are set, the payload first, and yields the IDs in input order.
func TestUpdateAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		sent := map[string][]string{}
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			id, part, _ := strings.Cut(strings.TrimPrefix(req.URL.Path, "/v1/observability/dataset-records/"), "/")
			sent[id] = append(sent[id], req.Method+" "+part)
			if id == "missing" {
				return reply(req, 404, ""), nil
			}
			return answer(req, 204, nil, strings.NewReader(""), 0), nil
		}))
		updates := mistralobs.NoErrors(slices.Values([]mistralobs.RecordUpdate{
			{ID: "both", Payload: map[string]int{"a": 1}, Properties: map[string]int{}},
			{ID: "payload", Payload: map[string]int{"a": 1}},
			{ID: "properties", Properties: map[string]int{}},
			{ID: "missing", Payload: map[string]int{"a": 1}, Properties: map[string]int{}},
			{ID: "neither"},
			{ID: "last", Payload: map[string]int{"a": 1}},
		}))
		var skipped []string
		var ids []string
		for id, err := range client.Records.UpdateAll(t.Context(), updates, mistralobs.BulkOptions{
			OnError: func(index int, err error) error {
				skipped = append(skipped, fmt.Sprint(index,
					errors.Is(err, mistralobs.ErrNotFound), errors.Is(err, mistralobs.ErrInvalidParams)))
				return nil
			},
		}) {
			require.NoError(t, err)
			ids = append(ids, id)
		}
		assert.Equal(t, []string{"both", "payload", "properties", "last"}, ids)
		assert.Equal(t, []string{"3 true false", "4 false true"}, skipped)
		assert.Equal(t, map[string][]string{
			"both": {"PUT payload", "PUT properties"}, "payload": {"PUT payload"}, "properties": {"PUT properties"},
			"missing": {"PUT payload"}, "last": {"PUT payload"},
		}, sent)
	})
}

// After the loop has ended, OnResult still learns what became of the requests in flight.
func TestCreateAllOnResultAfterABreak(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := &bulkService{took: func(n int) time.Duration { return time.Duration(n) * time.Second }}
		read := 0
		var results []string
		options := mistralobs.BulkOptions{Concurrency: 3, OnResult: func(index int, _ string, err error) {
			results = append(results, fmt.Sprint(index, errors.Is(err, context.Canceled)))
		}}
		records := clientOver(t, service).Records.CreateAll(t.Context(), datasetID, numberedRecords(9, &read), options)
		for _, err := range records {
			require.NoError(t, err)
			break
		}
		assert.Equal(t, []string{"0 false", "1 true", "2 true"}, results)
	})
}

// Absent properties are left, and a part that is invalid is refused before the other is sent.
func TestUpdateAllLeavesAbsentProperties(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := mistralobstest.NewServer(mistralobstest.WithInMemoryNetwork())
		defer server.Close()
		client := server.Client(t)
		defer client.CloseIdleConnections()
		seed := mistralobstest.RecordSeed{Payload: []byte(`{"a":1}`), Properties: []byte(`{"p":1}`)}
		id := server.SeedDataset("Some data", "", seed)
		record := server.Records(id)[0].ID
		update := func(u mistralobs.RecordUpdate) (err error) {
			updates := mistralobs.NoErrors(slices.Values([]mistralobs.RecordUpdate{u}))
			for _, err = range client.Records.UpdateAll(t.Context(), updates, mistralobs.BulkOptions{}) {
			}
			return err
		}
		var line mistralobs.JSONLRecord // of a line without properties: Properties is nil
		change := mistralobs.RecordUpdate{ID: record, Payload: map[string]int{"a": 2}, Properties: line.Properties}
		require.NoError(t, update(change))
		assert.Equal(t, `{"p":1}`, string(server.Records(id)[0].Properties))

		server.ResetRequests()
		change.Properties = []byte("[]")
		err := update(change)
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
		assert.Empty(t, server.Requests(), "ErrInvalidParams means that nothing was sent")
	})
}

// A call with several requests in flight has no last response.
func TestBulkRefusesWithResponse(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	t.Cleanup(server.Close)
	client := server.Client(t)
	with := mistralobs.WithResponse(&mistralobs.Response{})
	require.ErrorIs(t, client.Records.DeleteAll(t.Context(), []string{"a"}, with), mistralobs.ErrInvalidParams)
	records := mistralobs.NoErrors(slices.Values([]mistralobs.CreateRecordParams{{Payload: map[string]any{}}}))
	for _, err := range client.Records.CreateAll(t.Context(), "d", records, mistralobs.BulkOptions{}, with) {
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	}
	updates := mistralobs.NoErrors(slices.Values([]mistralobs.RecordUpdate{{ID: "a", Payload: map[string]any{}}}))
	for _, err := range client.Records.UpdateAll(t.Context(), updates, mistralobs.BulkOptions{}, with) {
		require.ErrorIs(t, err, mistralobs.ErrInvalidParams)
	}
}

// A generator may yield one value again and again: each element is encoded before the next is read.
func TestBulkInputsMayReuseTheirValues(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	defer server.Close()
	client := server.Client(t)
	dataset := server.SeedDataset("Test data", "")
	const n = 100
	reusing := func(yield func(mistralobs.CreateRecordParams, error) bool) {
		payload := map[string]int{}
		for i := range n {
			payload["n"] = i
			if !yield(mistralobs.CreateRecordParams{Payload: payload}, nil) {
				return
			}
		}
	}
	var ids []string
	for record, err := range client.Records.CreateAll(t.Context(), dataset, reusing, mistralobs.BulkOptions{}) {
		require.NoError(t, err)
		assert.Equal(t, fmt.Sprintf(`{"n":%d}`, len(ids)), record.Payload.String())
		ids = append(ids, record.ID)
	}
	require.Len(t, ids, n)
	updates := func(yield func(mistralobs.RecordUpdate, error) bool) {
		properties := &struct{ N int }{}
		for i, id := range ids {
			properties.N = i
			if !yield(mistralobs.RecordUpdate{ID: id, Properties: properties}, nil) {
				return
			}
		}
	}
	for _, err := range client.Records.UpdateAll(t.Context(), updates, mistralobs.BulkOptions{}) {
		require.NoError(t, err)
	}
	for i, id := range ids {
		record, err := client.Records.Get(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf(`{"N":%d}`, i), record.Properties.String())
	}
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("oh") }

// A panic of the caller's code reaches the caller, where it can be recovered.
func TestBulkPanicsReachTheCaller(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	defer server.Close()
	client := server.Client(t)
	dataset := server.SeedDataset("Test data", "")
	good := mistralobs.CreateRecordParams{Payload: map[string]int{}}
	for name, test := range map[string]struct {
		input   iter.Seq2[mistralobs.CreateRecordParams, error]
		options mistralobs.BulkOptions
	}{
		"the input": {input: func(yield func(mistralobs.CreateRecordParams, error) bool) { yield(good, nil); panic("oh") }},
		"MarshalJSON": {input: mistralobs.NoErrors(slices.Values([]mistralobs.CreateRecordParams{
			good, {Payload: map[string]any{"a": panics{}}},
		}))},
		"OnResult": {
			input:   mistralobs.NoErrors(slices.Values([]mistralobs.CreateRecordParams{good, good})),
			options: mistralobs.BulkOptions{OnResult: func(int, string, error) { panic("oh") }},
		},
		"OnError": {
			input:   mistralobs.NoErrors(slices.Values([]mistralobs.CreateRecordParams{{Payload: 5}, good})),
			options: mistralobs.BulkOptions{OnError: func(int, error) error { panic("oh") }},
		},
	} {
		assert.PanicsWithValue(t, "oh", func() {
			for range client.Records.CreateAll(t.Context(), dataset, test.input, test.options) {
			}
		}, name)
	}
}
