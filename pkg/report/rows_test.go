package report

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// TestQueriesAreCalledSo: what DNS servers are asked for are queries, not targets.
func TestQueriesAreCalledSo(t *testing.T) {
	for area, want := range map[string]string{"dns": "2 queries", "path": "2 targets"} {
		results := []check.Result{
			{Label: check.Label{Area: area, Target: "10.0.0.1 udp A web", Object: "service/a/b"}},
			{Label: check.Label{Area: area, Target: "10.0.0.2 udp A web", Object: "pod/a/b"}},
		}
		if got := foldTargets(results); got != want {
			t.Errorf("%s: %q", area, got)
		}
	}
}
