package checks

import (
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestAside(t *testing.T) {
	cilium := facts.PluginNamed("Cilium")
	pass, warn := check.Result{Status: check.Pass}, check.Result{Status: check.Warn}
	for _, tc := range []struct {
		name  string
		r     check.Result
		found bool
		past  *facts.Plugin
		want  check.Status
	}{
		{"nothing found, and the kernel's tables count", pass, false, nil, check.Pass},
		{"nothing found, where nothing is to be found", pass, false, cilium, check.Skipped},
		{"found all the same", pass, true, cilium, check.Pass},
		{"a finding stays", warn, false, cilium, check.Warn},
	} {
		got := aside(tc.r, tc.found, tc.past, "no flow is in it")
		if got.Status != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got.Status, tc.want)
		}
		if got.Status == check.Skipped && !strings.Contains(got.Summary, "Cilium leads pods' packets past this table") {
			t.Errorf("%s: %q does not say why", tc.name, got.Summary)
		}
	}
	if tracked(check.Result{Kernel: &facts.Kernel{Flows: []facts.Flow{{}}}}) || !tracked(check.Result{Kernel: &facts.Kernel{Flows: []facts.Flow{{}, {Found: true}}}}) {
		t.Error("tracked counts flows that were found")
	}
}
