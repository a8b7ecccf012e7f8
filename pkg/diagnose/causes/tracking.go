package causes

import (
	"net/netip"

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
	for _, r := range c.Find(diagnose.Match{Check: "node.", Vantage: "node/"}) {
		if r.Vantage != "node/"+node || r.Kernel == nil {
			continue
		}
		if r.Check == "node.conntrack" && r.Kernel.Conntrack != nil {
			used = r.Kernel.Conntrack.Count > 0
		}
		for _, l := range r.Kernel.Links {
			if facts.TracksPast(l.Name) != nil {
				return false
			}
		}
	}
	return used && controlsFound(c, c.Home())
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
