package e2e_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Two lines of a JSONL file, one of each shape.
const (
	line1 = `{"messages":[{"role":"user","content":"1"}],"properties":{"n":9007199254740993}}`
	line2 = `{"payload": {"any": "thing"}}`
)

// inMemory runs a flow against the in-memory server inside a bubble, where waiting takes no time.
func inMemory(
	t *testing.T,
	flow func(*testing.T, *mistralobstest.Server, *mistralobs.Client),
	opts ...mistralobstest.Option,
) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := mistralobstest.NewServer(append(opts, mistralobstest.WithInMemoryNetwork())...)
		defer server.Close()
		flow(t, server, server.Client(t))
	})
}

// newDataset creates a dataset and returns its id.
func newDataset(t *testing.T, c *mistralobs.Client) string {
	t.Helper()
	ds, err := c.Datasets.Create(t.Context(), mistralobs.CreateDatasetParams{Name: "Flow test"})
	require.NoError(t, err)
	return ds.ID
}

// collect returns the items of a sequence, which must not fail.
func collect[T any](t *testing.T, seq func(func(*T, error) bool)) []T {
	t.Helper()
	var all []T
	for item, err := range seq {
		require.NoError(t, err)
		all = append(all, *item)
	}
	return all
}

func ptr[T any](v T) *T { return &v }
