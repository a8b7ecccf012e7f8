package causes

import (
	"testing"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// TestMayCarry: a rule that asks for datagrams is about ours only where a tunnel's packets,
// as it makes them, pass it: not strangers' of other ports.
func TestMayCarry(t *testing.T) {
	port := func(n uint16) facts.Ports { return facts.Ports{First: n, Last: n} }
	demand := func(of string, not bool, among ...string) []facts.Demand {
		return []facts.Demand{{Of: []string{of}, Not: not, Among: among}}
	}
	device := func(kind string) []facts.Link {
		return append(nodeDevices()[:4:4], facts.Link{Index: 5, Name: "tunl0", Kind: kind, PeerNetns: -1})
	}
	for name, tt := range map[string]struct {
		hook  string
		match facts.Match
		links []facts.Link
		want  bool
	}{
		"datagrams":                        {"prerouting", facts.Match{Protocol: "udp"}, nodeDevices(), true},
		"to the tunnel's port":             {"prerouting", facts.Match{Protocol: "udp", DstPort: port(8472)}, nodeDevices(), true},
		"of all that is not":               {"prerouting", facts.Match{Demands: demand("dport", true, "53", "8472")}, nodeDevices(), false},
		"to another tunnel's port":         {"prerouting", facts.Match{Protocol: "udp", DstPort: port(4789)}, nodeDevices(), false},
		"to nobody's port":                 {"prerouting", facts.Match{Protocol: "udp", DstPort: port(1900)}, nodeDevices(), false},
		"to names":                         {"prerouting", facts.Match{Protocol: "udp", DstPort: port(53), Others: []string{"limit"}}, nodeDevices(), false},
		"to some of a set":                 {"prerouting", facts.Match{Protocol: "udp", Demands: demand("dport", false, "1900", "11211")}, nodeDevices(), false},
		"to a set with it":                 {"prerouting", facts.Match{Protocol: "udp", Demands: demand("dport", false, "1900", "8000-9000")}, nodeDevices(), true},
		"from a clock":                     {"prerouting", facts.Match{Protocol: "udp", SrcPort: port(123)}, nodeDevices(), false},
		"from any that is not low":         {"prerouting", facts.Match{Protocol: "udp", SrcPort: facts.Ports{First: 1024, Last: 65535}}, nodeDevices(), true},
		"what is forwarded":                {"forward", facts.Match{Protocol: "udp"}, nodeDevices(), false},
		"out of the tunnel":                {"prerouting", facts.Match{Protocol: "udp", In: "flannel.1"}, nodeDevices(), false},
		"by the interface below it":        {"prerouting", facts.Match{Protocol: "udp", In: "bond*"}, nodeDevices(), true},
		"without a tunnel":                 {"prerouting", facts.Match{Protocol: "udp"}, nodeDevices()[:4], false},
		"of another node's":                {"prerouting", facts.Match{Protocol: "udp", Src: "192.168.0.1/32"}, nodeDevices(), true},
		"of none of the nodes":             {"prerouting", facts.Match{Protocol: "udp", Src: "192.168.9.1/32"}, nodeDevices(), false},
		"IP in IP":                         {"prerouting", facts.Match{Protocol: "4"}, device("ipip"), true},
		"datagrams, with IP in IP":         {"prerouting", facts.Match{Protocol: "udp"}, device("ipip"), false},
		"IP in IP, with a tunnel of UDP":   {"prerouting", facts.Match{Protocol: "4"}, nodeDevices(), false},
		"WireGuard":                        {"prerouting", facts.Match{Protocol: "udp", DstPort: port(51820)}, device("wireguard"), true},
		"Geneve":                           {"prerouting", facts.Match{Protocol: "udp", DstPort: port(6081)}, device("geneve"), true},
		"datagrams, and nobody has looked": {"prerouting", facts.Match{Protocol: "udp"}, nil, true},
		"names, and nobody has looked":     {"prerouting", facts.Match{Protocol: "udp", DstPort: port(53)}, nil, false},
	} {
		d := counted(tt.hook, tt.match)
		c := twoStopped(d, 3, tt.links...)
		if tt.links == nil {
			for i, r := range c.Results {
				if r.Check == "node.links" {
					c.Results[i].Kernel = nil
				}
			}
		}
		if got := mayCarry(c, "b", d); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
		if found := findFilterDrop(c); !tt.want && tt.match.Protocol == "udp" && len(found) > 0 {
			t.Errorf("%s: %+v", name, found)
		}
	}
	if policy := (facts.Drop{Family: "ip", Table: "filter", Chain: "FORWARD", Hook: "forward", Verdict: "drop", Policy: true}); mayCarry(twoStopped(policy, 0), "b", policy) {
		t.Error("a policy for what is forwarded")
	}
}

// TestTCDropUnderlay: at the interface below the tunnel a filter is certain by what it asks
// for only where that is the tunnel's port; one for others' is about nothing of ours.
func TestTCDropUnderlay(t *testing.T) {
	port := func(n uint16) facts.Ports { return facts.Ports{First: n, Last: n} }
	for name, tt := range map[string]struct {
		match facts.Match
		want  diagnose.Confidence
	}{
		"from a clock":         {facts.Match{Family: "ip", Protocol: "udp", SrcPort: port(123)}, 0},
		"to nobody's port":     {facts.Match{Family: "ip", DstPort: port(1900)}, 0},
		"to the tunnel's port": {facts.Match{Family: "ip", Protocol: "udp", DstPort: port(8472)}, diagnose.Certain},
		"from the other node":  {facts.Match{Family: "ip", Src: "192.168.0.1/32"}, diagnose.Likely},
	} {
		a := redirect("eth0", tt.match)
		found := findTCDrop(tcWorld("flannel", a).came("b", 6).tcCase(map[string]uint64{a.Counter(): 9}))
		if tt.want == 0 && len(found) > 0 || tt.want != 0 && (len(found) != 1 || found[0].Confidence != tt.want) {
			t.Errorf("%s: want %v, got %+v", name, tt.want, found)
		}
	}
}
