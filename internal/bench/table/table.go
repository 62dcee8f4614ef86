package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// row compares a metric of the SDK's benchmark with another one's, or with a number if there is no
// other.
type row struct {
	work, ours, theirs, metric string
	bar                        bar
}

// bar returns the result that a row shows, the bar that the project sets itself, and whether the
// result meets it.
type bar func(ours, theirs float64) (result, wanted string, met bool)

// faster wants the SDK to take at most 1/times of what the other takes.
func faster(times float64) bar {
	return func(ours, theirs float64) (string, string, bool) {
		return fmt.Sprintf("%.2f x", theirs/ours), fmt.Sprintf("%.2f x", times), ours*times <= theirs
	}
}

// atMost wants the SDK to take at most n.
func atMost(n float64) bar {
	return func(ours, _ float64) (string, string, bool) {
		return fmt.Sprintf("%.2f", ours), fmt.Sprintf("<= %.3g", n), ours <= n
	}
}

var rows = []row{
	{"get a dataset: CPU", "GetDataset/by=turns", "", "of-cpu", atMost(1.2)},
	{"get a dataset: CPU, TypeScript", "GetDataset/by=sdk", "GetDataset/by=typescript", "cpu-ns/op", faster(1)},
	{"walk 10,000 records", "Walk/by=sdk/ahead=default", "Walk/by=plain", "ns/op", faster(2.5)},
	{"walk 10,000 records, TypeScript", "Walk/by=sdk/ahead=one", "Walk/by=typescript", "ns/op", faster(2.5)},
	{"walk, 20 ms latency, default", latency + "default", latency + "one", "ns/op", faster(5)},
	{"the same, ReadAhead 8", latency + "8", latency + "one", "ns/op", faster(6)},
	{"walk 40 pages, 5 requests/s: time / limit", "WalkLimited/retry-after=yes", "", "x-limit", atMost(1.5)},
	{"the same: refusals", "WalkLimited/retry-after=yes", "", "refusals", atMost(10)},
	{"the same without Retry-After: time / limit", "WalkLimited/retry-after=no", "", "x-limit", atMost(1.5)},
	{"the same: refusals", "WalkLimited/retry-after=no", "", "refusals", atMost(10)},
	{"list a page of 100 records of 2 KB, no network", page + "by=sdk", page + "by=plain", "ns/op", faster(2.5)},
	{"export 200 MB by records: time of bufio.Scanner", "ExportRecords/by=turns", "", "of-time", atMost(0.5)},
	{"export 200 MB by records, Node", "ExportRecords/by=sdk", "ExportRecords/by=node", "ns/op", faster(2)},
	{"download 200 MB: time", "Download/by=turns", "", "of-time", atMost(1 / 0.9)},
	{"save 200 MB: time", "Save/by=turns", "", "of-time", atMost(1 / 0.9)},
	{"upload 500 MB: time", "Upload/MB=500/by=turns", "", "of-time", atMost(1 / 0.9)},
	{"create a record, 20 ms, 32 in flight", "CreateAll/by=sdk", "CreateAll/by=plain", "ns/record", faster(25)},
	{"the same, default, 32 in flight", "CreateAll/by=default", "CreateAll/by=sdk", "ns/record", faster(1 / 1.25)},
	{"create 300, 20 requests/s: time / limit", "CreateAllLimited/retry-after=yes", "", "x-limit", atMost(1.5)},
	{"the same: refusals", "CreateAllLimited/retry-after=yes", "", "refusals", atMost(30)},
	{"the same without Retry-After: time / limit", "CreateAllLimited/retry-after=no", "", "x-limit", atMost(1.5)},
	{"the same: refusals", "CreateAllLimited/retry-after=no", "", "refusals", atMost(30)},
	{"compare 1,000,000 records, reading alone", million + "by=sdk", million + "by=read", "ns/op", faster(1 / 2.5)},
	{"the same: MB over idle", million + "by=sdk", "", "peak-MB", atMost(400)},
	{"compare 100,000, half changed: MB over idle", "Diff/records=100000/every=2/by=sdk", "", "peak-MB", atMost(100)},
	{"sync 100,000, 1 % changed: MB over idle", "Sync", "", "peak-MB", atMost(64)},
}

const (
	page    = "DecodePage/items=100/size=2000/"
	latency = "WalkLatency/by=sdk/ahead="
	million = "Diff/records=1000000/every=0/"
)

// show prints the rows that were measured.
func show(w io.Writer, metrics map[string]float64) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "| work\t| SDK\t| other\t| result\t| bar\t| peak MB\t|")
	fmt.Fprintln(table, "|---\t|---\t|---\t|---\t|---\t|---\t|")
	for _, r := range rows {
		ours, measured := metrics[r.ours+" "+r.metric]
		theirs, compared := metrics[r.theirs+" "+r.metric]
		if !measured || r.theirs != "" && !compared {
			continue
		}
		other := ""
		if compared {
			other = value(r.metric, theirs)
		}
		result, wanted, met := r.bar(ours, theirs)
		if !met {
			result += " (missed)"
		}
		fmt.Fprintf(table, "| %s\t| %s\t| %s\t| %s\t| %s\t| %s\t|\n",
			r.work, value(r.metric, ours), other, result, wanted, peak(metrics, r.ours))
	}
	return table.Flush()
}

func value(metric string, v float64) string {
	if strings.Contains(metric, "ns/") {
		return fmt.Sprintf("%.3f ms", v/1e6)
	}
	return fmt.Sprintf("%.4g", v)
}

func peak(metrics map[string]float64, name string) string {
	if mb, ok := metrics[name+" peak-MB"]; ok {
		return fmt.Sprintf("%.1f", mb)
	}
	return ""
}
