package report

import (
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// VantageMachine is the vantage point of what was sent from the machine that the plugin
// runs on.
const VantageMachine = "machine"

// OutsideRow is one way in, tried from inside the cluster and from this machine.
type OutsideRow struct {
	Target string `json:"target"`
	Object string `json:"object,omitempty"`
	// Inside and Outside are the statuses, Says what came of the try from outside.
	Inside  check.Status `json:"inside"`
	Outside check.Status `json:"outside"`
	Says    string       `json:"says"`
}

// newOutside is pure: the ways in that were tried from this machine, beside what the
// vantage point found of the same. Worse outside than inside comes first.
func newOutside(in Input, results []check.Result) []OutsideRow {
	inside := map[string]check.Status{}
	for _, r := range results {
		if r.Vantage == in.Vantage.String() {
			inside[r.TaskID] = r.Status
		}
	}
	var rows []OutsideRow
	for _, r := range results {
		if r.Vantage == VantageMachine {
			rows = append(rows, OutsideRow{Target: r.Target, Object: r.Object, Inside: inside[r.TaskID], Outside: r.Status, Says: saysOutside(r)})
		}
	}
	slices.SortStableFunc(rows, func(a, b OutsideRow) int { return int(rank(b.Outside)) - int(rank(a.Outside)) })
	return rows
}

// saysOutside is a result in a few words, but for answers that are no good: those have
// words of their own.
func saysOutside(r check.Result) string {
	if r.Failure == check.TLS || r.Failure == check.HTTP {
		return r.Summary
	}
	return Brief(r)
}
