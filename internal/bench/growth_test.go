package bench_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/mistralobs/mistralobs-go"
)

// BenchmarkGrowth measures how the time and memory of a walk, an export and a sync grow with the
// number of records. `internal/bench/table -plot` draws them.
func BenchmarkGrowth(b *testing.B) {
	perBlock := bytes.Count(benchBlock(), []byte("\n"))
	for _, records := range []int{1_000, 10_000, 100_000, 1_000_000} {
		name := fmt.Sprintf("/records=%d", records)
		client := warmClient(b, records/100)
		b.Run("work=walk"+name, func(b *testing.B) {
			measured(b, func() error {
				n, err := count(client.Records.All(b.Context(), benchDataset, mistralobs.ListParams{}))
				return want(n, records, err)
			})
		})
		b.Run("work=sync"+name, func(b *testing.B) {
			measured(b, func() error {
				plan, err := diff(b, client, records, 0)
				if err != nil {
					return err
				}
				return plan.Close()
			})
		})
		blocks := (records + perBlock - 1) / perBlock
		exporting := warmClient(b, blocks)
		b.Run("work=export"+name, func(b *testing.B) {
			measured(b, func() error {
				n, err := count(exporting.Exports.Records(b.Context(), benchDataset, mistralobs.TransferOptions{}))
				return want(n, blocks*perBlock, err)
			})
		})
	}
}

// warmClient returns a client whose server has started and responded.
func warmClient(b *testing.B, size int) *mistralobs.Client {
	client := benchClient(b, benchServer(b, 0, size))
	if _, err := client.Datasets.Get(b.Context(), benchDataset); err != nil {
		b.Fatal(err)
	}
	return client
}
