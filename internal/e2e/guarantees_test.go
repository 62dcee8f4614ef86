package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

// guarantees are the sentences of the README's list, in its order, each with its test.
var guarantees = []struct {
	sentence string
	test     func(*testing.T)
}{
	{
		sentence: "A request that creates something is sent again only if the service cannot have acted on it.",
		test:     creationsAreNotDoubled,
	},
	{
		sentence: "Over HTTP/2, a request is sent again by the client alone, never by net/http.",
		test:     nothingIsReplayed,
	},
	{
		sentence: "If a request that creates something fails and the service may have acted, " +
			"the error matches ErrMaybeApplied.",
		test: doubtfulCreationsAreMarked,
	},
	{sentence: "All other requests succeed despite one transient failure.", test: repeatsSucceed},
	{
		sentence: "If the last attempt gets an error response, " +
			"the error has its status, code, message, request ID and body.",
		test: lastResponseIsReturned,
	},
	{
		sentence: "A call ends when its context ends, and the error of the call matches the error of the context.",
		test:     callsEndWithTheirContext,
	},
	{
		sentence: "An attempt that is no upload or download ends within its timeout, even if the response never ends.",
		test:     attemptsEndWithinTheirTimeout,
	},
	{
		sentence: "If Retry-After is longer than RetryPolicy.MaxWait, the call fails at once.",
		test:     longRetryAfterFails,
	},
	{
		sentence: "After a 429 with a Retry-After up to MaxWait, the client and its copies " +
			"with the same key and base URL send the service nothing before that time.",
		test: callersShareThePause,
	},
	{
		sentence: "A download returns the original bytes or an error, " +
			"unless its response has neither a length nor chunks.",
		test: downloadsAreWholeOrFail,
	},
	{sentence: "A download never mixes two versions of an export.", test: versionsAreNotMixed},
	{sentence: "Save replaces an existing file only after the download is complete.", test: saveIsAtomic},
	{
		sentence: "Once a call or a loop has ended and its result is closed, " +
			"no connection is in use and no temporary file is left.",
		test: nothingIsLeft,
	},
	{
		sentence: "The client stops reading the response to an API call at the limit of WithMaxResponseBytes.",
		test:     largeResponsesAreRefused,
	},
	{sentence: "The API key is sent only to the origin of the base URL.", test: keyStaysAtItsOrigin},
	{
		sentence: "No error and no log line contains the API key or the query of a presigned URL.",
		test:     secretsStaySecret,
	},
}

// The server resets streams or closes connections. net/http would retry after some of these
// failures.
func nothingIsReplayed(t *testing.T) {
	for _, failure := range []http2Failure{
		{code: protocolError}, {code: refusedStream}, {goAway: true, code: noError},
	} {
		unprocessed := failure.goAway || failure.code == refusedStream
		for name, row := range http2Calls {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				checkHTTP2Failure(t, 1, failure, row.creates && !unprocessed, row.call)
			})
		}
	}
}

func TestGuarantees(t *testing.T) {
	for _, guarantee := range guarantees {
		t.Run(guarantee.sentence, guarantee.test)
	}
}

// The README promises what TestGuarantees tests, word for word.
func TestTheREADMEListsTheGuarantees(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(readme), "\n## Guarantees\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	var listed []string
	for _, item := range regexp.MustCompile(`(?m)^- .*(?:\n  .*)*`).FindAllString(section, -1) {
		listed = append(listed, strings.ReplaceAll(strings.Join(strings.Fields(item[2:]), " "), "`", ""))
	}
	var tested []string
	for _, guarantee := range guarantees {
		tested = append(tested, guarantee.sentence)
	}
	assert.Equal(t, tested, listed)
}

// bubbles calls operations in a bubble for each fault, which the first attempt meets, with a new
// server each.
func bubbles(
	t *testing.T, faults map[string]faultRow, operations map[string]operation,
	test func(t *testing.T, w *world, row faultRow, operation string),
) {
	t.Helper()
	for fault, row := range faults {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for name := range operations {
					w := newWorldFor(t, name)
					fault := row.fault
					fault.Operation = name
					w.server.Inject(fault)
					test(t, w, row, name)
					w.client.CloseIdleConnections()
				}
			})
		})
	}
}

// requestsOf returns how many requests of an operation the server got.
func (w *world) requestsOf(operation string) (n int) {
	for _, request := range w.server.Requests() {
		if request.Operation == operation {
			n++
		}
	}
	return n
}

func creationsAreNotDoubled(t *testing.T) {
	bubbles(t, faultTable, creating, func(t *testing.T, w *world, row faultRow, name string) {
		err := creating[name].call(w)
		count := creating[name].applied(w)
		assert.LessOrEqual(t, count, 1, name)
		if err == nil {
			assert.Equal(t, 1, count, name)
		}
		assert.Equal(t, row.create.requests, w.requestsOf(name), name)
	})
}

func doubtfulCreationsAreMarked(t *testing.T) {
	bubbles(t, faultTable, creating, func(t *testing.T, w *world, row faultRow, name string) {
		err := creating[name].call(w)
		if err != nil && creating[name].applied(w) > 0 {
			assert.ErrorIs(t, err, mistralobs.ErrMaybeApplied, name)
		}
		assert.Equal(t, row.create.maybe, errors.Is(err, mistralobs.ErrMaybeApplied), name)
	})
}

func repeatsSucceed(t *testing.T) {
	transient := maps.Clone(faultTable)
	maps.DeleteFunc(transient, func(_ string, row faultRow) bool { return row.repeat.err != nil })
	require.NotEmpty(t, transient)
	bubbles(t, transient, repeatable, func(t *testing.T, w *world, _ faultRow, name string) {
		op := repeatable[name]
		assert.NoError(t, op.call(w), name)
		assert.Equal(t, op.Changes(), op.applied(w) == 1, name)
	})
}

// calls returns a call of every operation.
func calls() map[string]func(*world) error {
	all := map[string]func(*world) error{}
	for _, operations := range []map[string]operation{repeatable, creating, upload} {
		for name, op := range operations {
			all[name] = op.call
		}
	}
	return all
}

func lastResponseIsReturned(t *testing.T) {
	const body = `{"detail":{"message":"the database is down","error_code":"DATABASE_UNAVAILABLE"}}`
	for name, call := range calls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				header := http.Header{"X-Request-Id": {"request-1"}}
				w.server.Inject(mistralobstest.Fault{Operation: name, Times: -1, Status: 500, Header: header, Body: body})
				var failure *mistralobs.Error
				require.ErrorAs(t, call(w), &failure)
				want := mistralobs.Error{
					StatusCode: 500, Code: "DATABASE_UNAVAILABLE", Message: "the database is down",
					RequestID: "request-1", Body: []byte(body),
				}
				got := mistralobs.Error{
					StatusCode: failure.StatusCode, Code: failure.Code, Message: failure.Message,
					RequestID: failure.RequestID, Body: failure.Body,
				}
				assert.Equal(t, want, got)
			})
		})
	}
}

func callsEndWithTheirContext(t *testing.T) {
	for name, call := range calls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.server.Inject(mistralobstest.Fault{Operation: name, Times: -1, Break: mistralobstest.StallHeader})
				start := time.Now()
				var cancel context.CancelFunc
				w.ctx, cancel = context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.ErrorIs(t, call(w), context.DeadlineExceeded)
				w.ctx, cancel = context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				require.ErrorIs(t, call(w), context.Canceled)
				assert.Equal(t, 2*time.Second, time.Since(start))
			})
		})
	}
}

func attemptsEndWithinTheirTimeout(t *testing.T) {
	t.Run("redirects", redirectsShareTheTimeout)
	breaks := map[string]mistralobstest.Break{"header": mistralobstest.StallHeader, "body": mistralobstest.StallBody}
	for what, how := range breaks {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for name, call := range calls() {
					if name != mistralobstest.FilesUpload {
						stalls(t, mistralobstest.Fault{Operation: name, Times: -1, Break: how, After: 5}, call)
					}
				}
			})
		})
	}
}

func stalls(t *testing.T, fault mistralobstest.Fault, call func(*world) error) {
	t.Helper()
	w := newWorldFor(t, fault.Operation)
	w.server.Inject(fault)
	client, err := w.client.With(mistralobs.WithTimeout(7*time.Second),
		mistralobs.WithRetry(mistralobs.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	w.client = client
	start := time.Now()
	err = call(w)
	requests := w.server.Requests()
	if fault.Break == mistralobstest.StallBody && requests[len(requests)-1].Status == http.StatusNoContent {
		require.NoError(t, err, fault.Operation) // no body, so nothing stalls
		return
	}
	require.ErrorIs(t, err, mistralobs.ErrTimeout, fault.Operation)
	assert.Equal(t, 7*time.Second, time.Since(start), fault.Operation)
}

func longRetryAfterFails(t *testing.T) {
	for name, call := range calls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				header := http.Header{"Retry-After": {"31"}}
				w.server.Inject(mistralobstest.Fault{Operation: name, Times: -1, Status: 429, Header: header})
				start := time.Now()
				err := call(w)
				require.ErrorIs(t, err, mistralobs.ErrRateLimited)
				var failure *mistralobs.Error
				require.ErrorAs(t, err, &failure)
				assert.Equal(t, 31*time.Second, failure.RetryAfter)
				assert.Equal(t, time.Duration(0), time.Since(start))
			})
		})
	}
}

// Copies with the same key and base URL share the pause, also if an option seems to change these.
func callersShareThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		var sent []time.Duration
		start := time.Now()
		record := roundTrip(func(req *http.Request) (*http.Response, error) {
			mu.Lock()
			sent = append(sent, time.Since(start))
			mu.Unlock()
			return w.server.HTTPClient().Transport.RoundTrip(req)
		})
		client, err := w.client.With(mistralobs.WithHTTPClient(&http.Client{Transport: record}))
		require.NoError(t, err)
		value := *client // the struct itself
		clients := []*mistralobs.Client{client, &value}
		for _, opts := range [][]mistralobs.Option{
			nil, {mistralobs.WithUserAgent("x")}, {mistralobs.WithAPIKey("Bearer " + w.server.APIKey)},
			{mistralobs.WithBaseURL(w.server.URL + "/")}, {mistralobs.WithTimeout(time.Minute)},
			{mistralobs.WithHTTPClient(&http.Client{Transport: record})}, {mistralobs.WithDebugWriter(io.Discard)},
		} {
			other, err := client.With(opts...)
			require.NoError(t, err)
			other, err = other.With() // a copy of the copy
			require.NoError(t, err)
			clients = append(clients, other)
		}
		w.server.Inject(mistralobstest.Fault{Status: 429, Header: http.Header{"Retry-After": {"5"}}})
		var callers sync.WaitGroup
		for i := range 20 {
			callers.Go(func() {
				time.Sleep(time.Duration(i) * 100 * time.Millisecond) // the first meets the 429
				_, err := clients[i%len(clients)].Datasets.Get(w.ctx, w.dataset)
				assert.NoError(t, err)
			})
		}
		callers.Wait()
		assert.Len(t, sent, 21)
		assert.Zero(t, sent[0])
		assert.GreaterOrEqual(t, slices.Min(sent[1:]), 5*time.Second)
		w.server.HTTPClient().CloseIdleConnections()
	})
}

func downloadsAreWholeOrFail(t *testing.T) {
	faults := map[string]mistralobstest.Fault{
		"refused":       {Break: mistralobstest.Refuse},
		"reset":         {Break: mistralobstest.ResetBody},
		"truncated":     {Break: mistralobstest.TruncateBody},
		"stalled":       {Break: mistralobstest.StallBody},
		"an error":      {Status: 503},
		"a dead link":   {Status: 403},
		"ignored range": {Break: mistralobstest.ResetBody, IgnoreRange: true},
	}
	for name, fault := range faults {
		for _, times := range []int{1, 3, -1} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				fault := fault // the other runs of the same fault change theirs
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t)
					var whole bytes.Buffer
					_, err := w.client.Exports.Download(w.ctx, w.dataset, &whole, mistralobs.TransferOptions{})
					require.NoError(t, err)
					for after := int64(0); after < int64(whole.Len()); after += 3 {
						fault.Operation, fault.Times, fault.After = mistralobstest.ExportsDownload, times, after
						w.server.ClearFaults()
						w.server.Inject(fault)
						var got bytes.Buffer
						_, err = w.client.Exports.Download(w.ctx, w.dataset, &got, mistralobs.TransferOptions{})
						if err == nil {
							require.Equal(t, whole.String(), got.String(), "after %d bytes", after)
						}
					}
				})
			})
		}
	}
}

func versionsAreNotMixed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		breaks := mistralobstest.Fault{
			Operation: mistralobstest.ExportsDownload,
			Break:     mistralobstest.ResetBody,
			After:     20,
		}
		for name, change := range map[string]mistralobstest.Fault{
			"the whole file again": {ETag: `"other"`, IgnoreRange: true},
			"the rest of another":  {ETag: `"other"`},
		} {
			change.Operation, change.Times = mistralobstest.ExportsDownload, -1
			w.server.ClearFaults()
			w.server.Inject(breaks)
			w.server.Inject(change)
			_, err := w.client.Exports.Download(w.ctx, w.dataset, io.Discard, mistralobs.TransferOptions{})
			assert.ErrorIs(t, err, mistralobs.ErrExportChanged, name)
		}
	})
}

func saveIsAtomic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		folder := t.TempDir()
		path := filepath.Join(folder, "export.jsonl")
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
		w.server.Inject(mistralobstest.Fault{
			Operation: mistralobstest.ExportsDownload, Times: -1, Break: mistralobstest.ResetBody, After: 20, IgnoreRange: true,
		})
		_, err := w.client.Exports.Save(w.ctx, w.dataset, path, mistralobs.TransferOptions{})
		require.Error(t, err)
		assert.Equal(t, []string{"export.jsonl: old"}, contents(t, folder))

		w.server.ClearFaults()
		var whole bytes.Buffer
		_, err = w.client.Exports.Download(w.ctx, w.dataset, &whole, mistralobs.TransferOptions{})
		require.NoError(t, err)
		_, err = w.client.Exports.Save(w.ctx, w.dataset, path, mistralobs.TransferOptions{})
		require.NoError(t, err)
		assert.Equal(t, []string{"export.jsonl: " + whole.String()}, contents(t, folder))
	})
}

// The bubble ends only when all goroutines have ended.
func nothingIsLeft(t *testing.T) {
	t.Run("connections", connectionsAreSharedAndReturned)
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	t.Setenv("TMP", temp)
	files := map[string]func(*world) error{
		"import": func(w *world) error {
			_, err := w.client.Imports.FromJSONL(
				w.ctx, w.dataset, io.MultiReader(strings.NewReader(line1)), mistralobs.JSONLImportOptions{},
			)
			return err
		},
		"upload": func(w *world) error {
			_, err := w.client.Files.Upload(
				w.ctx, mistralobs.UploadParams{Name: "n", Body: io.MultiReader(strings.NewReader(line1))},
				mistralobs.TransferOptions{},
			)
			return err
		},
		"save": func(w *world) error {
			_, err := w.client.Exports.Save(w.ctx, w.dataset, filepath.Join(temp, "saved"), mistralobs.TransferOptions{})
			os.Remove(filepath.Join(temp, "saved"))
			return err
		},
		"records": func(w *world) error {
			for _, err := range w.client.Exports.Records(w.ctx, w.dataset, mistralobs.TransferOptions{}) {
				return err // which leaves the loop at the first record
			}
			return nil
		},
	}
	for name, row := range faultTable {
		if row.fault.BodySize > 0 {
			continue // a gigabyte of export
		}
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			for call, run := range files {
				w.server.Inject(row.fault)
				_ = run(w)
				w.client.CloseIdleConnections()
				synctest.Wait()
				assert.Zero(t, w.server.OpenConnections(), "%s: %s", name, call)
				assert.Empty(t, contents(t, temp), "%s: %s", name, call)
			}
		})
	}
}

// counted counts the bytes that are read from responses.
type counted struct {
	io.ReadCloser
	n *int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	*c.n += int64(n)
	return n, err
}

func largeResponsesAreRefused(t *testing.T) {
	for name, call := range calls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const limit = 1 << 20
				w := newWorld(t)
				w.server.Inject(mistralobstest.Fault{Operation: name, Times: -1, Status: 200, BodySize: 1 << 30})
				var read int64
				transport := w.server.HTTPClient().Transport
				client := &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
					resp, err := transport.RoundTrip(req)
					if err == nil {
						resp.Body = counted{resp.Body, &read}
					}
					return resp, err
				})}
				var err error
				w.client, err = w.client.With(mistralobs.WithHTTPClient(client), mistralobs.WithMaxResponseBytes(limit))
				require.NoError(t, err)
				_ = call(w) // an operation without a result does not need the body
				assert.LessOrEqual(t, read, int64(limit+64<<10))
				w.server.HTTPClient().CloseIdleConnections()
			})
		})
	}
}

func keyStaysAtItsOrigin(t *testing.T) {
	t.Run("redirects", redirectsStayAtTheOrigin)
	targets := []string{
		"https://elsewhere.example/",
		"http://127.0.0.1:1/",
		"//elsewhere.example/v1/observability/datasets",
	}
	for name, call := range calls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, mistralobstest.WithAPIKey(hiddenKey))
				transport := w.server.HTTPClient().Transport
				client := &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
					if "http://"+req.URL.Host != w.server.URL || strings.HasPrefix(req.URL.Path, "/exports/") {
						assert.NotContains(t, req.Header, "Authorization", req.URL.Host)
						assert.Empty(t, leaks(req.Header.Get("Referer")))
						return nil, errors.New("this host does not exist")
					}
					return transport.RoundTrip(req)
				})}
				var err error
				w.client, err = w.client.With(mistralobs.WithHTTPClient(client))
				require.NoError(t, err)
				for _, target := range targets {
					w.server.Inject(mistralobstest.Fault{Status: 307, Header: http.Header{"Location": {target}}})
					assert.ErrorIs(t, call(w), mistralobs.ErrUnexpectedResponse)
				}
				_, err = w.client.Exports.Download(w.ctx, w.dataset, io.Discard, mistralobs.TransferOptions{})
				assert.Error(t, err)
				w.server.HTTPClient().CloseIdleConnections()
			})
		})
	}
}
