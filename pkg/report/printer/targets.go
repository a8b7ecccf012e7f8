package printer

import (
	"fmt"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// targets writes a line for each of several targets.
func (p *page) targets(r *report.Report) {
	if len(r.Targets) == 0 {
		return
	}
	width := 0
	for _, t := range r.Targets {
		width = max(width, twwidth.Width(t.Target))
	}
	p.printf("\n")
	for _, t := range r.Targets {
		sign, color := p.mark(t.Status)
		p.lead(fmt.Sprintf("  %s %-*s  ", p.paint(color, sign), width, t.Target), 6+width, t.Detail)
	}
}
