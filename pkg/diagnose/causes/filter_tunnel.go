package causes

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// tunnelPorts are the UDP ports that tunnels of a kind receive at, where the interface does
// not tell: the kernel's and flannel's, that of RFC 8926, and those of flannel, Calico and
// Cilium for both families.
var tunnelPorts = map[string][]uint16{"vxlan": {8472, 4789}, "geneve": {6081}, "wireguard": {51820, 51821, 51871}}

// tunnelProtocols are those of IP that tunnels without ports are.
var tunnelProtocols = map[string]string{"ipip": "4", "sit": "41", "gre": "47"}

// firstEphemeral is the least port that a tunnel sends from, unless it has one of its own
// (ip_local_port_range).
const firstEphemeral = 32768

// mayCarry reports whether a rule of a node may ask for the packets in which a tunnel there
// carries ours from one node to another: those of nodes, as the tunnel makes them. None of
// them is forwarded.
func mayCarry(c *diagnose.Case, node string, d facts.Drop) bool {
	if d.Hook == "forward" || !slices.ContainsFunc(tunnelPackets(c, node), func(p facts.Packet) bool { return asksForTunnel(d.Match, p) }) {
		return false
	}
	m := d.Match
	if m == nil {
		return true
	}
	links := devicesAt(c, node)
	for _, device := range []string{m.In, m.Out} {
		begins, several := strings.CutSuffix(device, "*")
		if device != "" && len(links) > 0 && !slices.ContainsFunc(links, func(l facts.Link) bool {
			return (l.Name == device || several && strings.HasPrefix(l.Name, begins)) && underlays(c, node, links, l)
		}) {
			return false
		}
	}
	ofNodes := func(cidr string) bool {
		prefix, err := netip.ParsePrefix(cidr)
		return err != nil || slices.ContainsFunc(c.Facts.Nodes, func(n facts.Node) bool { return slices.ContainsFunc(n.IPs, prefix.Contains) })
	}
	return ofNodes(m.Src) && ofNodes(m.Dst) && !slices.ContainsFunc(m.Demands, func(d facts.Demand) bool {
		return !slices.ContainsFunc(c.Facts.Nodes, func(n facts.Node) bool {
			return slices.ContainsFunc(n.IPs, func(ip netip.Addr) bool { return d.MayBeFor("saddr", ip) && d.MayBeFor("daddr", ip) })
		})
	})
}

// tunnelPackets are what a node's tunnels make, without the addresses; of all kinds where its
// interfaces were not read. Without a port they are sent from any of the ephemeral ones.
func tunnelPackets(c *diagnose.Case, node string) (packets []facts.Packet) {
	links := devicesAt(c, node)
	if len(links) == 0 {
		for kind := range tunnelPorts {
			links = append(links, facts.Link{Kind: kind})
		}
		for kind := range tunnelProtocols {
			links = append(links, facts.Link{Kind: kind})
		}
	}
	for _, l := range links {
		ports := tunnelPorts[l.Kind]
		if l.VXLAN != nil && l.VXLAN.Port > 0 {
			ports = []uint16{uint16(l.VXLAN.Port)}
		}
		for _, port := range ports {
			p := facts.Packet{Protocol: "udp", Dst: netip.AddrPortFrom(netip.Addr{}, port)}
			if l.Kind == "wireguard" {
				p.Src = p.Dst
			}
			packets = append(packets, p)
		}
		if protocol := tunnelProtocols[l.Kind]; protocol != "" {
			packets = append(packets, facts.Packet{Protocol: protocol})
		}
	}
	return packets
}

// asksForTunnel reports whether a rule may ask for a tunnel's packet, as far as addresses do
// not matter.
func asksForTunnel(m *facts.Match, p facts.Packet) bool {
	if m == nil {
		return true
	}
	asks := facts.Match{Protocol: m.Protocol, SrcPort: m.SrcPort, DstPort: m.DstPort, Others: m.Others}
	asks.Demands = slices.DeleteFunc(slices.Clone(m.Demands), func(d facts.Demand) bool {
		return slices.Contains(d.Of, "saddr") || slices.Contains(d.Of, "daddr")
	})
	if p.Protocol == "udp" && p.Src.Port() == 0 { // any of the ephemeral ones
		p.Src = netip.AddrPortFrom(p.Src.Addr(), max(m.SrcPort.First, firstEphemeral))
	}
	return asks.Takes(p) > facts.No
}
