package report

import (
	"cmp"
	"fmt"
	"net/netip"
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
	// Asked says that the command was about policies.
	Asked bool `json:"asked,omitempty"`
	// Unenforced says why policies have no effect here, "" where they may have one.
	Unenforced string `json:"unenforced,omitempty"`
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
	// Deniers are the policies that deny the flow, as namespace/name.
	Deniers []string `json:"deniers,omitempty"`
}

// newPolicy is pure. It is nil where no policy selects an end of any flow, unless it was
// asked for.
func newPolicy(in Input) *Policy {
	p := &Policy{Policies: in.Policies.Count, Asked: in.AskedPolicy}
	if in.Policies.Unenforced {
		p.Unenforced = "network " + cmp.Or(in.Network.Plugin, "plugin") + " enforces no NetworkPolicy, and nothing that would stands beside it"
	}
	isolated := false
	seen := map[string]bool{}
	tried := measurements(in)
	for _, f := range in.Policies.Flows {
		to := f.To.String()
		if f.Protocol != facts.TCP {
			to += "/" + strings.ToLower(string(f.Protocol))
		}
		unasked := f.Subject == "service/"+in.DNSService || f.Subject == facts.APIService
		if seen[to] || unasked && f.Decision.Verdict() != facts.PolicyDenied {
			continue // nobody asked about the way to DNS and the API, unless it is closed
		}
		seen[to] = true
		flow := PolicyFlow{To: to, Object: f.Object, Predicted: f.Decision.Verdict(), Rules: f.Decision.Lines()}
		flow.Measured = cmp.Or(tried[portKey{f.To, f.Protocol}], MeasuredNothing)
		for _, side := range []facts.PolicySide{f.Decision.Egress, f.Decision.Ingress} {
			for _, ref := range side.Silent {
				if side.Verdict == facts.PolicyDenied {
					flow.Deniers = append(flow.Deniers, ref.String())
				}
			}
		}
		flow.Conclusion = conclude(flow, in.Policies.Unenforced, len(in.Policies.Foreign)+len(in.Policies.ForeignUnread) > 0)
		isolated = isolated || f.Decision.Ingress.Isolated || f.Decision.Egress.Isolated
		p.Flows = append(p.Flows, flow)
	}
	for _, note := range in.Policies.Notes {
		p.NotEvaluated = append(p.NotEvaluated, note.String())
	}
	for _, foreign := range in.Policies.Foreign {
		p.NotEvaluated = append(p.NotEvaluated, foreign.String())
	}
	p.NotEvaluated = append(p.NotEvaluated, in.Policies.ForeignUnread...)
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

// portKey is a port over a protocol.
type portKey struct {
	at       netip.AddrPort
	protocol facts.Protocol
}

// measurements is what the checks from the vantage point found, by port: once for all
// flows, since both may be thousands.
func measurements(in Input) map[portKey]Measured {
	found := map[portKey]Measured{}
	for _, r := range in.Results {
		at, protocol, ok := diagnose.TargetPort(r)
		if !ok || r.Vantage != in.Vantage.String() {
			continue
		}
		key := portKey{netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), protocol}
		switch {
		case r.Status == check.Pass, len(r.Attempts) > 0 && r.Lost() < len(r.Attempts), r.Failure == check.Refused:
			found[key] = MeasuredAnswer
		case (r.Status == check.Fail || r.Status == check.Warn) && found[key] == "":
			found[key] = MeasuredSilence
		}
	}
	return found
}

// conclude holds what was measured against what the policies say. foreign says that there
// are policies of other APIs, or that nobody knows: they may deny more, and allow more too
// (those of the admin API come first, Cilium's allow beside NetworkPolicies).
func conclude(f PolicyFlow, unenforced, foreign bool) string {
	switch {
	case f.Predicted == facts.PolicyUnsure:
		return "cannot be told from the policies alone"
	case f.Measured == MeasuredNothing:
		return "by the policies alone: nothing was sent"
	case f.Predicted == facts.PolicyDenied && f.Measured == MeasuredAnswer && foreign:
		return "not enforced here, or allowed by others, which are not evaluated"
	case f.Predicted == facts.PolicyDenied && f.Measured == MeasuredAnswer:
		return "nothing enforces this policy here"
	case f.Predicted == facts.PolicyDenied && unenforced:
		return "consistent, though nothing here is known to enforce policies"
	case f.Predicted == facts.PolicyDenied:
		return "consistent: this policy"
	case f.Measured == MeasuredSilence && foreign:
		return "not these policies: others are not evaluated"
	case f.Measured == MeasuredSilence:
		return "not the policy: look at the dataplane"
	}
	return "consistent"
}

// Idle is how many flows policies deny that were answered all the same, where it is known
// why.
func (p *Policy) Idle() int {
	n := 0
	for _, f := range p.Flows {
		if p.Unenforced != "" && f.idle() {
			n++
		}
	}
	return n
}

func (f PolicyFlow) idle() bool {
	return f.Predicted == facts.PolicyDenied && f.Measured == MeasuredAnswer
}

// Telling are the flows that are worth a reader's time who has not asked about policies:
// not those that go as if there were none, nor, of a walk, those that nothing is wrong with.
func (p *Policy) Telling(walked bool) []PolicyFlow {
	return slices.DeleteFunc(slices.Clone(p.Flows), func(f PolicyFlow) bool {
		plain := f.Predicted == facts.PolicyAllowed && f.Measured == MeasuredAnswer
		return !p.Asked && p.Unenforced != "" && (f.idle() || plain) || walked && plain
	})
}

// Text is the first line of a policy section.
func (p *Policy) Text(rung Rung) string {
	text := fmt.Sprintf("what NetworkPolicies say (%d of them)", p.Policies)
	if rung == RungProbe {
		text += ", and what was measured"
	}
	return text
}

// answer makes the headline of a run that asked for policies: what is denied is a
// problem, all the more where nothing enforces it.
func (p *Policy) answer(s Summary, rung Rung) Summary {
	denied, passed := 0, 0
	var rules []string
	for _, f := range p.Flows {
		if f.Predicted != facts.PolicyDenied {
			continue
		}
		denied++
		if f.Measured == MeasuredAnswer {
			passed++
		}
		for _, ref := range f.Deniers {
			if !slices.Contains(rules, ref) {
				rules = append(rules, ref)
			}
		}
	}
	switch {
	case denied == 0 && rung == RungAPI:
		s.Headline = "no NetworkPolicy denies it; no packet was sent"
		return s
	case denied == 0:
		s.Headline = "no NetworkPolicy denies it, and it is answered: " + s.Headline
		return s
	}
	who := strings.Join(rules[:min(len(rules), 3)], ", ")
	s.Status, s.ExitCode = Problems, ExitProblems
	s.Headline = fmt.Sprintf("%d of %d flows are denied by %s", denied, len(p.Flows), who)
	if passed > 0 {
		s.Headline += fmt.Sprintf("; %d of them are answered all the same: nothing enforces it here", passed)
	} else if rung == RungAPI {
		s.Headline += "; no packet was sent"
	}
	return s
}
