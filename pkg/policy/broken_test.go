package policy

import (
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

func sorted(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// TestBroken: what cannot be evaluated is unsure where it decides, and is named.
func TestBroken(t *testing.T) {
	const open = "\nshop/open: {podSelector: {}, ingress: [{}]}"
	from := func(peer string) string { return "shop/p: {podSelector: {}, ingress: [{from: [" + peer + "]}]}" }
	ports := func(port string) string { return "shop/p: {podSelector: {}, ingress: [{ports: [" + port + "]}]}" }
	tests := []struct {
		name     string
		policies string
		note     string // one of the set's; of the decision's too
	}{
		{"CIDR", from(`{ipBlock: {cidr: 10.0.0.0/33}}`), `networkpolicy/shop/p ingress[0].from[0]: ipBlock.cidr "10.0.0.0/33" is no CIDR`},
		{"no CIDR", from(`{ipBlock: {cidr: ""}}`), `networkpolicy/shop/p ingress[0].from[0]: ipBlock.cidr "" is no CIDR`},
		{"an address is no CIDR", from(`{ipBlock: {cidr: 10.0.0.1}}`), `networkpolicy/shop/p ingress[0].from[0]: ipBlock.cidr "10.0.0.1" is no CIDR`},
		{"except", from(`{ipBlock: {cidr: 0.0.0.0/0, except: [x]}}`), `networkpolicy/shop/p ingress[0].from[0]: ipBlock.except[0] "x" is no CIDR`},
		{"IPv4 in IPv6", from(`{ipBlock: {cidr: "::ffff:10.0.0.0/104"}}`), `networkpolicy/shop/p ingress[0].from[0]: ipBlock.cidr "::ffff:10.0.0.0/104" is IPv4 written as IPv6: plugins differ in what it means`},
		{"empty peer", from(`{}`), `networkpolicy/shop/p ingress[0].from[0]: the peer is empty: neither a selector nor an ipBlock`},
		{"ipBlock and selector", from(`{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}`), `networkpolicy/shop/p ingress[0].from[0]: ipBlock stands with a selector, which the API forbids`},
		{"operator", from(`{podSelector: {matchExpressions: [{key: a, operator: Like, values: [b]}]}}`), `networkpolicy/shop/p ingress[0].from[0]: the podSelector cannot be read: "Like" is not a valid label selector operator`},
		{"values", from(`{podSelector: {matchExpressions: [{key: a, operator: In}]}}`), `networkpolicy/shop/p ingress[0].from[0]: the podSelector cannot be read: values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty`},
		{"podSelector", `shop/p: {podSelector: {matchExpressions: [{key: a, operator: Like}]}}`, `networkpolicy/shop/p: the podSelector cannot be read: "Like" is not a valid label selector operator`},
		{"policy type", `shop/p: {podSelector: {}, policyTypes: [ingress]}`, `networkpolicy/shop/p: policyType "ingress" is neither Ingress nor Egress`},
		{"protocol", ports(`{protocol: tcp, port: 8080}`), `networkpolicy/shop/p ingress[0].ports[0]: protocol "tcp" is none of TCP, UDP and SCTP`},
		{"port 0", ports(`{port: 0}`), `networkpolicy/shop/p ingress[0].ports[0]: ports 0 to 0 are no range within 1 to 65535`},
		{"port too high", ports(`{port: 65536}`), `networkpolicy/shop/p ingress[0].ports[0]: ports 65536 to 65536 are no range within 1 to 65535`},
		{"range backwards", ports(`{port: 81, endPort: 80}`), `networkpolicy/shop/p ingress[0].ports[0]: ports 81 to 80 are no range within 1 to 65535`},
		{"range of a name", ports(`{port: http, endPort: 80}`), `networkpolicy/shop/p ingress[0].ports[0]: endPort stands with a named port, "http"`},
		{"range from nothing", ports(`{endPort: 80}`), `networkpolicy/shop/p ingress[0].ports[0]: endPort stands without port`},
		{"a number as a name", ports(`{port: "8080"}`), `networkpolicy/shop/p ingress[0].ports[0]: port "8080" is no name of a port: must contain at least one letter (a-z)`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := New(policies(t, tt.policies))
			got := set.Evaluate(flow(client(), web()))
			if got.Ingress.Verdict != unsure {
				t.Errorf("ingress is %s\n%s", got.Ingress.Verdict, strings.Join(got.Lines(), "\n"))
			}
			for what, notes := range map[string][]facts.PolicyNote{"set": set.Notes(), "decision": got.Notes()} {
				if !slices.ContainsFunc(notes, func(n facts.PolicyNote) bool {
					// Kubernetes' own words change from version to version.
					return strings.HasPrefix(strings.ReplaceAll(n.String(), "null", "[]"), tt.note)
				}) {
					t.Errorf("the %s does not say %q, but %v", what, tt.note, notes)
				}
			}
			// What allows for sure does so beside anything broken.
			check(t, New(policies(t, tt.policies+open)).Evaluate(flow(client(), web())), allowed, got.Egress.Verdict)
		})
	}
}

// TestUnsure: what plugins do differently, and what was not read.
func TestUnsure(t *testing.T) {
	unread := func(p Peer) Peer { p.NamespaceLabels = nil; return p }
	tests := []struct {
		name            string
		policies        string
		flow            Flow
		ingress, egress facts.PolicyVerdict
		note            string // part of one
	}{
		{"no policy could select a pod in the host network", `shop/p: {podSelector: {matchLabels: {app: x}}}`, flow(client(), hostNetwork(web())), allowed, allowed, ""},
		{"a policy selects a pod in the host network", `shop/p: {podSelector: {}}`, flow(address("192.0.2.1"), hostNetwork(web())), unsure, allowed, "networkpolicy/shop/p: it selects pod/shop/web, which is in the host network"},
		{"but it allows what comes", `shop/p: {podSelector: {}, ingress: [{}]}`, flow(address("192.0.2.1"), hostNetwork(web())), allowed, allowed, "in the host network"},
		{"and only one of two does", "shop/p: {podSelector: {}, ingress: [{}]}\nshop/q: {podSelector: {}}", flow(address("192.0.2.1"), hostNetwork(web())), unsure, allowed, "in the host network"},
		{"a selector takes a peer in the host network", `shop/p: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}]}]}`, flow(hostNetwork(client()), web()), unsure, allowed, "from[0]: pod/shop/client is in the host network"},
		{"a selector does not take a peer in the host network", `shop/p: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: x}}}]}]}`, flow(hostNetwork(client()), web()), denied, allowed, ""},
		{"a block holds a node", `shop/p: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 172.30.0.0/24}}]}]}`, flow(hostNetwork(client()), web()), unsure, allowed, "an address of a node"},
		{"a block holds a pod", `shop/p: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16}}]}]}`, flow(client(), web()), allowed, allowed, "ipBlock holds 10.244.2.3, a pod's address"},
		{"a block holds a pod, and a selector takes it too", `shop/p: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16}}, {podSelector: {}}]}]}`, flow(client(), web()), allowed, allowed, ""},
		{"a peer in the host network of the pod's own node", `shop/p: {podSelector: {matchLabels: {app: web}}}`, flow(hostNetwork(pod("shop/agent", "w1")), web()), allowed, allowed, ""},
		{"the pod's own node as a destination", `shop/p: {podSelector: {}, policyTypes: [Egress]}`, flow(web(), Peer{Node: "w1"}), allowed, unsure, "the pod's own node"},
		{"labels of a namespace that were not read", `shop/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}`, flow(unread(probe()), web()), unsure, allowed, "the labels of namespace ops were not read"},
		{"its name is known", `shop/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ops}}}]}]}`, flow(unread(probe()), web()), allowed, allowed, ""},
		{"its name is another", `shop/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: x, team: blue}}}]}]}`, flow(unread(probe()), web()), denied, allowed, ""},
		{"all namespaces", `shop/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`, flow(unread(probe()), web()), allowed, allowed, ""},
		{"the pod does not fit, whatever its namespace", `shop/p: {podSelector: {}, ingress: [{from: [{podSelector: {matchLabels: {app: x}}, namespaceSelector: {matchLabels: {team: blue}}}]}]}`, flow(unread(probe()), web()), denied, allowed, ""},
		{"a pod without an address", `shop/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.244.0.0/16}}]}]}`, flow(pod("ops/pending", ""), web()), unsure, allowed, "no address that is known"},
		{"the port is not known", `shop/p: {podSelector: {}, ingress: [{ports: [{port: 80}]}]}`, flow(client(), web(), port(0, facts.TCP)), unsure, allowed, "the flow's port is not known"},
		{"the port does not matter", `shop/p: {podSelector: {}, ingress: [{ports: [{protocol: TCP}]}]}`, flow(client(), web(), port(0, facts.TCP)), allowed, allowed, ""},
		{"an end that nothing is known of", `shop/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}`, flow(Peer{}, web()), unsure, allowed, "no address that is known"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := New(policies(t, tt.policies)).Evaluate(tt.flow)
			check(t, got, tt.ingress, tt.egress)
			var notes []string
			for _, n := range got.Notes() {
				notes = append(notes, n.String())
			}
			all := strings.Join(notes, "\n")
			if tt.note == "" && all != "" || !strings.Contains(all, tt.note) {
				t.Errorf("notes are %q, want %q", all, tt.note)
			}
		})
	}
}

func TestZeroSet(t *testing.T) {
	for name, set := range map[string]*Set{"zero": {}, "of nothing": New(nil), "of an empty policy": New(make([]networkingv1.NetworkPolicy, 1))} {
		t.Run(name, func(t *testing.T) {
			check(t, set.Evaluate(flow(client(), web())), allowed, allowed)
			check(t, set.Evaluate(Flow{}), allowed, allowed)
			if notes := set.Notes(); len(notes) > 0 {
				t.Errorf("notes: %v", notes)
			}
		})
	}
}
