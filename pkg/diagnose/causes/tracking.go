package causes

import (
	"net/netip"
	"slices"

	"github.com/netlook/kubectl-netlook/pkg/check"
	"github.com/netlook/kubectl-netlook/pkg/diagnose"
	"github.com/netlook/kubectl-netlook/pkg/facts"
)

// tracksConnections reports whether pods' connections are to be found in a node's
// connection tracking, so that the lack of one means something: the table is in use,
// nothing is there that sends packets past it, and of our connections that were answered
// those that were looked up are in it.
func tracksConnections(c *diagnose.Case, node string) bool {
	used := false
	for _, r := range c.Find(diagnose.Match{Check: "node.conntrack", Vantage: "node/"}) {
		if r.Vantage == "node/"+node && r.Kernel != nil && r.Kernel.Conntrack != nil {
			used = r.Kernel.Conntrack.Count > 0
		}
	}
	return used && !tracksPast(c, node) && controlsFound(c, c.Home())
}

// tracksPast reports whether a network plugin leads pods' packets past a node's connection
// tracking. What that lacks, and what it calls invalid because it sees one direction
// only, then means nothing.
func tracksPast(c *diagnose.Case, node string) bool {
	for _, r := range c.Find(diagnose.Match{Check: "node.", Vantage: "node/"}) {
		if r.Vantage == "node/"+node && r.Kernel != nil && slices.ContainsFunc(r.Kernel.Links, func(l facts.Link) bool { return facts.TracksPast(l.Name) != nil }) {
			return true
		}
	}
	return false
}

// ipvsDevice holds all ClusterIPs where kube-proxy uses IPVS, which tracks connections to them.
const ipvsDevice = "kube-ipvs0"

// exempt reports whether what goes to an address may be exempt from a node's connection
// tracking: one that an interface of the node holds, and that is not the node's by the API, or
// one of the link alone. The NodeLocal DNSCache listens so on 169.254.20.10 and on the
// ClusterIP of kube-dns, and has rules with NOTRACK for both.
func exempt(c *diagnose.Case, node string, addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.IsLinkLocalUnicast() {
		return true
	}
	return c.HostOfAddr(addr) == "" && slices.ContainsFunc(devicesAt(c, node), func(l facts.Link) bool {
		return l.Name != ipvsDevice && slices.ContainsFunc(l.Addrs, func(text string) bool {
			p, err := netip.ParsePrefix(text)
			return err == nil && p.Addr().Unmap() == addr
		})
	})
}

// controlsFound reports whether connections that were answered are in a node's table,
// true when none was looked up there.
func controlsFound(c *diagnose.Case, node string) bool {
	passed := map[netip.AddrPort]bool{}
	for _, r := range c.Find(diagnose.Match{Vantage: c.Facts.Vantage.String(), Status: []check.Status{check.Pass}}) {
		if at, _, ok := diagnose.TargetPort(r); ok {
			passed[netip.AddrPortFrom(at.Addr().Unmap(), at.Port())] = true
		}
	}
	asked := false
	for _, flow := range flowsAt(c, node) {
		if flow.Found {
			return true
		}
		dst, err := netip.ParseAddrPort(flow.Orig.Dst)
		asked = asked || err == nil && passed[netip.AddrPortFrom(dst.Addr().Unmap(), dst.Port())]
	}
	return !asked
}
