package mistralobstest_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// An import cannot use a file that has expired.
func TestExpiredFileIsNotImported(t *testing.T) {
	t.Parallel()
	var hours atomic.Int64
	server := mistralobstest.NewServer(mistralobstest.WithTaskDuration(0), mistralobstest.WithClock(func() time.Time {
		return time.Date(2026, 1, 1, int(hours.Load()), 0, 0, 0, time.UTC)
	}))
	t.Cleanup(server.Close)
	client := server.Client(t)
	dataset := server.SeedDataset("Support tickets", "")
	params := mistralobs.UploadParams{Name: "a.jsonl", Body: strings.NewReader(`{"payload":{}}`), Expiry: time.Hour}
	file, err := client.Files.Upload(t.Context(), params, mistralobs.TransferOptions{})
	require.NoError(t, err)
	hours.Store(2)
	task, err := client.Imports.FromFile(t.Context(), dataset, file.ID)
	require.NoError(t, err)
	_, err = client.Tasks.Wait(t.Context(), dataset, task.ID, mistralobs.WaitOptions{})
	var failed *mistralobs.TaskError
	require.ErrorAs(t, err, &failed)
}
