package printer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// mostTold is how many lines in trouble a step has, unless all are wanted.
const mostTold = 8

// walk writes a service's steps in the order in which a packet takes them, a line each.
// Below a step stand the parts that are in trouble and, where the step is, what leads
// there; -o wide has every part.
func (p *page) walk(r *report.Report) {
	w := r.Walk
	if w == nil {
		return
	}
	kind := w.Type
	if kind != "" {
		kind = " (" + kind + ")"
	}
	p.printf("\n")
	p.prose("  ", p.paint(bold, "the way through service "+w.Service+kind))
	width, folded := 0, 0
	for _, s := range w.Steps {
		width = max(width, twwidth.Width(s.Name))
	}
	for _, s := range w.Steps {
		sign, color := p.mark(s.Status)
		text := strings.TrimSpace(s.Target + "   " + s.Detail)
		if s.Why != "" {
			text = strings.TrimSpace(s.Target + "   not tried: " + s.Why)
		}
		lead := fmt.Sprintf("  %s %-*s  ", p.paint(color, sign), width, s.Name)
		p.lead(lead, 6+width, text)
		told := s.Lines
		if !p.full {
			told = worthTelling(r, s)
			folded += len(s.Lines) - len(told)
		}
		p.stepLines(told, 6+width)
		if s.Name == w.Ends && s.Status == check.Fail {
			text := "the way ends here"
			if w.Partly {
				text = "a part ends here"
			}
			p.lead(strings.Repeat(" ", 6+width), 6+width, p.sign("└ ", "")+text)
		}
	}
	if folded > 0 {
		p.prose("  ", "-o wide has "+report.Count(folded, "line")+" more for these steps")
	}
}

// worthTelling are the lines of a step that a reader needs who looks for trouble: those
// that are in trouble themselves, and those that tell how the way came there.
func worthTelling(r *report.Report, s report.Step) []report.Line {
	ways := troubled(s.Status) || s.Name == "name" && slices.ContainsFunc(r.Results, func(res report.Result) bool {
		return tracesWalk(r, res) && troubled(res.Status)
	})
	var told []report.Line
	bad := 0
	for _, l := range s.Lines {
		if troubled(l.Status) {
			bad++
		}
		switch {
		case troubled(l.Status) && bad <= mostTold,
			l.Status == check.Unknown && ways,
			l.Key == "sends to" && r.Walk.Ends != "": // whom this node's clients never meet
			told = append(told, l)
		}
	}
	return told
}

// troubled is what is neither well nor left out. Unknown lines only tell.
func troubled(s check.Status) bool {
	return s != check.Pass && s != check.Skipped && s != check.Unknown
}

// tracesWalk reports whether a result is the traced lookup of the service that is walked.
func tracesWalk(r *report.Report, res report.Result) bool {
	return r.Walk != nil && res.Check == "dns.trace" && res.Subject == "service/"+r.Walk.Service
}

// stepLines writes the parts of a step below it, a column for what they are called.
func (p *page) stepLines(lines []report.Line, indent int) {
	width := 0
	for _, l := range lines {
		width = max(width, twwidth.Width(l.Key))
	}
	for _, l := range lines {
		sign, color := p.sign(" ", ""), plainText
		if l.Status != check.Unknown {
			sign, color = p.mark(l.Status)
		}
		key := l.Key + strings.Repeat(" ", width-twwidth.Width(l.Key))
		p.lead(strings.Repeat(" ", indent)+p.paint(color, sign)+" "+key+"  ", indent+4+width, l.Text)
	}
}

// lead is prose behind a lead that is padded to a width.
func (p *page) lead(lead string, width int, text string) {
	if missing := width - twwidth.Width(lead); missing > 0 && !p.spoken {
		lead += strings.Repeat(" ", missing)
	}
	p.prose(lead, text)
}
