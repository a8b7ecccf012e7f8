package printer

import (
	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// outside writes each way in with what came of it from inside and from this machine, so
// that "works inside, not outside" is one table.
func (p *page) outside(r *report.Report) error {
	if len(r.Outside) == 0 {
		return nil
	}
	p.printf("\n")
	p.prose("  ", p.paint(bold, "ways in, from the cluster and from this machine"))
	rows := make([][]cell, 0, len(r.Outside))
	for _, row := range r.Outside {
		_, in := p.mark(row.Inside)
		_, out := p.mark(row.Outside)
		rows = append(rows, []cell{{text: row.Target}, {text: dash(row.Object)}, {reached(row.Inside), in}, {reached(row.Outside), out}, {text: row.Says}})
	}
	return p.grid([]string{"TARGET", "AT", "INSIDE", "OUTSIDE", "OUTSIDE SAYS"}, rows)
}

func reached(s check.Status) string {
	if s == check.Unknown {
		return "not tried"
	}
	return word(s)
}
