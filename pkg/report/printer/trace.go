package printer

import (
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// trace writes what a resolver sent for each name that was asked about, in order.
func (p *page) trace(r *report.Report) {
	for _, res := range r.Results {
		if res.Check != "dns.trace" || tracesWalk(r, res) {
			continue // the walk has its queries
		}
		sign, color := p.mark(res.Status)
		p.printf("\n")
		p.lead("  "+p.paint(color, sign)+" "+p.paint(bold, res.Target)+"   ", 7+len(res.Target), res.Summary)
		if r.Walk != nil && !p.full && !troubled(res.Status) {
			continue // not what was asked about
		}
		for _, e := range res.Evidence {
			key := strings.TrimPrefix(e.Key, "query ")
			p.item(key, e.Value)
		}
	}
}
