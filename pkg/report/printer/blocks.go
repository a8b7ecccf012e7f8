package printer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// mostTargets is how many targets of one failure are listed; the rest is counted.
const mostTargets = 4

func (p *page) textWidth() int {
	if p.Width == 0 {
		return proseWidth
	}
	return max(p.Width, 20)
}

// mostBlocks is how many rows are expanded; a table of all of them follows anyway.
const mostBlocks = 12

// blocks expands every row that is not ok: failures first, then what could not be
// done, then warnings.
func (p *page) blocks(r *report.Report) {
	var rows []report.Row
	var silent []string
	for _, row := range r.Rows {
		switch row.Status {
		case check.Pass, check.Skipped:
		case check.Unknown:
			silent = append(silent, lead(row))
		default:
			if p.toldByVerdict(r, row) || p.toldByWalk(r, row) {
				continue
			}
			rows = append(rows, row)
		}
	}
	slices.SortStableFunc(rows, func(a, b report.Row) int { return worseFirst(a.Status, b.Status) })
	told := map[string]bool{}
	for _, row := range rows[:min(len(rows), mostBlocks)] {
		p.block(row, p.results(r, row), told)
	}
	if more := len(rows) - mostBlocks; more > 0 {
		p.printf("\n")
		p.prose("  ", fmt.Sprintf("and %d more rows that are not ok, in the table below", more))
	}
	if len(silent) > 0 {
		p.printf("\n")
		p.prose(p.paint(yellow, p.noted())+" ", "no result from: "+strings.Join(slices.Compact(silent), ", "))
	}
}

// lead names a row: its area and its title, which may say the area itself.
func lead(row report.Row) string {
	if strings.HasPrefix(row.Title, row.Area+" ") || row.Title == row.Area {
		return row.Title
	}
	return strings.TrimSpace(row.Area + " " + row.Title)
}

func worseFirst(a, b check.Status) int {
	switch {
	case report.Worse(a, b):
		return -1
	case report.Worse(b, a):
		return 1
	}
	return 0
}

// block writes one row in full. told remembers which meanings the reader has had.
func (p *page) block(row report.Row, results []report.Result, told map[string]bool) {
	sign, color := p.mark(row.Status)
	p.printf("\n")
	p.heading(p.paint(color, sign), p.paint(bold, lead(row)), p.paint(color, share(row)))
	p.item("about", row.Subject)
	for _, group := range groupResults(results) {
		p.group(group)
		if m := meaning(group[0]); !told[m] {
			told[m] = true
			p.item("means", m)
		}
	}
	p.item("others", others(results))
}

// heading writes a title between its mark and how bad it is.
func (p *page) heading(sign, title, share string) {
	line := sign + " " + title + "   " + share
	if p.spoken || p.Width > 0 && twwidth.Width(line) > p.Width {
		if !p.spoken || share != "fail" && share+":" != sign {
			title += ": " + share
		}
		p.prose(sign+" ", title)
		return
	}
	p.printf("%s\n", line)
}

// share says how much of a row is bad: "fail", or "1 of 4 fail".
func share(row report.Row) string {
	c := row.Counts
	n := map[check.Status]int{
		check.Fail: c.Fail, check.Error: c.Error, check.Warn: c.Warn, check.Unknown: c.Unknown,
	}[row.Status]
	switch {
	case c.Total == 1:
		return word(row.Status)
	case row.Status == check.Unknown:
		return fmt.Sprintf("%d of %d gave no result", n, c.Total)
	case row.Status == check.Fail && n == 1:
		return fmt.Sprintf("1 of %d fails", c.Total)
	}
	return fmt.Sprintf("%d of %d %s", n, c.Total, word(row.Status))
}

// groupResults puts together the bad results of a row that tell the same story,
// worst first.
func groupResults(results []report.Result) [][]report.Result {
	type story struct {
		status  check.Status
		failure check.Failure
		meaning string
	}
	var groups [][]report.Result
	at := map[story]int{}
	for _, res := range results {
		if res.Status == check.Pass || res.Status == check.Skipped {
			continue
		}
		s := story{res.Status, res.Failure, meaning(res)}
		i, known := at[s]
		if !known {
			i = len(groups)
			at[s] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], res)
	}
	slices.SortStableFunc(groups, func(a, b []report.Result) int { return worseFirst(a[0].Status, b[0].Status) })
	return groups
}

func meaning(res report.Result) string {
	if res.Meaning != "" {
		return res.Meaning
	}
	return res.Failure.Meaning()
}

// group tells one story: which targets, and what was seen at them.
func (p *page) group(results []report.Result) {
	key := "where"
	for _, res := range results[:min(len(results), mostTargets)] {
		text := res.Target
		if res.Object != "" && res.Object != res.Target {
			text = strings.TrimPrefix(text+" = "+res.Object, " = ")
		}
		if len(results) > 1 {
			text += ": " + report.Brief(res)
		}
		if text != "" {
			p.item(key, text)
			key = ""
		}
	}
	if more := len(results) - mostTargets; more > 0 {
		p.item("", fmt.Sprintf("and %d more (all of them: -o wide)", more))
	}
	first := results[0]
	key = "evidence"
	if len(results) == 1 {
		p.item("seen", first.Summary)
	} else if len(first.Evidence) > 0 {
		p.item(key, "at "+first.Target+":")
		key = ""
	}
	for _, e := range first.Evidence {
		if e.Value == "" {
			continue
		}
		p.item(key, e.Key+": "+e.Value)
		key = ""
	}
}

// others says what became of the rest of a row, for contrast.
func others(results []report.Result) string {
	ok := slices.DeleteFunc(slices.Clone(results), func(r report.Result) bool { return r.Status != check.Pass })
	if len(ok) == 0 {
		return ""
	}
	tries, lost := 0, 0
	var times []check.Duration
	for _, res := range ok {
		tries += max(1, len(res.Attempts))
		lost += res.Lost()
		times = append(times, report.MedianTime(res))
	}
	text := fmt.Sprintf("%d ok", len(ok))
	if tries > len(ok) {
		text += fmt.Sprintf(", %d of %d attempts answered", tries-lost, tries)
	}
	slices.Sort(times)
	if t := times[len(times)/2]; t > 0 {
		text += ", " + report.FormatTime(t.D())
	}
	return text
}

// toldByWalk reports whether a row is the lookup of the service that is walked: its
// queries stand there.
func (p *page) toldByWalk(r *report.Report, row report.Row) bool {
	of := p.results(r, row)
	return len(of) > 0 && tracesWalk(r, of[0])
}
