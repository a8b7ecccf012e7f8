package checks

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// maxUpstreams is how many upstream servers of a Corefile are asked, and how many of its
// stub domains are listed.
const maxUpstreams = 16

// upstream is a server that CoreDNS forwards to.
type upstream struct {
	// Zone is what is forwarded there: "." or a stub domain.
	Zone string
	// Addr is the server's; zero where it is Other: a file like /etc/resolv.conf, which is
	// that of CoreDNS's node, or a server that is not asked by plain DNS.
	Addr  netip.AddrPort
	Other string
}

// upstreamsOf lists whom a Corefile forwards to, each zone and server once, in order
// (https://coredns.io/plugins/forward/).
func upstreamsOf(blocks []corefileBlock) []upstream {
	var list []upstream
	for _, b := range blocks {
		for _, words := range b.plugins {
			// FROM is the zone, or a part of the block's; proxy is that of CoreDNS before 1.5.
			if words[0] != "forward" && words[0] != "proxy" || len(words) < 3 {
				continue
			}
			for _, zone := range zonesOf(b, words[1]) {
				for _, to := range words[2:] {
					u := upstreamAt(zone, to)
					if !slices.Contains(list, u) && len(list) < maxUpstreams {
						list = append(list, u)
					}
				}
			}
		}
	}
	return list
}

// zonesOf are the zones that a forward of a block is for: those of the block, where it
// says "." itself.
func zonesOf(b corefileBlock, from string) []string {
	if from != "." {
		return []string{dial.Clean(strings.TrimSuffix(from, "."), 120)}
	}
	var zones []string
	for _, z := range b.zones {
		z = strings.TrimSuffix(strings.TrimPrefix(z, "dns://"), ",")
		z, _, _ = strings.Cut(z, ":")
		if z = strings.TrimSuffix(z, "."); z == "" {
			z = "."
		}
		zones = append(zones, dial.Clean(z, 120))
	}
	return zones
}

func upstreamAt(zone, to string) upstream {
	u := upstream{Zone: zone}
	plain := strings.TrimPrefix(to, "dns://")
	if addr, err := netip.ParseAddr(plain); err == nil {
		u.Addr = netip.AddrPortFrom(addr.Unmap(), dnsPort)
	} else if at, err := netip.ParseAddrPort(plain); err == nil {
		u.Addr = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	} else {
		u.Other = dial.Clean(to, 120)
	}
	return u
}

// isFile reports whether the servers stand in a file of CoreDNS's own.
func (u upstream) isFile() bool { return strings.HasPrefix(u.Other, "/") }

// stubs are the zones beside "." that are forwarded somewhere, with where to.
func stubs(list []upstream) []string {
	var order []string
	to := map[string][]string{}
	for _, u := range list {
		if u.Zone == "." {
			continue
		}
		if to[u.Zone] == nil {
			order = append(order, u.Zone)
		}
		where := u.Other
		if u.Addr.IsValid() {
			where = serverTarget(u.Addr, dnsPort)
		}
		to[u.Zone] = append(to[u.Zone], where)
	}
	texts := make([]string, 0, len(order))
	for _, zone := range order {
		texts = append(texts, zone+" to "+strings.Join(to[zone], ", "))
	}
	return texts
}

// AtDNS reports whether the vantage point has the way and the resolv.conf that CoreDNS
// has: it is one of its pods, or a node that one of them is on, whose resolv.conf the
// kubelet gives to pods of dnsPolicy Default.
func AtDNS(f *facts.Facts) bool {
	if f.DNS.Service == nil {
		return false
	}
	v := f.Vantage
	return slices.ContainsFunc(f.DNS.Service.Endpoints, func(e facts.Endpoint) bool {
		if v.Kind == facts.VantageNode {
			return v.Node != nil && e.Node == v.Node.Name
		}
		return v.Pod != nil && v.Pod.DNSPolicy == "Default" && e.Pod != nil && *e.Pod == v.Pod.Ref()
	})
}
