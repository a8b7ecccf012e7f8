package report

import (
	"fmt"

	"github.com/netlook/kubectl-netlook/pkg/check"
)

// TargetSummary is what came of one --to argument, where there are several.
type TargetSummary struct {
	Target string       `json:"target"`
	Status check.Status `json:"status"`
	Detail string       `json:"detail"`
}

// newTargets is pure: a line for each argument, nil for one alone.
func newTargets(in Input, results []check.Result) []TargetSummary {
	if len(in.Asked) < 2 {
		return nil
	}
	list := make([]TargetSummary, 0, len(in.Asked))
	for _, arg := range in.Asked {
		list = append(list, summarise(arg, results))
	}
	return list
}

// summarise sums the results about an argument up: worst first, as a row is.
func summarise(arg string, results []check.Result) TargetSummary {
	t := TargetSummary{Target: arg, Status: check.Skipped, Detail: "not tried"}
	var worst *check.Result
	passed, tried := 0, 0
	for i, r := range results {
		if r.Asked != arg {
			continue
		}
		if r.Status == check.Skipped {
			if worst == nil && tried == 0 && r.Skip != nil {
				t.Detail = "not tried: " + r.Skip.Reason
			}
			continue
		}
		tried++
		if r.Status == check.Pass {
			passed++
		}
		if worst == nil || Worse(r.Status, worst.Status) {
			worst = &results[i]
		}
	}
	if worst == nil {
		return t
	}
	t.Status = worst.Status
	if worst.Status == check.Pass {
		t.Detail = CountChecks(passed) + " passed"
		return t
	}
	t.Detail = fmt.Sprintf("%d of %d passed; %s %s: %s", passed, tried, worst.Title, worst.Target, Brief(*worst))
	return t
}
