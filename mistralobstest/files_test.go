package mistralobstest_test

import (
	"os"
	"runtime"
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

// Values of the form are validated like those of a body.
func TestUploadIsValidated(t *testing.T) {
	t.Parallel()
	server := mistralobstest.NewServer()
	t.Cleanup(server.Close)
	client := server.Client(t)
	upload := func(params mistralobs.UploadParams) error {
		params.Name, params.Body = "a.jsonl", strings.NewReader(`{"payload":{}}`)
		_, err := client.Files.Upload(t.Context(), params, mistralobs.TransferOptions{})
		return err
	}
	require.NoError(t, upload(mistralobs.UploadParams{Visibility: "user", Expiry: 10 * 365 * 24 * time.Hour}))
	require.ErrorIs(t, upload(mistralobs.UploadParams{Visibility: "everybody"}), mistralobs.ErrValidation)
	require.ErrorIs(t, upload(mistralobs.UploadParams{Expiry: 11 * 365 * 24 * time.Hour}), mistralobs.ErrValidation)
}

// Uploads leave nothing in the folder of temporary files, not even while the server runs. The test
// is not parallel, since it sets the folder.
func TestUploadsLeaveNoFiles(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	if os.TempDir() != folder || runtime.GOOS == "windows" {
		t.Skip("the system has no such folder, or does not remove open files")
	}
	server := mistralobstest.NewServer()
	client := server.Client(t)
	params := mistralobs.UploadParams{Name: "a.jsonl", Body: strings.NewReader(`{"payload":{}}`)}
	_, err := client.Files.Upload(t.Context(), params, mistralobs.TransferOptions{})
	require.NoError(t, err)
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Empty(t, entries, "a killed test leaves nothing")
	server.Close()
}
