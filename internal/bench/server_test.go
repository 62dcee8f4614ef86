package bench_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The benchmarks measure clients, so the server that they talk to is another process: this test
// binary, started again. It only sends responses that it has prepared.

// benchServerEnv makes the test binary serve.
const benchServerEnv = "MISTRALOBS_BENCH_SERVER"

const (
	benchPages   = 100
	benchDataset = "5f0c6f4e-2d1b-4c7a-9a51-2f3f0e8c1d00"
	benchDSPath  = "/v1/observability/datasets/" + benchDataset
)

// benchRecordJSON is a record as the service sends it, with a payload of about size bytes.
func benchRecordJSON(n, size int) string {
	return fmt.Sprintf(
		`{"id":"%08d-0000-4000-8000-000000000000","created_at":"2026-03-01T09:30:00.123Z",`+
			`"updated_at":"2026-03-02T10:00:00.456Z",`+
			`"deleted_at":null,"dataset_id":%q,"payload":%s,"properties":%s,"source":"DIRECT_INPUT"}`,
		n,
		benchDataset,
		benchPayload(n, size),
		benchProperties(n),
	)
}

func benchPayload(n, size int) string {
	const sentence = `The parcel left our warehouse this morning, \"express\",` +
		` and you will get a mail; für Rückfragen: 0800 123.\n`
	text := strings.Repeat(sentence, max(1, size/2/len(sentence)))
	return fmt.Sprintf(
		`{"messages":[{"role":"user","content":"%d: %s"},{"role":"assistant","content":"%s"}],`+
			`"model":"mistral-large-latest","temperature":0.3}`,
		n,
		text,
		text,
	)
}

func benchProperties(n int) string {
	return fmt.Sprintf(
		`{"id":"ticket-%06d","category":"shipping","expected_output":"On its way.","difficulty":%d}`,
		n,
		n%5,
	)
}

// benchPage is page n of a list that ends with page last.
func benchPage(n, last, items, recordSize int) []byte {
	var page bytes.Buffer
	page.WriteString(`{"records":{"results":[`)
	for i := range items {
		if i > 0 {
			page.WriteByte(',')
		}
		page.WriteString(benchRecordJSON((n-1)*items+i, recordSize))
	}
	next := "null"
	if n < last {
		next = strconv.Quote(fmt.Sprintf("?page=%d", n+1))
	}
	fmt.Fprintf(&page, `],"count":%d,"next":%s,"previous":null}}`, last*items, next)
	return page.Bytes()
}

// benchBlock is about a megabyte of lines, of which exports are made.
func benchBlock() []byte {
	var block bytes.Buffer
	for i := 0; block.Len() < 1<<20; i++ {
		fmt.Fprintf(&block, `{"payload":%s,"properties":%s}`+"\n", benchPayload(i, 1700), benchProperties(i))
	}
	return block.Bytes()
}

// serveBench serves until its standard input ends, which it does with the process that started it.
func serveBench() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	handler := benchHandler(listener.Addr().String())
	fmt.Println("http://" + listener.Addr().String()) // only now, so that no benchmark waits for the handler
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Fprintln(os.Stderr, http.Serve(listener, handler))
}

// benchHandler serves the API below /LATENCY/SIZE, such as /20ms/64. LATENCY is the time that each
// response takes. SIZE is the number of megabytes in the export and of pages in the list of
// records; 0 means 100 pages.
func benchHandler(host string) http.Handler {
	pages := make([][]byte, benchPages)
	for i := range pages {
		pages[i] = benchPage(i+1, benchPages, 100, 2000)
	}
	dataset := []byte(
		fmt.Sprintf(
			`{"id":%q,"created_at":"2026-03-01T09:30:00.123Z","updated_at":"2026-03-02T10:00:00.456Z","deleted_at":null,`+
				`"name":"Support tickets","description":"March, with expected answers",`+
				`"owner_id":"9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d","workspace_id":"1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"}`,
			benchDataset,
		),
	)
	record := []byte(benchRecordJSON(1, 2000))
	file := []byte(
		`{"id":"0b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d","object":"file","bytes":1,"created_at":1740000000,` +
			`"filename":"dataset.jsonl","purpose":"evaluation"}`,
	)
	task := []byte(
		`{"id":"2b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d","created_at":"2026-03-01T09:30:00.123Z",` +
			`"updated_at":"2026-03-01T09:30:00.123Z","status":"RUNNING"}`,
	)
	block := benchBlock()

	const prefix = "/{latency}/{size}"
	mux := http.NewServeMux()
	mux.HandleFunc(
		"GET "+prefix+benchDSPath,
		func(w http.ResponseWriter, r *http.Request) { benchAnswer(w, r, http.StatusOK, dataset) },
	)
	mux.HandleFunc("GET "+prefix+benchDSPath+"/records", func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(cmp.Or(r.URL.Query().Get("page"), "1"))
		last, _ := strconv.Atoi(r.PathValue("size"))
		switch last = cmp.Or(last, benchPages); {
		case n > last: // requested ahead
			benchAnswer(w, r, http.StatusOK, []byte(`{"records":{"results":[],"count":0,"next":null,"previous":null}}`))
		case last != benchPages:
			benchAnswer(w, r, http.StatusOK, benchPage(n, last, 100, 2000))
		default:
			benchAnswer(w, r, http.StatusOK, pages[n-1])
		}
	})
	const recordPath = prefix + "/v1/observability/dataset-records/{id}"
	mux.HandleFunc("GET "+recordPath, func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.PathValue("id")[:8])
		benchAnswer(w, r, http.StatusOK, []byte(benchRecordJSON(n, 2000)))
	})
	mux.HandleFunc("PUT "+recordPath+"/{part}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc(
		"POST "+prefix+benchDSPath+"/records",
		func(w http.ResponseWriter, r *http.Request) { benchAnswer(w, r, http.StatusCreated, record) },
	)
	mux.HandleFunc(
		"POST "+prefix+"/v1/files",
		func(w http.ResponseWriter, r *http.Request) { benchAnswer(w, r, http.StatusOK, file) },
	)
	mux.HandleFunc(
		"POST "+prefix+benchDSPath+"/imports/from-file",
		func(w http.ResponseWriter, r *http.Request) { benchAnswer(w, r, http.StatusAccepted, task) },
	)
	mux.HandleFunc("GET "+prefix+benchDSPath+"/tasks", func(w http.ResponseWriter, r *http.Request) {
		benchAnswer(w, r, http.StatusOK, []byte(`{"tasks":{"results":[],"count":0,"next":null,"previous":null}}`))
	})
	mux.HandleFunc("GET "+prefix+benchDSPath+"/exports/to-jsonl", func(w http.ResponseWriter, r *http.Request) {
		body, _ := json.Marshal(
			map[string]string{"file_url": "http://" + host + "/export/" + r.PathValue("size") + "?sig=s"},
		)
		benchAnswer(w, r, http.StatusOK, body)
	})
	mux.HandleFunc("GET /export/{size}", func(w http.ResponseWriter, r *http.Request) {
		blocks, _ := strconv.Atoi(r.PathValue("size"))
		w.Header().Set("Content-Length", strconv.Itoa(blocks*len(block)))
		w.Header().Set("ETag", `"1"`)
		for range blocks {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	return mux
}

func benchAnswer(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	_, _ = io.Copy(io.Discard, r.Body)
	if latency, _ := time.ParseDuration(r.PathValue("latency")); latency > 0 {
		time.Sleep(latency)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// benchServer starts the server and returns the base URL for a latency and a size; see
// benchHandler.
func benchServer(b *testing.B, latency time.Duration, size int) string {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	server := exec.Command(self)
	server.Env = append(os.Environ(), benchServerEnv+"=1")
	server.Stderr = os.Stderr
	stdin, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		_ = server.Wait()
	})
	url, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal("the server did not start:", err)
	}
	return fmt.Sprintf("%s/%v/%d", strings.TrimSpace(url), latency, size)
}
