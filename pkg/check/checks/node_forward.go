package checks

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check/dial"
	"github.com/netlook/kubectl-netlook/pkg/facts"
	"github.com/netlook/kubectl-netlook/pkg/netsys"
)

// maxForwards bounds how many other nodes the kernel is asked the way to.
const maxForwards = 256

// ownDevice is the bridge or device that the node's own pod CIDR is routed to, where
// one is, and that route.
func (n nodePeer) ownDevice(cidr netip.Prefix, k facts.Kernel) (facts.Link, facts.Route, bool) {
	for _, r := range k.Routes {
		if r.Type != "unicast" || !r.InMain() || r.Dst != cidr.Masked().String() {
			continue
		}
		if i := slices.IndexFunc(k.Links, func(l facts.Link) bool { return l.Name == r.Dev }); i >= 0 {
			return k.Links[i], r, true
		}
	}
	return facts.Link{}, facts.Route{}, false
}

// forwards asks the kernel what becomes of packets from a pod here to one on each
// other node. The addresses need not be anybody's: the third of each CIDR.
func forwards(p nodeParams, k facts.Kernel) []facts.Forward {
	var list []facts.Forward
	for _, own := range p.Self.PodCIDRs {
		dev, _, ok := p.Self.ownDevice(own, k)
		if !ok {
			continue
		}
		for _, peer := range p.Peers {
			for _, cidr := range peer.PodCIDRs {
				if cidr.Addr().Is4() != own.Addr().Is4() || len(list) == maxForwards {
					continue
				}
				if f, ok := netsys.Forward(podOf(own), podOf(cidr), dev.Index); ok {
					list = append(list, f)
				}
			}
		}
	}
	return list
}

// podOf is an address that a pod could have.
func podOf(cidr netip.Prefix) netip.Addr { return cidr.Masked().Addr().Next().Next() }

// forwarded notes a CIDR that the routing table is right about, while the kernel does
// something else with what pods send there: a rule or another table comes first.
func (d *nodeDifferences) forwarded(peer nodePeer, cidr netip.Prefix, k facts.Kernel) {
	for _, f := range k.Forwards {
		if f.Dst != podOf(cidr).String() {
			continue
		}
		switch {
		case f.Refused != "":
			d.add(peer.Name, "what pods send to %s is refused (%s)%s", cidr, f.Refused, ruleAbout(podOf(cidr), k.Rules))
		case f.Route != nil && !peer.accepts(cidr, *f.Route):
			d.add(peer.Name, "what pods send to %s goes %s by table %d%s, want %s", cidr, routeText(*f.Route), f.Route.Table, ruleAbout(podOf(cidr), k.Rules), peer.wanted(cidr))
		}
	}
}

// refusals are the routes that refuse a part of a pod CIDR which as a whole is routed: one
// pod, as an administrator or a security agent takes it off the network (ip-route(8),
// blackhole, unreachable, prohibit). That is no fault of the node's routes.
func (p nodeParams) refusals(routes []facts.Route) []string {
	var list []string
	for _, r := range routes {
		dst, err := netip.ParsePrefix(r.Dst)
		if err != nil || !r.InMain() || !r.Refuses() {
			continue
		}
		within := func(n nodePeer) bool {
			return slices.ContainsFunc(n.PodCIDRs, func(c netip.Prefix) bool { return c.Contains(dst.Addr()) && dst.Bits() > c.Bits() })
		}
		if len(list) < maxDifferences && (within(p.Self) || slices.ContainsFunc(p.Peers, within)) {
			list = append(list, r.Type+" "+dst.String())
		}
	}
	return list
}

// ruleAbout names the first policy rule of somebody's own that may be the reason.
func ruleAbout(dst netip.Addr, rules []facts.Rule) string {
	for _, r := range rules {
		to, err := netip.ParsePrefix(r.Dst)
		if r.Dst != "" && (err != nil || !to.Contains(dst)) || r.Family != netsys.Family(dst) {
			continue
		}
		if r.Action == "lookup" && r.Table >= 253 && r.Table <= 255 {
			continue // default, main and local
		}
		text := fmt.Sprintf(": ip rule %d", r.Priority)
		for _, part := range []struct{ key, value string }{{"from", r.Src}, {"to", r.Dst}, {"iif", r.Iif}} {
			if part.value != "" {
				text += " " + part.key + " " + dial.Clean(part.value, 64)
			}
		}
		return text + " " + r.Action
	}
	return ""
}

// ownRoute notes that the node has no way to its own pods, where flannel rules and
// pods hang on a bridge without an address: that is their gateway.
func (p nodeParams) ownRoute(d *nodeDifferences, k facts.Kernel, table map[netip.Prefix][]facts.Route) {
	if !p.flannelRoutes() {
		return
	}
	for _, cidr := range p.Self.PodCIDRs {
		if len(table[cidr.Masked()]) > 0 || !p.expects(p.Self, cidr) {
			continue
		}
		for _, b := range k.Links {
			if b.Kind == "bridge" && b.Up && !hasFamily(b, cidr.Addr()) && slices.ContainsFunc(k.Links, func(l facts.Link) bool {
				return l.Kind == "veth" && l.Up && l.Master == b.Name
			}) {
				d.add(p.Self.Name, "no route to the node's own pods in %s: bridge %s has no address of it", cidr, dial.Clean(b.Name, 32))
			}
		}
	}
}

// hasFamily reports whether a link has a global address of the family of addr.
func hasFamily(l facts.Link, addr netip.Addr) bool {
	return slices.ContainsFunc(l.Addrs, func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err == nil && p.Addr().Is4() == addr.Is4() && !p.Addr().IsLinkLocalUnicast()
	})
}
