package facts

import (
	"net/netip"
	"slices"
)

// maxEnds is how many addresses are asked about at a node: those in question, not those
// of a cluster.
const maxEnds = 64

// Ends are the addresses between which what is tried goes, the most telling first: those
// in question, the vantage point's, those of targets, of services and what is behind them.
func (f *Facts) Ends() []netip.Addr {
	var list []netip.Addr
	add := func(addrs ...netip.Addr) {
		for _, addr := range addrs {
			if addr = addr.Unmap(); addr.IsValid() && len(list) < maxEnds && !slices.Contains(list, addr) {
				list = append(list, addr)
			}
		}
	}
	add(f.Doubted...)
	add(f.Vantage.IPs()...)
	for _, t := range f.Targets {
		add(t.Addrs...)
	}
	for _, s := range append(slices.Clone(f.Services), f.services()...) {
		add(s.ClusterIPs...)
		for _, e := range s.Endpoints {
			add(e.Addr)
		}
	}
	if f.Vantage.Node != nil {
		add(f.Vantage.Node.IPs...)
	}
	return list
}

// services are those that every cluster has, as far as they are known.
func (f *Facts) services() (list []Service) {
	for _, s := range []*Service{f.DNS.Service, f.API.Service} {
		if s != nil {
			list = append(list, *s)
		}
	}
	return list
}
