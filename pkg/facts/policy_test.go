package facts

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPolicyDecisionVerdict(t *testing.T) {
	verdicts := []PolicyVerdict{PolicyAllowed, PolicyDenied, PolicyUnsure, ""}
	for _, in := range verdicts {
		for _, out := range verdicts {
			want := PolicyUnsure
			switch {
			case in == PolicyDenied || out == PolicyDenied:
				want = PolicyDenied
			case in == PolicyAllowed && out == PolicyAllowed:
				want = PolicyAllowed
			}
			d := PolicyDecision{Ingress: PolicySide{Verdict: in}, Egress: PolicySide{Verdict: out}}
			if got := d.Verdict(); got != want {
				t.Errorf("ingress %q and egress %q make %q, want %q", in, out, got, want)
			}
		}
	}
}

func TestPolicyLines(t *testing.T) {
	web := Ref{"shop", "allow-web"}
	note := PolicyNote{What: "networkpolicy/shop/odd ingress[0].from[0]", Why: "the peer is empty"}
	d := PolicyDecision{
		Egress: PolicySide{Direction: PolicyEgress, Verdict: PolicyAllowed, Isolated: true, Silent: []Ref{{"ops", "deny-all"}},
			Allowing: []PolicyRule{{Policy: Ref{"ops", "dns"}, Direction: PolicyEgress, Rule: 2, Peer: 1, Port: "port 53/UDP"}}},
		Ingress: PolicySide{Direction: PolicyIngress, Verdict: PolicyUnsure, Isolated: true, Silent: []Ref{{"shop", "deny-all"}},
			Near:  []PolicyMiss{{PolicyRule: PolicyRule{Policy: web, Direction: PolicyIngress, Peer: -1}, PeerFits: true, Why: "takes the peer, but not port 80: only port http (8080)"}},
			Notes: []PolicyNote{note}},
	}
	want := []string{
		"networkpolicy/ops/dns egress[2].to[1] port 53/UDP",
		"networkpolicy/shop/deny-all ingress: selects the pod, no rule allows",
		"networkpolicy/shop/allow-web ingress[0]: takes the peer, but not port 80: only port http (8080)",
		"not evaluated: networkpolicy/shop/odd ingress[0].from[0]: the peer is empty",
	}
	if diff := cmp.Diff(want, d.Lines()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	d.Egress.Notes = []PolicyNote{note}
	if diff := cmp.Diff([]PolicyNote{note}, d.Notes()); diff != "" {
		t.Errorf("notes (-want +got)\n%s", diff)
	}
}
