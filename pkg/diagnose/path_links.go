package diagnose

import (
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// nodeLinks are the interfaces of a node, nil where it was not asked.
type nodeLinks []facts.Link

func (c *Case) linksOf(node string) nodeLinks {
	for _, r := range c.Results {
		if r.Check == "node.bridge" && r.Vantage == "node/"+node && r.Kernel != nil {
			return r.Kernel.Links
		}
	}
	return nil
}

func (l nodeLinks) by(fits func(facts.Link) bool) *facts.Link {
	if i := slices.IndexFunc(l, fits); i >= 0 {
		return &l[i]
	}
	return nil
}

func (l nodeLinks) named(name string) *facts.Link {
	return l.by(func(x facts.Link) bool { return x.Name == name })
}

// tunnel is the node's tunnel device: the one of a known plugin, else the only one.
func (l nodeLinks) tunnel() *facts.Link {
	var all []*facts.Link
	for i := range l {
		switch l[i].Kind {
		case "vxlan", "geneve", "ipip", "wireguard", "gre", "sit":
			if facts.DeviceOf(l[i].Name) != nil {
				return &l[i]
			}
			all = append(all, &l[i])
		}
	}
	if len(all) != 1 {
		return nil
	}
	return all[0]
}

// underlay is the interface that carries the tunnel, or has one of the node's addresses.
func (l nodeLinks) underlay(tunnel *facts.Link, ips []netip.Addr) *facts.Link {
	return l.by(func(x facts.Link) bool {
		if tunnel != nil && tunnel.VXLAN != nil && tunnel.VXLAN.Device != 0 {
			return x.Index == tunnel.VXLAN.Device
		}
		return hasAddr(x, ips...)
	})
}

func hasAddr(l facts.Link, ips ...netip.Addr) bool {
	return slices.ContainsFunc(l.Addrs, func(text string) bool {
		p, err := netip.ParsePrefix(text)
		return err == nil && slices.Contains(ips, p.Addr().Unmap())
	})
}

// bridgeOf is the bridge that a veth is a port of, else the one that is the gateway of an
// address: a detached veth has none of its own.
func (l nodeLinks) bridgeOf(veth *facts.Link, addr netip.Addr) *facts.Link {
	if veth != nil && veth.Master != "" {
		return l.named(veth.Master)
	}
	return l.by(func(x facts.Link) bool {
		return x.Kind == "bridge" && slices.ContainsFunc(x.Addrs, func(text string) bool {
			p, err := netip.ParsePrefix(text)
			return err == nil && p.Contains(addr)
		})
	})
}
