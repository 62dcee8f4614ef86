package bench_test

import (
	"fmt"
	"iter"
	"net/http"
	"testing"
	"time"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// limited runs work against a server with a rate limit, with and without Retry-After. It reports
// how many requests were refused, and the time as a multiple of the time that the limit itself
// requires for the requests.
func limited(b *testing.B, perSecond float64, burst, requests int, seed func(*mistralobstest.Server) string,
	work func(b *testing.B, client *mistralobs.Client, dataset string) error,
) {
	for name, opts := range map[string][]mistralobstest.Option{
		"retry-after=yes": nil, "retry-after=no": {mistralobstest.WithoutRetryAfter()},
	} {
		b.Run(name, func(b *testing.B) {
			refused, ratio := 0, 0.0
			for range b.N {
				b.StopTimer()
				server := mistralobstest.NewServer(opts...)
				dataset := seed(server)
				client := server.Client(b)
				server.SetRateLimit(perSecond, burst)
				b.StartTimer()
				start := time.Now()
				if err := work(b, client, dataset); err != nil {
					b.Fatal(err)
				}
				ratio += time.Since(start).Seconds() / (float64(requests-burst) / perSecond)
				b.StopTimer()
				for _, r := range server.Requests() {
					if r.Status == http.StatusTooManyRequests {
						refused++
					}
				}
				server.Close()
				b.StartTimer()
			}
			b.ReportMetric(float64(refused)/float64(b.N), "refusals")
			b.ReportMetric(ratio/float64(b.N), "x-limit")
		})
	}
}

// BenchmarkWalkLimited walks 40 pages where the service allows 5 requests a second.
func BenchmarkWalkLimited(b *testing.B) {
	const pages, pageSize = 40, 10
	seed := func(server *mistralobstest.Server) string {
		records := make([]mistralobstest.RecordSeed, pages*pageSize)
		for i := range records {
			records[i].Payload = fmt.Appendf(nil, `{"i":%d}`, i)
		}
		return server.SeedDataset("Limited", "", records...)
	}
	limited(b, 5, 1, pages, seed, func(b *testing.B, client *mistralobs.Client, dataset string) error {
		n, err := count(client.Records.All(b.Context(), dataset, mistralobs.ListParams{PageSize: pageSize}))
		return want(n, pages*pageSize, err)
	})
}

// BenchmarkCreateAllLimited creates 300 records where the service allows 20 requests a second.
func BenchmarkCreateAllLimited(b *testing.B) {
	const records = 300
	seed := func(server *mistralobstest.Server) string { return server.SeedDataset("Limited", "") }
	limited(b, 20, 4, records, seed, func(b *testing.B, client *mistralobs.Client, dataset string) error {
		n, err := count(
			client.Records.CreateAll(
				b.Context(),
				dataset,
				mistralobs.NoErrors(newRecords(records)),
				mistralobs.BulkOptions{},
			),
		)
		return want(n, records, err)
	})
}

// newRecords yields small records.
func newRecords(n int) iter.Seq[mistralobs.CreateRecordParams] {
	return func(yield func(mistralobs.CreateRecordParams) bool) {
		for i := range n {
			if !yield(mistralobs.CreateRecordParams{Payload: map[string]int{"i": i}}) {
				return
			}
		}
	}
}
