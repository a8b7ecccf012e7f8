package causes

import (
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// wayOf is where a connection comes from and was to go, and where it may really be going:
// what was sent to a service may have been handed to any of its endpoints by then, unless
// it was seen to which.
func wayOf(c *diagnose.Case, flow facts.Flow) (src, dst netip.AddrPort, ends []netip.AddrPort, ok bool) {
	src, err := netip.ParseAddrPort(flow.Orig.Src)
	dst, dstErr := netip.ParseAddrPort(flow.Orig.Dst)
	if err != nil || dstErr != nil {
		return src, dst, nil, false
	}
	dst = netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port())
	if to := flow.SentTo(); flow.Found && to.IsValid() {
		return src, dst, []netip.AddrPort{netip.AddrPortFrom(to.Addr().Unmap(), to.Port()), dst}, true
	}
	return src, dst, append(backends(c, dst), dst), true
}

// stoppedFlows are the connections that a node did not send on, to some of where those go.
func stoppedFlows(c *diagnose.Case, node string, stopped []netip.AddrPort) []facts.Flow {
	return slices.DeleteFunc(flowsAt(c, node), func(flow facts.Flow) bool {
		_, dst, _, ok := wayOf(c, flow)
		return !ok || flow.Found && flow.State != "SYN_RECV" || !slices.Contains(stopped, dst)
	})
}

// namedBy keeps of where connections came to an end on a node those that a rule names: it
// asks for an address or a port of theirs, in either direction, is fully understood, and
// for no device that is not on the way. ends are where they were really going.
func namedBy(c *diagnose.Case, node string, d facts.Drop, stopped []netip.AddrPort) (named, ends []netip.AddrPort) {
	for _, flow := range stoppedFlows(c, node, stopped) {
		if dst, end, ok := names(c, node, d, flow); ok {
			named, ends = append(named, dst), append(ends, end)
		}
	}
	return named, ends
}

func names(c *diagnose.Case, node string, d facts.Drop, flow facts.Flow) (dst, end netip.AddrPort, ok bool) {
	src, dst, ends, ok := wayOf(c, flow)
	if !ok || d.Hook == "" {
		return dst, dst, false
	}
	for _, to := range ends {
		for _, p := range packetsOf(flow, src, to) {
			if d.Match.Names(p) && !letBy(c, node, d, p) && reachOf(c, node, d, src.Addr(), to.Addr()) > astray {
				return dst, to, true
			}
		}
	}
	to, ok := excluded(c, node, d, flow)
	return dst, to, ok
}

// meantBy keeps of where connections came to an end on a node those that are of a rule's
// protocol and may pass the devices that it asks for, all where none does, with how
// surely they do.
func meantBy(c *diagnose.Case, node string, d facts.Drop, stopped []netip.AddrPort) ([]netip.AddrPort, reach) {
	flows := stoppedFlows(c, node, stopped)
	if len(flows) == 0 && d.Match == nil {
		return stopped, onWay
	}
	var meant []netip.AddrPort
	best := astray
	for _, flow := range flows {
		if _, dst, _, _ := wayOf(c, flow); kindFits(c, node, d, flow) {
			if r := flowReach(c, node, d, flow); r > astray {
				meant, best = append(meant, dst), max(best, r)
			}
		}
	}
	if len(meant) == 0 {
		return stopped, best
	}
	return meant, best
}

func flowReach(c *diagnose.Case, node string, d facts.Drop, flow facts.Flow) reach {
	src, _, ends, _ := wayOf(c, flow)
	best := astray
	for _, to := range ends {
		best = max(best, reachOf(c, node, d, src.Addr(), to.Addr()))
	}
	return best
}

// kindFits reports whether a rule may ask for packets of a connection's family and protocol,
// or for those of the tunnel that carries it from another node.
func kindFits(c *diagnose.Case, node string, d facts.Drop, flow facts.Flow) bool {
	if node != c.Home() && mayCarry(c, node, d) && mayBe(c, node, ruleFamily(d)) {
		return true
	}
	to, err := netip.ParseAddrPort(flow.Orig.Dst)
	if family := ruleFamily(d); err == nil && family != "" && (family == "ip") != to.Addr().Unmap().Is4() {
		return false
	}
	return d.Match == nil || d.Match.Protocol == "" || d.Match.Protocol == flow.Protocol
}

// ruleFamily is the one family that a rule is for, ip or ip6, "" for both.
func ruleFamily(d facts.Drop) string {
	if d.Family == "ip" || d.Family == "ip6" {
		return d.Family
	}
	if d.Match != nil {
		return d.Match.Family
	}
	return ""
}

// mayBe reports whether a node's own packets, a tunnel's among them, may be of a family.
func mayBe(c *diagnose.Case, node, family string) bool {
	for _, n := range c.Facts.Nodes {
		if n.Name == node && family != "" && len(n.IPs) > 0 {
			return slices.ContainsFunc(n.IPs, func(ip netip.Addr) bool { return ip.Is4() == (family == "ip") })
		}
	}
	return true
}

// answersNamedBy are where connections were sent to whose answers came to an end on a node,
// and which a rule there asks for as the sender; the answers fit all of it that is
// understood.
func answersNamedBy(c *diagnose.Case, node string, d facts.Drop) []netip.AddrPort {
	if d.Match == nil || d.Match.Src == "" {
		return nil
	}
	from, err := netip.ParsePrefix(d.Match.Src)
	if err != nil || !from.IsSingleIP() {
		return nil
	}
	understood := *d.Match
	understood.Others = nil
	var list []netip.AddrPort
	for _, flow := range flowsAt(c, node) {
		src, dst, _, ok := wayOf(c, flow)
		if ok && heldHalfOpen(flow) && understood.Names(packetsOf(flow, src, dst)[1]) && reachOf(c, node, d, src.Addr(), dst.Addr()) > astray {
			list = append(list, dst)
		}
	}
	return list
}

// forOthers reports whether a rule that names none of our connections asks for addresses,
// ports or a protocol of somebody else, so that what it dropped meanwhile was not ours.
func forOthers(c *diagnose.Case, node string, d facts.Drop, stopped []netip.AddrPort, flows []facts.Flow) bool {
	m := d.Match
	if len(flows) > 0 && !slices.ContainsFunc(flows, func(flow facts.Flow) bool { return kindFits(c, node, d, flow) }) {
		return true // whatever else it asks for
	}
	if m == nil {
		return false
	}
	if len(m.Others) > 0 || m.Anyone() || slices.ContainsFunc(flows, func(flow facts.Flow) bool { return mayTake(c, node, d, flow) }) {
		return false
	}
	for _, at := range stopped {
		if c.NodeOfAddr(at.Addr()) == "" && len(backends(c, at)) == 0 {
			return false // it may have been translated into anything by then
		}
	}
	return node == c.Home() || !mayCarry(c, node, d)
}
