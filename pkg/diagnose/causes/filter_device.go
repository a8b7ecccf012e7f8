package causes

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// reach is how surely packets pass the devices that a rule asks for.
type reach int

const (
	astray reach = iota
	perhaps
	onWay
)

// reachOf is whether what goes from one address to another, and back, passes on a node the
// devices that a rule asks for.
func reachOf(c *diagnose.Case, node string, d facts.Drop, src, to netip.Addr) reach {
	if d.Match == nil {
		return onWay
	}
	best := onWay
	for _, device := range []string{d.Match.In, d.Match.Out} {
		if device != "" {
			best = min(best, deviceReach(c, node, d, device, src, to))
		}
	}
	return best
}

func deviceReach(c *diagnose.Case, node string, d facts.Drop, device string, src, to netip.Addr) reach {
	links := devicesAt(c, node)
	if len(links) == 0 {
		return perhaps
	}
	begins, several := strings.CutSuffix(device, "*")
	best := astray
	for _, l := range links {
		if l.Name == device || several && strings.HasPrefix(l.Name, begins) {
			best = max(best, linkReach(c, node, d, links, l, src, to))
		}
	}
	return best
}

func linkReach(c *diagnose.Case, node string, d facts.Drop, links []facts.Link, l facts.Link, src, to netip.Addr) reach {
	tunnelled := slices.ContainsFunc(links, isTunnel)
	switch {
	case underlays(c, node, links, l) || isTunnel(l):
		switch {
		case c.NodeOfAddr(src) == node && c.NodeOfAddr(to) == node:
			return astray // it does not leave the node
		case c.NodeOfAddr(src) == node && c.HostOfAddr(to) == node:
			return perhaps // a node port may be handed to another's pod
		case isTunnel(l), !tunnelled, c.HostOfAddr(to) != "", mayCarry(c, node, d):
			return onWay
		}
		return perhaps // there it is wrapped up, unless the plugin routes between some nodes
	case l.Kind == "veth" || l.Kind == "netkit":
		return portReach(c, node, links, l, src, to)
	case l.Kind == "bridge":
		return bridgeReach(l, src, to)
	case unplaced(c, to), !tunnelled && (l.Kind == "" || l.Kind == "device"), facts.DeviceOf(l.Name) != nil:
		return perhaps // which way is not read here
	}
	return astray
}

// portReach is that of a veth: the vantage pod's is known, another is some pod's on that
// bridge.
func portReach(c *diagnose.Case, node string, links []facts.Link, l facts.Link, src, to netip.Addr) reach {
	if own, found := ownPort(c); found && node == c.Home() && own.Index == l.Index {
		return onWay
	}
	i := slices.IndexFunc(links, func(x facts.Link) bool { return x.Name == l.Master })
	if i >= 0 && links[i].Kind == "bridge" {
		return min(perhaps, bridgeReach(links[i], src, to))
	}
	return perhaps
}

// bridgeReach is that of a bridge: the gateway of either end has its network's address.
func bridgeReach(l facts.Link, ends ...netip.Addr) reach {
	best := perhaps // of one that has no address, pods may be on it
	for _, text := range l.Addrs {
		p, err := netip.ParsePrefix(text)
		switch {
		case err != nil || p.Addr().IsLinkLocalUnicast():
		case slices.ContainsFunc(ends, func(end netip.Addr) bool { return p.Contains(end.Unmap()) }):
			return onWay
		default:
			best = astray
		}
	}
	return best
}

// underlays reports whether a link carries what leaves a node for another: it has an
// address of the node's, a tunnel sends through it, or it is a part or the parent of one
// of those.
func underlays(c *diagnose.Case, node string, links []facts.Link, l facts.Link) bool {
	carries := func(x facts.Link) bool {
		return slices.ContainsFunc(x.Addrs, func(text string) bool {
			p, err := netip.ParsePrefix(text)
			return err == nil && c.HostOfAddr(p.Addr().Unmap()) == node
		}) || slices.ContainsFunc(links, func(t facts.Link) bool { return t.VXLAN != nil && t.VXLAN.Device > 0 && t.VXLAN.Device == x.Index })
	}
	return carries(l) || slices.ContainsFunc(links, func(x facts.Link) bool {
		part := l.Master != "" && l.Kind != "veth" && x.Name == l.Master
		parent := x.Kind == "vlan" && x.PeerNetns < 0 && x.PeerIndex > 0 && x.PeerIndex == l.Index
		return (part || parent) && carries(x)
	})
}

// unplaced reports whether an address is none of the cluster's, as far as is known.
func unplaced(c *diagnose.Case, addr netip.Addr) bool {
	services := slices.Clone(c.Facts.Services)
	for _, s := range []*facts.Service{c.Facts.DNS.Service, c.Facts.API.Service} {
		if s != nil {
			services = append(services, *s)
		}
	}
	return c.NodeOfAddr(addr) == "" && c.HostOfAddr(addr) == "" &&
		!slices.ContainsFunc(services, func(s facts.Service) bool { return slices.Contains(s.ClusterIPs, addr) })
}

func isTunnel(l facts.Link) bool {
	return slices.Contains([]string{"vxlan", "geneve", "ipip", "wireguard", "gre", "sit"}, l.Kind)
}

// devicesAt are all interfaces of a node, none where they were not read.
func devicesAt(c *diagnose.Case, node string) []facts.Link {
	for _, id := range []string{"node.bridge", "node.links"} {
		for _, r := range c.Find(diagnose.Match{Check: id, Vantage: "node/"}) {
			if r.Vantage == "node/"+node && r.Kernel != nil && len(r.Kernel.Links) > 0 {
				return r.Kernel.Links
			}
		}
	}
	return nil
}
