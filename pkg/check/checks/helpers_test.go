package checks

import (
	"net/netip"

	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/target"
)

func addrs(texts ...string) []netip.Addr {
	var list []netip.Addr
	for _, text := range texts {
		list = append(list, netip.MustParseAddr(text))
	}
	return list
}

func withTargets(f *facts.Facts, targets ...facts.Target) *facts.Facts {
	f.Targets = targets
	return f
}

func ipTarget(text string) facts.Target {
	addr := netip.MustParseAddr(text)
	return facts.Target{Target: target.Target{Raw: text, Kind: target.IP, Addr: addr}, Addrs: []netip.Addr{addr}}
}

func podFacts(ips ...string) *facts.Facts {
	return &facts.Facts{Vantage: facts.Vantage{
		Kind: facts.VantagePod, Profile: "restricted",
		Pod: &facts.Pod{Namespace: "shop", Name: "web-0", Node: "w1", IPs: addrs(ips...)},
	}}
}
