package printer

import (
	"fmt"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// walk writes a service's steps in the order in which a packet takes them, a line each.
func (p *page) walk(r *report.Report) {
	w := r.Walk
	if w == nil {
		return
	}
	kind := w.Type
	if kind != "" {
		kind = " (" + kind + ")"
	}
	p.printf("\n  %s\n", p.paint(bold, "the way through service "+w.Service+kind))
	width := 0
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
		p.stepLines(s.Lines, 6+width)
		if s.Name == w.Ends && s.Status == check.Fail {
			text := "the way ends here"
			if w.Partly {
				text = "a part ends here"
			}
			p.lead(strings.Repeat(" ", 6+width), 6+width, p.sign("└ ", "^ ")+text)
		}
	}
}

// stepLines writes the parts of a step below it, a column for what they are called.
func (p *page) stepLines(lines []report.Line, indent int) {
	width := 0
	for _, l := range lines {
		width = max(width, twwidth.Width(l.Key))
	}
	for _, l := range lines {
		sign, color := " ", plainText
		if l.Status != check.Unknown {
			sign, color = p.mark(l.Status)
		}
		key := l.Key + strings.Repeat(" ", width-twwidth.Width(l.Key))
		p.lead(strings.Repeat(" ", indent)+p.paint(color, sign)+" "+key+"  ", indent+4+width, l.Text)
	}
}

// lead is prose behind a lead that holds colours, so that its width is given.
func (p *page) lead(lead string, width int, text string) {
	whole := p.Width
	if whole == 0 {
		whole = proseWidth
	}
	for i, line := range wrap(text, max(whole-width, 20)) {
		if i > 0 {
			lead = strings.Repeat(" ", width)
		}
		p.printf("%s\n", strings.TrimRight(lead+line, " "))
	}
}
