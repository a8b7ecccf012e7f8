package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// Policy is what NetworkPolicies say of the flows of a run, beside what was measured.
type Policy struct {
	// Policies is how many there are in the namespaces at both ends.
	Policies int          `json:"policies"`
	Flows    []PolicyFlow `json:"flows"`
	// NotEvaluated are parts of policies, and policies of other APIs.
	NotEvaluated []string `json:"notEvaluated,omitempty"`
}

// Measured is what came of a flow.
type Measured string

// What can come of a flow.
const (
	MeasuredAnswer  Measured = "answered"
	MeasuredSilence Measured = "no answer"
	MeasuredNothing Measured = "not tried"
)

// PolicyFlow is one flow: what is predicted, what was measured, and what follows.
type PolicyFlow struct {
	To        string              `json:"to"`
	Object    string              `json:"object,omitempty"`
	Predicted facts.PolicyVerdict `json:"predicted"`
	Measured  Measured            `json:"measured"`
	// Conclusion holds the two together.
	Conclusion string `json:"conclusion"`
	// Rules are the policies and rules that decide, a line each.
	Rules []string `json:"rules,omitempty"`
}

// newPolicy is pure. It is nil where no policy selects an end of any flow, unless it was
// asked for.
func newPolicy(in Input) *Policy {
	p := &Policy{Policies: in.Policies.Count}
	isolated := false
	seen := map[string]bool{}
	for _, f := range in.Policies.Flows {
		to := f.To.String()
		if f.Protocol != facts.TCP {
			to += "/" + strings.ToLower(string(f.Protocol))
		}
		if seen[to] {
			continue
		}
		seen[to] = true
		flow := PolicyFlow{To: to, Object: f.Object, Predicted: f.Decision.Verdict(), Rules: f.Decision.Lines()}
		flow.Measured = measured(in, f)
		flow.Conclusion = conclude(flow)
		isolated = isolated || f.Decision.Ingress.Isolated || f.Decision.Egress.Isolated
		p.Flows = append(p.Flows, flow)
	}
	for _, note := range in.Policies.Notes {
		p.NotEvaluated = append(p.NotEvaluated, note.String())
	}
	for _, foreign := range in.Policies.Foreign {
		p.NotEvaluated = append(p.NotEvaluated, foreign+" are served by this cluster's API")
	}
	if !in.AskedPolicy && !isolated {
		return nil
	}
	slices.SortStableFunc(p.Flows, func(a, b PolicyFlow) int { return weight(b) - weight(a) })
	return p
}

// weight puts what is denied or surprising first.
func weight(f PolicyFlow) int {
	switch {
	case f.Predicted == facts.PolicyDenied:
		return 3
	case f.Measured == MeasuredSilence:
		return 2
	case f.Predicted == facts.PolicyUnsure:
		return 1
	}
	return 0
}

// measured is what the checks from the vantage point found at a flow's end.
func measured(in Input, f facts.PolicyFlow) Measured {
	m := MeasuredNothing
	for _, r := range in.Results {
		at, protocol, ok := diagnose.TargetPort(r)
		if r.Vantage != in.Vantage.String() || !ok || at.Addr().Unmap() != f.To.Addr() || at.Port() != f.To.Port() || protocol != f.Protocol {
			continue
		}
		switch {
		case r.Status == check.Pass, len(r.Attempts) > 0 && r.Lost() < len(r.Attempts), r.Failure == check.Refused:
			return MeasuredAnswer
		case r.Status == check.Fail || r.Status == check.Warn:
			m = MeasuredSilence
		}
	}
	return m
}

func conclude(f PolicyFlow) string {
	switch {
	case f.Predicted == facts.PolicyUnsure:
		return "cannot be told from the policies alone"
	case f.Measured == MeasuredNothing:
		return "by the policies alone: nothing was sent"
	case f.Predicted == facts.PolicyDenied && f.Measured == MeasuredAnswer:
		return "nothing enforces this policy here"
	case f.Predicted == facts.PolicyDenied:
		return "consistent: this policy"
	case f.Measured == MeasuredSilence:
		return "not the policy: look at the dataplane"
	}
	return "consistent"
}

// Text is a policy section's first line.
func (p *Policy) Text() string {
	return fmt.Sprintf("what NetworkPolicies say (%d of them), and what was measured", p.Policies)
}
