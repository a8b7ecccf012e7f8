package report

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func TestPolicy(t *testing.T) {
	flow := func(to string, protocol facts.Protocol, v facts.PolicyVerdict, isolated bool) facts.PolicyFlow {
		f := facts.PolicyFlow{To: netip.MustParseAddrPort(to), Protocol: protocol, Object: "pod/shop/web"}
		f.Decision.Egress.Verdict = facts.PolicyAllowed
		f.Decision.Ingress = facts.PolicySide{Direction: facts.PolicyIngress, Verdict: v, Isolated: isolated}
		return f
	}
	result := func(target string, status check.Status, failure check.Failure) check.Result {
		return check.Result{Vantage: "pod/shop/client", Check: "target.tcp", Status: status, Failure: failure, Label: check.Label{Target: target}, Attempts: []check.Attempt{{Failure: failure}}}
	}
	in := Input{
		Vantage: facts.Vantage{Kind: facts.VantagePod, Pod: &facts.Pod{Namespace: "shop", Name: "client"}},
		Policies: facts.Policies{Read: true, Count: 2, Flows: []facts.PolicyFlow{
			flow("10.1.0.2:80", facts.TCP, facts.PolicyDenied, true), flow("10.1.0.3:80", facts.TCP, facts.PolicyDenied, true),
			flow("10.1.0.4:80", facts.TCP, facts.PolicyAllowed, false), flow("10.1.0.5:80", facts.TCP, facts.PolicyAllowed, true),
			flow("10.1.0.6:80", facts.TCP, facts.PolicyUnsure, true), flow("10.1.0.7:53", facts.UDP, facts.PolicyDenied, true),
			flow("10.1.0.2:80", facts.TCP, facts.PolicyDenied, true), flow("10.1.0.8:80", facts.TCP, facts.PolicyDenied, true),
		}},
		Results: []check.Result{
			result("10.1.0.2:80", check.Fail, check.Timeout), result("10.1.0.3:80", check.Pass, ""),
			result("10.1.0.4:80", check.Fail, check.Timeout), result("10.1.0.5:80", check.Pass, ""), result("10.1.0.8:80", check.Fail, check.Refused),
		},
	}
	got := map[string]string{}
	for _, f := range newPolicy(in).Flows {
		got[f.To] = string(f.Measured) + ": " + f.Conclusion
	}
	want := map[string]string{
		"10.1.0.2:80":     "no answer: consistent: this policy",
		"10.1.0.3:80":     "answered: nothing enforces this policy here",
		"10.1.0.4:80":     "no answer: not the policy: look at the dataplane",
		"10.1.0.5:80":     "answered: consistent",
		"10.1.0.6:80":     "not tried: cannot be told from the policies alone",
		"10.1.0.7:53/udp": "not tried: by the policies alone: nothing was sent",
		"10.1.0.8:80":     "answered: nothing enforces this policy here",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// With policies of other APIs, or where nobody knows of them, less is said.
	want["10.1.0.3:80"] = "answered: not enforced here, or allowed by others, which are not evaluated"
	want["10.1.0.8:80"] = want["10.1.0.3:80"]
	want["10.1.0.4:80"] = "no answer: not these policies: others are not evaluated"
	for _, policies := range []facts.Policies{
		{Foreign: []facts.ForeignPolicy{{Kind: "CiliumNetworkPolicy", Name: "shop/l7"}}},
		{ForeignUnread: []string{"CiliumNetworkPolicy: may not be read"}},
	} {
		in.Policies.Foreign, in.Policies.ForeignUnread = policies.Foreign, policies.ForeignUnread
		got := map[string]string{}
		for _, f := range newPolicy(in).Flows {
			got[f.To] = string(f.Measured) + ": " + f.Conclusion
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", policies, diff)
		}
	}
	if first := newPolicy(in).Flows[0]; first.Predicted != facts.PolicyDenied {
		t.Errorf("first comes %+v", first)
	}
	in.Policies.Flows = in.Policies.Flows[2:3]
	if p := newPolicy(in); p != nil {
		t.Errorf("policies that select nobody: %+v", p)
	}
	in.AskedPolicy = true
	if p := newPolicy(in); p == nil || len(p.NotEvaluated) != 1 {
		t.Errorf("asked for: %+v", p)
	}
}
