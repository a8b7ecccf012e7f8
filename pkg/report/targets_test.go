package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

func TestTargets(t *testing.T) {
	result := func(asked, target string, status check.Status, failure check.Failure) check.Result {
		return check.Result{Status: status, Failure: failure, Summary: string(failure), Label: check.Label{Title: "web vip", Target: target, Asked: asked}}
	}
	skipped := check.Skipf("", "the probe does not speak SCTP")
	skipped.Asked = "svc/c"
	results := []check.Result{
		result("svc/a", "10.96.0.1:80", check.Pass, ""), result("svc/a", "10.1.0.1:80", check.Pass, ""),
		result("svc/b", "10.96.0.2:80", check.Pass, ""), result("svc/b", "10.1.0.2:80", check.Fail, check.Refused), skipped, result("", "10.96.0.10", check.Fail, ""),
	}
	want := []TargetSummary{
		{"svc/a", check.Pass, "2 checks passed"},
		{"svc/b", check.Fail, "1 of 2 passed; web vip 10.1.0.2:80: refused"},
		{"svc/c", check.Skipped, "not tried: the probe does not speak SCTP"},
		{"svc/d", check.Skipped, "not tried"},
	}
	if diff := cmp.Diff(want, newTargets(Input{Asked: []string{"svc/a", "svc/b", "svc/c", "svc/d"}}, results)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if one := newTargets(Input{Asked: []string{"svc/a"}}, results); one != nil {
		t.Errorf("one alone: %+v", one)
	}
}
