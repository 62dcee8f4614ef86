package mistralobs_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
)

// largeRecords answers requests for pages of n records with a payload of the given size. It holds
// one payload, so that the memory of a test is that of the client.
func largeRecords(n, size int) http.RoundTripper {
	payload := strings.Repeat("x", size)
	return roundTripFunc(func(req *http.Request) (*http.Response, error) {
		query := req.URL.Query()
		pageSize, _ := strconv.Atoi(query.Get("page_size"))
		page, _ := strconv.Atoi(query.Get("page"))
		var parts []io.Reader
		text := func(format string, args ...any) {
			parts = append(parts, strings.NewReader(fmt.Sprintf(format, args...)))
		}
		text(`{"records":{"count":%d,"results":[`, n)
		last := min(n, page*pageSize)
		for i := (page - 1) * pageSize; i < last; i++ {
			if i > (page-1)*pageSize {
				text(",")
			}
			text(`{"id":"%08d","properties":{},"payload":{"text":"`, i)
			parts = append(parts, strings.NewReader(payload))
			text(`"}}`)
		}
		next := "null"
		if last < n {
			next = strconv.Quote(strconv.Itoa(page + 1))
		}
		text(`],"next":%s}}`, next)
		header := http.Header{"Content-Type": {"application/json"}}
		return answer(req, http.StatusOK, header, io.MultiReader(parts...), -1), nil
	})
}

// A refused page is requested in ever smaller parts, and then as many records at once as fit.
func TestSizesOfLargePages(t *testing.T) {
	t.Parallel()
	for size, want := range map[int]map[string]int{ // requests by page size
		900_000: {"100": 1, "50": 1, "25": 1, "5": 20},
		400_000: {"100": 1, "50": 1, "25": 1, "5": 2, "10": 1, "20": 4},
		200_000: {"100": 1, "50": 1, "25": 4},
	} {
		sizes := map[string]int{}
		records := largeRecords(100, size)
		client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
			sizes[req.URL.Query().Get("page_size")]++
			return records.RoundTrip(req)
		}))
		n, err := count(client.Records.All(t.Context(), datasetID, mistralobs.ListParams{}))
		require.NoError(t, err)
		assert.Equal(t, 100, n)
		assert.Equal(t, want, sizes, "records of %d bytes", size)
	}
}

// However many pages the caller wants ahead, they hold at most 32 MiB.
func TestReadAheadOfLargePages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ size, pages, ahead int }{
		{size: 100, pages: 40, ahead: 32},
		{size: 15_000, pages: 15, ahead: 11},
		{size: 40_000, pages: 8, ahead: 4},
		{size: 60_000, pages: 5, ahead: 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			var requests atomic.Int32
			records := largeRecords(100*test.pages, test.size)
			client := clientOver(t, roundTripFunc(func(req *http.Request) (*http.Response, error) {
				requests.Add(1)
				return records.RoundTrip(req)
			}))
			read := 0
			for _, err := range client.Records.All(t.Context(), datasetID, mistralobs.ListParams{ReadAhead: 32}) {
				require.NoError(t, err)
				if read++; read == 1 {
					synctest.Wait()
					assert.Equal(t, 1+test.ahead, int(requests.Load()), "records of %d bytes", test.size)
				}
			}
			assert.Equal(t, 100*test.pages, read)
			assert.Equal(t, test.pages, int(requests.Load()), "none in vain, records of %d bytes", test.size)
		})
	}
}

// A walk with default parameters holds few large records at a time. The test does not run in
// parallel, because it measures the memory of the process.
func TestAllOfLargeRecordsTakesLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector needs more memory")
	}
	const n, bar = 2000, 96 << 20
	client := clientOver(t, largeRecords(n, 400_000))
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	idle, most, read := stats.HeapAlloc, uint64(0), 0
	for _, err := range client.Records.All(t.Context(), datasetID, mistralobs.ListParams{}) {
		require.NoError(t, err)
		runtime.ReadMemStats(&stats)
		most = max(most, stats.HeapAlloc)
		read++
	}
	t.Logf("%d MB over idle", (most-min(most, idle))>>20)
	assert.Equal(t, n, read)
	assert.Less(t, most, idle+bar)
}
