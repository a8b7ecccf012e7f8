package printer_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/report"
	"github.com/netlook/kubectl-netlook/pkg/report/printer"
)

func policed(asked bool, measured ...report.Measured) *report.Report {
	r := *reports()["healthy"]
	r.Policy = &report.Policy{Policies: 1, Asked: asked, Unenforced: "network flannel enforces no NetworkPolicy"}
	for i, m := range measured {
		r.Policy.Flows = append(r.Policy.Flows, report.PolicyFlow{To: fmt.Sprintf("10.0.0.%d:80", i), Predicted: facts.PolicyDenied, Measured: m,
			Conclusion: "so", Rules: []string{"the policy that all share", fmt.Sprintf("rule %d", i)}})
	}
	return &r
}

// TestPolicyThatNothingEnforces takes one line where nobody has asked about policies.
func TestPolicyThatNothingEnforces(t *testing.T) {
	const line = "2 flows denied, and answered all the same: network flannel enforces no NetworkPolicy (-o wide has the rules)"
	idle := policed(false, report.MeasuredAnswer, report.MeasuredAnswer)
	for _, format := range []string{"table", "plain"} {
		out := strings.Join(strings.Fields(show(t, format, idle, printer.Options{})), " ")
		if !strings.Contains(out, line) || strings.Contains(out, "10.0.0.1:80") || strings.Contains(out, "the policy that") {
			t.Errorf("%s:\n%s", format, out)
		}
	}
	out := show(t, "table", policed(false, report.MeasuredAnswer, report.MeasuredSilence), printer.Options{})
	if !strings.Contains(out, "10.0.0.1:80") || strings.Contains(out, "10.0.0.0:80") {
		t.Errorf("what is not answered is told:\n%s", out)
	}
	for format, r := range map[string]*report.Report{"wide": idle, "table": policed(true, report.MeasuredAnswer, report.MeasuredAnswer)} {
		out := show(t, format, r, printer.Options{})
		for _, want := range []string{"network flannel enforces no NetworkPolicy", "- the policy that all share", "- 10.0.0.0:80: rule 0", "- 10.0.0.1:80: rule 1"} {
			if !strings.Contains(out, want) {
				t.Errorf("%s lacks %q:\n%s", format, want, out)
			}
		}
	}
}
