package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/mistralobs/mistralobs-go"
)

// Every benchmark runs the same work by the SDK and by a program of net/http and
// encoding/json alone, as one would write it without the SDK. BENCHMARKS.md says
// how to read them.

func benchClient(b *testing.B, base string, opts ...mistralobs.Option) *mistralobs.Client {
	b.Helper()
	opts = append([]mistralobs.Option{mistralobs.WithAPIKey("test-key"), mistralobs.WithBaseURL(base)}, opts...)
	client, err := mistralobs.NewClient(opts...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(client.CloseIdleConnections)
	return client
}

// plain is the client of the baseline.
type plain struct {
	base string
	http *http.Client
}

func plainClient(b *testing.B, base string) plain {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	b.Cleanup(transport.CloseIdleConnections)
	return plain{base, &http.Client{Transport: transport}}
}

func (p plain) do(ctx context.Context, method, path string, body any, v any) error {
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, p.base+path, reader)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer test-key")
	req.Header.Set("Content-Type", "application/json")
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

type plainDataset struct {
	ID          string     `json:"id"`
	CreatedAt   time.Time  `json:"created_at"`
	UpdatedAt   time.Time  `json:"updated_at"`
	DeletedAt   *time.Time `json:"deleted_at"`
	Name        string     `json:"name"`
	Description string     `json:"description"`
	OwnerID     string     `json:"owner_id"`
	WorkspaceID string     `json:"workspace_id"`
}

type plainRecord struct {
	ID         string          `json:"id"`
	CreatedAt  time.Time       `json:"created_at"`
	UpdatedAt  time.Time       `json:"updated_at"`
	DeletedAt  *time.Time      `json:"deleted_at"`
	DatasetID  string          `json:"dataset_id"`
	Payload    json.RawMessage `json:"payload"`
	Properties json.RawMessage `json:"properties"`
	Source     string          `json:"source"`
}

type plainPage struct {
	Records struct {
		Results []plainRecord `json:"results"`
		Count   int           `json:"count"`
		Next    *string       `json:"next"`
	} `json:"records"`
}

// plainLine is a line of an export.
type plainLine struct {
	Payload    json.RawMessage `json:"payload"`
	Properties json.RawMessage `json:"properties"`
}

func (p plain) walk(ctx context.Context) (n int, err error) {
	for number := 1; ; number++ {
		var page plainPage
		if err := p.do(ctx, http.MethodGet, fmt.Sprintf("%s/records?page=%d&page_size=100", benchDSPath, number), nil,
			&page); err != nil {
			return n, err
		}
		n += len(page.Records.Results)
		if page.Records.Next == nil {
			return n, nil
		}
	}
}

// export returns the content of an export.
func (p plain) export(ctx context.Context) (io.ReadCloser, error) {
	var export struct {
		URL string `json:"file_url"`
	}
	if err := p.do(ctx, http.MethodGet, benchDSPath+"/exports/to-jsonl", nil, &export); err != nil {
		return nil, err
	}
	resp, err := p.http.Get(export.URL)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// copyExport reads an export to its end.
func (p plain) copyExport(ctx context.Context, size int64) error {
	body, err := p.export(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	n, err := io.Copy(io.Discard, body)
	return want(int(n), int(size), err)
}

// upload streams a multipart form.
func (p plain) upload(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	if _, err := form.CreateFormFile("file", "dataset.jsonl"); err != nil {
		return err
	}
	head := bytes.Clone(frame.Bytes())
	form.Close()
	tail := frame.Bytes()[len(head):]
	req, err := http.NewRequest(
		http.MethodPost,
		p.base+"/v1/files",
		io.MultiReader(bytes.NewReader(head), file, bytes.NewReader(tail)),
	)
	if err != nil {
		return err
	}
	req.ContentLength = int64(frame.Len()) + info.Size()
	req.Header.Set("Content-Type", form.FormDataContentType())
	resp, err := p.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// measured runs work b.N times, and reports its CPU time and the most memory it took.
func measured(b *testing.B, work func() error) {
	b.Helper()
	b.ReportAllocs()
	resident := startMemory()
	cpu := cpuTime()
	for b.Loop() {
		if err := work(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime()-cpu)/float64(b.N), "cpu-ns/op")
	if peak, known := resident.peak(); known {
		b.ReportMetric(float64(peak)/(1<<20), "peak-MB")
	}
}

// compare measures the same work done with the SDK and by another program: each alone, and both in
// turns. size is the number of bytes that the work moves, if that is of interest.
func compare(b *testing.B, prefix string, size int64, bySDK, byPlain func() error) {
	b.Helper()
	for _, by := range []struct {
		name string
		work func() error
	}{{"sdk", bySDK}, {"plain", byPlain}} {
		b.Run(prefix+"by="+by.name, func(b *testing.B) {
			b.SetBytes(size)
			measured(b, by.work)
		})
	}
	b.Run(prefix+"by=turns", func(b *testing.B) { inTurns(b, 1, bySDK, byPlain) })
}

// inTurns runs the work of two clients in turns of n, b.N times, so that other work on the machine
// slows both. It reports the first's time and CPU time divided by the second's. The first turn is
// not measured: it warms both programs up.
func inTurns(b *testing.B, n int, ours, theirs func() error) {
	b.Helper()
	var elapsed, cpu [2]time.Duration
	turn := func() {
		for i, work := range []func() error{ours, theirs} {
			started, used := time.Now(), cpuTime()
			for range n {
				if err := work(); err != nil {
					b.Fatal(err)
				}
			}
			elapsed[i] += time.Since(started)
			cpu[i] += cpuTime() - used
		}
	}
	turn()
	elapsed, cpu = [2]time.Duration{}, [2]time.Duration{}
	for b.Loop() {
		turn()
	}
	b.ReportMetric(float64(elapsed[0])/float64(elapsed[1]), "of-time")
	b.ReportMetric(float64(cpu[0])/float64(max(1, cpu[1])), "of-cpu")
}

func want(n, expected int, err error) error {
	if err == nil && n != expected {
		err = fmt.Errorf("got %d, want %d", n, expected)
	}
	return err
}

func count[T any](items iter.Seq2[T, error]) (n int, err error) {
	for _, err := range items {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// getsPerTurn is large enough that the first turn warms both processes up, and that the garbage
// collector runs in every turn.
const getsPerTurn = 1000

func BenchmarkGetDataset(b *testing.B) {
	base := benchServer(b, 0, 0)
	client, plain := benchClient(b, base), plainClient(b, base)
	bySDK := func() error {
		_, err := client.Datasets.Get(b.Context(), benchDataset)
		return err
	}
	byPlain := func() error {
		return plain.do(b.Context(), http.MethodGet, benchDSPath, nil, &plainDataset{})
	}
	b.Run("by=sdk", func(b *testing.B) { measured(b, bySDK) })
	b.Run("by=plain", func(b *testing.B) { measured(b, byPlain) })
	b.Run("by=turns", func(b *testing.B) { inTurns(b, getsPerTurn, bySDK, byPlain) })
	b.Run("by=typescript", func(b *testing.B) { typescript(b, "get", base, benchDataset) })
}

func BenchmarkWalk(b *testing.B) { benchmarkWalk(b, 0) }

// BenchmarkWalkLatency is a walk where each response takes 20 ms.
func BenchmarkWalkLatency(b *testing.B) { benchmarkWalk(b, 20*time.Millisecond) }

func benchmarkWalk(b *testing.B, latency time.Duration) {
	base := benchServer(b, latency, 0)
	client, plain := benchClient(b, base), plainClient(b, base)
	for _, ahead := range []struct {
		name  string
		pages int
	}{{name: "one", pages: mistralobs.NoReadAhead}, {name: "default", pages: 0}, {name: "8", pages: 8}} {
		b.Run("by=sdk/ahead="+ahead.name, func(b *testing.B) {
			measured(b, func() error {
				params := mistralobs.ListParams{ReadAhead: ahead.pages}
				n, err := count(client.Records.All(b.Context(), benchDataset, params))
				return want(n, 100*benchPages, err)
			})
		})
	}
	b.Run("by=plain", func(b *testing.B) {
		measured(b, func() error {
			n, err := plain.walk(b.Context())
			return want(n, 100*benchPages, err)
		})
	})
	b.Run("by=typescript", func(b *testing.B) { typescript(b, "walk", base, benchDataset) })
}

// pageTransport answers every request with the same body.
type pageTransport []byte

func (t pageTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{},
		Body: io.NopCloser(bytes.NewReader(t)), ContentLength: int64(len(t)), Request: req,
	}, nil
}

// BenchmarkDecodePage has no network: both programs get the response from a transport that has it.
func BenchmarkDecodePage(b *testing.B) {
	for _, shape := range []struct{ items, size int }{{items: 10, size: 2000}, {items: 100, size: 200}, {items: 100,
		size: 2000}, {items: 100, size: 20_000}} {
		page := benchPage(1, 1, shape.items, shape.size)
		name := fmt.Sprintf("items=%d/size=%d/", shape.items, shape.size)
		const base = "https://api.example.com"
		httpClient := &http.Client{Transport: pageTransport(page)}
		client := benchClient(b, base, mistralobs.WithHTTPClient(httpClient))
		plain := plain{base, httpClient}
		b.Run(name+"by=sdk", func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			measured(b, func() error {
				page, err := client.Records.List(b.Context(), benchDataset, mistralobs.ListParams{})
				if err != nil {
					return err
				}
				return want(len(page.Items), shape.items, nil)
			})
		})
		b.Run(name+"by=plain", func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			measured(b, func() error {
				var decoded plainPage
				err := plain.do(b.Context(), http.MethodGet, benchDSPath+"/records", nil, &decoded)
				return want(len(decoded.Records.Results), shape.items, err)
			})
		})
	}
}

const benchExportMB = 200

func BenchmarkExportRecords(b *testing.B) {
	base := benchServer(b, 0, benchExportMB)
	client, plain := benchClient(b, base), plainClient(b, base)
	lines := benchExportMB * bytes.Count(benchBlock(), []byte("\n"))
	size := int64(benchExportMB * len(benchBlock()))
	bySDK := func() error {
		n, err := count(client.Exports.Records(b.Context(), benchDataset, mistralobs.TransferOptions{}))
		return want(n, lines, err)
	}
	compare(b, "", size, bySDK, func() error {
		body, err := plain.export(b.Context())
		if err != nil {
			return err
		}
		defer body.Close()
		n := 0
		scanner := bufio.NewScanner(body)
		for scanner.Scan() {
			var line plainLine
			if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
				return err
			}
			n++
		}
		return want(n, lines, scanner.Err())
	})
	b.Run("by=node", func(b *testing.B) {
		b.SetBytes(size)
		node(b, "readline.mjs", base, benchDataset)
	})
}

// benchModules names a folder where npm has installed @mistralai/mistralai, to
// measure that too.
const benchModules = "MISTRALOBS_BENCH_MODULES"

func typescript(b *testing.B, args ...string) {
	b.Helper()
	folder := os.Getenv(benchModules)
	if folder == "" {
		b.Skip(benchModules + " is not set")
	}
	node(b, "typescript.mjs", append([]string{folder}, args...)...)
}

// node runs a program in testdata, which reports how long its work took: the
// start of Node does not count.
func node(b *testing.B, program string, args ...string) {
	b.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		b.Skip("there is no node")
	}
	var total struct{ MS, CPUMS, PeakMB float64 }
	for b.Loop() {
		one := total
		out, err := exec.Command("node", append([]string{filepath.Join("testdata", program)}, args...)...).Output()
		if err != nil {
			b.Fatal(err)
		}
		if err := json.Unmarshal(out, &one); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		total.MS, total.CPUMS, total.PeakMB = total.MS+one.MS, total.CPUMS+one.CPUMS, max(total.PeakMB, one.PeakMB)
	}
	b.ReportMetric(total.MS*1e6/float64(b.N), "ns/op")
	b.ReportMetric(total.CPUMS*1e6/float64(b.N), "cpu-ns/op")
	b.ReportMetric(total.PeakMB, "peak-MB")
}

func BenchmarkDownload(b *testing.B) {
	base := benchServer(b, 0, benchExportMB)
	client, plain := benchClient(b, base), plainClient(b, base)
	size := int64(benchExportMB * len(benchBlock()))
	compare(b, "", size, func() error {
		n, err := client.Exports.Download(b.Context(), benchDataset, io.Discard, mistralobs.TransferOptions{})
		return want(int(n), int(size), err)
	}, func() error { return plain.copyExport(b.Context(), size) })
}

func BenchmarkSave(b *testing.B) {
	base := benchServer(b, 0, benchExportMB)
	client, plain := benchClient(b, base), plainClient(b, base)
	size := int64(benchExportMB * len(benchBlock()))
	path := filepath.Join(b.TempDir(), "export.jsonl")
	compare(b, "", size, func() error {
		n, err := client.Exports.Save(b.Context(), benchDataset, path, mistralobs.TransferOptions{})
		return want(int(n), int(size), err)
	}, func() error {
		body, err := plain.export(b.Context())
		if err != nil {
			return err
		}
		defer body.Close()
		return writeFile(path, body, size)
	})
}

// writeFile makes a file as Save does: complete on the disk under another name, then renamed.
func writeFile(path string, r io.Reader, size int64) error {
	file, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	defer file.Close()
	n, err := io.Copy(file, r)
	if err := want(int(n), int(size), err); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

func BenchmarkUpload(b *testing.B) {
	base := benchServer(b, 0, 0)
	client, plain := benchClient(b, base), plainClient(b, base)
	for _, megabytes := range []int{8, 64, 500} {
		path := benchFile(b, megabytes)
		name := fmt.Sprintf("MB=%d/", megabytes)
		bySDK := func() error {
			file, err := os.Open(path)
			if err != nil {
				return err
			}
			defer file.Close()
			_, err = client.Files.Upload(
				b.Context(),
				mistralobs.UploadParams{Body: file},
				mistralobs.TransferOptions{},
			)
			return err
		}
		byPlain := func() error { return plain.upload(path) }
		compare(b, name, int64(megabytes)<<20, bySDK, byPlain)
	}
}

// benchFile is a file of JSONL of about the size.
func benchFile(b *testing.B, megabytes int) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "dataset.jsonl")
	file, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	block := benchBlock()
	for range megabytes {
		if _, err := file.Write(block); err != nil {
			b.Fatal(err)
		}
	}
	return path
}

// BenchmarkCreateAll creates records where each response takes 20 ms, 32 at once by the SDK, one by
// one by the baseline. Compare ns/record.
func BenchmarkCreateAll(b *testing.B) {
	base := benchServer(b, 20*time.Millisecond, 0)
	client, plain := benchClient(b, base), plainClient(b, base)
	body := map[string]json.RawMessage{
		"payload":    json.RawMessage(benchPayload(1, 2000)),
		"properties": json.RawMessage(benchProperties(1)),
	}
	const bulk, loop = 10_000, 200
	records := func(yield func(mistralobs.CreateRecordParams) bool) {
		for range bulk {
			if !yield(mistralobs.CreateRecordParams{Payload: body["payload"], Properties: body["properties"]}) {
				return
			}
		}
	}
	for by, options := range map[string]mistralobs.BulkOptions{"sdk": {Concurrency: 32}, "default": {}} {
		b.Run("by="+by, func(b *testing.B) {
			measured(b, func() error {
				n, err := count(
					client.Records.CreateAll(b.Context(), benchDataset, mistralobs.NoErrors(records), options),
				)
				return want(n, bulk, err)
			})
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/bulk, "ns/record")
		})
	}
	b.Run("by=plain", func(b *testing.B) {
		measured(b, func() error {
			for range loop {
				if err := plain.do(b.Context(), http.MethodPost, benchDSPath+"/records", body, &plainRecord{}); err != nil {
					return err
				}
			}
			return nil
		})
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/loop, "ns/record")
	})
}
