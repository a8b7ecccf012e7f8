package printer

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

func init() {
	register(Printer{Name: "table", Summary: "what failed and why, then one line a check (default)", ForPeople: true, Print: printTable})
}

// printTable is the default: the outcome, then what is wrong in full, then every
// check in a line. A healthy report is short: nobody reads forty lines of ok.
func printTable(w io.Writer, r *report.Report, o Options) error {
	return printPage(&page{Options: o}, w, r)
}

func printPage(p *page, w io.Writer, r *report.Report) error {
	r = escaped(r, p.ASCII)
	p.title(r)
	p.notices(r, report.Fallback, report.Cut, report.Note)
	if r.Network != nil && r.Network.Aside != "" {
		p.prose(p.paint(dim, p.sign("·", "-"))+" ", r.Network.Plugin+": "+r.Network.Aside)
	}
	p.headline(r)
	p.changes(r)
	told := p.lines.Len()
	if err := p.story(r); err != nil {
		return err
	}
	p.blocks(r)
	if r.Summary.Status == report.Healthy {
		if p.lines.Len() > told {
			p.printf("\n")
		}
		p.notRun(r)
		p.areas(r)
	} else {
		if err := p.rows(r); err != nil {
			return err
		}
		p.skippedLine(r)
	}
	p.notices(r, report.Unread)
	return p.flush(w)
}

// story is what a report says before its checks: the targets, the verdict, and what the
// command that was given is about.
func (p *page) story(r *report.Report) error {
	p.targets(r)
	p.verdict(r)
	p.walk(r)
	p.trace(r)
	p.upstreams(r)
	if err := p.outside(r); err != nil {
		return err
	}
	return p.policy(r)
}

// title is the line that says where this ran: a copy of it alone identifies a report.
func (p *page) title(r *report.Report) {
	if p.spoken {
		p.spokenTitle(r)
		return
	}
	v := r.Vantage
	first := r.Metadata.Target
	if r.Walk != nil {
		first += " from " + vantageName(v)
	}
	if v.Kind == "pod" && v.Node != "" {
		first += " on node " + v.Node
	}
	if len(v.IPs) > 0 {
		var ips []string
		for _, ip := range v.IPs {
			ips = append(ips, ip.String())
		}
		first += " (" + strings.Join(ips, ", ") + ")"
	}
	rung := "API only"
	if v.Rung == report.RungProbe {
		rung = "profile " + v.Profile
	}
	c := r.Summary.Counts
	if r.Network != nil {
		rung += ", network " + r.Network.Plugin
	}
	rest := fmt.Sprintf("%s, %s, %s", rung, report.CountChecks(c.Total), report.FormatTime(r.Metadata.Duration.D()))
	if one := first + "   " + rest; len(one) <= p.textWidth() {
		p.printf("%s\n", one)
		return
	}
	p.prose("", first)
	p.prose("  ", rest)
}

// vantageName is "pod/shop/web-0" or "node/w1".
func vantageName(v report.Vantage) string { return v.String() }

func (p *page) notices(r *report.Report, kinds ...report.NoticeKind) {
	for _, kind := range kinds {
		for _, n := range r.Notices {
			if n.Kind != kind {
				continue
			}
			p.prose(p.paint(yellow, p.noted())+" ", n.Message)
			if n.Unlock != "" {
				p.command(map[bool]string{true: "to unlock:", false: "try:"}[kind == report.Fallback], n.Unlock)
			}
		}
	}
}

// command writes something to type. It is not wrapped: it is there to be copied.
func (p *page) command(label, command string) {
	if line := "  " + label + " " + command; len(line) <= p.textWidth() {
		p.printf("%s\n", line)
		return
	}
	p.printf("  %s\n    %s\n", label, command)
}

func (p *page) headline(r *report.Report) {
	status := map[report.Status]check.Status{
		report.Healthy: check.Pass, report.Problems: check.Fail, report.Incomplete: check.Error,
	}[r.Summary.Status]
	sign, color := p.mark(status)
	p.printf("\n")
	if p.spoken {
		p.prose(sign+" ", r.Summary.Headline)
		return
	}
	for i, line := range wrap(r.Summary.Headline, p.textWidth()-2) {
		if i == 0 {
			p.printf("%s %s\n", p.paint(color, sign), p.paint(bold, line))
		} else {
			p.printf("  %s\n", p.paint(bold, line))
		}
	}
}

// rows is the table: one line for each row that ran. Behind a walk, which has told what is
// well, it is those that are not.
func (p *page) rows(r *report.Report) error {
	header := []string{"AREA", "CHECK", "TARGET", "RESULT", "TIME", "DETAIL"}
	var rows, whole [][]cell
	area, passed := "", 0
	for _, row := range r.Rows {
		if row.Counts.Skipped == row.Counts.Total {
			continue
		}
		if r.Walk != nil && row.Status == check.Pass {
			passed += row.Counts.Total
			continue
		}
		_, color := p.mark(row.Status)
		result := word(row.Status)
		if row.Status == check.Skipped {
			// Some of it passed; the rest is in the line below the table.
			result = "part"
		}
		shown := row.Area
		if row.Area == area {
			shown = ""
		}
		area = row.Area
		cells := []cell{
			{text: row.Area}, {text: row.Title}, {text: row.Target},
			{result, color}, {text: report.FormatTime(row.Time.D())}, {text: row.Detail},
		}
		whole = append(whole, cells)
		cells = slices.Clone(cells)
		cells[0].text = shown
		rows = append(rows, cells)
	}
	if len(rows) > 0 {
		p.printf("\n")
		fitted := slices.Clone(header)
		p.fit(fitted, rows)
		if p.spoken || p.tooWide(fitted, rows) {
			p.records(header, whole)
		} else if err := p.grid(fitted, rows); err != nil {
			return err
		}
	}
	if passed > 0 {
		p.prose("  ", "passed: "+report.CountChecks(passed)+" (-o wide has them)")
	}
	return nil
}

// skippedLine lists what did not run behind the table.
func (p *page) skippedLine(r *report.Report) {
	if len(r.Skipped) == 0 {
		return
	}
	var parts []string
	for _, g := range r.Skipped {
		parts = append(parts, skipText(g))
	}
	p.prose(fmt.Sprintf("  skipped %d: ", r.Summary.Counts.Skipped), strings.Join(parts, ", "))
}

// notRun lists the same below a healthy headline, one reason a line.
func (p *page) notRun(r *report.Report) {
	for _, g := range r.Skipped {
		p.prose("  not run: ", skipText(g))
	}
}

func skipText(g report.SkipGroup) string {
	why := g.Reason
	if g.Unlock != "" {
		why += ": " + g.Unlock
	}
	return strings.Join(g.Titles, ", ") + " (" + why + ")"
}

// areas sums a healthy report up in a line: "gateway ok · dns ok (6, 1.1 ms)".
func (p *page) areas(r *report.Report) {
	var parts []string
	for _, a := range sumAreas(r.Rows) {
		text := a.name + " ok"
		if a.warn > 0 {
			text = a.name + " warn"
		}
		switch {
		case a.passed > 1 && a.slowest > 0:
			text += fmt.Sprintf(" (%s, %s)", report.CountChecks(a.passed), report.FormatTime(a.slowest.D()))
		case a.passed > 1:
			text += fmt.Sprintf(" (%s)", report.CountChecks(a.passed))
		case a.slowest > 0:
			text += " (" + report.FormatTime(a.slowest.D()) + ")"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return
	}
	if p.spoken {
		for _, part := range parts {
			p.prose("  ", part)
		}
		return
	}
	for i := range parts[:len(parts)-1] {
		parts[i] += p.sign(" ·", " |")
	}
	if slices.ContainsFunc(parts, func(part string) bool { return twwidth.Width(part) > p.textWidth()-2 }) {
		parts = strings.Fields(strings.Join(parts, " "))
	}
	for _, line := range wrapWords(parts, p.textWidth()-2) {
		p.printf("  %s\n", line)
	}
}

type areaSum struct {
	name         string
	passed, warn int
	slowest      check.Duration
}

// sumAreas counts what passed by area; the time is the slowest row's median.
func sumAreas(rows []report.Row) []areaSum {
	var sums []areaSum
	for _, row := range rows {
		if row.Counts.Pass+row.Counts.Warn == 0 {
			continue
		}
		if len(sums) == 0 || sums[len(sums)-1].name != row.Area {
			sums = append(sums, areaSum{name: row.Area})
		}
		s := &sums[len(sums)-1]
		s.passed += row.Counts.Pass
		s.warn += row.Counts.Warn
		s.slowest = max(s.slowest, row.Time)
	}
	return sums
}
