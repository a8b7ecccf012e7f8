package policy

import (
	"net/netip"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/yaml"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// FuzzEvaluate reads any text as the spec of a policy, as YAML, beside one that is in
// order. Nothing in it makes the evaluator panic, contradict itself, or say something
// in more than a line.
func FuzzEvaluate(f *testing.F) {
	for _, seed := range []string{
		`{podSelector: {}}`,
		`{podSelector: {}, egress: [{}], ingress: [{from: [{}]}]}`,
		`{podSelector: {matchExpressions: [{key: a, operator: Like, values: ["\n"]}]}, policyTypes: [both]}`,
		`{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "10.0.0.0/8", except: ["x\e[31m"]}}], ports: [{port: "a\nb"}]}]}`,
		`{podSelector: {}, ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: client}}}], ports: [{port: 8000, endPort: 9000, protocol: SCTP}]}]}`,
		`{podSelector: {}, ingress: [{ports: [{port: http}, {port: -1}, {port: 80, endPort: 70000}, {}]}]}`,
	} {
		f.Add(seed, "10.244.2.3", uint16(8080), "TCP")
	}
	f.Fuzz(func(t *testing.T, text, addr string, port uint16, protocol string) {
		var spec networkingv1.NetworkPolicySpec
		if yaml.Unmarshal([]byte(text), &spec) != nil {
			return
		}
		list := policies(t, `shop/open: {podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 8080}]}]}`)
		odd := networkingv1.NetworkPolicy{Spec: spec}
		odd.Namespace, odd.Name = "shop", "odd"
		set := New(append(list, odd))
		for _, n := range set.Notes() {
			oneLine(t, n.String())
		}
		ends := []Peer{{}, web(), client(), probe(), hostNetwork(client()), {Node: "w1"}}
		if end, err := netip.ParseAddr(addr); err == nil {
			ends = append(ends, Peer{Addr: end})
		}
		for _, from := range ends {
			for _, to := range ends {
				d := set.Evaluate(Flow{Source: from, Destination: to, Port: port, Protocol: facts.Protocol(protocol)})
				for _, line := range d.Lines() {
					oneLine(t, line)
				}
				if to.Pod != nil && !to.Pod.HostNetwork && to.Pod.Labels["app"] == "web" {
					if !d.Ingress.Isolated {
						t.Errorf("a policy selects web, and it is not isolated")
					}
					if port == 8080 && protocol == "TCP" && d.Ingress.Verdict != facts.PolicyAllowed {
						t.Errorf("a policy allows 8080 to web, and another makes it %s", d.Ingress.Verdict)
					}
				}
				for _, s := range []facts.PolicySide{d.Ingress, d.Egress} {
					if s.Verdict == "" || s.Verdict == facts.PolicyUnsure && len(s.Notes) == 0 {
						t.Errorf("%s is %q and nothing says why", s.Direction, s.Verdict)
					}
				}
			}
		}
	})
}

func oneLine(t *testing.T, text string) {
	t.Helper()
	if strings.ContainsAny(text, "\n\r\x1b") {
		t.Errorf("not one plain line: %q", text)
	}
}
