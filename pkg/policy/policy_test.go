package policy

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

const (
	allowed = facts.PolicyAllowed
	denied  = facts.PolicyDenied
	unsure  = facts.PolicyUnsure
)

func TestEvaluate(t *testing.T) {
	const denyAll = "shop/deny-all: {podSelector: {}}\n"
	tests := []struct {
		name            string
		policies        string
		flow            Flow
		ingress, egress facts.PolicyVerdict
		lines           string // of both directions; not compared when ""
	}{
		{"no policy", ``, flow(client(), web()), allowed, allowed, `
egress: no policy selects pod/shop/client
ingress: no policy selects pod/shop/web`},
		{"deny all is for ingress only when it has no egress rules", denyAll, flow(client(), web()), denied, allowed, `
egress: no policy selects pod/shop/client
networkpolicy/shop/deny-all ingress: selects the pod, no rule allows`},
		{"egress rules make it both", `shop/p: {podSelector: {}, egress: [{}]}`, flow(client(), web()), denied, allowed, `
networkpolicy/shop/p egress[0] any port
networkpolicy/shop/p ingress: selects the pod, no rule allows`},
		{"an empty list of egress rules does not", `shop/p: {podSelector: {}, egress: []}`, flow(client(), web()), denied, allowed, ""},
		{"types given: egress alone", `shop/p: {podSelector: {}, policyTypes: [Egress], ingress: [{}]}`, flow(client(), web()), allowed, denied, `
networkpolicy/shop/p egress: selects the pod, no rule allows
ingress: no policy selects pod/shop/web`},
		{"types given: rules of the other do not count", `shop/p: {podSelector: {}, policyTypes: [Ingress], egress: [{ports: [{port: 1}]}]}`, flow(client(), web()), denied, allowed, ""},
		{"policies of another namespace do not select", `ops/p: {podSelector: {}}`, flow(client(), web()), allowed, allowed, ""},
		{"the selector does not fit", `shop/p: {podSelector: {matchLabels: {app: other}}}`, flow(client(), web()), allowed, allowed, ""},
		{"an empty rule allows all", `shop/p: {podSelector: {}, ingress: [{}]}`, flow(address("192.0.2.1"), web()), allowed, allowed, `
egress: 192.0.2.1 is no pod, and policies hold for pods only
networkpolicy/shop/p ingress[0] any port`},
		{"an empty from takes all, an empty ports too", `shop/p: {podSelector: {}, ingress: [{from: [], ports: []}]}`, flow(probe(), web()), allowed, allowed, ""},
		{"policies are added up", denyAll + `shop/allow-web: {podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: x}}}, {podSelector: {matchLabels: {app: client}}}], ports: [{port: 8080}]}]}`,
			flow(client(), web()), allowed, allowed, `
egress: no policy selects pod/shop/client
networkpolicy/shop/allow-web ingress[0].from[1] port 8080`},
		{"both directions are needed", `shop/out: {podSelector: {matchLabels: {app: client}}, policyTypes: [Egress]}
shop/in: {podSelector: {matchLabels: {app: web}}, ingress: [{}]}`, flow(client(), web()), allowed, denied, ""},
		{"a podSelector alone is of the policy's namespace", `shop/p: {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`, flow(probe(), web()), denied, allowed, `
egress: no policy selects pod/ops/probe
networkpolicy/shop/p ingress: selects the pod, no rule allows
networkpolicy/shop/p ingress[0] any port: takes other peers than pod/ops/probe`},
		{"a namespaceSelector alone takes all its pods", `shop/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}`, flow(probe(), web()), allowed, allowed, ""},
		{"an empty namespaceSelector takes all pods", `shop/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`, flow(probe(), web()), allowed, allowed, ""},
		{"but no addresses", `shop/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`, flow(address("192.0.2.1"), web()), denied, allowed, ""},
		{"both selectors in one peer are and", `shop/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: client}}}]}]}`, flow(client(), web()), denied, allowed, ""},
		{"in two peers they are or", `shop/p: {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}, {podSelector: {matchLabels: {app: client}}}]}]}`, flow(client(), web()), allowed, allowed, ""},
		{"NotIn matches where the label is missing", `shop/p: {podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: no-such, operator: NotIn, values: [x]}]}}]}]}`, flow(client(), web()), allowed, allowed, ""},
		{"DoesNotExist", `shop/p: {podSelector: {}, ingress: [{from: [{podSelector: {matchExpressions: [{key: app, operator: DoesNotExist}]}}]}]}`, flow(client(), web()), denied, allowed, ""},

		{"ipBlock takes an address", `shop/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}`, flow(address("192.0.2.1"), web()), allowed, allowed, ""},
		{"bits behind the prefix do not matter", `shop/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.77/24}}]}]}`, flow(address("192.0.2.1"), web()), allowed, allowed, ""},
		{"except is a hole", `shop/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/30]}}]}]}`, flow(address("192.0.2.1"), web()), denied, allowed, ""},
		{"another peer may take what is in the hole", `shop/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.0.2.0/24, except: [192.0.2.0/30]}}, {ipBlock: {cidr: 192.0.2.1/32}}]}]}`, flow(address("192.0.2.1"), web()), allowed, allowed, ""},
		{"the family of the flow counts", `shop/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "fd00:2::/64"}}]}]}`, flow(client(), web()), denied, allowed, ""},
		{"over IPv6", `shop/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: "fd00:2::/64"}}]}]}`,
			flow(client(), web(), func(f *Flow) { f.Destination.Addr = web().Pod.IPs[1] }), allowed, allowed, ""},
		{"everything, of one family", `shop/p: {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`, flow(address("fd00::1"), web()), denied, allowed, ""},

		{"no protocol is TCP", `shop/p: {podSelector: {}, ingress: [{ports: [{port: 8080}]}]}`, flow(client(), web(), port(8080, facts.UDP)), denied, allowed, `
egress: no policy selects pod/shop/client
networkpolicy/shop/p ingress: selects the pod, no rule allows
networkpolicy/shop/p ingress[0]: takes the peer, but not port 8080/UDP: only port 8080`},
		{"no port is every port of the protocol", `shop/p: {podSelector: {}, ingress: [{ports: [{protocol: SCTP}]}]}`, flow(client(), web(), port(9, facts.SCTP)), allowed, allowed, `
egress: no policy selects pod/shop/client
networkpolicy/shop/p ingress[0] any SCTP port`},
		{"and none of another", `shop/p: {podSelector: {}, ingress: [{ports: [{protocol: SCTP}]}]}`, flow(client(), web()), denied, allowed, ""},
		{"endPort: the last", `shop/p: {podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8080}]}]}`, flow(client(), web()), allowed, allowed, `
egress: no policy selects pod/shop/client
networkpolicy/shop/p ingress[0] ports 8000-8080`},
		{"endPort: one more", `shop/p: {podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8079}]}]}`, flow(client(), web()), denied, allowed, ""},
		{"endPort: one less", `shop/p: {podSelector: {}, ingress: [{ports: [{port: 8081, endPort: 9000}]}]}`, flow(client(), web()), denied, allowed, ""},
		{"a named port", `shop/p: {podSelector: {}, ingress: [{ports: [{port: http}]}]}`, flow(client(), web()), allowed, allowed, `
egress: no policy selects pod/shop/client
networkpolicy/shop/p ingress[0] port http (8080)`},
		{"a named port of another number", `shop/p: {podSelector: {}, ingress: [{ports: [{port: http}]}]}`, flow(client(), web(), port(9000, facts.TCP)), denied, allowed, `
egress: no policy selects pod/shop/client
networkpolicy/shop/p ingress[0]: takes the peer, but not port 9000: only port http (8080)
networkpolicy/shop/p ingress: selects the pod, no rule allows`},
		{"a named port that nobody declares", `shop/p: {podSelector: {}, ingress: [{ports: [{port: web}]}]}`, flow(client(), web()), denied, allowed, `
egress: no policy selects pod/shop/client
networkpolicy/shop/p ingress: selects the pod, no rule allows
networkpolicy/shop/p ingress[0]: takes the peer, but not port 8080: only port web (no container of the pod declares it)`},
		{"a named port without a protocol is TCP", `shop/p: {podSelector: {}, ingress: [{ports: [{port: dns}]}]}`, flow(client(), web(), port(53, facts.UDP)), denied, allowed, ""},
		{"a name that the pod declares for the other protocol", `shop/p: {podSelector: {}, ingress: [{ports: [{port: dns}]}]}`, flow(client(), web(), port(53, facts.TCP)), denied, allowed, ""},
		{"a name and its protocol", `shop/p: {podSelector: {}, ingress: [{ports: [{port: dns, protocol: UDP}]}]}`, flow(client(), web(), port(53, facts.UDP)), allowed, allowed, ""},
		{"a named port in egress is the destination's", `shop/p: {podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}`, flow(client(), web()), allowed, allowed, ""},
		{"a named port in egress to an address", `shop/p: {podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}`, flow(client(), address("192.0.2.1")), allowed, denied, ""},
		{"DNS over UDP does not allow it over TCP", `shop/p: {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}`, flow(client(), probe(), port(53, facts.TCP)), allowed, denied, `
networkpolicy/shop/p egress: selects the pod, no rule allows
networkpolicy/shop/p egress[0]: takes the peer, but not port 53: only port 53/UDP
ingress: no policy selects pod/ops/probe`},

		{"a pod reaches itself", denyAll, flow(web(), web()), allowed, allowed, ""},
		{"the pod's own node is let in", denyAll, flow(Peer{Node: "w1"}, web()), allowed, allowed, `
egress: node/w1 is no pod, and policies hold for pods only
ingress: node/w1 is on the pod's own node, which policies do not keep out`},
		{"another node is not", denyAll, flow(Peer{Node: "w2"}, web()), denied, allowed, ""},
		{"nothing else is said of ICMP than that it is open where nothing isolates", "", flow(client(), web(), port(0, "ICMP")), allowed, allowed, ""},
		{"of ICMP nothing is defined", `shop/p: {podSelector: {}, ingress: [{}]}`, flow(client(), web(), port(0, "ICMP")), unsure, allowed, ""},
		{"of ICMP nothing is defined, even where all is denied", denyAll, flow(client(), web(), port(0, "ICMP")), unsure, allowed, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := New(policies(t, tt.policies)).Evaluate(tt.flow)
			check(t, got, tt.ingress, tt.egress)
			if tt.lines == "" {
				return
			}
			want := strings.Split(strings.TrimSpace(tt.lines), "\n")
			if diff := cmp.Diff(sorted(want), sorted(got.Lines())); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func check(t *testing.T, got facts.PolicyDecision, ingress, egress facts.PolicyVerdict) {
	t.Helper()
	if got.Ingress.Verdict != ingress || got.Egress.Verdict != egress {
		t.Errorf("ingress %s, egress %s; want %s and %s\n%s\nnotes: %v", got.Ingress.Verdict, got.Egress.Verdict,
			ingress, egress, strings.Join(got.Lines(), "\n"), got.Notes())
	}
}
