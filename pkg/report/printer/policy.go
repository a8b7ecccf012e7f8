package printer

import (
	"fmt"
	"slices"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
)

// mostPolicyFlows is how many flows are shown; -o wide has all results, -o json all flows.
const mostPolicyFlows = 20

// policy writes prediction and measurement side by side, a line a flow, and the rules
// below it.
func (p *page) policy(r *report.Report) error {
	pol := r.Policy
	if pol == nil {
		return nil
	}
	p.printf("\n")
	p.prose("  ", p.paint(bold, pol.Text(r.Vantage.Rung)))
	flows := pol.Flows
	if !p.full {
		flows = pol.Telling(r.Walk != nil)
	}
	folded := !p.full && !pol.Asked && pol.Unenforced != ""
	switch n := pol.Idle(); {
	case n > 0 && folded:
		p.prose("  ", fmt.Sprintf("%s denied, and answered all the same: %s (-o wide has the rules)", report.Count(n, "flow"), pol.Unenforced))
	case pol.Unenforced != "" && len(pol.Flows) > 0:
		p.prose("  ", pol.Unenforced)
	}
	if folded && len(flows) == 0 {
		p.notEvaluated(pol)
		return nil
	}
	if len(flows) == 0 && len(pol.Flows) > 0 {
		p.prose("  ", report.Count(len(pol.Flows), "flow")+" allowed, and answered (-o wide has the rules)")
		p.notEvaluated(pol)
		return nil
	}
	shown := flows[:min(len(flows), mostPolicyFlows)]
	rows := p.policyRows(shown)
	if len(rows) > 0 {
		header := []string{"TO", "POD", "POLICY", "MEASURED", "CONCLUSION"}
		if len(rows[0]) < len(header) {
			header = slices.Delete(header, 1, 2)
		}
		if err := p.grid(header, rows); err != nil {
			return err
		}
	}
	all := pol.Flows
	if folded {
		all = flows
	}
	if more := len(all) - len(rows); more > 0 {
		p.prose("  ", fmt.Sprintf("and %d more (-o json has them all)", more))
	}
	bullet := "  - "
	if p.spoken {
		bullet = "  because: "
	}
	for _, line := range ruleLines(all) {
		p.prose(bullet, line)
	}
	if pol.Policies == 0 {
		p.prose(bullet, "there is no NetworkPolicy in the namespaces at both ends: everything is allowed")
	}
	p.notEvaluated(pol)
	return nil
}

// ruleLines are the rules that decide, each once, with the flow that it is about unless
// that is every flow. Of what is allowed and answered one flow's rules will do.
func ruleLines(flows []report.PolicyFlow) []string {
	type use struct {
		first string
		count int
	}
	uses := map[string]*use{}
	var order []string
	for _, f := range flows {
		plain := f.Predicted == facts.PolicyAllowed && f.Measured != report.MeasuredSilence && len(order) > 0
		for _, line := range f.Rules {
			if uses[line] == nil && !plain {
				uses[line] = &use{first: f.To}
				order = append(order, line)
			}
			if uses[line] != nil {
				uses[line].count++
			}
		}
	}
	lines := make([]string, 0, len(order))
	for _, line := range order {
		switch u := uses[line]; {
		case u.count >= len(flows):
			lines = append(lines, line)
		case u.count == 1:
			lines = append(lines, u.first+": "+line)
		default:
			lines = append(lines, fmt.Sprintf("%s and %d more: %s", u.first, u.count-1, line))
		}
	}
	return lines
}

func (p *page) notEvaluated(pol *report.Policy) {
	for _, line := range pol.NotEvaluated {
		p.prose("  not evaluated: ", line)
	}
}

// policyRows leaves the pods out where they do not fit: the address says the same.
func (p *page) policyRows(flows []report.PolicyFlow) [][]cell {
	var rows [][]cell
	var widest [5]int
	for _, f := range flows {
		row := []cell{{text: f.To}, {text: f.Object}, {string(f.Predicted), p.verdictStyle(f)}, {text: string(f.Measured)}, {text: f.Conclusion}}
		for i, c := range row {
			widest[i] = max(widest[i], twwidth.Width(c.text))
		}
		rows = append(rows, row)
	}
	total := 2 + 2*(len(widest)-1)
	for _, w := range widest {
		total += w
	}
	if p.Width > 0 && total > p.Width {
		for i := range rows {
			rows[i] = slices.Delete(rows[i], 1, 2)
		}
	}
	return rows
}

func (p *page) verdictStyle(f report.PolicyFlow) style {
	status := map[facts.PolicyVerdict]check.Status{facts.PolicyAllowed: check.Pass, facts.PolicyDenied: check.Fail}[f.Predicted]
	_, color := p.mark(status)
	return color
}
