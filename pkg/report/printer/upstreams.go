package printer

import (
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/report"
)

// upstreams writes whom the cluster's DNS servers forward to, a line for each server and
// transport, where the run looked at that.
func (p *page) upstreams(r *report.Report) {
	var asked []report.Result
	width := 0
	// With --deep the servers of a node's file were asked from that node.
	byNode := slices.ContainsFunc(r.Results, func(res report.Result) bool {
		return res.Check == "dns.upstream" && strings.HasPrefix(res.Vantage, "node/") && strings.HasPrefix(res.Target, "resolv.conf")
	})
	for _, res := range r.Results {
		if byNode && res.Skip != nil && strings.HasPrefix(res.Target, "/") {
			continue
		}
		if res.Check == "dns.upstream" && len(asked) < mostRows {
			asked = append(asked, res)
			width = max(width, twwidth.Width(res.Target))
		}
	}
	if len(asked) == 0 {
		return
	}
	p.printf("\n  %s\n", p.paint(bold, "whom CoreDNS forwards to"))
	for _, res := range asked {
		sign, color := p.mark(res.Status)
		target := res.Target + strings.Repeat(" ", width-twwidth.Width(res.Target))
		text := report.Brief(res)
		if res.Skip != nil {
			text = "not tried: "
			if len(res.Attempts) > 0 {
				text = "no word: " // it was, and its silence says nothing
			}
			text += res.Skip.Reason
		}
		if strings.HasPrefix(res.Vantage, "node/") {
			text += ", from " + res.Vantage
		}
		p.lead("  "+p.paint(color, sign)+" "+target+"  ", 6+width, text)
	}
}

// mostRows is how many such lines are written.
const mostRows = 40
