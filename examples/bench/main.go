// Bench runs the benchmarks of this repository and prints how the SDK compares,
// on this machine, with a program of net/http and encoding/json alone, and with
// Node where that is installed. Run it in a checkout:
//
//	go run ./examples/bench [-work regexp] [-runs 3]
//
// BENCHMARKS.md says how to read the table.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// row compares a metric of two benchmarks; ratio is how much of it ours takes.
type row struct {
	work, ours, theirs, metric string
	atMost                     float64
}

var rows = []row{
	{"get one dataset: CPU", "GetDataset/by=sdk", "GetDataset/by=plain", "cpu-ns/op", 1.15},
	{"get one dataset: CPU, TypeScript", "GetDataset/by=sdk", "GetDataset/by=typescript", "cpu-ns/op", 1},
	{"walk 10,000 records", "Walk/by=sdk/ahead=0", "Walk/by=plain", "ns/op", 1 / 2.5},
	{"walk 10,000 records, TypeScript", "Walk/by=sdk/ahead=0", "Walk/by=typescript", "ns/op", 1 / 2.5},
	{"the same, 20 ms latency, ReadAhead 8 and 0", "WalkLatency/by=sdk/ahead=8", "WalkLatency/by=sdk/ahead=0", "ns/op", 1. / 6},
	{"decode a page, 100 records of 2 KB", "DecodePage/items=100/size=2000/by=sdk", "DecodePage/items=100/size=2000/by=plain", "ns/op", 1 / 4.5},
	{"export 200 MB, record by record", "ExportRecords/by=sdk", "ExportRecords/by=plain", "ns/op", 1},
	{"export 200 MB, record by record, Node", "ExportRecords/by=sdk", "ExportRecords/by=node", "ns/op", 1 / 2.},
	{"download 200 MB", "Download/by=sdk", "Download/by=plain", "ns/op", 1 / 0.9},
	{"save 200 MB", "Save/by=sdk", "Save/by=plain", "ns/op", 1 / 0.9},
	{"upload 500 MB", "Upload/MB=500/by=sdk", "Upload/MB=500/by=plain", "ns/op", 1 / 0.85},
	{"check and import 256 MB of JSONL", "FromJSONL/MB=256/by=sdk", "FromJSONL/MB=256/by=plain", "ns/op", 10},
	{"create a record, 20 ms latency, 32 at once", "CreateAll/by=sdk", "CreateAll/by=plain", "ns/record", 1. / 25},
}

func main() {
	work := flag.String("work", ".", "regular expression of the benchmarks to run")
	runs := flag.Int("runs", 3, "how often to run each; the median counts")
	short := flag.String("benchtime", "1s", "how long to run each, as in go test")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *work, *runs, *short); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, work string, runs int, benchtime string) error {
	fmt.Fprintln(os.Stderr, "running the benchmarks, which takes some minutes …")
	var out bytes.Buffer
	// A whole run after the other, so that the parties to a comparison take turns.
	for range runs {
		cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", work, "-benchtime", benchtime, "-timeout", "30m", "./internal/bench")
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%w (run it in the root of a checkout)\n%s", err, &out)
		}
	}
	return show(medians(out.String()))
}

// medians returns the median of each metric of each benchmark.
func medians(out string) map[string]float64 {
	cores := regexp.MustCompile(`-\d+$`)
	all := map[string][]float64{}
	for line := range strings.Lines(out) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(line, "Benchmark") {
			continue
		}
		name := cores.ReplaceAllString(strings.TrimPrefix(fields[0], "Benchmark"), "")
		for i := 2; i+1 < len(fields); i += 2 {
			value, _ := strconv.ParseFloat(fields[i], 64)
			all[name+" "+fields[i+1]] = append(all[name+" "+fields[i+1]], value)
		}
	}
	result := map[string]float64{}
	for key, values := range all {
		slices.Sort(values)
		result[key] = values[len(values)/2]
	}
	return result
}

func show(metrics map[string]float64) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "| work\t| SDK\t| other\t| times as fast\t| wanted\t| peak MB\t|")
	fmt.Fprintln(table, "|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range rows {
		ours, theirs := metrics[r.ours+" "+r.metric], metrics[r.theirs+" "+r.metric]
		if ours == 0 || theirs == 0 {
			continue // not run, or not to be had here
		}
		verdict := ""
		if ours > r.atMost*theirs {
			verdict = " (missed)"
		}
		fmt.Fprintf(table, "| %s\t| %.3f ms\t| %.3f ms\t| %.2f%s\t| %.2f\t| %.1f\t|\n",
			r.work, ours/1e6, theirs/1e6, theirs/ours, verdict, 1/r.atMost, metrics[r.ours+" peak-MB"])
	}
	return table.Flush()
}
