package printer

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// Bounds of a page: a cluster with a thousand endpoints must not make it unusable. What
// is bad comes first, so that it is what is well that falls behind them.
const (
	mostHTMLRows = 100
	mostHTMLBad  = 200
	mostRaw      = 400 << 10 // bytes of JSON
)

// htmlTable is a table of results or rows.
type htmlTable struct {
	Caption string
	Rows    []htmlRow
	More    int
}

type htmlRow struct {
	Status                                                check.Status
	Area, Title, Target, Object, Detail, Median, Answered string
	Chart                                                 *chart
}

// bound keeps the bad rows, worst first, and of the others as many as there is room for.
func (t *htmlTable) bound() {
	sorted := slices.Clone(t.Rows)
	slices.SortStableFunc(sorted, func(a, b htmlRow) int { return worseFirst(a.Status, b.Status) })
	bad := slices.IndexFunc(sorted, func(r htmlRow) bool { return !troubled(r.Status) })
	if bad < 0 {
		bad = len(sorted)
	}
	keep := min(len(sorted), max(mostHTMLRows, min(bad, mostHTMLBad)))
	t.More, t.Rows = len(sorted)-keep, sorted[:keep]
}

// endpointTable has a row for each address behind what was asked about.
func endpointTable(r *report.Report) *htmlTable {
	t := &htmlTable{}
	for _, res := range r.Results {
		if res.Status == check.Skipped || res.Target == "" || res.Area != "service" && res.Area != "target" || len(res.Attempts) == 0 {
			continue
		}
		row := htmlRow{Status: res.Status, Title: res.Title, Target: res.Target, Object: res.Object, Detail: report.Brief(res), Chart: newChart([]report.Result{res})}
		row.Answered = fmt.Sprintf("%d of %d", len(res.Attempts)-res.Lost(), len(res.Attempts))
		t.Rows = append(t.Rows, row)
	}
	if len(t.Rows) == 0 {
		return nil
	}
	t.Caption = fmt.Sprintf("%s, the worst first", report.Count(len(t.Rows), "address check"))
	t.bound()
	return t
}

// checkTable has a row for each row of the report that ran.
func checkTable(r *report.Report) *htmlTable {
	of := map[[3]string][]report.Result{}
	for _, res := range r.Results {
		key := [3]string{res.Area, res.Title, res.Subject}
		of[key] = append(of[key], res)
	}
	t := &htmlTable{}
	for _, row := range r.Rows {
		if row.Counts.Skipped == row.Counts.Total {
			continue
		}
		t.Rows = append(t.Rows, htmlRow{
			Status: row.Status, Area: row.Area, Title: row.Title, Target: row.Target, Detail: row.Detail,
			Median: report.FormatTime(row.Time.D()), Chart: newChart(of[[3]string{row.Area, row.Title, row.Subject}]),
		})
	}
	if len(t.Rows) == 0 {
		return nil
	}
	if len(t.Rows) > mostHTMLRows {
		t.bound()
	}
	return t
}

// The scale of all charts is one, so that rows can be compared: logarithmic, from 0.1 ms
// to 10 s, over chartWidth pixels with an edge on both sides.
const (
	chartWidth = 240.0
	chartEdge  = 6.0
	leastTime  = 100 * time.Microsecond
	decades    = 5 // 0.1 ms ... 10 s
)

func chartX(d time.Duration) float64 {
	at := math.Log10(float64(max(d, leastTime))/float64(leastTime)) / decades
	return math.Round(chartEdge + min(at, 1)*(chartWidth-2*chartEdge))
}

type axisMark struct {
	X            float64
	Text, Anchor string
}

func axisMarks() []axisMark {
	marks := make([]axisMark, 0, decades+1)
	for i, text := range []string{"0.1 ms", "1", "10", "100 ms", "1 s", "10 s"} {
		d := time.Duration(float64(leastTime) * math.Pow(10, float64(i)))
		anchor := "middle"
		switch i {
		case 0:
			anchor = "start"
		case decades:
			anchor = "end"
		}
		marks = append(marks, axisMark{X: chartX(d), Text: text, Anchor: anchor})
	}
	return marks
}

// chart shows each attempt at its round-trip time: a bar for an answer, a cross where the
// attempt was given up. Attempts that fall on one pixel are one.
type chart struct {
	Ticks []float64
	Lost  []string
	Says  string
}

// newChart is nil where nothing was timed.
func newChart(results []report.Result) *chart {
	var times []time.Duration
	lost := 0
	c := &chart{}
	crosses := map[float64]bool{}
	for _, res := range results {
		for _, a := range res.Attempts {
			x := chartX(a.RTT.D())
			switch {
			case a.Failure != "":
				lost++
				crosses[x] = true
			case a.RTT > 0:
				times = append(times, a.RTT.D())
				if !slices.Contains(c.Ticks, x) {
					c.Ticks = append(c.Ticks, x)
				}
			}
		}
	}
	if len(times)+lost == 0 {
		return nil
	}
	slices.Sort(c.Ticks)
	slices.Sort(times)
	for x := 0.0; x <= chartWidth; x++ {
		if crosses[x] {
			c.Lost = append(c.Lost, fmt.Sprintf("M%g 5L%g 13M%g 13L%g 5", x-4, x+4, x-4, x+4))
		}
	}
	var says []string
	if n := len(times); n > 0 {
		says = append(says, fmt.Sprintf("%d answered, fastest %s, median %s, slowest %s", n,
			report.FormatTime(times[0]), report.FormatTime(times[n/2]), report.FormatTime(times[n-1])))
	}
	if lost > 0 {
		says = append(says, fmt.Sprintf("%d failed", lost))
	}
	c.Says = strings.Join(says, "; ")
	return c
}

// htmlRaw is the document itself, as far as it has room.
type htmlRaw struct{ Title, Text string }

// newHTMLRaw is the report as JSON; of a large one what kernels said is left out, then
// results that are well.
func newHTMLRaw(r *report.Report) htmlRaw {
	r = legible(r)
	text, err := json.MarshalIndent(r.Results, "", " ")
	what := fmt.Sprintf("all %s as JSON", report.Count(len(r.Results), "result"))
	if err == nil && len(text) > mostRaw {
		list := slices.Clone(r.Results)
		for i := range list {
			list[i].Kernel = nil
		}
		what += ", without what the kernels said (-o json has it)"
		text, err = json.MarshalIndent(list, "", " ")
		if n := len(list) * mostRaw / max(1, len(text)); err == nil && len(text) > mostRaw {
			slices.SortStableFunc(list, func(a, b report.Result) int { return worseFirst(a.Status, b.Status) })
			text, err = json.MarshalIndent(list[:n], "", " ")
			what = fmt.Sprintf("%d of %s as JSON, the worst first (-o json has all)", n, report.Count(len(list), "result"))
		}
	}
	if err != nil {
		return htmlRaw{Title: "could not be written: " + err.Error()}
	}
	return htmlRaw{Title: what, Text: string(escapeJSON(text, func(r rune) bool { return r != '\n' && unsafe(r, false) }))}
}
