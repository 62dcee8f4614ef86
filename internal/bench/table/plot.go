package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
)

// point is the cost of a work for a number of records.
type point struct{ records, cost float64 }

// curve is the costs of a work, and the slope of the line that fits them best in a log-log plot.
type curve struct {
	work   string
	points []point
	slope  float64
}

// drawGrowth measures and draws two plots: time and memory over the number of records.
func drawGrowth(ctx context.Context, runs int, path string) error {
	var out bytes.Buffer
	for i := range runs {
		fmt.Fprintf(os.Stderr, "Run %d of %d …\n", i+1, runs)
		if err := benchmark(ctx, &out, "./internal/bench", "-bench", "Growth", "-benchtime", "1x"); err != nil {
			return err
		}
	}
	metrics := medians(out.String())
	var svg bytes.Buffer
	fmt.Fprintf(&svg, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 900 420" font-family="sans-serif" `+
		`font-size="12">`+
		"\n<rect width=\"900\" height=\"420\" fill=\"white\"/>\n")
	drawPlot(&svg, 60, "time in seconds", curves(metrics, "ns/op", 1e-9))
	drawPlot(&svg, 520, "memory over idle in MB", curves(metrics, "peak-MB", 1))
	svg.WriteString("</svg>\n")
	return os.WriteFile(path, svg.Bytes(), 0o644)
}

// curves returns a curve for each work, with the metric multiplied by unit.
func curves(metrics map[string]float64, metric string, unit float64) (all []curve) {
	name := regexp.MustCompile(`^Growth/work=(\w+)/records=(\d+) ` + regexp.QuoteMeta(metric) + `$`)
	points := map[string][]point{}
	for key, cost := range metrics {
		if m := name.FindStringSubmatch(key); m != nil {
			records, _ := strconv.ParseFloat(m[2], 64)
			points[m[1]] = append(points[m[1]], point{records, max(cost*unit, 0.01)})
		}
	}
	for _, work := range []string{"walk", "export", "sync"} {
		list := points[work]
		slices.SortFunc(list, func(a, b point) int { return int(a.records - b.records) })
		all = append(all, curve{work, list, slope(list)})
	}
	return all
}

// slope fits a line through the logarithms: 1 means that the cost grows in proportion to the
// records.
func slope(points []point) float64 {
	var n, x, y, xx, xy float64
	for _, p := range points {
		lx, ly := math.Log10(p.records), math.Log10(p.cost)
		n, x, y, xx, xy = n+1, x+lx, y+ly, xx+lx*lx, xy+lx*ly
	}
	return (n*xy - x*y) / (n*xx - x*x)
}

// drawPlot draws a log-log plot, 320 by 320, with its left edge at left. Both axes have grid lines
// at powers of ten.
func drawPlot(svg *bytes.Buffer, left float64, title string, all []curve) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, c := range all {
		for _, p := range c.points {
			low, high = min(low, math.Floor(math.Log10(p.cost))), max(high, math.Ceil(math.Log10(p.cost)))
		}
	}
	at := func(records, cost float64) (x, y float64) {
		return left + (math.Log10(records)-3)/3*320, 360 - (math.Log10(cost)-low)/(high-low)*320
	}
	fmt.Fprintf(svg, "<text x=\"%g\" y=\"24\" font-size=\"14\">%s, by the number of records</text>\n", left, title)
	for e := 3.0; e <= 6; e++ {
		x, _ := at(math.Pow(10, e), math.Pow(10, low))
		fmt.Fprintf(svg,
			`<path d="M%g 40V360" stroke="#ddd"/><text x="%g" y="378" text-anchor="middle">10^%g</text>`+"\n",
			x, x, e)
	}
	for e := low; e <= high; e++ {
		_, y := at(1000, math.Pow(10, e))
		fmt.Fprintf(svg, `<path d="M%g %gh320" stroke="#ddd"/><text x="%g" y="%g" text-anchor="end">%g</text>`+"\n",
			left, y, left-6, y+4, math.Pow(10, e))
	}
	for i, c := range all {
		color := []string{"#0072b2", "#d55e00", "#009e73"}[i]
		line := ""
		for _, p := range c.points {
			x, y := at(p.records, p.cost)
			line += fmt.Sprintf("%.1f,%.1f ", x, y)
			fmt.Fprintf(svg, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", x, y, color)
		}
		fmt.Fprintf(svg, `<polyline points="%s" fill="none" stroke="%s"/>`+"\n", line, color)
		fmt.Fprintf(svg, `<text x="%g" y="%d" fill="%s">%s: slope %.2f</text>`+"\n", left+8, 56+16*i, color,
			c.work, c.slope)
	}
}
