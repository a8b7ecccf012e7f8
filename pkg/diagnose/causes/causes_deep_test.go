package causes

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// moved are counters that grew, by node.
type moved map[string]map[string]uint64

// loss adds 20 connections to an address, of which some repeated their first packet
// and others did not come about.
func (w *world) loss(ip string, late, lost int) *world {
	w.add("path.loss", "path", ip+":8080", "pod/shop/of-"+ip, "", 20)
	r := &w.results[len(w.results)-1]
	for i := range r.Attempts {
		switch {
		case i < lost:
			r.Attempts[i].Failure = check.Timeout
		case i < lost+late:
			r.Attempts[i].Repeats = 1
		}
	}
	switch {
	case lost > 0:
		r.Status, r.Failure = check.Fail, check.Loss
	case late > 1:
		r.Status, r.Failure = check.Warn, check.Loss
	}
	return w
}

// echoes are those to a pod that is tried alone on its node.
func (w *world) echoes(ip string, lost int) *world {
	w.add("path.echo", "path", ip, "pod/shop/of-"+ip, "", 20)
	r := &w.results[len(w.results)-1]
	for i := range lost {
		r.Attempts[i].Failure = check.Timeout
	}
	if lost > 1 {
		r.Status, r.Failure = check.Warn, check.Loss
	}
	return w
}

// node adds a node, 10.NUMBER.0.0/24, with a pod that is well.
func (w *world) node(name string, number byte) *world {
	ip := netip.AddrFrom4([4]byte{10, number, 0, 2})
	w.facts.Nodes = append(w.facts.Nodes, facts.Node{Name: name, Ready: true, IPs: []netip.Addr{netip.AddrFrom4([4]byte{192, 168, 0, number})}, PodCIDRs: []netip.Prefix{netip.PrefixFrom(ip, 24)}})
	w.add("target.tcp", "target", ip.String()+":8080", "pod/shop/far-"+name, "pod/shop/far-"+name, 3)
	return w
}

// second adds service shop/api, 10.96.0.81, of the same endpoints.
func (w *world) second() *world {
	api := w.facts.Services[0]
	api.Name, api.ClusterIPs = "api", []netip.Addr{addr("10.96.0.81")}
	w.facts.Services = append(w.facts.Services, api)
	w.add("service.endpoint", "service", "10.1.0.2:8080", "pod/shop/web-0", "service/shop/api", 3)
	w.results[len(w.results)-1].TaskID += " of api"
	w.add("service.vip", "service", "10.96.0.81:80", "service/shop/api", "service/shop/api", 6)
	return w.fail(check.Timeout, 2, "service.vip 10.96.0.81")
}

// deep adds what both nodes' kernels say when all is well, a tunnel among it.
func (w *world) deep() *world {
	for _, node := range []string{"a", "b"} {
		w.read(node, "node.links", check.Pass, "fine").read(node, "node.routes", check.Pass, "fine").read(node, "node.sysctl", check.Pass, "fine").kernel("node.sysctl "+node, facts.Kernel{
			Sysctls: []facts.Sysctl{{Name: "net.bridge.bridge-nf-call-iptables", Value: "1"}},
		}).kernel("node.links "+node, facts.Kernel{Links: []facts.Link{{Name: "eth0", PeerNetns: -1}, {Name: "flannel.1", Kind: "vxlan", PeerNetns: -1}}})
	}
	return w
}

// bridge makes the vantage pod's link end at a port of a bridge on node a.
func (w *world) bridge(hairpin bool) *world {
	port := facts.Link{Index: 7, Name: "vethx", Kind: "veth", Master: "br0", Hairpin: &hairpin}
	for i, r := range w.results {
		if r.Check == "vantage.interface" {
			w.results[i].Kernel = &facts.Kernel{Links: []facts.Link{{Name: "eth0", Kind: "veth", PeerIndex: 7}}}
		}
	}
	return w.read("a", "node.bridge", check.Pass, "1 port").kernel("node.bridge a", facts.Kernel{Links: []facts.Link{port}})
}

// kernel is what a reading carries.
func (w *world) kernel(task string, k facts.Kernel) *world {
	i := slices.IndexFunc(w.results, func(r check.Result) bool { return r.TaskID == task })
	w.results[i].Kernel = &k
	return w
}

// flows adds connections as a node's connection tracking holds them: "to" for one that
// it does not hold, "to>backend" for one that it handed to somebody.
func (w *world) flows(node string, flows ...[2]string) *world {
	var k facts.Kernel
	for i, f := range flows {
		src := fmt.Sprintf("10.1.0.9:%d", 40000+i)
		flow := facts.Flow{Protocol: "tcp", Orig: facts.Tuple{Src: src, Dst: f[0]}}
		if f[1] != "" {
			flow.Found, flow.DstNAT, flow.Reply = true, f[1] != f[0], &facts.Tuple{Src: f[1], Dst: src}
		}
		k.Flows = append(k.Flows, flow)
	}
	return w.read(node, "node.flows", check.Pass, "looked up").kernel("node.flows "+node, k)
}

// tunnelled are the flows of a repeat to node b, none of which arrived or all.
func (w *world) tunnelled(arrived bool) *world {
	return w.flows("b", repeated(arrived)...)
}

// left is the same at the own node, whose connection tracking is not empty.
func (w *world) left(gone bool) *world {
	return w.flows("a", repeated(gone)...).tracks("a")
}

// tracks says that a node's connection tracking is in use.
func (w *world) tracks(node string) *world {
	return w.read(node, "node.conntrack", check.Pass, "room").
		kernel("node.conntrack "+node, facts.Kernel{Conntrack: &facts.Conntrack{Count: 9, Max: 99}})
}

func repeated(tracked bool) (list [][2]string) {
	for _, ip := range []string{"10.2.0.2:8080", "10.2.0.3:8080"} {
		for range 3 {
			backend := ""
			if tracked {
				backend = ip
			}
			list = append(list, [2]string{ip, backend})
		}
	}
	return list
}

// drops is a rule on a node that drops.
func (w *world) drops(node, hook string, counted bool) *world {
	d := facts.Drop{Family: "inet", Table: "guard", Chain: "c", Handle: 7, Hook: hook, Verdict: "drop"}
	if counted {
		d.Packets = new(uint64)
	}
	return w.rule(node, d)
}

func (w *world) rule(node string, d facts.Drop) *world {
	return w.read(node, "node.filter", check.Pass, "1 rule drops").kernel("node.filter "+node, facts.Kernel{Drops: []facts.Drop{d}})
}

// answered marks the flows of a node as answered.
func (w *world) answered(node string) *world {
	for _, r := range w.results {
		if r.TaskID == "node.flows "+node {
			for i := range r.Kernel.Flows {
				r.Kernel.Flows[i].SeenReply = true
			}
		}
	}
	return w
}

// cut leaves the vantage pod without an answer from anybody.
func (w *world) cut() *world {
	return w.fail(check.Timeout, -1, "gateway", "dns", "service.endpoint", "service.vip", "target", "path", "api", "external")
}

type deepCase struct {
	name  string
	world *world
	moved moved
	// cause is the first of the verdict, its confidence and its first place.
	cause      string
	confidence diagnose.Confidence
	where      string
	candidates []string
	not        string
	left       int // unexplained
}

func deepCases() []deepCase {
	sent := func(out, in uint64) moved {
		return moved{"a": {"dev.flannel.1.txPackets": out}, "b": {"dev.flannel.1.rxPackets": in}}
	}
	stray := moved{"b": {"tcpext.IPReversePathFilter": 1}}
	dead := func() *world { return newWorld().fail(check.Timeout, -1, "service.vip").second() }
	noneHere := func() *world {
		w := newWorld()
		w.facts.Services[0].Endpoints = w.facts.Services[0].Endpoints[1:]
		return w.fail(check.Timeout, 2, "service.vip")
	}
	partly := func() *world { return newWorld().fail(check.Timeout, 2, "service.vip") }
	proxyHung := check.Evidence{Key: "healthz", Value: "no answer"}
	ghost := [][2]string{{"10.96.0.80:80", "10.2.0.3:8080"}, {"10.96.0.80:80", "10.2.0.77:8080"}}
	return []deepCase{
		{name: "loss to one node", world: newWorld().loss("10.1.0.2", 0, 0).loss("10.2.0.2", 4, 0).loss("10.2.0.3", 5, 2),
			cause: "NL-PATH-LOSS", confidence: diagnose.Likely, where: "node/b"},
		{name: "loss to one node of two others", world: newWorld().node("c", 3).loss("10.2.0.2", 4, 0).loss("10.2.0.3", 5, 2).loss("10.3.0.2", 0, 0),
			cause: "NL-PATH-LOSS", confidence: diagnose.Likely, where: "node/b"},
		{name: "loss to all other nodes is the way out of the own", world: newWorld().node("c", 3).loss("10.1.0.2", 0, 0).loss("10.2.0.2", 4, 0).loss("10.2.0.3", 5, 2).loss("10.3.0.2", 6, 1),
			cause: "NL-PATH-LOSS", confidence: diagnose.Likely, where: "node/a"},
		{name: "some loss to two nodes of three", world: newWorld().node("c", 3).node("d", 4).loss("10.1.0.2", 0, 0).loss("10.2.0.2", 3, 0).loss("10.3.0.2", 3, 0).loss("10.2.0.3", 1, 0).loss("10.4.0.2", 0, 0),
			cause: "NL-PATH-LOSS", confidence: diagnose.Likely, where: "node/b", candidates: []string{"NL-PATH-LOSS"}},
		{name: "loss everywhere, the own node among it", world: newWorld().node("c", 3).loss("10.1.0.2", 9, 1).loss("10.2.0.2", 4, 1), left: 2, not: "NL-PATH-LOSS"},
		{name: "loss to one address, and nothing else was tried there", world: newWorld().loss("10.2.0.2", 4, 1), candidates: []string{"NL-PATH-LOSS"}},
		{name: "loss to one address, of connections and echoes", world: newWorld().loss("10.2.0.2", 4, 1).echoes("10.2.0.2", 6), cause: "NL-PATH-LOSS", confidence: diagnose.Likely, where: "node/b"},
		{name: "loss of connections to one address, and no echo is lost", world: newWorld().loss("10.2.0.2", 4, 1).echoes("10.2.0.2", 0), candidates: []string{"NL-PATH-LOSS"}},
		{name: "only echoes are lost: a limit for ICMP", world: newWorld().loss("10.2.0.2", 0, 0).echoes("10.2.0.2", 9), not: "NL-PATH-LOSS"},
		{name: "loss to one pod of two is not the way", world: newWorld().loss("10.2.0.2", 4, 1).loss("10.2.0.3", 0, 0), candidates: []string{"NL-NODE-FILTER-DROP", "NL-APP-BACKLOG"}, not: "NL-PATH-LOSS"},
		{name: "two repeats are too few", world: newWorld().loss("10.2.0.2", 2, 0).loss("10.2.0.3", 0, 0), not: "NL-PATH-LOSS"},
		{name: "one repeat to each of three pods is what networks do", world: newWorld().loss("10.2.0.2", 1, 0).loss("10.2.0.3", 1, 0).loss("10.2.0.4", 1, 0), not: "NL-PATH-LOSS"},

		{name: "flows arrive behind a dark tunnel", world: newWorld().farDark().deep().tunnelled(true), moved: sent(12, 12), not: "NL-OVERLAY-BLOCKED", left: 9},
		{name: "flows arrive, whatever the counters say", world: newWorld().farDark().deep().tunnelled(true), moved: sent(12, 0), not: "NL-OVERLAY-BLOCKED", left: 9},
		{name: "flows leave by the tunnel and do not arrive", world: newWorld().farDark().deep().tunnelled(false), moved: sent(12, 1),
			cause: "NL-OVERLAY-BLOCKED", confidence: diagnose.Certain, where: "node/a"},
		{name: "the far tunnel is busy with others", world: newWorld().farDark().deep().tunnelled(false), moved: sent(12, 90),
			candidates: []string{"NL-OVERLAY-BLOCKED"}},
		{name: "answers leave by the tunnel and do not come back", world: newWorld().farDark().deep().tunnelled(true).answered("b").left(true),
			moved: moved{"b": {"dev.flannel.1.txPackets": 12}, "a": {}}, cause: "NL-OVERLAY-BLOCKED", confidence: diagnose.Certain, where: "node/a"},
		{name: "answers come back, and get lost behind the tunnel", world: newWorld().farDark().deep().tunnelled(true).answered("b").left(true).answered("a"),
			moved: moved{"b": {"dev.flannel.1.txPackets": 12}, "a": {}}, not: "NL-OVERLAY-BLOCKED", left: 9},
		{name: "nothing of ours leaves the own node, but others' packets do", world: newWorld().farDark().deep().tunnelled(false).left(false),
			moved: sent(12, 0), not: "NL-OVERLAY-BLOCKED", left: 9},
		{name: "flows do not even leave", world: newWorld().farDark().deep().tunnelled(false), moved: sent(2, 0), not: "NL-OVERLAY-BLOCKED", left: 9},
		{name: "two flows are too few to be certain", world: newWorld().farDark().deep().flows("b", [2]string{"10.2.0.2:80"}, [2]string{"10.2.0.3:80"}), moved: sent(12, 0),
			cause: "NL-OVERLAY-BLOCKED", confidence: diagnose.Likely, where: "node/a"},
		{name: "a rule's counter grew on the far node", world: newWorld().farDark().deep().tunnelled(false).tracks("b").drops("b", "forward", true), moved: moved{
			"a": {"dev.flannel.1.txPackets": 12}, "b": {"dev.flannel.1.rxPackets": 12, "filter.inet guard c handle 7": 9}},
			cause: "NL-NODE-FILTER-DROP", confidence: diagnose.Certain, where: "node/b"},
		{name: "a rule's counter grew by less than was lost", world: newWorld().farDark().deep().tunnelled(false).tracks("b").drops("b", "forward", true), moved: moved{
			"a": {"dev.flannel.1.txPackets": 12}, "b": {"dev.flannel.1.rxPackets": 12, "filter.inet guard c handle 7": 4}},
			cause: "NL-NODE-FILTER-DROP", confidence: diagnose.Likely, where: "node/b"},
		{name: "a rule that counts nothing, where packets seem to arrive", world: newWorld().farDark().deep().tunnelled(false).tracks("b").drops("b", "forward", false),
			moved: sent(12, 12), candidates: []string{"NL-NODE-FILTER-DROP", "NL-OVERLAY-BLOCKED"}},
		{name: "a rule's counter grew, and all of ours passed", world: newWorld().farDark().deep().tunnelled(true).tracks("b").drops("b", "forward", true), moved: moved{
			"b": {"filter.inet guard c handle 7": 40}}, not: "NL-NODE-FILTER-DROP", left: 9},
		{name: "rules drop on a healthy cluster", world: newWorld().deep().tracks("a").tracks("b").drops("a", "forward", true).drops("b", "forward", false), moved: moved{
			"a": {"filter.inet guard c handle 7": 40}}},
		{name: "nothing was repeated", world: newWorld().farDark().deep(), cause: "NL-OVERLAY-BLOCKED", confidence: diagnose.Likely, where: "node/a"},

		{name: "the far node filters by reverse path", world: newWorld().farDark().deep().tunnelled(false), moved: moved{
			"a": {"dev.flannel.1.txPackets": 12}, "b": {"dev.flannel.1.rxPackets": 12, "tcpext.IPReversePathFilter": 6}},
			cause: "NL-NODE-RP-FILTER", confidence: diagnose.Certain, where: "node/b"},
		{name: "the own node filters the answers", world: newWorld().farDark().deep().tunnelled(true), moved: moved{"a": {"tcpext.IPReversePathFilter": 6}, "b": {}},
			cause: "NL-NODE-RP-FILTER", confidence: diagnose.Certain, where: "node/a"},
		{name: "a stray packet was filtered", world: newWorld().farDark().deep().tunnelled(false), moved: moved{
			"a": {"dev.flannel.1.txPackets": 12}, "b": {"tcpext.IPReversePathFilter": 1}},
			cause: "NL-OVERLAY-BLOCKED", confidence: diagnose.Certain, where: "node/a"},
		{name: "a stray packet was filtered, and the others arrive", world: newWorld().farDark().deep().tunnelled(true), moved: stray, left: 9},
		{name: "filtered packets, and nothing fails there", world: newWorld().deep(), moved: moved{"b": {"tcpext.IPReversePathFilter": 60}}},

		{name: "a pod's link is down", world: newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3", "target.icmp 10.2.0.3", "path.mtu 10.2.0.3").fail(check.Timeout, 2, "service.vip").
			deep().read("b", "node.podlinks", check.Warn, "1 of 9 links of pods are down: veth7"),
			cause: "NL-POD-LINK-DOWN", confidence: diagnose.Certain, where: "pod/shop/web-2"},
		{name: "a link is down behind which nothing fails", world: newWorld().deep().read("b", "node.podlinks", check.Warn, "1 of 9 links of pods are down: veth7"), not: "NL-POD-LINK-DOWN"},
		{name: "the vantage pod's own link, seen from its node", world: newWorld().cut().deep().read("a", "node.podlinks", check.Warn, "1 of 9 links of pods are down: veth3"),
			cause: "NL-POD-LINK-DOWN", confidence: diagnose.Certain, where: client},

		{name: "a backend that is no endpoint", world: partly().deep().flows("a", ghost...),
			cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/a"},
		{name: "kube-proxy hangs", world: partly().deep().read("a", "node.proxy", check.Fail, "kube-proxy hangs", proxyHung),
			cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/a"},
		{name: "kube-proxy is dead, and nothing fails yet", world: newWorld().deep().read("a", "node.proxy", check.Fail, "kube-proxy is dead"),
			cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/a"},
		{name: "UDP flows go astray, and kube-proxy is well", cause: "NL-SVC-STALE-FLOW", confidence: diagnose.Likely, where: "node/b",
			world: newWorld().deep().read("b", "node.staleflows", check.Warn, "2 UDP flows go to addresses that are no endpoints").kernel("node.staleflows b", facts.Kernel{Flows: []facts.Flow{{Protocol: "udp", Orig: facts.Tuple{Dst: "10.96.0.10:53"}}}})},
		{name: "UDP flows go astray, since kube-proxy hangs", cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/b",
			world: newWorld().deep().read("b", "node.staleflows", check.Warn, "2 UDP flows").kernel("node.staleflows b", facts.Kernel{Flows: []facts.Flow{{Protocol: "udp", Orig: facts.Tuple{Dst: "10.96.0.10:53"}}}}).
				read("b", "node.proxy", check.Fail, "kube-proxy hangs", proxyHung)},
		{name: "the neighbour table is nearly full, and nothing fails", cause: "NL-NODE-NEIGH-FULL", confidence: diagnose.Likely, where: "node/b",
			world: newWorld().deep().read("b", "node.neightable", check.Warn, "the neighbour table is nearly full: 990 of 1024 ipv4 neighbours")},
		{name: "the neighbour table is full, and refused entries", cause: "NL-NODE-NEIGH-FULL", confidence: diagnose.Certain, where: "node/b", moved: moved{"b": {"arp.table_fulls": 7}},
			world: newWorld().farDark().deep().read("b", "node.neightable", check.Warn, "the neighbour table is nearly full: 1024 of 1024 ipv4 neighbours")},
		{name: "the ClusterIP is dead, and kube-proxy well", world: newWorld().fail(check.Timeout, -1, "service.vip").deep().read("a", "node.proxy", check.Pass, "well"),
			cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Likely, where: "node/a"},
		{name: "a share of the ClusterIP is dead, with no endpoint here", world: noneHere().deep().read("a", "node.proxy", check.Pass, "well"),
			cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Likely, where: "node/a"},
		{name: "one ClusterIP is dead, a share of another: that may be something else", world: dead().deep().read("a", "node.proxy", check.Pass, "well"),
			cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Likely, where: "node/a", left: 1},
		{name: "the same, and no kernel was asked", world: dead(), candidates: []string{"NL-NODE-BRIDGE-NF", "NL-SVC-PROXY-STALE", "NL-SVC-VIP-DROPPED"}},
		{name: "the ClusterIP is dead, and the node has not seen the connections", cause: "NL-SVC-VIP-DROPPED", confidence: diagnose.Likely, where: client,
			world: newWorld().fail(check.Timeout, -1, "service.vip").deep().flows("a", [2]string{"10.96.0.80:80"}).tracks("a")},
		{name: "the ClusterIP is dead, and the node sends connections on as they are", cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/a",
			world: newWorld().fail(check.Timeout, -1, "service.vip").deep().flows("a", [2]string{"10.96.0.80:80", "10.96.0.80:80"}).tracks("a")},
		{name: "no ClusterIP works, and kube-proxy hangs", cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/a",
			world: newWorld().fail(check.Timeout, -1, "service.vip", "api.vip", "dns.cluster 10.96.0.10", "dns.cluster resolv.conf").deep().read("a", "node.proxy", check.Fail, "kube-proxy hangs")},
		{name: "both, and kube-proxy hangs", world: dead().deep().read("a", "node.proxy", check.Fail, "kube-proxy hangs"),
			cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/a"},
		{name: "both, and one goes to no endpoint", world: dead().deep().flows("a", [2]string{"10.96.0.81:80", "10.2.0.77:8080"}),
			cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/a"},
		{name: "a share of the ClusterIP is dead, with an endpoint here, and kube-proxy well", not: "NL-SVC-PROXY-STALE", left: 1,
			world: partly().deep().read("a", "node.proxy", check.Pass, "well").flows("a", [2]string{"10.96.0.80:80", "10.1.0.2:8080"}, [2]string{"10.96.0.80:80", "10.2.0.2:8080"})},
		{name: "the same, and bridged packets are not filtered", cause: "NL-NODE-BRIDGE-NF", confidence: diagnose.Certain, where: "node/a", not: "NL-SVC-PROXY-STALE",
			world: partly().deep().bridge(true).kernel("node.sysctl a", facts.Kernel{Sysctls: []facts.Sysctl{{Name: "net.bridge.bridge-nf-call-iptables", Value: "0"}}}).read("a", "node.proxy", check.Pass, "well")},
		{name: "kube-proxy of another node hangs, which does not explain what fails here", cause: "NL-SVC-PROXY-STALE", confidence: diagnose.Certain, where: "node/b", left: 1,
			world: partly().deep().read("b", "node.proxy", check.Fail, "kube-proxy hangs", proxyHung)},
	}
}

func TestDeepVerdicts(t *testing.T) {
	for _, tt := range slices.Concat(deepCases(), checksumCases(), cniCases(), dnsDepthCases()) {
		t.Run(tt.name, func(t *testing.T) {
			c := diagnose.NewCase(&tt.world.facts, tt.world.results)
			c.Moved = tt.moved
			v := Registry.Diagnose(c)
			var first diagnose.Finding
			if len(v.Causes) > 0 {
				first = v.Causes[0]
			}
			where := ""
			if len(first.Where) > 0 {
				where = first.Where[0]
			}
			if first.Code != tt.cause || first.Confidence != tt.confidence || where != tt.where || len(codes(v.Causes)) > 1 {
				t.Errorf("%s, %s at %q, want %s, %s at %q; all: %q", first.Code, first.Confidence, where, tt.cause, tt.confidence, tt.where, codes(v.Causes))
			}
			if diff := cmp.Diff(tt.candidates, codes(v.Candidates)); diff != "" {
				t.Errorf("candidates (-want +got):\n%s", diff)
			}
			if tt.not != "" && slices.Contains(append(codes(v.Causes), codes(v.Candidates)...), tt.not) {
				t.Errorf("it is not %s: %+v", tt.not, v)
			}
			if len(v.Unexplained) != tt.left {
				t.Errorf("unexplained: %q, want %d", v.Unexplained, tt.left)
			}
		})
	}
}

// Results come in as they are ready: a verdict must not depend on it, down to its words.
func TestVerdictsInAnyOrder(t *testing.T) {
	shallow := []deepCase{
		{name: "a node is dark", world: newWorld().farDark()},
		{name: "nobody answers", world: newWorld().cut()},
		{name: "two endpoints are dark", world: newWorld().fail(check.Timeout, -1, "service.endpoint 10.1.0.2", "service.endpoint 10.2.0.3", "target.icmp 10.1.0.2", "target.icmp 10.2.0.3", "path.mtu 10.1.0.2", "path.mtu 10.2.0.3")},
	}
	for _, tt := range slices.Concat(deepCases(), checksumCases(), shallow) {
		t.Run(tt.name, func(t *testing.T) {
			var first diagnose.Verdict
			for seed := range uint64(12) {
				results := slices.Clone(tt.world.results)
				rand.New(rand.NewPCG(seed, 1)).Shuffle(len(results), func(i, j int) { results[i], results[j] = results[j], results[i] })
				c := diagnose.NewCase(&tt.world.facts, results)
				c.Moved = tt.moved
				v := Registry.Diagnose(c)
				if seed == 0 {
					first = v
				} else if diff := cmp.Diff(first, v); diff != "" {
					t.Fatalf("it depends on the order (-seed 0 +seed %d):\n%s", seed, diff)
				}
			}
		})
	}
}

// Whom the engine leaves out because another is surer must not have been found at all
// where that other explains everything.
func TestOverlayIsNotSuspected(t *testing.T) {
	filtered := moved{"a": {"dev.flannel.1.txPackets": 12}, "b": {"tcpext.IPReversePathFilter": 6}}
	for name, tt := range map[string]deepCase{
		"filtered behind the tunnel": {world: newWorld().farDark().deep().tunnelled(false), moved: filtered},
		"a kernel is not in order":   {world: newWorld().farDark().deep().read("b", "node.fdb", check.Fail, "an entry is missing")},
	} {
		c := diagnose.NewCase(&tt.world.facts, tt.world.results)
		c.Moved = tt.moved
		if found := findOverlayBlocked(c); len(found) != 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

func TestLossTellsOfOtherPods(t *testing.T) {
	w := newWorld().node("c", 3).loss("10.1.0.2", 0, 0).loss("10.2.0.2", 4, 0).loss("10.2.0.3", 5, 2)
	alone := findLoss(diagnose.NewCase(&w.facts, w.results))
	w.loss("10.3.0.2", 6, 1)
	all := findLoss(diagnose.NewCase(&w.facts, w.results))
	for _, tt := range []struct {
		found            []diagnose.Finding
		headline, others string
	}{
		{alone, "11 of 52 packets to pods on node b were lost", "to other pods: 0 of 31 lost"},
		{all, "18 of 75 packets to pods on any other node were lost", "to other pods: 0 of 28 lost"},
	} {
		if f := tt.found; len(f) != 1 || f[0].Headline != tt.headline || !slices.Contains(f[0].Evidence, tt.others) {
			t.Errorf("%+v, want %q, %q", f, tt.headline, tt.others)
		}
	}
}
