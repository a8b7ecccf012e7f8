package causes

import (
	"slices"
	"strings"
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// portsSilent makes every port on node b silent, whose pods still answer pings.
func (w *world) portsSilent() *world {
	return w.fail(check.Timeout, -1, "service.endpoint 10.2.0.2", "service.endpoint 10.2.0.3", "dns.cluster 10.2.0.53").
		fail(check.Timeout, 3, "service.vip").fail(check.Timeout, 1, "dns.cluster 10.96.0.10")
}

// offloads says whether a tunnel of a node leaves its checksums to what is below it.
func (w *world) offloads(node, dev string, on bool) *world {
	return w.read(node, "node.offload", check.Pass, "read").kernel("node.offload "+node, facts.Kernel{Links: []facts.Link{
		{Name: dev, Kind: "vxlan", PeerNetns: -1, Offload: &facts.Offload{TxChecksum: on}},
	}})
}

func checksumCases() []deepCase {
	// What nodes counted while 6 connections were lost.
	counted := func(out, in uint64, more map[string]uint64) moved {
		b := map[string]uint64{"dev.flannel.1.rxPackets": in}
		for name, n := range more {
			b[name] = n
		}
		return moved{"a": {"dev.flannel.1.txPackets": out}, "b": b}
	}
	invalid := func(n uint64) map[string]uint64 { return map[string]uint64{"conntrack.invalid": n} }
	lost := func() *world { return newWorld().farDark().deep().tunnelled(false) }
	back := func() *world { return newWorld().farDark().deep().tunnelled(true).answered("b").left(true) }
	const code = "NL-OVERLAY-CHECKSUM"
	return []deepCase{
		{name: "requests arrive, and are invalid", world: lost(), moved: counted(12, 12, invalid(7)), cause: code, confidence: diagnose.Certain, where: "node/a"},
		{name: "the same, on a node with many invalid packets", world: lost(), moved: counted(12, 900, invalid(800)), cause: code, confidence: diagnose.Likely, where: "node/a"},
		{name: "requests arrive where a plugin tracks by itself, and the kernel calls everything invalid", world: lost().read("b", "node.podlinks", check.Pass, "up").kernel("node.podlinks b", facts.Kernel{Links: []facts.Link{{Name: "cilium_host"}}}),
			moved: counted(12, 12, invalid(7)), candidates: []string{"NL-OVERLAY-BLOCKED"}},
		{name: "the same for ports alone: pings arrive", world: newWorld().portsSilent().deep().tunnelled(false), moved: counted(12, 12, invalid(7)), cause: code, confidence: diagnose.Certain, where: "node/a"},
		{name: "fewer invalid packets than were lost", world: lost(), moved: counted(12, 12, invalid(3)), candidates: []string{"NL-OVERLAY-BLOCKED"}},
		{name: "answers arrive, and are invalid", world: back(), moved: moved{"b": {"dev.flannel.1.txPackets": 12}, "a": {"dev.flannel.1.rxPackets": 12, "conntrack.invalid": 9}},
			cause: code, confidence: diagnose.Certain, where: "node/b"},
		{name: "answers are heard, and others' packets invalid", world: back().answered("a"), moved: moved{"b": {"dev.flannel.1.txPackets": 12}, "a": {"dev.flannel.1.rxPackets": 12, "conntrack.invalid": 9}},
			not: code, left: 9},
		{name: "the outer checksums are wrong", world: lost(), moved: counted(12, 0, map[string]uint64{"conntrack.invalid": 9, "udp.InCsumErrors": 9}),
			cause: code, confidence: diagnose.Certain, where: "node/a"},
		{name: "a damaged packet or two, and the tunnel is blocked", world: lost(), moved: counted(12, 0, map[string]uint64{"udp.InCsumErrors": 2}),
			cause: "NL-OVERLAY-BLOCKED", confidence: diagnose.Certain, where: "node/a", not: code},
		{name: "the tunnel is blocked, and strangers' packets are invalid", world: lost(), moved: counted(12, 0, invalid(40)),
			cause: "NL-OVERLAY-BLOCKED", confidence: diagnose.Certain, where: "node/a", not: code},
		{name: "the far node filters by reverse path, and strangers' packets are invalid", world: lost(), moved: counted(12, 12, map[string]uint64{"conntrack.invalid": 9, "tcpext.IPReversePathFilter": 6}),
			cause: "NL-NODE-RP-FILTER", confidence: diagnose.Certain, where: "node/b", not: code},
		{name: "the far node does not forward, and strangers' packets are invalid", world: lost().read("b", "node.conntrack", check.Fail, "full").kernel("node.conntrack b", facts.Kernel{Conntrack: &facts.Conntrack{Count: 99, Max: 99}}), moved: counted(12, 12, invalid(9)),
			cause: "NL-NODE-CONNTRACK-FULL", confidence: diagnose.Certain, where: "node/b", not: code},
		{name: "a rule drops what is invalid", world: lost().tracks("b").drops("b", "forward", true), moved: counted(12, 12, map[string]uint64{"conntrack.invalid": 9, "filter.inet guard c handle 7": 9}),
			cause: code, confidence: diagnose.Certain, where: "node/a"},
		{name: "a rule drops what is well", world: lost().tracks("b").drops("b", "forward", true), moved: counted(12, 12, map[string]uint64{"conntrack.invalid": 1, "filter.inet guard c handle 7": 9}),
			cause: "NL-NODE-FILTER-DROP", confidence: diagnose.Certain, where: "node/b", not: code},
		{name: "a rule that counts nothing drops them, and strangers' packets are invalid", world: lost().tracks("b").rule("b", facts.Drop{Family: "inet", Table: "guard", Chain: "c", Handle: 7, Hook: "forward", Verdict: "drop", Match: &facts.Match{Src: "10.1.0.0/24", Protocol: "tcp"}}), moved: counted(12, 12, invalid(9)),
			cause: "NL-NODE-FILTER-DROP", confidence: diagnose.Likely, where: "node/b", not: code},
		{name: "a rule that counts nothing drops another's", world: lost().tracks("b").rule("b", facts.Drop{Family: "inet", Table: "guard", Chain: "c", Handle: 7, Hook: "forward", Verdict: "drop", Match: &facts.Match{Dst: "10.2.0.3/32"}}), moved: counted(12, 12, invalid(9)),
			cause: code, confidence: diagnose.Certain, where: "node/a"},
		{name: "one pod's port is silent, and strangers' packets are invalid", world: newWorld().fail(check.Timeout, -1, "service.endpoint 10.2.0.3").fail(check.Timeout, 2, "service.vip").deep().tracks("a").tracks("b").
			flows("a", [2]string{"10.2.0.3:8080", "10.2.0.3:8080"}, [2]string{"10.2.0.3:8080", "10.2.0.3:8080"}, [2]string{"10.2.0.3:8080", "10.2.0.3:8080"}).flows("b", [2]string{"10.2.0.3:8080"}, [2]string{"10.2.0.3:8080"}, [2]string{"10.2.0.3:8080"}),
			moved: counted(12, 12, invalid(9)), not: code, cause: "NL-SVC-ENDPOINT-DOWN", confidence: diagnose.Likely, where: "10.2.0.3:8080 = pod/shop/web-2 on node b"},
		{name: "packets are damaged on a healthy cluster", world: newWorld().deep().tunnelled(true), moved: counted(90, 90, map[string]uint64{"conntrack.invalid": 9, "udp.InCsumErrors": 9})},
		{name: "some connections come about", world: newWorld().loss("10.2.0.2", 4, 4).loss("10.2.0.3", 5, 3).deep().tunnelled(true), moved: counted(90, 90, invalid(40)),
			cause: "NL-PATH-LOSS", confidence: diagnose.Likely, where: "node/b", not: code},
		{name: "only what goes by a ClusterIP arrives damaged", world: newWorld().fail(check.Timeout, -1, "service.vip").deep(), moved: counted(12, 0, map[string]uint64{"udp.InCsumErrors": 9}),
			cause: code, confidence: diagnose.Certain, where: "node/a"},
		{name: "pings arrive and nothing else, and no kernel was asked", world: newWorld().portsSilent(), candidates: []string{"NL-NODE-FILTER-DROP", code, "NL-POD-LINK-DOWN", "NL-POD-VETH-DETACHED", "NL-SVC-ENDPOINT-DOWN"}},
		{name: "a pod elsewhere answers on its port", world: newWorld().node("c", 3).portsSilent(), cause: "NL-SVC-ENDPOINT-DOWN", confidence: diagnose.Likely, where: "10.2.0.2:8080 = pod/shop/web-1 on node b", not: code, candidates: []string{"NL-POD-LINK-DOWN", "NL-POD-VETH-DETACHED"}},
	}
}

// The finding says what is offloaded where, and how to switch it off on that device.
func TestChecksumTellsOfOffloads(t *testing.T) {
	for _, tt := range []struct {
		name          string
		on            bool
		evidence, try string
	}{
		{"on", true, "tx checksumming is on at tunnel7 of node a", "ethtool -K tunnel7 tx-checksum-ip-generic off   (on node a)"},
		{"off", false, "tx checksumming is off at tunnel7 of node a", "ethtool -S INTERFACE   (on node a"},
	} {
		w := newWorld().farDark().deep().tunnelled(false).offloads("a", "tunnel7", tt.on).offloads("b", "tunnel8", true)
		c := diagnose.NewCase(&w.facts, w.results)
		c.Moved = moved{"a": {"dev.flannel.1.txPackets": 12}, "b": {"dev.flannel.1.rxPackets": 12, "conntrack.invalid": 7}}
		found := findOverlayChecksum(c)
		starts := func(text string) func(string) bool {
			return func(line string) bool { return strings.HasPrefix(line, text) }
		}
		if len(found) != 1 || !slices.ContainsFunc(found[0].Evidence, starts(tt.evidence)) || !slices.ContainsFunc(found[0].Try, starts(tt.try)) {
			t.Errorf("%s: %+v", tt.name, found)
		}
	}
}
