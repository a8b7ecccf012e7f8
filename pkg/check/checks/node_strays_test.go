package checks

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

func TestStrays(t *testing.T) {
	pod, peer := netip.MustParseAddr("10.2.0.7"), netip.MustParsePrefix("10.1.0.0/24")
	p := nodeParams{
		Self:  nodePeer{Name: "b", PodCIDRs: []netip.Prefix{netip.MustParsePrefix("10.2.0.0/24")}},
		Peers: []nodePeer{{Name: "a", PodCIDRs: []netip.Prefix{peer}}},
		Pods:  []netip.Addr{pod, netip.MustParseAddr("192.168.0.2")}, // one on its node's network
	}
	bridge := facts.Link{Index: 4, Name: "cni0", Kind: "bridge"}
	k := facts.Kernel{
		Links:  []facts.Link{bridge},
		Routes: []facts.Route{{Dst: "10.2.0.0/24", Dev: "cni0", Type: "unicast"}},
		Rules:  []facts.Rule{{Family: "ipv4", Priority: 0, Action: "lookup", Table: 255}, {Family: "ipv4", Priority: 100, Src: "10.2.0.7/32", Action: "lookup", Table: 100}},
	}
	to := func(route facts.Route, link facts.Link) func(netip.Addr) (netsys.RouteChoice, error) {
		return func(netip.Addr) (netsys.RouteChoice, error) { return netsys.RouteChoice{Route: route, Link: link}, nil }
	}
	direct := to(facts.Route{Dev: "cni0", Type: "unicast"}, bridge)
	usual := facts.Route{Gateway: "10.1.0.0", Dev: "flannel.1", Type: "unicast", Table: 254}
	forward := func(its facts.Forward) func(src, dst netip.Addr, iif int) (facts.Forward, bool) {
		return func(src, _ netip.Addr, _ int) (facts.Forward, bool) {
			if src == pod {
				return its, true
			}
			return facts.Forward{Route: &usual}, true
		}
	}
	well := forward(facts.Forward{Route: &usual})
	for _, tt := range []struct {
		name       string
		ask        kernelRoutes
		key, value string
	}{
		{"well", kernelRoutes{direct, well}, "", ""},
		{"by a veth of its own", kernelRoutes{to(facts.Route{Dev: "veth1", Type: "unicast"}, facts.Link{Index: 9, Kind: "veth"}), well}, "", ""},
		{"one of several hops", kernelRoutes{direct, forward(facts.Forward{Route: &facts.Route{Gateway: "10.1.0.9", Dev: "eth1", Type: "unicast", Table: 254}})}, "", ""},
		{"sent back", kernelRoutes{to(usual, facts.Link{Index: 9}), well}, "astray to", "10.2.0.7 via 10.1.0.0 dev flannel.1"},
		{"sent by another device", kernelRoutes{to(facts.Route{Dev: "tun0", Type: "unicast"}, facts.Link{Index: 9}), well}, "astray to", "10.2.0.7 unicast dev tun0"},
		{"its answers go elsewhere", kernelRoutes{direct, forward(facts.Forward{Route: &facts.Route{Gateway: "172.16.0.1", Dev: "eth1", Type: "unicast", Table: 100}})},
			"astray from", "10.2.0.7 to 10.1.0.0/24 via 172.16.0.1 dev eth1: ip rule 100 from 10.2.0.7/32 lookup"},
		{"its answers are refused", kernelRoutes{direct, forward(facts.Forward{Refused: "prohibit"})}, "astray from", "10.2.0.7 to 10.1.0.0/24 is refused (prohibit): ip rule 100 from 10.2.0.7/32 lookup"},
	} {
		key, value := "", ""
		list := strays(p, k, tt.ask)
		if len(list) > 0 {
			key, value = list[0].Key, list[0].Value
		}
		past := k
		past.Links = append(slices.Clone(k.Links), facts.Link{Index: 5, Name: "cilium_host"})
		if led := strays(p, past, tt.ask); len(led) > 0 {
			t.Errorf("%s: with a plugin that leads packets past the routes: %+v", tt.name, led)
		}
		if diff := cmp.Diff([]string{tt.key, tt.value}, []string{key, value}); diff != "" || len(list) > 1 {
			t.Errorf("%s (-want +got):\n%s%+v", tt.name, diff, list)
		}
	}
}

// A node may route its own CIDR by an address of its own, as Cilium does, or by a router.
func TestStraysByGateway(t *testing.T) {
	pod, cidr := netip.MustParseAddr("10.2.0.7"), netip.MustParsePrefix("10.2.0.0/24")
	p := nodeParams{Self: nodePeer{Name: "b", PodCIDRs: []netip.Prefix{cidr}}, Pods: []netip.Addr{pod}}
	host, tun := facts.Link{Index: 4, Name: "host0", Kind: "device", Addrs: []string{"10.2.0.80/32"}}, facts.Link{Index: 9, Name: "tun0", Kind: "tun"}
	for _, tt := range []struct {
		name, usual string
		its         facts.Route
		link        facts.Link
		astray      bool
	}{
		{"by the node's own address, as all of them", "10.2.0.80", facts.Route{Gateway: "10.2.0.80", Dev: "host0"}, host, false},
		{"by the node's own address, and the others not", "", facts.Route{Gateway: "10.2.0.80", Dev: "host0"}, host, false},
		{"by a router, as all of them", "10.2.0.81", facts.Route{Gateway: "10.2.0.81", Dev: "host0"}, host, false},
		{"by another router", "10.2.0.81", facts.Route{Gateway: "10.2.0.82", Dev: "host0"}, host, true},
		{"by another device", "10.2.0.80", facts.Route{Dev: "tun0"}, tun, true},
	} {
		k := facts.Kernel{Links: []facts.Link{host, tun}, Routes: []facts.Route{
			{Dst: cidr.String(), Dev: "tun0", Type: "unicast", Table: 100}, {Dst: cidr.String(), Gateway: tt.usual, Dev: "host0", Type: "unicast", Table: 254},
		}}
		list := strays(p, k, kernelRoutes{to: func(netip.Addr) (netsys.RouteChoice, error) {
			return netsys.RouteChoice{Route: tt.its, Link: tt.link}, nil
		}})
		if (len(list) > 0) != tt.astray {
			t.Errorf("%s: %+v", tt.name, list)
		}
	}
}

func TestPodsInQuestion(t *testing.T) {
	f := facts.Facts{Services: []facts.Service{{Endpoints: []facts.Endpoint{
		{Addr: netip.MustParseAddr("10.2.0.7"), Node: "b"}, {Addr: netip.MustParseAddr("10.1.0.7"), Node: "a"}, {Addr: netip.MustParseAddr("10.2.0.7"), Node: "b"},
	}}}}
	if got := podsInQuestion(&f, "b"); len(got) != 1 || got[0].String() != "10.2.0.7" {
		t.Errorf("got %v", got)
	}
}
