package causes

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// policy says that policies deny the flow to an address, over a protocol.
func (w *world) policy(to string, protocol facts.Protocol, subject string, engine string) *world {
	f := facts.PolicyFlow{To: netip.MustParseAddrPort(to), Protocol: protocol, Subject: subject, Object: "pod/shop/x"}
	f.Decision.Egress = facts.PolicySide{Direction: facts.PolicyEgress, Verdict: facts.PolicyAllowed}
	f.Decision.Ingress = facts.PolicySide{Direction: facts.PolicyIngress, Verdict: facts.PolicyDenied, Isolated: true, Silent: []facts.Ref{{Namespace: "shop", Name: "deny"}}}
	w.facts.Policies.Flows = append(w.facts.Policies.Flows, f)
	w.facts.Policies.Engine = engine
	return w
}

// outside says that policies let nothing out, and asks for a host there.
func (w *world) outside(verdict facts.PolicyVerdict) *world {
	f := facts.PolicyFlow{To: netip.MustParseAddrPort("192.0.2.1:443"), Protocol: facts.TCP, Subject: "the outside"}
	f.Decision.Ingress.Verdict = facts.PolicyAllowed
	f.Decision.Egress = facts.PolicySide{Verdict: verdict, Isolated: true, Silent: []facts.Ref{{Namespace: "shop", Name: "deny"}}}
	w.facts.Policies.Outside, w.facts.Policies.Engine = &f, "Cilium"
	w.add("external.host", "external", "example.com:443", "", "", 3)
	return w.fail(check.Timeout, -1, "external.host example.com:443")
}

// foreign adds a policy of another API that selects these pods of the namespace.
func (w *world) foreign(known bool, pods ...string) *world {
	p := facts.ForeignPolicy{Kind: "CiliumNetworkPolicy", Name: "shop/locked", Known: known}
	for _, name := range pods {
		p.Selects = append(p.Selects, facts.Ref{Namespace: "shop", Name: name})
	}
	w.facts.Policies.Foreign = append(w.facts.Policies.Foreign, p)
	return w
}

// unreadForeign says that policies of another API may not be read.
func (w *world) unreadForeign() *world {
	w.facts.Policies.ForeignUnread = []string{"CiliumNetworkPolicy: may not be read (list ciliumnetworkpolicies.cilium.io)"}
	return w
}

func policyCases() []deepCase {
	const web, dns = "service/shop/web", "service/kube-system/kube-dns"
	silent := func() *world {
		return newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.2", "target.icmp 10.2.0.2")
	}
	noDNS := func() *world {
		return newWorld().fail(check.Timeout, -1, "dns.cluster 10.2.0.53", "dns.cluster 10.96.0.10", "dns.cluster resolv.conf")
	}
	return []deepCase{
		{name: "a policy denies, and nothing answers", world: silent().policy("10.2.0.2:8080", facts.TCP, web, "Cilium"), cause: "NL-POLICY-DENIES", confidence: diagnose.Certain, where: "networkpolicy/shop/deny"},
		{name: "a policy denies, and it is not known who enforces it", world: silent().policy("10.2.0.2:8080", facts.TCP, web, ""), cause: "NL-POLICY-DENIES", confidence: diagnose.Likely, where: "networkpolicy/shop/deny"},
		{name: "a policy denies what answers", world: newWorld().policy("10.2.0.2:8080", facts.TCP, web, "Cilium")},
		{name: "a policy denies two, and one answers", world: silent().policy("10.2.0.2:8080", facts.TCP, web, "").policy("10.2.0.3:8080", facts.TCP, web, ""), cause: "NL-SVC-ENDPOINT-DOWN", confidence: diagnose.Likely,
			where: "10.2.0.2:8080 = pod/shop/web-1 on node b", not: "NL-POLICY-DENIES", left: 1},
		{name: "nothing may go out, and a host there was asked for", world: newWorld().outside(facts.PolicyDenied), cause: "NL-POLICY-DENIES", confidence: diagnose.Certain, where: "networkpolicy/shop/deny"},
		{name: "the pod's own rules drop what goes to the ClusterIP", world: newWorld().fail(check.Denied, -1, "service.vip"), cause: "NL-POD-FILTER", confidence: diagnose.Certain, where: "pod/shop/client"},
		{name: "a policy of another API selects the silent pod alone", world: newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.2").foreign(true, "web-1").deep(), cause: "NL-POLICY-FOREIGN", confidence: diagnose.Likely, where: "CiliumNetworkPolicy shop/locked"},
		{name: "a policy of another API selects others", world: newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.2").foreign(true, "other"), cause: "NL-SVC-ENDPOINT-DOWN", confidence: diagnose.Likely, where: "10.2.0.2:8080 = pod/shop/web-1 on node b", not: "NL-POLICY-FOREIGN"},
		{name: "nothing is silent, and a policy of another API exists", world: newWorld().foreign(false)},
		{name: "DNS was forgotten", world: noDNS().policy("10.2.0.53:53", facts.UDP, dns, "Cilium").policy("10.2.0.53:53", facts.TCP, dns, "Cilium"), cause: "NL-POLICY-DNS", confidence: diagnose.Certain, where: "networkpolicy/shop/deny"},
	}
}

func TestPolicyVerdicts(t *testing.T) {
	for _, tt := range policyCases() {
		t.Run(tt.name, func(t *testing.T) {
			v := Registry.Diagnose(diagnose.NewCase(&tt.world.facts, tt.world.results))
			var first diagnose.Finding
			if len(v.Causes) > 0 {
				first = v.Causes[0]
			}
			where := ""
			if len(first.Where) > 0 {
				where = first.Where[0]
			}
			if first.Code != tt.cause || first.Confidence != tt.confidence || where != tt.where || len(v.Causes) > 1 {
				t.Errorf("%s, %s at %q; all: %q, unexplained %q", first.Code, first.Confidence, where, codes(v.Causes), v.Unexplained)
			}
			for _, code := range append(codes(v.Causes), codes(v.Candidates)...) {
				if code == tt.not {
					t.Errorf("it is not %s", tt.not)
				}
			}
			if len(v.Unexplained) != tt.left {
				t.Errorf("unexplained: %q", v.Unexplained)
			}
		})
	}
}

// TestUnreadPolicies: what may exist and may not be read is a candidate, and no more.
func TestUnreadPolicies(t *testing.T) {
	w := newWorld().fail(check.Timeout, -1, "service.endpoint", "service.vip", "target.icmp").unreadForeign()
	v := Registry.Diagnose(diagnose.NewCase(&w.facts, w.results))
	if slices.Contains(codes(v.Causes), "NL-POLICY-FOREIGN") || !slices.Contains(codes(v.Candidates), "NL-POLICY-FOREIGN") {
		t.Errorf("causes %q, candidates %q", codes(v.Causes), codes(v.Candidates))
	}
}

// TestTryForeign: what is advised can be typed.
func TestTryForeign(t *testing.T) {
	for policy, want := range map[string]string{
		"CiliumNetworkPolicy shop/locked":                    "kubectl -n shop get ciliumnetworkpolicy locked -o yaml",
		"CiliumNetworkPolicy: more than the first 100":       "kubectl get ciliumnetworkpolicy -A",
		"Calico's NetworkPolicy: more than the first 100":    "kubectl get networkpolicies.crd.projectcalico.org -A",
		"Antrea's NetworkPolicy shop/locked":                 "kubectl -n shop get networkpolicies.crd.antrea.io locked -o yaml",
		"AdminNetworkPolicy all":                             "kubectl get adminnetworkpolicy all -o yaml",
		"GlobalNetworkPolicy: may not be read (list things)": "ask somebody who may list them: GlobalNetworkPolicy: may not be read (list things)",
	} {
		if got := tryForeign(policy); got != want {
			t.Errorf("%s: %q", policy, got)
		}
	}
}
