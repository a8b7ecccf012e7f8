package causes

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// sysctl sets the settings that node a's kernel shows.
func (w *world) sysctl(settings ...facts.Sysctl) *world {
	return w.kernel("node.sysctl a", facts.Kernel{Sysctls: settings})
}

// link adds an interface to what node a shows.
func (w *world) link(name string) *world {
	return w.read("a", "node.podlinks", check.Pass, "up").kernel("node.podlinks a", facts.Kernel{Links: []facts.Link{{Name: name, PeerNetns: -1}}})
}

// cniCases are clusters that are not flannel's, and faults that resemble others: no
// cause may be surer than its signal is there.
func cniCases() []deepCase {
	partly := func() *world { return newWorld().fail(check.Timeout, 2, "service.vip") }
	vipGone := func() *world {
		return newWorld().fail(check.Timeout, -1, "service.vip").deep().tracks("a")
	}
	unseen := [2]string{"10.96.0.80:80"}
	outside := func() *world {
		return newWorld().fail(check.Timeout, -1, "external.host").deep().read("a", "external.host", check.Pass, "3 of 3 ok")
	}
	localOnly := func() *world {
		w := vipGone().flows("a", unseen)
		w.facts.Services[0].InternalLocal = true
		w.facts.Services[0].Endpoints = w.facts.Services[0].Endpoints[1:]
		return w
	}
	full := func(count, limit int) *world {
		return newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").deep().read("b", "node.conntrack", check.Fail, "nearly full").
			kernel("node.conntrack b", facts.Kernel{Conntrack: &facts.Conntrack{Count: count, Max: limit}})
	}
	return []deepCase{
		{name: "no br_netfilter, and no bridge", world: partly().deep().sysctl(), not: "NL-NODE-BRIDGE-NF", left: 1},
		{name: "no br_netfilter, and a bridge", world: partly().deep().bridge(true).sysctl(), cause: "NL-NODE-BRIDGE-NF", confidence: diagnose.Certain, where: "node/a"},
		{name: "no br_netfilter, and a backend that is no endpoint", world: partly().deep().bridge(true).sysctl().flows("a", [2]string{"10.96.0.80:80", "10.2.0.77:8080"}),
			cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/a", not: "NL-NODE-BRIDGE-NF"},

		{name: "a ClusterIP is dead, and conntrack does not have what is answered either", not: "NL-SVC-VIP-DROPPED", cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Likely, where: "node/a",
			world: vipGone().flows("a", unseen, [2]string{"10.2.0.2:8080"})},
		{name: "a ClusterIP is dead behind eBPF", not: "NL-SVC-VIP-DROPPED", cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Likely, where: "node/a",
			world: vipGone().link("cilium_host").flows("a", unseen)},
		{name: "a ClusterIP is dead, and conntrack has what is answered", cause: "NL-SVC-VIP-DROPPED", confidence: diagnose.Likely, where: client,
			world: vipGone().flows("a", unseen, [2]string{"10.2.0.2:8080", "10.2.0.2:8080"})},
		{name: "a service that keeps to the own node, and has nobody there", world: localOnly(), cause: "NL-SVC-TRAFFIC-POLICY", confidence: diagnose.Certain, where: "service/shop/web"},

		{name: "conntrack is nearly full, and nothing fails", cause: "NL-NODE-CONNTRACK-FULL", confidence: diagnose.Likely, where: "node/b",
			world: newWorld().deep().read("b", "node.conntrack", check.Fail, "nearly full").kernel("node.conntrack b", facts.Kernel{Conntrack: &facts.Conntrack{Count: 96, Max: 100}})},
		{name: "conntrack is full", world: full(100, 100), cause: "NL-NODE-CONNTRACK-FULL", confidence: diagnose.Certain, where: "node/b"},
		{name: "conntrack is nearly full, and refuses", world: full(96, 100), moved: moved{"b": {"conntrack.drop": 7}}, cause: "NL-NODE-CONNTRACK-FULL", confidence: diagnose.Certain, where: "node/b"},

		{name: "strangers' packets are filtered by reverse path, fewer than ours were lost", world: newWorld().farDark().deep().tunnelled(false),
			moved: moved{"a": {"dev.flannel.1.txPackets": 12, "tcpext.IPReversePathFilter": 2}, "b": {"dev.flannel.1.rxPackets": 0}},
			cause: "NL-OVERLAY-BLOCKED", confidence: diagnose.Certain, where: "node/a", not: "NL-NODE-RP-FILTER"},
		{name: "an input rule counts others' packets, and the tunnel is blocked", world: newWorld().farDark().deep().tunnelled(false).tracks("b").drops("b", "input", true),
			moved: moved{"a": {"dev.flannel.1.txPackets": 12}, "b": {"dev.flannel.1.rxPackets": 0, "filter.inet guard c handle 7": 9}},
			cause: "NL-OVERLAY-BLOCKED", confidence: diagnose.Certain, where: "node/a", not: "NL-NODE-FILTER-DROP"},

		{name: "the pod has no way out, and nothing left it", world: outside(), candidates: []string{"NL-NODE-MASQUERADE"}},
		{name: "the pod has no way out, and its packets left with its own address", world: outside().flows("a", [2]string{"203.0.113.9:443", "203.0.113.9:443"}),
			cause: "NL-NODE-MASQUERADE", confidence: diagnose.Certain, where: "node/a"},

		{name: "a CNI leaves a node to the default route, and all is well", world: newWorld().deep().byDefault("a", "b")},
		{name: "a CNI leaves a node to the default route, and it is dark", world: newWorld().farDark().deep().byDefault("a", "b").tunnelled(true),
			cause: "NL-NODE-ROUTE-MISSING", confidence: diagnose.Likely, where: "node/a"},
	}
}

// byDefault says that a node has no route of its own to another's pods.
func (w *world) byDefault(node, other string) *world {
	for i, r := range w.results {
		if r.TaskID == "node.routes "+node {
			w.results[i].Summary = "2 routes; " + other + " by the default route"
			w.results[i].Evidence = []check.Evidence{{Key: other, Value: "no route to 10.2.0.0/24, want any"}}
		}
	}
	return w
}

func TestKubeRouterIsNoProxy(t *testing.T) {
	for chain, want := range map[string]bool{
		"KUBE-FORWARD": true, "KUBE-SVC-ABCDEF": true, "KUBE-PROXY-FIREWALL": true, "KUBE-FIREWALL": true, "KUBE-KUBELET-CANARY": true,
		"KUBE-POD-FW-ABC": false, "KUBE-NWPLCY-DEFAULT": false, "KUBE-ROUTER-FORWARD": false, "cali-tw-x": false, "forward": false,
	} {
		if got := proxysOwn(facts.Drop{Chain: chain}); got != want {
			t.Errorf("%s: %v", chain, got)
		}
	}
	if !policyChain("KUBE-POD-FW-ABC") || !policyChain("cali-tw-x") || policyChain("KUBE-FORWARD") {
		t.Error("policy engines' chains are not known")
	}
}
