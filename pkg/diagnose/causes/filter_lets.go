package causes

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// packetsOf are what goes from one end of a connection to the other, and back: what opens
// it, until it is open.
func packetsOf(flow facts.Flow, src, to netip.AddrPort) []facts.Packet {
	there := facts.Packet{Protocol: flow.Protocol, Src: src, Dst: to, State: "new", Flags: facts.SYN}
	back := facts.Packet{Protocol: flow.Protocol, Src: to, Dst: src, State: "established", Flags: facts.SYNACK, Answer: true}
	if flow.Found && flow.SeenReply {
		there.State, there.Flags, back.Flags = "established", 0, 0
	}
	if heldHalfOpen(flow) { // the answer is on its way back
		there.State, there.Flags, back.Flags = "established", facts.SYN, facts.SYNACK
	}
	return []facts.Packet{there, back}
}

// mayTake reports whether it is not known that a rule leaves all of a connection's packets
// alone, be they masqueraded by then.
func mayTake(c *diagnose.Case, node string, d facts.Drop, flow facts.Flow) bool {
	src, _, ends, ok := wayOf(c, flow)
	if !ok {
		return false
	}
	packets := make([]facts.Packet, 0, 2*len(ends))
	for _, to := range ends {
		packets = append(packets, packetsOf(flow, src, to)...)
		for _, n := range c.Facts.Nodes {
			for _, ip := range n.IPs {
				if n.Name == c.Home() && node != n.Name && len(d.Match.Demands) > 0 {
					packets = append(packets, packetsOf(flow, netip.AddrPortFrom(ip, src.Port()), to)...)
				}
			}
		}
	}
	return slices.ContainsFunc(packets, func(p facts.Packet) bool {
		return d.Match.Takes(p) > facts.No && !letBy(c, node, d, p) && reachOf(c, node, d, p.Src.Addr(), p.Dst.Addr()) > astray
	})
}

// letBy reports whether a rule before it in its chain lets a packet pass.
func letBy(c *diagnose.Case, node string, d facts.Drop, p facts.Packet) bool {
	return slices.ContainsFunc(d.Lets, func(m facts.Match) bool {
		return m.Takes(p) == facts.Yes && letReach(c, node, d, m, p) == onWay
	})
}

// excluded reports whether a rule takes what opens a connection because it is none of what
// the rule leaves, or of what passes before it; wherever it may be handed to, for such a
// rule fits whatever is not known well. What goes to a ClusterIP, or by a node port, has
// another address by the time that it gets there, and may have it yet before.
func excluded(c *diagnose.Case, node string, d facts.Drop, flow facts.Flow) (to netip.AddrPort, ok bool) {
	src, _, ends, ok := wayOf(c, flow)
	if !ok || d.Hook != "forward" && d.Hook != "input" {
		return to, false
	}
	ends = slices.DeleteFunc(slices.Clone(ends), func(at netip.AddrPort) bool { return translated(c, at) })
	for _, at := range ends {
		p := packetsOf(flow, src, at)[0]
		taken := d.Match.Excludes(p) && !letBy(c, node, d, p) || leaves(c, node, d, p)
		if !taken || reachOf(c, node, d, src.Addr(), at.Addr()) == astray {
			return to, false
		}
	}
	if len(ends) == 0 {
		return to, false
	}
	return ends[0], true
}

// translated reports whether what goes to an address and port goes on to another: a
// service's, by its ClusterIP or by what may be a node port.
func translated(c *diagnose.Case, at netip.AddrPort) bool {
	const first, last = 30000, 32767 // by default
	services := slices.Clone(c.Facts.Services)
	for _, s := range []*facts.Service{c.Facts.DNS.Service, c.Facts.API.Service} {
		if s != nil {
			services = append(services, *s)
		}
	}
	host := c.HostOfAddr(at.Addr()) != ""
	return host && at.Port() >= first && at.Port() <= last || slices.ContainsFunc(services, func(s facts.Service) bool {
		return slices.Contains(s.ClusterIPs, at.Addr()) || host && slices.ContainsFunc(s.Ports, func(p facts.ServicePort) bool { return p.NodePort == at.Port() })
	})
}

// leaves reports whether a policy, or a rule that asks for nothing, takes what opens a
// connection because it is none of what passes before, which is all understood.
func leaves(c *diagnose.Case, node string, d facts.Drop, p facts.Packet) bool {
	if !d.Only || p.Answer || p.State != "new" || d.Match != nil && d.Match.Takes(p) != facts.Yes {
		return false
	}
	if family := ruleFamily(d); family != "" && (family == "ip") != p.Dst.Addr().Unmap().Is4() || !slices.Contains([]string{"ip", "ip6", "inet"}, d.Family) {
		return false
	}
	return len(d.Lets) > 0 && !slices.ContainsFunc(d.Lets, func(m facts.Match) bool {
		return m.Takes(p) > facts.No && letReach(c, node, d, m, p) > astray
	})
}

// letReach is whether a packet passes the devices that a rule before it asks for. By the
// loopback comes only what a node sends to itself.
func letReach(c *diagnose.Case, node string, d facts.Drop, m facts.Match, p facts.Packet) reach {
	if m.In == "lo" && c.HostOfAddr(p.Src.Addr()) != node {
		return astray
	}
	d.Match = &m
	return reachOf(c, node, d, p.Src.Addr(), p.Dst.Addr())
}

// maxLetsTold is how many of those that pass are told.
const maxLetsTold = 4

// asksForIt says why a rule that counts nothing is meant.
func asksForIt(d facts.Drop) string {
	if d.Match != nil && !d.Match.Anyone() || !d.Only {
		return "it counts nothing, but asks for what fails: " + d.Match.String()
	}
	var list []string
	for _, m := range d.Lets[:min(len(d.Lets), maxLetsTold)] {
		list = append(list, m.String())
	}
	if len(d.Lets) > maxLetsTold {
		list = append(list, "and more")
	}
	return "it counts nothing, but takes all that does not pass before it, and of that nothing is what fails: " + strings.Join(list, "; ")
}
