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
