package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

const hiddenKey = "KEY-that-nobody-may-see"

// leaks tells which secret a text shows.
func leaks(text string) string {
	for _, secret := range []string{hiddenKey, "sig="} {
		if strings.Contains(text, secret) {
			return secret
		}
	}
	return ""
}

// inEveryVerb returns the texts of an error. For the verb that prints a number for each byte, it
// cuts a long body.
func inEveryVerb(err error) string {
	text := fmt.Sprintf("%v %+v %s %q", err, err, err, err)
	if e, ok := err.(*mistralobs.Error); ok {
		short := *e
		short.Body = e.Body[:min(len(e.Body), 1000)]
		return text + string(e.Body) + fmt.Sprintf("%#v", &short)
	}
	return text + fmt.Sprintf("%#v", err)
}

// Whatever goes wrong, with whatever operation: no error in any verb and no log
// line at any level shows the key or the query of a presigned URL, and nothing
// but the service gets the key.
func secretsStaySecret(t *testing.T) {
	for name, row := range faultTable {
		if row.fault.BodySize > 0 && row.fault.Status == 200 {
			continue // a gigabyte of export
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				w := newWorld(t, mistralobstest.WithAPIKey(hiddenKey))
				guarded := &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
					if "http://"+req.URL.Host != w.server.URL || strings.HasPrefix(req.URL.Path, "/exports/") {
						assert.Empty(t, leaks(fmt.Sprint(req.Header)), "%s sees the key", req.URL.Host)
					}
					return w.server.HTTPClient().Transport.RoundTrip(req)
				})}
				var err error
				w.client, err = w.client.With(mistralobs.WithHTTPClient(guarded),
					mistralobs.WithLogger(slog.New(slog.NewTextHandler(&logged,
						&slog.HandlerOptions{Level: slog.LevelDebug - 100}))),
					mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 2}))
				assert.NoError(t, err)
				fault := row.fault
				fault.Times = -1
				w.server.Inject(fault)
				failures := []error{nil}
				for _, op := range repeatable {
					failures = append(failures, op.call(w))
				}
				for _, op := range creating {
					failures = append(failures, op.call(w))
				}
				w.server.ClearFaults()
				fault.Operation = mistralobstest.ExportsDownload
				w.server.Inject(fault)
				_, err = w.client.Exports.Download(w.ctx, w.dataset, io.Discard, mistralobs.TransferOptions{})
				failures = append(failures, err)
				_, err = w.client.Exports.Save(w.ctx, w.dataset, filepath.Join(t.TempDir(), "out"),
					mistralobs.TransferOptions{})
				failures = append(failures, err)

				failed := false
				for _, err := range failures {
					for ; err != nil; err = errors.Unwrap(err) {
						failed = true
						assert.Empty(t, leaks(inEveryVerb(err)))
					}
				}
				assert.True(t, failed || fault.Gzip || name == "slow", "something failed, so that something could leak")
				assert.NotEmpty(t, logged.String())
				assert.Empty(t, leaks(logged.String()))
			})
		})
	}
}
