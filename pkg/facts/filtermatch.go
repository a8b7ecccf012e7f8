package facts

import (
	"net/netip"
	"slices"
)

// Takes reports whether the rule takes a packet, as far as devices do not matter.
func (m *Match) Takes(p Packet) Truth {
	if m == nil {
		return Unknown
	}
	if m.Protocol != "" && m.Protocol != p.Protocol {
		return No
	}
	for _, at := range []netip.AddrPort{p.Src, p.Dst} {
		if m.Family != "" && (m.Family == "ip") != at.Addr().Unmap().Is4() {
			return No
		}
	}
	for _, end := range []struct {
		prefix string
		ports  Ports
		at     netip.AddrPort
	}{{m.Src, m.SrcPort, p.Src}, {m.Dst, m.DstPort, p.Dst}} {
		if end.prefix != "" {
			if prefix, err := netip.ParsePrefix(end.prefix); err != nil || !prefix.Contains(end.at.Addr().Unmap()) {
				return No
			}
		}
		if port := end.at.Port(); !end.ports.Any() && (port < end.ports.First || port > end.ports.Last) {
			return No
		}
	}
	all := Yes
	for _, c := range m.Demands {
		all = min(all, c.Holds(p))
	}
	if len(m.Others) > 0 {
		all = min(all, Unknown)
	}
	return all
}

// Names reports whether the rule takes a packet, and says so of its own accord: it is
// understood as a whole, and asks for an address or a port of the packet's. One that asks
// for nothing names nobody.
func (m *Match) Names(p Packet) bool { return m.Takes(p) == Yes && m.asks(false) }

// Excludes reports whether the rule takes a packet that it does not name, for it asks for
// all but some: an allow-list.
func (m *Match) Excludes(p Packet) bool { return m.Takes(p) == Yes && !m.asks(false) && m.asks(true) }

// asks reports whether the rule asks for addresses or ports, or for all but some.
func (m *Match) asks(not bool) bool {
	if slices.ContainsFunc(m.Demands, func(d Demand) bool { return d.Not == not && d.asksFor() }) {
		return true
	}
	return !not && (narrows(m.Src) || narrows(m.Dst) || !m.SrcPort.Any() || !m.DstPort.Any())
}

// demands reports whether one of its demands is for some of those.
func (m *Match) demands(of ...string) bool {
	return slices.ContainsFunc(m.Demands, func(d Demand) bool {
		return slices.ContainsFunc(d.Of, func(o string) bool { return slices.Contains(of, o) })
	})
}

// Anyone reports whether the rule asks for no address and no port.
func (m *Match) Anyone() bool {
	return m.Src == "" && m.Dst == "" && m.SrcPort.Any() && m.DstPort.Any() && !slices.ContainsFunc(m.Demands, Demand.asksFor)
}

func narrows(cidr string) bool {
	p, err := netip.ParsePrefix(cidr)
	return err == nil && p.Bits() > 0
}
