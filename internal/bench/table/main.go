// Table runs the benchmarks of this repository and prints how the SDK compares, on this machine,
// with a program of net/http and encoding/json alone, and with Node if it is installed. Run it in
// the root of a checkout; it takes some minutes. BENCHMARKS.md explains the table.
//
//	go run ./internal/bench/table [-work regexp] [-runs 3] [-benchtime 1s] [-plot growth.svg]
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func main() {
	work := flag.String("work", ".", "regular expression that selects the benchmarks")
	runs := flag.Int("runs", 3, "how often to run each benchmark; the table has the medians")
	benchtime := flag.String("benchtime", "1s", "how long to run each benchmark, as in go test")
	plot := flag.String("plot", "", "measure how cost grows with the number of records, and draw it in this SVG file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var err error
	if *plot != "" {
		err = drawGrowth(ctx, *runs, *plot)
	} else {
		err = table(ctx, *work, *runs, *benchtime)
	}
	if err != nil {
		log.Fatal(err)
	}
}

// table runs the benchmarks and prints the rows. It repeats whole runs, so that the clients take
// turns.
func table(ctx context.Context, work string, runs int, benchtime string) error {
	var out bytes.Buffer
	for i := range runs {
		fmt.Fprintf(os.Stderr, "Run %d of %d …\n", i+1, runs)
		err := benchmark(ctx, &out, "./internal/bench", "-bench", work, "-skip", "Growth", "-benchtime", benchtime)
		if err != nil {
			return err
		}
	}
	return show(os.Stdout, medians(out.String()))
}

// benchmark runs the benchmarks of a package and appends their output to out.
func benchmark(ctx context.Context, out *bytes.Buffer, pkg string, args ...string) error {
	args = append([]string{"test", "-run", "^$", "-timeout", "60m"}, append(args, pkg)...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w (run this program in the root of a checkout)\n%s", err, out)
	}
	return nil
}

// medians returns the median of each metric of each benchmark, by the name of both: "Walk/by=plain
// ns/op".
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
